"""Style sheets and scripts, served from STATIC_ROOT in front of Django's pages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from whitenoise import WhiteNoise

if TYPE_CHECKING:
    from wsgiref.headers import Headers

    from asgiref.typing import (
        ASGI3Application,
        ASGIReceiveCallable,
        ASGISendCallable,
        HTTPScope,
        Scope,
    )

# A day, where a name carries no hash: the error pages link without one.
DAY = 24 * 3600
HASHED_NAME = r"\.[0-9a-f]{12}\.[^/]+$"


class StaticFiles:
    """WhiteNoise as an ASGI application: its Django middleware makes ASGI servers warn."""

    def __init__(self, application: ASGI3Application, *, root: str, prefix: str) -> None:
        self._application = application
        self._files = WhiteNoise(
            None,
            root,
            prefix,
            max_age=DAY,
            immutable_file_test=HASHED_NAME,
            allow_all_origins=False,
            add_headers_function=_add_headers,
        ).files

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] == "http" and scope["path"] in self._files:
            await self._serve(scope, send)
        else:
            await self._application(scope, receive, send)

    async def _serve(self, scope: HTTPScope, send: ASGISendCallable) -> None:
        asked = {
            f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}": value.decode("latin-1")
            for name, value in scope["headers"]
        }
        response = self._files[scope["path"]].get_response(scope["method"], asked)
        body = b""
        if response.file is not None:
            with response.file:
                body = await asyncio.to_thread(response.file.read)
        await send(
            {
                "type": "http.response.start",
                "status": int(response.status),
                "headers": [(n.lower().encode(), v.encode()) for n, v in response.headers],
                "trailers": False,
            }
        )
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _add_headers(headers: Headers, path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    # An image may be opened as a page of its own.
    headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
