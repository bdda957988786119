from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.models import Campaign, Recipient
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.consent.test_choices import decide
from tests.tracker.test_writer import AGENTS
from tracker.breakdowns import adding_up
from tracker.breakdowns.adding_up import Sums, breakdowns_of, fold_agents, fold_domains
from tracker.breakdowns.programs import program_of
from tracker.breakdowns.providers import OTHER_DOMAINS, provider_of
from tracker.breakdowns.refresh import due, refresh, store
from tracker.end_marks import switch_end_marks
from tracker.judging.again import JudgeAgain
from tracker.models import (
    Breakdown,
    Breakdowns,
    EndLoad,
    EndMarks,
    Open,
    Pixel,
    PixelTracking,
    Ruling,
    UserAgent,
)
from tracker.pixels import ensure_test_pixel, mark_bounced, mark_sent
from tracker.verdicts import LEAST_HUMAN, Verdict
from tracker.writer import open_writer

pytestmark = pytest.mark.usefixtures("real_db")

NOON = 1_770_000_000_000_000
SECOND = 1_000_000
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148"
)
SOME_AGENTS = [*AGENTS.values(), IPHONE, "Outlook-Android/2.0"]
# In the place of an agent.
AN_END_MARK = "end mark"
ADDRESSES = [
    *(f"p{n}@{domain}" for n, domain in enumerate(["gmail.com", "googlemail.com"] * 3)),
    "p@hotmail.de",
    *(f"c{n}@Company.example" for n in range(6)),
    *(f"f{n}@family.example" for n in range(3)),
    '"odd@gmail.com"@company.example',
    "single@alone.example",
]

Lines = dict[tuple[str, str], tuple[int, ...]]


def stored_lines(campaign: Campaign) -> Lines:
    return {
        (row.kind, row.key): tuple(getattr(row, name) for name in Sums._fields)
        for row in Breakdown.objects.filter(campaign=campaign)
    }


def naive_recount(campaign: Campaign) -> Lines:
    """From pixels and opens alone, one recipient after the other; of who is identified."""
    sums: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    pixels = list(
        Pixel.objects.filter(
            campaign=campaign, is_test=False, is_stand_in=False, tracking=PixelTracking.IDENTIFIED
        ).select_related("recipient")
    )
    in_domain = Counter(place_of(pixel) for pixel in pixels)
    for pixel in pixels:
        provider = place_of(pixel) if in_domain[place_of(pixel)] >= 5 else OTHER_DOMAINS
        counted = sums["provider", provider]
        counted["recipients"] += 1
        counted["sent"] += pixel.sent_at is not None
        counted["bounces"] += pixel.bounced_at is not None
        opens = list(Open.objects.filter(pixel=pixel).select_related("user_agent"))
        if not opens:
            continue
        best = max(one.verdict for one in opens)
        is_ended = EndLoad.objects.filter(pixel=pixel).exists()
        counted["end_loads"] += best >= LEAST_HUMAN and is_ended
        counted["unique_opens"] += 1
        counted["unique_human_opens"] += best >= LEAST_HUMAN
        counted["unique_unknown_opens"] += best == Verdict.UNKNOWN.number
        counted["unique_prefetch_opens"] += best == Verdict.PRIVACY_PREFETCH.number
        if best >= LEAST_HUMAN:
            last = max(opens, key=lambda one: one.opened_at)
            assert last.user_agent is not None
            program = program_of(last.user_agent.text)
            sums["client", program.client]["unique_human_opens"] += 1
            sums["operating-system", program.operating_system]["unique_human_opens"] += 1
            sums["device", program.device]["unique_human_opens"] += 1
    return {key: tuple(counted[name] for name in Sums._fields) for key, counted in sums.items()}


def place_of(pixel: Pixel) -> str:
    assert pixel.recipient is not None
    domain = pixel.recipient.email_key.rpartition("@")[2]
    return provider_of(domain) or domain


