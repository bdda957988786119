"""A shared report's password: how often it may be guessed, and who has given it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, auto
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from tracker.models import SharedReport, SharedReportTry

# Wrong passwords within the time after which they are forgotten: of one network, and of all
# together, who may be one guesser with many addresses.
MOST_TRIES = 10
MOST_TRIES_OF_ALL = 100
FORGOTTEN_AFTER = timedelta(minutes=15)
COOKIE = "shared-report"
REMEMBERED_FOR = timedelta(hours=12)
SALT = "tracker.sharing.passwords"


class Answer(Enum):
    RIGHT = auto()
    WRONG = auto()
    TOO_MANY = auto()


def try_password(shared: SharedReport, password: str, ip: str | None, *, at: datetime) -> Answer:
    """Each try counts before its password is looked at, so that many at once are no way around."""
    counted = _count_try(shared, network_of(ip), at)
    if counted is None:
        return Answer.TOO_MANY
    if not check_password(password, shared.password):
        return Answer.WRONG
    counted.delete()
    return Answer.RIGHT


def _count_try(shared: SharedReport, network: str, at: datetime) -> SharedReportTry | None:
    with transaction.atomic():
        # One try after the other counts: PostgreSQL waits here, SQLite at the transaction's start.
        SharedReport.objects.select_for_update().get(pk=shared.pk)
        tries = SharedReportTry.objects.filter(shared_report=shared)
        tries.filter(tried_at__lte=at - FORGOTTEN_AFTER).delete()
        if tries.count() >= MOST_TRIES_OF_ALL:
            return None
        if tries.filter(network=network).count() >= MOST_TRIES:
            return None
        return tries.create(shared_report=shared, network=network, tried_at=at)


def network_of(ip: str | None) -> str:
    """Whoever has one IPv6 address has all of its /64."""
    try:
        address = ip_address(ip or "")
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), 64), strict=False))
    return str(address)


def remember(response: HttpResponse, request: HttpRequest, shared: SharedReport) -> None:
    """Sent back to this link's own pages only."""
    response.set_signed_cookie(
        COOKIE,
        _proof(shared),
        salt=SALT,
        max_age=REMEMBERED_FOR,
        path=request.path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def has_given(request: HttpRequest, shared: SharedReport) -> bool:
    given = request.get_signed_cookie(COOKIE, default="", salt=SALT, max_age=REMEMBERED_FOR)
    return constant_time_compare(given or "", _proof(shared))


def _proof(shared: SharedReport) -> str:
    """Worth nothing for another link, nor after the password was changed."""
    return salted_hmac(SALT, f"{shared.pk}:{shared.password}", algorithm="sha256").hexdigest()
