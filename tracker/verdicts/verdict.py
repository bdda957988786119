"""The answer of the rules to one question: who fetched this pixel?"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple

from tracker.sentences import Sentence, said

Confidence = Literal["certain", "probable", "weak"]


class Verdict(StrEnum):
    """What the evidence says of one open."""

    HUMAN_CLIENT = "human_client"
    IMAGE_PROXY_ON_OPEN = "image_proxy_on_open"
    PRIVACY_PREFETCH = "privacy_prefetch"
    SECURITY_SCANNER = "security_scanner"
    BOT = "bot"
    UNKNOWN = "unknown"

    @property
    def is_human(self) -> bool:
        """A person had the mail on the screen at that moment."""
        return self in (Verdict.HUMAN_CLIENT, Verdict.IMAGE_PROXY_ON_OPEN)

    @property
    def is_machine(self) -> bool:
        """Automation fetched the pixel when it felt like it; unknown is neither."""
        return self not in (Verdict.HUMAN_CLIENT, Verdict.IMAGE_PROXY_ON_OPEN, Verdict.UNKNOWN)

    @property
    def unique_count(self) -> str | None:
        """The count of unique opens whose best verdict this is; scanners and bots have none, they
        are what is left."""
        if self.is_human:
            return "unique_human_opens"
        return {
            Verdict.UNKNOWN: "unique_unknown_opens",
            Verdict.PRIVACY_PREFETCH: "unique_prefetch_opens",
        }.get(self)

    @property
    def label(self) -> Sentence:
        """What reports call it."""
        return LABELS[self]

    @property
    def number(self) -> int:
        """What the database stores."""
        return NUMBERS[self]

    @classmethod
    def of_number(cls, number: int) -> Verdict:
        return _BY_NUMBER[number]


# Stored in the database: never renumber one. The order carries meaning: among the opens of one
# pixel the largest number is the verdict on the recipient, since one human open outweighs any
# number of others, an unknown one may have been a person, and a prefetch shows that the mail
# arrived in a mailbox, which a scanner does not.
NUMBERS = {
    Verdict.BOT: 1,
    Verdict.SECURITY_SCANNER: 2,
    Verdict.PRIVACY_PREFETCH: 3,
    Verdict.UNKNOWN: 4,
    Verdict.IMAGE_PROXY_ON_OPEN: 5,
    Verdict.HUMAN_CLIENT: 6,
}
# From here on a person had the mail on the screen.
LEAST_HUMAN = NUMBERS[Verdict.IMAGE_PROXY_ON_OPEN]
LABELS = {
    Verdict.HUMAN_CLIENT: said("person, own client"),
    Verdict.IMAGE_PROXY_ON_OPEN: said("person, through a mail service"),
    Verdict.PRIVACY_PREFETCH: said("privacy prefetch"),
    Verdict.SECURITY_SCANNER: said("security scanner"),
    Verdict.BOT: said("bot"),
    Verdict.UNKNOWN: said("unknown"),
}
_BY_NUMBER = {number: verdict for verdict, number in NUMBERS.items()}


class Judgement(NamedTuple):
    """A verdict with the reason that a person can check."""

    verdict: Verdict
    rule: str
    why: Sentence
    confidence: Confidence
