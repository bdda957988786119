"""A recipient's choice, against hits before, after, again and judged anew."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.models import Campaign, Consent, Recipient
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.test_writer import AGENTS
from tracker.consent import choose, choose_for_campaign
from tracker.consent.moves import move
from tracker.hits import Hit
from tracker.judging.again import JudgeAgain
from tracker.judging.walk import rejudge
from tracker.models import (
    CampaignCounts,
    Open,
    PendingMove,
    Pixel,
    PixelTracking,
    QuarterHourCounts,
    Ruling,
    UniqueOpen,
)
from tracker.pixels import add_pixels, ensure_test_pixel, mark_bounced, mark_sent
from tracker.recount import repair, verify
from tracker.retention.removal import remove_opens
from tracker.stand_ins import StandInIds, configured_stand_ins, oldest_key
from tracker.tokens import Tokens
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

SECRET_ADDRESS = "203.0.113.77"
SECRET_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.77.5"
NOON = 1_770_000_000_000_000 // 900_000_000 * 900_000_000
MINUTE = 60_000_000


def secret_hit(pixel_id: int, **more: Any) -> Hit:
    return make_hit(pixel_id, ip=SECRET_ADDRESS, user_agent=SECRET_AGENT, **more)


def decide(pixel: Pixel, tracking: str) -> Consent:
    assert pixel.recipient is not None
    return choose(pixel.recipient, tracking, source="command", proof="asked by letter")


def rows_with(*texts: str) -> list[str]:
    """Tables of the database in which one of these texts stands anywhere."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            if any(text in str(row) for row in cursor.fetchall() for text in texts):
                found.append(table)
    return found


def linked_opens() -> int:
    """Opens and unique opens of recipients who may not be identified."""
    opens = Open.objects.filter(pixel__tracking__gt=0, pixel__recipient__isnull=False)
    unique = UniqueOpen.objects.filter(pixel__tracking__gt=0, pixel__recipient__isnull=False)
    return opens.count() + unique.count()


def quarters() -> list[dict[str, Any]]:
    return [dict(row) for row in QuarterHourCounts.objects.order_by("starts_at").values()]


def totals(campaign: Campaign) -> tuple[int, int, int]:
    counts = counts_of(campaign)
    return counts.opens, counts.unique_opens, counts.unique_human_opens


def test_opens_of_an_anonymous_recipient_count_once_and_leave_no_trace() -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    one, other = pixels_of(campaign)
    decide(one, "anonymous")
    assert write_hits([secret_hit(one.pk), secret_hit(one.pk), make_hit(other.pk)]) == 3
    assert write_hits([secret_hit(one.pk)]) == 1
    assert totals(campaign) == (4, 2, 2)
    assert linked_opens() == 0
    assert rows_with(SECRET_ADDRESS, SECRET_AGENT) == []
    assert UniqueOpen.objects.get(pixel__is_stand_in=True).open_count == 3
    assert verify().drift == 0


def test_nothing_is_recorded_of_a_recipient_who_is_off() -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    decide(pixel, "off")
    assert write_hits([secret_hit(pixel.pk)]) == 0
    assert totals(campaign) == (0, 0, 0)
    assert not Open.objects.exists()
    assert rows_with(SECRET_ADDRESS, SECRET_AGENT) == []


@pytest.mark.parametrize("tracking", ["anonymous", "off"])
def test_what_was_recorded_before_leaves_the_recipient_and_the_counts_stay(tracking: str) -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    one, other = pixels_of(campaign)
    hits = [secret_hit(one.pk, at=NOON), secret_hit(one.pk, at=NOON + 20 * MINUTE)]
    write_hits([*hits, make_hit(other.pk, at=NOON)])
    before = totals(campaign)[:2], quarters()
    decide(one, tracking)
    # Of first opens by people, curves and times to open are made: who is off is in none.
    off = {"unique_human_opens": 1} if tracking == "off" else {}
    assert quarters()[0] == before[1][0] | off
    assert (totals(campaign)[:2], quarters()[1:]) == (before[0], before[1][1:])
    assert linked_opens() == 0
    assert rows_with(SECRET_ADDRESS) == []
    moved = Open.objects.filter(pixel__is_stand_in=True)
    assert moved.filter(ip=None, user_agent=None).count() == 2
    assert not PendingMove.objects.exists()
    assert verify().drift == 0
    # A replay brings nothing back.
    assert write_hits(hits) == 0
    assert linked_opens() == 0
    assert verify().drift == 0


