"""What a simulation has sent arrives when the database took it, which may be through the spool."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from campaigns.models import Campaign
from tracker.models import Open, Pixel
from tracker.recount import Verification, repair
from tracker.simulation.sending import PixelRequest
from tracker.spool import Spool

PROBE = PixelRequest(0, "", "198.18.0.1", "Glimpse simulation")
# The replay looks every second whether the database takes hits again.
ARRIVES_WITHIN = 15.0
LOOK_EVERY = 0.1


def probes_of(campaign: Campaign) -> QuerySet[Open]:
    """No mail client calls itself that; of the test pixel alone, which never counts."""
    return Open.objects.filter(
        pixel__campaign=campaign, pixel__is_test=True, user_agent__text=PROBE.user_agent
    )


def withdraw_probes(campaign: Campaign) -> None:
    """Also those that came after nobody waited for them any more."""
    found = list(probes_of(campaign).values_list("pk", flat=True))
    if found:
        Open.objects.filter(pk__in=found).delete()
        tests = Pixel.objects.filter(campaign=campaign, is_test=True)
        repair(Verification(0, list(tests.values_list("pk", flat=True)), [], []))


def wait_until(has_come: Callable[[], bool], *, within: float) -> None:
    until = time.monotonic() + within
    while not has_come() and time.monotonic() < until:
        time.sleep(LOOK_EVERY)


def is_spool_empty() -> bool:
    """Of this machine's servers; another machine's is not known here."""
    return not Spool(Path(settings.SPOOL_DIR)).waiting().files
