"""Fills an empty installation with all that pages can show; runs inside of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import Group, User
from django.utils import timezone

from campaigns.imports import start
from campaigns.imports.columns import Columns
from campaigns.models import (
    AuditEntry,
    Campaign,
    CorrectedAddress,
    Import,
    Recipient,
    SuppressedAddress,
)
from tests.conftest import THUNDERBIRD, make_campaign, make_hit, pixels_of
from tracker.breakdowns.refresh import refresh
from tracker.consent import choose
from tracker.importing.now import import_recipients, work_on
from tracker.models import Open, Ruling, Segment, Work
from tracker.persons.erasure import erase
from tracker.pixels import ensure_test_pixel, mark_bounced
from tracker.privacy_links import privacy_url
from tracker.sharing.links import share
from tracker.simulation.day import simulate
from tracker.verdicts import Verdict
from tracker.writer import write_hits

LONG = "Everything that our members have to know before the summer " * 4
RTL = "النشرة الإخبارية لشهر مارس"
ODD = {
    "empty": "Empty draft",
    "ready": "Ready to be sent",
    "silent": "Nobody answers",
    "long": LONG[:200],
    "rtl": RTL,
}
PROVIDERS = ("gmail.com", "hotmail.com", "web.de", "icloud.com", "yahoo.com")
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148"
)
SLIPS = (
    "E-Mail;Name;City\nann@example.com;Ann;Bonn\nben@gmial.com;Ben;Ulm\nfoo@localhost;Foo;\n"
    "cy@example.com;Cy;Ulm;7\nwrong;;\n"
)


def fill(address: str) -> None:
    """Prints what the addresses of pages need, as JSON."""
    cast: dict[str, Any] = {}
    main = _simulated(address)
    _of_providers()
    fallen = Campaign.objects.get(name="Fallen into the spam folder")
    _odd()
    cast |= {"main": main.pk, "fallen": fallen.pk}
    for called, name in ODD.items():
        cast[called] = Campaign.objects.get(name=name).pk
    cast |= _people(main) | _imports(cast["ready"]) | _work(main) | _links(main) | _accounts()
    cast["segment"] = Segment.objects.get().pk
    print(json.dumps(cast, default=str))  # noqa: T201  # read by whoever started this


def _simulated(address: str) -> Campaign:
    """A day of invented opens through the real endpoint."""
    domains = (*PROVIDERS, "northwind.example", "fabrikam.example")
    some = [f"reader{n:03}@{domains[n % len(domains)]}" for n in range(350)]
    campaign = make_campaign(*some, name="Spring newsletter", is_sent=False)
    Campaign.objects.filter(pk=campaign.pk).update(
        subject="What is new this spring", time_zone="Europe/Berlin"
    )
    ensure_test_pixel(campaign)
    for number, pixel in enumerate(pixels_of(campaign)):
        attributes = {"City": ("Bonn", "Graz", "Ulm")[number % 3], "Customer": f"K{number // 9}"}
        Recipient.objects.filter(pixels=pixel).update(attributes=attributes)
    campaign.refresh_from_db()
    simulate(campaign, address, seed=7, rate=5_000, hours=30)
    mark_bounced(campaign, some[-3:], at=timezone.now())
    campaign.refresh_from_db()
    refresh(campaign)
    return campaign


def _of_providers() -> None:
    """Two campaigns as usual, and one that Outlook.com took for spam."""
    outlook = [f"o{n:02}@hotmail.com" for n in range(60)]
    gmail = [f"g{n:02}@gmail.com" for n in range(60)]
    for days, name in ((20, "In February"), (10, "In March")):
        openers = range(24), range(60, 84)
        refresh(_opened(name, [*outlook, *gmail], openers, timedelta(days=days)))
    few = range(2), range(60, 80)
    _opened("Fallen into the spam folder", [*outlook, *gmail], few, timedelta(days=2))


def _opened(
    name: str, addresses: Sequence[str], openers: Sequence[range], ago: timedelta
) -> Campaign:
    campaign = make_campaign(*addresses, name=name)
    sent_at = timezone.now() - ago
    pixels = pixels_of(campaign)
    write_hits(
        [
            make_hit(
                pixels[place].pk,
                at=_micro(sent_at + timedelta(minutes=25 * order)),
                ip=f"203.0.113.{place + 1}",
                user_agent=IPHONE if place % 3 else THUNDERBIRD,
            )
            for order, place in enumerate(place for group in openers for place in group)
        ]
    )
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=sent_at)
    return Campaign.objects.get(pk=campaign.pk)


def _micro(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _odd() -> None:
    """What does not look like the usual campaign."""
    few = [f"few{n:02}@example.com" for n in range(12)]
    _opened(LONG[:200], few, (range(3),), timedelta(days=3))
    _opened(RTL, few, (range(3),), timedelta(days=4))
    _opened("Nobody answers", few, (), timedelta(hours=9))
    make_campaign(name="Empty draft", is_sent=False)
    make_campaign(*few, name="Ready to be sent", is_sent=False)
    archived = _opened("Last year", few, (range(6),), timedelta(days=300))
    Campaign.objects.filter(pk=archived.pk).update(archived_at=timezone.now())
    Recipient.objects.filter(email="few00@example.com").update(name="n" * 200)
    Recipient.objects.filter(email="few01@example.com").update(name="ليلى بنت محمد")


def _people(main: Campaign) -> dict[str, Any]:
    pixels = [one for one in pixels_of(main) if one.opened and one.opened.open_count > 1]
    opener, quiet = pixels[0], pixels_of(main)[-1]
    first = Open.objects.filter(pixel=opener).order_by("pk")[0]
    ada = User.objects.get(username="ada")
    Ruling.objects.create(
        open=first, verdict=Verdict.BOT.number, note="Our own monitor", set_by=ada
    )
    for pixel, choice in zip(pixels[1:3], ("anonymous", "off"), strict=True):
        if pixel.recipient:
            choose(pixel.recipient, choice, source="page")
    gone = Recipient.objects.get(email="few05@example.com")
    erase(gone, ada)
    assert opener.recipient
    SuppressedAddress.objects.create(email_key="nobody@example.com", reason="asked for it")
    CorrectedAddress.objects.create(email_key="ann@gmial.com", recipient=opener.recipient)
    Segment.objects.create(
        name="Readers in Bonn",
        campaign=main,
        conditions=[{"kind": "attribute", "name": "City", "how": "is", "value": "Bonn"}],
    )
    return {
        "person": opener.recipient_id,
        "erased": gone.pk,
        "pixel": opener.pk,
        "quiet": quiet.pk,
        "an_open": first.pk,
        "token": urlsplit(privacy_url(opener.recipient.pk)).path.split("/")[2],
        "suppressed": SuppressedAddress.objects.get().pk,
        "corrected": CorrectedAddress.objects.get().pk,
        "entry": AuditEntry.objects.order_by("pk")[0].pk,
    }


def _imports(campaign_id: int) -> dict[str, int]:
    """Waiting for its columns, running on another machine, tried, done, and failed."""
    campaign = Campaign.objects.get(pk=campaign_id)
    columns = start.upload(campaign, BytesIO(SLIPS.encode()), "members.csv")
    tried = start.upload(campaign, BytesIO(SLIPS.encode()), "members.csv")
    start.confirm(tried, Columns.of_json(tried.columns or {}), is_dry_run=True)
    work_on(tried.pk)
    done = import_recipients(campaign, BytesIO(SLIPS.encode()), name="members.csv")
    now = timezone.now()
    kept: dict[str, Any] = {
        "campaign": campaign,
        "is_ours": True,
        "path": "",
        "place": "elsewhere",
        "size": 9_000_000,
    }
    running = Import.objects.create(
        **kept,
        file_name="everybody.csv",
        state="reading",
        started_at=now,
        bytes_read=3_000_000,
        rows=120_000,
        rejected=7,
    )
    failed = Import.objects.create(
        **kept, file_name="broken.xlsx", state="failed", error="This is no workbook."
    )
    found = {"columns": columns, "tried": tried, "done": done, "running": running, "failed": failed}
    return {f"import_{name}": one.pk for name, one in found.items()}


def _work(main: Campaign) -> dict[str, int]:
    """Of every kind in some state; what runs belongs to another machine, and stays as it is."""
    now = timezone.now()
    running: dict[str, Any] = {
        "state": "working",
        "started_at": now,
        "resumed_at": now - timedelta(minutes=3),
        "place": "elsewhere",
    }
    result = {
        "judged": 900,
        "changed": 2,
        "campaigns": {str(main.pk): {"4": [2, 0], "6": [7, 9]}},
        "rules_version": 1,
    }
    broken = result | {"campaigns": {"nobody": {}}}
    works = {
        "running": Work(kind="rejudge", done=100, total=900, **running),
        "judged": Work(kind="rejudge", state="done", done=900, total=900, result=result),
        "made": Work(kind="campaign", state="done", result={"recipients": 25_000}, campaign=main),
        "file": Work(
            kind="snippets", state="done", result={"bytes": 9_000_000}, parameters={"file": "x"}
        ),
        "failed": Work(kind="campaign", state="failed", fault="nobody"),
        # No walk leaves such a result: its page is the one of a server error.
        "broken": Work(kind="rejudge", state="done", result=broken),
    }
    for number, work in enumerate(works.values()):
        work.form_id = f"{number:032}"
        work.finished_at = None if work.state == "working" else now
        work.save()
    return {f"work_{name}": work.pk for name, work in works.items()}


def _links(main: Campaign) -> dict[str, str]:
    now = timezone.now()
    kept: dict[str, Any] = {"user_id": None, "at": now, "expires_at": now + timedelta(days=7)}
    _, plain = share(main, label="The client", password="", **kept)
    _, locked = share(main, label="Their boss", password="a word for them", **kept)
    return {"secret": plain, "locked": locked}


def _accounts() -> dict[str, Any]:
    vito = User.objects.create_user("vito", first_name="Vito", last_name="Rossi")
    vito.groups.add(Group.objects.get(name="Viewers"))
    seen = {"ip_address": "127.0.0.1", "path_info": "/accounts/login/", "user_agent": IPHONE}
    attempt = AccessAttempt.objects.create(
        username="locked", failures_since_start=10, get_data="", post_data="", **seen
    )
    entered = AccessLog.objects.create(username="ada", **seen)
    return {
        "user": vito.pk,
        "group": Group.objects.get(name="Marketers").pk,
        "attempt": attempt.pk,
        "log_in": entered.pk,
    }
