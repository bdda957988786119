from __future__ import annotations

from typing import Any

from tracker import checks


def test_an_unencrypted_public_url_is_warned_of(settings: Any) -> None:
    settings.PUBLIC_URL = "http://t.example.com"
    assert [message.id for message in checks.check_public_url()] == ["tracker.W001"]
    settings.PUBLIC_URL = "https://t.example.com"
    assert checks.check_public_url() == []


def test_a_weak_fallback_key_is_an_error(settings: Any) -> None:
    settings.PIXEL_KEY_FALLBACKS = ["x" * 40, "short"]
    assert [message.id for message in checks.check_pixel_keys()] == ["tracker.E001"]
    settings.PIXEL_KEY_FALLBACKS = ["x" * 40]
    assert checks.check_pixel_keys() == []


def test_trusting_everyone_as_a_proxy_is_an_error(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "::/0"]
    (message,) = checks.check_trusted_proxies()
    assert message.id == "tracker.E002"
    assert "::/0" in message.msg
