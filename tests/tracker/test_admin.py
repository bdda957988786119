from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.models import Campaign, Recipient
from tests.conftest import emails, make_campaign, make_hit, pixels_of
from tracker.models import Pixel
from tracker.writer import write_hits

LogIn = Callable[[str], Client]


def upload(client: Client, campaign: Campaign, content: bytes, **more: str) -> Any:
    return client.post(
        f"/admin/campaigns/campaign/{campaign.pk}/import/",
        {"file": SimpleUploadedFile("list.csv", content), **more},
    )


@pytest.mark.django_db
def test_a_marketer_creates_a_campaign_with_a_test_pixel(log_in: LogIn) -> None:
    answer = log_in("marketer").post(
        "/admin/campaigns/campaign/add/",
        {"name": "Spring", "subject": "New", "time_zone": "Europe/Berlin"},
    )
    assert answer.status_code == 302
    campaign = Campaign.objects.get()
    assert campaign.time_zone == "Europe/Berlin"
    assert Pixel.objects.get().is_test


@pytest.mark.django_db
def test_a_new_campaign_leads_to_its_report_which_says_what_comes_next(log_in: LogIn) -> None:
    answer = log_in("marketer").post(
        "/admin/campaigns/campaign/add/", {"name": "Spring", "time_zone": "UTC"}, follow=True
    )
    assert answer.redirect_chain == [(Campaign.objects.get().get_absolute_url(), 302)]
    text = answer.content.decode()
    assert "“Spring” is created." in text
    assert "Import the list" in text


@pytest.mark.django_db
def test_who_may_not_read_reports_is_not_sent_to_one(people: Any, log_in: LogIn) -> None:
    rights = Permission.objects.filter(codename__in=("add_campaign", "view_campaign"))
    people["marketer"].groups.clear()
    people["marketer"].user_permissions.set(rights)
    answer = log_in("marketer").post(
        "/admin/campaigns/campaign/add/", {"name": "Spring", "time_zone": "UTC"}, follow=True
    )
    assert answer.redirect_chain == [("/admin/campaigns/campaign/", 302)]


@pytest.mark.django_db
def test_the_form_of_a_campaign_asks_in_order_and_offers_time_zones(log_in: LogIn) -> None:
    text = log_in("marketer").get("/admin/campaigns/campaign/add/").content.decode()
    fields = ["id_name", "id_subject", "id_time_zone", "id_chosen"]
    places = [text.index(f'id="{field}"') for field in fields]
    assert places == sorted(places)
    assert '<option value="UTC" selected>UTC</option>' in text
    assert '<optgroup label="Europe">' in text
    assert '<option value="America/Argentina/Buenos_Aires">Argentina, Buenos Aires</option>' in text
    assert "_addanother" not in text


@pytest.mark.django_db
def test_a_zone_by_an_old_name_stays_what_it_is(log_in: LogIn) -> None:
    campaign = Campaign.objects.create(name="Old", time_zone="US/Pacific")
    page = f"/admin/campaigns/campaign/{campaign.pk}/change/"
    client = log_in("marketer")
    text = client.get(page).content.decode()
    assert '<option value="US/Pacific" selected>US/Pacific</option>' in text
    client.post(page, {"name": "New", "time_zone": "US/Pacific"})
    campaign.refresh_from_db()
    assert (campaign.name, campaign.time_zone) == ("New", "US/Pacific")


@pytest.mark.django_db
def test_a_zone_that_does_not_exist_is_refused_by_the_form(log_in: LogIn) -> None:
    answer = log_in("marketer").post(
        "/admin/campaigns/campaign/add/", {"name": "Spring", "time_zone": "Mars/Olympus"}
    )
    assert "is not a time zone" in answer.content.decode()
    assert not Campaign.objects.exists()


@pytest.mark.django_db
def test_who_may_not_manage_may_not_import(log_in: LogIn) -> None:
    campaign = make_campaign()
    for name, status in (("viewer", 302), ("nobody", 302), ("staff viewer", 403)):
        answer = upload(log_in(name), campaign, b"email\na@example.com\n")
        assert answer.status_code == status
    assert not Recipient.objects.exists()


