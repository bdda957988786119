"""python -m benchmarks.queries: a session for the server, and how many queries each page asks.

In a process of its own: the server that is measured counts nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import django


def main(paths: Sequence[str]) -> None:
    django.setup()
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    reader, _ = User.objects.get_or_create(username="reader", is_superuser=True)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(reader)
    counted = {}
    for path in paths:
        client.get(path)  # templates, and what a process remembers
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(path)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code}")
        counted[path] = len(queries)
    print(json.dumps({"session": client.cookies["sessionid"].value, "queries": counted}))


if __name__ == "__main__":
    main(sys.argv[1:])
