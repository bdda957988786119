"""Choices on their way to what was recorded before them."""

from __future__ import annotations

from django.db import models

from tracker.models.pixels import Pixel


class PendingMove(models.Model):
    """A pixel whose opens are to leave their recipient, as tracker.consent has promised.

    Written with the choice, taken away with the move: whatever comes between, it is made up for.
    """

    pixel = models.OneToOneField(Pixel, models.PROTECT, primary_key=True, related_name="+")
    since = models.DateTimeField(auto_now_add=True)
    # The recipient was erased, and their stand-in had been opened already: these are two unique
    # opens and stay two, since no erasure changes a count. What is recorded loses its evidence.
    is_kept_apart = models.BooleanField(default=False, db_default=False)

    def __str__(self) -> str:
        return f"opens of pixel {self.pk}"


class AppliedTracking(models.Model):
    """The TRACKING_DEFAULT that all pixels have been brought to. One row."""

    default = models.CharField(max_length=10)

    def __str__(self) -> str:
        return self.default
