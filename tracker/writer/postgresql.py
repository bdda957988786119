"""The group as one statement of PostgreSQL: opens, pixels, counts and quarters, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import psycopg
from django.db import IntegrityError, OperationalError
from psycopg.pq import ExecStatus

from tracker.hits import Hit
from tracker.verdicts import LEAST_HUMAN, RULES_VERSION, Verdict
from tracker.writer.base import AgentIds, Numbers, Writer, private_connection
from tracker.writer.end_marks import WRITE_END_LOADS, EndMark
from tracker.writer.keeping import NONE

# Before the first group of a connection. Stored rows are always found by key, so the plan is
# known: it must not depend on statistics that are as old as the last ANALYZE (an empty table of
# pixels may hold millions a minute later).
PREPARE_CONNECTION = """
SET enable_seqscan = off;
SET enable_mergejoin = off;
SET plan_cache_mode = force_generic_plan;
SET jit = off;
-- tracker.consent finds the groups that are being written by it.
SET application_name = 'glimpse writer'
"""

# So many times a statement has to come before psycopg prepares it by itself.
ONLY_ON_REQUEST = 2**31

VERDICT_NAMES = [f"{verdict.value}_opens" for verdict in Verdict]
VERDICT_COUNTS = ", ".join(VERDICT_NAMES)
OPENS_BY_VERDICT = ", ".join(
    f"count(*) FILTER (WHERE verdict = {verdict.number}) AS {verdict.value}_opens"
    for verdict in Verdict
)
SUMS_OF_VERDICTS = ", ".join(f"sum({name})" for name in VERDICT_NAMES)
# How many pixels more or less are of a kind: of one pixel.
CHANGES_OF_KIND = ", ".join(
    f"(verdict = {kind.number})::int - coalesce((previous_verdict = {kind.number})::int, 0)"
    for kind in (Verdict.UNKNOWN, Verdict.PRIVACY_PREFETCH)
)
ADDED_UP = ", ".join(
    f"{name} = stored.{name} + excluded.{name}"
    for name in (
        "opens",
        *VERDICT_NAMES,
        "unique_opens",
        "unique_human_opens",
        "unique_unknown_opens",
        "unique_prefetch_opens",
    )
)

# Arrays in their text form: one parse by the server instead of one Python call per element.
ONE_HIT_A_ROW = """unnest(%(ids)s::uuid[], %(pixel_ids)s::bigint[], %(microseconds)s::bigint[],
                %(verdicts)s::smallint[], %(rules)s::smallint[],
                %(are_at_ceiling)s::boolean[], %(ips)s::inet[], %(user_agent_ids)s::bigint[])
         AS one (id, pixel_id, microseconds, verdict, rule, is_at_ceiling, ip, user_agent_id)"""
OPENED_AT = "timestamptz 'epoch' + microseconds * interval '1 microsecond'"

# What may have been recorded by an earlier try, in part or in whole, and more than one hit of a
# pixel: each of these takes time that most groups can save.
ANY_HITS = f"""
WITH hit AS MATERIALIZED (
    SELECT id, pixel_id, verdict, rule, is_at_ceiling, ip, user_agent_id, {OPENED_AT} AS opened_at
    FROM {ONE_HIT_A_ROW}
),

pixel AS MATERIALIZED (
{{pixels}}
),

-- What was recorded by an earlier try is left out here, and so everywhere below.
recorded AS (
    INSERT INTO tracker_open
        (id, pixel_id, opened_at, verdict, rule, rules_version, is_at_ceiling, ip, user_agent_id)
    SELECT hit.id, hit.pixel_id, hit.opened_at, hit.verdict, hit.rule,
           %(rules_version)s::smallint, hit.is_at_ceiling, hit.ip, hit.user_agent_id
    -- Not "= 0": of that the planner would expect a single row, and compare each with each.
    FROM hit JOIN pixel ON pixel.id = hit.pixel_id AND pixel.tracking < 1
    ON CONFLICT (id) DO NOTHING
    RETURNING id, pixel_id, opened_at, verdict, ip, user_agent_id
),

