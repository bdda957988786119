from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.test_writer import AGENTS
from tracker.judging import walk
from tracker.judging.again import JudgeAgain
from tracker.judging.walk import rejudge
from tracker.models import (
    CampaignCounts,
    FanOut,
    Open,
    Pixel,
    QuarterHourCounts,
    Rejudging,
    Ruling,
    UniqueOpen,
    UserAgent,
)
from tracker.recount import verify
from tracker.reports.why import trail
from tracker.verdicts import RULE_BY_ID, RULES_VERSION, Verdict
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

NOON = 1_770_000_000_000_000 // 900_000_000 * 900_000_000
SECOND = 1_000_000
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/149.0.0.0 Safari/537.36"
)


def number(name: str) -> int:
    return Verdict(name).number


def rules() -> list[str]:
    by_number = {rule.number: rule.id for rule in RULE_BY_ID.values()}
    return [by_number[one.rule] for one in Open.objects.order_by("opened_at", "pk")]


def forget_verdicts() -> None:
    """As a migration leaves opens that were recorded before there were verdicts."""
    for counts in CampaignCounts.objects.all():
        forget_verdicts_of(counts.campaign_id)
    assert verify().drift == 0


def forget_verdicts_of(campaign_id: int) -> None:
    opens = Open.objects.filter(pixel__campaign=campaign_id)
    opens.update(verdict=number("unknown"), rule=0, rules_version=0)
    unique_opens = UniqueOpen.objects.filter(campaign=campaign_id)
    unique_opens.update(verdict=number("unknown"), first_human_opened_at=None, human_open_count=0)
    for counts in CampaignCounts.objects.filter(campaign=campaign_id):
        for verdict in Verdict:
            setattr(counts, f"{verdict.value}_opens", 0)
        counts.unknown_opens = counts.opens
        counts.unique_human_opens = counts.unique_prefetch_opens = 0
        counts.unique_unknown_opens = counts.unique_tracked_opens
        counts.save()
    quarters = QuarterHourCounts.objects.filter(campaign=campaign_id)
    quarters.update(human_opens=0, unique_human_opens=0)


def test_opens_from_before_there_were_verdicts_are_judged_and_counted() -> None:
    campaign = make_campaign(*emails(6))
    pixels = pixels_of(campaign)
    for pixel, agent in zip(pixels, AGENTS.values(), strict=True):
        write_hits([make_hit(pixel.pk, ip=None, user_agent=agent)])
    expected = counts_of(campaign).by_verdict
    assert set(expected.values()) == {1}
    forget_verdicts()
    outcome, done = rejudge()
    assert (outcome.judged, outcome.changed) == (6, 6)
    assert done is not None
    assert done.finished_at is not None
    counts = counts_of(campaign)
    assert counts.by_verdict == expected
    assert (counts.unique_human_opens, counts.unique_machine_opens) == (2, 2)
    assert set(Open.objects.values_list("rules_version", flat=True)) == {RULES_VERSION}
    assert verify().drift == 0
    assert rejudge()[0].changed == 0


def test_a_dry_run_tells_and_changes_nothing() -> None:
    campaign = make_campaign("a@example.com")
    write_hits([make_hit(pixels_of(campaign)[0].pk, user_agent=BROWSER)])
    forget_verdicts()
    out = StringIO()
    call_command("rejudge", "--dry-run", stdout=out)
    assert "1 opens judged by rules version" in out.getvalue()
    assert "1 would change" in out.getvalue()
    assert "human_client                0 →         1" in out.getvalue()
    assert counts_of(campaign).unknown_opens == 1
    assert not Rejudging.objects.exists()


def test_the_command_can_be_held_to_one_campaign() -> None:
    one, other = make_campaign("a@example.com"), make_campaign("a@example.com")
    for campaign in (one, other):
        write_hits([make_hit(pixels_of(campaign)[0].pk, user_agent=BROWSER)])
    forget_verdicts()
    call_command("rejudge", "--campaign", str(one.pk), stdout=StringIO())
    assert (counts_of(one).unknown_opens, counts_of(other).unknown_opens) == (0, 1)


