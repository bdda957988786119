#!/usr/bin/env python
"""Django's command line: every step of the flow that a person starts by hand."""

from __future__ import annotations

import os
import sys

# What SQLite says of a database that was not migrated.
MISSING = ("no such column", "no such table")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db import OperationalError, ProgrammingError
    except ImportError as error:
        sys.exit(f"{error}\nInstall what Glimpse runs on first: make install")
    # What a person can mend is told in a sentence, without the way through the code.
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"A setting is wrong. {error}")
    except (OperationalError, ProgrammingError) as error:
        # SQLite calls a column that is missing an OperationalError, too.
        is_old = isinstance(error, ProgrammingError) or str(error).startswith(MISSING)
        if not is_old:
            sys.exit(f"The database that DATABASE_URL names does not answer: {error}")
        sys.exit(f"The database is not up to date ({error}).\nRun: manage.py migrate")


if __name__ == "__main__":
    main()
