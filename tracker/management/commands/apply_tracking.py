"""Bring the pixels in mailboxes to TRACKING_DEFAULT after it was changed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from campaigns.audit import Action, Source, record
from campaigns.remains import clear_remains
from tracker.consent import apply_default
from tracker.sentences import counted


class Command(BaseCommand):
    help = (
        "Apply TRACKING_DEFAULT to all recipients who have not chosen, in campaigns that do not "
        "say. Safe to repeat."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        changed = apply_default()
        clear_remains()
        record(
            Action.DEFAULT_APPLIED,
            None,
            None,
            source=Source.COMMAND,
            tracking=settings.TRACKING_DEFAULT,
            pixels=changed,
        )
        self.stdout.write(
            f"{counted(changed, 'pixel')} changed; the default is {settings.TRACKING_DEFAULT}."
        )
