"""From a pixel's URL to the report, on the production server and through the commands alone."""

from __future__ import annotations

import csv
import http.client
import io
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.server import METRICS_TOKEN, Installation, installation
from tests.tracker.list_cases import BEA, LIST_CASES, RECIPIENTS, Texts
from tests.tracker.pixel_cases import CASES, EXPECTED_HEADERS, Case, url_of
from tracker.endpoint import GIF

WORKERS = "2"


@pytest.fixture(scope="module")
def served() -> Iterator[Installation]:
    with installation(TRUSTED_PROXIES="127.0.0.0/8") as made, made.serving("--workers", WORKERS):
        yield made


def new_campaign(made: Installation, recipients: int) -> tuple[str, list[str]]:
    """A campaign that was sent: its id, and its pixels' paths."""
    campaign_id = made.manage("create_campaign", "From outside").strip()
    lines = "".join(f"r{number}@c{campaign_id}.example\n" for number in range(recipients))
    file = made.file("list.csv", f"email\n{lines}")
    summary = json.loads(made.manage("import_recipients", campaign_id, file, "--json"))
    assert summary["created"] == recipients
    made.manage("mark_sent", campaign_id)
    exported = csv.DictReader(io.StringIO(made.manage("export_snippets", campaign_id)))
    return campaign_id, [urlsplit(row["pixel_url"]).path for row in exported]


def report_of(made: Installation, campaign_id: str) -> dict[str, object]:
    report: dict[str, object] = json.loads(made.manage("report", campaign_id, "--json"))
    return report


