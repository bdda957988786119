"""Ann, who is to be erased: how she is looked for, and what may not change when she goes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connections

from campaigns.models import Recipient
from tests.tracker.persons.everywhere import places_in_database, places_in_files
from tracker.judging.by_hand import RulingForm, decide
from tracker.models import CampaignCounts, Open, Pixel, QuarterHourCounts, UniqueOpen

ANN, NAME, IP, OTHER_IP = "Ann.Miller@Example.com", "Ann Millerova", "203.0.113.77", "2001:db8::77"
AGENT = "Mozilla/5.0 (for ann.miller@example.com) Thunderbird/128.3.0"
SOUGHT = (ANN, NAME, IP, OTHER_IP)


def figures() -> list[Any]:
    """All that came back, and all that makes a recipient unique, whoever they are.

    Not how many are anonymous, nor how many pixels changed: whoever is erased becomes anonymous.
    """
    of_pixels = {"anonymous", "choices"}
    counts = [field.name for field in CampaignCounts._meta.fields if field.name not in of_pixels]
    of_opens = ("pk", "pixel__campaign", "opened_at", "verdict", "rule")
    of_unique_opens = (
        "campaign",
        "open_count",
        "human_open_count",
        "first_opened_at",
        "last_opened_at",
        "verdict",
        "first_human_opened_at",
    )
    pixels = Pixel.objects.of_recipients().order_by("pk")
    return [
        list(CampaignCounts.objects.order_by("pk").values(*counts)),
        list(QuarterHourCounts.objects.order_by("pk").values()),
        sorted(UniqueOpen.objects.values_list(*of_unique_opens), key=str),
        list(Open.objects.order_by("pk").values(*of_opens)),
        list(pixels.values("pk", "campaign", "recipient", "sent_at", "bounced_at")),
    ]


def linked_to(person: Recipient) -> int:
    """Opens and unique opens that lead to them, or to what is left of them."""
    opens = Open.objects.filter(pixel__recipient=person)
    return opens.count() + UniqueOpen.objects.filter(pixel__recipient=person).count()


def nowhere(directory: Path) -> bool:
    found = {words: places_in_database(words) for words in SOUGHT}
    in_files = {words: places_in_files(words, directory) for words in SOUGHT}
    assert {**found} == {words: set() for words in SOUGHT}
    assert in_files == {words: set() for words in SOUGHT}
    return True


def rule(open_id: Any, pixel_id: int, about: str, note: str) -> None:
    form = RulingForm(
        pixel_id, {"open": open_id, "verdict": "human_client", "about": about, "note": note}
    )
    assert form.is_valid(), form.errors
    decide(form, None)


def closing_after(work: Callable[[], None]) -> Callable[[], None]:
    def run_and_close() -> None:
        try:
            work()
        finally:
            connections.close_all()

    return run_and_close


@contextmanager
def over_and_over(*works: Callable[[], object]) -> Iterator[None]:
    """Each in a thread of its own, until the block is over; what one raises is raised then."""
    is_over = threading.Event()
    faults: list[BaseException] = []

    def repeat(work: Callable[[], object]) -> None:
        try:
            while not is_over.is_set():
                work()
        except Exception as fault:  # raised where the threads are waited for
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=repeat, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert not faults
