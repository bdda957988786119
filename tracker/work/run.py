"""One piece of work from where it stood to its end, whoever runs it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import sleep
from typing import NamedTuple

from django.db import InterfaceError, OperationalError, connection

from campaigns.imports.errors import CancelledError, LostLeaseError
from tracker.models import Work
from tracker.work.lease import claimed, finish

logger = logging.getLogger("tracker.work")

# A step at which the process dies again and again, without getting further.
MOST_ATTEMPTS = 5
# SQLite has one write lock, and whoever waits for it only looks now and then.
BREATH = 0.02  # seconds

Pause = Callable[[], None]


class InterruptedWorkError(Exception):
    """This process has to end; another one goes on where it stood."""


class Doing(NamedTuple):
    """How a kind of work is done.

    Both go in steps, each one transaction with its ``advance``, and call the pause between two.
    ``do`` ends with ``finish``; ``take_back`` leaves nothing behind when the work is cancelled.
    """

    do: Callable[[Work, Pause], None]
    take_back: Callable[[Work, Pause], None] = lambda work, pause: None


def work_on(
    work_id: int, doings: dict[str, Doing], *, must_stop: Callable[[], bool] = lambda: False
) -> Work | None:
    """Do what is left to do; none if it is over or somebody else does it.

    Whatever happens ends in the work's state. Raises LostLeaseError or InterruptedWorkError when
    others go on, and lets through that the database is away: it is tried again.
    """

    def pause() -> None:
        if must_stop():
            raise InterruptedWorkError
        if connection.vendor == "sqlite":
            sleep(BREATH)

    with claimed(work_id) as work:
        if work is None:
            return None
        _do(work, doings[work.kind], pause)
        logger.info(
            "work %d (%s): %s",
            work.pk,
            work.kind,
            work.state,
            extra={"work": work.pk, "state": work.state},
        )
        return work


def _do(work: Work, doing: Doing, pause: Pause) -> None:
    fault = Work.Fault.DIED if work.attempts > MOST_ATTEMPTS else None
    is_cancelled = work.is_cancel_requested
    if not fault and not is_cancelled:
        try:
            doing.do(work, pause)
        except CancelledError:
            is_cancelled = True
        except (LostLeaseError, InterruptedWorkError, OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("work %d failed", work.pk, extra={"work": work.pk})
            fault = Work.Fault.UNEXPECTED
        else:
            return
    doing.take_back(work, pause)
    if is_cancelled:
        finish(work, Work.State.CANCELLED)
    else:
        finish(work, Work.State.FAILED, fault=fault or "")
