"""What recipients allow: choices taken to their pixels, and opens taken away from people.

A choice is made in two steps. First it is stored, together with what the writer reads on the
pixels: from that commit on, no new hit is recorded for whom it should not be. Then, when the
groups that were being written are through, what was recorded before leaves its recipient.

The order of locks: recipients, the horizon, pixels by id, end loads and unique opens by pixel,
campaign counts, quarters; the last four as the writers have them.
"""

from __future__ import annotations

from tracker.consent.choices import NOT_SAID, choose, choose_for_campaign, settle, settle_erased
from tracker.consent.default import apply_default, is_default_applied
from tracker.consent.moves import make_up

__all__ = [
    "NOT_SAID",
    "apply_default",
    "choose",
    "choose_for_campaign",
    "is_default_applied",
    "make_up",
    "settle",
    "settle_erased",
]
