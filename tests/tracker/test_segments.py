from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.models import Campaign, Recipient, SuppressedAddress
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.test_honest_pages import text_of
from tracker.models import Pixel, PixelQuerySet, PixelTracking, UniqueOpen
from tracker.pixels import add_pixels, add_pixels_of, ensure_test_pixel, mark_bounced, mark_sent
from tracker.recount import verify
from tracker.reports.totals import totals_of
from tracker.segments import resend as resending
from tracker.segments.choice import Choice, ImpossibleChoiceError, Who
from tracker.segments.files import segment_text
from tracker.segments.members import count_members, members
from tracker.segments.resend import NobodyLeftError, resend, resend_once
from tracker.verdicts import Verdict
from tracker.writer import write_hits

LogIn = Callable[[str], Client]

NINE = datetime(2026, 3, 12, 9, tzinfo=UTC)
PEOPLE = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.0"
SCANNER = "python-requests/2.31.0"
PREFETCH = "Mozilla/5.0"
APPLE = "104.28.28.5"


def microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def opened_by(pixel: Pixel, *verdicts: Verdict, at: datetime = NINE) -> UniqueOpen:
    """What these opens, an hour apart, would have made of the pixel."""
    moments = [at + timedelta(hours=number) for number in range(len(verdicts))]
    human = [moment for moment, verdict in zip(moments, verdicts, strict=True) if verdict.is_human]
    return UniqueOpen.objects.create(
        pixel=pixel,
        campaign_id=pixel.campaign_id,
        is_test=pixel.is_test,
        open_count=len(verdicts),
        human_open_count=len(human),
        first_opened_at=moments[0],
        last_opened_at=moments[-1],
        verdict=max(verdict.number for verdict in verdicts),
        first_human_opened_at=human[0] if human else None,
    )


def addresses(campaign: Campaign, choice: Choice) -> set[str]:
    return set(members(campaign, choice).values_list("recipient__email", flat=True))


def campaign_of_each_kind() -> Campaign:
    """One recipient a kind, named after it, and a test pixel that a person opened."""
    names = ["human", "proxy", "prefetch", "scanner", "bot", "unknown", "silent", "bounced"]
    campaign = make_campaign(*(f"{name}@example.com" for name in names), name="Spring")
    pixels = dict(zip(names, pixels_of(campaign), strict=True))
    mark_bounced(campaign, ["bounced@example.com"], at=NINE)
    opened_by(pixels["human"], Verdict.SECURITY_SCANNER, Verdict.HUMAN_CLIENT)
    opened_by(pixels["proxy"], Verdict.IMAGE_PROXY_ON_OPEN, Verdict.HUMAN_CLIENT)
    opened_by(pixels["prefetch"], Verdict.BOT, Verdict.PRIVACY_PREFETCH)
    opened_by(pixels["scanner"], Verdict.SECURITY_SCANNER, Verdict.BOT, Verdict.BOT)
    opened_by(pixels["bot"], Verdict.BOT)
    opened_by(pixels["unknown"], Verdict.UNKNOWN)
    opened_by(ensure_test_pixel(campaign), Verdict.HUMAN_CLIENT)
    return campaign


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("who", "names"),
    [
        (Who.ALL, "human proxy prefetch scanner bot unknown silent bounced"),
        (Who.OPENED, "human proxy"),
        (Who.NOT_OPENED, "prefetch scanner bot unknown silent"),
        (Who.UNOPENED, "silent"),
        (Who.MACHINES, "prefetch scanner bot"),
        (Who.PREFETCHED, "prefetch"),
        (Who.UNCLEAR, "unknown"),
    ],
)
def test_each_choice_is_about_whom_it_says(who: Who, names: str) -> None:
    campaign = campaign_of_each_kind()
    make_campaign("human@example.com", "another@example.com")
    assert addresses(campaign, Choice(who)) == {f"{name}@example.com" for name in names.split()}


