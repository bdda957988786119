"""One campaign's breakdowns added up: two grouped queries, folded while they are read.

Memory does not grow with the campaign: domains and agents stream past in groups. On PostgreSQL the
cursor that they stream through also keeps the query on one core, which leaves the others to hits.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.db.models import CharField, Count, F, FilteredRelation, Func, Q, Value

from campaigns.models import Campaign
from campaigns.tombstones import STUB_DOMAIN
from tracker.breakdowns.programs import OTHER_PROGRAMS, UNKNOWN, Program, program_of
from tracker.breakdowns.providers import OTHER_DOMAINS, provider_of
from tracker.end_marks import end_marks_of
from tracker.models import Breakdown, Pixel, PixelTracking, UniqueOpen
from tracker.verdicts import LEAST_HUMAN, Verdict

# A domain of fewer recipients might be a family's, a provider's line one person's: they stand
# among the others.
LEAST_RECIPIENTS = 5
# Of test pixels and stand-ins, and of people who were erased.
NOBODYS = ("", STUB_DOMAIN)
# Domains with a line of their own, beside the providers.
MOST_DOMAINS = 15
# Lines of clients and systems; the rest are added up. Invented agents make no more.
MOST_PROGRAMS = 24
# Names remembered while counting: anyone may send an agent that names what no list knows.
MOST_NAMES = 5_000
ROWS_READ = 2_000

KINDS_OF_PROGRAM = (
    Breakdown.Kind.CLIENT,
    Breakdown.Kind.OPERATING_SYSTEM,
    Breakdown.Kind.DEVICE,
)


class Domain(Func):
    """What stands behind the last @ of an address."""

    output_field = CharField()
    arity = 1

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(
            compiler, connection, template="split_part(%(expressions)s, '@', -1)", **context
        )

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Without a function for it: cut off what is left of everything behind the last @.
        sql, parameters = compiler.compile(self.source_expressions[0])
        template = f"substr({sql}, length(rtrim({sql}, replace({sql}, '@', ''))) + 1)"
        return template, [*parameters] * 3


class Sums(NamedTuple):
    """Of one provider; in the order of the query's columns, and of the stored ones."""

    recipients: int = 0
    sent: int = 0
    bounces: int = 0
    unique_opens: int = 0
    unique_human_opens: int = 0
    unique_unknown_opens: int = 0
    unique_prefetch_opens: int = 0
    end_loads: int = 0

    def plus(self, other: Sums) -> Sums:
        return Sums(*map(sum, zip(self, other, strict=True)))


def breakdowns_of(campaign: Campaign) -> list[Breakdown]:
    """All lines, not stored. Reads every pixel and every unique open of the campaign once.

    Only of recipients whose opens are linked to them. Nobody knows which provider's recipient an
    anonymous open is of; so an anonymous recipient must not stand below a rate either, and no line
    can tell of them.
    """
    return [
        *(
            Breakdown(
                campaign=campaign, kind=Breakdown.Kind.PROVIDER, key=key, **provider._asdict()
            )
            for key, provider in fold_domains(sums_by_domain(campaign)).items()
        ),
        *(
            Breakdown(campaign=campaign, kind=kind, key=key, unique_human_opens=people)
            for kind, counted in fold_agents(people_by_agent(campaign)).items()
            for key, people in counted.items()
        ),
    ]


def sums_by_domain(campaign: Campaign) -> Iterator[tuple[str, Sums]]:
    verdict = "best__verdict"
    is_human = Q(**{f"{verdict}__gte": LEAST_HUMAN})
    # No campaign without end marks is joined with their table.
    has_ends = end_marks_of(campaign) is not None
    rows = (
        Pixel.objects.of_recipients()
        .linked()
        .filter(campaign=campaign)
        # The campaign twice, so that the database can walk the index of its openers.
        .annotate(
            best=FilteredRelation("unique_open", condition=Q(unique_open__campaign=campaign.pk)),
            domain=Domain(F("recipient__email_key")),
        )
        .order_by()
        .values_list("domain")
        .annotate(
            recipients=Count("pk"),
            sent=Count("sent_at"),
            bounces=Count("bounced_at"),
            unique_opens=Count("best"),
            human=Count(verdict, filter=is_human),
            unknown=Count(verdict, filter=Q(**{verdict: Verdict.UNKNOWN.number})),
            prefetch=Count(verdict, filter=Q(**{verdict: Verdict.PRIVACY_PREFETCH.number})),
            ends=Count("end_load", filter=is_human) if has_ends else Value(0),
        )
    )
    for domain, *sums in rows.iterator(ROWS_READ):
        yield domain or "", Sums(*sums)


def people_by_agent(campaign: Campaign) -> Iterator[tuple[str, int]]:
    """The agent of each opener's last open; whose best open was no person's do not count."""
    linked = {"pixel__is_stand_in": False, "pixel__tracking": PixelTracking.IDENTIFIED}
    rows = (
        UniqueOpen.objects.filter(
            campaign=campaign, is_test=False, verdict__gte=LEAST_HUMAN, **linked
        )
        .order_by()
        .values_list("last_user_agent__text")
        .annotate(Count("pk"))
    )
    for agent, people in rows.iterator(ROWS_READ):
        yield agent or "", people


def fold_domains(rows: Iterable[tuple[str, Sums]]) -> dict[str, Sums]:
    """Providers, the domains with the most recipients, and all the others in one.

    The others may be few, but nothing says what they are.
    """
    providers: dict[str, Sums] = {}
    others = Sums()
    # The smallest first, by recipients and then by name: who comes may push it out.
    largest: list[tuple[int, str, Sums]] = []
    for domain, sums in rows:
        provider = provider_of(domain)
        if provider is not None:
            providers[provider] = providers.get(provider, Sums()).plus(sums)
        elif sums.recipients < LEAST_RECIPIENTS or domain in NOBODYS:
            others = others.plus(sums)
        else:
            heapq.heappush(largest, (sums.recipients, domain, sums))
            if len(largest) > MOST_DOMAINS:
                others = others.plus(heapq.heappop(largest)[-1])
    for key in [key for key, sums in providers.items() if sums.recipients < LEAST_RECIPIENTS]:
        others = others.plus(providers.pop(key))
    folded = providers | {domain: sums for _, domain, sums in largest}
    if others.recipients:
        folded[OTHER_DOMAINS] = others
    return folded


def fold_agents(rows: Iterable[tuple[str, int]]) -> dict[Breakdown.Kind, dict[str, int]]:
    """People by client, by system and by device; each adds up to all of the rows."""
    counted: tuple[dict[str, int], ...] = ({}, {}, {})
    for agent, people in rows:
        program: Program = program_of(agent)
        for counts, name in zip(counted, program, strict=True):
            key = name if name in counts or len(counts) < MOST_NAMES else OTHER_PROGRAMS
            counts[key] = counts.get(key, 0) + people
    return dict(zip(KINDS_OF_PROGRAM, map(_most, counted), strict=True))


def _most(counts: dict[str, int]) -> dict[str, int]:
    """The most frequent; what is unknown is never hidden among the others."""
    unknown = counts.pop(UNKNOWN, 0)
    others = counts.pop(OTHER_PROGRAMS, 0)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = dict(ordered[:MOST_PROGRAMS])
    others += sum(people for _, people in ordered[MOST_PROGRAMS:])
    return kept | {key: n for key, n in ((OTHER_PROGRAMS, others), (UNKNOWN, unknown)) if n}
