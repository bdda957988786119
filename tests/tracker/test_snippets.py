from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from tracker.snippets import configured_tokens, pixel_url, snippet


class Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "img"
        self.found.append(dict(attrs))


def test_the_snippet_is_one_sized_image_with_an_empty_alt_that_is_not_hidden() -> None:
    images = Images()
    images.feed(snippet(7))
    (image,) = images.found
    assert image["src"] == pixel_url(7)
    assert (image["width"], image["height"], image["alt"]) == ("1", "1", "")
    assert "style" not in image
    assert "display" not in snippet(7)


def test_the_pixels_url_is_public_and_names_the_pixel(settings: Any) -> None:
    settings.PUBLIC_URL = "https://t.example.com"
    url = pixel_url(7)
    assert url.startswith("https://t.example.com/o/")
    token = url.removeprefix("https://t.example.com/o/").removesuffix(".gif")
    assert configured_tokens().read(token) == 7
