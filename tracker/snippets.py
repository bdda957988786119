"""The `<img>` element that carries a pixel's URL, ready to paste into the mail."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.urls import reverse

from tracker.models import Pixel
from tracker.tokens import Tokens


@lru_cache(maxsize=4)
def _tokens(key: str, fallbacks: tuple[str, ...]) -> Tokens:
    return Tokens(key, fallbacks)


def configured_tokens() -> Tokens:
    return _tokens(settings.PIXEL_KEY, tuple(settings.PIXEL_KEY_FALLBACKS))


def url_of_token(token: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse('pixel', args=[token])}"


def pixel_url(pixel_id: int) -> str:
    return url_of_token(configured_tokens().make(pixel_id))


def snippet(pixel_id: int) -> str:
    return snippet_of(pixel_url(pixel_id))


def snippet_of(url: str) -> str:
    """Sized and with an empty alt, so that it stays invisible where images are blocked.

    Not hidden by a style: clients skip what is not displayed, and filters distrust it.
    """
    return f'<img src="{url}" width="1" height="1" alt="" border="0">'


def add_snippet(pixel: Pixel) -> Pixel:
    """The pixel with ``snippet`` and ``pixel_url`` for the template to show."""
    pixel.snippet = snippet(pixel.pk)  # type: ignore[attr-defined]
    pixel.pixel_url = pixel_url(pixel.pk)  # type: ignore[attr-defined]
    return pixel
