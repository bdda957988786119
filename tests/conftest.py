"""The cast of the tests: campaigns, recipients, pixels, people, hits."""

from __future__ import annotations

import itertools
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from django.apps import apps
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.template import VariableDoesNotExist
from django.test import Client, TransactionTestCase
from hypothesis import HealthCheck

from campaigns.models import Campaign, Recipient, email_key
from tests.emptying import empty_tables
from tracker.hits import Hit, new_hit_id
from tracker.models import CampaignCounts, Pixel
from tracker.pixels import add_pixels
from tracker.writer.process import close_writer

# Examples are judged by what they find, not by how long a loaded machine takes for them.
hypothesis.settings.register_profile(
    "any machine",
    parent=hypothesis.settings(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("any machine")

# A person's own client, as the rules see it from any address.
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.0"

# Where installations and databases beside the tests' own come from.
INSTALLING = frozenset({"tests.server", "tests.ends", "tests.moving.platforms"})

_numbers = itertools.count(1)


class MissingAttributes(logging.Handler):
    """Templates show nothing where an object lacks what they ask for. What is not in the context
    at all, or in a dictionary, or asked of nothing, may be missing by intention; what is asked of
    one of our own objects never is."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, VariableDoesNotExist) or not error.params:
            return
        kind = type(error.params[-1])
        # Django's templates ask its admin for what it may not have.
        is_djangos = issubclass(kind, ModelAdmin)
        if kind.__module__.partition(".")[0] in ("campaigns", "tracker") and not is_djangos:
            pytest.fail(f"A template asks a {kind.__name__} for “{error.params[0]}”.")


@pytest.fixture(autouse=True, scope="session")
def templates_ask_for_what_there_is() -> None:
    log = logging.getLogger("django.template")
    log.addHandler(MissingAttributes())
    log.setLevel(logging.DEBUG)
    log.propagate = False


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything has to run, a skipped test is a failed one."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_xdist_auto_num_workers() -> int:
    """For ``-n auto``: half of the time the tests wait, for a server, a socket or the disk."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no process has it left when the others are done.

    That is the files that start the server or commands, then those whose tests really commit. What
    has no database near is marked: it is the same on every one.
    """
    files: dict[Path, int] = {}
    for item in items:
        starts, commits = _starts_a_server(item), "transactional_db" in _fixtures(item)
        files[item.path] = files.get(item.path, 0) + (1000 if starts else 1 if commits else 0)
        if not (starts or commits or _asks_the_database(item)):
            item.add_marker("without_database")
    items.sort(key=lambda item: (-files[item.path], item.path))


def _fixtures(item: pytest.Item) -> Sequence[str]:
    return getattr(item, "fixturenames", ())


def _asks_the_database(item: pytest.Item) -> bool:
    is_case = issubclass(getattr(item, "cls", None) or object, TransactionTestCase)
    return is_case or "db" in _fixtures(item) or item.get_closest_marker("django_db") is not None


def _starts_a_server(item: pytest.Item) -> bool:
    """Or commands, on databases of its own."""
    names = vars(getattr(item, "module", None) or object).values()
    return any(getattr(name, "__module__", "") in INSTALLING for name in names)


@pytest.fixture(scope="session", autouse=True)
def quick_emptying() -> Iterator[None]:
    """After a test that really commits, only what it has filled is emptied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: empty_tables())
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """SQLite in a file, as in production: the writer's own connection has to see it."""
    from django.conf import settings

    if connection.vendor == "sqlite":
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        name = Path(tempfile.gettempdir()) / f"glimpse-test-{os.getpid()}-{worker}.sqlite3"
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(name)
    else:
        request.getfixturevalue("django_db_modify_db_settings_parallel_suffix")


@pytest.fixture(autouse=True)
def quick_settings(settings: Any) -> None:
    """Pages are tested without collecting static files first, and passwords without the quarter
    of a second that a real hash takes so that nobody guesses many."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def real_db(transactional_db: None) -> Iterator[None]:
    """A database whose commits other connections see: what the writer needs."""
    yield
    close_writer()


def make_campaign(*emails: str, name: str = "", is_sent: bool = True) -> Campaign:
    """A campaign with these recipients, each with a pixel, marked as sent."""
    from django.utils import timezone

    from tracker.pixels import mark_sent

    campaign = Campaign.objects.create(name=name or f"Campaign {in_letters(next(_numbers))}")
    recipients = [
        Recipient.objects.get_or_create(email_key=email_key(email), defaults={"email": email})[0]
        for email in emails
    ]
    add_pixels(campaign, [recipient.pk for recipient in recipients])
    if is_sent and emails:
        mark_sent(campaign, at=timezone.now())
    return campaign


def in_letters(number: int) -> str:
    """Tests search pages for figures: no name may happen to hold one."""
    return "".join(chr(ord("A") + int(digit)) for digit in str(number))


def pixels_of(campaign: Campaign) -> list[Pixel]:
    return list(Pixel.objects.of_recipients().filter(campaign=campaign).order_by("pk"))


def counts_of(campaign: Campaign) -> CampaignCounts:
    return CampaignCounts.objects.get(campaign=campaign)


def make_hit(
    pixel_id: int,
    *,
    at: int | None = None,
    ip: str | None = "192.0.2.1",
    user_agent: str = THUNDERBIRD,
) -> Hit:
    """``at`` in microseconds since 1970."""
    moment = time.time_ns() // 1000 if at is None else at
    return Hit(new_hit_id(moment), pixel_id, moment, ip, user_agent)


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """An administrator, a marketer, two viewers (one is staff) and somebody without a role."""
    # A test that really commits is followed by emptying all tables: the roles are made anew.
    editor = SimpleNamespace(connection=connection)
    import_module("tracker.migrations.0002_add_roles").add_roles(apps, editor)
    import_module("tracker.migrations.0020_work").let_marketers_judge_again(apps, editor)
    cast = {
        "administrator": User.objects.create_superuser("ada"),
        "marketer": User.objects.create_user("mara", is_staff=True),
        "viewer": User.objects.create_user("vito"),
        "staff viewer": User.objects.create_user("sven", is_staff=True),
        "nobody": User.objects.create_user("nils"),
    }
    cast["marketer"].groups.add(Group.objects.get(name="Marketers"))
    for name in ("viewer", "staff viewer"):
        cast[name].groups.add(Group.objects.get(name="Viewers"))
    return cast


@pytest.fixture
def log_in(people: dict[str, User]) -> Callable[[str], Client]:
    def client_of(name: str) -> Client:
        client = Client()
        client.force_login(people[name], backend="campaigns.permissions.AccountBackend")
        return client

    return client_of


def emails(count: int, domain: str = "example.com") -> Sequence[str]:
    return [f"r{number:04}@{domain}" for number in range(count)]
