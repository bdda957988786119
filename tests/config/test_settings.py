from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = {"SECRET_KEY": "s" * 50, "PATH": os.environ["PATH"]}


def start(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import django; from django.conf import settings; settings.DEBUG"],
        cwd=ROOT,
        env={**GOOD, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_good_settings_start() -> None:
    assert start().returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SECRET_KEY", "short", "shorter than 32 characters"),
        ("DEBUG", "yes", "write True or False"),
        ("PUBLIC_URL", "t.example.com", "write the address under which mail clients reach"),
        ("TRUSTED_PROXIES", "10.0.0.0/99", "TRUSTED_PROXIES holds '10.0.0.0/99'"),
        ("TIME_ZONE", "Mars/Olympus", "write a zone such as Europe/Berlin"),
        ("DATABASE_URL", "mysql://localhost/x", "PostgreSQL 15 or newer, or SQLite"),
        ("DATABASE_URL", "nonsense", "PostgreSQL 15 or newer, or SQLite"),
        ("PIXEL_KEY", "short", "shorter than 32 characters"),
        ("LOG_LEVEL", "loud", "write DEBUG, INFO, WARNING or ERROR"),
        ("TRACKING_DEFAULT", "yes", "write identified or anonymous or off"),
        ("PRIVACY_SIGNALS", "honour", "write ignore or anonymous or off"),
        ("KEEP_ADDRESS", "half", "write full or truncated or none"),
        ("HSTS_SECONDS", "-1", "write a whole number, 0 or more"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_says_what_to_write(
    name: str, value: str, words: str
) -> None:
    environment = {"PUBLIC_URL": "https://t.example.com"} if name == "HSTS_SECONDS" else {}
    result = start(**{**environment, name: value})
    assert result.returncode != 0
    assert words in result.stderr


def test_every_setting_that_is_read_is_named_in_the_readme() -> None:
    source = (ROOT / "config" / "settings.py").read_text()
    names = set(re.findall(r'env(?:\.\w+|_\w+)?\(\s*"([A-Z_]+)"', source))
    assert {"SECRET_KEY", "DATABASE_URL", "TRUSTED_PROXIES"} <= names
    readme = (ROOT / "README.md").read_text()
    assert {name for name in names if f"`{name}`" not in readme} == set()
