"""The `<img>` element for the very end of a mail, and what reads its URL when it is loaded."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.urls import reverse

from tracker.end_hits import EndReader
from tracker.models import Pixel
from tracker.snippets import snippet_of, url_of_token
from tracker.tokens import END, LIST_END, Tokens


@lru_cache(maxsize=8)
def _tokens(key: str, fallbacks: tuple[str, ...], purpose: bytes) -> Tokens:
    return Tokens(key, fallbacks, purpose=purpose)


def end_tokens() -> Tokens:
    """Of pixels."""
    return _tokens(settings.PIXEL_KEY, tuple(settings.PIXEL_KEY_FALLBACKS), END)


def list_end_tokens() -> Tokens:
    """Of campaigns."""
    return _tokens(settings.PIXEL_KEY, tuple(settings.PIXEL_KEY_FALLBACKS), LIST_END)


def configured_ends() -> EndReader:
    return EndReader(end_tokens(), list_end_tokens())


def end_mark_url(pixel_id: int) -> str:
    return url_of_token(end_tokens().make(pixel_id))


def add_end_mark(pixel: Pixel) -> Pixel:
    """The pixel with ``end_mark`` for the template to show."""
    pixel.end_mark = snippet_of(end_mark_url(pixel.pk))  # type: ignore[attr-defined]
    return pixel


def list_end_url(campaign_id: int, merge_tag: str) -> str:
    """The merge tag as it is, as in the list snippet."""
    path = reverse("list_pixel", args=[list_end_tokens().make(campaign_id)])
    return f"{settings.PUBLIC_URL}{path}?r={merge_tag}"
