"""The links themselves: made with a secret that is shown once, found again by its hash, revoked."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db.models import F, Q
from django.urls import reverse

from campaigns.models import Campaign
from tracker.models import SharedReport

SECRET_BYTES = 32
KEPT_AFTER_EXPIRY = timedelta(days=90)
VIEW_COUNTED_EVERY = timedelta(minutes=1)


def share(
    campaign: Campaign,
    *,
    label: str,
    expires_at: datetime,
    password: str,
    user_id: int | None,
    at: datetime,
) -> tuple[SharedReport, str]:
    """The link and its secret, which nobody can find out later."""
    # Links that ended long ago are of no use to anybody; new ones come rarely enough to look.
    SharedReport.objects.expired_before(at - KEPT_AFTER_EXPIRY).delete()
    secret = secrets.token_urlsafe(SECRET_BYTES)
    shared = SharedReport.objects.create(
        campaign=campaign,
        secret_hash=hash_of(secret),
        label=label,
        expires_at=expires_at,
        password=make_password(password) if password else "",
        created_by_id=user_id,
    )
    return shared, secret


def hash_of(secret: str) -> str:
    """Plain SHA-256: there are 256 random bits, so nobody can guess what was hashed."""
    return sha256(secret.encode()).hexdigest()


def url_of(secret: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse('shared_report', args=[secret])}"


def find(secret: str, *, at: datetime) -> SharedReport | None:
    """The live link with its campaign and what is counted of it; one query, found or not.

    What the database compares is a hash, so how long it takes tells nothing about the secret.
    """
    wanted = hash_of(secret)
    shared = (
        SharedReport.objects.live(at=at)
        .select_related("campaign__counts", "campaign__breakdowns", "campaign__end_marks")
        .filter(secret_hash=wanted)
        .first()
    )
    if shared is None or not hmac.compare_digest(shared.secret_hash, wanted):
        return None
    return shared


def count_view(shared: SharedReport, *, at: datetime) -> None:
    """Writes nothing if a view was counted within the last minute."""
    before = at - VIEW_COUNTED_EVERY
    if shared.last_seen_at is not None and shared.last_seen_at > before:
        return
    # The condition again: another process may have been quicker.
    SharedReport.objects.filter(
        Q(last_seen_at=None) | Q(last_seen_at__lte=before), pk=shared.pk
    ).update(views=F("views") + 1, last_seen_at=at)


def revoke(shared: SharedReport, *, at: datetime) -> bool:
    """Whether it was not revoked before."""
    return bool(SharedReport.objects.filter(pk=shared.pk, revoked_at=None).update(revoked_at=at))


def set_password(shared: SharedReport, password: str) -> None:
    """Whoever gave the old one has to give the new one; an empty one asks nobody."""
    shared.password = make_password(password) if password else ""
    shared.save(update_fields=["password"])
    shared.tries.all().delete()
