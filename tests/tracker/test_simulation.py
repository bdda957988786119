from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.models import AuditEntry, Campaign
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.server import ROOT, Installation, free_port, installation
from tracker.breakdowns.refresh import refresh
from tracker.breakdowns.usual import usual_of
from tracker.consent.choices import choose
from tracker.hits import Hit
from tracker.judging.bursts import network_of
from tracker.management.commands.simulate import what_is_left
from tracker.models import CampaignCounts, Open, Ruling, UniqueOpen
from tracker.pixels import ensure_test_pixel
from tracker.recount import verify
from tracker.reports.pulse import State, pulse_at
from tracker.reports.usual import history_before
from tracker.sharing.report import shared_figures_of
from tracker.sharing.rows import shared_rows
from tracker.simulation.arrivals import PROBE, withdraw_probes
from tracker.simulation.day import plan, reason_against, refuse_strange_server
from tracker.simulation.mix import (
    APPLE_RANGES,
    FAN_OUT_DOMAINS,
    FARMS,
    GMAIL_RANGES,
    PREFETCH_RANGES,
    Fetch,
    realistic,
)
from tracker.simulation.sending import SendingError
from tracker.simulation.spreading import (
    MismatchError,
    is_simulated,
    opens_of,
    simulated_id,
    spread,
    withdraw,
)
from tracker.spool import Spool
from tracker.verdicts import Networks, Verdict
from tracker.writer import write_hits

DOMAINS = [f"d{number}.example" for number in range(7)]
DAY = 86_400.0


