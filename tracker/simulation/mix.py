"""Who fetches the pixels of one mail, from where and when: the truth that verdicts are held to.

People's and gateways' addresses are from networks that are nobody's (RFC 2544, RFC 3849); the
mail services' are their own. Some fetches cannot be told apart by anybody, as in life.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import NamedTuple

from tracker.verdicts import Verdict
from tracker.verdicts.names import BARE_MOZILLA, GMAIL_PREFETCH

HUMAN = Verdict.HUMAN_CLIENT
PROXY = Verdict.IMAGE_PROXY_ON_OPEN
PREFETCH = Verdict.PRIVACY_PREFETCH
SCANNER = Verdict.SECURITY_SCANNER
BOT = Verdict.BOT

GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"{_WINDOWS} Chrome/142.0.0.0 Safari/537.36"
EDGE = f"{_WINDOWS} Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"
FROZEN_CHROME = f"{_WINDOWS} Chrome/103.0.0.0 Safari/537.36"
OUTLOOK = (
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Win64; x64; Trident/7.0; .NET4.0C; "
    ".NET4.0E; Microsoft Outlook 16.0.17928; ms-office; MSOffice 16)"
)
DESKTOPS = (
    OUTLOOK,
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Thunderbird/140.4.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.10.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    CHROME,
)
PHONES = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 15; SM-S921B Build/AP3A.240905.015; wv) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Version/4.0 Chrome/141.0.7390.122 Mobile Safari/537.36",
    "Outlook-iOS/729.5034235.prod.iphone (4.2530.0)",
)
BOTS = (
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "WhatsApp/2.23.20.0",
    "python-requests/2.32.3",
    "curl/8.5.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "HeadlessChrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
)


APPLE_RANGES = ("104.28.28.", "172.224.226.", "146.75.128.", "2a02:26f7:b00a:4000::")
GMAIL_RANGES = ("66.102.7.", "66.249.84.", "74.125.210.")
PREFETCH_RANGES = ("108.177.2.",)
FARMS = "198.19."


class Fetch(NamedTuple):
    """One request."""

    after: float  # seconds after sending
    place: int  # of the recipient in the campaign's order
    ip: str
    user_agent: str
    truth: Verdict


class Day:
    """What is fetched until the day is over; later fetches are not made."""

    def __init__(self, chance: Random, domains: Sequence[str], seconds: float) -> None:
        self.chance = chance
        self.domains = domains
        self.seconds = seconds
        self.fetches: list[Fetch] = []
        self._offices: dict[str, str] = {}

    def fetch(self, place: int, after: float, ip: str, user_agent: str, truth: Verdict) -> None:
        if after < self.seconds:
            self.fetches.append(Fetch(round(after, 6), place, ip, user_agent, truth))

    def reading_times(self, delivered: float) -> list[float]:
        """When one person looks: most within hours, some again, once or more often."""
        chance = self.chance
        first = delivered + 15 + chance.betavariate(0.8, 3) * (self.seconds - delivered - 15)
        times = [first]
        for _ in range(chance.choice((0, 0, 0, 1, 1, 3))):
            times.append(times[-1] + 5 + chance.expovariate(12 / self.seconds))
        return times

    def home(self) -> str:
        chance = self.chance
        if chance.random() < 0.3:
            return f"2001:db8:{chance.randrange(1, 65_536):x}:1::{chance.randrange(1, 65_536):x}"
        return f"198.18.{chance.randrange(256)}.{chance.randrange(1, 255)}"

    def farm(self, networks: int = 1) -> list[str]:
        """Machines in as many different networks."""
        chance = self.chance
        return [
            f"{FARMS}{third}.{chance.randrange(1, 255)}"
            for third in chance.sample(range(256), networks)
        ]

    def office(self, domain: str) -> str:
        """All colleagues share it."""
        return self._offices.setdefault(domain, self.home())


def _one_of(chance: Random, *prefixes: str) -> str:
    return f"{chance.choice(prefixes)}{chance.randrange(1, 63)}"


# Readers: each recipient has one mailbox.


def apple_privacy(day: Day, place: int, delivered: float) -> None:
    """At delivery, when the phone is charged, or on opening; nobody can tell."""
    chance = day.chance
    if chance.random() < 0.015:
        # Private loading failed and the reader loaded directly: no Apple address proves it.
        day.fetch(place, day.reading_times(delivered)[0], day.home(), BARE_MOZILLA, HUMAN)
        return
    after = delivered + chance.expovariate(1 / (0.1 * day.seconds))
    for _ in range(chance.choice((1, 1, 1, 1, 2))):
        day.fetch(place, after, _one_of(chance, *APPLE_RANGES), BARE_MOZILLA, PREFETCH)
        after += 30 + chance.expovariate(12 / day.seconds)


def gmail(day: Day, place: int, delivered: float) -> None:
    chance = day.chance
    if chance.random() < 0.15:
        soon = delivered + chance.uniform(1, 25)
        day.fetch(place, soon, _one_of(chance, *PREFETCH_RANGES), GMAIL_PREFETCH, PREFETCH)
        if chance.random() < 0.3:
            return
    for after in day.reading_times(delivered):
        ip = _one_of(chance, *GMAIL_RANGES)
        day.fetch(place, after, ip, GMAIL, PROXY)


def yahoo(day: Day, place: int, delivered: float) -> None:
    chance = day.chance
    for after in day.reading_times(delivered):
        for tried in range(chance.choice((1, 1, 1, 2, 4))):
            ip = _one_of(chance, "98.137.64.", "98.137.65.", "98.137.66.")
            day.fetch(place, after + 2.5 * tried, ip, YAHOO, PROXY)


def outlook_on_the_web(day: Day, place: int, delivered: float) -> None:
    """Microsoft's own proxy, which looks like the reader's browser."""
    for after in day.reading_times(delivered):
        ip = f"40.94.{day.chance.randrange(256)}.{day.chance.randrange(1, 255)}"
        day.fetch(place, after, ip, EDGE, PROXY)


def outlook_at_work(day: Day, place: int, delivered: float) -> None:
    ip = day.office(day.domains[place])
    for after in day.reading_times(delivered):
        day.fetch(place, after, ip, OUTLOOK, HUMAN)


def phone_and_desktop(day: Day, place: int, delivered: float) -> None:
    """One of the two, or now this and now that."""
    chance = day.chance
    programs = [(chance.choice(DESKTOPS), day.home()), (chance.choice(PHONES), day.home())]
    liked = chance.random()
    for after in day.reading_times(delivered):
        agent, ip = programs[chance.random() < liked]
        day.fetch(place, after, ip, agent, HUMAN)


def nobody(day: Day, place: int, delivered: float) -> None:
    """Not read, or read without images."""


# Machines, whatever the reader does.


def burst(day: Day, place: int, delivered: float) -> None:
    """A gateway's cloud looks from several networks within seconds."""
    chance = day.chance
    begin = delivered + chance.uniform(5, 100)
    for ip in day.farm(chance.randrange(3, 6)):
        day.fetch(place, begin + chance.uniform(0, 25), ip, CHROME, SCANNER)


