"""Time, queries and size of pages, as `serve` sends them, on small and very large tables."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.commands import manage
from benchmarks.contestants import Contestant, Field
from benchmarks.mailings import Mailings
from benchmarks.measure import Spread, spread
from benchmarks.options import Options
from benchmarks.rejudging import drift_of
from benchmarks.reporting import Report, is_reached
from benchmarks.servers import ROOT, inherited
from benchmarks.tables import ratio_text, table

WARM_UP = 5
# Of each campaign of the overview.
RECIPIENTS_EACH = 200
ADD_UP = """
from tracker.breakdowns.refresh import refresh_due
while refresh_due(budget=3600):
    pass
"""
ASSET = re.compile(r"""(?:href|src)="(/static/[^"]+)\"""")


@dataclass(frozen=True)
class Page:
    title: str
    path: str


# The first opener's pixel, the first campaign.
OF_A_CAMPAIGN = [
    Page("campaign report", "/campaigns/1/"),
    Page("recipient", "/campaigns/1/recipients/1/"),
    Page("comparison of two", "/campaigns/compare/?with=1&with=2"),
]
OF_ALL = [Page("overview", "/campaigns/")]


@dataclass
class Stock:
    """What one server shows, and what was measured there."""

    mailings: Mailings
    title: str
    pages: Sequence[Page]
    server: Contestant | None = None
    session: str = ""
    queries: dict[str, int] = field(default_factory=dict)
    # Seconds by page: the median of each round.
    seconds: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Size:
    """Bytes of a page with all its own assets."""

    path: str
    sent: int
    unpacked: int


def stocks_of(options: Options) -> list[list[Stock]]:
    """Pairs and more of the same pages, the smallest stock first."""
    asked = options.pages
    return [
        [
            # Two campaigns to compare.
            Stock(
                Mailings(2, recipients, 2 * recipients * asked.opens_each),
                f"{recipients:,} recipients",
                OF_A_CAMPAIGN,
            )
            for recipients in asked.recipients
        ],
        [
            Stock(
                Mailings(campaigns, RECIPIENTS_EACH, campaigns * RECIPIENTS_EACH),
                f"{campaigns:,} campaigns",
                OF_ALL,
            )
            for campaigns in asked.campaigns
        ],
    ]


def measure_pages(options: Options) -> tuple[list[list[Stock]], Size]:
    """All are loaded and served before the first is measured, and take turns."""
    kinds = stocks_of(options)
    stocks = [stock for kind in kinds for stock in kind]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="glimpse-bench-")))
        server_field = Field(options, folder, stack)
        for number, stock in enumerate(stocks):
            prepare(server_field, stock, f"pages{number}")
        for number in range(options.rounds):
            for place in range(len(stocks)):
                stock = stocks[(place + number) % len(stocks)]
                for page in stock.pages:
                    taken = median(times(stock, page, options.pages.requests))
                    stock.seconds.setdefault(page.path, []).append(taken)
                    print(f"  {page.title}, {stock.title}: {taken * 1000:.0f} ms", flush=True)
        sizes = [size_of(stock, page) for stock in stocks for page in stock.pages]
    return kinds, max(sizes, key=lambda size: size.sent)


def prepare(server_field: Field, stock: Stock, name: str) -> None:
    """Loaded, its counts proven, its breakdowns added up as the schedule does; served."""
    print(f"{stock.title}: loading {stock.mailings.opens:,} opens", flush=True)
    stock.server = server_field.glimpse_on_postgresql(stock.mailings, name, stock.title)
    environment = server_field.environment(stock.server.database_url)
    if drift := drift_of(environment):
        raise SystemExit(f"what was loaded is off by {drift:,}")
    manage(environment, "shell", "-v0", "-c", ADD_UP)
    asked = [sys.executable, "-m", "benchmarks.queries", *(page.path for page in stock.pages)]
    told = subprocess.run(
        asked,
        cwd=ROOT,
        env={**inherited(), **environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        raise SystemExit(f"the queries could not be counted:\n{told.stderr}")
    answer = json.loads(told.stdout)
    stock.session, stock.queries = answer["session"], answer["queries"]


def times(stock: Stock, page: Page, requests: int) -> list[float]:
    """Of requests one after the other on one connection, after some that warm up."""
    assert stock.server is not None
    connection = HTTPConnection("127.0.0.1", stock.server.port, timeout=60)
    seconds = []
    for number in range(WARM_UP + requests):
        began = perf_counter()
        get(connection, page.path, stock.session)
        if number >= WARM_UP:
            seconds.append(perf_counter() - began)
    connection.close()
    return seconds


def get(connection: HTTPConnection, path: str, session: str) -> tuple[bytes, int]:
    """What a browser gets, unpacked, and how many bytes of it were sent."""
    headers = {"Cookie": f"sessionid={session}", "Accept-Language": "en"}
    connection.request("GET", path, headers={**headers, "Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path}: status {answer.status}")
    is_packed = answer.getheader("Content-Encoding") == "gzip"
    return gzip.decompress(body) if is_packed else body, len(body)


def size_of(stock: Stock, page: Page) -> Size:
    assert stock.server is not None
    connection = HTTPConnection("127.0.0.1", stock.server.port, timeout=60)
    html, size = get(connection, page.path, stock.session)
    answers = [get(connection, path, stock.session) for path in assets(html.decode())]
    connection.close()
    return Size(
        page.path,
        size + sum(sent for _, sent in answers),
        len(html) + sum(len(body) for body, _ in answers),
    )


def assets(html: str) -> Iterator[str]:
    yield from dict.fromkeys(ASSET.findall(html))


def growth(kind: Sequence[Stock], page: Page) -> Spread:
    """The largest stock's time in the smallest's, within each round."""
    pairs = zip(kind[-1].seconds[page.path], kind[0].seconds[page.path], strict=True)
    return spread(large / small for large, small in pairs)


def pages_table(kinds: Sequence[Sequence[Stock]]) -> str:
    rows = []
    for kind in kinds:
        for page in kind[0].pages:
            for stock in kind:
                seconds = spread(one * 1000 for one in stock.seconds[page.path])
                ratio = ratio_text(growth(kind, page), 2) if stock is kind[-1] else ""
                row = [page.title, stock.title, ratio_text(seconds, 0), ratio]
                rows.append([*row, str(stock.queries[page.path])])
    head = ["page", "stored", "ms, median (min–max)", "× the smallest", "queries"]
    return table(head, rows)


def size_table(size: Size) -> str:
    head = ["largest page with its own assets", "KB as sent, compressed", "KB unpacked"]
    return table(head, [[f"`{size.path}`", f"{size.sent / 1e3:.0f}", f"{size.unpacked / 1e3:.0f}"]])


def report(options: Options) -> Report:
    kinds, size = measure_pages(options)
    asked = options.pages
    of_pages = [(kind, page) for kind in kinds for page in kind[0].pages]
    slowest = max(
        spread(stock.seconds[page.path]).median * 1000 for kind, page in of_pages for stock in kind
    )
    steepest = max(growth(kind, page).median for kind, page in of_pages)
    queries = max(count for kind in kinds for stock in kind for count in stock.queries.values())
    reached = [
        is_reached("for a page", slowest, asked.most_ms, " ms"),
        is_reached("times the smallest", steepest, asked.most_growth),
        is_reached("for a page", queries, asked.most_queries, " queries"),
        is_reached("for a page and its assets", size.sent / 1e3, asked.most_kb, " KB"),
    ]
    about = f"Median of {asked.requests} requests a round."
    return Report("pages", f"{pages_table(kinds)}\n\n{size_table(size)}", all(reached), about)
