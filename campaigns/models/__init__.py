"""Whom we wrote to: campaigns, and the recipients that they may share."""

from __future__ import annotations

from campaigns.models.audit import AppendOnlyError, AuditEntry, AuditQuerySet
from campaigns.models.campaigns import (
    Campaign,
    CampaignManager,
    CampaignQuerySet,
    Tracking,
    default_time_zone,
    validate_time_zone,
)
from campaigns.models.imports import Import, ImportQuerySet, RejectedLine, TypingSlip
from campaigns.models.keys import email_key
from campaigns.models.recipients import (
    Attribute,
    Consent,
    CorrectedAddress,
    EmailKeyField,
    Recipient,
    RecipientQuerySet,
    SuppressedAddress,
    Tombstone,
    suppresses,
)

__all__ = [
    "AppendOnlyError",
    "Attribute",
    "AuditEntry",
    "AuditQuerySet",
    "Campaign",
    "CampaignManager",
    "CampaignQuerySet",
    "Consent",
    "CorrectedAddress",
    "EmailKeyField",
    "Import",
    "ImportQuerySet",
    "Recipient",
    "RecipientQuerySet",
    "RejectedLine",
    "SuppressedAddress",
    "Tombstone",
    "Tracking",
    "TypingSlip",
    "default_time_zone",
    "email_key",
    "suppresses",
    "validate_time_zone",
]
