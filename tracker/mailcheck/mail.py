"""From a file's bytes to the HTML parts that a mail client would show, decoded.

The structure is read with the email package's older policy: the newer one parses every header by
its grammar, and on malformed ones it raises or takes quadratic time. Bodies are decoded here, so
that what is broken in them can be said instead of being passed over.
"""

from __future__ import annotations

import binascii
import codecs
import quopri
import re
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message
from email.utils import getaddresses

from tracker.mailcheck.findings import Finding, Level, Source
from tracker.sentences import said

MOST_BYTES = 5 * 2**20
# Declared containers (multipart/…, message/…): a mail has a handful, a bomb has thousands, and
# each would be a level of recursion for the parser.
MOST_CONTAINERS = 60
MOST_PARTS = 1_000
# What begins like this is no text: the first bytes, and what such a file is.
OTHER_FILES = (
    (b"\xd0\xcf\x11\xe0", said("an Outlook message (.msg) or an old Office document")),
    (b"PK\x03\x04", said("a ZIP archive or an Office document")),
    (b"%PDF", said("a PDF document")),
    (b"\x89PNG", said("an image")),
    (b"\xff\xd8\xff", said("an image")),
    (b"GIF8", said("an image")),
    (b"\x1f\x8b", said("a compressed file")),
)
HEADER_LINE = re.compile(rb"[!-9;-~]{1,80}:")
# At least one of these stands in every mail.
MAIL_HEADERS = re.compile(
    rb"^(from|to|subject|date|received|return-path|mime-version|content-type|message-id|"
    rb"delivered-to|x-[a-z-]{1,40}):",
    re.IGNORECASE | re.MULTILINE,
)
ADDRESS = re.compile(r"[^@\s{}\[\]|%$<>]{1,64}@[^@\s{}\[\]|%$<>]{1,253}")
BLANK_LINE = re.compile(rb"\r?\n[ \t]*\r?\n")
META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w:.-]{1,40})", re.IGNORECASE)
# Codecs that are no character sets of mails; some of them take quadratic time.
NO_CHARSETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"}
NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


class UnreadableMailError(Exception):
    """The bytes are no mail and no HTML; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class HtmlPart:
    """``is_shown`` is false for all but the last of several alternatives."""

    source: Source
    is_shown: bool = True


@dataclass(slots=True)
class Mail:
    parts: list[HtmlPart] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    has_plain_text: bool = False
    is_message: bool = False
    # One reader's copy, as it was sent to them.
    is_to_one: bool = False


@dataclass(slots=True)
class _Leaves:
    """What was met on the walk through a message's parts."""

    html: list[tuple[Message, bool, bool]] = field(default_factory=list)  # shown, forwarded
    types: set[str] = field(default_factory=set)
    seen: int = 0


def read_mail(content: bytes) -> Mail:
    """Raises UnreadableMailError, and nothing else, whatever the bytes are."""
    if len(content) > MOST_BYTES:
        raise UnreadableMailError(
            said(
                "This is larger than %(most)s MB. Save the mail without its attachments, or check "
                "its HTML alone.",
                most=MOST_BYTES // 2**20,
            )
        )
    if not content.strip(b" \t\r\n\x00"):
        raise UnreadableMailError(said("This is empty: paste the mail’s HTML or choose its file."))
    for beginning, kind in OTHER_FILES:
        if content.startswith(beginning):
            raise UnreadableMailError(
                said(
                    "This is %(kind)s, not HTML and not a saved mail. Save the mail as .eml or as "
                    "HTML and check that.",
                    kind=kind,
                )
            )
    return _read_message(content) if is_message(content) else _read_html(content)


def is_message(content: bytes) -> bool:
    """Whether it begins with a mail's headers."""
    head = content.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")[:65_536]
    # Mailboxes put such a line in front of each mail.
    if head.startswith((b"From ", b">From ")):
        head = head.partition(b"\n")[2]
    if not HEADER_LINE.match(head):
        return False
    ends = BLANK_LINE.search(head)
    return MAIL_HEADERS.search(head[: ends.start()] if ends else head) is not None