def test_opens_before_and_after_the_choice_are_one_unique_open_and_keep_their_verdicts() -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    write_hits([make_hit(pixel.pk, user_agent=AGENTS["security_scanner"])])
    decide(pixel, "anonymous")
    assert totals(campaign) == (1, 1, 0)
    write_hits([secret_hit(pixel.pk)])
    assert totals(campaign) == (2, 1, 1)
    assert counts_of(campaign).by_verdict["security_scanner"] == 1
    rejudge()
    JudgeAgain().pixels([one.pk for one in UniqueOpen.objects.all()])
    assert totals(campaign) == (2, 1, 1)
    assert counts_of(campaign).by_verdict["security_scanner"] == 1
    assert verify().drift == 0


def test_back_to_identified_holds_from_then_on_and_brings_nothing_back() -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    decide(pixel, "anonymous")
    write_hits([secret_hit(pixel.pk)])
    decide(pixel, "identified")
    assert not UniqueOpen.objects.filter(pixel=pixel).exists()
    write_hits([make_hit(pixel.pk)])
    assert UniqueOpen.objects.get(pixel=pixel).open_count == 1
    # Made anonymous once more, both are one person's again.
    decide(pixel, "anonymous")
    assert totals(campaign) == (2, 1, 1)
    assert verify().drift == 0


def test_whoever_is_off_is_neither_above_nor_below_the_line_of_a_rate() -> None:
    campaign = make_campaign(*emails(4))
    one, other, third, _ = pixels_of(campaign)
    write_hits([make_hit(one.pk), make_hit(other.pk)])
    assert counts_of(campaign).rates.human_open_rate == 2 / 4
    decide(one, "off")
    decide(third, "off")
    counts = counts_of(campaign)
    assert (counts.unique_opens, counts.unique_untracked_opens) == (2, 1)
    assert (counts.delivered, counts.untracked, counts.trackable) == (4, 2, 2)
    assert counts.rates.human_open_rate == counts.open_rate == 1 / 2
    assert counts.unique_machine_opens == 0
    decide(one, "identified")
    assert counts_of(campaign).rates.human_open_rate == 2 / 3
    assert verify().drift == 0


def test_mail_that_is_sent_or_refused_after_the_choice_is_counted_by_it() -> None:
    campaign = make_campaign("a@example.com", "b@example.com", is_sent=False)
    one, other = pixels_of(campaign)
    decide(one, "off")
    assert counts_of(campaign).untracked == 0
    mark_sent(campaign, at=campaign.created_at)
    assert (counts_of(campaign).untracked, counts_of(campaign).trackable) == (1, 1)
    decide(other, "off")
    mark_bounced(campaign, ["a@example.com"], at=campaign.created_at)
    assert (counts_of(campaign).untracked, counts_of(campaign).trackable) == (1, 0)
    assert counts_of(campaign).rates.human_open_rate is None
    assert verify().drift == 0


def test_a_drift_of_the_untracked_is_found_and_repaired() -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    one, _ = pixels_of(campaign)
    write_hits([make_hit(one.pk)])
    decide(one, "off")
    for spoilt in ({"untracked": 2}, {"unique_untracked_opens": 0}, {"unique_human_opens": 1}):
        CampaignCounts.objects.update(**spoilt)
        found = verify()
        assert found.drift > 0
        repair(found)
        assert verify().drift == 0
    counts = counts_of(campaign)
    assert (counts.untracked, counts.unique_untracked_opens, counts.recipients) == (1, 1, 2)