@pytest.mark.django_db
def test_conditions_hold_together() -> None:
    campaign = campaign_of_each_kind()

    def choose(**conditions: Any) -> set[str]:
        return addresses(campaign, Choice(Who.ALL, **conditions))

    assert choose(at_least=1) == {"human@example.com", "proxy@example.com"}
    assert choose(at_least=2) == {"proxy@example.com"}
    assert choose(at_least=1, words="HUM") == {"human@example.com"}
    assert choose(opened_before=NINE) == set()
    assert len(choose(opened_from=NINE, opened_before=NINE + timedelta(seconds=1))) == 6
    assert choose(words="nobody") == set()


@pytest.mark.django_db
def test_of_people_the_first_open_is_the_first_by_a_person() -> None:
    campaign = campaign_of_each_kind()
    ten = NINE + timedelta(hours=1)
    assert addresses(campaign, Choice(Who.OPENED, opened_before=ten)) == {"proxy@example.com"}
    assert addresses(campaign, Choice(Who.OPENED, opened_from=ten)) == {"human@example.com"}
    assert "human@example.com" in addresses(campaign, Choice(Who.ALL, opened_before=ten))


def test_a_choice_that_cannot_be_says_why() -> None:
    for conditions in ({"at_least": 1}, {"opened_from": NINE}, {"opened_before": NINE}):
        with pytest.raises(ImpossibleChoiceError, match="has no opens to count"):
            Choice(Who.UNOPENED, **conditions)
    for who in set(Who) - {Who.ALL, Who.OPENED, Who.UNOPENED}:
        with pytest.raises(ImpossibleChoiceError, match="goes with “Everyone”"):
            Choice(who, at_least=1)
    with pytest.raises(ImpossibleChoiceError, match="later than the first"):
        Choice(Who.ALL, opened_from=NINE, opened_before=NINE)


moments = st.datetimes(timezones=st.just(UTC), min_value=datetime(1990, 1, 1))  # noqa: DTZ001


@given(
    st.tuples(st.sampled_from([who for who in Who if who is not Who.UNOPENED]), st.none())
    | st.tuples(st.sampled_from([Who.ALL, Who.OPENED]), st.integers(1, 1_000_000)),
    st.none() | moments,
    st.text(st.characters(codec="utf-8"), max_size=20),
)
def test_a_stored_choice_is_the_same_choice(
    whom: tuple[Who, int | None], moment: datetime | None, words: str
) -> None:
    later = moment + timedelta(days=1) if moment and moment.year < 9999 else None
    choice = Choice(*whom, moment, later, words)
    assert Choice.from_json(json.loads(json.dumps(choice.as_json()))) == choice


