"""A mistyped address that somebody has corrected is known as that recipient's from then on."""

from __future__ import annotations

from campaigns.models import CorrectedAddress, Recipient


def remember(mistyped: str, recipient: Recipient) -> None:
    """``mistyped`` as ``email_key`` makes it; the caller has the transaction."""
    CorrectedAddress.objects.update_or_create(email_key=mistyped, defaults={"recipient": recipient})


def follow(former: Recipient, recipient: Recipient) -> None:
    """What was corrected to one recipient is the other's, before the one goes."""
    CorrectedAddress.objects.filter(recipient=former).update(recipient=recipient)


def mistyped_of(recipient_id: int) -> list[str]:
    found = CorrectedAddress.objects.filter(recipient=recipient_id)
    return list(found.values_list("email_key", flat=True))


def recipient_of(mistyped: str) -> Recipient | None:
    """Whose address it was before it was corrected."""
    found = CorrectedAddress.objects.select_related("recipient").filter(email_key=mistyped).first()
    return found.recipient if found else None
