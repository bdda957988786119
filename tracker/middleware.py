"""Before every page: the client's address and scheme, from trusted proxies only; the language;
the log-in. After it: its compression."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.middleware.locale import LocaleMiddleware

from tracker.proxies import TrustedProxies

NO_LANGUAGE = ("/o/", "/healthz", "/readyz", "/metrics")
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")


class LoginUnlessPublicMiddleware(LoginRequiredMiddleware):
    """Django's own, which looks up who asks even where the view does not want to know.

    That is two queries for every probe, and for every report that asks whether anything moved.
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)


class LanguageMiddleware(LocaleMiddleware):
    """Django's own, for pages only: what mail clients and probes ask for has no language.

    Nothing in it waits, so on the server it takes no thread, as Django's own would, twice.
    """

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(NO_LANGUAGE):
            return self.get_response(request)
        return super().__call__(request)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        self.process_request(request)
        response = await cast("Awaitable[HttpResponseBase]", self.get_response(request))
        return self.process_response(request, response)


class CompressedPagesMiddleware(GZipMiddleware):
    """Django's own, for pages only, and beside the event loop, which answers pixels meanwhile.

    Downloads are made while they are sent: compressing them costs more than it saves. Against
    guesses by the length of an answer Django adds random bytes, and masks its form tokens.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        return super().process_response(request, response) if is_page(response) else response

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        response = await cast("Awaitable[HttpResponseBase]", self.get_response(request))
        if not is_page(response):
            return response
        return await asyncio.to_thread(self.process_response, request, response)


def is_page(response: HttpResponseBase) -> bool:
    kind = response.headers.get("Content-Type", "")
    return not response.streaming and kind.startswith("text/html")


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
