#!/usr/bin/env python
"""Django's command line: every step of the flow that a person starts by hand."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        sys.exit(f"{error}\nInstall what Glimpse runs on first: make install")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