def test_the_table_after_a_walk_that_goes_on_says_what_it_covers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(walk, "PIXELS", 2)
    campaign = make_campaign(*emails(6))
    write_hits([make_hit(pixel.pk, user_agent=BROWSER) for pixel in pixels_of(campaign)])
    forget_verdicts()

    class PowerCutError(Exception):
        pass

    def cut(outcome: Any) -> None:
        raise PowerCutError

    with pytest.raises(PowerCutError):
        rejudge(told=cut)
    out = StringIO()
    call_command("rejudge", stdout=out)
    first, *_, last = out.getvalue().splitlines()
    assert first == "An earlier walk was continued. What it had not reached yet:"
    assert "4 opens judged by rules version" in out.getvalue()
    assert last.endswith("before the walk was cut short: 6 opens judged, 6 changed.")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_terminal_is_told_how_far_a_walk_is_and_a_log_is_not(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "PIXELS", 2)
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal)
    campaign = make_campaign(*emails(6))
    write_hits([make_hit(pixel.pk, user_agent=BROWSER) for pixel in pixels_of(campaign)])
    err = StringIO()
    call_command("rejudge", stdout=StringIO(), stderr=err)
    told = err.getvalue()
    assert ("2 of some 6 opens judged, 0 changed" in told) is is_terminal
    assert told.endswith("\r\x1b[K") is is_terminal
    assert bool(told) is is_terminal


def test_a_walk_that_was_cut_short_goes_on_where_it_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "PIXELS", 2)
    campaign = make_campaign(*emails(6))
    write_hits([make_hit(pixel.pk, user_agent=BROWSER) for pixel in pixels_of(campaign)])
    forget_verdicts()

    class PowerCutError(Exception):
        pass

    def cut(outcome: Any) -> None:
        if outcome.judged == 4:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        rejudge(told=cut)
    assert counts_of(campaign).human_client_opens == 4
    assert verify().drift == 0
    outcome, done = rejudge()
    assert outcome.judged == 2
    assert done is not None
    assert done.judged == 6
    assert counts_of(campaign).human_client_opens == 6


def test_a_burst_is_relabelled_from_its_first_fetch_and_a_later_human_open_upgrades() -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    for second, ip in ((0, "192.0.2.1"), (5, "198.51.100.1"), (9, "203.0.113.1")):
        at = NOON + second * SECOND
        write_hits([make_hit(pixel.pk, at=at, ip=ip, user_agent=BROWSER)])
    assert counts_of(campaign).unique_human_opens == 1
    rejudge()
    assert rules() == ["burst"] * 3
    counts = counts_of(campaign)
    assert (counts.unique_human_opens, counts.unique_machine_opens) == (0, 1)
    assert counts.security_scanner_opens == 3
    write_hits([make_hit(pixel.pk, at=NOON + 3600 * SECOND, ip="192.0.2.9", user_agent=BROWSER)])
    rejudge()
    assert counts_of(campaign).unique_human_opens == 1
    assert verify().drift == 0


@pytest.mark.parametrize(
    "ips",
    [
        # Exchange Online shows pictures through many addresses of its own.
        ["40.94.3.7", "40.96.9.9", "52.96.12.7"],
        # A person who browses through Apple's relay.
        ["104.28.28.5", "172.224.1.1", "146.75.1.1"],
        ["10.0.0.1", "192.168.1.1", "172.16.1.1"],
    ],
)
def test_addresses_that_readers_share_are_no_burst(ips: list[str]) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    for second, ip in enumerate([*ips, "203.0.113.1", "198.51.100.1"]):
        at = NOON + second * SECOND
        write_hits([make_hit(pixel.pk, at=at, ip=ip, user_agent=BROWSER)])
    rejudge()
    assert counts_of(campaign).human_client_opens == 5


def fan_out(campaign: Any, ip: str, *agents: str, every: int = 1) -> None:
    """The agents take turns."""
    agents = agents or (BROWSER,)
    for place, pixel in enumerate(pixels_of(campaign)):
        at, agent = NOON + place * every * SECOND, agents[place % len(agents)]
        write_hits([make_hit(pixel.pk, at=at, ip=ip, user_agent=agent)])


