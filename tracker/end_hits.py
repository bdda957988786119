"""From the URL of an end mark to the pixel, or to the list snippet's campaign, that it goes with.

The end mark is a second image for the very end of a mail: ``/o/<token>.gif``, or for a whole list
``/o/c/<token>.gif?r=<address or code>``. That it was loaded is no open: it says that this copy was
loaded to its end.
"""

from __future__ import annotations

from tracker.list_hits import PREFIX
from tracker.tokens import Tokens


class EndReader:
    """Reads both kinds of tokens without a database; 0 for what these keys never signed."""

    def __init__(self, pixels: Tokens, campaigns: Tokens) -> None:
        self._pixels = pixels
        self._campaigns = campaigns

    def pixel_of(self, token: str) -> int:
        return self._pixels.read(token) or 0

    def campaign_of(self, token: str) -> int:
        """Of what stands between /o/ and .gif, as ``ListReader`` has it."""
        named = self._campaigns.read(token[len(PREFIX) :]) if token.startswith(PREFIX) else None
        return named or 0
