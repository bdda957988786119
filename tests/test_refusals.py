"""What a person sees when a page is refused or breaks, and what the log says of it."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from tests.moving.platforms import execute
from tests.server import Installation, installation

LOGGED_IN = """
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
user = User.objects.create_user("ada")
session = SessionStore()
session["_auth_user_id"] = user.pk
session["_auth_user_backend"] = "campaigns.permissions.AccountBackend"
session["_auth_user_hash"] = user.get_session_auth_hash()
session.create()
print(session.session_key)
"""
TOKEN = "t" * 32
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WITH_COOKIE = {**FORM, "Cookie": f"csrftoken={TOKEN}"}
HOSTILE_PATH = "/no/such/page%0aforged%20line"


@pytest.fixture(scope="module")
def served() -> Iterator[Installation]:
    with installation() as made, made.serving():
        yield made


@pytest.fixture(scope="module")
def session(served: Installation) -> str:
    """Of somebody who has an account and no role."""
    return served.manage("shell", "-v0", "-c", LOGGED_IN).strip()


def shown(
    made: Installation, method: str, path: str, headers: dict[str, str], body: str = ""
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", made.port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "title", "advice"),
    [
        ("GET", HOSTILE_PATH, {}, "", 404, "Page not found", "If you typed it, check it"),
        (
            "GET",
            "/campaigns/",
            {"Cookie": "session"},
            "",
            403,
            "You may not see this page",
            "An administrator can give it to you",
        ),
        (
            "POST",
            "/accounts/login/",
            FORM,
            "username=ada",
            403,
            "This form was not accepted",
            "reload the page, and send the form again",
        ),
        (
            "POST",
            "/accounts/login/",
            WITH_COOKIE,
            "csrfmiddlewaretoken=stale",
            403,
            "This form was not accepted",
            "reload the page, and send the form again",
        ),
        (
            "POST",
            "/accounts/login/",
            {**WITH_COOKIE, "Origin": "https://elsewhere.example"},
            "",
            403,
            "This form was not accepted",
            "has to set PUBLIC_URL",
        ),
        (
            "POST",
            "/accounts/login/",
            WITH_COOKIE,
            "&".join(f"a{number}=1" for number in range(1_100)),
            400,
            "The server could not understand this request",
            "reload the page and try once more",
        ),
        (
            "POST",
            "/accounts/login/",
            {**WITH_COOKIE, "Content-Type": "multipart/form-data; boundary="},
            "nonsense",
            400,
            "The server could not understand this request",
            "reload the page and try once more",
        ),
        (
            "GET",
            "/campaigns/",
            {"Host": "elsewhere.example"},
            "",
            400,
            "The server could not understand this request",
            "has to be told of it in ALLOWED_HOSTS",
        ),
    ],
    ids=[
        "nothing there",
        "no permission",
        "form without cookie",
        "stale form",
        "form from elsewhere",
        "too many fields",
        "broken upload",
        "another host",
    ],
)
def test_a_refusal_is_a_page_of_ours_and_one_line_of_the_log(
    method: str,
    path: str,
    headers: dict[str, str],
    body: str,
    status: int,
    title: str,
    advice: str,
    served: Installation,
    session: str,
) -> None:
    if headers.get("Cookie") == "session":
        headers = {"Cookie": f"sessionid={session}"}
    before = served.log
    found, page = shown(served, method, path, headers, body)
    assert found == status
    assert f"<h1>{title}</h1>" in page
    assert advice in page
    assert 'class="bar-name"' in page
    lines = served.log.removeprefix(before).splitlines()
    # Another host's pages are asked for by scanners all day: that is not even a line.
    assert len(lines) == ("Host" not in headers), lines


def test_a_fault_of_ours_is_a_page_of_ours_and_its_traceback_stays(
    served: Installation,
) -> None:
    before = served.log
    url = served.environment["DATABASE_URL"]
    execute(url, "ALTER TABLE tracker_sharedreport RENAME TO away")
    try:
        status, page = shown(served, "GET", f"/shared/{'s' * 43}/", {})
    finally:
        execute(url, "ALTER TABLE away RENAME TO tracker_sharedreport")
    assert status == 500
    assert "<h1>Something went wrong here</h1>" in page
    assert "Traceback" in served.log.removeprefix(before)


def test_the_pages_are_in_the_readers_language(served: Installation) -> None:
    german = {"Accept-Language": "de"}
    for method, path, headers in (
        ("GET", "/no/such/page", {}),
        ("POST", "/accounts/login/", FORM),
        ("POST", "/accounts/login/", {**FORM, "Origin": "https://elsewhere.example"}),
    ):
        _, page = shown(served, method, path, {**headers, **german})
        assert '<html lang="de">' in page
        assert "Page not found" not in page
        assert "This form was not accepted" not in page
