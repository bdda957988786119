"""Django's pages behind a proxy: the client's address and scheme, from trusted proxies only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tracker.proxies import TrustedProxies

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")


class TrustedProxyMiddleware:
    """Puts the client's address into REMOTE_ADDR and removes what strangers claim about it."""

    sync_capable = True
    async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        self.get_response = get_response
        self.proxies = TrustedProxies(settings.TRUSTED_PROXIES)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        # Nothing here waits, so one body serves both colours.
        meta = request.META
        peer = self.proxies.client_address(meta.get("REMOTE_ADDR"), [])
        if peer is None or not self.proxies or not self.proxies.trusts(peer):
            for name in FORWARDED:
                meta.pop(name, None)
        elif forwarded := meta.get("HTTP_X_FORWARDED_FOR"):
            meta["REMOTE_ADDR"] = self.proxies.client_address(peer, [forwarded.encode("latin-1")])
        return self.get_response(request)