seen AS MATERIALIZED (
    SELECT recorded.*, pixel.campaign_id, pixel.is_test
    FROM recorded JOIN pixel ON pixel.id = recorded.pixel_id
),

folded AS MATERIALIZED (
    SELECT last.*, each.opens, each.human_opens, each.first_opened_at, each.verdict,
           each.first_human_opened_at
    FROM (
        SELECT DISTINCT ON (pixel_id) pixel_id, campaign_id, is_test,
               opened_at AS last_opened_at, ip AS last_ip, user_agent_id AS last_user_agent_id
        FROM seen
        ORDER BY pixel_id, opened_at DESC, id DESC
    ) AS last
    JOIN (
        SELECT pixel_id, count(*) AS opens, min(opened_at) AS first_opened_at,
               max(verdict) AS verdict,
               count(*) FILTER (WHERE verdict >= {LEAST_HUMAN}) AS human_opens,
               min(opened_at) FILTER (WHERE verdict >= {LEAST_HUMAN}) AS first_human_opened_at
        FROM seen
        GROUP BY pixel_id
    ) AS each ON each.pixel_id = last.pixel_id
),
"""

# One hit of each pixel, none recorded yet: nothing to fold, nothing to look up. If one was
# recorded, the database refuses the whole.
NEW_HITS = f"""
WITH pixel AS MATERIALIZED (
    SELECT one.id AS hit_id, pixel.id, verdict, rule, is_at_ceiling, ip, user_agent_id,
           {OPENED_AT} AS opened_at, campaign_id, is_test, tracking
    FROM {ONE_HIT_A_ROW}
    JOIN tracker_pixel AS pixel ON pixel.id = one.pixel_id
),

seen AS NOT MATERIALIZED (
    SELECT * FROM pixel WHERE tracking < 1
),

recorded AS (
    INSERT INTO tracker_open
        (id, pixel_id, opened_at, verdict, rule, rules_version, is_at_ceiling, ip, user_agent_id)
    SELECT hit_id, id, opened_at, verdict, rule,
           %(rules_version)s::smallint, is_at_ceiling, ip, user_agent_id
    FROM seen
    RETURNING 1
),

folded AS (
    SELECT id AS pixel_id, campaign_id, is_test, opened_at AS last_opened_at, ip AS last_ip,
           user_agent_id AS last_user_agent_id, 1 AS opens, opened_at AS first_opened_at, verdict,
           (verdict >= {LEAST_HUMAN})::int AS human_opens,
           CASE WHEN verdict >= {LEAST_HUMAN} THEN opened_at END AS first_human_opened_at
    FROM seen
    -- Only here to keep the order of locks: opens before unique opens.
    WHERE (SELECT count(*) FROM recorded) > 0
),
"""

COUNTED = f"""
-- Locked in the order of the pixels' ids, as every writer does.
touched AS (
    INSERT INTO tracker_uniqueopen AS stored
        (pixel_id, campaign_id, is_test, open_count, human_open_count, first_opened_at,
         last_opened_at, verdict, first_human_opened_at, last_user_agent_id, last_ip)
    SELECT pixel_id, campaign_id, is_test, opens, human_opens, first_opened_at,
           last_opened_at, verdict, first_human_opened_at, last_user_agent_id, last_ip
    FROM folded
    ORDER BY pixel_id
    ON CONFLICT (pixel_id) DO UPDATE SET
        open_count = stored.open_count + excluded.open_count,
        human_open_count = stored.human_open_count + excluded.human_open_count,
        first_opened_at = least(stored.first_opened_at, excluded.first_opened_at),
        previous_first_opened_at = stored.first_opened_at,
        last_opened_at = greatest(stored.last_opened_at, excluded.last_opened_at),
        verdict = greatest(stored.verdict, excluded.verdict),
        previous_verdict = stored.verdict,
        first_human_opened_at =
            least(stored.first_human_opened_at, excluded.first_human_opened_at),
        previous_first_human_opened_at = stored.first_human_opened_at,
        last_ip = CASE WHEN stored.last_opened_at > excluded.last_opened_at
            THEN stored.last_ip ELSE excluded.last_ip END,
        last_user_agent_id = CASE WHEN stored.last_opened_at > excluded.last_opened_at
            THEN stored.last_user_agent_id ELSE excluded.last_user_agent_id END
    RETURNING pixel_id, campaign_id, is_test, verdict, previous_verdict,
              last_opened_at, first_opened_at, previous_first_opened_at,
              first_human_opened_at, previous_first_human_opened_at
),

