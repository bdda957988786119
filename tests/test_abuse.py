"""Clients that are slow, broken or hostile: whoever behaves is served as if they were not there."""

from __future__ import annotations

import itertools
import json
import random
import re
import selectors
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.clients import (
    IMAGE,
    MailReaders,
    asking,
    connect,
    crowd,
    flood,
    hang_up,
    metrics_of,
    outcomes,
    read_answer,
    read_until_closed,
)
from tests.server import Installation, installation
from tests.test_away import database_away, opens_of
from tests.test_flow import is_spool_empty, new_campaign, report_of, wait_until, workers_of

WORKERS = 2
# The slowest image that somebody who behaves may get, whatever others do (seconds).
PROMPT = 2.0
# What the whole server may grow by in a flood without a database: WAITING_LIMIT of the recorder
# is some 30 MB a process, and a connection costs some ten kB.
MOST_GROWTH = 100 * 2**20


class Served:
    """A running server, and people who read mail from it all the time."""

    def __init__(self, made: Installation, process: subprocess.Popen[bytes]) -> None:
        self.made = made
        self.process = process
        self._campaign_id, self._paths = new_campaign(made, 200)

    @contextmanager
    def while_others_read_mail(self) -> Iterator[None]:
        """Others get every image promptly, and their opens are recorded exactly.

        Beside a flood a group may take longer than the spool waits for: they are counted once it is
        replayed. Whatever happened: the same processes go on, and nothing was so unexpected that it
        left a traceback.
        """
        before, workers = opens_of(self.made, self._campaign_id), workers_of(self.process.pid)
        assert len(workers) == WORKERS
        with MailReaders(self.made, self._paths) as others:
            others.wait_for(20)
            yield
            others.wait_for(20)
        assert others.failures == []
        assert others.slowest < PROMPT
        wait_until(lambda: is_spool_empty(self.made))
        assert opens_of(self.made, self._campaign_id) == before + others.answered
        assert workers_of(self.process.pid) == workers
        assert "Traceback" not in self.made.log
        assert "panicked" not in self.made.log


@contextmanager
def serving(**settings: str) -> Iterator[Served]:
    with installation(**settings) as made, made.serving("--workers", str(WORKERS)) as process:
        yield Served(made, process)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as one:
        yield one


