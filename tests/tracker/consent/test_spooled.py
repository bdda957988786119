"""Hits that wait in the spool while their recipient chooses: replayed, they keep to the choice."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import counts_of, emails, make_campaign, pixels_of
from tests.tracker.consent.test_choices import (
    SECRET_ADDRESS,
    SECRET_AGENT,
    decide,
    linked_opens,
    rows_with,
    secret_hit,
)
from tracker.hits import Hit, Outcome
from tracker.models import Open, UniqueOpen
from tracker.recorder import Recorder
from tracker.recount import verify
from tracker.spool import Spool
from tracker.writer import open_writer
from tracker.writer.in_thread import InThread

pytestmark = pytest.mark.usefixtures("real_db")


def away(hits: Sequence[Hit]) -> int:
    raise OSError("the database is away")


def test_hits_spooled_while_the_database_was_away_keep_to_a_choice_made_since(
    tmp_path: Path,
) -> None:
    campaign = make_campaign(*emails(3))
    anonymous, off, asking = pixels_of(campaign)
    hits = [
        *(secret_hit(pixel.pk) for pixel in (anonymous, off, anonymous)),
        secret_hit(asking.pk)._replace(is_anonymous=True),
    ]
    spool = Spool(tmp_path)

    async def record() -> list[Outcome]:
        recorder = Recorder(InThread(away), spool.append)
        await recorder.start()
        outcomes = await asyncio.gather(*(recorder.record(hit) for hit in hits))
        await recorder.stop()
        return outcomes

    assert set(asyncio.run(record())) == {Outcome.SPOOLED}
    spool.release()
    decide(anonymous, "anonymous")
    decide(off, "off")
    content = next(iter(tmp_path.glob("*.spool"))).read_bytes()
    writer = open_writer()
    try:
        assert spool.replay(writer.write) == 4
        # The machine fell over before the file was gone: all of it comes once more.
        (tmp_path / "00000000000000000001-1-again.spool").write_bytes(content)
        assert spool.replay(writer.write) == 4
    finally:
        writer.close()
    counts = counts_of(campaign)
    assert (counts.opens, counts.unique_opens) == (3, 2)
    assert Open.objects.count() == 3
    assert UniqueOpen.objects.filter(pixel__is_stand_in=True).count() == 2
    assert linked_opens() == 0
    assert rows_with(SECRET_ADDRESS, SECRET_AGENT) == []
    assert verify().drift == 0


def test_what_was_spooled_before_there_were_choices_is_still_read(tmp_path: Path) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    payload = json.dumps([list(secret_hit(pixel.pk))[:6]]).encode()
    record = struct.pack(">II", len(payload), zlib.crc32(payload)) + payload
    (tmp_path / "00000000000000000001-1-old.spool").write_bytes(record)
    writer = open_writer()
    assert Spool(tmp_path).replay(writer.write) == 1
    writer.close()
    assert counts_of(campaign).opens == 1
