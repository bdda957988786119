"""Saved segments as people meet them: form, list, page, files, a new campaign, and filters."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from campaigns.attributes import keep_names, names_offered
from campaigns.models import AuditEntry, Campaign, Recipient, SuppressedAddress
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.test_writer import AGENTS
from tracker.breakdowns.refresh import refresh
from tracker.models import Breakdowns, Segment
from tracker.reports.people import list_urls
from tracker.segments.choice import Who
from tracker.writer import write_hits

LogIn = Callable[[str], Client]
NEW = "/segments/new/"


@pytest.fixture
def graz(db: None) -> Campaign:
    """Four people, two of them from Graz."""
    campaign = make_campaign(*emails(4), name="Spring")
    Recipient.objects.filter(email__in=emails(2)).update(attributes={"Town": "Graz", "Age": "40"})
    keep_names(["Town", "Age"])
    return campaign


def form(*rows: tuple[str, str, str], **more: str) -> dict[str, str]:
    data = {
        "name": "From Graz",
        "campaign": "",
        "joined_by": "all",
        "conditions-TOTAL_FORMS": str(len(rows)),
        "conditions-INITIAL_FORMS": "0",
        more.pop("do", "save"): "1",
    }
    for place, (what, how, value) in enumerate(rows):
        prefix = f"conditions-{place}"
        data |= {f"{prefix}-what": what, f"{prefix}-how": how, f"{prefix}-value": value}
    return data | more


FROM_GRAZ = ("attribute:Town", "is", "Graz")


def saved(client: Client, *rows: tuple[str, str, str], **more: str) -> Segment:
    answer = client.post(NEW, form(*(rows or (FROM_GRAZ,)), **more))
    assert answer.status_code == 302, answer.content.decode()
    return Segment.objects.latest("pk")


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_a_segment_is_saved_shown_changed_and_deleted(graz: Campaign, log_in: LogIn) -> None:
    client = log_in("marketer")
    assert "No segment is saved yet." in text_of(client.get("/segments/"))
    segment = saved(client)
    page = text_of(client.get(f"/segments/{segment.pk}/"))
    assert "Town is “Graz”" in page
    assert "<strong>2</strong> recipients" in page
    assert "r0001@example.com" in page
    assert "r0002@example.com" not in page
    assert "Town is “Graz”" in text_of(client.get("/segments/"))

    edit = f"/segments/{segment.pk}/edit/"
    assert 'value="Graz"' in client.get(edit).content.decode()
    client.post(edit, form(FROM_GRAZ, ("attribute:Age", "at-most", "30"), joined_by="any"))
    segment.refresh_from_db()
    assert [one["how"] for one in segment.conditions] == ["is", "at-most"]
    assert "Any of:" in text_of(client.get("/segments/"))

    assert client.get(f"/segments/{segment.pk}/delete").status_code == 405
    client.post(f"/segments/{segment.pk}/delete")
    assert not Segment.objects.exists()
    entries = AuditEntry.objects.about("segment", segment.pk).order_by("pk")
    assert [(one.action, one.by_name, one.details) for one in entries] == [
        ("segment-created", "mara", {"conditions": 1}),
        ("segment-changed", "mara", {"conditions": 2}),
        ("segment-deleted", "mara", {}),
    ]


def test_the_form_shows_who_is_in_it_before_it_is_saved(graz: Campaign, log_in: LogIn) -> None:
    client = log_in("marketer")
    page = text_of(client.post(NEW, form(FROM_GRAZ, do="show", name="")))
    assert "<strong>2</strong> recipients" in page
    assert "This field is required" not in page
    # Asked for while it is being filled in: the part alone.
    part = text_of(client.post("/segments/preview", form(FROM_GRAZ, name="")))
    assert "<strong>2</strong> recipients" in part
    assert "<html" not in part
    assert not Segment.objects.exists()
    # One more row, and what was filled in stays.
    more = client.post(NEW, form(FROM_GRAZ, do="more")).content.decode()
    assert "conditions-1-what" in more
    assert 'value="Graz"' in more
    many = client.post(NEW, form(*[FROM_GRAZ] * 12, do="more")).content.decode()
    assert "conditions-11-what" in many
    assert "conditions-12-what" not in many


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("attribute:Town", "opened", ""), "cannot be asked that way"),
        (("attribute:Town", "is", " "), "Write a value."),
        (("attribute:Town", "one-of", " ; ;"), "Write a value."),
        (("attribute:Age", "at-least", "many"), "Write a number such as 12 or 12.5."),
        (("attribute:Age", "at-least", "nan"), "Write a number such as 12 or 12.5."),
        (("attribute:Since", "from", "31.03.2026"), "Write a day as 2026-03-31."),
        (("attribute:Since", "from", "2026-02-30"), "Write a day as 2026-03-31."),
        (("provider", "is", "Grazmail"), "is no provider that is known here"),
        (("provider", "contains", "Gmail"), "cannot be asked that way"),
        (("campaign:1", "times", "0"), "Write a whole number from 1."),
        (("campaign:999", "opened", ""), "Select a valid choice"),
        (("attribute:", "is", "x"), "Select a valid choice"),
        (("attribute:a\x00", "is", "x"), "Select a valid choice"),
        (("friends", "is", "x"), "Select a valid choice"),
        (("attribute:Town", "like", "x"), "Select a valid choice"),
        (("attribute:Town", "is", "a\x00"), "Null characters are not allowed"),
    ],
)
def test_a_condition_that_cannot_be_is_explained_and_not_saved(
    graz: Campaign, log_in: LogIn, row: tuple[str, str, str], told: str
) -> None:
    row = (row[0].replace(":1", f":{graz.pk}"), *row[1:])
    client = log_in("marketer")
    for answer in (client.post(NEW, form(row)), client.post(NEW, form(row, do="show"))):
        assert answer.status_code == 200
        assert told in text_of(answer)
    assert client.post("/segments/preview", form(row)).status_code == 200
    assert not Segment.objects.exists()


def test_a_form_that_nobody_filled_in_is_answered(graz: Campaign, log_in: LogIn) -> None:
    client = log_in("marketer")
    for data in ({}, {"more": "1"}, {"conditions-TOTAL_FORMS": "9" * 30}, {"campaign": "x"}):
        assert client.post(NEW, data).status_code == 200
        assert client.post("/segments/preview", data).status_code == 200


def test_values_are_offered_with_their_number_in_the_campaign(
    graz: Campaign, log_in: LogIn
) -> None:
    line = {"kind": "value", "value": "Graz", "recipients": 20}
    refresh(graz)
    Breakdowns.objects.update(attributes=[{"name": "Town", "lines": [line]}])
    client = log_in("marketer")
    everybody = text_of(client.post(NEW, form(FROM_GRAZ, do="show")))
    assert '<option value="Graz"></option>' in everybody
    some = text_of(client.post(NEW, form(FROM_GRAZ, do="show", campaign=str(graz.pk))))
    assert '<option value="Graz">20 recipients</option>' in some
    part = text_of(client.post("/segments/preview", form(FROM_GRAZ, campaign=str(graz.pk))))
    assert 'hx-swap-oob="true"' in part
    assert "Gmail" in text_of(client.post(NEW, form(("provider", "is", ""), do="show")))


def test_names_and_values_are_text_on_the_page(graz: Campaign, log_in: LogIn) -> None:
    client = log_in("marketer")
    nasty = '"><script>alert(1)</script>'
    keep_names([nasty])
    segment = saved(client, (f"attribute:{nasty}", "is", nasty), name=nasty)
    for path in ("/segments/", f"/segments/{segment.pk}/", f"/segments/{segment.pk}/edit/"):
        assert "<script>alert" not in client.get(path).content.decode()


def test_a_segment_is_taken_away_as_csv_without_formulas(
    graz: Campaign, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.segments.saved_files.ROWS_READ", 1)
    Recipient.objects.filter(email="r0001@example.com").update(
        name="=1+1", attributes={"Town": "Graz", "Age": "+49"}
    )
    segment = saved(log_in("marketer"))
    answer: Any = log_in("viewer").get(f"/segments/{segment.pk}/segment.csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [
        ["email", "name", "Age", "Town"],
        ["r0000@example.com", "", "40", "Graz"],
        ["r0001@example.com", "'=1+1", "'+49", "Graz"],
    ]
    entry = AuditEntry.objects.about("segment", segment.pk).latest("pk")
    assert (entry.action, entry.by_name) == ("segment-taken", "vito")


def form_id(client: Client, segment: Segment) -> str:
    page = client.get(f"/segments/{segment.pk}/").content.decode()
    found = re.search(r'name="form_id" value="([0-9a-f]{32})"', page)
    assert found
    return found[1]


def test_a_segment_of_everybody_becomes_one_campaign_however_often_the_form_is_sent(
    graz: Campaign, log_in: LogIn
) -> None:
    client = log_in("marketer")
    segment = saved(client)
    SuppressedAddress.objects.create(email_key="r0000@example.com")
    data = {"name": "To Graz", "subject": "", "form_id": form_id(client, segment)}
    url = f"/segments/{segment.pk}/campaign"
    first = client.post(url, data, follow=True)
    assert "“To Graz” is made. Its recipients: 1." in text_of(first)
    again = client.post(url, data, follow=True)
    assert "was made already" in text_of(again)
    new = Campaign.objects.get(name="To Graz")
    assert counts_of(new).recipients == 1
    assert [str(pixel.recipient) for pixel in pixels_of(new)] == ["r0001@example.com"]
    assert client.get(url).status_code == 405
    # Another form is another campaign.
    client.post(url, data | {"form_id": form_id(client, segment)})
    assert Campaign.objects.filter(name="To Graz").count() == 2


def test_no_campaign_is_made_for_nobody(graz: Campaign, log_in: LogIn) -> None:
    client = log_in("marketer")
    segment = saved(client)
    data = {"name": "To Graz", "form_id": form_id(client, segment)}
    Recipient.objects.update(attributes={})
    answer = client.post(f"/segments/{segment.pk}/campaign", data, follow=True)
    assert "nobody is in this segment" in text_of(answer)
    assert Campaign.objects.count() == 1


def test_a_segment_of_one_campaign_is_written_to_from_its_page(
    graz: Campaign, log_in: LogIn
) -> None:
    client = log_in("marketer")
    segment = saved(client, campaign=str(graz.pk))
    link = f"/campaigns/{graz.pk}/segments/?who=all&amp;segment={segment.pk}#resend"
    assert link in client.get(f"/segments/{segment.pk}/").content.decode()
    page = client.get(f"/campaigns/{graz.pk}/segments/?who=all&segment={segment.pk}")
    assert "<strong>2</strong> of 4 recipients" in text_of(page)
    assert f'<input type="hidden" name="segment" value="{segment.pk}">' in text_of(page)
    file = client.get(f"/campaigns/{graz.pk}/segments/segment.jsonl?segment={segment.pk}&who=all")
    assert len(file.getvalue().splitlines()) == 2
    data = {"who": "all", "segment": segment.pk, "name": "Again", "form_id": "a" * 32}
    client.post(f"/campaigns/{graz.pk}/segments/resend", data)
    assert counts_of(Campaign.objects.get(name="Again")).recipients == 2
    gone = client.get(f"/campaigns/{graz.pk}/segments/?segment=999999")
    assert "Select a valid choice" in text_of(gone)


def test_the_report_shows_those_of_a_segment_and_all_its_links_keep_it(
    graz: Campaign, log_in: LogIn
) -> None:
    client = log_in("marketer")
    segment = saved(client)
    url = graz.get_absolute_url()
    page = client.get(f"{url}?segment={segment.pk}")
    assert [str(row.recipient) for row in page.context["people"].rows] == list(emails(2))
    assert "From Graz" in page.content.decode()
    # Figures are about all recipients, and so are the lists that they lead to.
    of_figures = set(list_urls({}).values())
    links = re.findall(r'href="(\?[^"]*)"', page.content.decode())
    links = [link for link in links if link not in of_figures]
    assert len(links) > 8
    without = [link for link in links if f"segment={segment.pk}" not in link]
    assert without == ["?show=all&amp;sort=address#people"]
    assert f'<input type="hidden" name="segment" value="{segment.pk}">' in page.content.decode()
    assert f"&amp;segment={segment.pk}" in page.content.decode()
    for wrong in ("x", "9" * 40, "²", "999999"):
        assert len(client.get(url, {"segment": wrong}).context["people"].rows) == 4


@pytest.mark.parametrize("wrong", ["999", "x", "²"])
def test_the_admin_lists_those_of_a_segment(graz: Campaign, log_in: LogIn, wrong: str) -> None:
    client = log_in("administrator")
    segment = saved(client)
    url = reverse("admin:campaigns_recipient_changelist")
    page = client.get(url, {"segment": segment.pk}).content.decode()
    assert "r0001@example.com" in page
    assert "r0002@example.com" not in page
    answer = client.get(url, {"segment": wrong})
    assert answer.status_code == 200
    assert ("r0001@example.com" in answer.content.decode()) == (wrong != "999")


@pytest.mark.parametrize(
    ("name", "looks", "changes"),
    [("marketer", 200, 200), ("viewer", 200, 403), ("nobody", 403, 403)],
)
def test_whoever_reads_reports_may_look_and_whoever_manages_may_change(
    graz: Campaign, log_in: LogIn, name: str, looks: int, changes: int
) -> None:
    segment = saved(log_in("marketer"))
    client = log_in(name)
    base = f"/segments/{segment.pk}/"
    for path in ("/segments/", base, f"{base}segment.csv"):
        assert client.get(path).status_code == looks
    assert client.get(NEW).status_code == changes
    assert client.get(f"{base}edit/").status_code == changes
    assert client.post("/segments/preview", form(FROM_GRAZ)).status_code == changes
    assert client.post(NEW, form(FROM_GRAZ, do="show")).status_code == changes
    if changes == 403:
        for path in (f"{base}edit/", f"{base}delete", f"{base}campaign"):
            assert client.post(path, form(FROM_GRAZ)).status_code == 403
        assert "/edit/" not in client.get(base).content.decode()
    anonymous = Client().get(base)
    assert anonymous.status_code == 302 or anonymous.status_code == 403


def test_pages_of_segments_ask_few_questions(
    graz: Campaign, log_in: LogIn, django_assert_max_num_queries: Any
) -> None:
    client = log_in("marketer")
    for number in range(10):
        segment = saved(client, (f"campaign:{graz.pk}", "opened", ""), name=f"S{number}")
    with django_assert_max_num_queries(6):
        client.get("/segments/")
    with django_assert_max_num_queries(9):
        client.get(f"/segments/{segment.pk}/")
    with django_assert_max_num_queries(12):
        client.get(f"/segments/{segment.pk}/edit/")
    refresh(graz)
    with django_assert_max_num_queries(12):
        client.get(f"{graz.get_absolute_url()}?segment={segment.pk}")


def test_imports_keep_the_names_of_attributes(db: None, tmp_path: Path) -> None:
    campaign = make_campaign()
    file = tmp_path / "list.csv"
    file.write_text("email,Town,2024\na@example.com,Graz,x\n")
    arguments = ("import_recipients", str(campaign.pk), str(file))
    call_command(*arguments, "--dry-run", stdout=io.StringIO())
    assert names_offered() == []
    call_command(*arguments, stdout=io.StringIO())
    assert names_offered() == ["2024", "Town"]


def test_what_a_campaigns_page_shows_begins_a_saved_segment(graz: Campaign, log_in: LogIn) -> None:
    client = log_in("marketer")
    page = client.get(f"/campaigns/{graz.pk}/segments/").content.decode()
    link = f"{NEW}?campaign={graz.pk}&who=not-opened"
    assert link.replace("&", "&amp;") in page
    begun = client.get(link)
    rows, shown = begun.context["conditions"], text_of(begun)
    assert [(row["what"].value(), row["how"].value()) for row in rows] == [
        (f"campaign:{graz.pk}", "not-opened")
    ]
    assert f'<option value="{graz.pk}" selected>Spring</option>' in shown
    assert "<strong>4</strong> recipients" in shown
    assert not begun.context["left_out"]
    for wrong in ("campaign=x&who=opened", "campaign=999999&who=opened", "who=friends"):
        assert len(client.get(f"{NEW}?{wrong}").context["conditions"].forms) == 1


@pytest.fixture
def of_each_kind(real_db: None) -> Campaign:
    """Sent to people who opened, of every kind of opener, and to some who did not."""
    campaign = make_campaign(*emails(9), name="Autumn", is_sent=True)
    agents = [*AGENTS.values(), AGENTS["human_client"]]
    pixels = pixels_of(campaign)
    hits = [
        make_hit(pixel.pk, user_agent=agent)
        for pixel, agent in zip(pixels[:7], agents, strict=True)
    ]
    write_hits([*hits, make_hit(pixels[0].pk, user_agent=AGENTS["human_client"])])
    return campaign


def test_a_segment_saved_from_a_campaigns_page_has_the_same_people(
    of_each_kind: Campaign, log_in: LogIn
) -> None:
    client = log_in("marketer")
    for who in Who:
        page = client.get(f"/campaigns/{of_each_kind.pk}/segments/?who={who}")
        assert page.context["count"] > 0
        link = re.search(r'href="(/segments/new/[^"]*)"', page.content.decode())
        assert link is not None
        begun = client.get(link[1].replace("&amp;", "&"))
        assert begun.context["count"] == page.context["count"]
        assert not begun.context["left_out"]
        row = begun.context["conditions"].forms[0]
        asked = (row["what"].value(), row["how"].value(), row["value"].value())
        segment = saved(client, asked, campaign=str(of_each_kind.pk))
        kept = {row.email for row in client.get(f"/segments/{segment.pk}/").context["rows"]}
        assert kept == {row.recipient.email for row in page.context["rows"]}, who


def test_what_a_saved_segment_cannot_ask_for_is_named(
    of_each_kind: Campaign, log_in: LogIn
) -> None:
    client = log_in("marketer")
    segment = saved(client, FROM_GRAZ)
    number = of_each_kind.pk
    twice = client.get(f"{NEW}?campaign={number}&who=opened&at_least=2&segment={segment.pk}")
    asked = [
        (row["what"].value(), row["how"].value(), row["value"].value())
        for row in twice.context["conditions"]
    ]
    assert asked == [(f"campaign:{number}", "times", "2"), FROM_GRAZ]
    assert not twice.context["left_out"]
    Segment.objects.filter(pk=segment.pk).update(joined_by="any", conditions=segment.conditions * 2)
    page = client.get(
        f"{NEW}?campaign={number}&who=machines&words=ann&segment={segment.pk}"
        "&opened_from=2026-01-01T10:00"
    )
    assert list(page.context["left_out"]) == [
        "when it was first opened",
        "address or name contains “ann”",
        "in the saved segment “From Graz”",
    ]
    assert "Not taken over:" in text_of(page)
