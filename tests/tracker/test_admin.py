from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.models import Campaign, Recipient
from campaigns.site import GROUPS
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
def test_a_recipients_attributes_are_told_by_name_and_never_as_markup(log_in: LogIn) -> None:
    make_campaign("a@example.com", "b@example.com")
    Recipient.objects.filter(email="a@example.com").update(attributes={"City": "<b>Ulm</b>"})
    client = log_in("administrator")
    texts = [
        client.get(f"/admin/campaigns/recipient/{one.pk}/change/").content.decode()
        for one in Recipient.objects.order_by("email_key")
    ]
    assert "<dt>City</dt><dd>&lt;b&gt;Ulm&lt;/b&gt;</dd>" in texts[0]
    assert '<dl class="attributes">' not in texts[1]


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


@pytest.mark.django_db
def test_the_first_page_of_the_admin_speaks_our_words(log_in: LogIn) -> None:
    text = log_in("administrator").get("/admin/").content.decode()
    groups = re.findall(r'<h2 id="group-\d+">(.*?)</h2>', text)
    assert groups == ["Campaigns", "People", "Accounts", "Security"]
    for foreign in ("Axes", "Authentication", "Tasks", "task result", "Access"):
        assert foreign not in text
    assert ">Failed log-ins</a>" in text
    marketer = log_in("marketer").get("/admin/").content.decode()
    assert re.findall(r'<h2 id="group-\d+">(.*?)</h2>', marketer) == ["Campaigns", "People"]


@pytest.mark.django_db
def test_every_table_of_the_admin_is_in_one_of_our_groups(people: Any) -> None:
    listed = {key.lower() for _, keys in GROUPS for key in keys}
    assert listed == {model._meta.label_lower for model in admin.site._registry}


@pytest.mark.django_db
def test_pages_of_single_apps_lead_to_the_first_page(log_in: LogIn) -> None:
    answer = log_in("administrator").get("/admin/axes/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


@pytest.mark.django_db
def test_a_list_is_headed_by_what_it_lists_and_a_form_by_what_it_is_about(log_in: LogIn) -> None:
    campaign = make_campaign(name="Spring")
    client = log_in("administrator")
    text = client.get("/admin/campaigns/campaign/").content.decode()
    assert "<h1>Campaigns</h1>" in text
    assert "Select campaign" not in text
    text = client.get(f"/admin/campaigns/campaign/{campaign.pk}/change/").content.decode()
    assert '<h1 dir="auto">Spring</h1>' in text
    assert "<h1>Failed log-ins</h1>" in client.get("/admin/axes/accessattempt/").content.decode()


@pytest.mark.usefixtures("real_db")
def test_the_list_of_opens_names_programs_and_says_an_ordinary_no_with_a_dash(
    log_in: LogIn,
) -> None:
    campaign = make_campaign("ann@example.com")
    write_hits([make_hit(pixels_of(campaign)[0].pk)])
    text = log_in("marketer").get("/admin/tracker/open/").content.decode()
    assert '<td data-label="Program" class="field-client">Thunderbird, Linux</td>' in text
    assert '<td data-label="Reached the ceiling" class="field-reached_ceiling">–</td>' in text
    assert "rv:128.0" not in text
    assert "icon-no" not in text


@pytest.mark.django_db
def test_a_refused_account_is_let_in_again_by_deleting_its_row(log_in: LogIn) -> None:
    AccessAttempt.objects.create(username="mara", ip_address="192.0.2.1", failures_since_start=10)
    own = f"/admin/axes/accessattempt/{AccessAttempt.objects.get().pk}"
    client = log_in("administrator")
    assert '<h1 dir="auto">mara</h1>' in client.get(f"{own}/change/").content.decode()
    assert client.post(f"{own}/change/", {"username": "x"}).status_code == 403
    client.post(f"{own}/delete/", {"post": "yes"})
    assert not AccessAttempt.objects.exists()
