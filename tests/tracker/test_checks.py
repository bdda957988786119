from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from tracker import checks


def test_an_unencrypted_public_url_is_warned_of(settings: Any) -> None:
    settings.PUBLIC_URL = "http://t.example.com"
    assert [message.id for message in checks.check_public_url()] == ["tracker.W001"]
    settings.PUBLIC_URL = "https://t.example.com"
    assert checks.check_public_url() == []


def test_https_without_a_trusted_proxy_is_warned_of(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.TRUSTED_PROXIES = True, []
    assert [message.id for message in checks.check_https_has_a_proxy()] == ["tracker.W002"]
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    assert checks.check_https_has_a_proxy() == []


def test_a_weak_fallback_key_is_an_error(settings: Any) -> None:
    settings.PIXEL_KEY_FALLBACKS = ["x" * 40, "short"]
    assert [message.id for message in checks.check_pixel_keys()] == ["tracker.E001"]
    settings.PIXEL_KEY_FALLBACKS = ["x" * 40]
    assert checks.check_pixel_keys() == []


def test_a_place_for_the_spool_that_cannot_be_written_is_warned_of(
    settings: Any, tmp_path: Path
) -> None:
    settings.SPOOL_DIR = str(tmp_path / "spool")
    assert checks.check_spool() == []
    (tmp_path / "file").write_text("in the way")
    settings.SPOOL_DIR = str(tmp_path / "file" / "spool")
    (message,) = checks.check_spool()
    assert message.id == "tracker.W003"
    assert "Not a directory" in message.msg


def test_a_database_file_that_all_accounts_can_read_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "db of us.sqlite3"
    connection = connections["default"]
    monkeypatch.setitem(connection.settings_dict, "NAME", str(file))
    monkeypatch.setattr(type(connection), "vendor", "sqlite")
    assert checks.check_database_file() == []  # it will be made private
    file.touch(mode=0o644)
    reached = [folder for folder in tmp_path.parents if not folder.stat().st_mode & 0o001]
    before = {folder: folder.stat().st_mode for folder in (tmp_path, *reached)}
    try:
        for folder in before:
            folder.chmod(0o711)
        (message,) = checks.check_database_file()
        assert message.id == "tracker.W005"
        assert f"chmod 600 '{file}'*" in str(message.hint)
        tmp_path.chmod(0o700)
        assert checks.check_database_file() == []
        tmp_path.chmod(0o711)
        file.chmod(0o640)
        assert checks.check_database_file() == []
    finally:
        for folder, mode in before.items():
            folder.chmod(mode)


def test_trusting_everyone_as_a_proxy_is_an_error(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "::/0"]
    (message,) = checks.check_trusted_proxies()
    assert message.id == "tracker.E002"
    assert "::/0" in message.msg
