"""The rules that judge an open, in the order in which they are asked; the first match wins.

Each rule is data: an id that stays, a sentence for the people who read reports, and where the
knowledge comes from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tracker.sentences import Sentence, said
from tracker.verdicts.agents import AgentKind
from tracker.verdicts.networks import SCANNERS, Owners
from tracker.verdicts.verdict import Confidence, Verdict

# Raised with every change that can change a verdict, so that older opens can be judged again.
RULES_VERSION = 2


def anywhere(owners: Owners) -> bool:
    return True


def at(*publishers: str) -> Callable[[Owners], bool]:
    """The address lies in a range of one of these."""
    wanted = frozenset(publishers)
    return lambda owners: bool(owners and owners & wanted)


def unless_elsewhere(publisher: str) -> Callable[[Owners], bool]:
    """The address lies in the publisher's ranges, or says nothing."""
    return lambda owners: owners is None or publisher in owners


class Rule(NamedTuple):
    # Stored in the database: never renumber one, never give an old number to a new rule.
    number: int
    id: str
    verdict: Verdict | None  # None: whatever the person says
    confidence: Confidence
    sentence: Sentence
    source: str
    # The kinds of agent that it answers for; an empty set is applied elsewhere.
    agents: frozenset[AgentKind] = frozenset()
    place: Callable[[Owners], bool] = anywhere

    def matches(self, kind: AgentKind, owners: Owners) -> bool:
        return kind in self.agents and self.place(owners)


_EVERY_AGENT = frozenset(AgentKind)

