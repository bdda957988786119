"""How far an import is, how fast it goes and how long it will take, for people."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from campaigns.models import Import
from tracker.work.progress import rate_of, seconds_left


@dataclass(frozen=True, slots=True)
class Progress:
    """``share`` is of the file's bytes; rate and time left are none until they mean something."""

    share: float
    rows: int
    rows_per_second: int | None
    seconds_left: int | None
    is_storing: bool

    @classmethod
    def of(cls, one: Import) -> Progress:
        end = one.finished_at or timezone.now()
        seconds = (end - one.started_at).total_seconds() if one.started_at else 0.0
        share = min(1.0, one.bytes_read / one.size) if one.size else 0.0
        is_storing = one.state == Import.State.STORING
        rate = left = None
        if not one.resumed_at_line:
            rate = rate_of(one.rows, seconds)
            if rate is not None and one.state == Import.State.READING:
                left = seconds_left(share, seconds)
        return cls(share, one.rows, rate, left, is_storing)

    @property
    def percent(self) -> int:
        return int(self.share * 100)

    @property
    def sentence(self) -> str:
        if self.is_storing:
            return f"{self.rows:,} rows read, storing them …"
        text = f"{self.rows:,} rows read, {self.percent} %"
        if self.rows_per_second is not None:
            text += f", {self.rows_per_second:,} rows/s"
        return text + (f", {self.seconds_left} s left" if self.seconds_left is not None else "")
