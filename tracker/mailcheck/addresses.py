"""Which of a mail's images is our pixel, and what became of its URL on the way into the mail."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote, urlsplit

from tracker.mailcheck.images import Image
from tracker.sentences import said

# Editors turn straight quotes into these, which quote nothing in HTML.
CURLY = "“”„‟‘’‚«»″"
ADDRESS = re.compile(r"(?:(https?):)?//([^/?#\\\s]*)([^?#]*)(\?[^#]*)?(#.*)?", re.I | re.S)
REST = re.compile(r"([\w-]*)(\.gif)?(.*)", re.S | re.ASCII)
NOISE = re.compile(r"\s|=(?:3D)?|%(?:0A|0D|20)|&[#\w]{1,10};|[\u200b\u00ad\ufeff]", re.I)
# Where a lazy loader or an editor keeps an image's address; no mail client looks there.
OTHER_ATTRIBUTES = ("data-src", "data-original", "data-lazy-src", "srcset", "data-srcset", "data")
MOST_URL = 8_192
TOKEN = re.compile(r"/o/([\w-]{24})(?![\w-])", re.ASCII)
LOCAL_SUFFIXES = (
    *(".localhost", ".local", ".localdomain", ".test", ".invalid", ".example", ".internal"),
    *(".intranet", ".private", ".corp", ".home", ".lan", ".home.arpa"),
)

ReadToken = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class Pixel:
    """An image that is ours, or was meant to be; ``url`` as clients read it."""

    image: Image
    url: str
    pixel_id: int | None
    scheme: str = ""
    host: str = ""
    flaws: tuple[str, ...] = ()
    proxy: str = ""  # the host that its URL is wrapped in
    query: str = ""


@dataclass(frozen=True, slots=True)
class Public:
    """PUBLIC_URL, taken apart."""

    scheme: str
    host: str  # with its port, lower case
    name: str  # without
    path: str  # before each token

    @classmethod
    def of(cls, url: str) -> Public:
        parts = urlsplit(url)
        path = f"{parts.path.rstrip('/')}/o/"
        return cls(parts.scheme, parts.netloc.lower(), (parts.hostname or "").lower(), path)

    @property
    def prefix(self) -> str:
        return f"{self.host}{self.path}"


def pixel_of(image: Image, public: Public, read_token: ReadToken) -> Pixel | None:
    """None for an image that has nothing to do with us."""
    source = image.source[:MOST_URL]
    stripped = source.strip().strip(CURLY)
    flaws = ["curly-quotes"] if stripped != source.strip() else []
    if stripped.startswith('3D"'):
        stripped, flaws = stripped[3:].rstrip('"'), [*flaws, "still-encoded"]
    compact = re.sub(r"[\t\r\n]", "", stripped)
    if compact != stripped:
        flaws.append("folded")
    if not image.tag.is_whole:
        flaws.append("unclosed")
    found = (
        _direct(compact, public, read_token)
        or _without_scheme(compact, public, read_token)
        or _wrapped(compact, public, read_token)
    )
    if found is None:
        return _elsewhere(image, public, read_token)
    return Pixel(
        image,
        compact,
        found.pixel_id,
        found.scheme,
        found.host,
        (*flaws, *found.flaws),
        found.proxy,
        found.query,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    pixel_id: int | None
    scheme: str
    host: str
    flaws: tuple[str, ...] = ()
    proxy: str = ""
    query: str = ""


def _direct(url: str, public: Public, read_token: ReadToken) -> _Found | None:
    address = ADDRESS.fullmatch(url)
    if address is None:
        return None
    scheme, host, path, query = (
        (address[1] or "").lower(),
        address[2].rpartition("@")[2].lower(),
        address[3],
        address[4] or "",
    )
    if _is_host(host, scheme, public) and path.startswith(public.path):
        pixel_id, flaws = _read(path.removeprefix(public.path), read_token)
        if not scheme:
            flaws = ("no-scheme", *flaws)
        return _Found(pixel_id, scheme, host, flaws, query=query)
    token = TOKEN.search(path)
    pixel_id = read_token(token[1]) if token else None
    if token is None or pixel_id is None:
        return None
    is_named = path.endswith(f"{token[1]}.gif")
    return _Found(
        pixel_id,
        scheme,
        host,
        ("other-host",) if is_named else ("other-host", "no-gif"),
        query=query,
    )


def _is_host(host: str, scheme: str, public: Public) -> bool:
    """With or without the port that the scheme implies."""
    default = {"http": ":80", "https": ":443"}
    plain = host.removesuffix(default.get(scheme, "\0"))
    return plain == public.host.removesuffix(default.get(public.scheme, "\0"))


def _read(rest: str, read_token: ReadToken) -> tuple[int | None, tuple[str, ...]]:
    parts = REST.fullmatch(rest)
    assert parts is not None  # it matches everything
    token, gif, more = parts[1], parts[2], parts[3]
    pixel_id = read_token(token)
    if pixel_id is not None:
        if not gif:
            return pixel_id, ("no-gif",)
        return pixel_id, ("stray",) if more else ()
    # Perhaps whole once more without what slipped in.
    cleaned = REST.fullmatch(NOISE.sub("", unescape(unquote(rest))))
    assert cleaned is not None
    repaired = read_token(cleaned[1])
    if repaired is not None:
        return repaired, ("broken",)
    return None, (_why_unreadable(token, more),)


def _why_unreadable(token: str, more: str) -> str:
    if not token and not more:
        return "no-token"
    if len(token) < 24 and not more:
        return "cut"
    if token == token.lower() and re.search(r"[a-z]", token):
        return "lower-case"
    return "forged"


def _without_scheme(url: str, public: Public, read_token: ReadToken) -> _Found | None:
    for prefix in (public.prefix, public.path, public.path.lstrip("/")):
        if url.lower().startswith(prefix.lower()):
            pixel_id, _ = _read(url[len(prefix) :].partition("?")[0], read_token)
            if pixel_id is not None or prefix == public.prefix:
                return _Found(pixel_id, "", public.host, ("no-scheme",))
    return None


def _wrapped(url: str, public: Public, read_token: ReadToken) -> _Found | None:
    """Our URL inside another one, as image proxies and link trackers of sending tools make it."""
    decoded = url
    for _ in range(3):
        position = decoded.lower().find(public.prefix)
        if position > 0:
            rest = re.split(r"[?#&]", decoded[position + len(public.prefix) :], maxsplit=1)[0]
            pixel_id, _flaws = _read(rest, read_token)
            outer = ADDRESS.match(url)
            return _Found(
                pixel_id, "", public.host, proxy=outer[2] if outer else said("another address")
            )
        again = unquote(decoded)
        if again == decoded:
            return None
        decoded = again
    return None


def _elsewhere(image: Image, public: Public, read_token: ReadToken) -> Pixel | None:
    for name in OTHER_ATTRIBUTES:
        value = (image.tag.value(name) or "").strip()[:MOST_URL]
        position = value.lower().find(public.prefix)
        if position >= 0:
            rest = re.split(r"[?#,\s]", value[position + len(public.prefix) :], maxsplit=1)[0]
            return Pixel(image, value, _read(rest, read_token)[0], flaws=("not-in-src",))
    return None


def mentions(text: str, public: Public) -> Iterator[re.Match[str]]:
    """Wherever our pixels' address stands in the source, however its slashes are written."""
    slash = r"(?:/|%2F|&#47;|&#x2F;|&sol;|\\/)"
    written = slash.join(re.escape(piece) for piece in public.prefix.split("/"))
    return re.finditer(written, text, re.IGNORECASE)


def why_unreachable(host: str) -> str | None:
    """Why no mail client elsewhere can reach this host, in words; none if it may."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return _why_name_is_local(name)
    if address.is_loopback:
        return said("is this machine itself")
    return None if address.is_global else said("is an address inside a private network")


def _why_name_is_local(name: str) -> str | None:
    if name == "localhost" or name.endswith(".localhost"):
        return said("is this machine itself")
    if "." not in name:
        return said("is a name without a domain, which only your own network knows")
    if name.endswith(LOCAL_SUFFIXES):
        return said("is a name that exists inside a private network only")
    return None
