"""The link to a recipient's own page, signed for nothing else; it stays good as the keys do."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.urls import reverse

from tracker.tokens import PRIVACY, Tokens


@lru_cache(maxsize=4)
def _tokens(key: str, fallbacks: tuple[str, ...]) -> Tokens:
    return Tokens(key, fallbacks, purpose=PRIVACY)


def privacy_tokens() -> Tokens:
    return _tokens(settings.PIXEL_KEY, tuple(settings.PIXEL_KEY_FALLBACKS))


def privacy_url(recipient_id: int) -> str:
    return privacy_url_of_token(privacy_tokens().make(recipient_id))


def privacy_url_of_token(token: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse('privacy', args=[token])}"
