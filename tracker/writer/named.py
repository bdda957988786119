"""Hits of list snippets, which name a person, become hits of these persons' own pixels.

One query for all of a group. From there on nothing tells such a hit from any other one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from campaigns.models import email_key
from campaigns.models.keys import network_form
from tracker.hits import Hit
from tracker.list_hits import ADDRESS_LENGTH, Name, Unnamed
from tracker.misses import Kind

# An address has at most that many spellings that are looked up, the likeliest first.
MOST_SPELLINGS = 8

ASKED = {
    "postgresql": """
        SELECT number, campaign_id, email_key, recipient_id
        FROM jsonb_to_recordset(%s::jsonb)
            AS one (number bigint, campaign_id bigint, email_key text, recipient_id bigint)
    """,
    "sqlite": """
        SELECT json_extract(value, '$.number') AS number,
            json_extract(value, '$.campaign_id') AS campaign_id,
            json_extract(value, '$.email_key') AS email_key,
            json_extract(value, '$.recipient_id') AS recipient_id
        FROM json_each(%s)
    """,
}
# The address that an erased person's stub has names nobody; a code names the stub, whose opens go
# on to count.
FIND = """
WITH asked AS ({asked})
SELECT asked.number, pixel.id
FROM asked
JOIN campaigns_recipient AS recipient ON recipient.email_key = asked.email_key
JOIN tracker_pixel AS pixel
    ON pixel.campaign_id = asked.campaign_id AND pixel.recipient_id = recipient.id
WHERE recipient.erased_at IS NULL
UNION ALL
SELECT asked.number, pixel.id
FROM asked
JOIN tracker_pixel AS pixel
    ON pixel.campaign_id = asked.campaign_id AND pixel.recipient_id = asked.recipient_id
"""


def with_pixels(
    hits: Sequence[Hit], connection: BaseDatabaseWrapper
) -> tuple[Sequence[Hit], Counter[Kind]]:
    """Without the hits that name nobody, and how many these were.

    Whoever has no pixel in the campaign is not made a part of it: people are never invented.
    """
    missed: Counter[Kind] = Counter()
    named = [hit for hit in hits if hit.campaign_id]
    if not named:
        return hits, missed
    pixels = _find(named, connection)
    found = []
    for hit in hits:
        if hit.campaign_id:
            pixel_id = pixels.get(hit.id)
            if pixel_id is None:
                if not hit.is_end_mark:  # the snippet above it has told of the same miss
                    missed[hit.campaign_id, Unnamed.UNMATCHED] += 1
                continue
            hit = hit._replace(pixel_id=pixel_id, campaign_id=0, name="")
        found.append(hit)
    return found, missed


def _find(hits: Sequence[Hit], connection: BaseDatabaseWrapper) -> dict[int, int]:
    """Each hit's pixel, by the hit's id."""
    # Numbered so that the least is the likeliest spelling.
    asked = {
        place * MOST_SPELLINGS + number: (hit.id, {"campaign_id": hit.campaign_id, **key})
        for place, hit in enumerate(hits)
        for number, key in enumerate(_keys(hit.name))
    }
    rows = [{"number": number, **row} for number, (_, row) in asked.items()]
    with connection.cursor() as cursor:
        cursor.execute(FIND.format(asked=ASKED[connection.vendor]), [json.dumps(rows)])
        answers = cursor.fetchall()
    pixels: dict[int, int] = {}
    for number, pixel_id in sorted(answers):
        pixels.setdefault(asked[number][0], pixel_id)
    return pixels


def _keys(name: Name) -> Iterator[dict[str, str | int | None]]:
    if isinstance(name, int):
        yield {"email_key": None, "recipient_id": name}
        return
    for key in spellings(name)[:MOST_SPELLINGS]:
        yield {"email_key": key, "recipient_id": None}


def spellings(name: str) -> list[str]:
    """The keys under which this person may have been imported, the likeliest first."""
    # See tracker.list_hits.Name.
    texts = [f"+{name[1:]}", name[1:]] if name.startswith(" ") else [name]
    keys = [form for text in texts for form in _with_either_domain(email_key(text))]
    return [key for key in dict.fromkeys(keys) if len(key) <= ADDRESS_LENGTH]


def _with_either_domain(key: str) -> list[str]:
    """Letters of another width are the same domain; and some keys stayed as the network has them,
    because both spellings were recipients when the keys were renewed."""
    network = network_form(key)
    return [key] if network == key else [key, email_key(network), network]
