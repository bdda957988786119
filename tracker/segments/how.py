"""What a condition may be about, and how: the words that are stored, and that forms show."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy


class Kind(models.TextChoices):
    ATTRIBUTE = "attribute", gettext_lazy("Attribute")
    DOMAIN = "domain", gettext_lazy("Domain of the address")
    PROVIDER = "provider", gettext_lazy("Mailbox provider")
    CAMPAIGN = "campaign", gettext_lazy("Campaign")


class How(models.TextChoices):
    IS = "is", gettext_lazy("is")
    IS_NOT = "is-not", gettext_lazy("is not")
    CONTAINS = "contains", gettext_lazy("contains")
    ONE_OF = "one-of", gettext_lazy("is one of (a; b; c)")
    EMPTY = "empty", gettext_lazy("is empty")
    FILLED = "filled", gettext_lazy("has a value")
    AT_LEAST = "at-least", gettext_lazy("is a number of at least")
    AT_MOST = "at-most", gettext_lazy("is a number of at most")
    FROM = "from", gettext_lazy("is a day from")
    BEFORE = "before", gettext_lazy("is a day before")
    RECEIVED = "received", gettext_lazy("is among its recipients")
    OPENED = "opened", gettext_lazy("opened by a person")
    NOT_OPENED = "not-opened", gettext_lazy("not opened by a person")
    MACHINES = "machines", gettext_lazy("opened by machines only")
    PREFETCHED = "prefetched", gettext_lazy("fetched in advance only")
    SCANNED = "scanned", gettext_lazy("opened by scanners and bots only")
    UNCLEAR = "unclear", gettext_lazy("unclear who opened")
    UNOPENED = "unopened", gettext_lazy("not opened at all")
    TIMES = "times", gettext_lazy("opens by people at least")


TEXT = (How.IS, How.IS_NOT, How.CONTAINS, How.ONE_OF, How.EMPTY, How.FILLED)
NUMBER = (How.AT_LEAST, How.AT_MOST)
DAY = (How.FROM, How.BEFORE)
OPENS = (
    How.RECEIVED,
    How.OPENED,
    How.TIMES,
    How.NOT_OPENED,
    How.UNOPENED,
    How.MACHINES,
    How.PREFETCHED,
    How.SCANNED,
    How.UNCLEAR,
)

ALLOWED: dict[Kind, tuple[How, ...]] = {
    Kind.ATTRIBUTE: (*TEXT, *NUMBER, *DAY),
    Kind.DOMAIN: (How.IS, How.IS_NOT, How.CONTAINS, How.ONE_OF),
    Kind.PROVIDER: (How.IS, How.IS_NOT, How.ONE_OF),
    Kind.CAMPAIGN: OPENS,
}
WITHOUT_VALUE = frozenset({How.EMPTY, How.FILLED, *OPENS}) - {How.TIMES}
# As a form groups them.
GROUPS = (
    (gettext_lazy("Texts"), TEXT),
    (gettext_lazy("Numbers, such as 12.5"), NUMBER),
    (gettext_lazy("Days, such as 2026-03-31"), DAY),
    (gettext_lazy("What came back from a campaign"), OPENS),
)
