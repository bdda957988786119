"""Rates by the values of an attribute: added up, folded, stored, shown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.models import Campaign, Recipient
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tracker.breakdowns import refresh as refreshing
from tracker.breakdowns.by_attribute import attributes_of
from tracker.breakdowns.refresh import due, refresh
from tracker.models import Breakdowns, Pixel, PixelTracking, UniqueOpen
from tracker.rates import wilson_interval
from tracker.verdicts import Verdict
from tracker.writer import write_hits

LogIn = Callable[[str], Client]
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


def say(campaign: Campaign, **attributes: list[str]) -> None:
    """The first recipient has the first of each list, and so on; empty: none."""
    for place, pixel in enumerate(pixels_of(campaign)):
        said = {name: values[place] for name, values in attributes.items() if values[place:]}
        said = {name: value for name, value in said.items() if value}
        Recipient.objects.filter(pixels=pixel).update(attributes=said)


def by_name(campaign: Campaign) -> dict[str, Any]:
    return {one["name"]: one for one in attributes_of(campaign)}


def lines(campaign: Campaign, name: str) -> list[tuple[Any, ...]]:
    """Kind, value and sums."""
    return [
        (one["kind"], one["value"], *(one[key] for key in ("recipients", "trackable", "human")))
        for one in by_name(campaign)[name]["lines"]
    ]


def test_values_have_their_recipients_and_the_people_who_opened(real_db: None) -> None:
    campaign = make_campaign(*emails(16))
    say(campaign, Town=[*["Graz"] * 6, *["Wien"] * 5, "Linz", "Linz", "Wels"])
    pixels = pixels_of(campaign)
    write_hits([make_hit(pixels[0].pk), make_hit(pixels[0].pk), make_hit(pixels[6].pk)])
    write_hits([make_hit(pixels[1].pk, user_agent="curl/8.5.0"), make_hit(pixels[12].pk)])
    Pixel.objects.filter(pk=pixels[2].pk).update(bounced_at=NOON)
    # Two have no town: so few stand among the others.
    assert lines(campaign, "Town") == [
        ("value", "Graz", 6, 5, 1),
        ("value", "Wien", 5, 5, 1),
        ("others", "", 5, 5, 1),
    ]


@pytest.mark.django_db
def test_others_who_are_few_take_the_rarest_value_along() -> None:
    campaign = make_campaign(*emails(20))
    say(campaign, Town=[*["Graz"] * 6, *["Wien"] * 5, "Linz", "Wels"])
    assert lines(campaign, "Town") == [
        ("value", "Graz", 6, 6, 0),
        ("others", "", 7, 7, 0),
        ("none", "", 7, 7, 0),
    ]


def test_who_is_off_or_anonymous_is_in_neither_part_of_a_rate(real_db: None) -> None:
    campaign = make_campaign(*emails(8))
    say(campaign, Town=["Graz"] * 8)
    pixels = pixels_of(campaign)
    write_hits([make_hit(pixel.pk) for pixel in pixels[:3]])
    Pixel.objects.filter(pk=pixels[0].pk).update(tracking=PixelTracking.OFF)
    Pixel.objects.filter(pk=pixels[7].pk).update(tracking=PixelTracking.ANONYMOUS)
    write_hits([make_hit(pixels[7].pk)])
    assert lines(campaign, "Town") == [("value", "Graz", 8, 6, 2)]
    (line,) = by_name(campaign)["Town"]["lines"]
    assert line["delivered"] == 8


@pytest.mark.django_db
def test_an_attribute_whose_values_are_all_rare_is_not_offered() -> None:
    campaign = make_campaign(*emails(12))
    say(campaign, Number=[str(number) for number in range(12)], Town=["Graz"] * 6)
    assert list(by_name(campaign)) == ["Town"]
    assert lines(campaign, "Town")[1] == ("none", "", 6, 6, 0)
    assert attributes_of(make_campaign()) == []


@pytest.mark.django_db
def test_at_most_twenty_values_and_forty_attributes_are_kept() -> None:
    campaign = make_campaign(*emails(130))
    say(
        campaign,
        Town=[f"T{place // 5:02}" for place in range(130)],
        **{f"A{number:02}": ["x"] * (6 + number) for number in range(50)},
    )
    found = by_name(campaign)
    assert len(found) == 40
    assert "A00" not in found
    shown = lines(campaign, "Town")
    assert [one[1] for one in shown[:20]] == [f"T{number:02}" for number in range(20)]
    assert shown[20:] == [("others", "", 30, 30, 0)]
    assert found["Town"]["lines"][20]["values"] == 6


PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(["", "Graz", "Wien", "Größe", '"', "0", "\U0001f600" * 3, "x" * 300]),
        st.sampled_from(PixelTracking),
        st.booleans(),  # sent
        st.booleans(),  # bounced
        st.sampled_from([None, Verdict.HUMAN_CLIENT, Verdict.BOT, Verdict.UNKNOWN]),
    ),
    max_size=30,
)


@pytest.mark.django_db
@settings(max_examples=30, deadline=None)
@given(PEOPLE)
def test_whatever_there_is_the_lines_add_up_to_everybody_and_are_what_python_counts(
    people: list[Any],
) -> None:
    UniqueOpen.objects.all().delete()
    campaign = make_campaign(*emails(len(people)), is_sent=False)
    say(campaign, **{"It's a.b": [one[0] for one in people]})
    for pixel, (_, tracking, is_sent, is_bounced, verdict) in zip(
        pixels_of(campaign), people, strict=True
    ):
        Pixel.objects.filter(pk=pixel.pk).update(
            tracking=tracking,
            sent_at=NOON if is_sent else None,
            bounced_at=NOON if is_bounced else None,
        )
        if verdict:
            UniqueOpen.objects.create(
                pixel=pixel,
                campaign=campaign,
                is_test=False,
                open_count=1,
                first_opened_at=NOON,
                last_opened_at=NOON,
                verdict=verdict.number,
            )
    found = by_name(campaign).get("It's a.b")
    common = {
        value for value, *_ in people if value and [one[0] for one in people].count(value) > 4
    }
    if not common:
        assert found is None
        return
    assert found
    sums: list[tuple[str, Callable[[Any], bool]]] = [("recipients", lambda one: True)]
    sums.append(("delivered", lambda one: one[2] and not one[3]))
    sums.append(("trackable", lambda one: one[1] == 0 and one[2] and not one[3]))
    sums.append(("human", lambda one: one[1] == 0 and one[4] is Verdict.HUMAN_CLIENT))
    for name, counts in sums:
        assert sum(line[name] for line in found["lines"]) == sum(map(bool, map(counts, people)))
        shown = {line["value"]: line[name] for line in found["lines"] if line["kind"] == "value"}
        assert shown == {
            value[:200]: sum(bool(counts(one)) for one in people if one[0] == value)
            for value in common
        }


@pytest.mark.django_db
def test_sums_are_stored_with_the_other_breakdowns_and_where_these_are_older_they_are_due() -> None:
    campaign = make_campaign(*emails(6))
    say(campaign, Town=["Graz"] * 6)
    stored, _ = refresh(campaign)
    assert [one["name"] for one in stored.attributes or ()] == ["Town"]
    Breakdowns.objects.update(next_at=NOON)
    now = datetime.now(UTC)
    assert not due(now).filter(pk=campaign.pk).exists()
    Breakdowns.objects.update(attributes=None)
    assert due(now).filter(pk=campaign.pk).exists()


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().replace("\u202f", "").split())


@pytest.fixture
def towns(real_db: None) -> Campaign:
    campaign = make_campaign(*emails(20))
    say(campaign, Town=[*["Graz"] * 10, *["<b>Wien"] * 10], Tier=["A"] * 20)
    write_hits([make_hit(pixel.pk) for pixel in pixels_of(campaign)[:4]])
    return campaign


def test_the_report_breaks_down_by_the_attribute_that_is_chosen(
    towns: Campaign, log_in: LogIn
) -> None:
    client = log_in("viewer")
    url = towns.get_absolute_url()
    assert "By attribute: <bdi>Tier</bdi>" in text_of(client.get(url))
    page = text_of(client.get(f"{url}?attribute=Town&show=opened"))
    assert "By attribute: <bdi>Town</bdi>" in page
    assert "<bdi>Graz</bdi>" in page
    assert "&lt;b&gt;Wien" in page
    assert "<strong>40.0%</strong>" in page
    low, high = wilson_interval(4, 10)
    assert f"{low * 100:.1f}% to {high * 100:.1f}%" in page
    # Tabs, sorting and charts keep it, and the choice keeps them.
    assert "attribute=Town" in page.split('class="tabs"')[1].split("</ul>")[0]
    assert '<input type="hidden" name="show" value="opened">' in page
    assert "By attribute: <bdi>Tier</bdi>" in text_of(client.get(f"{url}?attribute=Else"))


def test_the_file_has_the_same_lines(towns: Campaign, log_in: LogIn) -> None:
    say(towns, **{"=Town": ["=Graz"] * 20})
    client = log_in("viewer")
    url = f"/campaigns/{towns.pk}/breakdowns/attribute.csv"
    answer: Any = client.get(url, {"attribute": "=Town"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["value"], row["recipients"], row["human_open_rate"]) == ("'=Graz", "20", "0.2")
    nothing: Any = client.get(url, {"attribute": "Else"})
    assert b"".join(nothing.streaming_content).decode("utf-8-sig").startswith("value,kind")
    assert log_in("nobody").get(url).status_code == 403


def test_a_report_takes_twelve_queries_stored_or_not(
    towns: Campaign, log_in: LogIn, django_assert_max_num_queries: Any
) -> None:
    client = log_in("viewer")
    for _ in range(2):
        with django_assert_max_num_queries(12):
            client.get(f"{towns.get_absolute_url()}?attribute=Town")
        refresh(towns)


def test_a_large_campaign_shows_what_is_stored_and_never_adds_up_for_a_reader(
    towns: Campaign, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "SMALL", 3)
    client = log_in("viewer")
    assert "By attribute" not in text_of(client.get(towns.get_absolute_url()))
    refresh(towns)
    write_hits([make_hit(pixels_of(towns)[5].pk)])
    page = text_of(client.get(f"{towns.get_absolute_url()}?attribute=Town"))
    assert "<strong>40.0%</strong>" in page
    assert "As of" in page
    assert counts_of(towns).unique_human_opens == 5


def test_nobody_may_be_told_apart_by_a_shared_report(towns: Campaign, log_in: LogIn) -> None:
    """It shows nothing by attribute."""
    from tracker.sharing.links import share

    soon = datetime.now(UTC).replace(year=2100)
    kept: dict[str, Any] = {"user_id": None, "at": datetime.now(UTC), "expires_at": soon}
    _, secret = share(towns, label="Client", password="", **kept)
    assert "Graz" not in Client().get(f"/shared/{secret}/").content.decode()
