"""The classic pair of tables: a pixel with its last state, and its opens."""

from __future__ import annotations

from django.db import models


class Pixel(models.Model):
    token = models.CharField(max_length=24, unique=True)
    last_opened_at = models.DateTimeField(null=True)
    last_ip = models.GenericIPAddressField(null=True)
    last_user_agent = models.CharField(max_length=512, default="")
    open_count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.token


class Open(models.Model):
    pixel = models.ForeignKey(Pixel, models.CASCADE)
    opened_at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=512)

    def __str__(self) -> str:
        return f"open {self.pk}"
