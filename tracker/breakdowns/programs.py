"""What a person reads mail with: client, operating system and device behind a user agent.

Mail clients come first, since ua-parser takes most of them for the browser engine in them; for
browsers and systems ua-parser's names are used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import ua_parser

from tracker.verdicts.agents import AgentKind, read_agent
from tracker.verdicts.names import GMAIL_PREFETCH, MAIL_CLIENTS

UNKNOWN = "unknown"
HIDDEN = "hidden by a proxy"
# Anyone may send an agent with a name as long as they like.
LONGEST_NAME = 60
PHONE, TABLET, COMPUTER = "phone", "tablet", "computer"
# The line of all clients, or systems, that have none of their own.
OTHER_PROGRAMS = "other"


class Program(NamedTuple):
    client: str
    operating_system: str
    device: str


NOTHING_KNOWN = Program(UNKNOWN, UNKNOWN, UNKNOWN)

# Services that fetch images for their readers: what these read with stays behind them.
_PROXIES = (
    ("GoogleImageProxy", "Gmail, hidden behind Google’s proxy"),
    ("ggpht.com", "Gmail, hidden behind Google’s proxy"),
    ("YahooMailProxy", "Yahoo Mail, hidden behind Yahoo’s proxy"),
    ("SeznamEmailProxy", "Seznam, hidden behind its proxy"),
    ("RamblerMail", "Rambler, hidden behind its proxy"),
    ("fwdcdn.com", "UKR.NET, hidden behind its proxy"),
    ("mail.ukr.net", "UKR.NET, hidden behind its proxy"),
    ("FastmailUA", "Fastmail, hidden behind its proxy"),
    ("Shortwave", "Shortwave, hidden behind its proxy"),
    ("OutlookImageProxy", "Outlook.com, hidden behind its proxy"),
    ("YandexImageResizer", "Yandex, hidden behind its proxy"),
)
_HIDDEN_KINDS = frozenset(
    {
        AgentKind.GMAIL_PROXY,
        AgentKind.MAIL_PROXY,
        AgentKind.RARE_MAIL_PROXY,
        AgentKind.GMAIL_PREFETCH,
        AgentKind.BARE_MOZILLA,
    }
)
_READER_KINDS = frozenset(
    {
        AgentKind.MAIL_CLIENT,
        AgentKind.UNLISTED_MAIL_CLIENT,
        AgentKind.MAIL_VIEW,
        AgentKind.BROWSER,
        AgentKind.FROZEN_BROWSER,
        AgentKind.OLD_BROWSER,
    }
)


def _named(*rows: tuple[str, str]) -> Sequence[tuple[re.Pattern[str], str]]:
    return [(re.compile(pattern, re.I), name) for pattern, name in rows]


# The first that matches; the specific before the general.
_CLIENTS = _named(
    (r"outlook-ios|outlook-android|com\.microsoft\.office\.outlook|pkeyauth", "Outlook (mobile)"),
    (r"macoutlook|macintosh.*outlook|outlook.*mac os x", "Outlook (Mac)"),
    (r"windows[ -]?live[ -]?mail|windows ?mail|windowscommunicationsapps", "Windows Mail"),
    (r"oneoutlook|outlook|ms-?office|microsoft office", "Outlook (Windows)"),
    (r"betterbird", "Betterbird"),
    (r"postbox", "Postbox"),
    (r"seamonkey", "SeaMonkey"),
    (r"thunderbird|icedove|shredder", "Thunderbird"),
    (r"samsung ?email|com\.samsung\.android\.email", "Samsung Mail"),
    (r"com\.google\.android\.gm|android-gmail", "Gmail app"),
    (r"yahoo(?:%20)?mail|yahoomobile|\bymail", "Yahoo Mail"),
    (r"superhuman", "Superhuman"),
    (r"spark/|sparkmail|readdle", "Spark"),
    (r"airmail", "Airmail"),
    (r"em ?client", "eM Client"),
    (r"the bat!", "The Bat!"),
    (r"(?:lotus|hcl|ibm)[ -]notes", "HCL Notes"),
    (r"evolution", "Evolution"),
    (r"kmail|kontact", "KMail"),
    (r"k-9|k9mail", "K-9 Mail"),
    (r"fairemail", "FairEmail"),
    (r"blue ?mail", "BlueMail"),
    (r"aqua ?mail", "Aqua Mail"),
    (r"edison", "Edison Mail"),
    (r"canary ?mail", "Canary Mail"),
    (r"mailbird", "Mailbird"),
    (r"mailspring|nylas", "Mailspring"),
    (r"mimestream", "Mimestream"),
    (r"mailmate", "MailMate"),
    (r"foxmail", "Foxmail"),
    (r"vivaldi mail", "Vivaldi Mail"),
    (r"opera mail|\bm2/", "Opera Mail"),
    (r"proton ?mail", "Proton Mail"),
    (r"tutanota|\btuta/", "Tuta"),
    (r"claws", "Claws Mail"),
    (r"sylpheed", "Sylpheed"),
    (r"geary", "Geary"),
    (r"zimbra", "Zimbra"),
    (r"entourage", "Entourage"),
    (r"eudora", "Eudora"),
    (r"navermail", "Naver"),
    (r"daummail", "Daum and Kakao"),
    (r"qqmail", "QQ Mail"),
    (r"mailmaster", "NetEase"),
    (r"ru\.mail|mymail", "Mail.ru"),
    (r"ru\.yandex\.mail", "Yandex"),
    (r"apple ?mail|mobilemail|^mail/[\d.]+ cfnetwork", "Apple Mail"),
)
# Mail programs that show themselves by the bare engine that they draw with, and by no name.
_VIEWS = _named(
    (r"pkeyauth", "Outlook (mobile)"),
    (r"; wv\)", "Mail app on Android"),
    (r"\((?:macintosh|iphone|ipad|ipod)", "Apple Mail"),
)
_BROWSERS = _named(
    (r"^edge", "Edge"),
    (r"^firefox", "Firefox"),
    (r"^samsung internet", "Samsung Internet"),
    (r"^opera", "Opera"),
    (r"^(?:mobile safari|safari)", "Safari"),
    (r"^(?:chrome|chromium|headlesschrome)", "Chrome"),
    (r"^ie\b|^internet explorer", "Internet Explorer"),
    (r"^(?:android)", "Android’s browser"),
)
_SYSTEMS = _named(
    (r"^ios|^ipados", "iOS and iPadOS"),
    (r"^mac ?os", "macOS"),
    (r"^windows phone", "Windows Phone"),
    (r"^windows", "Windows"),
    (r"^android", "Android"),
    (r"^chrome ?os", "ChromeOS"),
    (r"^harmony", "HarmonyOS"),
    (r"^(?:linux|ubuntu|debian|fedora|red hat|suse|mint|arch|gentoo|centos|mageia)", "Linux"),
    (r"^(?:freebsd|openbsd|netbsd)", "BSD"),
)
# Where ua-parser finds no system: clients that run on one, and what Outlook for Mac says.
SYSTEM_OF_CLIENT = {
    "Outlook (Mac)": "macOS",
    "Outlook (Windows)": "Windows",
    "Windows Mail": "Windows",
    "Samsung Mail": "Android",
    "Gmail app": "Android",
    "Mail app on Android": "Android",
    "K-9 Mail": "Android",
    "FairEmail": "Android",
    "Mimestream": "macOS",
    "MailMate": "macOS",
    "The Bat!": "Windows",
    "Evolution": "Linux",
    "Geary": "Linux",
    "KMail": "Linux",
}
_COMPUTERS = frozenset({"Windows", "macOS", "Linux", "ChromeOS", "BSD"})
_PHONE = re.compile(r"iphone|ipod|windows phone|android[^)]*\).*\bmobile\b|\bandroid; mobile", re.I)
_TABLET = re.compile(r"ipad|\btablet\b|kindle|silk/|\bkf[a-z]{2,5}\b", re.I)
# Android's browsers and web views say Mobile on phones, and nothing on tablets.
_ANDROID_WITHOUT_MOBILE = re.compile(r"^mozilla/5\.0 \([^)]*android[^)]*\) applewebkit", re.I)


@lru_cache(maxsize=50_000)
def program_of(user_agent: str) -> Program:
    """Never fails; what an agent does not tell is ``UNKNOWN``."""
    kind, mark = read_agent(user_agent)
    if kind in _HIDDEN_KINDS:
        return Program(_hidden_client(user_agent), HIDDEN, HIDDEN)
    if kind not in _READER_KINDS:
        # A machine came last, or nothing that has a name: nothing is known of the person.
        return NOTHING_KNOWN
    parsed = ua_parser.parse(user_agent)
    client = UNKNOWN
    if kind is AgentKind.MAIL_VIEW:
        client = _first(_VIEWS, user_agent)
    elif kind in (AgentKind.MAIL_CLIENT, AgentKind.UNLISTED_MAIL_CLIENT):
        client = _first(_CLIENTS, user_agent, mark.strip("/") if mark in MAIL_CLIENTS else UNKNOWN)
    elif parsed.user_agent:
        family = parsed.user_agent.family[:LONGEST_NAME]
        client = f"Web mail in {_first(_BROWSERS, family, family)}"
    system = _first(_SYSTEMS, parsed.os.family) if parsed.os else UNKNOWN
    if system == UNKNOWN or client == "Outlook (Mac)":
        system = SYSTEM_OF_CLIENT.get(client, system)
    return Program(client, system, _device(user_agent, system))


def _hidden_client(user_agent: str) -> str:
    if user_agent == GMAIL_PREFETCH:
        return "Gmail, hidden behind Google’s proxy"
    if user_agent.strip() == "Mozilla/5.0":
        # What Apple's privacy proxy sends, but others may send it too.
        return "Apple Mail or unknown, hidden by a proxy"
    return next((name for mark, name in _PROXIES if mark in user_agent), "Another mail service")


def _device(user_agent: str, system: str) -> str:
    if _TABLET.search(user_agent):
        return TABLET
    if _PHONE.search(user_agent):
        return PHONE
    if _ANDROID_WITHOUT_MOBILE.search(user_agent):
        return TABLET
    return COMPUTER if system in _COMPUTERS else UNKNOWN


def _first(rows: Sequence[tuple[re.Pattern[str], str]], text: str, otherwise: str = UNKNOWN) -> str:
    return next((name for pattern, name in rows if pattern.search(text)), otherwise)
