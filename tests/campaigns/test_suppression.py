"""Who must not be written to: left out of what a mail is made from, and recorded as before."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.audit import Source
from campaigns.models import AuditEntry, Campaign, Recipient, SuppressedAddress
from campaigns.suppression import lift_suppression, suppress
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tracker import snippet_files
from tracker.recount import verify
from tracker.snippet_files import FORMATS, snippet_text
from tracker.writer import write_hits


def run(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def addresses_in(campaign: Campaign) -> list[str]:
    text = "".join(text for text, _ in snippet_text(campaign, FORMATS["csv"]))
    return [line.partition(",")[0] for line in text.splitlines()[1:]]


@pytest.mark.usefixtures("real_db")
def test_a_suppressed_recipient_is_left_out_until_they_may_be_written_to_again(
    log_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that somebody is left out at the end of a page of the query, and a whole page is.
    monkeypatch.setattr(snippet_files, "PIXELS_READ", 2)
    campaign = make_campaign(*emails(9), is_sent=False)
    earlier = make_campaign(*emails(3))
    write_hits([make_hit(pixels_of(earlier)[1].pk)])
    unwanted = emails(9)[1:6]
    told, _ = run("suppress", *(one.upper() for one in unwanted), "--reason", "asked by letter")
    assert told == "5 suppressed; 0 were so already.\n"
    left = [one for one in emails(9) if one not in unwanted]
    assert addresses_in(campaign) == left
    mara = log_in("marketer")
    page = mara.get(f"/campaigns/{campaign.pk}/snippets/").content.decode()
    assert "5 suppressed addresses are left out." in page
    assert page.count("Not written to, so there is no snippet.") == 5
    assert f"Snippet for {unwanted[0]}" not in page
    assert f"Snippet for {left[0]}" in page
    _, err = run("export_snippets", str(campaign.pk))
    assert err == "5 suppressed addresses are left out.\n"
    # What they opened before stays recorded, and so does what they open later.
    write_hits([make_hit(pixels_of(earlier)[1].pk)])
    assert (counts_of(earlier).opens, counts_of(earlier).sent) == (2, 3)
    mara.post(f"/campaigns/{campaign.pk}/mark-sent")
    assert (counts_of(campaign).recipients, counts_of(campaign).sent) == (9, 4)
    told, _ = run("suppress", unwanted[0], unwanted[1], "x@example.com", "--lift")
    assert told == "2 may be written to again; 1 were not suppressed.\n"
    assert addresses_in(campaign) == [left[0], *unwanted[:2], *left[1:]]
    mara.post(f"/campaigns/{campaign.pk}/mark-sent")
    assert counts_of(campaign).sent == 6
    assert verify().drift == 0


@pytest.mark.django_db
def test_one_address_is_said_as_one_and_none_not_at_all(log_in: Any) -> None:
    campaign = make_campaign(*emails(2))
    mara, page = log_in("marketer"), f"/campaigns/{campaign.pk}/snippets/"
    assert b"left out" not in mara.get(page).content
    assert run("export_snippets", str(campaign.pk))[1] == ""
    SuppressedAddress.objects.create(email_key="r0001@example.com")
    assert b"1 suppressed address is left out." in mara.get(page).content
    assert run("export_snippets", str(campaign.pk))[1] == "1 suppressed address is left out.\n"


@pytest.mark.django_db
def test_leaving_out_costs_no_query_of_its_own(django_assert_num_queries: Any) -> None:
    campaign = make_campaign(*emails(30))
    SuppressedAddress.objects.create(email_key="r0007@example.com")
    blocks = snippet_text(campaign)
    next(blocks)
    with django_assert_num_queries(2):
        assert [rows for _, rows in blocks] == [29]


@pytest.mark.django_db
def test_a_list_is_read_whatever_stands_around_its_addresses(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(
        '\ufeffemail;date\n"A@example.com";3 May\n\nb@example.com,,\n b@EXAMPLE.com\t\nno address\n'
    )
    told, err = run("suppress", str(file))
    assert told == "2 suppressed; 0 were so already.\n"
    assert "Lines without an address, passed over: 2." in err
    assert "line 1: email: " in err
    assert "line 6: no address: " in err
    keys = SuppressedAddress.objects.values_list("email_key", flat=True)
    assert set(keys) == {"a@example.com", "b@example.com"}
    assert run("suppress", str(file))[0] == "0 suppressed; 2 were so already.\n"
    with pytest.raises(CommandError, match="cannot be read"):
        run("suppress", str(tmp_path / "missing"))


@pytest.mark.django_db
def test_lists_and_single_addresses_are_written_down_without_them(log_in: Any) -> None:
    run("suppress", "a@example.com", "b@example.com", "--reason", "of c@example.com")
    run("suppress", "a@example.com")  # nothing changed
    run("suppress", "a@example.com", "--lift")
    ada, pages = log_in("administrator"), "/admin/campaigns/suppressedaddress/"
    ada.post(f"{pages}add/", {"email_key": "Z@example.com", "reason": "by phone"})
    one = SuppressedAddress.objects.get(email_key="z@example.com")
    ada.post(f"{pages}{one.pk}/delete/", {"post": "yes"})
    rest = SuppressedAddress.objects.get()
    chosen = {"action": "delete_selected", "_selected_action": [rest.pk], "post": "yes"}
    ada.post(pages, chosen)
    entries = AuditEntry.objects.order_by("pk")
    assert [(one.action, one.source, one.details["addresses"]) for one in entries] == [
        ("suppressed", "command", 2),
        ("suppression-lifted", "command", 1),
        ("suppressed", "admin", 1),
        ("suppression-lifted", "admin", 1),
        ("suppression-lifted", "admin", 1),
    ]
    assert "example.com" not in str(list(AuditEntry.objects.values()))


@pytest.mark.django_db(transaction=True)
@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from([*emails(6), "nobody", "", " R0001@Example.com;x"]), max_size=8),
        max_size=4,
    )
)
def test_whatever_is_listed_and_lifted_the_rest_may_be_written_to(lists: list[list[str]]) -> None:
    SuppressedAddress.objects.all().delete()
    campaign = Campaign.objects.first() or make_campaign(*emails(6))
    wanted = set(emails(6))
    for place, lines in enumerate(lists):
        named = {line.strip().lower().partition(";")[0] for line in lines} & set(emails(6))
        if place % 2:
            lift_suppression(lines, None, source=Source.COMMAND)
            wanted |= named
        else:
            listed = suppress(lines, "", None, source=Source.COMMAND)
            assert listed.changed == len(named & wanted)
            wanted -= named
    assert set(addresses_in(campaign)) == wanted
    assert Recipient.objects.suppressed().count() == 6 - len(wanted)
