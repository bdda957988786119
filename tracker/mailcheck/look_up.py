"""The addresses of this installation's own host, asked of the name servers, with an end to it."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTimeError

WITHIN_SECONDS = 5
# The system's resolver knows no time limit: a look-up that hangs keeps one of these, not the page.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="look-up")


def addresses_of(name: str) -> list[str]:
    """Empty if the name has none; OSError if nobody could say."""
    asked = _threads.submit(socket.getaddrinfo, name, 443, type=socket.SOCK_STREAM)
    try:
        answers = asked.result(WITHIN_SECONDS)
    except NotInTimeError as error:
        asked.cancel()
        raise OSError(None, f"no answer within {WITHIN_SECONDS} seconds") from error
    except socket.gaierror as error:
        if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None)):
            return []
        raise
    except UnicodeError:
        return []  # a name that no name server could know
    return list(dict.fromkeys(str(answer[4][0]).partition("%")[0] for answer in answers))
