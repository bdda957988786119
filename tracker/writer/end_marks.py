"""End marks of a group: apart from its opens, and what is to be recorded of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tracker.hits import Hit
from tracker.verdicts import Judge, Verdict

# PostgreSQL's statement: end marks of whom all may be recorded, in campaigns that have any. Before
# the group's opens, and in the order of the pixels' ids, as every writer does.
WRITE_END_LOADS = """
WITH loaded AS (
    INSERT INTO tracker_endload AS stored (pixel_id, first_loaded_at)
    SELECT pixel.id, timestamptz 'epoch' + min(one.microseconds) * interval '1 microsecond'
    FROM unnest(%(pixel_ids)s::bigint[], %(microseconds)s::bigint[], %(are_machines)s::boolean[])
        AS one (pixel_id, microseconds, is_machine)
    JOIN tracker_pixel AS pixel ON pixel.id = one.pixel_id AND pixel.tracking < 1
    JOIN tracker_endmarks AS option ON option.campaign_id = pixel.campaign_id
    WHERE pixel.is_test OR NOT one.is_machine
    GROUP BY pixel.id
    ORDER BY pixel.id
    ON CONFLICT (pixel_id) DO UPDATE SET first_loaded_at = excluded.first_loaded_at
        WHERE stored.first_loaded_at > excluded.first_loaded_at
    RETURNING pixel_id
),

changed AS (
    SELECT pixel.campaign_id, count(*) AS changes
    FROM loaded JOIN tracker_pixel AS pixel ON pixel.id = loaded.pixel_id
    GROUP BY 1
),

locked AS (
    SELECT changed.* FROM changed JOIN tracker_endmarks AS option USING (campaign_id)
    ORDER BY campaign_id
    FOR UPDATE OF option
)

UPDATE tracker_endmarks AS option SET changes = option.changes + locked.changes
FROM locked WHERE option.campaign_id = locked.campaign_id
"""

# SQLite's: the same in steps.
FIND_ENDS = """
SELECT pixel.id, pixel.campaign_id, pixel.is_test FROM tracker_pixel AS pixel
JOIN tracker_endmarks AS option ON option.campaign_id = pixel.campaign_id
WHERE pixel.tracking = 0 AND pixel.id IN (SELECT value FROM json_each(%s))
"""
ADD_END_LOAD = """
INSERT INTO tracker_endload (pixel_id, first_loaded_at) VALUES (%s, %s)
ON CONFLICT (pixel_id) DO UPDATE SET first_loaded_at = excluded.first_loaded_at
    WHERE first_loaded_at > excluded.first_loaded_at
"""
ADD_CHANGES = "UPDATE tracker_endmarks SET changes = changes + %s WHERE campaign_id = %s"


class EndMark(NamedTuple):
    """The earliest load of a pixel's end mark in this group, by machines or by all others."""

    pixel_id: int
    loaded_at: int  # microseconds since 1970, UTC
    is_machine: bool


def apart(hits: Sequence[Hit], judge: Callable[[], Judge]) -> tuple[Sequence[Hit], list[EndMark]]:
    """The hits that are opens, and the end marks; most groups have none.

    A scanner or a privacy proxy loads every image of a mail and shows it to nobody, so what it
    loads tells nothing of the copy that a person sees. It proves to whoever tests that the mark
    works, though: of test pixels it counts.
    """
    if not any(hit.is_end_mark for hit in hits):
        return hits, []
    earliest: dict[tuple[int, bool], int] = {}
    for hit in hits:
        if hit.is_end_mark and not hit.is_anonymous:
            verdict, _ = judge().verdict_and_rule(hit.user_agent, hit.ip)
            key = hit.pixel_id, Verdict.of_number(verdict).is_machine
            earliest[key] = min(hit.opened_at, earliest.get(key, hit.opened_at))
    marks = [EndMark(pixel_id, at, machine) for (pixel_id, machine), at in earliest.items()]
    return [hit for hit in hits if not hit.is_end_mark], sorted(marks)
