from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from tracker.middleware import TrustedProxyMiddleware

CLAIMS: dict[str, Any] = {
    "HTTP_X_FORWARDED_FOR": "198.51.100.7",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "evil.example",
}


def seen_from(peer: str) -> HttpRequest:
    """The request as the views behind the middleware see it."""
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    TrustedProxyMiddleware(view)(RequestFactory().get("/", REMOTE_ADDR=peer, **CLAIMS))
    return seen[0]


def test_a_stranger_may_claim_nothing(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    request = seen_from("192.0.2.9")
    assert request.META["REMOTE_ADDR"] == "192.0.2.9"
    assert not request.is_secure()
    assert CLAIMS.keys().isdisjoint(request.META)


def test_without_trusted_proxies_everyone_is_a_stranger(settings: Any) -> None:
    settings.TRUSTED_PROXIES = []
    assert not seen_from("127.0.0.1").is_secure()


def test_a_trusted_proxy_says_whose_address_and_which_scheme(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    request = seen_from("10.0.0.1")
    assert request.META["REMOTE_ADDR"] == "198.51.100.7"
    assert request.is_secure()


@pytest.mark.parametrize("peer", ["", "no address"])
def test_a_peer_without_an_address_is_a_stranger(peer: str, settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert not seen_from(peer).is_secure()
