from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import AuditEntry
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.judging.test_again import BROWSER
from tracker.judging.spreading import spread_rulings
from tracker.models import Open, Ruling, UserAgent
from tracker.recount import verify
from tracker.verdicts import Verdict
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

LogIn = Callable[[str], Client]
SCANNER = Verdict.SECURITY_SCANNER


def posted(client: Client, network: str, note: str = "") -> tuple[int, str]:
    """The status and the page that follows."""
    form = {"network": network, "verdict": SCANNER.value, "note": note}
    answer = client.post(reverse("rulings"), form)
    status = answer.status_code
    if status == 302:
        answer = client.get(reverse("rulings"))
    return status, answer.content.decode()


def test_a_range_can_be_decided_about_and_its_opens_follow(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(3))
    for pixel, ip in zip(
        pixels_of(campaign), ("192.0.2.1", "192.0.3.9", "198.51.100.1"), strict=True
    ):
        write_hits([make_hit(pixel.pk, ip=ip, user_agent=BROWSER)])
    client = log_in("marketer")
    status, page = posted(client, " 192.0.2.0/23 ", "our gateway")
    assert status == 302
    (ruling,) = Ruling.objects.all()
    assert (ruling.network, ruling.verdict, ruling.note) == (
        "192.0.2.0/23",
        SCANNER.number,
        "our gateway",
    )
    assert "follow within minutes" in page
    assert "earlier ones follow" in page
    spread_rulings()
    assert counts_of(campaign).security_scanner_opens == 2
    page = client.get(reverse("rulings")).content.decode()
    for said in ("192.0.2.0/23", "security scanner", "our gateway", "mara"):
        assert said in page
    assert "earlier ones follow" not in page
    client.post(reverse("ruling_take_back", args=[ruling.pk]))
    assert "192.0.2.0/23" not in client.get(reverse("rulings")).content.decode().split("<main")[1]
    spread_rulings()
    assert counts_of(campaign).human_client_opens == 3
    assert not Ruling.objects.exists()
    assert verify().drift == 0
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions[-2:] == ["ruled", "ruling-taken-back"]


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("", "This field is required."),
        ("example.com", "This is no network."),
        ("192.0.2.0/33", "This is no network."),
        ("192.0.2.7/24", "Did you mean 192.0.2.0/24?"),
        ("2001:db8::1/32", "Did you mean 2001:db8::/32?"),
        ("0.0.0.0/0", "too much of the Internet: at most /8"),
        ("::/0", "too much of the Internet: at most /19"),
        ("1" * 60, "at most 49 characters"),
        ("<script>", "This is no network."),
    ],
)
def test_what_is_no_network_is_refused_with_the_reason(
    network: str, said: str, log_in: LogIn
) -> None:
    status, page = posted(log_in("marketer"), network)
    assert status == 400
    assert said in page
    assert not Ruling.objects.exists()


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::7", "2001:db8::7/128"),
        ("10.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_an_address_alone_is_a_network_too(typed: str, stored: str, log_in: LogIn) -> None:
    assert posted(log_in("marketer"), typed)[0] == 302
    assert Ruling.objects.get().network == stored


def test_rulings_about_opens_and_agents_stand_in_the_list_and_can_be_taken_back(
    log_in: LogIn,
) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    write_hits([make_hit(pixel.pk, user_agent=BROWSER)])
    Ruling.objects.create(user_agent=UserAgent.objects.get(), verdict=Verdict.BOT.number)
    one = Ruling.objects.create(open=Open.objects.get(), verdict=Verdict.UNKNOWN.number)
    client = log_in("marketer")
    page = client.get(reverse("rulings")).content.decode()
    assert reverse("recipient_opens", args=[campaign.pk, pixel.pk]) in page
    assert "every open with it" in page
    assert "this open only" in page
    client.post(reverse("ruling_take_back", args=[one.pk]))
    assert counts_of(campaign).bot_opens == 1, "the ruling about the agent is left"
    Open.objects.all().delete()
    Ruling.objects.create(open_id=one.open_id, verdict=Verdict.UNKNOWN.number)
    assert client.get(reverse("rulings")).status_code == 200


@pytest.mark.parametrize("name", ["viewer", "staff viewer", "nobody"])
def test_who_may_not_decide_sees_and_changes_nothing(name: str, log_in: LogIn) -> None:
    ruling = Ruling.objects.create(network="192.0.2.0/24", verdict=SCANNER.number)
    client = log_in(name)
    assert client.get(reverse("rulings")).status_code == 403
    assert posted(client, "198.51.100.0/24")[0] == 403
    assert client.post(reverse("ruling_take_back", args=[ruling.pk])).status_code == 403
    assert list(Ruling.objects.values_list("pk", "taken_back_at")) == [(ruling.pk, None)]


def test_the_list_is_linked_from_where_rulings_are_made(log_in: LogIn) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    path = reverse("recipient_opens", args=[campaign.pk, pixel.pk])
    link = f'href="{reverse("rulings")}"'
    assert link in log_in("marketer").get(path).content.decode()
    assert link not in log_in("viewer").get(path).content.decode()


def test_a_ruling_that_was_taken_back_is_not_found_again(log_in: LogIn) -> None:
    ruling = Ruling.objects.create(network="192.0.2.0/24", verdict=SCANNER.number)
    client = log_in("marketer")
    path = reverse("ruling_take_back", args=[ruling.pk])
    assert client.get(path).status_code == 405
    assert client.post(path).status_code == 302
    assert client.post(path).status_code == 404


def test_a_long_list_takes_as_few_queries(
    log_in: LogIn, django_assert_max_num_queries: Callable[..., AbstractContextManager[object]]
) -> None:
    for number in range(30):
        Ruling.objects.create(network=f"192.0.{number}.0/24", verdict=SCANNER.number)
    client = log_in("marketer")
    with django_assert_max_num_queries(8):
        client.get(reverse("rulings"))
