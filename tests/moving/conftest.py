"""One demo for all moves of a process, and databases beside Django's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import pytest

from tests.moving.platforms import Demo, platform


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with ExitStack() as stack:

        @cache
        def made_on(kind: str) -> str:
            directory = tmp_path_factory.mktemp("demo")
            made = stack.enter_context(platform(directory, kind))
            made.manage("demo")
            return made.environment["DATABASE_URL"]

        yield made_on


@pytest.fixture(autouse=True)
def other_databases(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield
