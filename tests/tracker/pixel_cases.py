"""One table of requests for pixels: both ways of a hit have to answer it alike."""

from __future__ import annotations

from dataclasses import dataclass, field

# Spelt out, not taken from the product: this is what a mail client has to get.
EXPECTED_HEADERS = {
    "content-type": "image/gif",
    "content-length": "43",
    "cache-control": "no-store, no-cache, must-revalidate, private, max-age=0",
    "pragma": "no-cache",
    "expires": "Thu, 01 Jan 1970 00:00:00 GMT",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
}

GOOD = "GOOD"  # replaced by a real token


@dataclass(frozen=True)
class Case:
    """A request, what it must be answered with, and how many opens it must leave."""

    name: str
    token: str = GOOD
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    suffix: str = ".gif"
    status: int = 200
    opens: int = 0


CASES = [
    Case("a known token is recorded", opens=1),
    Case("a token with a query string is recorded", suffix=".gif?utm_source=mail", opens=1),
    Case("HEAD is answered and not counted", method="HEAD"),
    Case("a stated prefetch is not counted", headers={"Sec-Purpose": "prefetch;prerender"}),
    Case("the older Purpose header is understood", headers={"Purpose": "prefetch"}),
    Case("what Safari says of small pages is understood", headers={"X-Purpose": "preview"}),
    Case("the oldest X-Moz header is understood", headers={"X-Moz": "Prefetch"}),
    Case("another purpose is an ordinary open", headers={"Purpose": "preview"}, opens=1),
    Case("a forged token gets the image", token="A" * 24),
    Case("a token with one letter changed gets the image", token="CHANGED"),
    Case("a short token gets the image", token="x"),
    Case("an enormous token gets the image", token="A" * 6000),
    Case("a token of strange letters gets the image", token="%00%ff%e2%82%ac"),
    Case("a path below the token gets the image", token="a/b/c"),
    Case("a known token without .gif is not counted", suffix=".png"),
    Case("POST is refused", method="POST", status=405),
    Case("PUT is refused", method="PUT", status=405),
    Case("DELETE is refused", method="DELETE", status=405),
    Case("OPTIONS is refused", method="OPTIONS", status=405),
]


def url_of(case: Case, token: str) -> str:
    if case.token == GOOD:
        return f"/o/{token}{case.suffix}"
    if case.token == "CHANGED":
        changed = "B" if token[-1] != "B" else "C"
        return f"/o/{token[:-1]}{changed}{case.suffix}"
    return f"/o/{case.token}{case.suffix}"