def test_a_campaign_of_its_own_policy_and_a_recipient_who_has_chosen() -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    one, other = pixels_of(campaign)
    decide(other, "identified")
    write_hits([secret_hit(one.pk)])
    assert choose_for_campaign(campaign, "anonymous") == 1
    assert linked_opens() == 0
    write_hits([make_hit(one.pk), make_hit(other.pk)])
    assert UniqueOpen.objects.filter(pixel=other).exists()
    assert totals(campaign) == (3, 2, 2)
    # Whoever is added now is anonymous from the start.
    recipient = Recipient.objects.create(email="c@example.com")
    add_pixels(campaign, [recipient.pk])
    assert Pixel.objects.get(recipient=recipient).tracking == PixelTracking.ANONYMOUS
    assert verify().drift == 0


def test_a_choice_counts_for_later_campaigns_too_and_can_be_taken_back(settings: Any) -> None:
    settings.TRACKING_DEFAULT = "anonymous"
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    assert pixel.tracking == PixelTracking.ANONYMOUS
    decide(pixel, "off")
    (later,) = pixels_of(make_campaign("a@example.com"))
    assert later.tracking == PixelTracking.OFF
    decide(pixel, "")
    later.refresh_from_db()
    assert later.tracking == PixelTracking.ANONYMOUS
    history = Consent.objects.order_by("-pk").values_list("tracking", "source", "proof")
    assert list(history) == [
        ("", "command", "asked by letter"),
        ("off", "command", "asked by letter"),
    ]


def test_the_test_pixel_goes_on_recording_whatever_is_asked() -> None:
    campaign = make_campaign("a@example.com")
    choose_for_campaign(campaign, "off")
    pixel = ensure_test_pixel(campaign)
    assert write_hits([make_hit(pixel.pk), make_hit(pixel.pk)._replace(is_anonymous=True)]) == 2
    assert UniqueOpen.objects.get(pixel=pixel).open_count == 2
    assert verify().drift == 0


def test_a_hit_that_asks_for_it_is_counted_anonymously_without_a_choice() -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    one, other = pixels_of(campaign)
    asks = secret_hit(one.pk)._replace(is_anonymous=True)
    assert write_hits([asks, make_hit(other.pk)]) == 2
    assert write_hits([asks]) == 0
    assert not UniqueOpen.objects.filter(pixel=one).exists()
    assert rows_with(SECRET_ADDRESS, SECRET_AGENT) == []
    assert totals(campaign) == (2, 2, 2)
    assert verify().drift == 0


def test_a_ruling_that_is_taken_back_after_the_choice_moves_no_rate_of_who_is_off() -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    hit = make_hit(pixel.pk)
    write_hits([hit])
    decide(pixel, "off")
    stand_in = Pixel.objects.get(is_stand_in=True)
    Ruling.objects.create(open=Open.objects.get(), verdict=1)
    JudgeAgain().pixels([stand_in.pk])
    assert counts_of(campaign).unique_untracked_opens == 1
    assert verify().drift == 0


@pytest.mark.parametrize("tracking", ["anonymous", "off"])
def test_a_choice_after_old_opens_were_removed_keeps_every_sum(tracking: str) -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    one, other = pixels_of(campaign)
    boundary = datetime.fromtimestamp(NOON / 1e6, UTC)
    for moment in (NOON - 30 * MINUTE, NOON - MINUTE, NOON + MINUTE):
        write_hits([secret_hit(one.pk, at=moment), make_hit(other.pk, at=moment)])
    assert remove_opens(boundary) == 4
    before = totals(campaign)[:2]
    decide(one, tracking)
    assert totals(campaign)[:2] == before == (6, 2)
    assert linked_opens() == 0
    assert verify().drift == 0
    decide(one, "identified")
    write_hits([secret_hit(one.pk, at=NOON + 2 * MINUTE)])
    decide(one, tracking)
    assert totals(campaign)[:2] == (7, 2)
    assert verify().drift == 0