@pytest.mark.django_db
def test_a_viewer_who_is_staff_sees_nobody_in_the_admin(log_in: LogIn) -> None:
    make_campaign("a@example.com")
    client = log_in("staff viewer")
    for page in ("campaigns/campaign", "campaigns/recipient", "tracker/pixel", "tracker/open"):
        assert client.get(f"/admin/{page}/").status_code == 403
    action = {"action": "archive", "_selected_action": [1]}
    assert client.post("/admin/campaigns/campaign/", action).status_code == 403


@pytest.mark.django_db
def test_recipients_are_not_deleted_in_the_admin(log_in: LogIn) -> None:
    make_campaign("a@example.com")
    recipient = Recipient.objects.get()
    page = f"/admin/campaigns/recipient/{recipient.pk}/delete/"
    assert log_in("administrator").get(page).status_code == 403


@pytest.mark.django_db
def test_the_groups_may_do_exactly_what_their_roles_need(people: Any) -> None:
    def rights_of(group: str) -> set[str]:
        return set(Group.objects.get(name=group).permissions.values_list("codename", flat=True))

    assert rights_of("Viewers") == {"view_report"}
    assert rights_of("Marketers") == {
        "view_report",
        "add_campaign",
        "change_campaign",
        "view_campaign",
        "add_recipient",
        "change_recipient",
        "view_recipient",
        "view_pixel",
        "view_open",
        "rejudge",
    }


@pytest.mark.django_db
def test_campaigns_are_archived_and_brought_back_but_not_deleted(log_in: LogIn) -> None:
    campaign = make_campaign()
    client = log_in("administrator")
    action = {"action": "archive", "_selected_action": [campaign.pk]}
    client.post("/admin/campaigns/campaign/", action)
    assert Campaign.objects.archived().count() == 1
    listed = client.get("/admin/campaigns/campaign/").content.decode()
    assert campaign.name not in listed.split("<tbody")[-1]
    client.post("/admin/campaigns/campaign/?state=archived", {**action, "action": "restore"})
    assert Campaign.objects.active().count() == 1
    assert client.get(f"/admin/campaigns/campaign/{campaign.pk}/delete/").status_code == 403


@pytest.mark.usefixtures("real_db")
def test_the_campaign_list_shows_open_rates_in_a_fixed_number_of_queries(
    log_in: LogIn, django_assert_num_queries: Any
) -> None:
    client = log_in("marketer")
    for _ in range(30):
        campaign = make_campaign(*emails(4))
    write_hits([make_hit(pixels_of(campaign)[0].pk)])
    with django_assert_num_queries(6):
        page = client.get("/admin/campaigns/campaign/")
    assert "25.0\u202f%" in page.content.decode()


@pytest.mark.usefixtures("real_db")
def test_recipients_pixels_and_opens_are_searched_by_address(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(3))
    write_hits([make_hit(pixel.pk) for pixel in pixels_of(campaign)])
    client = log_in("marketer")
    for table in ("campaigns/recipient", "tracker/pixel", "tracker/open"):
        everything = client.get(f"/admin/{table}/").content.decode()
        assert everything.count("@example.com</") >= 3
        found = client.get(f"/admin/{table}/?q=R0001@example.com").content.decode()
        assert "r0001@example.com" in found
        assert "r0002@example.com" not in found


@pytest.mark.usefixtures("real_db")
def test_pixels_and_opens_are_looked_at_not_edited(log_in: LogIn) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    write_hits([make_hit(pixel.pk)])
    client = log_in("administrator")
    page = f"/admin/tracker/pixel/{pixel.pk}/change/"
    assert client.get(page).status_code == 200
    assert client.post(page, {"open_count": 99}).status_code == 403
    assert client.get("/admin/tracker/pixel/add/").status_code == 403
    assert client.get("/admin/tracker/open/add/").status_code == 403
    assert client.get(f"/admin/tracker/pixel/{pixel.pk}/delete/").status_code == 403


@pytest.mark.django_db
def test_the_admin_never_counts_a_whole_table(log_in: LogIn) -> None:
    make_campaign(*emails(30))
    client = log_in("administrator")
    for table in ("campaigns/recipient", "tracker/pixel", "tracker/open"):
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/admin/{table}/")
        statements = [query["sql"].upper() for query in queries]
        assert statements
        assert not [statement for statement in statements if "COUNT(" in statement]