def test_one_address_that_opens_for_many_recipients_is_a_scanner() -> None:
    campaign = make_campaign(*[f"a@d{n}.example" for n in range(12)])
    fan_out(campaign, "203.0.113.9")
    rejudge()
    assert set(rules()) == {"fan-out"}
    assert counts_of(campaign).unique_human_opens == 0
    assert FanOut.objects.filter(ip="203.0.113.9", recipients=12).exists()
    assert rejudge()[0].changed == 0
    assert verify().drift == 0


def test_an_office_behind_one_address_is_not() -> None:
    campaign = make_campaign(*emails(12, "one-company.example"))
    fan_out(campaign, "203.0.113.9", every=4)
    rejudge()
    assert counts_of(campaign).unique_human_opens == 12


def test_an_offices_mail_clients_that_name_themselves_are_none_at_any_pace() -> None:
    campaign = make_campaign(*emails(30, "one-company.example"))
    fan_out(campaign, "203.0.113.9", AGENTS["human_client"])
    rejudge()
    assert counts_of(campaign).unique_human_opens == 30


def test_a_gateway_that_fetches_one_companys_mail_is_known_by_its_pace() -> None:
    campaign = make_campaign(*emails(30, "one-company.example"))
    fan_out(campaign, "203.0.113.9")
    pixel = pixels_of(campaign)[0]
    later = NOON + 300 * SECOND
    write_hits([make_hit(pixel.pk, at=later, ip="203.0.113.9", user_agent=BROWSER)])
    rejudge()
    counts = counts_of(campaign)
    assert (counts.security_scanner_opens, counts.human_client_opens) == (30, 1)
    (stored,) = FanOut.objects.all()
    assert stored.recipients == 30
    assert stored.ends_at - stored.starts_at < timedelta(seconds=30)
    assert trail(stored) == "203.0.113.9 fetched the pixels of 30 recipients within 29 s."
    assert rejudge()[0].changed == 0
    assert verify().drift == 0


def test_a_gateway_that_changes_its_agents_is_known_by_its_pace() -> None:
    campaign = make_campaign(*[f"a@d{number % 6}.example{number}" for number in range(12)])
    agents = [BROWSER.replace("Chrome/", f"Chrome/1{number}") for number in range(6)]
    fan_out(campaign, "203.0.113.9", *agents)
    rejudge()
    assert counts_of(campaign).security_scanner_opens == 12


@pytest.mark.parametrize(
    ("ip", "agent"),
    [
        ("203.0.113.9", AGENTS["image_proxy_on_open"]),
        # Outlook on the web, which looks like a browser.
        ("52.96.12.7", BROWSER),
        ("2603:1026:c03:3::5", BROWSER),
        ("66.249.84.5", BROWSER),
    ],
)
def test_a_mail_services_proxy_is_not(ip: str, agent: str) -> None:
    campaign = make_campaign(*[f"a@d{n}.example" for n in range(12)])
    fan_out(campaign, ip, agent)
    rejudge()
    assert counts_of(campaign).unique_human_opens == 12


def test_what_a_person_decided_overrides_the_rules_and_survives() -> None:
    campaign = make_campaign(*[f"a@d{n}.example" for n in range(12)])
    fan_out(campaign, "203.0.113.9")
    one = Open.objects.order_by("pk")[0]
    Ruling.objects.create(network="203.0.113.0/24", verdict=number("security_scanner"))
    Ruling.objects.create(open=one, verdict=number("human_client"))
    for _ in range(2):
        rejudge()
        counts = counts_of(campaign)
        assert (counts.unique_human_opens, counts.security_scanner_opens) == (1, 11)
        assert set(rules()) == {"by-hand"}
    Ruling.objects.all().delete()
    rejudge()
    assert set(rules()) == {"fan-out"}


def test_a_ruling_about_an_agent_yields_to_one_about_a_network() -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    one, other = pixels_of(campaign)
    write_hits([make_hit(one.pk, ip="192.0.2.1", user_agent="Inhouse/1")])
    write_hits([make_hit(other.pk, ip="198.51.100.1", user_agent="Inhouse/1")])
    agent = UserAgent.objects.get(text="Inhouse/1")
    Ruling.objects.create(user_agent=agent, verdict=number("bot"))
    Ruling.objects.create(network="192.0.0.0/16", verdict=number("bot"))
    Ruling.objects.create(network="192.0.2.0/24", verdict=number("human_client"))
    rejudge()
    counts = counts_of(campaign)
    assert (counts.human_client_opens, counts.bot_opens) == (1, 1)