-- What became another with this group: where it is counted, and how much more there is of it. A
-- unique open belongs to the quarter of the pixel's first open: one that arrives late but was
-- earlier takes it along. The same with human opens.
change AS (
    SELECT campaign_id, change.*
    FROM touched CROSS JOIN LATERAL (VALUES
        (first_opened_at, previous_first_opened_at, 1, 0, 0, 0),
        (previous_first_opened_at, first_opened_at, -1, 0, 0, 0),
        (first_human_opened_at, previous_first_human_opened_at, 0, 1, 0, 0),
        (previous_first_human_opened_at, first_human_opened_at, 0, -1, 0, 0),
        -- Of these there is one number for the campaign: in whichever quarter.
        (CASE WHEN verdict IS DISTINCT FROM previous_verdict THEN last_opened_at END, NULL, 0, 0,
         {CHANGES_OF_KIND})
    ) AS change (at, instead_of, unique_opens, unique_human_opens, unknown, prefetch)
    WHERE NOT is_test AND at IS DISTINCT FROM instead_of AND at IS NOT NULL
),

by_quarter AS MATERIALIZED (
    SELECT campaign_id, date_bin('15 minutes', at, timestamptz 'epoch') AS starts_at,
           count(verdict) AS opens, max(at) FILTER (WHERE verdict IS NOT NULL) AS last_opened_at,
           {OPENS_BY_VERDICT}, sum(unique_opens) AS unique_opens,
           sum(unique_human_opens) AS unique_human_opens,
           sum(unknown) AS unknown, sum(prefetch) AS prefetch
    FROM (
        SELECT campaign_id, opened_at AS at, verdict, 0 AS unique_opens, 0 AS unique_human_opens,
               0 AS unknown, 0 AS prefetch
        FROM seen
        WHERE NOT is_test
        UNION ALL
        SELECT campaign_id, at, NULL, unique_opens, unique_human_opens, unknown, prefetch
        FROM change
    ) AS each
    GROUP BY 1, 2
),

campaign AS (
    INSERT INTO tracker_campaigncounts AS stored
        (campaign_id, recipients, sent, bounces, last_opened_at, opens, {VERDICT_COUNTS},
         unique_opens, unique_human_opens, unique_unknown_opens, unique_prefetch_opens)
    SELECT campaign_id, 0, 0, 0, max(last_opened_at), sum(opens), {SUMS_OF_VERDICTS},
           sum(unique_opens), sum(unique_human_opens), sum(unknown), sum(prefetch)
    FROM by_quarter
    GROUP BY campaign_id
    ORDER BY campaign_id
    ON CONFLICT (campaign_id) DO UPDATE SET
        last_opened_at = greatest(stored.last_opened_at, excluded.last_opened_at),
        {ADDED_UP}
    RETURNING campaign_id
),

counted AS (
    INSERT INTO tracker_quarterhourcounts AS stored
        (campaign_id, starts_at, opens, unique_opens, human_opens, unique_human_opens)
    SELECT by_quarter.campaign_id, starts_at, opens, unique_opens,
           human_client_opens + image_proxy_on_open_opens, unique_human_opens
    FROM by_quarter
    -- Only here to keep the order of locks: campaigns before quarters.
    JOIN campaign ON campaign.campaign_id = by_quarter.campaign_id
    ORDER BY 1, 2
    ON CONFLICT (campaign_id, starts_at) DO UPDATE SET
        opens = stored.opens + excluded.opens,
        unique_opens = stored.unique_opens + excluded.unique_opens,
        human_opens = stored.human_opens + excluded.human_opens,
        unique_human_opens = stored.unique_human_opens + excluded.unique_human_opens
)

