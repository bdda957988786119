"""Whose mailbox it is: a recipient's domain becomes the mailbox provider that filters its mail.

By the domain alone, without a look-up: companies whose own domain Google or Microsoft hosts stand
by their domain. The domains are those of Thunderbird's ISPDB (github.com/thunderbird/autoconfig,
``ispdb/``: hotmail.com, yahoo.com, aol.com, me.com, gmx.net, mail.ru, yandex.ru, libero.it,
francetelecom.fr, protonmail.com …), Evolution's (``mail/mail-autoconfig``), and for what Microsoft
and Yahoo filter together Twilio SendGrid's "Inbox provider insights".
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from tracker.sentences import said

# What no domain looks like: no domain of a recipient is without a dot, or empty.
OTHER_DOMAINS = "other-domains"

# The key that is stored, what reports call it, and its domains.
_PROVIDERS: tuple[tuple[str, str, str], ...] = (
    ("gmail", "Gmail", "gmail.com googlemail.com google.com"),
    ("outlook", "Outlook.com", "msn.com windowslive.com livemail.tw passport.com"),
    (
        "yahoo",
        said("Yahoo and AOL"),
        "ymail.com rocketmail.com myyahoo.com yahoomail.com aol.com aim.com love.com ygm.com "
        "games.com wow.com verizon.net att.net sbcglobal.net bellsouth.net ameritech.net "
        "pacbell.net swbell.net snet.net flash.net nvbell.net prodigy.net wans.net cox.net "
        "frontier.com frontiernet.net rogers.com netscape.net cs.com compuserve.com",
    ),
    ("icloud", "iCloud", "icloud.com me.com mac.com"),
    (
        "gmx-web-de",
        said("GMX and WEB.DE"),
        "web.de email.de mein.gmx mail.gmx email.gmx caramail.com",
    ),
    ("mail-com", "mail.com", "mail.com email.com usa.com post.com europe.com"),
    ("t-online", "T-Online", "t-online.de magenta.de"),
    ("freenet", "freenet", "freenet.de"),
    ("1und1", "IONOS", "online.de onlinehome.de"),
    ("vodafone-de", said("Vodafone Germany"), "arcor.de vodafone.de kabelmail.de unitybox.de"),
    (
        "proton",
        "Proton Mail",
        "proton.me protonmail.com protonmail.ch pm.me",
    ),
    ("tuta", "Tuta", "tuta.com tuta.io tutanota.com tutanota.de tutamail.com keemail.me"),
    ("posteo", "Posteo", "posteo.de posteo.net posteo.at posteo.ch posteo.eu posteo.org"),
    ("mailbox-org", "mailbox.org", "mailbox.org secure.mailbox.org"),
    ("fastmail", "Fastmail", "fastmail.com fastmail.fm fastmail.net messagingengine.com"),
    ("zoho", "Zoho Mail", "zoho.com zohomail.com zohomail.eu zoho.eu zohomail.in"),
    ("hey", "HEY", "hey.com"),
    ("orange", "Orange", "orange.fr wanadoo.fr voila.fr"),
    ("free", "Free", "free.fr libertysurf.fr online.fr aliceadsl.fr"),
    ("sfr", "SFR", "sfr.fr neuf.fr cegetel.net club-internet.fr 9online.fr numericable.fr"),
    ("laposte", "La Poste", "laposte.net"),
    ("bouygues", "Bouygues Telecom", "bbox.fr"),
    ("libero", "Libero and Virgilio", "libero.it iol.it blu.it inwind.it giallo.it virgilio.it"),
    ("tim", "TIM", "tim.it alice.it tin.it"),
    ("tiscali", "Tiscali", "tiscali.it"),
    ("seznam", "Seznam", "seznam.cz email.cz post.cz spoluzaci.cz"),
    ("wp-o2", "WP and o2", "wp.pl o2.pl tlen.pl go2.pl"),
    ("onet", "Onet", "onet.pl op.pl onet.eu vp.pl poczta.onet.pl"),
    ("interia", "Interia", "interia.pl interia.eu poczta.fm intmail.pl"),
    ("bluewin", "Swisscom", "bluewin.ch"),
    ("ziggo", "Ziggo", "ziggo.nl upcmail.nl home.nl casema.nl chello.nl quicknet.nl"),
    ("kpn", "KPN", "kpnmail.nl planet.nl hetnet.nl kpnplanet.nl xs4all.nl telfort.nl"),
    ("telenet", "Telenet", "telenet.be pandora.be"),
    ("proximus", "Proximus", "skynet.be proximus.be"),
    ("bt", "BT", "btinternet.com btopenworld.com talk21.com"),
    ("virgin-media", "Virgin Media", "virginmedia.com ntlworld.com blueyonder.co.uk virgin.net"),
    ("sky", "Sky", "sky.com"),
    ("talktalk", "TalkTalk", "talktalk.net tiscali.co.uk lineone.net"),
    ("comcast", "Comcast", "comcast.net xfinity.com"),
    ("spectrum", "Spectrum", "charter.net spectrum.net roadrunner.com twc.com rr.com"),
    ("earthlink", "EarthLink", "earthlink.net mindspring.com peoplepc.com"),
    ("bell", "Bell", "bell.net sympatico.ca"),
    ("telus", "Telus", "telus.net"),
    ("shaw", "Shaw", "shaw.ca"),
    ("bigpond", "Telstra", "bigpond.com bigpond.net.au telstra.com"),
    ("optus", "Optus", "optusnet.com.au"),
    ("uol", "UOL and BOL", "uol.com.br bol.com.br"),
    ("terra", "Terra", "terra.com.br terra.com"),
    ("mail-ru", "Mail.ru", "mail.ru inbox.ru list.ru bk.ru internet.ru corp.mail.ru"),
    ("yandex", "Yandex", "ya.ru narod.ru"),
    ("rambler", "Rambler", "rambler.ru lenta.ru autorambler.ru myrambler.ru ro.ru"),
    ("ukr-net", "UKR.NET", "ukr.net"),
    ("i-ua", "I.UA", "i.ua ua.fm email.ua"),
    ("qq", "QQ Mail", "qq.com foxmail.com vip.qq.com"),
    ("netease", "NetEase", "163.com 126.com yeah.net vip.163.com vip.126.com 188.com"),
    ("sina", "Sina", "sina.com sina.cn vip.sina.com"),
    ("sohu", "Sohu", "sohu.com"),
    ("china-mobile", "China Mobile", "139.com"),
    ("yahoo-japan", "Yahoo! Japan", "yahoo.co.jp ybb.ne.jp"),
    ("docomo", "NTT Docomo", "docomo.ne.jp"),
    ("au", "au", "ezweb.ne.jp au.com"),
    ("softbank", "SoftBank", "softbank.ne.jp i.softbank.jp"),
    ("naver", "Naver", "naver.com"),
    ("kakao", said("Daum and Kakao"), "daum.net hanmail.net kakao.com"),
    ("rediff", "Rediffmail", "rediffmail.com"),
)
LABELS = {key: label for key, label, _ in _PROVIDERS}
_BY_DOMAIN = {domain: key for key, _, domains in _PROVIDERS for domain in domains.split()}

# Names that a provider has under the domains of many countries. yahoo.co.jp belongs to another
# company; it stands in the table, which comes first.
_COUNTRY = r"(?:com|net|(?:(?:com?|ne)\.)?[a-z]{2})"
_FAMILIES = (
    (re.compile(rf"(?:hotmail|live|outlook)\.{_COUNTRY}"), "outlook"),
    (re.compile(rf"yahoo\.{_COUNTRY}"), "yahoo"),
    (re.compile(rf"aol\.{_COUNTRY}"), "yahoo"),
    (re.compile(rf"gmx\.(?:{_COUNTRY}|biz|org|info)"), "gmx-web-de"),
    (re.compile(rf"yandex\.{_COUNTRY}"), "yandex"),
)


@lru_cache(maxsize=20_000)
def provider_of(domain: str) -> str | None:
    """The provider's key; none for a domain that belongs to nobody in the table.

    ``domain`` in small letters, as the keys of addresses are.
    """
    known = _BY_DOMAIN.get(domain)
    if known is not None:
        return known
    return next((key for pattern, key in _FAMILIES if pattern.fullmatch(domain)), None)


def domains_of(keys: Collection[str]) -> tuple[list[str], list[str], str]:
    """What a database needs to find a provider's addresses: domains that are theirs, domains of
    other providers, and a pattern for all that is in neither list; empty if there is none."""
    own = sorted(domain for domain, key in _BY_DOMAIN.items() if key in keys)
    others = sorted(domain for domain, key in _BY_DOMAIN.items() if key not in keys)
    patterns = [pattern.pattern for pattern, key in _FAMILIES if key in keys]
    return own, others, f"^(?:{'|'.join(patterns)})$" if patterns else ""


def key_of_label(text: str) -> str | None:
    """What a person calls a provider, or its key, in any case."""
    asked = " ".join(text.split()).casefold()
    return next(
        (key for key, label in LABELS.items() if asked in (key, label.casefold())),
        None,
    )


def provider_label(key: str) -> str:
    """What a stored key is called: a provider, a domain, or all the rest."""
    return said("Other domains") if key == OTHER_DOMAINS else LABELS.get(key, key)
