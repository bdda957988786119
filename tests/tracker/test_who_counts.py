"""Who counts, everywhere: every figure of a campaign against a recomputation that knows nothing of
the database, after anything that may have happened to it."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from campaigns.models import Campaign
from tests.conftest import THUNDERBIRD, emails, make_campaign, make_hit, pixels_of
from tests.tracker.consent.test_choices import decide, empty_tables
from tests.tracker.test_people import page_of
from tracker.breakdowns.providers import OTHER_DOMAINS, provider_of
from tracker.breakdowns.refresh import refresh
from tracker.models import Breakdowns, Pixel
from tracker.pixels import add_pixels, mark_bounced, mark_sent
from tracker.recount import repair, verify
from tracker.reports.curves import TABLE_HOURS
from tracker.reports.overview import SORTS
from tracker.reports.statuses import Status, having
from tracker.reports.usual import history_before
from tracker.segments.choice import Choice, Who
from tracker.segments.members import members
from tracker.sharing.hiding import Hidden
from tracker.sharing.report import shared_figures_of
from tracker.sharing.rows import shared_rows
from tracker.writer import write_hits

LogIn = Callable[[str], Client]

# The beginning of a quarter of an hour, long ago: every curve is at its end.
SENT = datetime(2026, 2, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ADDRESSES = [
    *emails(6, "company.example"),
    *emails(5, "gmail.com"),
    *emails(2, "hotmail.com"),
    *emails(2, "family.example"),
]
LATECOMERS = emails(2, "late.example")
EVERYBODY = [*ADDRESSES, *LATECOMERS]
# Who fetches: an agent and an address that leave no doubt, the worst evidence of a person first.
FETCHES = {
    "machine": ("python-requests/2.31.0", "192.0.2.9"),
    "prefetch": ("Mozilla/5.0", "104.28.28.5"),
    "unknown": ("Something/1.0", "192.0.2.8"),
    "human": (THUNDERBIRD, "192.0.2.1"),
}
KINDS = list(FETCHES)
Open = tuple[datetime, str]


@dataclass(slots=True)
class Person:
    """One recipient, as this test sees them. ``hidden`` opens have left them."""

    email: str
    choice: str = "identified"
    is_sent: bool = False
    is_bounced: bool = False
    own: list[Open] = field(default_factory=list)
    hidden: list[Open] = field(default_factory=list)

    @property
    def is_delivered(self) -> bool:
        return self.is_sent and not self.is_bounced

    @property
    def is_listed(self) -> bool:
        """As somebody of whom one may know whether they opened."""
        return self.choice == "identified"

    def fetch(self, one: Open, *, is_anonymous: bool) -> None:
        if self.choice == "off":
            return
        (self.hidden if is_anonymous or self.choice == "anonymous" else self.own).append(one)

    def choose(self, choice: str) -> None:
        self.choice = choice
        if choice != "identified":
            self.hidden += self.own
            self.own = []


def best(opens: Sequence[Open]) -> str | None:
    return max((kind for _, kind in opens), key=KINDS.index, default=None)


def first_human(opens: Sequence[Open]) -> datetime | None:
    return min((at for at, kind in opens if kind == "human"), default=None)


class Shadow:
    """The whole campaign, recomputed."""

    def __init__(self) -> None:
        self.people = [Person(email) for email in ADDRESSES]
        self.sent_at: datetime | None = None

    @property
    def units(self) -> list[list[Open]]:
        """What counts once, and is in rates: who is off is in none."""
        own = [one.own for one in self.people]
        hidden = [one.hidden for one in self.people if one.choice != "off"]
        return [opens for opens in (*own, *hidden) if opens]

    @property
    def left_from_before(self) -> list[list[Open]]:
        return [one.hidden for one in self.people if one.choice == "off" and one.hidden]

    @property
    def opens(self) -> list[Open]:
        return [one for opens in (*self.units, *self.left_from_before) for one in opens]

    def kind(self, *kinds: str) -> int:
        return sum(best(opens) in kinds for opens in self.units)

    def rated(self, *kinds: str) -> int:
        """The same in rates: no more people than the mail was delivered to, the best first."""
        if not self.whole:
            return self.kind(*kinds)
        best_first = ("human", "unknown", "prefetch", "machine")
        units = [kind for kind in best_first for _ in range(self.kind(kind))]
        return sum(kind in kinds for kind in units[: self.whole])

    @property
    def whole(self) -> int:
        """D: delivered to who may be tracked."""
        return sum(one.is_delivered and one.choice != "off" for one in self.people)

    @property
    def firsts(self) -> list[datetime]:
        return sorted(at for opens in self.units if (at := first_human(opens)))

    def listed(self, *kinds: str) -> set[str]:
        return {one.email for one in self.people if one.is_listed and best(one.own) in kinds}

    @property
    def lists(self) -> dict[str, set[str]]:
        return {
            "all": {one.email for one in self.people},
            "opened": self.listed("human"),
            "machines": self.listed("machine", "prefetch"),
            "prefetched": self.listed("prefetch"),
            "scanned": self.listed("machine"),
            "unclear": self.listed("unknown"),
            "unopened": {
                one.email
                for one in self.people
                if one.is_listed and one.is_delivered and not one.own
            },
            "bounced": {one.email for one in self.people if one.is_bounced},
        }


def share(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["human", "human", "machine", "prefetch", "unknown", "signal"]),
            st.integers(0, len(EVERYBODY) - 1),
            st.sampled_from([-40, -3, 0, 7, 14, 15, 61, 700, 3000, 40_000]),
        ),
        st.tuples(
            st.sampled_from(["identified", "anonymous", "off", "anonymous", "off", "bounce"]),
            st.integers(0, len(EVERYBODY) - 1),
            st.just(0),
        ),
        st.tuples(st.sampled_from(["send", "join", "refresh", "refresh"]), st.just(0), st.just(0)),
    ),
    min_size=3,
    max_size=30,
)
Steps = list[tuple[str, int, int]]
SEND = ("send", 0, 0)
# Choices that leave no other trace in any count: nothing opened, or one makes up for another.
UNNOTICED: Steps = [
    SEND,
    *[("human", place, 7) for place in range(11)],
    ("anonymous", 1, 0),
    ("refresh", 0, 0),
    ("identified", 1, 0),
    ("anonymous", 2, 0),
]
LONE: Steps = [SEND, ("human", 6, 7), ("anonymous", 6, 0), ("off", 7, 0), ("unknown", 6, 15)]
GONE: Steps = [SEND, *[(kind, n, 7) for n, kind in enumerate(KINDS * 3)], ("refresh", 0, 0)]
GONE += [("off", n, 0) for n in range(0, 12, 2)]
BACK: Steps = [*GONE, ("identified", 0, 0), ("human", 0, 61), ("anonymous", 2, 0)]
UNREACHED: Steps = [*[("human", n, -3) for n in range(3)], SEND, ("join", 0, 0)]
UNREACHED += [("human", 15, 7), ("human", 3, 7), ("bounce", 3, 0), ("bounce", 4, 0)]
UNREACHED += [("anonymous", 5, 0), ("bounce", 5, 0), ("off", 6, 0), ("bounce", 6, 0)]
UNREACHED += [("bounce", 7, 0), ("anonymous", 7, 0)]
SILENT: Steps = [SEND, *[("off", place, 0) for place in range(len(ADDRESSES))]]
UNSENT: Steps = [("human", 0, 7), ("off", 0, 0)]


@given(steps=STEPS)
@example(steps=UNNOTICED)
@example(steps=LONE)
@example(steps=GONE)
@example(steps=BACK)
@example(steps=UNREACHED)
@example(steps=UNSENT)
@example(steps=SILENT)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.usefixtures("real_db")
def test_every_figure_counts_the_same_people(steps: Steps, log_in: LogIn) -> None:
    client = log_in_once(log_in)
    empty_tables()
    campaign = make_campaign(*ADDRESSES, name="Spring", is_sent=False)
    shadow = Shadow()
    for step, place, minutes in steps:
        take_step(campaign, shadow, step, place, minutes)
    assert verify().drift == 0
    campaign = Campaign.objects.select_related("counts", "breakdowns").get(pk=campaign.pk)
    for check in CHECKS:
        check(campaign, shadow, client)
    # A repair brings about the same, from nothing.
    Breakdowns.objects.all().delete()
    repair(SimpleNamespace(drifted_pixels=[], drifted_campaigns=[campaign.pk], drifted_quarters=[]))  # type: ignore[arg-type]  # as much of one as it reads
    assert verify().drift == 0
    check_counts(Campaign.objects.select_related("counts").get(pk=campaign.pk), shadow, client)


_clients: dict[int, Client] = {}


def log_in_once(log_in: LogIn) -> Client:
    """Examples share one session; its account is in a table that they do not empty."""
    if id(log_in) not in _clients:
        _clients.clear()
        _clients[id(log_in)] = log_in("viewer")
    return _clients[id(log_in)]


def take_step(campaign: Campaign, shadow: Shadow, step: str, place: int, minutes: int) -> None:
    if step == "send":
        mark_sent(campaign, at=SENT)
        shadow.sent_at = SENT
        for one in shadow.people:
            one.is_sent = True
    elif step == "join":
        if len(shadow.people) == len(ADDRESSES):
            others = make_campaign(*LATECOMERS, name="Elsewhere", is_sent=False)
            add_pixels(campaign, [pixel.recipient_id or 0 for pixel in pixels_of(others)])
            shadow.people += [Person(email) for email in LATECOMERS]
    elif step == "refresh":
        refresh(campaign)
    elif place < len(shadow.people):
        take_step_of(campaign, shadow.people[place], step, SENT + minutes * MINUTE)


def take_step_of(campaign: Campaign, person: Person, step: str, at: datetime) -> None:
    pixel = Pixel.objects.get(campaign=campaign, recipient__email=person.email)
    if step in ("identified", "anonymous", "off"):
        decide(pixel, step)
        person.choose(step)
    elif step == "bounce":
        mark_bounced(campaign, [person.email], at=SENT)
        person.is_bounced = person.is_sent
    else:
        kind = "human" if step == "signal" else step
        agent, ip = FETCHES[kind]
        moment = int(at.timestamp()) * 1_000_000
        hit = make_hit(pixel.pk, at=moment, ip=ip, user_agent=agent)
        write_hits([hit._replace(is_anonymous=step == "signal")])
        person.fetch((at, kind), is_anonymous=step == "signal")


def check_counts(campaign: Campaign, shadow: Shadow, client: Client) -> None:
    counts, people = campaign.counts, shadow.people
    delivered = [one for one in people if one.is_delivered]
    assert counts.recipients == len(people)
    assert counts.sent == sum(one.is_sent for one in people)
    assert counts.bounces == sum(one.is_bounced for one in people)
    assert counts.delivered == len(delivered)
    assert counts.untracked == sum(one.choice == "off" for one in delivered)
    assert counts.anonymous == sum(one.choice == "anonymous" for one in delivered)
    assert counts.trackable == shadow.whole
    assert counts.opens == len(shadow.opens)
    assert counts.unique_opens == len(shadow.units) + len(shadow.left_from_before)
    assert counts.unique_tracked_opens == len(shadow.units)
    kinds = Counter(best(opens) for opens in shadow.units)
    assert counts.unique_human_opens == kinds["human"]
    assert counts.unique_unknown_opens == kinds["unknown"]
    assert counts.unique_prefetch_opens == kinds["prefetch"]
    assert counts.unique_machine_opens == kinds["machine"]
    assert counts.unopened == max(shadow.whole - len(shadow.units), 0)
    assert counts.rates.human_open_rate == share(shadow.rated("human"), shadow.whole)
    assert counts.open_rate == share(shadow.rated(*KINDS), shadow.whole)


def check_report(campaign: Campaign, shadow: Shadow, client: Client) -> None:
    """The page itself: answer, figures, funnel, tabs."""
    answer = client.get(f"/campaigns/{campaign.pk}/")
    page = answer.context
    human, whole, fetched = shadow.rated("human"), shadow.whole, shadow.rated(*KINDS)
    assert (page["rates"].human, page["rates"].delivered) == (human, whole)
    reader = {step.label: step for step in page["funnel"]}
    assert reader["Delivered"].people == campaign.counts.delivered
    assert reader["Pixel fetched"].people == fetched
    assert reader["Pixel fetched"].of_delivered == share(fetched, whole)
    assert reader["by people"].people == human
    assert reader["by people"].of_delivered == share(human, whole)
    parts = [step.people for step in page["funnel"] if step.kind]
    assert sum(parts) == fetched
    if campaign.counts.untracked:
        assert reader["May be tracked"].people == whole
    is_beyond = "More unique opens than recipients delivered to" in answer.content.decode()
    assert is_beyond == (len(shadow.units) > whole)
    assert campaign.get_absolute_url()


def check_definitions(campaign: Campaign, shadow: Shadow, client: Client) -> None:
    answer = client.get(f"/campaigns/{campaign.pk}/figures/")
    figures = {one.id: one for one in answer.context["figures"]}
    fetched = shadow.rated(*KINDS)
    for name, part, whole in (
        ("human-open-rate", shadow.rated("human"), shadow.whole),
        ("possible-open-rate", shadow.rated("human", "prefetch", "unknown"), shadow.whole),
        ("open-rate", fetched, shadow.whole),
        ("machine-open-share", shadow.rated("prefetch", "machine"), fetched),
    ):
        found = figures[name]
        # Without any open nobody knows whether the pixel is in the mail.
        value = share(part, whole) if campaign.counts.is_opened else None
        assert (found.part, found.whole, found.value) == (part, whole, value), name
    text = " ".join(answer.content.decode().split())
    assert f"H + V + M + U: unique opens</dt><dd>{fetched}</dd>" in text
    assert f"</dt><dd>{shadow.whole}</dd></div> <div><dt>H:" in text


def check_lists(campaign: Campaign, shadow: Shadow, client: Client) -> None:
    """Tabs lead to as many rows as they say; files and segments hold the same people."""
    for show, expected in shadow.lists.items():
        page = page_of(campaign, f"?show={show}")
        (tab,) = [one for one in page.tabs if one.is_current]
        assert tab.count == len(page.rows) == len(expected), show
        assert {row.recipient.email for row in page.rows if row.recipient} == expected, show
        if show in Who.values:
            chosen = members(campaign, Choice(Who(show)))
            assert set(chosen.values_list("recipient__email", flat=True)) == expected, show
    hidden = [one.hidden for one in shadow.people if one.hidden and one.choice != "off"]
    assert page.unlinked == len(hidden)
    # What the page says stands between its figures and its lists.
    opened = sum(len(shadow.lists[name]) for name in ("opened", "machines", "unclear"))
    assert campaign.counts.unique_tracked_opens == opened + page.unlinked
    rows = file(client, f"/campaigns/{campaign.pk}/report.csv")
    by_email = {row["email"]: row for row in rows}
    assert len(by_email) == len(rows) == len(shadow.people)
    for one in shadow.people:
        row = by_email[one.email]
        assert row["opens"] == (str(len(one.own)) if one.is_listed else "")
        assert (row["status"] == "opened") == (one.email in shadow.lists["opened"])
        assert (row["status"] == "sent") == (one.email in shadow.lists["unopened"])
        if not one.own and not one.is_bounced:
            usual = "sent" if one.is_sent else "ready"
            assert row["status"] == (usual if one.is_listed else one.choice)


def check_breakdowns(campaign: Campaign, shadow: Shadow, client: Client) -> None:
    """Stored before the last choices or not: only people whose opens are linked to them."""
    linked = [one for one in shadow.people if one.is_listed]
    in_domain = Counter(key_of(one) for one in linked)
    expected: dict[str, Counter[str]] = {}
    for one in linked:
        key = key_of(one) if in_domain[key_of(one)] >= 5 else OTHER_DOMAINS
        line = expected.setdefault(key, Counter())
        line["recipients"] += 1
        line["delivered"] += one.is_sent - one.is_bounced
        line["opened"] += bool(one.own)
        line["human"] += best(one.own) == "human"
    page = client.get(f"/campaigns/{campaign.pk}/").context["breakdowns"]
    if page is None:
        assert not shadow.opens, "a report folds its breakdowns until the first open only"
        return
    found = {
        line.key: Counter(
            recipients=line.row.recipients,
            delivered=line.whole,
            opened=line.row.unique_opens,
            human=line.people,
        )
        for line in page.providers.lines
    }
    assert found == expected
    human = sum(best(one.own) == "human" for one in linked)
    for table in page.programs:
        assert sum(line.people for line in table.lines) == human
        assert all(line.whole == human for line in table.lines)
    assert bool(page.left_out) == any(
        one.is_delivered and not one.is_listed for one in shadow.people
    )
    rows = file(client, f"/campaigns/{campaign.pk}/breakdowns/provider.csv")
    assert sum(int(row["unique_human_opens"]) for row in rows) == human


def key_of(person: Person) -> str:
    domain = person.email.partition("@")[2]
    return provider_of(domain) or domain


def check_times(campaign: Campaign, shadow: Shadow, client: Client) -> None:
    """Curves, time to open, and the files of both."""
    firsts = shadow.firsts
    rows = file(client, f"/campaigns/{campaign.pk}/opens.csv?by=day")
    for name, expected in (
        ("opens", len(shadow.opens)),
        ("unique_opens", len(shadow.units) + len(shadow.left_from_before)),
        ("human_opens", sum(kind == "human" for _, kind in shadow.opens)),
        ("unique_human_opens", len(firsts)),
    ):
        assert sum(int(row[name]) for row in rows) == expected, name
    page = client.get(f"/campaigns/{campaign.pk}/").context
    found, rows = page["time_to_open"], file(client, f"/campaigns/{campaign.pk}/time-to-open.csv")
    if shadow.sent_at is None or not firsts:
        assert (found, rows) == (None, [])
    else:
        assert found.openers == int(rows[-1]["openers"]) == len(firsts)
        assert found.before == sum(at < SENT for at in firsts)
        for minutes in (15, 60, 120, 1440):
            reached = sum(at < SENT + minutes * MINUTE for at in firsts)
            assert found.openers_after(60 * minutes) == reached, minutes
    rows = file(client, f"/campaigns/compare/curves.csv?with={campaign.pk}&hours=720")
    if shadow.sent_at is None or shadow.whole == 0 or not campaign.counts.is_opened:
        assert rows == []
        return
    (row,) = client.get(f"/campaigns/compare/?with={campaign.pk}&hours=720").context["curves"]
    for hours in TABLE_HOURS:
        reached = sum(at < SENT + hours * 60 * MINUTE for at in firsts)
        share_reached = min(reached / shadow.whole, 1)
        assert row.share_after(hours) == share_reached, hours
        assert float(rows[hours - 1]["Spring"]) == pytest.approx(share_reached, abs=1e-6)
    assert row.shares[-1] == campaign.counts.rates.human_open_rate


def check_overview(campaign: Campaign, shadow: Shadow, client: Client) -> None:
    """The list, its file, and what makes a campaign part of the usual."""
    now = timezone.now()
    usual = list(history_before(now, now=now).rates)
    is_told = shadow.sent_at is not None and campaign.counts.is_opened
    rate = share(shadow.rated("human"), shadow.whole) if is_told else None
    assert usual == ([] if rate is None else [rate])
    (by,) = Campaign.objects.filter(pk=campaign.pk).annotate(by=SORTS["rate"]).values_list("by")
    assert by == (share(shadow.kind("human"), shadow.whole),)
    page = client.get("/campaigns/?q=Spring&sort=-rate").context["overview"]
    (row,) = page.rows
    assert row.totals.rates.human_open_rate == share(shadow.rated("human"), shadow.whole)
    assert (row.trend is None) == (rate is None)
    # Where nothing may be recorded, nothing being recorded is no news.
    is_silent = shadow.sent_at is not None and shadow.whole > 0 and not shadow.opens
    assert (row.standing.status is Status.SILENT) == is_silent
    assert Campaign.objects.filter(having(Status.SILENT, now=now), pk=campaign.pk).exists() == (
        is_silent
    )
    (line,) = (one for one in file(client, "/campaigns/campaigns.csv") if one["name"] == "Spring")
    check_object(line | {"by": "file"}, shadow)


def check_command(campaign: Campaign, shadow: Shadow, client: Client) -> None:
    out = io.StringIO()
    call_command("report", str(campaign.pk), "--json", stdout=out)
    report = json.loads(out.getvalue())
    check_object(report, shadow)
    linked = [one for one in shadow.people if one.is_listed]
    if report["by_provider"]:
        human = sum(best(one.own) == "human" for one in linked)
        assert sum(line["recipients"] for line in report["by_provider"]) == len(linked)
        assert sum(line["unique_human_opens"] for line in report["by_provider"]) == human
        assert sum(line["unique_human_opens"] for line in report["by_client"]) == human
    assert report["human_open_rate"] == share(shadow.rated("human"), shadow.whole)


def check_object(report: dict[str, Any], shadow: Shadow) -> None:
    fetched = len(shadow.units)
    for name, expected in (
        ("trackable", shadow.whole),
        ("anonymous", sum(one.is_delivered and one.choice == "anonymous" for one in shadow.people)),
        ("untracked", sum(one.is_delivered and one.choice == "off" for one in shadow.people)),
        ("unique_human_opens", shadow.kind("human")),
        ("unique_unknown_opens", shadow.kind("unknown")),
        ("unique_prefetch_opens", shadow.kind("prefetch")),
        ("unique_machine_opens", shadow.kind("machine")),
        ("unopened", max(shadow.whole - fetched, 0)),
        ("opens", len(shadow.opens)),
        ("unique_opens", fetched + len(shadow.left_from_before)),
    ):
        assert int(report[name]) == expected, name
    for name, part in (
        ("human_open_rate", shadow.rated("human")),
        ("open_rate", shadow.rated(*KINDS)),
        ("possible_open_rate", shadow.rated("human", "prefetch", "unknown")),
    ):
        rate = share(part, shadow.whole)
        assert (report[name] in ("", None)) if rate is None else float(report[name]) == rate, name


def check_shared(campaign: Campaign, shadow: Shadow, client: Client) -> None:
    """Whatever a shared report shows is the same figure, and never one below five."""
    figures = shared_figures_of(campaign, at=timezone.now())
    cells = {row[1]: row[2] for row in shared_rows(figures) if row[0] == "recipients"}
    if shadow.whole < 10:
        assert figures.people is None
        assert cells == {"delivered": "too few to show"}
        return
    assert figures.people is not None
    off = sum(one.is_delivered and one.choice == "off" for one in shadow.people)
    expected = {
        "sent": sum(one.is_sent for one in shadow.people) - off,
        "bounces": sum(one.is_bounced for one in shadow.people),
        "delivered": shadow.whole,
        "human": shadow.rated("human"),
        "prefetch": shadow.rated("prefetch"),
        "unknown": shadow.rated("unknown"),
        "machine": shadow.rated("machine"),
        "no_trace": shadow.whole - shadow.rated(*KINDS),
        "untracked": off,
    }
    for name, number in expected.items():
        shown = getattr(figures.people, name)
        assert shown in (number, Hidden.NOT_SHOWN) if number >= 5 else isinstance(shown, Hidden)
    assert cells["delivered"] == str(shadow.whole)
    assert figures.rates is not None
    rate = figures.rates.human_open_rate
    assert rate is None or rate == share(shadow.kind("human"), shadow.whole)
    days = figures.days.days if figures.days else []
    for day in days:
        of_day = [at for at in shadow.firsts if day.starts_at <= at < day.starts_at + 1440 * MINUTE]
        assert (day.number is None) == (len(of_day) < 5)


CHECKS = (
    check_counts,
    check_report,
    check_definitions,
    check_lists,
    check_breakdowns,
    check_times,
    check_overview,
    check_command,
    check_shared,
)


def file(client: Client, url: str) -> list[dict[str, str]]:
    answer: Any = client.get(url)
    assert answer.status_code == 200, url
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))