SELECT (SELECT count(*) FROM recorded), (SELECT array_agg(id) FROM pixel WHERE tracking = 1)
"""


class Statement(NamedTuple):
    """``parameters``: the names of those that $1, $2 and so on in the text stand for."""

    name: bytes
    text: bytes
    parameters: Sequence[str]

    def values(self, parameters: Mapping[str, str]) -> list[str]:
        return [parameters[name] for name in self.parameters]


def numbered(name: bytes, text: str) -> Statement:
    """psycopg would look for the names through all of a long text each time that it runs."""
    places: dict[str, str] = {}

    def place(match: re.Match[str]) -> str:
        return places.setdefault(match[1], f"${len(places) + 1}")

    return Statement(name, re.sub(r"%\((\w+)\)s", place, text).encode(), list(places))


# These two tell which pixels are anonymous, and write the hits of those that are identified.
WRITE_NEW = numbered(b"new", NEW_HITS + COUNTED)
WRITE_ANY = numbered(
    b"any",
    ANY_HITS.format(
        pixels="""    SELECT id, campaign_id, is_test, tracking
    FROM tracker_pixel
    WHERE id = ANY(%(distinct_pixel_ids)s::bigint[])"""
    )
    + COUNTED,
)
# Writes hits for stand-ins. Whoever went off a moment ago is left out, whoever became identified
# is not: what was answered is kept. A stand-in of another campaign's would be a collision.
WRITE_ANONYMOUS = numbered(
    b"anonymous",
    ANY_HITS.format(
        pixels="""    SELECT stand_in.id, stand_in.campaign_id, stand_in.is_test, 0 AS tracking
    FROM unnest(%(own_ids)s::bigint[], %(stand_in_ids)s::bigint[]) AS pair (own_id, stand_in_id)
    JOIN tracker_pixel AS own ON own.id = pair.own_id AND own.tracking <> 2
    JOIN tracker_pixel AS stand_in
        ON stand_in.id = pair.stand_in_id AND stand_in.campaign_id = own.campaign_id"""
    )
    + COUNTED,
)

FIND_TESTS = "SELECT id FROM tracker_pixel WHERE id = ANY(%s::bigint[]) AND is_test"
# Made at the first anonymous open, not when the recipient chose: nothing tells the two together.
ADD_STAND_INS = """
INSERT INTO tracker_pixel (id, campaign_id, is_test, is_stand_in, tracking)
SELECT pair.stand_in_id, own.campaign_id, false, true, 0
FROM unnest(%s::bigint[], %s::bigint[]) AS pair (own_id, stand_in_id)
JOIN tracker_pixel AS own ON own.id = pair.own_id AND own.tracking <> 2 AND NOT own.is_test
ORDER BY 1
ON CONFLICT DO NOTHING
"""


class Plain(NamedTuple):
    """A group that one statement writes, ready to be sent; its hits as they came."""

    hits: Sequence[Hit]
    verdicts: Sequence[Numbers]
    statement: Statement
    values: Sequence[bytes]


class FastConnection(NamedTuple):
    """It knows the statements of plain groups by their names.

    ``agents_epoch``: which numbers of agents it goes with.
    """

    connection: psycopg.Connection[Any]
    agents_epoch: int


class PostgresqlWriter(Writer):
    @property
    def agents_epoch(self) -> int:
        """Another after each connection: one to another server, after a failover, may know other
        agents by the same numbers. Reads as new before the first of the old is forgotten."""
        return self._connections

    def plain(self, hits: Sequence[Hit]) -> Plain | None:
        """None where more is to be done: an agent is new, or a hit is a list snippet's, an end mark
        or anonymous. Asks no database and blocks nobody.
        """
        if any(hit.campaign_id or hit.is_end_mark or hit.is_anonymous for hit in hits):
            return None
        agent_ids: list[int | None] = [None] * len(hits)
        if self._keeping.agent != NONE:
            # Read once: the thread that writes may forget them meanwhile.
            agent_ids = [self._agent_ids.get(hit.user_agent) for hit in hits]
            if None in agent_ids:
                return None
        verdicts = self._verdicts(hits)
        stored = self._keeping.of(hits)
        statement = WRITE_NEW if _are_of_as_many_pixels(hits) else WRITE_ANY
        values = statement.values(as_parameters(stored, agent_ids, verdicts))
        return Plain(hits, verdicts, statement, [value.encode() for value in values])

    def hide(self, group: Plain, anonymous: set[int]) -> int:
        """What is left to do for a plain group that is written: the hits of these pixels."""
        hide = partial(self._write_hidden, group.hits, group.verdicts, anonymous)
        return self._try_to(hide, len(group.hits))

    def connect_fast(self) -> FastConnection:
        """For ``tracker.writer.pipeline``; all agents are asked for anew after it."""
        django = private_connection(self._connection.alias)
        try:
            django.ensure_connection()
            with django.cursor() as cursor:
                cursor.execute(PREPARE_CONNECTION)
            for statement in (WRITE_NEW, WRITE_ANY):
                prepared = django.connection.pgconn.prepare(statement.name, statement.text)
                if prepared.status != ExecStatus.COMMAND_OK:
                    raise OperationalError(prepared.error_message.decode(errors="replace"))
            with self._lock:
                self.close()
                return FastConnection(django.connection, self.agents_epoch)
        except BaseException:
            django.close()
            raise

    def _write(
        self,
        hits: Sequence[Hit],
        agent_ids: AgentIds,
        verdicts: Sequence[Numbers],
        end_marks: Sequence[EndMark],
    ) -> int:
        identified = [
            one for one in zip(hits, agent_ids, verdicts, strict=True) if not one[0].is_anonymous
        ]
        of_these = _columns(identified)
        parameters = as_parameters(*of_these)
        if end_marks:
            recorded, anonymous = self._write_with_end_marks(end_marks, parameters)
        else:
            recorded, anonymous = self._write_identified(of_these[0], parameters)
        return recorded + self._write_hidden(hits, verdicts, anonymous)

    def _write_identified(
        self, hits: Sequence[Hit], parameters: dict[str, str]
    ) -> tuple[int, set[int]]:
        """How many were recorded, and which pixels are anonymous."""
        if _are_of_as_many_pixels(hits):
            try:
                return self._run(WRITE_NEW, parameters)
            except IntegrityError as error:
                # One of them was recorded, by a try that nobody knows the end of.
                if not isinstance(error.__cause__, psycopg.errors.UniqueViolation):
                    raise
        return self._run(WRITE_ANY, parameters)

    def _write_with_end_marks(
        self, end_marks: Sequence[EndMark], parameters: dict[str, str]
    ) -> tuple[int, set[int]]:
        """Both or neither. Nothing follows in this transaction: what it has locked by then comes
        last in the order of locks."""
        ends = {
            "pixel_ids": as_array(mark.pixel_id for mark in end_marks),
            "microseconds": as_array(mark.loaded_at for mark in end_marks),
            "are_machines": as_array("t" if mark.is_machine else "f" for mark in end_marks),
        }
        with self._connection.wrap_database_errors, self._psycopg_connection().transaction():
            with psycopg.Cursor(self._psycopg_connection()) as cursor:
                cursor.execute(WRITE_END_LOADS, ends, prepare=True)
            return self._run(WRITE_ANY, parameters)

    def _write_hidden(
        self, hits: Sequence[Hit], verdicts: Sequence[Numbers], anonymous: set[int]
    ) -> int:
        """Those of these pixels and those that ask for it; how many were recorded."""
        # Twice is safe: each of the two recognises its hits by their ids when it is tried again.
        hidden = [
            (hit, numbers)
            for hit, numbers in zip(hits, verdicts, strict=True)
            if hit.is_anonymous or hit.pixel_id in anonymous
        ]
        return self._write_anonymous(hidden) if hidden else 0

    def _write_anonymous(self, hidden: Sequence[tuple[Hit, Numbers]]) -> int:
        stand_ins = self._stand_ins_of({hit.pixel_id for hit, _ in hidden})
        bare = [
            hit._replace(pixel_id=stand_ins[hit.pixel_id], ip=None, user_agent="")
            for hit, _ in hidden
        ]
        parameters = as_parameters(bare, [None] * len(bare), [numbers for _, numbers in hidden])
        pairs = {"own_ids": as_array(stand_ins), "stand_in_ids": as_array(stand_ins.values())}
        return self._run(WRITE_ANONYMOUS, parameters | pairs)[0]

    def _stand_ins_of(self, pixel_ids: set[int]) -> dict[int, int]:
        """Each pixel's stand-in, which is there when this returns; test pixels are their own."""
        with (
            psycopg.Cursor(self._psycopg_connection()) as cursor,
            self._connection.wrap_database_errors,
        ):
            cursor.execute(FIND_TESTS, [as_array(pixel_ids)])
            tests = {pixel_id for (pixel_id,) in cursor.fetchall()}
            pairs = {one: one if one in tests else self._stand_ins.of(one) for one in pixel_ids}
            cursor.execute(ADD_STAND_INS, [as_array(pairs), as_array(pairs.values())])
        return pairs

    def _run(self, statement: Statement, parameters: dict[str, str]) -> tuple[int, set[int]]:
        """How many were recorded, and which pixels are anonymous."""
        with (
            psycopg.RawCursor(self._psycopg_connection()) as cursor,
            self._connection.wrap_database_errors,
        ):
            cursor.execute(statement.text, statement.values(parameters), prepare=True)
            row = cursor.fetchone()
        assert row is not None
        return int(row[0]), set(row[1] or ())

    def _open(self) -> None:
        # Before agents are looked up, or the connection would be there and never be prepared.
        if self._connection.connection is None:
            self._connection.ensure_connection()  # its errors are Django's
            # Django switches prepared statements off; ours say themselves that they want to be.
            self._psycopg_connection().prepare_threshold = ONLY_ON_REQUEST
            with self._connection.cursor() as cursor:
                cursor.execute(PREPARE_CONNECTION)

    def _psycopg_connection(self) -> psycopg.Connection[Any]:
        # Beneath Django's cursor, whose parameters are spelt out in the statement's text: this
        # statement is parsed and planned once for a connection.
        return self._connection.connection  # type: ignore[no-any-return]  # Django does not say