def run(*arguments: Any) -> str:
    out = io.StringIO()
    call_command("simulate", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def addresses(count: int) -> list[str]:
    return [f"r{number}@{DOMAINS[number % len(DOMAINS)]}" for number in range(count)]


def new_campaign(made: Installation, recipients: int) -> str:
    campaign_id = made.manage("create_campaign", "Before the first send").strip()
    file = made.file("list.csv", "\n".join(["email", *addresses(recipients)]))
    made.manage("import_recipients", campaign_id, file)
    return campaign_id


def macro_average(printed: str) -> float:
    found = re.search(r"^macro average +([\d.]+)", printed, re.MULTILINE)
    assert found, printed
    return float(found.group(1)) / 100


def matrix(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if line.endswith("%")]


def drift(made: Installation) -> int:
    return int(json.loads(made.manage("verify_counts", "--json"))["drift"])


@pytest.fixture(scope="module")
def made() -> Iterator[Installation]:
    with installation() as one:
        yield one


def test_a_day_through_the_real_server_is_judged_as_it_was(made: Installation) -> None:
    campaign_id = new_campaign(made, 400)
    printed = made.manage("simulate", campaign_id, "--rate", "2000", "--seed", "3")
    assert macro_average(printed) >= 0.95
    assert drift(made) == 0
    report = json.loads(made.manage("report", campaign_id, "--json"))
    assert report["sent"] == 400
    assert 0 < report["unique_human_opens"] < report["unique_opens"] < 400

    again = made.manage("simulate", campaign_id, "--rate", "2000", "--seed", "3")
    assert matrix(again) == matrix(printed)
    assert drift(made) == 0
    repeated = json.loads(made.manage("report", campaign_id, "--json"))
    assert repeated["by_verdict"] == report["by_verdict"]


def test_a_server_that_runs_already_is_used_if_it_believes_our_addresses() -> None:
    with installation() as made:
        campaign_id = new_campaign(made, 10)
        with made.serving():
            made.manage("simulate", campaign_id, "--url", made.address, status=1)
            report = json.loads(made.manage("report", campaign_id, "--json"))
            assert (report["sent_at"], report["opens"]) == (None, 0)
        made.environment["TRUSTED_PROXIES"] = "127.0.0.1/32"
        made.port = free_port()
        with made.serving():
            printed = made.manage("simulate", campaign_id, "--url", f"{made.address}/")
        assert "counts as sent 24 hours ago" in printed
        assert drift(made) == 0


def test_an_interrupted_simulation_leaves_nothing(made: Installation) -> None:
    campaign_id = new_campaign(made, 60)
    with subprocess.Popen(
        [sys.executable, "manage.py", "simulate", campaign_id, "--rate", "10"],
        cwd=ROOT,
        env=made.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C is ignored in what a shell has started in the background.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert "requests, at most 10 a second" in process.stdout.readline()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said == "CommandError: Interrupted. Nothing of this simulation is left.\n"
    report = json.loads(made.manage("report", campaign_id, "--json"))
    assert (report["sent_at"], report["opens"]) == (None, 0)
    assert drift(made) == 0


def test_exact_lists_of_networks_do_not_hold_up_the_first_hit(tmp_path: Path) -> None:
    networks = tmp_path / "networks"
    networks.mkdir()
    lines = [f"2a02:26f7:{number >> 8:x}:{number & 255:x}00::/64" for number in range(15_000)]
    (networks / "apple.txt").write_text("\n".join([*lines, "172.224.0.0/16", "104.28.0.0/16"]))
    trusted = "127.0.0.1/32"
    with installation(NETWORKS_DIR=str(networks), TRUSTED_PROXIES=trusted) as made:
        campaign_id = new_campaign(made, 10)
        with made.serving():
            made.manage("simulate", campaign_id, "--url", made.address)
        assert "the database is away" not in made.log
        assert drift(made) == 0


def test_the_same_seed_is_the_same_day() -> None:
    domains = DOMAINS * 40
    one, same, other = (realistic(Random(seed), domains, DAY) for seed in ("1", "1", "2"))
    assert one == same != other
    assert one == sorted(one)
    assert {fetch.truth for fetch in one} == set(Verdict) - {Verdict.UNKNOWN}
    assert all(0 < fetch.after < DAY for fetch in one)


def test_bursts_come_from_several_networks_within_seconds() -> None:
    by_place: dict[int, list[Fetch]] = defaultdict(list)
    for fetch in realistic(Random("1"), DOMAINS * 40, DAY):
        if fetch.ip.startswith(FARMS) and fetch.truth is Verdict.SECURITY_SCANNER:
            by_place[fetch.place].append(fetch)
    several = [
        some for some in by_place.values() if len({network_of(one.ip) for one in some[:3]}) >= 3
    ]
    assert len(several) >= 5
    assert all(some[2].after - some[0].after <= 30 for some in several)


def test_one_gateway_fans_out_over_domains_within_ten_minutes() -> None:
    domains = DOMAINS * 40
    by_ip: dict[str, list[Fetch]] = defaultdict(list)
    for fetch in realistic(Random("1"), domains, DAY):
        if fetch.truth is Verdict.SECURITY_SCANNER:
            by_ip[fetch.ip].append(fetch)
    widest = max(by_ip.values(), key=len)
    assert len({one.place for one in widest}) >= 10
    assert len({domains[one.place] for one in widest}) >= FAN_OUT_DOMAINS
    assert widest[-1].after - widest[0].after <= 600


@pytest.mark.parametrize("recipients", [0, 1, 5, 11])
def test_few_recipients_have_a_day_too(recipients: int) -> None:
    for seed in range(50):
        fetches = realistic(Random(seed), ["a.example"] * recipients, 3600)
        assert all(0 <= fetch.place < recipients for fetch in fetches)


def test_the_mail_services_addresses_are_theirs_by_the_built_in_lists() -> None:
    networks = Networks.load()
    for prefix in APPLE_RANGES:
        assert networks.owners(f"{prefix}7") == frozenset({"apple"})
    for prefix in (*GMAIL_RANGES, *PREFETCH_RANGES):
        assert networks.owners(f"{prefix}7") == frozenset({"google"})
    for nobodys in ("40.94.3.7", "98.137.64.7", "198.18.3.7", f"{FARMS}3.7", "2001:db8:7:1::7"):
        assert networks.owners(nobodys) == frozenset()


def received(fetches: list[tuple[int, Fetch]]) -> None:
    """What the endpoint makes of the requests, all within a second."""
    now = time.time_ns() // 1000 - len(fetches)
    write_hits(
        [
            make_hit(pixel_id, at=now + number, ip=fetch.ip, user_agent=fetch.user_agent)
            for number, (pixel_id, fetch) in enumerate(fetches)
        ]
    )


def planned(campaign: Campaign, *, seed: int = 1) -> list[tuple[int, Fetch]]:
    return plan(campaign, mix="realistic", seed=seed, hours=24)


@pytest.mark.usefixtures("real_db")
def test_opens_stand_at_their_moments_and_every_count_agrees() -> None:
    campaign = make_campaign(*addresses(60), is_sent=False)
    other = make_campaign(*emails(1))
    write_hits([make_hit(pixels_of(other)[0].pk)])
    sent_at = timezone.now() - timedelta(hours=24)
    for seed in (1, 2):
        fetches = planned(campaign, seed=seed)
        received(fetches)
        truth = spread(campaign, fetches, sent_at=sent_at)
        assert verify().drift == 0
        opens = {one.pk: one for one in opens_of(campaign)}
        assert opens.keys() == truth.keys()
        for open_id, fetch in truth.items():
            one = opens[open_id]
            assert one.opened_at == sent_at + timedelta(seconds=fetch.after)
            # Looking opens up by time relies on it.
            assert open_id.int >> 80 == int(one.opened_at.timestamp() * 1000)
            assert one.ip == fetch.ip
    for unique in UniqueOpen.objects.filter(campaign=campaign):
        last = Open.objects.filter(pixel=unique.pixel_id).latest("opened_at")
        assert (unique.last_ip, unique.last_user_agent_id) == (last.ip, last.user_agent_id)
    campaign.refresh_from_db()
    assert campaign.sent_at == sent_at
    assert {pixel.sent_at for pixel in pixels_of(campaign)} == {sent_at}
    assert counts_of(campaign).sent == 60
    assert counts_of(other).opens == 1
    assert reason_against(campaign) is None


@pytest.mark.usefixtures("real_db")
def test_whose_opens_are_not_their_own_opens_nothing() -> None:
    campaign = make_campaign(*addresses(30), is_sent=False)
    off, anonymous, *_ = dict.fromkeys(pixel_id for pixel_id, _ in planned(campaign))
    recipients = {pixel.pk: pixel.recipient for pixel in pixels_of(campaign) if pixel.recipient}
    for pixel_id, tracking in ((off, "off"), (anonymous, "anonymous")):
        choose(recipients.pop(pixel_id), tracking, source="command")
    opened_by = {pixel_id for pixel_id, _ in planned(campaign)}
    assert opened_by
    assert not opened_by & {off, anonymous}
    for recipient in recipients.values():
        choose(recipient, "off", source="command")
    assert "off or anonymous" in str(reason_against(campaign))


@pytest.mark.usefixtures("real_db")
def test_somebody_elses_open_stops_the_simulation_and_nothing_of_it_is_left() -> None:
    campaign = make_campaign(*addresses(30), is_sent=False)
    fetches = planned(campaign)
    received(fetches)
    write_hits([make_hit(pixels_of(campaign)[0].pk, ip="192.0.2.77")])
    with pytest.raises(MismatchError, match="opens were recorded"):
        spread(campaign, fetches, sent_at=timezone.now())
    received_from_elsewhere = [(fetches[0][0], fetches[0][1]._replace(ip="192.0.2.78"))]
    with pytest.raises(MismatchError):
        spread(campaign, [*received_from_elsewhere, *fetches], sent_at=timezone.now())
    withdraw(campaign)
    assert counts_of(campaign).opens == 0
    assert not UniqueOpen.objects.filter(campaign=campaign).exists()
    assert verify().drift == 0
    assert reason_against(campaign) is None


def simulated(campaign: Campaign, *, seed: int = 1) -> None:
    fetches = planned(campaign, seed=seed)
    received(fetches)
    spread(campaign, fetches, sent_at=timezone.now() - timedelta(hours=24))
    campaign.refresh_from_db()


@pytest.mark.usefixtures("real_db")
def test_a_simulation_can_be_taken_back_wholly() -> None:
    campaign, other = (make_campaign(*addresses(60), is_sent=False) for _ in range(2))
    simulated(campaign)
    simulated(other)
    write_hits([probe_of(campaign)])
    Ruling.objects.create(open=opens_of(campaign)[0], verdict=Verdict.BOT.number)
    before = counts_of(other).opens
    opens = counts_of(campaign).opens
    assert counts_of(campaign).is_simulation
    printed = run(campaign.pk, "--withdraw")
    assert printed.startswith(f"{opens:,} invented opens are gone")
    counts = counts_of(campaign)
    assert (counts.opens, counts.unique_opens, counts.sent, counts.bounces) == (0, 0, 0, 0)
    campaign.refresh_from_db()
    assert campaign.sent_at is None
    assert not any(pixel.sent_at for pixel in pixels_of(campaign))
    assert not Open.objects.filter(pixel__campaign=campaign).exists()
    assert not UniqueOpen.objects.filter(campaign=campaign).exists()
    assert not counts.is_simulation
    assert counts_of(other).opens == before
    assert verify().drift == 0
    assert reason_against(campaign) is None
    write_hits([probe_of(campaign)])
    with pytest.raises(CommandError, match="holds no simulation"):
        run(campaign.pk, "--withdraw")
    assert not Open.objects.filter(pixel__campaign=campaign).exists()


@pytest.mark.usefixtures("real_db")
def test_what_people_opened_stays_when_a_simulation_is_taken_back() -> None:
    campaign = make_campaign(*addresses(20), is_sent=False)
    simulated(campaign)
    write_hits([make_hit(pixels_of(campaign)[0].pk)])
    assert run(campaign.pk, "--withdraw").endswith("1 opens are left.\n")
    assert verify().drift == 0


@pytest.mark.usefixtures("real_db")
def test_what_was_really_sent_is_no_simulation_and_nothing_of_it_is_taken_back() -> None:
    campaign = make_campaign(*addresses(20))
    write_hits([make_hit(pixel.pk) for pixel in pixels_of(campaign)])
    with pytest.raises(CommandError, match="holds no simulation"):
        run(campaign.pk, "--withdraw")
    assert counts_of(campaign).opens == 20


@pytest.mark.usefixtures("real_db")
def test_a_simulated_campaign_is_not_marked_as_sent() -> None:
    campaign = make_campaign(*addresses(20), is_sent=False)
    simulated(campaign)
    with pytest.raises(CommandError, match=f"simulate {campaign.pk} --withdraw"):
        call_command("mark_sent", campaign.pk)
    run(campaign.pk, "--withdraw")
    call_command("mark_sent", campaign.pk, stdout=io.StringIO())
    assert counts_of(campaign).sent == 20


@pytest.mark.usefixtures("real_db")
def test_pages_say_that_opens_are_invented(admin_client: Client) -> None:
    campaign = make_campaign(*addresses(20), is_sent=False)
    said = "A simulation: these opens are invented."
    assert said not in admin_client.get(campaign.get_absolute_url()).content.decode()
    simulated(campaign)
    assert said in admin_client.get(campaign.get_absolute_url()).content.decode()
    url = reverse("campaign_mark_sent", args=[campaign.pk])
    page = admin_client.post(url, follow=True).content.decode()
    assert "Not marked: the opens of this campaign are invented." in page
    tag = '<span class="status status-simulation">simulation</span>'
    assert tag in admin_client.get("/campaigns/").content.decode()
    assert tag in admin_client.get(f"/campaigns/compare/?with={campaign.pk}").content.decode()
    assert shared_figures_of(campaign, at=timezone.now()).is_simulation
    assert ["campaign", "opens_are", "invented by a simulation"] in [
        list(row) for row in shared_rows(shared_figures_of(campaign, at=timezone.now()))
    ]


@pytest.mark.usefixtures("real_db")
def test_a_simulation_is_in_no_usual_rate() -> None:
    invented = [make_campaign(*addresses(60), is_sent=False) for _ in range(3)]
    for campaign in invented:
        simulated(campaign)
    now = timezone.now() + timedelta(days=2)
    assert not history_before(now, now=now).rates
    # Nor does it show that tracking works.
    assert pulse_at(timezone.now()).state is State.NONE
    latest = make_campaign(*addresses(60))
    refresh(latest)
    for campaign in invented:
        refresh(campaign)
    assert usual_of(latest) == {}
    CampaignCounts.objects.update(is_simulation=False)
    assert len(history_before(now, now=now).rates) == 3
    assert usual_of(latest)


@pytest.mark.usefixtures("real_db")
def test_a_marketer_takes_a_simulation_back_on_its_page(log_in: Callable[[str], Client]) -> None:
    campaign = make_campaign(*addresses(20), is_sent=False)
    simulated(campaign)
    url = reverse("campaign_simulation_withdraw", args=[campaign.pk])
    assert url not in log_in("viewer").get(campaign.get_absolute_url()).content.decode()
    assert log_in("viewer").post(url).status_code == 403
    client = log_in("marketer")
    assert url in client.get(campaign.get_absolute_url()).content.decode()
    assert client.get(url).status_code == 405
    page = client.post(url, follow=True).content.decode()
    assert "Invented opens taken back" in page
    counts = counts_of(campaign)
    assert (counts.opens, counts.sent, counts.is_simulation) == (0, 0, False)
    assert AuditEntry.objects.latest("pk").action == AuditEntry.Action.CAMPAIGN_SIMULATED
    assert "no open here is invented" in client.post(url, follow=True).content.decode()


def probe_of(campaign: Campaign) -> Hit:
    pixel = ensure_test_pixel(campaign)
    return make_hit(pixel.pk, ip=PROBE.ip, user_agent=PROBE.user_agent)


@pytest.mark.usefixtures("real_db")
def test_a_probe_that_comes_late_is_waited_for_and_none_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = make_campaign(*addresses(3), is_sent=False)
    write_hits([probe_of(campaign), make_hit(ensure_test_pixel(campaign).pk)])
    looks: list[float] = []

    def through_the_spool(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            write_hits([probe_of(campaign)])

    monkeypatch.setattr("tracker.simulation.day.send", lambda *arguments, **options: None)
    monkeypatch.setattr("tracker.simulation.arrivals.time.sleep", through_the_spool)
    refuse_strange_server(campaign, "http://127.0.0.1:9")
    assert len(looks) == 3
    (left,) = Open.objects.all()
    assert str(left.user_agent) != PROBE.user_agent
    assert UniqueOpen.objects.get().open_count == 1
    assert verify().drift == 0


@pytest.mark.usefixtures("real_db")
def test_a_probe_that_does_not_come_in_time_is_an_error_and_is_removed_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = make_campaign(*addresses(3), is_sent=False)
    monkeypatch.setattr("tracker.simulation.day.send", lambda *arguments, **options: None)
    monkeypatch.setattr("tracker.simulation.day.ARRIVES_WITHIN", 0.0)
    with pytest.raises(SendingError, match="does not record into this database"):
        refuse_strange_server(campaign, "http://127.0.0.1:9")
    write_hits([probe_of(campaign)])
    withdraw_probes(campaign)
    assert not Open.objects.exists()
    assert not UniqueOpen.objects.exists()


def test_what_may_come_back_from_the_spool_is_said(settings: Any, tmp_path: Path) -> None:
    settings.SPOOL_DIR = str(tmp_path)
    assert what_is_left() == "Nothing of this simulation is left."
    Spool(tmp_path).append([make_hit(1)])
    assert "the spool may hold more of it" in what_is_left()


@pytest.mark.usefixtures("real_db")
def test_a_campaign_that_was_really_sent_is_left_alone() -> None:
    sent = make_campaign(*emails(3))
    with pytest.raises(CommandError, match=r"really sent.*create_campaign"):
        run(sent.pk)
    opened = make_campaign(*emails(3), is_sent=False)
    write_hits([make_hit(pixels_of(opened)[0].pk)])
    with pytest.raises(CommandError, match="opens that no simulation made"):
        run(opened.pk)
    assert Open.objects.count() == 1


@pytest.mark.usefixtures("real_db")
def test_a_simulated_campaign_that_people_open_is_left_alone() -> None:
    campaign = make_campaign(*addresses(20), is_sent=False)
    fetches = planned(campaign)
    received(fetches)
    spread(campaign, fetches, sent_at=timezone.now() - timedelta(hours=24))
    write_hits([make_hit(pixels_of(campaign)[0].pk)])
    with pytest.raises(CommandError, match="opens that no simulation made"):
        run(campaign.pk)


@pytest.mark.django_db
def test_a_campaign_without_recipients_is_left_alone() -> None:
    with pytest.raises(CommandError, match="no recipients yet"):
        run(make_campaign().pk)
    with pytest.raises(CommandError, match="There is no campaign 999"):
        run(999)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        ("--rate", "0"),
        ("--rate", "nan"),
        ("--hours", "0"),
        ("--hours", "x"),
        ("--url", "localhost"),
        ("--url", "http://[::1"),
        ("--mix", "unreal"),
    ],
)
def test_a_wrong_option_is_explained(wrong: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match=r"write |choose "):
        run(1, *wrong)


@pytest.mark.usefixtures("real_db")
def test_a_server_that_is_not_there_is_named() -> None:
    campaign = make_campaign(*addresses(20), is_sent=False)
    nowhere = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(CommandError, match=f"{nowhere} does not take the requests: .*refused"):
        run(campaign.pk, "--url", nowhere)
    campaign.refresh_from_db()
    assert campaign.sent_at is None
    assert CampaignCounts.objects.get(campaign=campaign).opens == 0


def test_ids_say_that_they_are_simulated() -> None:
    now = timezone.now()
    assert is_simulated(simulated_id(now))
    assert simulated_id(now).version == 7
    assert not any(is_simulated(simulated_id(now).__class__(int=make_hit(1).id)) for _ in range(9))
