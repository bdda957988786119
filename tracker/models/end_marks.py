"""The image at the end of a mail: which campaigns have it, and whose was loaded."""

from __future__ import annotations

from django.db import models

from campaigns.models import Campaign
from tracker.models.pixels import Pixel


class EndMarks(models.Model):
    """A campaign whose mails carry an end mark beside the pixel; without a row they do not.

    Made and taken away by ``tracker.end_marks`` before the mail goes out; the writer adds to
    ``changes``.
    """

    campaign = models.OneToOneField(
        Campaign, models.CASCADE, primary_key=True, related_name="end_marks"
    )
    # How often end loads were recorded. No sum over anything: whoever has seen fewer is out of
    # date.
    changes = models.PositiveBigIntegerField(default=0, db_default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"end marks of campaign {self.pk}"


class EndLoad(models.Model):
    """A pixel whose end mark was loaded: that copy was shown to its end. No open, and no evidence.

    Written in the transaction of the group that brought it, and only of pixels that are identified;
    it leaves with whatever else was recorded of them.
    """

    pixel = models.OneToOneField(Pixel, models.PROTECT, primary_key=True, related_name="end_load")
    first_loaded_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"end of the copy of pixel {self.pk}"