# What may have come back from one recipient: nothing, or opens by these.
Came = tuple[tuple[Verdict, ...], bool, bool]
came_back: st.SearchStrategy[list[Came]] = st.lists(
    st.tuples(
        st.lists(st.sampled_from(Verdict), max_size=3).map(tuple), st.booleans(), st.booleans()
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.django_db(transaction=True)
@settings(max_examples=25, deadline=None)
@given(came_back, st.none() | st.integers(1, 3))
def test_segments_part_all_recipients_and_count_what_they_list(
    came: list[Came], at_least: int | None
) -> None:
    campaign = make_campaign(*emails(len(came)), is_sent=False)
    pixels = pixels_of(campaign)
    for pixel, (verdicts, is_sent, is_bounced) in zip(pixels, came, strict=True):
        Pixel.objects.filter(pk=pixel.pk).update(
            sent_at=NINE if is_sent else None, bounced_at=NINE if is_sent and is_bounced else None
        )
        if verdicts:
            opened_by(pixel, *verdicts)
    rows = {who: list(members(campaign, Choice(who))) for who in Who}
    parts = [
        {pixel.pk for pixel in rows[who]}
        for who in (Who.OPENED, Who.UNCLEAR, Who.MACHINES, Who.UNOPENED)
    ]
    unreached = {
        pixel.pk
        for pixel in rows[Who.ALL]
        if not pixel.opened and (pixel.bounced_at or not pixel.sent_at)
    }
    assert set.union(*parts, unreached) == {pixel.pk for pixel in pixels}
    assert sum(map(len, parts)) + len(unreached) == len(pixels)
    kinds = [{pixel.pk for pixel in rows[who]} for who in (Who.PREFETCHED, Who.SCANNED)]
    assert kinds[0] | kinds[1] == {pixel.pk for pixel in rows[Who.MACHINES]}
    assert not kinds[0] & kinds[1]
    reached = {pixel.pk for pixel in rows[Who.ALL] if pixel.sent_at and not pixel.bounced_at}
    assert {pixel.pk for pixel in rows[Who.NOT_OPENED]} == reached - parts[0]

    for who in Who:
        if at_least and who not in (Who.ALL, Who.OPENED):
            continue
        choice = Choice(who, at_least)
        listed = list(members(campaign, choice))
        assert len({pixel.pk for pixel in listed}) == len(listed)
        assert members(campaign, choice).count() == len(listed)
        if at_least:
            by_hand = {
                pixel.pk
                for pixel, (verdicts, *_) in zip(pixels, came, strict=True)
                if sum(verdict.is_human for verdict in verdicts) >= at_least
            }
            assert {pixel.pk for pixel in listed} == by_hand


@pytest.mark.usefixtures("real_db")
def test_what_the_counts_know_is_what_would_be_counted() -> None:
    campaign = make_campaign(*emails(9))
    agents = [PEOPLE, PEOPLE, SCANNER, SCANNER, "Something/1.0", "", "Googlebot/2.1"]
    hits = [
        make_hit(pixel.pk, user_agent=agent)
        for pixel, agent in zip(pixels_of(campaign), agents, strict=False)
    ]
    prefetch = make_hit(pixels_of(campaign)[7].pk, ip=APPLE, user_agent=PREFETCH)
    write_hits([*hits, prefetch])
    mark_bounced(campaign, [emails(9)[8]], at=NINE)
    totals = totals_of(Campaign.objects.get(pk=campaign.pk))
    for who in Who:
        choice = Choice(who)
        assert count_members(campaign, choice, totals) == members(campaign, choice).count(), who
    assert count_members(campaign, Choice(Who.PREFETCHED), totals) == 1
    assert count_members(campaign, Choice(Who.OPENED), totals) == 2


# The new campaign.


@pytest.mark.usefixtures("real_db")
def test_a_resend_has_the_segments_recipients_and_no_drift() -> None:
    source = campaign_of_each_kind()
    UniqueOpen.objects.all().delete()  # verified counts need real opens
    human, proxy, *_ = pixels_of(source)
    write_hits([make_hit(human.pk), make_hit(human.pk), make_hit(proxy.pk, user_agent=SCANNER)])
    made = resend(source, Choice(Who.ALL), Campaign(name="Again"))
    assert (made.recipients, made.left_out) == (7, 1)
    assert counts_of(made.campaign).recipients == 7
    found = {pixel.recipient.email for pixel in pixels_of(made.campaign) if pixel.recipient}
    assert "bounced@example.com" not in found
    assert len(found) == 7
    assert all(
        (pixel.sent_at, pixel.bounced_at, pixel.is_test) == (None, None, False)
        for pixel in pixels_of(made.campaign)
    )
    assert Pixel.objects.filter(campaign=made.campaign, is_test=True).count() == 1
    mark_sent(made.campaign, at=NINE)
    write_hits([make_hit(pixels_of(made.campaign)[0].pk)])
    assert verify().drift == 0
    openers = resend(source, Choice(Who.OPENED), Campaign(name="Openers"))
    assert openers.recipients == 1


@pytest.mark.django_db
def test_recipients_who_have_a_pixel_already_are_not_doubled() -> None:
    source = make_campaign(*emails(5))
    other = make_campaign(*emails(3))
    everybody = Pixel.objects.filter(campaign=source)
    assert add_pixels_of(other, everybody) == 2
    assert add_pixels_of(other, everybody) == 0
    assert counts_of(other).recipients == 5 == len(pixels_of(other))
    ids = [pixel.recipient_id for pixel in pixels_of(other) if pixel.recipient_id]
    assert add_pixels(other, ids) == 0


@pytest.mark.django_db
def test_adding_a_segment_takes_as_many_statements_for_one_as_for_many(
    django_assert_num_queries: Any,
) -> None:
    source = make_campaign(*emails(50))
    other = make_campaign("a@example.com")
    pixels: PixelQuerySet = Pixel.objects.filter(campaign=source)
    with django_assert_num_queries(8):
        assert add_pixels_of(other, pixels) == 50


@pytest.mark.django_db
def test_where_nobody_is_left_no_campaign_is_made() -> None:
    source = make_campaign("a@example.com")
    mark_bounced(source, ["a@example.com"], at=NINE)
    with pytest.raises(NobodyLeftError, match="mail to all 1 of these bounced"):
        resend(source, Choice(Who.ALL), Campaign(name="Again"))
    with pytest.raises(NobodyLeftError, match="nobody is in this segment"):
        resend(source, Choice(Who.OPENED), Campaign(name="Again"))
    assert Campaign.objects.count() == 1


@pytest.mark.usefixtures("real_db")
def test_a_form_sent_many_times_at_once_makes_one_campaign(people: dict[str, User]) -> None:
    source = make_campaign(*emails(40))
    made: list[resending.Resend] = []

    def send() -> None:
        try:
            made.append(
                resend_once(
                    source,
                    Choice(Who.ALL),
                    Campaign(name="Again"),
                    user_id=people["marketer"].pk,
                    form_id="a" * 32,
                )
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.campaign.pk for one in made}) == 1
    assert sorted(one.is_new for one in made) == [False, False, False, True]
    assert {one.recipients for one in made} == {40}
    assert Campaign.objects.filter(name="Again").count() == 1


# Pages.


def form_of(client: Client, campaign: Campaign, query: str = "") -> dict[str, str]:
    """What the browser would send with the page's form."""
    url = reverse("campaign_segments", args=[campaign.pk])
    context = client.get(f"{url}?{query}").context
    resend_form = context["resend"]
    return {
        **{name: str(value) for name, value in context["choice"].as_json().items()},
        "name": resend_form["name"].value(),
        "subject": resend_form["subject"].value(),
        "form_id": resend_form["form_id"].value(),
    }


@pytest.mark.django_db
def test_the_page_makes_one_campaign_however_often_its_form_is_sent(log_in: LogIn) -> None:
    source = campaign_of_each_kind()
    Campaign.objects.update(subject="News", time_zone="Asia/Kathmandu")
    client = log_in("marketer")
    form = form_of(client, source, "who=all&words=example.com")
    assert form["name"] == "Spring: again"
    url = reverse("segment_resend", args=[source.pk])
    first, again = client.post(url, form), client.post(url, form)
    new = Campaign.objects.exclude(pk=source.pk).get()
    for answer in (first, again):
        assert answer.headers["Location"] == reverse("campaign_snippets", args=[new.pk])
    assert (new.subject, new.time_zone) == ("News", "Asia/Kathmandu")
    told = [str(one) for one in client.get(first.headers["Location"]).context["messages"]]
    assert told == [
        "“Spring: again” is made. Its recipients: 7. Left out because their mail bounced: 1.",
        "“Spring: again” was made already. Its recipients: 7.",
    ]
    assert "example.com" not in LogEntry.objects.get().change_message
    # Another form is another campaign.
    client.post(url, form_of(client, source, "who=all"))
    assert Campaign.objects.count() == 3


@pytest.mark.django_db
def test_the_name_of_a_resend_says_whom_it_is_for(log_in: LogIn) -> None:
    source = make_campaign("a@example.com", name="x" * 200)
    form = form_of(log_in("marketer"), source)
    assert form["name"] == "x" * 188 + ": not opened"
    assert len(form["name"]) == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "x" * 201}, "at most 200 characters"),
        ({"who": "unopened", "at_least": "2"}, "has no opens to count"),
        ({"who": "opened"}, "No campaign was made: nobody is in this segment"),
    ],
)
def test_a_form_with_a_fault_makes_nothing(
    log_in: LogIn, changes: dict[str, str], text: str
) -> None:
    source = make_campaign("a@example.com")
    client = log_in("marketer")
    url = reverse("segment_resend", args=[source.pk])
    form = form_of(client, source) | changes
    answer = client.post(url, form, follow=True)
    assert answer.status_code == 200
    assert text in answer.content.decode()
    assert client.post(url, form | {"form_id": "1"}).status_code == 400
    assert Campaign.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("who=unopened&at_least=2", "has no opens to count"),
        ("at_least=0", "greater than or equal to 1"),
        ("at_least=many", "whole number"),
        ("who=friends", "Select a valid choice"),
        ("opened_from=2026-03-12T10:00&opened_before=2026-03-12T09:00", "later than the first"),
        ("opened_from=yesterday", "valid date/time"),
        ("words=%00", "Null characters are not allowed"),
    ],
)
def test_a_choice_with_a_fault_is_explained(log_in: LogIn, query: str, error: str) -> None:
    campaign = make_campaign("a@example.com")
    page = reverse("campaign_segments", args=[campaign.pk])
    answer = log_in("viewer").get(f"{page}?{query}")
    assert answer.status_code == 200
    assert error in answer.content.decode()
    assert "choice" not in answer.context
    assert log_in("viewer").get(f"{page}segment.csv?{query}").status_code == 400


