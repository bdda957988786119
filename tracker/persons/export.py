"""Everything that is kept about one person, as one document for them."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils import timezone

from campaigns.audit import kind_of
from campaigns.models import AuditEntry, Import, Recipient, SuppressedAddress
from tracker.clients import client_name
from tracker.models import Open, Pixel, Ruling, UniqueOpen
from tracker.persons.elsewhere import found_elsewhere
from tracker.persons.evidence import portions
from tracker.persons.plans import Person
from tracker.persons.waiting import spool_here
from tracker.verdicts import RULE_BY_NUMBER, Verdict

# Raised when a name in the document changes its meaning or goes.
VERSION = 1


def everything_about(recipient: Recipient) -> dict[str, Any]:
    """Ready for ``json.dumps``; moments in UTC, ISO 8601. Whatever an erasure would reach.

    Other people's names are not in it: of a ruling it says what and when, and not by whom.
    """
    return {**_their_own(recipient), "elsewhere": found_elsewhere(recipient)}


def _their_own(recipient: Recipient) -> dict[str, Any]:
    """What leads to them in the database."""
    pixels = list(
        Pixel.objects.filter(recipient=recipient)
        .select_related("campaign", "unique_open__last_user_agent", "end_load")
        .order_by("campaign_id", "pk")
    )
    opens = _opens([pixel.pk for pixel in pixels])
    return {
        "version": VERSION,
        "exported_at": _moment(timezone.now()),
        "person": _row(recipient),
        "suppressed": _suppressed(recipient),
        "suppressed_before": _suppressed_before(recipient),
        "imports": _imports(recipient),
        "campaigns": [_campaign(pixel, opens[pixel.pk]) for pixel in pixels],
        "hits_set_aside": _hits_set_aside({pixel.pk for pixel in pixels}),
        "also_kept": _rows_of_other_tables(recipient),
        "audit_log": _audit_log(recipient),
        "admin_log": _admin_log(recipient),
    }


def for_themselves(recipient: Recipient) -> dict[str, Any]:
    """The same for the person's own page: what colleagues wrote for each other is not theirs to
    read, nor is mail that was not sent.

    What stands in other people's rows and in files is left to the operators' export: finding it
    reads the whole database, which no public page may ask for.
    """
    document = _their_own(recipient)
    for one in document["imports"]:
        del one["file_name"]
    if document["suppressed"]:
        del document["suppressed"]["reason"]
    document["campaigns"] = [
        _as_received(one) for one in document["campaigns"] if one["sent_at"] or one["summary"]
    ]
    for rows in document["also_kept"].values():
        for row in rows:
            row.pop("by_id", None)
    for entry in document["audit_log"]:
        del entry["details"]
    for entry in document["admin_log"]:
        del entry["change"]
    return document


def _as_received(campaign: dict[str, Any]) -> dict[str, Any]:
    """Under the subject that they saw, if it is known; rulings without their notes."""
    name = campaign.pop("name")
    for one in campaign["opens"]:
        for ruling in one["rulings"]:
            del ruling["note"]
    return {**campaign, "subject": campaign["subject"] or name}


def _suppressed(recipient: Recipient) -> dict[str, Any] | None:
    """That nothing is sent to the address, and why."""
    found = SuppressedAddress.objects.filter(email_key=recipient.email_key).first()
    if found is None:
        return None
    return {"since": _moment(found.created_at), "reason": found.reason}


def _suppressed_before(recipient: Recipient) -> list[dict[str, Any]]:
    """By hand, in the admin; of a whole list is kept only how many addresses it had."""
    names = {ADDITION: "added", DELETION: "lifted"}
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(SuppressedAddress),
        object_repr__in=Person.of(recipient).keys,
        action_flag__in=names,
    )
    return [
        {"at": _moment(entry.action_time), "action": names[entry.action_flag]}
        for entry in entries.order_by("pk")
    ]


def _imports(recipient: Recipient) -> list[dict[str, Any]]:
    """By which they may have come into their campaigns: who stood in which list is not kept."""
    campaigns = Pixel.objects.filter(recipient=recipient).values("campaign")
    done = Import.objects.filter(campaign__in=campaigns, state=Import.State.DONE, is_dry_run=False)
    return [
        {
            "import_id": one.pk,
            "campaign_id": one.campaign_id,
            "file_name": one.file_name,
            "finished_at": _moment(one.finished_at),
            "made_the_recipient": _is_within(recipient.created_at, one),
        }
        for one in done.order_by("pk")
    ]


def _is_within(moment: datetime, one: Import) -> bool:
    if one.started_at is None or one.finished_at is None:
        return False
    return one.started_at <= moment <= one.finished_at


def _campaign(pixel: Pixel, opens: list[dict[str, Any]]) -> dict[str, Any]:
    opened = pixel.opened
    return {
        "campaign_id": pixel.campaign_id,
        "name": pixel.campaign.name,
        "subject": pixel.campaign.subject,
        "pixel_id": pixel.pk,
        "status": str(pixel.status),
        "sent_at": _moment(pixel.sent_at),
        "bounced_at": _moment(pixel.bounced_at),
        "summary": _summary(opened) if opened else None,
        "end_loaded_at": _moment(pixel.ended.first_loaded_at) if pixel.ended else None,
        "opens": opens,
    }


def _summary(opened: UniqueOpen) -> dict[str, Any]:
    """``opens`` may be more than are listed: old ones are removed after a while."""
    agent = opened.last_user_agent
    return {
        "opens": opened.open_count,
        "opens_by_people": opened.human_open_count,
        "first_opened_at": _moment(opened.first_opened_at),
        "last_opened_at": _moment(opened.last_opened_at),
        "first_human_opened_at": _moment(opened.first_human_opened_at),
        "verdict": Verdict.of_number(opened.verdict).value,
        "last_address": opened.last_ip,
        "last_user_agent": agent.text if agent else None,
    }


def _opens(pixel_ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for some in portions(pixel_ids):
        rulings: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for ruling in Ruling.objects.filter(open__pixel__in=some).order_by("pk"):
            rulings[ruling.open_id].append(_ruling(ruling))
        opens = Open.objects.filter(pixel__in=some).select_related("user_agent")
        for one in opens.order_by("pixel", "opened_at", "pk").iterator(2_000):
            found[one.pixel_id].append(_open(one, rulings.get(one.pk, [])))
    return found


def _open(one: Open, rulings: list[dict[str, Any]]) -> dict[str, Any]:
    rule = RULE_BY_NUMBER.get(one.rule)
    agent = one.user_agent.text if one.user_agent else None
    return {
        "id": str(one.pk),
        "opened_at": _moment(one.opened_at),
        "verdict": Verdict.of_number(one.verdict).value,
        "rule": rule.id if rule else None,
        "why": rule.sentence if rule else None,
        "confidence": rule.confidence if rule else None,
        "address": one.ip,
        "user_agent": agent,
        "client": client_name(agent) if agent else None,
        "reached_ceiling": one.is_at_ceiling,
        "rulings": rulings,
    }


def _ruling(ruling: Ruling) -> dict[str, Any]:
    return {
        "verdict": Verdict.of_number(ruling.verdict).value,
        "note": ruling.note,
        "set_at": _moment(ruling.set_at),
    }


def _hits_set_aside(pixel_ids: set[int]) -> list[dict[str, Any]]:
    """On this machine: what the database refused."""
    return [
        {
            "pixel_id": hit.pixel_id,
            "microseconds_since_1970": hit.opened_at,
            "address": hit.ip,
            "user_agent": hit.user_agent,
            "is_end_mark": hit.is_end_mark,
        }
        for hit in spool_here().refused()
        if hit.pixel_id in pixel_ids
    ]


def _rows_of_other_tables(recipient: Recipient) -> dict[str, list[dict[str, Any]]]:
    """Whatever else refers to the recipient, also what this file does not know of."""
    found = {}
    for relation in Recipient._meta.related_objects:
        model, column = relation.related_model, relation.field.attname
        if model is Pixel:
            continue
        rows = model._base_manager.filter(**{column: recipient.pk}).order_by("pk")
        if shown := [_row(row, leave_out={column}) for row in rows]:
            found[model._meta.label_lower] = shown
    return found


def _row(row: Model, leave_out: frozenset[str] | set[str] = frozenset()) -> dict[str, Any]:
    return {
        field.attname: _value(getattr(row, field.attname))
        for field in row._meta.concrete_fields
        if field.attname not in leave_out
    }


def _audit_log(recipient: Recipient) -> list[dict[str, Any]]:
    entries = AuditEntry.objects.about(kind_of(recipient), recipient.pk)
    return [
        {
            "at": _moment(entry.at),
            "action": entry.action,
            "source": entry.source,
            "details": entry.details,
        }
        for entry in entries.order_by("pk")
    ]


def _admin_log(recipient: Recipient) -> list[dict[str, Any]]:
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Recipient), object_id=str(recipient.pk)
    )
    return [
        {
            "at": _moment(entry.action_time),
            "text": entry.object_repr,
            "change": entry.get_change_message(),
        }
        for entry in entries.order_by("pk")
    ]


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return _moment(value)
    is_plain = value is None or isinstance(value, bool | int | float | str | dict | list)
    return value if is_plain else str(value)


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