def known_gateway(day: Day, place: int, delivered: float) -> None:
    chance = day.chance
    ip, agent = chance.choice(
        (
            (f"40.107.{chance.randrange(256)}.{chance.randrange(1, 255)}", EDGE),
            (f"209.222.82.{chance.randrange(1, 255)}", CHROME),
            (day.farm()[0], "Barracuda Sentinel (EE)"),
        )
    )
    for _ in range(chance.choice((1, 1, 2))):
        day.fetch(place, delivered + chance.uniform(2, 60), ip, agent, SCANNER)


def lone_scanner(day: Day, place: int, delivered: float) -> None:
    """Once, from one network, as a browser: no rule can find it."""
    agent = day.chance.choice((CHROME, FROZEN_CHROME))
    day.fetch(place, delivered + day.chance.uniform(5, 120), day.farm()[0], agent, SCANNER)


def forwarded(day: Day, place: int, delivered: float) -> None:
    """Into a chat, a ticket, an archive: a program looks, and often once more."""
    chance = day.chance
    after = day.reading_times(delivered)[0]
    agent, ip = chance.choice(BOTS), day.farm()[0]
    for _ in range(chance.choice((1, 1, 2))):
        day.fetch(place, after, ip, agent, BOT)
        after += chance.uniform(1, 300)


Fetcher = Callable[[Day, int, float], None]

READERS: Mapping[Fetcher, float] = {
    nobody: 0.38,
    apple_privacy: 0.24,
    gmail: 0.17,
    yahoo: 0.04,
    outlook_on_the_web: 0.012,
    outlook_at_work: 0.068,
    phone_and_desktop: 0.09,
}
MACHINES: Mapping[Fetcher, float] = {
    burst: 0.06,
    known_gateway: 0.05,
    lone_scanner: 0.004,
    forwarded: 0.03,
}
# One gateway's customers among so many recipients, and how many of these have it.
FAN_OUT_AMONG = 250
FAN_OUT_SHARE = 0.06
FAN_OUT_RECIPIENTS = 12
FAN_OUT_DOMAINS = 5


def realistic(chance: Random, domains: Sequence[str], seconds: float) -> list[Fetch]:
    """``domains`` of the recipients, in the campaign's order; the result in order of time."""
    day = Day(chance, domains, seconds)
    readers, weights = list(READERS), list(READERS.values())
    for place in range(len(domains)):
        delivered = chance.uniform(2, 120)
        chance.choices(readers, weights)[0](day, place, delivered)
        for machine, share in MACHINES.items():
            if chance.random() < share:
                machine(day, place, delivered)
    for start in range(0, len(domains), FAN_OUT_AMONG):
        fan_out(day, range(start, min(start + FAN_OUT_AMONG, len(domains))))
    return sorted(day.fetches)


def fan_out(day: Day, places: Sequence[int]) -> None:
    """One gateway's address looks into the mail of its customers, who have several domains."""
    chance = day.chance
    by_domain: dict[str, list[int]] = defaultdict(list)
    for place in chance.sample(places, len(places)):
        by_domain[day.domains[place]].append(place)
    wanted = max(FAN_OUT_RECIPIENTS, round(FAN_OUT_SHARE * len(places)))
    if len(by_domain) < FAN_OUT_DOMAINS or len(places) < wanted:
        return
    # From each domain in turn.
    in_turn = sorted(
        (turn, number, place)
        for number, some in enumerate(by_domain.values())
        for turn, place in enumerate(some)
    )
    (ip,) = day.farm()
    begin = chance.uniform(130, 400)
    for _, _, place in in_turn[:wanted]:
        day.fetch(place, begin + chance.uniform(0, 290), ip, CHROME, SCANNER)


Mix = Callable[[Random, Sequence[str], float], list[Fetch]]
MIXES: Mapping[str, Mix] = {"realistic": realistic}
