"""Who was allowed to read reports a moment ago: pages that ask every few seconds ask here first."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import blake2b

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect

# So long a report that is open may still move after its reader was logged out elsewhere.
KNOWN_SECONDS = 60.0
MOST_READERS = 10_000


class KnownReaders:
    """Remembers sessions that were found allowed, as hashes; never those that were not."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[bytes, float] = {}

    def turn_away(self, request: HttpRequest) -> HttpResponseRedirect | None:
        """None for whoever may read. Three queries or four at first, then none for a minute."""
        session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
        key = blake2b(session.encode(), digest_size=16).digest()
        if session and self._until.get(key, 0.0) > self._clock():
            return None
        user = request.user
        if not user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not user.has_perm("tracker.view_report"):
            raise PermissionDenied
        if len(self._until) >= MOST_READERS:
            self._until.clear()
        self._until[key] = self._clock() + KNOWN_SECONDS
        return None

    def clear(self) -> None:
        self._until.clear()