def _are_of_as_many_pixels(hits: Sequence[Hit]) -> bool:
    return len({hit.pixel_id for hit in hits}) == len(hits)


def _columns(
    rows: Sequence[tuple[Hit, int | None, Numbers]],
) -> tuple[list[Hit], list[int | None], list[Numbers]]:
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def as_array(items: Iterable[object]) -> str:
    return "{" + ",".join(map(str, items)) + "}"


def as_parameters(
    hits: Sequence[Hit], agent_ids: AgentIds, verdicts: Sequence[Numbers]
) -> dict[str, str]:
    """The columns as array literals; safe unquoted, since none holds a comma, brace or quote."""
    pixel_ids = [str(hit.pixel_id) for hit in hits]
    columns: dict[str, Iterable[str]] = {
        "ids": [f"{hit.id:032x}" for hit in hits],
        "pixel_ids": pixel_ids,
        "microseconds": [str(hit.opened_at) for hit in hits],
        "verdicts": [str(verdict) for verdict, _ in verdicts],
        "rules": [str(rule) for _, rule in verdicts],
        "are_at_ceiling": ["t" if hit.is_at_ceiling else "f" for hit in hits],
        "ips": [hit.ip or "NULL" for hit in hits],
        "user_agent_ids": [str(agent_id or "NULL") for agent_id in agent_ids],
        "distinct_pixel_ids": set(pixel_ids),
    }
    arrays = {name: as_array(column) for name, column in columns.items()}
    return {**arrays, "rules_version": str(RULES_VERSION)}