@pytest.mark.django_db
def test_moments_are_on_the_campaigns_clock(log_in: LogIn) -> None:
    campaign = campaign_of_each_kind()
    Campaign.objects.update(time_zone="Asia/Kathmandu")  # 09:00 UTC is 14:45
    url = reverse("campaign_segments", args=[campaign.pk])
    client = log_in("viewer")
    page = client.get(f"{url}?who=all&opened_from=2026-03-12T14:45&opened_before=2026-03-12T14:46")
    assert page.context["count"] == 6
    assert page.context["choice"].opened_from == NINE
    # Shown as it was given, and kept by the links to the files.
    assert 'value="2026-03-12T14:45"' in page.content.decode()
    text = client.get(f"{url}segment.jsonl?{page.context['choice'].query()}").getvalue()
    assert len(text.splitlines()) == 6


@pytest.mark.django_db
def test_a_page_of_a_segment_takes_few_queries_and_shows_twenty(
    log_in: LogIn, django_assert_max_num_queries: Any
) -> None:
    campaign = make_campaign(*emails(30))
    mark_bounced(campaign, emails(2), at=NINE)
    client = log_in("marketer")
    url = reverse("campaign_segments", args=[campaign.pk])
    with django_assert_max_num_queries(9):
        page = client.get(f"{url}?who=all")
    text = page.content.decode()
    assert text.count('<th scope="row"') == 20
    assert "<strong>30</strong> of 30 recipients; mail to 2 of them bounced" in text
    assert "these 28 as its recipients" in text