def test_heads_that_never_end_are_closed_after_some_ten_seconds(served: Served) -> None:
    head = asking("/o/x.gif")[:-4]
    with crowd(served.made, 150) as stopped, crowd(served.made, 150) as dripping:
        with served.while_others_read_mail():
            started = time.monotonic()
            for connection in stopped:
                connection.sendall(head[: len(head) // 2])
            for connection in dripping:
                connection.sendall(head + b"\r\nX-Slow: ")
            closed = watch_them_being_closed([*stopped, *dripping], dripping)
        assert len(closed) == 300
        assert 5 < min(closed) - started <= max(closed) - started < 20


def test_connections_that_ask_for_nothing_are_closed_too(served: Served) -> None:
    with crowd(served.made, 300) as silent, served.while_others_read_mail():
        assert len(watch_them_being_closed(silent, [])) == 300


def watch_them_being_closed(
    connections: Sequence[socket.socket], dripping: Sequence[socket.socket]
) -> list[float]:
    """The moments; those that drip send one more byte every fifth of a second."""
    closed = []
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        until = time.monotonic() + 20
        while selector.get_map() and time.monotonic() < until:
            for key, _ in selector.select(0.2):
                assert isinstance(key.fileobj, socket.socket)
                # It may say 408 before it closes.
                if not take(key.fileobj):
                    closed.append(time.monotonic())
                    selector.unregister(key.fileobj)
            for connection in dripping:
                drip(connection)
    return closed


def take(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""


def drip(connection: socket.socket) -> None:
    try:
        connection.send(b"a")
    except OSError:
        return  # closed: the end is read from the other direction


def test_fifty_requests_in_one_write_get_fifty_images_and_are_all_recorded(
    served: Served,
) -> None:
    campaign_id, paths = new_campaign(served.made, 50)
    with served.while_others_read_mail(), connect(served.made) as connection:
        connection.sendall(b"".join(asking(path) for path in paths))
        with connection.makefile("rb") as answers:
            assert [read_answer(answers) for _ in paths] == [IMAGE] * 50
    report = report_of(served.made, campaign_id)
    assert (report["opens"], report["unique_opens"]) == (50, 50)


def test_requests_in_one_write_are_answered_in_their_order(served: Served) -> None:
    campaign_id, (path,) = new_campaign(served.made, 1)
    wanted = {
        asking(path): IMAGE,
        asking("/healthz"): (200, b"ok\n"),
        asking(path, "Content-Length: 0", method="POST"): (405, b""),
    }
    requests = random.Random(1).choices(list(wanted), k=50)
    with served.while_others_read_mail(), connect(served.made) as connection:
        connection.sendall(b"".join(requests))
        with connection.makefile("rb") as answers:
            assert [read_answer(answers) for _ in requests] == [wanted[one] for one in requests]
    assert opens_of(served.made, campaign_id) == requests.count(asking(path))


@pytest.mark.parametrize("lines", [1, 64])
def test_64_kib_of_headers_get_the_image(lines: int, served: Served) -> None:
    campaign_id, (path,) = new_campaign(served.made, 1)
    padding = [f"X-Padding-{number}: {'a' * (65536 // lines)}" for number in range(lines)]
    with (
        served.while_others_read_mail(),
        connect(served.made) as connection,
        connection.makefile("rb") as answers,
    ):
        # The second on the same connection: the first has left nothing behind.
        for one in (asking(path, *padding), asking(path)):
            connection.sendall(one)
            assert read_answer(answers) == IMAGE
    assert opens_of(served.made, campaign_id) == 2


def wrong_requests(path: str, chance: random.Random) -> Iterator[bytes]:
    """What no HTTP client sends."""
    request_line = f"GET {path} HTTP/1.1\r\n".encode()
    chunked = b"Host: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield from (
        b"\x00" * 1000,
        b"\r\n" * 1000,
        b"GET" + path.encode() + b"HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET  " + path.encode() + b"  HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET {path}\r\n\r\n".encode(),
        f"GET {path} HTTP/9.9\r\nHost: x\r\n\r\n".encode(),
        f"GET {path} SMTP/1.1\r\nHost: x\r\n\r\n".encode(),
        f"G\x00T {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        f"GET {path[:9]}\x00{path[9:]} HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        f"GET {path[:9]} {path[9:]} HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        b"GET http://[::1/o/x.gif HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /o/%zz%f.gif HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT 127.0.0.1:80 HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(500),
        request_line + b"Host\r\n\r\n",
        request_line + b": no name\r\n\r\n",
        request_line + b"Host: x\r\nX-Zero: \x00\r\n\r\n",
        request_line + b"Host: x\r\n folded: line\r\n\r\n",
        request_line + b"Host: x\r\nContent-Length: -1\r\n\r\n",
        request_line + b"Host: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        request_line + b"Host: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        request_line + b"Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        request_line + b"Host: \xff\xfe\x00\r\n\r\n",
        request_line + chunked + b"FFFFFFFFFFFFFFFFFFFF\r\nabc",
        request_line + chunked + b"-1\r\nabc\r\n0\r\n\r\n",
        b"POST /accounts/login/ HTTP/1.1\r\n" + chunked + b"FFFFFFFFFFFFFFFF\r\nusername=a",
        b"POST /accounts/login/ HTTP/1.1\r\n" + chunked + b"no number\r\nusername=a",
        b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\nabc",
    )
    for _ in range(200):
        yield chance.randbytes(chance.randrange(1, 3000))
    whole = asking(path, "Accept: */*", "Accept-Language: de")
    for _ in range(200):
        broken = bytearray(whole)
        for place in chance.sample(range(len(whole)), chance.randrange(1, 8)):
            broken[place] = chance.randrange(256)
        yield bytes(broken)


def test_what_is_no_http_leaves_no_traceback_and_kills_no_worker(served: Served) -> None:
    _, (path,) = new_campaign(served.made, 1)
    with served.while_others_read_mail():
        for wrong in wrong_requests(path, random.Random(2)):
            with connect(served.made) as connection:
                try:
                    connection.sendall(wrong)
                    connection.shutdown(socket.SHUT_WR)
                except OSError:
                    continue  # refused before all of it was sent
                read_until_closed(connection)


def test_clients_that_vanish_at_any_moment_disturb_nobody(served: Served) -> None:
    campaign_id, paths = new_campaign(served.made, 20)
    chance = random.Random(3)
    complete = 0
    with served.while_others_read_mail():
        for number in range(600):
            whole = asking(paths[number % 20])
            sent = chance.choice([0, chance.randrange(len(whole)), len(whole), len(whole)])
            complete += sent == len(whole)
            connection = connect(served.made)
            connection.sendall(whole[:sent])
            hang_up(connection, is_rude=chance.random() < 0.5)
    # Nobody was told that these were kept; but none may be kept twice, or without being sent.
    assert 0 < opens_of(served.made, campaign_id) <= complete


def test_clients_that_never_read_their_answers_disturb_nobody(served: Served) -> None:
    campaign_id, paths = new_campaign(served.made, 20)
    block = b"".join(asking(path) for path in paths)
    sent = 0
    with crowd(served.made, 100) as greedy, served.while_others_read_mail():
        for connection in greedy:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.setblocking(False)
        for connection in greedy * 20:
            try:
                sent += connection.send(block)
            except BlockingIOError:
                continue  # the server does not take more before somebody reads
    # What was sent in full may be recorded, and nothing else.
    assert 0 < opens_of(served.made, campaign_id) <= sent // len(asking(paths[0]))


def test_forged_tokens_reach_no_database_and_are_counted_one_by_one(served: Served) -> None:
    chance = random.Random(4)

    def forged(number: int) -> Iterator[bytes]:
        return (asking(f"/o/{chance.randbytes(12).hex()}.gif") for _ in range(number))

    before, statements = metrics_of(served.made), statements_of(served.made)
    assert flood(served.made, forged(5000), 50) == 5000
    assert statements_since(statements, served.made) == []
    alone = metrics_of(served.made)
    assert grown(before, alone, 'glimpse_hits_total{outcome="forged"}') == 5000
    assert grown(before, alone, "glimpse_group_hits_count") == 0
    with served.while_others_read_mail():
        assert flood(served.made, forged(5000), 50) == 5000
    after = metrics_of(served.made)
    assert grown(before, after, 'glimpse_hits_total{outcome="forged"}') == 10_000


def grown(before: dict[str, float], after: dict[str, float], name: str) -> float:
    return after[name] - before.get(name, 0)


# The companion inside the server asks each second what long work waits.
OF_THE_COMPANION = re.compile(r'FROM "(campaigns_import|tracker_work)"')


def statements_of(made: Installation) -> set[tuple[int, object, str]]:
    """Each session of the database with its last statement and when that began; none on SQLite."""
    url = made.environment["DATABASE_URL"]
    if not urlsplit(url).scheme.startswith("postgres"):
        return set()
    with psycopg.connect(url) as connection:
        return set(
            connection.execute(
                "SELECT pid, query_start, query FROM pg_stat_activity "
                "WHERE datname = current_database() AND backend_type = 'client backend' "
                "AND pid <> pg_backend_pid()"
            )
        )


def statements_since(before: set[tuple[int, object, str]], made: Installation) -> list[str]:
    """Nobody asks for pages in between, so each of these was run for a hit."""
    new = statements_of(made) - before
    return [query for _, _, query in new if not OF_THE_COMPANION.search(query)]


AT_CEILING = """
from tracker.models import Open
opens = Open.objects.filter(pixel__campaign_id={campaign_id})
print(opens.count(), opens.filter(is_at_ceiling=True).count())
"""


def test_a_flood_on_one_pixel_is_recorded_up_to_the_ceiling_and_counted_as_one_open() -> None:
    with serving(PIXEL_CEILING="50") as served:
        campaign_id, (path,) = new_campaign(served.made, 1)
        started = time.time()
        with served.while_others_read_mail():
            answered = flood(served.made, itertools.repeat(asking(path), 3000), 40)
        minutes = int(time.time() // 60) - int(started // 60) + 1
        assert answered == 3000
        code = AT_CEILING.format(campaign_id=campaign_id)
        stored, at_ceiling = map(int, served.made.manage("shell", "-v0", "-c", code).split())
        # A process begins anew with each minute of the clock.
        assert 50 <= stored <= 50 * WORKERS * minutes
        assert 1 <= at_ceiling <= WORKERS * minutes
        assert outcomes(served.made)["ceiling"] == answered - stored
        report = report_of(served.made, campaign_id)
        assert (report["opens"], report["unique_opens"]) == (stored, 1)
        assert json.loads(served.made.manage("verify_counts", "--json"))["drift"] == 0


def test_a_flood_without_a_database_stays_within_bounded_memory_and_is_kept() -> None:
    with serving(PIXEL_CEILING="0") as served, ThreadPoolExecutor() as pool:
        campaign_id, paths = new_campaign(served.made, 200)
        # What the first requests load is not what a flood costs.
        warmed = flood(served.made, (asking(path) for path in paths), 200)
        before = peak = resident(served.process.pid)
        with served.while_others_read_mail():
            with database_away(served.made):
                requests = for_seconds(4.0, map(asking, itertools.cycle(paths)))
                flooding = pool.submit(flood, served.made, requests, 200)
                while not flooding.done():
                    peak = max(peak, resident(served.process.pid))
                    time.sleep(0.05)
            answered = flooding.result()
        peak = max(peak, resident(served.process.pid))
        assert answered > 1000
        assert opens_of(served.made, campaign_id) == warmed + answered
        assert peak - before < MOST_GROWTH


def for_seconds(seconds: float, requests: Iterator[bytes]) -> Iterator[bytes]:
    until = time.monotonic() + seconds
    return itertools.takewhile(lambda _: time.monotonic() < until, requests)


def resident(session: int) -> int:
    """Bytes in memory of all processes of a session: the server with its workers and helpers."""
    pages = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # After the name, which may hold anything: state, parent, group, session.
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                pages += int((process / "statm").read_text().split()[1])
        except (OSError, IndexError):
            continue  # it ended at this moment
    return pages * 4096