events = st.one_of(
    st.tuples(
        st.just("hits"),
        st.lists(
            st.tuples(
                st.integers(0, len(ADDRESSES)),  # the last one is the test pixel
                st.sampled_from([*SOME_AGENTS, AN_END_MARK]),
            ),
            min_size=1,
            max_size=10,
        ),
    ),
    st.tuples(st.just("bounce"), st.integers(0, len(ADDRESSES) - 1)),
    st.tuples(st.just("judge"), st.sampled_from(SOME_AGENTS)),
    st.tuples(st.just("send"), st.none()),
    st.tuples(
        st.just("choose"),
        st.tuples(st.integers(0, 3), st.sampled_from(["identified", "anonymous", "off"])),
    ),
)


@given(happened=st.lists(events, min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_stored_breakdowns_equal_a_naive_recount_whatever_happened(happened: list[Any]) -> None:
    # They choose anew in every example.
    Recipient.objects.update(tracking="")
    campaign = make_campaign(*ADDRESSES, is_sent=False)
    switch_end_marks(campaign, is_on=True)
    other = make_campaign(*ADDRESSES[:5])
    pixels = [*pixels_of(campaign), ensure_test_pixel(campaign)]
    writer = open_writer()
    writer.write([make_hit(pixel.pk) for pixel in pixels_of(other)])
    # Moments that differ: among opens of the same moment the last is a matter of ids.
    at = NOON
    try:
        for event, what in happened:
            if event == "hits":
                hits = []
                for place, agent in what:
                    at += SECOND
                    hit = make_hit(pixels[place].pk, at=at, ip=None, user_agent=agent)
                    hits.append(hit._replace(is_end_mark=agent == AN_END_MARK))
                writer.write(hits)
            elif event == "bounce":
                mark_bounced(campaign, [ADDRESSES[what]], at=timezone.now())
            elif event == "send":
                mark_sent(campaign, at=timezone.now())
            elif event == "choose":
                decide(pixels[what[0]], what[1])
            else:
                judge_otherwise(what, pixels)
            refresh(campaign)
            assert stored_lines(campaign) == naive_recount(campaign)
    finally:
        writer.close()
        Ruling.objects.all().delete()
    counts = counts_of(campaign)
    end_marks = EndMarks.objects.get(campaign=campaign)
    assert Breakdowns.objects.get(campaign=campaign).has_seen(counts, end_marks)
    assert campaign not in due(timezone.now() + timedelta(days=1))
    providers = [row for (kind, _), row in stored_lines(campaign).items() if kind == "provider"]
    totals = tuple(getattr(counts, name) for name in Sums._fields if name != "end_loads")
    if not any(event == "choose" for event, _ in happened):
        assert tuple(map(sum, zip(*providers, strict=True)))[:-1] == totals


def test_a_choice_makes_stored_breakdowns_old_also_where_another_makes_up_for_it() -> None:
    campaign = make_campaign(*emails(7))
    one, other, *_ = pixels_of(campaign)
    decide(one, "anonymous")
    refresh(campaign)
    before = counts_of(campaign)
    decide(one, "identified")
    decide(other, "anonymous")
    counts = counts_of(campaign)
    assert counts.anonymous == before.anonymous == 1
    assert not Breakdowns.objects.get(campaign=campaign).has_seen(counts)
    assert campaign in due(timezone.now() + timedelta(days=1))
    # As those that were stored before choices were counted.
    refresh(campaign)
    assert campaign not in due(timezone.now() + timedelta(days=1))
    Breakdowns.objects.update(choices=None)
    assert campaign in due(timezone.now() + timedelta(days=1))


def judge_otherwise(agent: str, pixels: list[Pixel]) -> None:
    stored = UserAgent.objects.filter(text=agent).first()
    if stored is None:
        return
    if not Ruling.objects.filter(user_agent=stored).exists():
        Ruling.objects.create(user_agent=stored, verdict=Verdict.HUMAN_CLIENT.number)
    JudgeAgain().pixels([pixel.pk for pixel in pixels])


def test_no_domain_and_no_provider_with_fewer_than_five_recipients_is_ever_stored() -> None:
    campaign = make_campaign(
        *emails(5, "five.example"),
        *emails(4, "four.example"),
        *emails(3, "gmail.com"),
        *emails(1, "googlemail.com"),
        *emails(5, "web.de"),
    )
    refresh(campaign)
    keys = set(Breakdown.objects.filter(kind="provider").values_list("key", flat=True))
    assert keys == {"five.example", "gmx-web-de", OTHER_DOMAINS}
    # Who is anonymous is no recipient here: the others are too few then.
    decide(pixels_of(campaign)[0], "anonymous")
    refresh(campaign)
    keys = set(Breakdown.objects.filter(kind="provider").values_list("key", flat=True))
    assert keys == {"gmx-web-de", OTHER_DOMAINS}


def test_a_recipient_whose_address_is_gone_stands_among_the_others() -> None:
    campaign = make_campaign(*emails(6, "six.example"))
    Recipient.objects.update(email="", email_key=F("id"))
    refresh(campaign)
    assert stored_lines(campaign) == {("provider", OTHER_DOMAINS): (6, 6, 0, 0, 0, 0, 0, 0)}


def test_the_last_open_decides_the_client_and_machines_have_none() -> None:
    campaign = make_campaign(*emails(3))
    one, other, third = pixels_of(campaign)
    writer = open_writer()
    writer.write([make_hit(one.pk, at=NOON), make_hit(one.pk, at=NOON + 1, user_agent=IPHONE)])
    writer.write([make_hit(other.pk), make_hit(third.pk, user_agent=AGENTS["bot"])])
    writer.close()
    lines = {(row.kind, row.key): row.unique_human_opens for row in breakdowns_of(campaign)}
    assert lines["client", "Apple Mail"] == lines["client", "Thunderbird"] == 1
    assert (lines["device", "phone"], lines["device", "computer"]) == (1, 1)
    assert sum(people for (kind, _), people in lines.items() if kind == "client") == 2


@given(
    st.dictionaries(
        st.sampled_from([f"d{n}.example" for n in range(60)]), st.integers(1, 40), max_size=60
    )
)
def test_only_the_domains_with_the_most_recipients_stand_alone(sizes: dict[str, int]) -> None:
    rows = [(domain, Sums(recipients=size, sent=size)) for domain, size in sizes.items()]
    folded = fold_domains(iter(rows))
    assert sum(sums.recipients for sums in folded.values()) == sum(sizes.values())
    assert folded == fold_domains(reversed(rows)), "the order that they come in is all the same"
    alone = {sizes[domain] for domain in folded if domain != OTHER_DOMAINS}
    among_others = {size for domain, size in sizes.items() if domain not in folded and size >= 5}
    assert len(folded) <= adding_up.MOST_DOMAINS + 1
    assert not (alone and among_others) or min(alone) >= max(among_others)


def test_invented_names_neither_grow_the_memory_nor_hide_the_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(adding_up, "MOST_NAMES", 40)
    monkeypatch.setattr(
        adding_up, "program_of", lambda agent: program_of("")._replace(client=agent)
    )
    rows = [(f"Invented {n}", 1) for n in range(200)] + [("unknown", 3), ("Invented 1", 5)]
    clients = fold_agents([("unknown", 1), *rows])[Breakdown.Kind.CLIENT]
    assert clients["Invented 1"] == 6
    assert clients["unknown"] == 4
    assert sum(clients.values()) == 209
    assert len(clients) == adding_up.MOST_PROGRAMS + 2


def test_an_older_sum_does_not_replace_a_later_one() -> None:
    campaign = make_campaign(*emails(5))
    later, rows = refresh(campaign)
    earlier = Breakdowns.objects.get(campaign=campaign)
    earlier.computed_at -= timedelta(minutes=1)
    earlier.recipients = 1
    store(earlier, [])
    assert Breakdowns.objects.get(campaign=campaign).recipients == 5
    assert Breakdown.objects.count() == len(rows)
    assert later.computed_at.astimezone(UTC) <= datetime.now(UTC)
