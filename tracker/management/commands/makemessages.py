"""``manage.py makemessages``: Django's own, which also collects the sentences of plain Python."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    xgettext_options = [
        *makemessages.Command.xgettext_options,
        "--keyword=said",
        "--keyword=said_of:1,2",
        "--keyword=because",
        "--keyword=UnreadableFileError",
    ]

    def handle(self, *args: Any, **options: Any) -> None:
        """Without places and folded lines: they would change with every line of code above."""
        options |= {"no_location": True, "no_wrap": True, "no_obsolete": True}
        options["ignore_patterns"] = [*options["ignore_patterns"], "tests/*", "benchmarks/*"]
        super().handle(*args, **options)
