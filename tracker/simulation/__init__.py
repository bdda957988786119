"""A day of invented opens through the real endpoint, whose fetchers are known.

A mix says who fetches what and when; the requests are sent at once, over HTTP; their opens are
then spread over the day; at the end the verdicts are held against the truth.
"""

from __future__ import annotations

from tracker.simulation.day import Simulated, reason_against, simulate
from tracker.simulation.mix import MIXES, Fetch
from tracker.simulation.sending import SendingError, running_server
from tracker.simulation.spreading import MismatchError

__all__ = [
    "MIXES",
    "Fetch",
    "MismatchError",
    "SendingError",
    "Simulated",
    "reason_against",
    "running_server",
    "simulate",
]
