"""Text as a file that the browser saves, sent while it is made."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse

from tracker.exports import csv_blocks


def csv_download(
    request: HttpRequest, rows: Iterable[Sequence[str]], title: str
) -> StreamingHttpResponse:
    """``title`` becomes the file's name, as far as it is made of plain letters and digits."""
    return text_download(
        request, with_mark(csv_blocks(rows)), title, "csv", "text/csv; charset=utf-8"
    )


def text_download(
    request: HttpRequest, blocks: Iterator[str], title: str, extension: str, content_type: str
) -> StreamingHttpResponse:
    content = _in_thread(blocks) if isinstance(request, ASGIRequest) else blocks
    response = StreamingHttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{file_name(title)}.{extension}"'
    return response


def file_name(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:80]


def with_mark(blocks: Iterator[str]) -> Iterator[str]:
    """The mark in front tells Excel that this is UTF-8."""
    yield "\ufeff"
    yield from blocks


async def _in_thread(blocks: Iterator[str]) -> AsyncIterator[str]:
    """Django would collect an ordinary iterator in memory before it sends the first byte."""
    while (block := await sync_to_async(_next_block)(blocks)) is not None:
        yield block


def _next_block(blocks: Iterator[str]) -> str | None:
    """Between two blocks a slow client holds no connection that others wait for."""
    try:
        return next(blocks, None)
    finally:
        connection.close()
