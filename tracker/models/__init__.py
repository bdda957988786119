"""The tables of what came back: pixels, their opens, and the counts that reports read."""

from __future__ import annotations

from tracker.models.agents import UserAgent
from tracker.models.breakdowns import Breakdown, Breakdowns
from tracker.models.consent import AppliedTracking, PendingMove
from tracker.models.counts import CampaignCounts, ListMisses, QuarterHourCounts
from tracker.models.end_marks import EndLoad, EndMarks
from tracker.models.judging import FanOut, Rejudging, Ruling
from tracker.models.keeping import Horizon, Recount, RemovedOpens
from tracker.models.opens import Open, UniqueOpen
from tracker.models.pixels import Pixel, PixelQuerySet, PixelTracking
from tracker.models.segments import Segment
from tracker.models.sharing import SharedReport, SharedReportQuerySet, SharedReportTry
from tracker.models.work import Work, WorkQuerySet

__all__ = [
    "AppliedTracking",
    "Breakdown",
    "Breakdowns",
    "CampaignCounts",
    "EndLoad",
    "EndMarks",
    "FanOut",
    "Horizon",
    "ListMisses",
    "Open",
    "PendingMove",
    "Pixel",
    "PixelQuerySet",
    "PixelTracking",
    "QuarterHourCounts",
    "Recount",
    "Rejudging",
    "RemovedOpens",
    "Ruling",
    "Segment",
    "SharedReport",
    "SharedReportQuerySet",
    "SharedReportTry",
    "UniqueOpen",
    "UserAgent",
    "Work",
    "WorkQuerySet",
]
