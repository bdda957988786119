"""The plain view, and one that does nothing."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone

from benchmarks.plain.models import Open, Pixel
from tracker.endpoint import GIF


def record(request: HttpRequest, token: str) -> HttpResponse:
    pixel = Pixel._default_manager.get(token=token)
    pixel.last_opened_at = now = timezone.now()
    pixel.last_ip = ip = request.META["REMOTE_ADDR"]
    pixel.last_user_agent = user_agent = request.headers.get("User-Agent", "")
    pixel.open_count += 1
    pixel.save()
    Open._default_manager.create(pixel=pixel, opened_at=now, ip=ip, user_agent=user_agent)
    return HttpResponse(GIF, content_type="image/gif")


def do_nothing(request: HttpRequest, token: str) -> HttpResponse:
    return HttpResponse(GIF, content_type="image/gif")


urlpatterns = [
    path("o/<str:token>.gif", record),
    path("empty/o/<str:token>.gif", do_nothing),
]
