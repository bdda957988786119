"""The admin's list of recipients, filtered by a saved segment."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from campaigns.models import Recipient
from tracker.models import Segment
from tracker.segments.saved import recipients_of, segments_offered


class SegmentFilter(admin.SimpleListFilter):
    """By ?segment=ID, as the segment's page links."""

    title = gettext_lazy("saved segment")
    parameter_name = "segment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (str(number), name) for number, name in segments_offered().values_list("pk", "name")
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Recipient]) -> QuerySet[Recipient]:
        value = self.value() or ""
        if not (value.isascii() and value.isdecimal() and len(value) < 19):
            return queryset
        segment = Segment.objects.filter(pk=int(value)).first()
        return queryset.filter(pk__in=recipients_of(segment)) if segment else queryset.none()