def test_stand_ins_are_no_recipients() -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    decide(pixel, "anonymous")
    write_hits([make_hit(pixel.pk)])
    assert Pixel.objects.filter(campaign=campaign).count() == 2
    assert pixels_of(campaign) == [pixel]
    assert pixels_of(campaign)[0].status == "anonymous"
    assert not Pixel.objects.of_recipients().unopened().exists()
    assert counts_of(campaign).recipients == 1
    mark_sent(campaign, at=campaign.created_at)
    assert counts_of(campaign).sent == 1


def test_no_token_names_a_stand_in() -> None:
    tokens = Tokens("k" * 32)
    stand_in = StandInIds("k" * 32).of(1)
    assert stand_in < 0
    with pytest.raises(OverflowError):
        tokens.make(stand_in)
    assert tokens.read(tokens.make(2**63 - 1)) == 2**63 - 1
    assert tokens.read(tokens.make(2**64 + stand_in)) is None


def test_everybody_keeps_their_stand_in_when_the_key_is_rotated() -> None:
    assert oldest_key("newest", ["former", "first"]) == "first"
    assert oldest_key("first", []) == "first"
    assert StandInIds("first").of(7) == StandInIds("first").of(7)
    assert StandInIds("first").of(7) != StandInIds("second").of(7)
    assert len({StandInIds("first").of(number) for number in range(10_000)}) == 10_000


def test_a_choice_that_is_none_is_refused() -> None:
    (pixel,) = pixels_of(make_campaign("a@example.com"))
    with pytest.raises(ValueError, match="'maybe' is no choice: write identified, anonymous, off"):
        decide(pixel, "maybe")
    assert not Consent.objects.exists()


# What may happen, in any order: to which recipient, and what.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(
            [
                *("hit", "hit", "late hit", "machine", "signal", "replay", "rejudge", "move"),
                *("identified", "anonymous", "off", "", "campaign anonymous", "campaign off"),
            ]
        ),
    ),
    min_size=1,
    max_size=25,
)


@given(steps=STEPS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_after_any_sequence_counts_agree_and_nothing_is_linked(
    steps: list[tuple[int, str]],
) -> None:
    empty_tables()
    campaign = make_campaign(*emails(3))
    pixels = pixels_of(campaign)
    written: list[Hit] = []
    for number, (place, step) in enumerate(steps):
        take_step(campaign, pixels[place], step, number, written)
        assert verify().drift == 0, (number, step)
        assert linked_opens() == 0, (number, step)
    hidden = Open.objects.filter(pixel__is_stand_in=True)
    assert not hidden.exclude(ip=None, user_agent=None).exists()
    stand_ins = configured_stand_ins()
    expected = {stand_ins.of(pixel.pk) for pixel in pixels}
    assert set(hidden.values_list("pixel", flat=True)) <= expected


def take_step(campaign: Campaign, pixel: Pixel, step: str, number: int, written: list[Hit]) -> None:
    at = NOON + number * 7 * MINUTE
    if step in ("hit", "late hit", "machine", "signal"):
        agent = AGENTS["security_scanner"] if step == "machine" else SECRET_AGENT
        moment = NOON - number * 9 * MINUTE if step == "late hit" else at
        hit = make_hit(pixel.pk, at=moment, ip=SECRET_ADDRESS, user_agent=agent)
        hit = hit._replace(is_anonymous=step == "signal")
        written.append(hit)
        write_hits([hit])
    elif step == "replay":
        write_hits(written)
    elif step == "rejudge":
        JudgeAgain().pixels(list(UniqueOpen.objects.values_list("pk", flat=True)))
    elif step == "move":
        move([pixel.pk])
    elif step.startswith("campaign "):
        choose_for_campaign(campaign, step.removeprefix("campaign "))
    else:
        decide(pixel, step)


def empty_tables() -> None:
    for table in (Ruling, Open, UniqueOpen, QuarterHourCounts, CampaignCounts, PendingMove, Pixel):
        table._default_manager.all().delete()
    Consent.objects.all().delete()
    Recipient.objects.all().delete()
    Campaign.objects.all().delete()
