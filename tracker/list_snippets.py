"""One snippet for a whole list: the mailing tool puts each recipient's address or code into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from django.conf import settings
from django.urls import reverse
from django.utils.html import escape

from tracker.ceiling import Ceiling
from tracker.end_snippets import list_end_url
from tracker.list_hits import ListReader
from tracker.mailing_tools import TOOLS
from tracker.snippets import snippet_of
from tracker.tokens import CODE, LIST, Tokens


@lru_cache(maxsize=8)
def _tokens(key: str, fallbacks: tuple[str, ...], purpose: bytes) -> Tokens:
    return Tokens(key, fallbacks, purpose=purpose)


def list_tokens() -> Tokens:
    """Of campaigns."""
    return _tokens(settings.PIXEL_KEY, tuple(settings.PIXEL_KEY_FALLBACKS), LIST)


def code_tokens() -> Tokens:
    """Of recipients: the same in every campaign, so that it is brought to a tool once."""
    return _tokens(settings.PIXEL_KEY, tuple(settings.PIXEL_KEY_FALLBACKS), CODE)


@cache
def process_list_ceiling() -> Ceiling:
    """The one of this process: it counts from request to request."""
    return Ceiling(settings.PIXEL_CEILING)


def configured_lists() -> ListReader:
    return ListReader(list_tokens(), code_tokens(), process_list_ceiling())


def list_url(campaign_id: int, merge_tag: str) -> str:
    """The merge tag as it is: a tool does not know it once it is percent-encoded."""
    path = reverse("list_pixel", args=[list_tokens().make(campaign_id)])
    return f"{settings.PUBLIC_URL}{path}?r={merge_tag}"


@dataclass(frozen=True, slots=True)
class ListSnippet:
    """For one tool, by code and by address; and the end marks that go with both."""

    tool: str
    by_code: str
    by_address: str
    end_by_code: str
    end_by_address: str


def list_snippets(campaign_id: int) -> Iterator[ListSnippet]:
    for tool in TOOLS:
        urls = (
            make(campaign_id, tag)
            for make in (list_url, list_end_url)
            for tag in (tool.code, tool.address)
        )
        yield ListSnippet(tool.name, *map(snippet_of, urls))


def word_field(campaign_id: int) -> str:
    """What Word makes an image of: it merges no HTML, but one field into another."""
    return _word_field(list_url(campaign_id, ""))


def word_end_field(campaign_id: int) -> str:
    return _word_field(list_end_url(campaign_id, ""))


def _word_field(url: str) -> str:
    return f'{{ INCLUDEPICTURE "{escape(url)}{{ MERGEFIELD code }}" \\d }}'
