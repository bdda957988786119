"""A person over all campaigns, found by address; and why each open counts as it does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Recipient, email_key
from tests.conftest import THUNDERBIRD, emails, make_campaign, make_hit, pixels_of
from tests.tracker.test_honest_pages import text_of
from tests.tracker.test_writer import AGENTS
from tracker.judging import process_judge
from tracker.judging.again import JudgeAgain
from tracker.models import Open
from tracker.reports import recipient_search
from tracker.reports.person import Person, person_page
from tracker.reports.recipient_search import beginning_with, end_of_range, find_recipients
from tracker.reports.why import as_sent, explanation_of
from tracker.writer import write_hits

LogIn = Callable[[str], Client]
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/149.0.0.0 Safari/537.36"
)


def micros(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def people(*addresses: str) -> None:
    Recipient.objects.bulk_create(
        Recipient(email=address, email_key=email_key(address)) for address in addresses
    )


# Finding


@pytest.mark.django_db
def test_an_exact_address_leads_straight_to_the_person(log_in: LogIn) -> None:
    people("ann@example.com", "ann@example.com.au")
    client = log_in("viewer")
    answer = client.get("/recipients/?q=%20ANN%40example.com ")
    assert answer.status_code == 302
    assert answer["Location"] == reverse("person", args=[Recipient.objects.earliest("pk").pk])
    assert client.get(answer["Location"]).status_code == 200


@pytest.mark.django_db
def test_the_beginning_of_an_address_finds_all_that_begin_so_and_no_others() -> None:
    people("ann@a.example", "anna@b.example", "an@n.example", "hann@c.example", "ann.b@d.example")
    found = find_recipients("Ann")
    assert {row.email for row in found.rows} == {
        "ann@a.example",
        "anna@b.example",
        "ann.b@d.example",
    }
    assert not found.is_contained
    assert [row.email for row in find_recipients("ann.").rows] == ["ann.b@d.example"]
    # A wildcard of the database is a letter like any other.
    assert find_recipients("a%").rows == []
    assert find_recipients("a_n").rows == []


@pytest.mark.django_db
def test_text_inside_is_looked_for_only_where_no_address_begins_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people("x@needle.example", "y@hay.example", "z@needle.example")
    Recipient.objects.filter(email="y@hay.example").update(name="Needleman")
    found = find_recipients("needle")
    assert found.is_contained
    assert not found.is_bounded
    assert [row.email for row in found.rows] == [
        "x@needle.example",
        "y@hay.example",
        "z@needle.example",
    ]
    assert find_recipients("ne").rows == []
    monkeypatch.setattr(recipient_search, "CONTAINED_AMONG", 1)
    found = find_recipients("needle")
    assert found.is_bounded
    assert [row.email for row in found.rows] == ["z@needle.example"]


@pytest.mark.django_db
def test_more_than_a_page_of_matches_says_so(log_in: LogIn) -> None:
    people(*emails(60))
    text = text_of(log_in("viewer").get("/recipients/?q=r0"))
    assert "There are more than 50" in text
    assert "r0049@example.com" in text
    assert "r0051@example.com" not in text


@pytest.mark.django_db
def test_a_beginning_is_looked_up_in_the_index_of_addresses() -> None:
    people(*emails(2000))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE campaigns_recipient")
            cursor.execute("SET LOCAL enable_seqscan = off")
    plan = beginning_with("r00").order_by("email_key")[:51].explain()
    assert "recipient_address_is_unique" in plan or "autoindex" in plan or "INDEX" in plan
    assert "SCAN campaigns_recipient USING" not in plan
    if connection.vendor == "postgresql":
        assert "Index Cond" in plan
        assert "r00" in plan.partition("Index Cond")[2].partition("\n")[0]
    else:
        assert "email_key>? AND email_key<?" in plan


@given(
    key=st.text(st.sampled_from("aby z09.-@_é"), min_size=1, max_size=5),
    more=st.text(max_size=3),
)
def test_all_that_begin_so_lie_in_the_range_of_the_index(key: str, more: str) -> None:
    end = end_of_range(key)
    assert key <= key + more
    assert end is None or key + more < end


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query", ["", "?q=", "?q=%00", "?q=%20", "?q=" + "x" * 400, "?q=%25%27%22%3Cscript%3E", "?q=é"]
)
def test_a_senseless_search_shows_a_page_all_the_same(query: str, log_in: LogIn) -> None:
    people("ann@example.com")
    answer = log_in("viewer").get(f"/recipients/{query}")
    assert answer.status_code == 200
    assert "<script>" not in answer.content.decode()


@pytest.mark.django_db
def test_only_who_may_read_reports_finds_people(log_in: LogIn) -> None:
    people("ann@example.com")
    person = Recipient.objects.get()
    for path in ("/recipients/?q=ann@example.com", f"/recipients/{person.pk}/"):
        assert log_in("nobody").get(path).status_code == 403
        assert Client().get(path).status_code == 302
    bar = 'class="bar-search"'
    assert bar in log_in("viewer").get("/campaigns/").content.decode()
    assert bar in log_in("administrator").get("/admin/").content.decode()
    assert bar not in log_in("nobody").get("/accounts/password_change/").content.decode()
    assert bar not in Client().get("/accounts/login/").content.decode()
    assert log_in("viewer").get("/recipients/999999/").status_code == 404


# The person


@pytest.mark.usefixtures("real_db")
def test_a_person_has_all_campaigns_and_every_open_newest_first(
    log_in: LogIn, settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"
    first, second, _unopened = (
        make_campaign("ann@example.com", "bob@example.com", name=name)
        for name in ("First", "Second", "Unopened")
    )
    ann = Recipient.objects.get(email="ann@example.com")
    own = [pixel for campaign in (first, second) for pixel in pixels_of(campaign)[:1]]
    strange = pixels_of(first)[1]
    write_hits(
        [
            make_hit(own[0].pk, at=micros(NOON), user_agent=AGENTS["bot"]),
            make_hit(own[1].pk, at=micros(NOON + timedelta(hours=1))),
            make_hit(own[0].pk, at=micros(NOON + timedelta(hours=2)), user_agent=AGENTS["bot"]),
            make_hit(strange.pk, at=micros(NOON + timedelta(hours=3)), user_agent="Strange/1"),
        ]
    )
    person = person_page(ann, {})
    assert [pixel.campaign.name for pixel in person.pixels] == ["Unopened", "Second", "First"]
    assert (person.sent, person.opens) == (3, 3)
    assert (person.opened_by_person, person.opened_by_machine, person.unclear) == (1, 1, 0)
    told = [(one.pixel.campaign.name, one.why.rule) for one in person.timeline]
    assert [name for name, _ in told] == ["First", "Second", "First"]
    text = text_of(log_in("viewer").get(f"/recipients/{ann.pk}/"))
    # Noon and an hour in UTC.
    assert "18:30:00" in text
    assert "Thursday 12 March 2026" in text
    assert "times in Asia/Kolkata" in text
    assert "curl/8.5.0" in text
    assert "Strange/1" not in text
    back = f"/campaigns/{first.pk}/recipients/{own[0].pk}/"
    assert back in text
    assert f"/recipients/{ann.pk}/" in text_of(log_in("viewer").get(back))


@pytest.mark.usefixtures("real_db")
def test_a_persons_page_takes_the_same_few_queries_and_its_pages_hold_all(
    log_in: LogIn, django_assert_max_num_queries: Any
) -> None:
    campaigns = [make_campaign("ann@example.com") for _ in range(30)]
    hits = [
        make_hit(pixel.pk, at=micros(NOON) + number)
        for number in range(2)
        for campaign in campaigns
        for pixel in pixels_of(campaign)
    ]
    write_hits(hits)
    ann = Recipient.objects.get()
    client = log_in("viewer")
    with django_assert_max_num_queries(12):
        client.get(f"/recipients/{ann.pk}/?campaigns=2&opens=2")
    pages = [person_page(ann, {"opens": str(page)}) for page in (1, 2, 3)]
    shown = [one.why.open.pk for page in pages for one in page.timeline]
    assert sorted(shown) == sorted(Open.objects.values_list("pk", flat=True))
    assert len(person_page(ann, {"campaigns": "2"}).pixels) == 5
    url = person_page(ann, {"campaigns": "2"}).timeline_pages.next_url
    assert url == "?campaigns=2&opens=2"


@pytest.mark.django_db
def test_a_person_without_campaign_or_open_has_a_page(log_in: LogIn) -> None:
    people("ann@example.com")
    text = text_of(log_in("viewer").get(f"/recipients/{Recipient.objects.get().pk}/"))
    assert "This recipient is in no campaign." in text
    assert "no proof that nothing was read" in text


# Why


@pytest.mark.usefixtures("real_db")
def test_an_agent_is_quoted_in_its_own_letters() -> None:
    agent = "ProofPoint-Something/1.0 (MimeCAST)"
    (pixel,) = pixels_of(make_campaign("a@example.com"))
    write_hits([make_hit(pixel.pk, user_agent=agent)])
    (one,) = explanation_of(pixel).opens
    quoted = one.sentence.partition("“")[2].partition("”")[0]
    assert quoted in agent
    assert quoted in ("ProofPoint", "MimeCAST")


@given(agent=st.text(max_size=300))
def test_what_is_quoted_of_any_agent_stands_in_it(agent: str) -> None:
    said = as_sent(process_judge().judge(agent, None), agent)
    quote = said.partition("The agent says “")[2].rpartition("”;")[0].removesuffix("…")
    assert quote in agent


@pytest.mark.usefixtures("real_db")
def test_a_burst_says_how_many_fetches_of_how_many_networks_made_it() -> None:
    (pixel,) = pixels_of(make_campaign("a@example.com"))
    hits = [
        make_hit(pixel.pk, at=micros(NOON + timedelta(seconds=second)), ip=ip, user_agent=agent)
        for second, ip, agent in (
            (0, "192.0.2.1", BROWSER),
            (5, "198.51.100.1", BROWSER),
            (9, "203.0.113.1", BROWSER),
            (10, "203.0.113.2", BROWSER),
            # None of these is counted: a machine's own name, a mail client, an hour later.
            (11, "192.0.2.200", AGENTS["bot"]),
            (12, "198.18.0.1", THUNDERBIRD),
            (3600, "192.0.2.77", BROWSER),
        )
    ]
    write_hits(hits)
    JudgeAgain().pixels([pixel.pk])
    first = next(one for one in explanation_of(pixel).opens if one.open.ip == "192.0.2.1")
    assert first.rule == "burst"
    (line,) = [line for line in first.evidence if "networks" in line]
    assert "was fetched 4 times, itself included, from 3 networks" in line


@pytest.mark.parametrize(
    ("sent", "by_person", "by_machine", "unclear", "said"),
    [
        (1, 1, 0, 0, "1 campaign was sent to this address. 1 was opened by a person."),
        (3, 0, 0, 0, "3 campaigns were sent to this address."),
        (
            1200,
            2,
            1,
            1,
            "1,200 campaigns were sent to this address. 2 were opened by a person. "
            "1 was opened by machines only. Of 1 it is unclear who opened it.",
        ),
    ],
)
def test_a_person_is_summed_up_without_what_there_is_none_of(
    sent: int, by_person: int, by_machine: int, unclear: int, said: str
) -> None:
    nothing: Any = None
    person = Person(nothing, sent, by_person, by_machine, unclear, 0, [], nothing, [], nothing)
    assert " ".join(person.sentences) == said