RULES: tuple[Rule, ...] = (
    Rule(
        1,
        "not-a-get",
        Verdict.BOT,
        "certain",
        said("The pixel was asked for without its picture; showing a mail never does that."),
        "https://github.com/groundhoggwp/groundhogg-traffic-filter files/index.php",
    ),
    Rule(
        2,
        "says-prefetch",
        Verdict.BOT,
        "certain",
        said("The browser itself said that it fetched ahead of time, with nobody looking yet."),
        "https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Purpose",
    ),
    Rule(
        3,
        "gmail-proxy",
        Verdict.IMAGE_PROXY_ON_OPEN,
        "certain",
        said("Gmail fetched the picture for a reader who had the mail open at that moment."),
        "https://wordtothewise.com/2014/03/gmail-image-caching-update/",
        frozenset({AgentKind.GMAIL_PROXY}),
        unless_elsewhere("google"),
    ),
    Rule(
        4,
        "gmail-proxy-elsewhere",
        Verdict.UNKNOWN,
        "weak",
        said(
            "Somebody called themselves Gmail's image proxy from an address that is not Google's."
        ),
        "https://github.com/gophish/gophish/issues/1390",
        frozenset({AgentKind.GMAIL_PROXY}),
    ),
    Rule(
        5,
        "mail-proxy",
        Verdict.IMAGE_PROXY_ON_OPEN,
        "probable",
        said("The reader's mailbox provider fetched the picture when the mail was displayed."),
        "https://github.com/matomo-org/device-detector Tests/fixtures/bots.yml",
        frozenset({AgentKind.MAIL_PROXY}),
    ),
    Rule(
        6,
        "rare-mail-proxy",
        Verdict.IMAGE_PROXY_ON_OPEN,
        "weak",
        said(
            "A mail service's image proxy fetched the picture, most likely for a reader; when it "
            "fetches is not documented."
        ),
        "https://github.com/monperrus/crawler-user-agents",
        frozenset({AgentKind.RARE_MAIL_PROXY}),
    ),
    Rule(
        29,
        "mail-ru-proxy",
        Verdict.IMAGE_PROXY_ON_OPEN,
        "probable",
        said("Mail.ru's image proxy fetched the picture when the mail was displayed."),
        "https://github.com/mautic/mautic/issues/8718",
        frozenset({AgentKind.MAIL_RU_PROXY}),
        at("mail_ru"),
    ),
    Rule(
        7,
        "gmail-prefetch",
        Verdict.PRIVACY_PREFETCH,
        "certain",
        said("Gmail fetched the picture on delivery, before anybody opened the mail."),
        "https://bird.com/en-us/blog/gmail-prefetching-images",
        frozenset({AgentKind.GMAIL_PREFETCH}),
        at("google"),
    ),
    Rule(
        8,
        "gmail-prefetch-agent",
        Verdict.PRIVACY_PREFETCH,
        "probable",
        said(
            "The browser's name is the one Gmail uses to fetch pictures on delivery; the address "
            "does not confirm that it was Gmail."
        ),
        "https://bird.com/en-us/blog/gmail-prefetching-images",
        frozenset({AgentKind.GMAIL_PREFETCH}),
    ),
    Rule(
        9,
        "apple-privacy",
        Verdict.PRIVACY_PREFETCH,
        "certain",
        said(
            "Apple Mail's privacy protection fetched the picture; whether the mail was read cannot "
            "be known."
        ),
        "https://support.clickdimensions.com/hc/en-us/articles/15707875851917",
        frozenset({AgentKind.BARE_MOZILLA}),
        at("apple"),
    ),
    Rule(
        10,
        "scanner-agent",
        Verdict.SECURITY_SCANNER,
        "certain",
        said("A security product that inspects mail gave its own name."),
        "https://github.com/matomo-org/device-detector Tests/fixtures/bots.yml",
        frozenset({AgentKind.SCANNER}),
    ),
    Rule(
        11,
        "scanner-network",
        Verdict.SECURITY_SCANNER,
        "certain",
        said("The request came from the computers with which a mail filter inspects mail."),
        "https://github.com/warmbly/warmbly tracking/scanner-networks.txt",
        _EVERY_AGENT,
        at(*SCANNERS),
    ),
    Rule(
        12,
        "bare-mozilla",
        Verdict.UNKNOWN,
        "weak",
        said(
            "This is how Apple Mail's privacy protection names itself, but the address is not "
            "known as Apple's."
        ),
        "https://github.com/ua-parser/uap-core/issues/509",
        frozenset({AgentKind.BARE_MOZILLA}),
    ),
    Rule(
        13,
        "impossible-agent",
        Verdict.SECURITY_SCANNER,
        "probable",
        said("No such browser exists; scanners disguise themselves like this."),
        "https://github.com/groundhoggwp/groundhogg-traffic-filter",
        frozenset({AgentKind.IMPOSSIBLE}),
    ),
    Rule(
        14,
        "unfurler",
        Verdict.BOT,
        "certain",
        said("A chat or social service looked at a link or picture that somebody pasted there."),
        "https://github.com/matomo-org/device-detector Tests/fixtures/bots.yml",
        frozenset({AgentKind.UNFURLER}),
    ),
    Rule(
        15,
        "crawler",
        Verdict.BOT,
        "certain",
        said("A known crawler fetched the picture."),
        "https://github.com/monperrus/crawler-user-agents",
        frozenset({AgentKind.CRAWLER}),
    ),
    Rule(
        16,
        "monitor",
        Verdict.BOT,
        "certain",
        said("A service that watches whether servers answer fetched the picture."),
        "https://github.com/ua-parser/uap-core",
        frozenset({AgentKind.MONITOR}),
    ),
    Rule(
        17,
        "automated-browser",
        Verdict.BOT,
        "certain",
        said("A browser that a program drives fetched the picture, with nobody in front of it."),
        "https://github.com/monperrus/crawler-user-agents",
        frozenset({AgentKind.AUTOMATED_BROWSER}),
    ),
    Rule(
        30,
        "content-network",
        Verdict.UNKNOWN,
        "weak",
        said(
            "A content network asked in somebody's place and hid who it was; let it pass on the "
            "header User-Agent."
        ),
        "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/"
        "RequestAndResponseBehaviorCustomOrigin.html",
        frozenset({AgentKind.CONTENT_NETWORK}),
    ),
    Rule(
        18,
        "library",
        Verdict.BOT,
        "certain",
        said("A program fetched the picture with a programming library, not with a mail client."),
        "https://github.com/matomo-org/device-detector Tests/Parser/Client/fixtures/library.yml",
        frozenset({AgentKind.LIBRARY}),
    ),
    Rule(
        19,
        "mail-client",
        Verdict.HUMAN_CLIENT,
        "certain",
        said("A person's mail client showed the mail."),
        "https://github.com/ua-parser/uap-core tests/test_ua.yaml",
        frozenset({AgentKind.MAIL_CLIENT}),
    ),
    Rule(
        31,
        "unlisted-mail-client",
        Verdict.HUMAN_CLIENT,
        "probable",
        said("The program calls itself a mail client; no list knows it."),
        "https://github.com/ua-parser/uap-core tests/test_ua.yaml",
        frozenset({AgentKind.UNLISTED_MAIL_CLIENT}),
    ),
    Rule(
        20,
        "like-a-bot",
        Verdict.BOT,
        "probable",
        said("The program describes itself the way robots and tools do."),
        "https://github.com/monperrus/crawler-user-agents",
        frozenset({AgentKind.LIKE_A_BOT}),
    ),
    Rule(
        21,
        "frozen-browser",
        Verdict.UNKNOWN,
        "weak",
        said(
            "Mail scanners have sent this outdated browser's name for years, and so does the "
            "outdated browser itself: nobody can tell which it was."
        ),
        "https://github.com/pentacent/keila lib/keila/tracking/tracking.ex",
        frozenset({AgentKind.FROZEN_BROWSER}),
    ),
    Rule(
        32,
        "old-browser",
        Verdict.HUMAN_CLIENT,
        "weak",
        said(
            "A browser of years ago showed the mail; few people still use it, and programs give "
            "such names, too."
        ),
        "https://github.com/groundhoggwp/groundhogg-traffic-filter",
        frozenset({AgentKind.OLD_BROWSER, AgentKind.MAIL_RU_PROXY}),
    ),
    Rule(
        22,
        "mail-view",
        Verdict.HUMAN_CLIENT,
        "probable",
        said("The part of a phone or computer that shows mails inside an app fetched the picture."),
        "https://github.com/medama-io/go-useragent/issues/10",
        frozenset({AgentKind.MAIL_VIEW}),
    ),
    Rule(
        23,
        "browser",
        Verdict.HUMAN_CLIENT,
        "probable",
        said("An ordinary browser showed the mail, as webmail does."),
        "https://github.com/ua-parser/uap-core tests/test_ua.yaml",
        frozenset({AgentKind.BROWSER}),
    ),
    Rule(
        24,
        "no-agent",
        Verdict.UNKNOWN,
        "weak",
        said("The program did not say what it is."),
        "https://github.com/Notifuse/notifuse pkg/botdetection/botdetection_test.go",
        frozenset({AgentKind.MISSING}),
    ),
    Rule(
        25,
        "nothing-known",
        Verdict.UNKNOWN,
        "weak",
        said("Nothing is known about this program."),
        "https://github.com/kannon-email/kannon/issues/412",
        _EVERY_AGENT,
    ),
    # The following need other opens, or a person, and are applied after the fact.
    Rule(
        26,
        "burst",
        Verdict.SECURITY_SCANNER,
        "probable",
        said(
            "Several computers fetched the same recipient's pixel within seconds, as scanners do."
        ),
        "https://github.com/mautic/mautic/issues/16263",
    ),
    Rule(
        27,
        "fan-out",
        Verdict.SECURITY_SCANNER,
        "probable",
        said("One computer fetched the pixels of many recipients within minutes."),
        "https://support.sendgrid.com/hc/en-us/articles/4416801410459",
    ),
    Rule(
        28,
        "by-hand",
        None,
        "certain",
        said("A person decided this."),
        "the person named in the log",
    ),
)

RULE_BY_ID = {rule.id: rule for rule in RULES}
RULE_BY_NUMBER = {rule.number: rule for rule in RULES}