def request(
    made: Installation, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", made.port, timeout=30)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def is_spool_empty(made: Installation) -> bool:
    state = json.loads(request(made, "/readyz")[2])
    return bool(state["database"] == "reachable" and state["spool"]["empty"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_server_keeps_the_pixels_contract(case: Case, served: Installation) -> None:
    campaign_id, (path,) = new_campaign(served, 1)
    token = path.removeprefix("/o/").removesuffix(".gif")
    status, headers, body = request(served, url_of(case, token), case.method, case.headers)
    assert status == case.status
    assert report_of(served, campaign_id)["opens"] == case.opens
    if status == 200:
        assert body == (b"" if case.method == "HEAD" else GIF)
        assert EXPECTED_HEADERS.items() <= headers.items()
        assert "set-cookie" not in headers


def test_the_server_takes_list_snippets_as_the_table_says(served: Installation) -> None:
    campaign_id = served.manage("create_campaign", "One snippet for all").strip()
    served.manage(
        "import_recipients", campaign_id, served.file("all.csv", "\n".join(("email", *RECIPIENTS)))
    )
    other_id, _ = new_campaign(served, 1)
    rows = list(csv.DictReader(io.StringIO(served.manage("export_snippets", campaign_id))))
    (other,) = csv.DictReader(io.StringIO(served.manage("export_snippets", other_id)))
    bea = next(row for row in rows if row["email"] == BEA)
    code = (
        "from tracker.list_snippets import list_tokens as t;"
        f"print(t().make({campaign_id}), t().make(10**9))"
    )
    token, gone = served.manage("shell", "-v0", "-c", code).split()
    pixel = urlsplit(bea["pixel_url"]).path.removeprefix("/o/").removesuffix(".gif")
    texts = Texts(token, gone, pixel, bea["code"], other["code"])
    for case in LIST_CASES:
        status, _, body = request(served, texts.url(case), case.method, case.headers)
        assert (status, body) == (200, b"" if case.method == "HEAD" else GIF), case.name
    expected = [case.opens for case in LIST_CASES if case.opens]
    report = report_of(served, campaign_id)
    assert (report["opens"], report["unique_opens"]) == (len(expected), len(set(expected)))
    assert report_of(served, other_id)["opens"] == 0
    assert json.loads(served.manage("verify_counts", "--json"))["drift"] == 0


def test_many_clients_at_once_are_counted_exactly(served: Installation) -> None:
    campaign_id, paths = new_campaign(served, 25)
    failures: list[object] = []

    def open_mails(paths: list[str]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
        for path in paths:
            connection.request("GET", path, headers={"User-Agent": "Thunderbird"})
            answer = connection.getresponse()
            if (answer.status, answer.read()) != (200, GIF):
                failures.append(answer.status)
        connection.close()

    threads = [
        threading.Thread(target=open_mails, args=(paths[:20] if n % 2 else paths[19::-1],))
        for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    # Where the machine is busy, a group may take longer than the spool waits for.
    wait_until(lambda: is_spool_empty(served))
    report = report_of(served, campaign_id)
    assert (report["opens"], report["unique_opens"]) == (16 * 20, 20)
    assert report["open_rate"] == 0.8
    assert json.loads(served.manage("verify_counts", "--json"))["drift"] == 0


def test_the_address_is_taken_from_a_trusted_proxy_right_to_left(served: Installation) -> None:
    campaign_id, (path,) = new_campaign(served, 1)
    request(served, path, headers={"X-Forwarded-For": "203.0.113.9, 2001:db8::5, 127.0.0.1"})
    code = f"print(__import__('tracker.models').models.Open.objects.latest('pk').ip, {campaign_id})"
    assert served.manage("shell", "-v0", "-c", code).split()[0] == "2001:db8::5"


def test_a_user_agent_of_any_bytes_and_any_length_is_answered_and_recorded(
    served: Installation,
) -> None:
    campaign_id, (path,) = new_campaign(served, 1)
    for agent in (b"\xff\xfe\x80 agent", b"A" * 30_000, b"", b"\xf0\x9f\x93\xa7"):
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as raw:
            raw.sendall(
                b"GET " + path.encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                b"User-Agent: " + agent + b"\r\n\r\n"
            )
            answer = b"".join(iter(lambda: raw.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(GIF)
    assert report_of(served, campaign_id)["opens"] == 4


def test_metrics_of_all_processes_are_added_up(served: Installation) -> None:
    def recorded() -> float:
        status, _, body = request(
            served, "/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}
        )
        assert status == 200
        lines = [line for line in body.decode().splitlines() if 'outcome="recorded"' in line]
        return sum(float(line.split()[-1]) for line in lines)

    _, paths = new_campaign(served, 10)
    before = recorded()
    for path in paths * 3:
        request(served, path)
    assert recorded() == before + 30


def test_pages_are_served_by_the_same_server_under_a_strict_policy(served: Installation) -> None:
    status, headers, _ = request(served, "/campaigns/")
    assert (status, headers["location"]) == (302, "/accounts/login/?next=/campaigns/")
    status, headers, body = request(served, "/accounts/login/")
    assert status == 200
    assert "default-src 'none'" in headers["content-security-policy"]
    style = next(part for part in body.decode().split('"') if part.endswith(".css"))
    status, headers, body = request(served, style)
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/css")
    assert len(body) == int(headers["content-length"])
    # Its name says what is in it.
    assert "immutable" in headers["cache-control"]
    assert headers["x-content-type-options"] == "nosniff"
    assert request(served, style, headers={"If-None-Match": headers["etag"]})[0] == 304
    assert request(served, style, "HEAD")[2] == b""
    for path in ("/static/glimpse/frame.css", "/static/admin/css/base.css"):
        status, headers, _ = request(served, path)
        assert (status, headers["cache-control"]) == (200, "max-age=86400, public")
    for path in ("/static/", "/static/none.css", "/static/../manage.py", "/static/%2e%2e/.env"):
        assert request(served, path)[0] == 404


def test_a_download_from_the_running_server_is_complete(served: Installation) -> None:
    campaign_id, paths = new_campaign(served, 1200)
    code = (
        "from django.contrib.auth.models import User; from django.contrib.auth import login;"
        "from django.test import RequestFactory;"
        "from django.contrib.sessions.backends.db import SessionStore;"
        "u = User.objects.create_superuser('ada'); r = RequestFactory().get('/');"
        "r.session = SessionStore();"
        "login(r, u, 'campaigns.permissions.AccountBackend'); r.session.save();"
        "print(r.session.session_key)"
    )
    session = served.manage("shell", "-v0", "-c", code).split()[-1]
    status, _, body = request(
        served, f"/campaigns/{campaign_id}/snippets.csv", headers={"Cookie": f"sessionid={session}"}
    )
    assert status == 200
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    assert [urlsplit(row["pixel_url"]).path for row in rows] == paths
    assert "must consume synchronous iterators" not in served.log


def test_sigterm_ends_the_server_soon_and_loses_no_answered_hit() -> None:
    with installation() as made, made.serving("--workers", WORKERS) as process:
        campaign_id, paths = new_campaign(made, 50)
        answered = [0] * 8
        threads = [
            threading.Thread(target=ask_until_it_ends, args=(made, paths, answered, n))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        while sum(answered) < 200:
            time.sleep(0.01)
        started = time.monotonic()
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
        assert time.monotonic() - started < 20
        assert "panicked" not in made.log
        for thread in threads:
            thread.join(60)
        opens = report_of(made, campaign_id)["opens"]
        assert isinstance(opens, int)
        # A hit may be recorded whose answer the ending server could not send any more.
        assert sum(answered) <= opens <= sum(answered) + 8
        assert json.loads(made.manage("verify_counts", "--json"))["drift"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_that_come_in_a_crowd_end_the_server_too(number: signal.Signals) -> None:
    with installation() as made, made.serving("--workers", WORKERS) as process:
        # Also to a worker that has only just begun.
        os.kill(min(workers_of(process.pid)), signal.SIGKILL)
        time.sleep(0.3)
        for _ in range(300):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        assert process.wait(20) == 0
        assert made.log.startswith(f"Glimpse serves on http://127.0.0.1:{made.port} ")
        assert "Traceback" not in made.log


def test_a_port_that_another_server_has_is_refused() -> None:
    with installation() as made, socket.create_server(("127.0.0.1", made.port)):
        made.manage("serve", "--bind", f"127.0.0.1:{made.port}", status=1)


def test_a_worker_that_dies_is_replaced() -> None:
    with installation() as made, made.serving("--workers", WORKERS) as process:
        before = workers_of(process.pid)
        assert len(before) == int(WORKERS)
        os.kill(min(before), signal.SIGKILL)
        until = time.monotonic() + 30
        while len(workers_of(process.pid) - {min(before)}) < int(WORKERS):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert request(made, "/healthz")[0] == 200


def test_workers_that_die_again_and_again_are_replaced() -> None:
    with installation() as made, made.serving("--workers", WORKERS) as process:
        for _ in range(4):
            for worker in workers_of(process.pid):
                os.kill(worker, signal.SIGKILL)
            time.sleep(0.7)
        # Connections that nobody accepts yet wait, they are not refused.
        assert request(made, "/healthz")[0] == 200
        assert process.poll() is None


def test_workers_without_their_supervisor_end() -> None:
    with installation() as made, made.serving("--workers", WORKERS) as process:
        workers = workers_of(process.pid)
        process.kill()
        process.wait(10)
        until = time.monotonic() + 20
        while any(Path(f"/proc/{worker}/cmdline").exists() for worker in workers):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_an_enormous_url_gets_the_image(served: Installation) -> None:
    status, _, body = request(served, "/o/" + "A" * 200_000)
    assert (status, body) == (200, GIF)


def workers_of(pid: int) -> set[int]:
    """The ids of the server's worker processes; multiprocessing has a helper process besides."""
    found = set()
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.add(int(child))
        except OSError:
            continue  # it ended at this moment
    return found


def ask_until_it_ends(
    made: Installation, paths: list[str], answered: list[int], number: int
) -> None:
    for path in paths * 1000:
        try:
            if request(made, path)[2] == GIF:
                answered[number] += 1
        except (OSError, http.client.HTTPException):
            return


def test_a_database_that_is_not_migrated_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with installation() as made:
        made.manage("migrate", "tracker", "zero", "--verbosity", "0")
        made.manage("serve", "--bind", f"127.0.0.1:{made.port}", status=1)