@pytest.mark.django_db
def test_that_machines_prove_nothing_is_said_where_it_matters(log_in: LogIn) -> None:
    campaign = campaign_of_each_kind()
    url = reverse("campaign_segments", args=[campaign.pk])
    client = log_in("viewer")
    hint = "what a machine fetched proves nothing either way"
    assert hint in client.get(url).content.decode()
    assert hint in client.get(f"{url}?who=unopened").content.decode()
    assert hint not in client.get(f"{url}?who=opened").content.decode()


@pytest.mark.django_db
def test_a_campaign_that_was_not_sent_was_not_left_unopened(log_in: LogIn) -> None:
    campaign = make_campaign("a@example.com", is_sent=False)
    page = log_in("marketer").get(reverse("campaign_segments", args=[campaign.pk]))
    assert "The campaign is not marked as sent" in page.content.decode()
    assert "Write to them again" not in page.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "looks", "makes"),
    [
        ("administrator", 200, 302),
        ("marketer", 200, 302),
        ("viewer", 200, 403),
        ("staff viewer", 200, 403),
        ("nobody", 403, 403),
    ],
)
def test_whoever_reads_reports_may_look_and_whoever_manages_may_make(
    name: str, looks: int, makes: int, log_in: LogIn
) -> None:
    campaign = make_campaign("a@example.com")
    client = log_in(name)
    page = reverse("campaign_segments", args=[campaign.pk])
    for url in (page, f"{page}segment.csv", f"{page}segment.jsonl"):
        assert client.get(url).status_code == looks
    if looks == 200:
        assert ("Make the campaign" in client.get(page).content.decode()) == (makes == 302)
    form = {"who": "all", "name": "Again", "form_id": "b" * 32}
    url = reverse("segment_resend", args=[campaign.pk])
    assert client.post(url, form).status_code == makes
    assert client.get(url).status_code == 405
    assert Campaign.objects.count() == (2 if makes == 302 else 1)


