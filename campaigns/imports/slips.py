"""Domains that are mistyped well-known ones: offered to a person, never changed unasked."""

from __future__ import annotations

WELL_KNOWN = (
    *("gmail.com", "googlemail.com", "hotmail.com", "hotmail.co.uk", "hotmail.fr", "hotmail.de"),
    *("outlook.com", "outlook.de", "live.com", "live.co.uk", "msn.com", "yahoo.com", "yahoo.fr"),
    *("yahoo.co.uk", "yahoo.de", "ymail.com", "icloud.com", "me.com", "mac.com", "aol.com"),
    *("gmx.de", "gmx.net", "gmx.at", "gmx.ch", "web.de", "t-online.de", "freenet.de", "posteo.de"),
    *("mailbox.org", "protonmail.com", "proton.me", "fastmail.com", "orange.fr", "wanadoo.fr"),
    *("free.fr", "laposte.net", "sfr.fr", "libero.it", "btinternet.com", "comcast.net"),
    *("verizon.net", "bluewin.ch", "zoho.com", "yandex.ru", "mail.ru"),
)
_KNOWN = frozenset(WELL_KNOWN)
# Domains of their own, although they look like slips of others.
_REAL = frozenset(
    [
        *("mail.com", "email.com", "gmx.com", "hotmail.it", "hotmail.es", "hotmail.be"),
        *("outlook.fr", "outlook.es", "outlook.it", "outlook.at", "live.fr", "live.de", "live.nl"),
        *("live.it", "yahoo.it", "yahoo.es", "yahoo.ca", "yahoo.in", "yahoo.com.br", "yahoo.co.in"),
        *("aim.com", "ml.com", "web.com", "web.dk", "free.de", "free.com", "orange.com", "sfr.com"),
        *("ymail.de", "rocketmail.com", "pm.me", "mailbox.com", "mail.de", "mail.dk", "gmx.fr"),
        *("gmx.eu", "gmx.us", "gmx.org", "gmx.co.uk", "gmx.info", "gmx.li", "gmx.biz", "hey.com"),
        *("proton.com", "zoho.eu", "yandex.com", "yandex.ua", "bluemail.ch", "yahoo.co.jp"),
    ]
)
_ENDINGS = {".con": ".com", ".cmo": ".com", ".ocm": ".com", ".comm": ".com", ".vom": ".com"}
_ENDINGS |= {".xom": ".com", ".cpm": ".com", ".coom": ".com", ".dee": ".de", ".nett": ".net"}
# As many domains as are remembered between two lines.
REMEMBERED = 50_000


class Slips:
    """Asked for every line: a domain is looked at once."""

    def __init__(self) -> None:
        self._suggestions: dict[str, str] = dict.fromkeys(_KNOWN | _REAL, "")

    def suggestion(self, key: str) -> str:
        """The address that was probably meant; empty for nearly all."""
        domain = key[key.rfind("@") + 1 :]
        try:
            suggested = self._suggestions[domain]
        except KeyError:
            suggested = self._look_at(domain)
        return key[: -len(domain)] + suggested if suggested else ""

    def _look_at(self, domain: str) -> str:
        if len(self._suggestions) > REMEMBERED:
            self._suggestions = dict.fromkeys(_KNOWN | _REAL, "")
        self._suggestions[domain] = suggested = meant_by(domain)
        return suggested


def meant_by(domain: str) -> str:
    """The well-known domain that is one slip away, or the same with a real ending."""
    if domain in _KNOWN or domain in _REAL:
        return ""
    for ending, real in _ENDINGS.items():
        if domain.endswith(ending):
            mended = domain[: -len(ending)] + real
            return meant_by(mended) or mended
    # Short names are a letter away from too many others.
    candidates = [known for known in WELL_KNOWN if len(known) >= 7]
    return next((known for known in candidates if is_one_slip_away(domain, known)), "")


def is_one_slip_away(text: str, meant: str) -> bool:
    """One letter more, less or other, or two neighbours changed over."""
    if abs(len(text) - len(meant)) > 1 or text == meant:
        return False
    start = 0
    while start < min(len(text), len(meant)) and text[start] == meant[start]:
        start += 1
    text, meant = text[start:], meant[start:]
    while text and meant and text[-1] == meant[-1]:
        text, meant = text[:-1], meant[:-1]
    return max(len(text), len(meant)) <= 1 or (len(text) == 2 and text == meant[::-1])
