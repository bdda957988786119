"""Results as Markdown, and their place in docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.contestants import NGINX, PLAIN, Contestant
from benchmarks.growth import Growth
from benchmarks.measure import Measurement, Results, Spread, spread
from benchmarks.servers import ROOT

DOCUMENT = ROOT / "docs" / "performance.md"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def speed_table(
    results: Results, contestants: Sequence[Contestant], connections: Iterable[int]
) -> str:
    head = ["contestant", "connections", "hits/s, median (min–max)", "× plain view", "of nginx"]
    head += ["p50 ms", "p99 ms", "p99 / p50"]
    rows = [
        speed_row(results, contestant, number)
        for number in connections
        for contestant in contestants
    ]
    return table(head, rows)


def speed_row(results: Results, contestant: Contestant, connections: int) -> list[str]:
    name = contestant.name
    measurements = results.of(name, connections)
    rate = spread(one.load.rate for one in measurements)
    return [
        contestant.title,
        str(connections),
        f"{rate.median:,.0f} ({rate.least:,.0f}–{rate.most:,.0f})",
        ratio_text(results.ratio(name, PLAIN, connections), 1),
        ratio_text(results.ratio(name, NGINX, connections), 2),
        f"{spread(one.load.median for one in measurements).median * 1000:.1f}",
        f"{spread(one.load.p99 for one in measurements).median * 1000:.1f}",
        f"{results.tail(name, connections).median:.1f}",
    ]


def ratio_text(ratio: Spread | None, digits: int) -> str:
    if ratio is None:
        return "–"
    return f"{ratio.median:.{digits}f} ({ratio.least:.{digits}f}–{ratio.most:.{digits}f})"


def check_table(results: Results, contestants: Sequence[Contestant]) -> str:
    head = ["contestant", "measurements", "answered", "recorded", "counted", "all kept"]
    rows = []
    for contestant in contestants:
        measurements = results.of(contestant.name)
        kept = sum(one.is_consistent for one in measurements)
        rows.append(
            [
                contestant.title,
                str(len(measurements)),
                f"{sum(one.load.answered for one in measurements):,}",
                total(one.recorded for one in measurements),
                total(one.counted for one in measurements),
                f"{kept} of {len(measurements)}" if contestant.ledger else "keeps nothing",
            ]
        )
    return table(head, rows)


def total(numbers: Iterable[int | None]) -> str:
    known = [number for number in numbers if number is not None]
    return f"{sum(known):,}" if known else "–"


def cost_table(
    results: Results, contestants: Sequence[Contestant], grown: Mapping[str, int]
) -> str:
    """``grown``: bytes by which each contestant's opens grew over the whole run."""
    head = ["contestant", "connections", "hits per group", "statements per hit", "bytes per open"]
    rows = []
    for contestant in contestants:
        recorded = sum(one.recorded or 0 for one in results.of(contestant.name))
        size = f"{grown[contestant.name] / recorded:.0f}" if grown.get(contestant.name) else "–"
        by_connections: dict[int, list[Measurement]] = {}
        for one in results.of(contestant.name):
            if one.groups:
                by_connections.setdefault(one.connections, []).append(one)
        for connections, measurements in by_connections.items():
            hits = sum(one.recorded or 0 for one in measurements)
            groups = sum(one.groups or 0 for one in measurements)
            statements = f"{groups / hits:.4f}" if contestant.one_statement_a_group else "–"
            rows.append([contestant.title, str(connections), f"{hits / groups:.0f}", statements])
            rows[-1].append(size)
        if not by_connections and contestant.name == PLAIN:
            rows.append([contestant.title, "any", "1", "3", size])
    return table(head, rows)


def growth_table(grown: Sequence[Growth], results: Results, connections: int) -> str:
    """Cost per hit beside the first stock's under the same load, within each round; the median."""
    head = [
        "load",
        "already stored",
        "hits/s, median (min–max)",
        "cost per hit",
        "p50 ms",
        "p99 ms",
    ]
    rows = []
    for growth in grown:
        base = growth.stocks[0][0]
        for name, title in growth.stocks:
            measurements = results.of(name, connections)
            rate = spread(one.load.rate for one in measurements)
            cost = results.ratio(base, name, connections)
            rows.append(
                [
                    growth.load,
                    title,
                    f"{rate.median:,.0f} ({rate.least:,.0f}–{rate.most:,.0f})",
                    f"{(cost.median - 1) * 100:+.0f} %" if cost else "–",
                    f"{spread(one.load.median for one in measurements).median * 1000:.1f}",
                    f"{spread(one.load.p99 for one in measurements).median * 1000:.1f}",
                ]
            )
    return table(head, rows)


def write_section(name: str, content: str, document: Path = DOCUMENT) -> None:
    """Replaces what stands between the two comments that carry the section's name."""
    begin, end = f"<!-- {name}: written by python -m benchmarks -->", f"<!-- end of {name} -->"
    text = document.read_text()
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"{document.name} has no section {name!r} to write into")
    document.write_text(f"{before}{begin}\n\n{content}\n\n{end}{after}")