def _read_html(content: bytes) -> Mail:
    mail = Mail()
    text = _decode_html(content, mail.findings)
    if "<" not in text:
        mail.has_plain_text = True
        return mail
    mail.parts.append(HtmlPart(Source(text)))
    return mail


def _decode_html(content: bytes, findings: list[Finding]) -> str:
    for mark, charset in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return content.decode(charset, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        declared = META_CHARSET.search(content[:8_192])
        charset = declared[1].decode("ascii") if declared else "windows-1252"
        return _decode_text(content, charset, "HTML", findings)


def _read_message(content: bytes) -> Mail:
    lower = content.lower()
    if lower.count(b"multipart/") + lower.count(b"message/") > MOST_CONTAINERS:
        raise UnreadableMailError(
            said(
                "This mail holds mails within mails, more than any client would open. Save the one "
                "that you send as .eml and check that."
            )
        )
    text = content.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
    try:
        message = message_from_bytes(text, policy=policy.compat32)
        leaves = _Leaves()
        _walk(message, leaves, is_shown=True, is_forwarded=False)
    # The parser recurses, and it raises what it likes on malformed headers.
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnreadableMailError(
            said(
                "This begins like a mail, but its parts cannot be told apart. Save the mail as "
                ".eml once more, or check its HTML alone."
            )
        ) from error
    mail = Mail(
        is_message=True,
        has_plain_text="text/plain" in leaves.types,
        is_to_one=len(addressees(message)) == 1,
    )
    _add_parts(mail, leaves)
    _add_notes(mail, leaves)
    return mail


def addressees(message: Message) -> list[str]:
    """Those who are named openly; a tool's template has a merge tag there, or nothing."""
    named = [str(line)[:10_000] for line in message.get_all("to", []) + message.get_all("cc", [])]
    return [address for _, address in getaddresses(named) if ADDRESS.fullmatch(address)]


def _walk(message: Message, leaves: _Leaves, *, is_shown: bool, is_forwarded: bool) -> None:
    leaves.seen += 1
    if leaves.seen > MOST_PARTS:
        raise UnreadableMailError(
            said("This mail has more than a thousand parts. Check its HTML alone.")
        )
    kind = message.get_content_type()
    children = _children(message)
    if not children:
        # A message in an attachment is looked into, an HTML file in one is not.
        if message.get_content_disposition() != "attachment":
            leaves.types.add(kind)
            if kind == "text/html":
                leaves.html.append((message, is_shown, is_forwarded))
        return
    is_forwarded = is_forwarded or kind == "message/rfc822"
    last_html = _last_with_html(children) if kind == "multipart/alternative" else None
    for child in children:
        is_chosen = last_html is None or child is last_html
        _walk(child, leaves, is_shown=is_shown and is_chosen, is_forwarded=is_forwarded)


def _children(message: Message) -> list[Message]:
    # Asked for its payload, a part without children would decode it, in whatever it says.
    payload = message.get_payload() if message.is_multipart() else None
    if not isinstance(payload, list):
        return []
    return [child for child in payload if isinstance(child, Message)]


def _last_with_html(alternatives: list[Message]) -> Message | None:
    """Clients show the last alternative that they understand."""
    for alternative in reversed(alternatives):
        if any(part.get_content_type() == "text/html" for part in alternative.walk()):
            return alternative
    return None


def _add_parts(mail: Mail, leaves: _Leaves) -> None:
    own = [
        (message, is_shown) for message, is_shown, is_forwarded in leaves.html if not is_forwarded
    ]
    chosen = own or [(message, is_shown) for message, is_shown, _ in leaves.html]
    for number, (message, is_shown) in enumerate(chosen, start=1):
        name = (
            "HTML"
            if len(chosen) == 1
            else said("HTML part %(number)s of %(count)s", number=number, count=len(chosen))
        )
        text = _decoded(message, name, mail.findings)
        mail.parts.append(HtmlPart(Source(text, name), is_shown))
    if chosen and not own:
        mail.findings.append(
            Finding(
                "forwarded",
                Level.WARNING,
                said(
                    "The mail itself has no HTML, so the mail that is attached to it was checked."
                ),
                said("Save the mail that you send as .eml, not a forward of it."),
            )
        )
    if len(chosen) > 1:
        mail.findings.append(
            Finding(
                "several-html-parts",
                Level.WARNING,
                said(
                    "The mail has %(chosen)s HTML parts: clients show one of them, or all.",
                    chosen=len(chosen),
                ),
                said(
                    "Send one HTML part with the pixel in it. Attached signatures and footers of a "
                    "mail server often add another."
                ),
            )
        )


def _add_notes(mail: Mail, leaves: _Leaves) -> None:
    if "text/x-amp-html" in leaves.types:
        mail.findings.append(
            Finding(
                "amp",
                Level.WARNING,
                said(
                    "The mail has an AMP version, which Gmail and Yahoo show instead of the HTML."
                ),
                said(
                    "Whoever reads the AMP version loads no pixel from the HTML: leave it out, or "
                    "expect fewer opens from these providers."
                ),
            )
        )
    encrypted = {"application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"}
    if leaves.types & encrypted and not mail.parts:
        raise UnreadableMailError(
            said(
                "This mail is encrypted or signed as a whole, so nobody but its reader can look "
                "inside. Check its HTML before it is encrypted."
            )
        )


def _decoded(message: Message, name: str, findings: list[Finding]) -> str:
    encoding = str(message.get("Content-Transfer-Encoding", "")).strip().lower()
    # Without the header the payload comes as the bytes that stood in the file.
    del message["Content-Transfer-Encoding"]
    payload = message.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    content = _without_encoding(raw, encoding, name, findings)
    charset = message.get_content_charset()
    if charset is None:
        return _decode_html(content, findings)
    return _decode_text(content, charset, name, findings)


def _without_encoding(raw: bytes, encoding: str, name: str, findings: list[Finding]) -> bytes:
    if encoding == "quoted-printable":
        return quopri.decodestring(raw)
    if encoding == "base64":
        return _from_base64(raw, name, findings)
    if encoding not in ("", "7bit", "8bit", "binary"):
        findings.append(
            Finding(
                "unknown-encoding",
                Level.WARNING,
                said(
                    "%(name)s: the mail says that it is encoded as “%(encoding)s”, which no client "
                    "has to know.",
                    name=name,
                    encoding=encoding[:40],
                ),
                said("Have the sending tool use quoted-printable or base64."),
            )
        )
    return raw


def _from_base64(raw: bytes, name: str, findings: list[Finding]) -> bytes:
    letters = NOT_BASE64.sub(b"", raw)
    whole = len(letters) - (1 if len(letters) % 4 == 1 else 0)
    if whole != len(letters):
        findings.append(
            Finding(
                "cut-base64",
                Level.FAULT,
                said(
                    "%(name)s: its base64 text is cut off, so the end of the mail is missing.",
                    name=name,
                ),
                said("Save the mail once more; if it stays like this, the sending tool cut it."),
            )
        )
    return binascii.a2b_base64(letters[:whole] + b"=" * (-whole % 4))


def _decode_text(content: bytes, charset: str, name: str, findings: list[Finding]) -> str:
    known = _codec(charset)
    text = content.decode(known or "utf-8", "replace")
    if known is None:
        findings.append(
            Finding(
                "unknown-charset",
                Level.WARNING,
                said(
                    "%(name)s: the character set “%(charset)s” is unknown; it was read as UTF-8.",
                    name=name,
                    charset=charset[:40],
                ),
                said("Have the sending tool use UTF-8."),
            )
        )
    elif "\ufffd" in text:
        findings.append(
            Finding(
                "wrong-charset",
                Level.WARNING,
                said(
                    "%(name)s: some letters do not belong to the character set “%(known)s” that "
                    "the mail names, so readers see odd signs.",
                    name=name,
                    known=known,
                ),
                said("Have the sending tool use UTF-8 throughout."),
            )
        )
    return text


def _codec(charset: str) -> str | None:
    """The name of a character set that a mail may have."""
    try:
        name = codecs.lookup(charset).name
        "".encode(name)  # refuses what is no text encoding, such as a compression
    except (LookupError, ValueError, TypeError):
        return None
    return None if name.replace("-", "_") in NO_CHARSETS else name