@pytest.mark.django_db
@pytest.mark.parametrize("permission", ["change_campaign", "add_campaign"])
def test_making_a_campaign_takes_both_permissions(permission: str, people: dict[str, User]) -> None:
    campaign = make_campaign("a@example.com")
    user = people["staff viewer"]
    user.user_permissions.add(Permission.objects.get(codename=permission))
    client = Client()
    client.force_login(user, backend="campaigns.permissions.AccountBackend")
    page = client.get(reverse("campaign_segments", args=[campaign.pk]))
    assert "Make the campaign" not in page.content.decode()
    form = {"who": "all", "name": "Again", "form_id": "b" * 32}
    assert client.post(reverse("segment_resend", args=[campaign.pk]), form).status_code == 403


@pytest.mark.django_db
def test_at_least_so_many_opens_asks_for_opens_by_people_and_says_so(log_in: LogIn) -> None:
    campaign = campaign_of_each_kind()
    page = reverse("campaign_segments", args=[campaign.pk])
    text = text_of(log_in("viewer").get(page, {"who": "opened", "at_least": "1"}))
    assert "Opens by people, at least" in text
    # Once by a scanner, once by a person; and twice by people.
    assert '"Opens by people">1 <span class="muted">of 2</span></td>' in text
    assert '"Opens by people">2</td>' in text
    assert addresses(campaign, Choice(Who.OPENED, at_least=2)) == {"proxy@example.com"}


@pytest.mark.django_db
def test_the_report_leads_to_the_same_people(log_in: LogIn) -> None:
    campaign = campaign_of_each_kind()
    client = log_in("viewer")
    for show in (
        "all",
        "opened",
        "machines",
        "prefetched",
        "scanned",
        "unclear",
        "unopened",
    ):
        report = client.get(f"{campaign.get_absolute_url()}?show={show}&q=example.com").content
        url = f"{reverse('campaign_segments', args=[campaign.pk])}?who={show}&words=example.com"
        assert url.replace("&", "&amp;") in report.decode()
        shown = {row.pk for row in client.get(url).context["rows"]}
        assert f'/recipients/{min(shown)}/"' in report.decode()
        assert len(shown) == report.decode().count('<th scope="row" class="address">')
    bounced = client.get(f"{campaign.get_absolute_url()}?show=bounced").content.decode()
    assert "Use these as a segment" not in bounced


# Files and commands.


