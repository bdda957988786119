"""Who was erased stays away: a keyed hash of each address, asked by whatever adds recipients."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from campaigns.models import Tombstone
from campaigns.models.keys import spellings_of

SALT = "campaigns.tombstones"
# Of the stubs that erased recipients leave. RFC 2606: no mail reaches such a domain.
STUB_DOMAIN = "erased.invalid"
ASKED_AT_ONCE = 500


def bury(email_key: str) -> None:
    """Remember that this address was erased; the caller has the transaction."""
    # The time of the last erasure: an import that runs asks who was erased since it began.
    Tombstone.objects.update_or_create(
        email_hash=hash_of(email_key), defaults={"erased_at": timezone.now()}
    )


def is_erased(email_keys: Collection[str]) -> set[str]:
    """Those of these addresses, as ``email_key`` makes them, that must not be added again.

    Addresses of stubs are among them: a list that was exported after an erasure brings nobody back.
    """
    found = {key for key in email_keys if is_stub(key)}
    if not Tombstone.objects.exists():
        return found
    by_hash = {one: key for key in email_keys for one in hashes_of(key)}
    for some in _portions(by_hash):
        buried = Tombstone.objects.filter(pk__in=some).values_list("pk", flat=True)
        found.update(by_hash[one] for one in buried)
    return found


class Buried:
    """All tombstones as of now, or these, to be asked a million times without the database."""

    def __init__(self, hashes: Iterable[str] | None = None) -> None:
        if hashes is None:
            hashes = Tombstone.objects.values_list("pk", flat=True)
        self._hashes = frozenset(hashes)
        # Fed with nothing yet: a copy of each is what ``hash_of`` begins with.
        self._keyed = [salted_hmac(SALT, "", secret=key, algorithm="sha256") for key in _keys()]

    def among(self, email_keys: Iterable[str]) -> set[str]:
        """As ``is_erased``."""
        return {key for key in email_keys if is_stub(key) or (self._hashes and self._is_here(key))}

    def _is_here(self, email_key: str) -> bool:
        spellings = (email_key,) if email_key.isascii() else spellings_of(email_key)
        for spelling in spellings:
            for keyed in self._keyed:
                one = keyed.copy()
                one.update(spelling.encode())
                if one.hexdigest() in self._hashes:
                    return True
        return False


def is_stub(email_key: str) -> bool:
    return email_key.endswith(f"@{STUB_DOMAIN}")


def lift(email_key: str) -> bool:
    """This address may be added again; whether it had been erased."""
    return bool(Tombstone.objects.filter(pk__in=hashes_of(email_key)).delete()[0])


def hash_of(email_key: str, secret: str | bytes | None = None) -> str:
    return salted_hmac(SALT, email_key, secret=secret, algorithm="sha256").hexdigest()


def hashes_of(email_key: str) -> list[str]:
    """One for each key that may have been in use when the address was erased.

    And for each spelling: a hash from before domains were compared in their own letters cannot be
    renewed, because nobody knows of whom it is.
    """
    return [hash_of(one, key) for one in sorted(spellings_of(email_key)) for key in _keys()]


def _keys() -> tuple[str, ...]:
    return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


def _portions(hashes: Iterable[str]) -> Iterable[list[str]]:
    rest = iter(hashes)
    while some := list(islice(rest, ASKED_AT_ONCE)):
        yield some
