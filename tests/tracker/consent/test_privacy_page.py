"""The recipient's own page: what it tells, who may see it; only a POST changes anything."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import InterfaceError, OperationalError, ProgrammingError, connection
from django.test import Client

from campaigns.audit import Action, record
from campaigns.imports.corrections import remember
from campaigns.models import AuditEntry, Campaign, Consent, Recipient, SuppressedAddress
from tests.conftest import (
    THUNDERBIRD,
    counts_of,
    emails,
    make_campaign,
    make_hit,
    pixels_of,
)
from tests.tracker.consent.test_choices import linked_opens
from tracker.consent import choose
from tracker.judging.by_hand import RulingForm, decide
from tracker.models import Open
from tracker.pages import privacy
from tracker.persons.erasure import erase
from tracker.pixels import add_pixels, mark_sent
from tracker.privacy_links import privacy_tokens, privacy_url
from tracker.recount import verify
from tracker.snippets import configured_tokens
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")


@pytest.fixture(autouse=True)
def fresh_looks() -> None:
    privacy.looks.cache_clear()


@pytest.fixture
def path() -> str:
    """The page of the one recipient, who has opened twice."""
    campaign = make_campaign("a@example.com", name="Spring sale")
    (pixel,) = pixels_of(campaign)
    write_hits([make_hit(pixel.pk), make_hit(pixel.pk)])
    return urlsplit(privacy_url(Recipient.objects.get().pk)).path


def rule(open_id: Any, pixel_id: int, note: str) -> None:
    form = RulingForm(
        pixel_id, {"open": open_id, "verdict": "human_client", "about": "open", "note": note}
    )
    assert form.is_valid(), form.errors
    decide(form, None)


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().replace("\u202f", "").split())


def test_the_page_says_what_is_kept_and_needs_no_account(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 200
    text = words(answer)
    assert "a@example.com" in text
    assert 'value="identified" checked' in text
    assert '<th scope="row" dir="auto">Spring sale</th><td class="number">2</td>' in text
    assert "the internet address that it came from is kept." in text
    assert "You have not chosen yet" in text
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Robots-Tag"] == "noindex, nofollow"


@pytest.mark.parametrize("tracking", ["anonymous", "off"])
def test_a_post_with_its_token_changes_the_choice_and_a_get_never(path: str, tracking: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.get(f"{path}?tracking={tracking}")
    client.head(path)
    assert client.post(path, {"tracking": tracking}).status_code == 403
    assert not Consent.objects.exists()
    form = {"tracking": tracking, "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    answer = client.post(path, form)
    assert (answer.status_code, answer["Location"]) == (302, f"{path}?saved=1")
    text = words(client.get(answer["Location"]))
    assert "Your choice is saved." in text
    assert f'value="{tracking}" checked' in text
    # One of a single anonymous recipient, who is told so.
    is_derivable = tracking == "anonymous"
    assert f"not linked to you{' *' if is_derivable else ''}</td>" in text
    assert ("* Hardly anybody is anonymous there" in text) == is_derivable
    assert "(on this page)" in text
    (consent,) = Consent.objects.all()
    assert (consent.tracking, consent.source, consent.by) == (tracking, "page", None)
    assert consent.proof == privacy.PROOF
    assert linked_opens() == 0
    assert verify().drift == 0
    # Saved again, nothing is added to the history.
    client.post(path, form)
    assert Consent.objects.count() == 1


def test_everything_that_is_kept_stands_on_the_page(path: str) -> None:
    recipient = Recipient.objects.get()
    Recipient.objects.filter(pk=recipient.pk).update(
        name="Ann <Lee>", attributes={"City": "Rome", "Points": "12"}
    )
    remember("a@exmaple.com", recipient)
    text = words(Client().get(path))
    for kept in ("Ann &lt;Lee&gt;", "City", "Rome", "Points", "a@exmaple.com"):
        assert kept in text
    # Each open, with what is known of it.
    assert text.count("<dd>192.0.2.1</dd>") == 2
    assert text.count(f"Thunderbird, Linux: <code>{THUNDERBIRD}</code>") == 2
    assert "<dd>may be sent</dd>" in text
    SuppressedAddress.objects.create(email_key="a@example.com", reason="A colleague said so")
    text = words(Client().get(path))
    assert "none is sent any more, since" in text
    assert "A colleague said so" not in text


@pytest.mark.parametrize("tracking", ["anonymous", "off"])
def test_opens_that_left_their_recipient_are_not_on_the_page(path: str, tracking: str) -> None:
    choose(Recipient.objects.get(), tracking, source=Consent.Source.PAGE)
    text = words(Client().get(path))
    assert "192.0.2.1" not in text
    assert "Thunderbird" not in text


def test_the_page_takes_a_fixed_number_of_queries(
    path: str, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(8):
        Client().get(path)


def test_what_is_kept_is_downloaded_by_a_post_and_written_down_as_their_own(path: str) -> None:
    recipient = Recipient.objects.get()
    ada = User.objects.create_superuser("ada.colleague")
    choose(recipient, "identified", source=Consent.Source.ADMIN, proof="her letter", by=ada)
    secret = Campaign.objects.create(name="Layoffs, not sent yet")
    add_pixels(secret, [recipient.pk])
    record(Action.RECIPIENT_CHANGED, recipient, ada, note="difficult person")
    open_id = Open.objects.values_list("pk", flat=True)[0]
    rule(open_id, pixels_of(Campaign.objects.get(name="Spring sale"))[0].pk, "difficult person")
    SuppressedAddress.objects.create(email_key="a@example.com", reason="difficult person")
    client = Client(enforce_csrf_checks=True)
    copy = f"{path}copy"
    assert client.get(copy).status_code == 405
    assert client.post(copy).status_code == 403
    assert not AuditEntry.objects.filter(action=Action.OWN_COPY_TAKEN).exists()
    client.get(path)
    answer = client.post(copy, {"csrfmiddlewaretoken": client.cookies["csrftoken"].value})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "attachment" in answer["Content-Disposition"]
    document = json.loads(answer.content)
    assert document["person"]["email"] == "a@example.com"
    assert [one["subject"] for one in document["campaigns"]] == ["Spring sale"]
    assert len(document["campaigns"][0]["opens"]) == 2
    assert document["also_kept"]["campaigns.consent"][0]["proof"] == "her letter"
    assert list(document["suppressed"]) == ["since"]
    text = answer.content.decode()
    for internal in ("ada.colleague", "by_id", "Layoffs", "difficult person"):
        assert internal not in text
    (entry,) = AuditEntry.objects.filter(action=Action.OWN_COPY_TAKEN)
    assert (entry.object_id, entry.source, entry.by, entry.by_name) == (
        str(recipient.pk),
        "page",
        None,
        "",
    )


def test_a_copy_needs_a_good_token_a_person_and_patience(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Client().post("/privacy/xxxxxxxxxxxxxxxxxxxxxxxx/copy").status_code == 404
    monkeypatch.setattr(privacy, "COPIES", 2)
    codes = [Client().post(f"{path}copy").status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    erase(Recipient.objects.get(), None)
    answer = Client().post(f"{path}copy")
    assert answer.status_code == 404
    assert b"a@example.com" not in answer.content


def test_a_post_without_a_choice_changes_nothing_and_says_so(path: str) -> None:
    answer = Client().post(path, {"tracking": "maybe"})
    assert answer.status_code == 400
    assert "Nothing was changed." in words(answer)
    assert not Consent.objects.exists()


def test_tokens_of_pixels_and_invented_ones_open_nobodys_page(path: str) -> None:
    (recipient,) = Recipient.objects.all()
    for token in (
        configured_tokens().make(recipient.pk),
        privacy_tokens().make(recipient.pk + 1),
        "x" * 24,
        "short",
    ):
        for method in (Client().get, Client().post):
            answer = method(f"/privacy/{token}/")
            assert answer.status_code == 404
            assert "This link does not work" in words(answer)
            assert "a@example.com" not in words(answer)
    own = path.split("/")[2]
    assert configured_tokens().read(own) is None


def test_an_erased_person_is_told_so_and_offered_no_choice(path: str) -> None:
    recipient = Recipient.objects.get()
    erase(recipient, None)
    answer = Client().get(path)
    assert answer.status_code == 200
    text = words(answer)
    assert "Nothing is kept about you any more" in text
    assert "no-store" in answer["Cache-Control"]
    for gone in (
        f'action="{path}"',
        'name="tracking"',
        "Spring sale",
        "erased.invalid",
        "What is kept",
    ):
        assert gone not in text
    answer = Client().post(path, {"tracking": "identified"})
    assert answer.status_code == 410
    assert "Nothing is kept about you any more" in words(answer)
    assert not Consent.objects.exists()


def test_whoever_comes_far_too_often_is_asked_to_wait(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = privacy._now()
    monkeypatch.setattr(privacy, "_now", lambda: now)  # no minute ends meanwhile
    for _ in range(privacy.LOOKS):
        assert Client().get(path).status_code == 200
    assert Client().get(path).status_code == 429
    privacy.looks.cache_clear()
    for number in range(privacy.CHOICES):
        tracking = ("anonymous", "identified")[number % 2]
        assert Client().post(path, {"tracking": tracking}).status_code == 302
    answer = Client().post(path, {"tracking": "off"})
    assert answer.status_code == 429
    assert Recipient.objects.get().tracking == "identified"


def test_the_page_tells_what_the_installation_keeps(path: str, settings: Any) -> None:
    settings.KEEP_ADDRESS, settings.KEEP_AGENT = "truncated", "none"
    text = words(Client().get(path))
    assert "is kept without its last part." in text
    assert "The name of your mail program is not kept." in text


def test_snippets_carry_the_link(path: str) -> None:
    out = StringIO()
    call_command("export_snippets", str(pixels_of_all()[0].campaign_id), stdout=out)
    (row,) = csv.DictReader(io.StringIO(out.getvalue()))
    assert urlsplit(row["privacy_url"]).path == path


def test_the_command_takes_any_short_words_for_where_a_choice_was_made(path: str) -> None:
    call_command(
        "set_tracking",
        "a@example.com",
        "identified",
        "--source",
        "form on our website",
        stdout=StringIO(),
    )
    call_command(
        "set_tracking", "a@example.com", "anonymous", "--source", "import", stdout=StringIO()
    )
    rows = Consent.objects.order_by("pk").values_list("source", "origin")
    assert list(rows) == [("command", "form on our website"), ("import", "")]
    call_command("set_tracking", "a@example.com", "off", "--source", " CRM ", stdout=StringIO())
    assert "(CRM)" in words(Client().get(path))
    for wrong in ("", "x" * 61, "two\nlines"):
        with pytest.raises(CommandError, match="--source"):
            call_command("set_tracking", "a@example.com", "off", "--source", wrong)
    assert Consent.objects.count() == 3
    erase(Recipient.objects.get(), None)
    assert set(Consent.objects.values_list("origin", flat=True)) == {""}


def pixels_of_all() -> Any:
    return [pixel for recipient in Recipient.objects.all() for pixel in recipient.pixels.all()]


def test_the_command_takes_an_address_or_a_file(tmp_path: Any) -> None:
    campaign = make_campaign(*emails(3))
    out = StringIO()
    call_command("set_tracking", "R0000@example.com", "off", "--proof", "letter", stdout=out)
    assert out.getvalue() == "1 recipient: off; 0 are not known.\n"
    file = tmp_path / "objections.txt"
    file.write_text("\ufeffr0001@example.com\n\nnobody@example.com\n", encoding="utf-8")
    out = StringIO()
    call_command("set_tracking", str(file), "anonymous", "--source", "import", stdout=out)
    assert out.getvalue().splitlines() == [
        "1 recipient: anonymous; 1 is not known.",
        "line 3: not known: nobody@example.com",
    ]
    assert counts_of(campaign).untracked == 1
    call_command("set_tracking", "r0000@example.com", "default", stdout=StringIO())
    assert counts_of(campaign).untracked == 0
    with pytest.raises(CommandError, match="There is no recipient x@example"):
        call_command("set_tracking", "x@example.com", "off")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("set_tracking", str(tmp_path / "missing"), "off")


def test_the_report_shows_whom_rates_are_over(log_in: Any) -> None:
    campaign = make_campaign(*emails(4))
    one, other, *_ = pixels_of(campaign)
    write_hits([make_hit(one.pk), make_hit(other.pk)])
    url = f"/campaigns/{campaign.pk}/"
    viewer = log_in("viewer")
    assert "may be tracked" not in words(viewer.get(url))
    assert other.recipient is not None
    choose(other.recipient, "off", source="admin")
    text = words(viewer.get(url))
    assert "Rates are over the 3 of 4 delivered who may be tracked (75.0%)." in text
    assert "1 of 3</a> people opened" in text
    # Of a single one it would tell whether they had opened.
    assert "from before" not in text
    out = StringIO()
    call_command("report", str(campaign.pk), "--json", stdout=out)
    assert '"trackable": 3, "tracking_coverage": 0.75' in out.getvalue()
    assert '"human_open_rate": 0.3333333333333333' in out.getvalue()


def test_the_report_says_when_all_are_off_and_how_many_opened_before(log_in: Any) -> None:
    campaign = make_campaign(*emails(5))
    url = f"/campaigns/{campaign.pk}/"
    viewer = log_in("viewer")
    write_hits([make_hit(pixel.pk) for pixel in pixels_of(campaign)[:2]])
    for recipient in Recipient.objects.all():
        choose(recipient, "off", source="admin")
    text = words(viewer.get(url))
    assert "There is no rate: nothing may be recorded of the 5 recipients delivered to." in text
    assert "bounced." not in text
    newcomer = Recipient.objects.create(email="b@example.com", email_key="b@example.com")
    add_pixels(campaign, [newcomer.pk])
    mark_sent(campaign, at=campaign.created_at)
    text = words(viewer.get(url))
    assert "Rates are over the 1 of 6 delivered who may be tracked (16.7%)." in text
    assert "2 unique opens from before are in no rate." in text
    text = words(viewer.get(f"{url}figures/"))
    assert "asked that nothing be recorded: in the totals, in no rate</dt><dd>2</dd>" in text


def test_the_report_says_when_the_anonymous_are_so_few_that_they_can_be_worked_out(
    log_in: Any,
) -> None:
    campaign = make_campaign(*emails(12))
    pixels = pixels_of(campaign)
    write_hits([make_hit(pixel.pk) for pixel in pixels[:3]])
    url = f"/campaigns/{campaign.pk}/"
    viewer = log_in("viewer")
    assert "anonymous" not in words(viewer.get(url))
    derivable = "Fewer than 5 recipients are anonymous here: figures and lists together may tell"
    for number, pixel in enumerate(pixels[2:8], start=1):
        assert pixel.recipient is not None
        choose(pixel.recipient, "anonymous", source="admin")
        text = words(viewer.get(url))
        assert "1 anonymous opener counts in the figures above and is in no list" in text
        assert "Whoever is anonymous or not tracked is in no line." in text
        assert (derivable in text) == (number < 5)


def test_a_changed_default_is_told_and_applied_by_the_command(settings: Any) -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    one, other = pixels_of(campaign)
    assert one.recipient is not None
    choose(one.recipient, "identified", source="admin")
    write_hits([make_hit(one.pk), make_hit(other.pk)])
    settings.TRACKING_DEFAULT = "anonymous"
    err = StringIO()
    call_command("check", "--database", "default", stderr=err)
    assert "tracker.W004" in err.getvalue()
    out = StringIO()
    call_command("apply_tracking", stdout=out)
    assert out.getvalue() == "1 pixel changed; the default is anonymous.\n"
    assert linked_opens() == 0
    assert one.opens.count() == 1
    err = StringIO()
    call_command("check", "--database", "default", stderr=err)
    assert "tracker.W004" not in err.getvalue()
    settings.TRACKING_DEFAULT = "identified"
    call_command("apply_tracking", stdout=StringIO())
    assert verify().drift == 0


@contextmanager
def answering(fault: type[Exception], *, to: str = "") -> Iterator[None]:
    """Every statement that begins so fails, or all of them."""

    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith(to):
            raise fault("the connection is lost")
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
@pytest.mark.parametrize("is_colleague", [False, True])
def test_while_the_database_is_away_the_page_says_so_and_when_to_come_again(
    path: str, fault: type[Exception], is_colleague: bool, log_in: Any
) -> None:
    client = log_in("viewer") if is_colleague else Client()
    with answering(fault):
        answers = {
            "This page cannot be shown at the moment": client.get(path),
            "Your choice was not saved": client.post(path, {"tracking": "off"}),
            "This page cannot be shown": client.post(f"{path}copy"),
        }
    for title, answer in answers.items():
        assert (answer.status_code, answer["Retry-After"]) == (503, "60")
        assert f"<h1>{title}" in words(answer)
        assert "no-store" in answer["Cache-Control"]
    assert not Consent.objects.exists()
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_choice_that_was_not_saved_can_be_made_a_minute_later(path: str, language: str) -> None:
    client = Client(headers={"Accept-Language": language})
    with answering(OperationalError, to='INSERT INTO "campaigns_consent"'):
        text = words(client.post(path, {"tracking": "off"}))
    assert ("save it again in a minute" in text) == (language == "en")
    assert ("nicht gespeichert" in text) == (language == "de")
    assert Recipient.objects.get().tracking == ""
    assert client.post(path, {"tracking": "off"}).status_code == 302


def test_what_is_saved_is_not_called_unsaved_because_the_database_goes_away_then(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost() -> bool:
        raise InterfaceError

    monkeypatch.setattr("tracker.consent.moves.wait_for_writers", lost)
    answer = Client().post(path, {"tracking": "off"})
    assert (answer.status_code, Recipient.objects.get().tracking) == (302, "off")


def test_a_fault_of_ours_is_not_called_a_database_that_is_away(path: str) -> None:
    client = Client(raise_request_exception=False)
    with answering(ProgrammingError):
        answer = client.get(path)
    assert answer.status_code == 500