def test_a_test_pixels_opens_are_judged_and_never_counted() -> None:
    from tracker.pixels import ensure_test_pixel

    campaign = make_campaign("a@example.com")
    write_hits([make_hit(ensure_test_pixel(campaign).pk, user_agent=BROWSER)])
    Open.objects.update(verdict=number("unknown"), rule=0)
    UniqueOpen.objects.update(
        verdict=number("unknown"), first_human_opened_at=None, human_open_count=0
    )
    rejudge()
    assert Open.objects.get().verdict == number("human_client")
    assert not any(counts_of(campaign).by_verdict.values())
    assert verify().drift == 0


@given(
    opens=st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(-30, 30),
            st.sampled_from(sorted(AGENTS)),
            st.sampled_from([f"192.0.{n}.1" for n in range(4)]),
        ),
        min_size=1,
        max_size=12,
    ),
    ruled=st.lists(st.tuples(st.integers(0, 11), st.sampled_from(sorted(AGENTS))), max_size=4),
)
@settings(max_examples=25, deadline=None)
def test_whatever_is_judged_again_the_counts_agree_with_a_recount(
    opens: list[tuple[int, int, str, str]], ruled: list[tuple[int, str]]
) -> None:
    for table in (Ruling, Open, UniqueOpen, QuarterHourCounts, CampaignCounts, Pixel):
        table.objects.all().delete()
    campaign = make_campaign(*emails(4))
    pixels = pixels_of(campaign)
    for pixel, minutes, verdict, ip in opens:
        at = NOON + minutes * 60 * SECOND
        write_hits([make_hit(pixels[pixel].pk, at=at, ip=ip, user_agent=AGENTS[verdict])])
    stored = list(Open.objects.order_by("pk"))
    for place, verdict in ruled:
        Ruling.objects.create(open=stored[place % len(stored)], verdict=number(verdict))
    JudgeAgain().pixels([pixel.pk for pixel in pixels])
    assert verify().drift == 0
    for place, _ in ruled:
        last = [verdict for other, verdict in ruled if other % len(stored) == place % len(stored)]
        assert Open.objects.get(pk=stored[place % len(stored)].pk).verdict == number(last[-1])


def test_a_ruling_made_while_a_walk_was_cut_short_is_not_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(walk, "PIXELS", 2)
    campaign = make_campaign(*emails(4))
    write_hits([make_hit(pixel.pk, user_agent=BROWSER) for pixel in pixels_of(campaign)])

    class PowerCutError(Exception):
        pass

    def cut(outcome: Any) -> None:
        raise PowerCutError

    with pytest.raises(PowerCutError):
        rejudge(told=cut)
    Ruling.objects.create(user_agent=UserAgent.objects.get(text=BROWSER), verdict=number("bot"))
    rejudge()
    assert counts_of(campaign).bot_opens == 4


def test_the_customers_of_one_carrier_and_whoever_comes_through_a_private_address_are_people() -> (
    None
):
    campaign = make_campaign(*[f"a@d{n}.example" for n in range(24)])
    for place, pixel in enumerate(pixels_of(campaign)):
        phone = f"{BROWSER} Phone/{place % 12}"
        ip, agent = ("203.0.113.9", phone) if place < 12 else ("10.0.0.5", BROWSER)
        write_hits([make_hit(pixel.pk, at=NOON + place * SECOND, ip=ip, user_agent=agent)])
    rejudge()
    assert counts_of(campaign).unique_human_opens == 24


def test_a_mail_client_in_three_places_at_once_reads_a_shared_mailbox() -> None:
    campaign = make_campaign("info@example.com")
    (pixel,) = pixels_of(campaign)
    for second, ip in ((0, "192.0.2.1"), (5, "198.51.100.1"), (9, "203.0.113.1")):
        write_hits([make_hit(pixel.pk, at=NOON + second * SECOND, ip=ip)])
    rejudge()
    assert counts_of(campaign).unique_human_opens == 1