def run(*arguments: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.mark.django_db
def test_a_segment_is_exported_as_csv_and_as_json_lines() -> None:
    campaign = campaign_of_each_kind()
    Recipient.objects.filter(email="human@example.com").update(name="=1+1")
    rows = list(csv.DictReader(io.StringIO(run("export_segment", campaign.pk, "--who", "opened"))))
    assert [row["email"] for row in rows] == ["human@example.com", "proxy@example.com"]
    assert (rows[0]["name"], rows[0]["opens"]) == ("'=1+1", "2")
    lines = run("export_segment", campaign.pk, "--who", "opened", "--format", "jsonl").splitlines()
    first, second = map(json.loads, lines)
    assert (first["name"], first["opens"], first["verdict"]) == ("=1+1", 2, "human_client")
    assert (first["human_opens"], second["human_opens"]) == (1, 2)
    assert (second["bounced_at"], second["name"]) == (None, None)


@pytest.mark.django_db
def test_an_export_of_nobody_is_a_header_alone(tmp_path: Any) -> None:
    campaign = make_campaign("a@example.com")
    file = tmp_path / "nobody.csv"
    run("export_segment", campaign.pk, "--words", "nobody", "--output", str(file))
    assert file.read_text().startswith("email,name,status,")
    assert len(file.read_text().splitlines()) == 1
    with pytest.raises(CommandError, match="cannot be written"):
        run("export_segment", campaign.pk, "--output", str(tmp_path / "no" / "place"))


@pytest.mark.django_db
def test_exports_are_read_page_by_page(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr("tracker.exports.PIXELS_READ", 4)
    campaign = make_campaign(*emails(10))
    with django_assert_num_queries(4):
        assert sum(rows for _, rows in segment_text(campaign, Choice(Who.ALL), "csv")) == 10


@pytest.mark.django_db
def test_a_resend_by_command_prints_the_new_campaigns_id_alone() -> None:
    source = campaign_of_each_kind()
    Campaign.objects.update(time_zone="Europe/Berlin")
    printed = run("resend", source.pk, "Again", "--who", "not-opened", "--subject", "News")
    new = Campaign.objects.exclude(pk=source.pk).get()
    assert printed == f"{new.pk}\n"
    assert (new.name, new.subject, new.time_zone) == ("Again", "News", "Europe/Berlin")
    assert counts_of(new).recipients == 5


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("Again", "--who", "opened"), "nobody is in this segment"),
        (("Again", "--who", "friends"), "invalid choice: 'friends'"),
        (("Again", "--at-least", "0"), "0 is not a number of opens from 1"),
        (("Again", "--who", "unopened", "--at-least", "2"), "has no opens to count"),
        (("Again", "--opened-from", "yesterday"), "is not a date and time"),
        (("Again", "--words", "x" * 255), "254 characters at most"),
        (("",), "name: "),
    ],
)
def test_a_resend_that_cannot_be_is_explained(arguments: tuple[str, ...], error: str) -> None:
    source = make_campaign("a@example.com")
    with pytest.raises(CommandError, match=error):
        run("resend", source.pk, *arguments)
    assert Campaign.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("command", [("export_segment", 999), ("resend", 999, "Again")])
def test_a_campaign_that_is_not_there_is_said_so(command: tuple[Any, ...]) -> None:
    with pytest.raises(CommandError, match="There is no campaign 999"):
        run(*command)


@pytest.mark.django_db
def test_whoever_was_erased_or_must_not_be_written_to_is_left_out_and_choices_go_along() -> None:
    source = make_campaign(*emails(4))
    gone, unwanted, shy, _ = (pixel.recipient for pixel in pixels_of(source))
    assert gone is not None
    assert unwanted is not None
    assert shy is not None
    Recipient.objects.filter(pk=gone.pk).update(erased_at=NINE)
    SuppressedAddress.objects.create(email_key=unwanted.email_key)
    Recipient.objects.filter(pk=shy.pk).update(tracking="anonymous")
    other = make_campaign()
    assert add_pixels_of(other, Pixel.objects.filter(campaign=source)) == 2
    assert [pixel.tracking for pixel in pixels_of(other)] == [
        PixelTracking.ANONYMOUS,
        PixelTracking.IDENTIFIED,
    ]


@pytest.mark.django_db
def test_nobody_whose_opens_are_not_linked_to_them_is_in_a_segment_but_that_of_all() -> None:
    campaign = make_campaign(*emails(3))
    Pixel.objects.filter(pk=pixels_of(campaign)[0].pk).update(tracking=PixelTracking.ANONYMOUS)
    assert members(campaign, Choice(Who.ALL)).count() == 3
    assert members(campaign, Choice(Who.NOT_OPENED)).count() == 2
    assert members(campaign, Choice(Who.UNOPENED)).count() == 2
