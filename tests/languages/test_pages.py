"""Every page in German: no English left, figures as Germans write them, charts drawn the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone, translation

from campaigns.audit import Action, record
from campaigns.imports.files import place
from campaigns.models import Campaign, Consent, Import, Recipient, SuppressedAddress, TypingSlip
from tests.conftest import THUNDERBIRD, emails, make_campaign, make_hit, pixels_of
from tests.tracker.test_series import count
from tracker.consent import choose
from tracker.end_marks import switch_end_marks
from tracker.end_snippets import end_mark_url
from tracker.mailcheck import UnreadableMailError
from tracker.models import CampaignCounts, EndMarks, Pixel, Segment, Work
from tracker.pages import live
from tracker.persons.erasure import erase
from tracker.pixels import ensure_test_pixel
from tracker.privacy_links import privacy_url
from tracker.reports.mail_check import check_for
from tracker.segments.how import DAY, NUMBER, OPENS, TEXT
from tracker.sharing.links import share
from tracker.snippets import snippet, snippet_of
from tracker.verdicts import RULES, Verdict
from tracker.writer import write_hits

LogIn = Callable[[str], Client]
ROOT = Path(__file__).resolve().parents[2]
GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}
ENGLISH = {"accept-language": "en-US,en;q=0.9"}
AGENTS = (
    THUNDERBIRD,
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "Mozilla/5.0",
    "curl/8.5.0",
    "",
)
# Words that stand in nearly every English sentence and in no German one.
TELLING = re.compile(
    r"\b(the|and|of|with|from|by|are|this|that|these|which|for|not|yet|been|have|has|who|open|"
    r"opens|opened|opener|sent|recipients?|campaigns?|people|machine|client|address|report|shows?|"
    r"choose|find|search|password|log|last|first|change|save|edit|add|delete|history|"
    r"delivered|unclear|unknown|bounced?|bounces|hours?|days?|weeks?|months?)\b",
    re.IGNORECASE,
)
# A mailing tool is called that in every language.
NAME_IN_ENGLISH = "Campaign Monitor"
SHOWN_ATTRIBUTES = ("aria-label", "placeholder", "title", "alt", "data-label", "data-words")
NOT_READ = ("script", "style", "code", "pre", "textarea", "option", "bdi")
VOID = ("input", "link", "meta", "br", "hr", "img", "rect", "line", "path", "circle")


class Words(HTMLParser):
    """All that a page says, and the geometry of its drawings."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.geometry: list[tuple[str, ...]] = []
        self.unread = 0
        self.drawings = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "svg":
            self.drawings += 1
        if self.drawings:
            kept = [f"{name}={values[name]}" for name in sorted(values) if name != "aria-label"]
            self.geometry.append((tag, *kept))
        if tag in NOT_READ:
            self.unread += 1
        self.texts += [values[name] for name in SHOWN_ATTRIBUTES if name in values]
        if values.get("type") == "submit" and "value" in values:
            self.texts.append(values["value"])

    def handle_endtag(self, tag: str) -> None:
        self.drawings -= tag == "svg"
        self.unread -= tag in NOT_READ

    def handle_data(self, data: str) -> None:
        if not self.unread and data.strip():
            self.texts.append(" ".join(data.split()))


def read(answer: Any) -> Words:
    words = Words()
    words.feed(answer.content.decode())
    return words


@pytest.fixture(autouse=True)
def nothing_shared() -> Iterator[None]:
    live.campaigns.clear()
    live.fragments.clear()
    live.readers.clear()
    yield
    # A page leaves its language behind in the thread that made it.
    translation.activate("en")


@pytest.fixture
def rundbrief(real_db: None) -> Campaign:
    """Ten days old, with opens by all kinds of agents, and more in the past than one window."""
    campaign = make_campaign(*emails(60), "anna@gmail.com", "bert@web.de", name="Rundbrief")
    sent_at = timezone.now() - timedelta(days=10)
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=sent_at, time_zone="Europe/Berlin")
    EndMarks.objects.create(campaign=campaign)
    start = int(sent_at.timestamp() * 1e6)
    write_hits([make_hit(one.pk)._replace(is_end_mark=True) for one in pixels_of(campaign)[:9]])
    write_hits(
        [
            make_hit(pixel.pk, at=start + number * 600_000_000, user_agent=AGENTS[number % 5])
            for number, pixel in enumerate(pixels_of(campaign)[:50])
        ]
        + [make_hit(ensure_test_pixel(campaign).pk)]
    )
    count(campaign, *((sent_at + timedelta(minutes=15 * n), 9000 + n, 4) for n in range(40, 90)))
    Pixel.objects.filter(pk=pixels_of(campaign)[55].pk).update(bounced_at=timezone.now())
    for number, pixel in enumerate(pixels_of(campaign)):
        attributes = {"Ort": "Graz" if number % 2 else "Wien", "Kunde": f"K{number // 4}"}
        recipients = Recipient.objects.filter(pixels=pixel)
        recipients.update(attributes=attributes if number % 9 else {})
    return Campaign.objects.get(pk=campaign.pk)


def segments_of(campaign: Campaign) -> tuple[Segment, Segment]:
    """One that nobody is in, with every kind of condition, and one with people."""
    every = [
        {"kind": "attribute", "name": "Ort", "how": how.value, "value": "12"}
        for how in (*TEXT, *NUMBER, *DAY)
    ]
    every += [
        {"kind": "campaign", "name": str(campaign.pk), "how": how.value, "value": "2"}
        for how in OPENS
    ]
    every += [
        {"kind": "domain", "name": "", "how": "is", "value": "web.de"},
        {"kind": "provider", "name": "", "how": "is", "value": "gmail"},
    ]
    return (
        Segment.objects.create(name="Alles", conditions=every),
        Segment.objects.create(name="Kunden", campaign=campaign, conditions=every[4:5]),
    )


def pages_of(campaign: Campaign) -> list[str]:
    pixels = pixels_of(campaign)
    draft = make_campaign(*emails(12), name="Vorabend", is_sent=False)
    marked = make_campaign(*emails(12), name="Vormittag", is_sent=False)
    switch_end_marks(marked, is_on=True)
    write_hits([make_hit(pixel.pk) for pixel in pixels_of(marked)[:2]])
    silent = make_campaign(*emails(12), name="Stille")
    Campaign.objects.filter(pk=silent.pk).update(sent_at=timezone.now() - timedelta(hours=9))
    archived = make_campaign(name="Ablage")
    Campaign.objects.filter(pk=archived.pk).update(archived_at=timezone.now())
    now = timezone.now()
    kept: dict[str, Any] = {"user_id": None, "at": now, "expires_at": now + timedelta(days=7)}
    _, secret = share(campaign, label="Kundin", password="", **kept)
    _, locked = share(campaign, label="Kunde", password="geheimnis", **kept)
    number = campaign.pk
    everything, of_one = segments_of(campaign)
    return [
        "/campaigns/",
        "/campaigns/?status=archived",
        "/campaigns/?status=silent",
        "/campaigns/?q=nichts",
        f"/campaigns/{number}/",
        *(f"/campaigns/{number}/?by={by}&opens=first" for by in ("quarter", "day", "week")),
        *(f"/campaigns/{number}/?show={show}&by=month" for show in ("opened", "unopened")),
        f"/campaigns/{number}/?q=niemand&window=1",
        f"/campaigns/{draft.pk}/",
        f"/campaigns/{silent.pk}/",
        f"/campaigns/{archived.pk}/",
        f"/campaigns/{number}/figures/",
        f"/campaigns/{draft.pk}/figures/",
        *(f"/campaigns/{one}/snippets/" for one in (number, draft.pk, marked.pk)),
        *(f"/campaigns/{marked.pk}/{page}" for page in ("", "figures/")),
        f"/campaigns/{number}/check/",
        f"/campaigns/{number}/shares/",
        *(f"/campaigns/{number}/segments/?{asked}" for asked in ("", "who=unopened&at_least=2")),
        f"/campaigns/{draft.pk}/segments/",
        "/segments/",
        "/segments/new/",
        f"/segments/{everything.pk}/",
        f"/segments/{everything.pk}/edit/",
        f"/segments/{of_one.pk}/",
        f"/campaigns/{number}/?segment={of_one.pk}&attribute=Ort",
        f"/admin/campaigns/recipient/?segment={of_one.pk}",
        f"/campaigns/compare/?with={number}&with={silent.pk}&with=999999",
        f"/campaigns/compare/?with={number}&with={silent.pk}&hours=24",
        "/campaigns/compare/",
        *(f"/campaigns/{number}/recipients/{pixels[place].pk}/" for place in (0, 1, 2, 3, 4, 55)),
        *(f"/recipients/{pixels[place].recipient_id}/" for place in (0, 2, 58)),
        "/recipients/",
        "/recipients/?q=r00",
        "/recipients/?q=xyz",
        *work_pages(campaign),
        "/accounts/password_change/",
        "/accounts/password_change/done/",
        f"/shared/{secret}/",
        f"/shared/{locked}/",
        "/shared/nichts/",
        "/nichts/",
        f"/admin/campaigns/campaign/{number}/import/",
        f"/admin/campaigns/campaign/{number}/change/",
        "/admin/campaigns/campaign/",
        "/admin/campaigns/campaign/add/",
        "/admin/campaigns/recipient/",
        f"/admin/campaigns/recipient/{pixels[0].recipient_id}/change/",
        f"/admin/campaigns/recipient/{pixels[0].recipient_id}/export/",
        f"/admin/campaigns/recipient/{pixels[0].recipient_id}/erase/",
        "/admin/campaigns/recipient/add/",
        "/admin/campaigns/suppressedaddress/",
        "/admin/campaigns/suppressedaddress/add/",
        "/admin/campaigns/auditentry/",
        *(urlsplit(privacy_url(of_person)).path for of_person in private_pages(pixels)),
        "/admin/tracker/pixel/",
        "/admin/tracker/open/",
        "/admin/",
        *account_pages(),
    ]


def account_pages() -> list[str]:
    """Of the admin's tables that are Django's or another package's, too."""
    user = User.objects.get(username="nils")
    group = Group.objects.get(name="Marketers")
    AccessAttempt.objects.create(username="nils", failures_since_start=3)
    AccessLog.objects.create(username="nils")
    return [
        "/admin/auth/user/",
        "/admin/auth/user/add/",
        f"/admin/auth/user/{user.pk}/change/",
        f"/admin/auth/user/{user.pk}/password/",
        "/admin/auth/group/",
        f"/admin/auth/group/{group.pk}/change/",
        "/admin/axes/accessattempt/",
        "/admin/axes/accesslog/",
    ]


def private_pages(pixels: Sequence[Pixel]) -> list[int]:
    """Of recipients who chose by any way there is, who chose nothing, and who was erased; one
    entry of each action in the audit log comes with them."""
    people = [one.recipient for one in pixels[20:26] if one.recipient]
    choices = ("anonymous", "off", "identified", "off")
    for person, source, tracking in zip(people[:4], Consent.Source.values, choices, strict=True):
        choose(person, tracking, source=source)
    erase(people[4], None)
    choose(Recipient.objects.get(pixels=pixels[0]), "anonymous", source="admin")
    SuppressedAddress.objects.create(email_key=people[5].email_key)
    for action in Action.values:
        record(action, people[5], None, recipients=1, with_password=True)
    return [person.pk for person in people]


def work_pages(campaign: Campaign) -> list[str]:
    """In every state; what waits beside what runs, what ended well beside what did not."""
    result = {
        "judged": 9,
        "changed": 2,
        "campaigns": {str(campaign.pk): {"4": [2, 0], "6": [7, 9]}},
        "rules_version": 1,
        "is_mixed": True,
    }
    made = {"recipients": 25_000, "left_out": 3}
    now = timezone.now()
    run: dict[str, Any] = {"started_at": now, "resumed_at": now - timedelta(minutes=3)}
    works = [
        Work(kind="rejudge", parameters={"is_trial": False}),
        Work(kind="rejudge", parameters={"is_trial": True}, state="working", **run),
        Work(kind="rejudge", state="working", done=100, total=900, place=place(), **run),
        Work(kind="rejudge", state="done", done=9, total=9, result=result, campaign=campaign),
        Work(kind="rejudge", state="cancelled", is_cancel_requested=True, result=result),
        Work(
            kind="rejudge",
            state="cancelled",
            parameters={"is_trial": True},
            result=result | {"campaigns": {}},
        ),
        Work(kind="rejudge", state="failed", fault="died"),
        Work(kind="rejudge", state="failed", fault="unexpected"),
        Work(kind="campaign", state="working", is_cancel_requested=True, **run),
        Work(kind="campaign", state="done", result=made, campaign=campaign),
        Work(kind="campaign", state="cancelled", parameters={"name": "Rundbrief"}),
        Work(kind="campaign", state="failed", fault="nobody"),
        Work(kind="snippets", state="done", result={"bytes": 9_000_000}, parameters={"file": "x"}),
        Work(kind="people", state="failed", fault="erased", parameters={"file": "y"}),
    ]
    for number, work in enumerate(works):
        work.form_id = f"{number:032}"
    Work.objects.bulk_create(works)
    return [
        "/rulings/",
        "/work/",
        "/work/rejudge/",
        f"/work/rejudge/?campaign={campaign.pk}",
        f"/campaigns/{campaign.pk}/prepare/?what=snippets",
        f"/campaigns/{campaign.pk}/prepare/?what=report",
        *(work.get_absolute_url() for work in Work.objects.all()),
    ]


def english_in(answer: Any) -> list[str]:
    texts = read(answer).texts
    return [text for text in texts if TELLING.search(text.replace(NAME_IN_ENGLISH, ""))]


def test_no_page_has_english_left_for_who_reads_german(rundbrief: Campaign, log_in: LogIn) -> None:
    client = log_in("administrator")
    found = {
        path: english
        for path in pages_of(rundbrief)
        if (english := english_in(client.get(path, headers=GERMAN)))
    }
    assert found == {}


def test_the_words_would_be_found_in_english(rundbrief: Campaign, log_in: LogIn) -> None:
    """Otherwise the test above could not fail."""
    client = log_in("administrator")
    calm = [
        path for path in pages_of(rundbrief) if not english_in(client.get(path, headers=ENGLISH))
    ]
    assert calm == []


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/login/", "/campaigns/999/", "/shared/nichts/"])
def test_who_has_not_logged_in_reads_german_too(path: str) -> None:
    answer = Client().get(path, follow=True, headers=GERMAN)
    assert english_in(answer) == []
    assert '<html lang="de">' in answer.content.decode()


def test_charts_are_drawn_the_same_in_both_languages(rundbrief: Campaign, log_in: LogIn) -> None:
    client = log_in("viewer")
    paths = [path for path in pages_of(rundbrief) if "recipients" not in path]
    drawn = 0
    for path in (one for one in paths if one.startswith(("/campaigns", "/shared"))):
        here, there = (
            read(client.get(path, headers=asked)).geometry for asked in (ENGLISH, GERMAN)
        )
        assert here == there, path
        drawn += len(here)
    assert drawn > 1_000


def test_figures_and_moments_are_written_as_in_german(rundbrief: Campaign, log_in: LogIn) -> None:
    sent_at = datetime(2026, 11, 23, 13, 5, tzinfo=UTC)
    Campaign.objects.filter(pk=rundbrief.pk).update(sent_at=sent_at)
    CampaignCounts.objects.filter(campaign=rundbrief).update(
        recipients=12_480, sent=12_480, bounces=0, unique_opens=5_342, unique_human_opens=5_341
    )
    page = log_in("viewer").get(f"/campaigns/{rundbrief.pk}/", headers=GERMAN).content.decode()
    assert "42,8\u202f%" in page
    assert "5.341 von 12.480" in page
    assert "Montag, 23. November 2026, 14:05" in page


@pytest.mark.django_db
def test_the_choice_of_a_language_outlives_the_browsers_wish(log_in: LogIn) -> None:
    client = log_in("viewer")
    english = client.get("/campaigns/", headers=ENGLISH)
    assert '<html lang="en">' in english.content.decode()
    assert "Accept-Language" in english["Vary"]
    assert '<button type="submit" name="language" value="de" lang="de">Deutsch<' in (
        english.content.decode()
    )
    answer = client.post("/language/", {"language": "de", "next": "/campaigns/"}, headers=ENGLISH)
    assert (answer.status_code, answer["Location"]) == (302, "/campaigns/")
    assert '<html lang="de">' in client.get("/campaigns/", headers=ENGLISH).content.decode()


@pytest.mark.django_db
def test_the_choice_leads_to_no_other_site_and_needs_its_token() -> None:
    away = Client().post("/language/", {"language": "de", "next": "https://example.com/"})
    assert away["Location"] == "/"
    forged = Client(enforce_csrf_checks=True).post("/language/", {"language": "de"})
    assert forged.status_code == 403
    assert Client().get("/language/").status_code in (302, 405)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/o/nothing.gif"])
def test_what_programs_ask_for_has_no_language(path: str) -> None:
    answer = Client().get(path, headers=GERMAN)
    assert "Accept-Language" not in answer.get("Vary", "")
    assert "Content-Language" not in answer


def test_an_open_report_moves_in_the_language_of_its_reader(
    rundbrief: Campaign, log_in: LogIn
) -> None:
    client, path = log_in("viewer"), f"/campaigns/{rundbrief.pk}/live"
    english, german = client.get(path, headers=ENGLISH), client.get(path, headers=GERMAN)
    assert english["ETag"] != german["ETag"]
    assert "opened" in english.content.decode()
    assert english_in(german) == []
    same = client.get(path, headers={**GERMAN, "if-none-match": german["ETag"]})
    assert same.status_code == 304


def streamed(answer: Any) -> Iterator[bytes]:
    yield from answer.streaming_content


def test_files_are_the_same_in_every_language(rundbrief: Campaign, log_in: LogIn) -> None:
    client, number = log_in("viewer"), rundbrief.pk
    for path in (
        "/campaigns/campaigns.csv",
        f"/campaigns/{number}/report.csv",
        *(f"/campaigns/{number}/breakdowns/{kind}.csv" for kind in ("provider", "client")),
        f"/campaigns/{number}/heat-map.csv",
        f"/campaigns/{number}/time-to-open.csv",
        f"/campaigns/compare/curves.csv?with={number}&with={make_campaign(name='Rundbrief').pk}",
    ):
        here, there = (
            b"".join(streamed(client.get(path, headers=asked))) for asked in (ENGLISH, GERMAN)
        )
        assert here == there, path


def mails(campaign: Campaign) -> list[str]:
    """Spoilt in many ways, so that as many findings as possible are said."""
    ours = snippet(pixels_of(campaign)[0].pk)
    end, end_of_other = (snippet_of(end_mark_url(one.pk)) for one in pixels_of(campaign)[:2])
    other = snippet(ensure_test_pixel(campaign).pk)
    return [
        "<p>Hallo</p>",
        "nur Text",
        f"<p>{ours}</p>",
        f"<p>{other}{ours}</p>",
        f"<p>{ours}{ours}</p>",
        f"<div style='display:none'>{ours}</div>",
        f"<noscript>{ours}</noscript>",
        f"<!-- {ours} -->",
        f"<a href='/'>{ours}</a>",
        "x" * 110_000 + f"<p>{ours}</p>",
        "<p>{{ snippet }}</p>",
        ours.replace(".gif", ""),
        ours.replace('alt=""', ""),
        ours.replace("<", "&lt;"),
        "Subject: Hallo\nContent-Type: text/html; charset=x\n\n" + ours,
        f"{ours}<p>Hallo</p>{end}",
        f"<p>Hallo</p>{ours}{end}<p>Hallo</p>",
        f"{end}<p>Hallo</p>{ours}",
        f"<p>Hallo</p>{end}",
        f"{ours}{end}<div hidden>{end_of_other}</div>",
    ]


WRONG_LINES = [
    "kein Wort",
    "@example.com",
    "a@",
    "a@b",
    "a@[127.0.0.1]",
    "a@1.2.3.4",
    "a@drucker.local",
    "a..b@example.com",
    ".a@example.com",
    "a.@example.com",
    "a b@example.com",
    "a＠example.com",
    "<a@example.com",
    "a@b_c.de",
    "a@-b.de",
    "a@" + "x" * 64 + ".de",
    "x" * 65 + "@example.com",
    "a@" + "x." * 130 + "de",
    "a@example.com, b@example.com",
    "a\x07@example.com",
    "a\u2028@example.com",
    "a@example.com;b;c;d",
    "a@example.com;;;b@example.com",
    ";Anna",
    "a@example.com;" + "n" * 201,
    "a@example.com;An\x00na",
    "a@example.com;;\x00",
    "x" * 70_000,
    '"nie zu;',
    'a@example.com;"5" Rohr";',
    "email;name;ort",
]


def upload_to(client: Client, campaign: Campaign, content: bytes) -> Any:
    return client.post(
        f"/admin/campaigns/campaign/{campaign.pk}/import/",
        {"file": SimpleUploadedFile("liste.csv", content)},
        headers=GERMAN,
    )


def german_pages_of_an_import(client: Client, campaign: Campaign) -> Iterator[Any]:
    """Columns, trial, import, what was corrected, what was cancelled or lost."""
    lines = "\n".join(["Titel", "email;name;ort", *WRONG_LINES, "anna@gmial.com;;", ""])
    answer = upload_to(client, campaign, lines.encode())
    trial = Import.objects.latest("pk")
    own = f"/admin/campaigns/campaign/{campaign.pk}/import/"
    chosen = {"column-0": "email", "column-1": "name", "column-2": "attribute"}
    yield client.get(answer["Location"], headers=GERMAN)
    yield client.post(f"{own}{trial.pk}/confirm/", {}, headers=GERMAN)
    yield client.post(
        f"{own}{trial.pk}/confirm/", {**chosen, "dry_run": "on"}, follow=True, headers=GERMAN
    )
    yield client.post(f"{own}{trial.pk}/again/", follow=True, headers=GERMAN)
    yield client.get(f"{own}{trial.pk}/", headers=GERMAN)
    one = Import.objects.get(trial=trial)
    assert one.rejected == len(WRONG_LINES)
    for _ in range(2):
        slip = {"slip": "gmial.com gmail.com"}
        yield client.post(f"{own}{one.pk}/mend/", slip, follow=True, headers=GERMAN)
        TypingSlip.objects.get_or_create(
            of_import=one, line=1, email_key="anna@gmial.com", suggestion="anna@gmail.com"
        )
    yield client.get(f"{own}{one.pk}/", headers=GERMAN)
    yield client.post(f"{own}{one.pk}/cancel/", follow=True, headers=GERMAN)
    yield client.post(f"{own}{one.pk}/delete-lines/", follow=True, headers=GERMAN)
    for content in (b"email\nanna@gmial.com\n", b"email\n"):
        upload_to(client, campaign, content)
        again = Import.objects.latest("pk")
        yield client.post(
            f"{own}{again.pk}/confirm/", {"column-0": "email"}, follow=True, headers=GERMAN
        )
    for state in (*Import.UNFINISHED, Import.State.FAILED):
        Import.objects.filter(pk=again.pk).update(state=state)
        yield client.get(f"{own}{again.pk}/", headers=GERMAN)
    upload_to(client, campaign, b"email\na@example.com\n")
    lost = Import.objects.latest("pk")
    Path(lost.path).unlink()
    yield client.get(f"{own}{lost.pk}/", follow=True, headers=GERMAN)
    yield client.get(own, headers=GERMAN)


def test_an_import_speaks_german_from_its_columns_to_its_result(
    rundbrief: Campaign, log_in: LogIn, settings: Any, tmp_path: Path
) -> None:
    settings.IMPORT_DIR = str(tmp_path / "imports")
    client = log_in("administrator")
    for number, answer in enumerate(german_pages_of_an_import(client, rundbrief)):
        assert answer.status_code == 200
        assert english_in(answer) == [], number


UNREADABLE = [
    b"",
    b'"email\n',
    b'"",""\n',
    b"Vorname,bei@uns\nAnna,Lee\n",
    b"\x00\x01\x02",
    b"%PDF-1.7",
    b"\x89PNG",
    b"\x1f\x8b",
    b"7z\xbc\xaf",
    b"Rar!",
    b"SQLite format 3",
    b"{\\rtf1",
    b"<?xml",
    b"<html>",
    b"BEGIN:VCARD",
    b"[1]",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"PK\x03\x04",
    ",".join(map(str, range(300))).encode(),
    b"email," * 20_000,
    "email".encode("utf-32"),
]


def test_a_file_that_is_no_list_is_refused_in_german(
    rundbrief: Campaign, log_in: LogIn, settings: Any, tmp_path: Path
) -> None:
    settings.IMPORT_DIR = str(tmp_path / "imports")
    client = log_in("administrator")
    for content in UNREADABLE:
        answer = upload_to(client, rundbrief, content or b"\n")
        assert "Es wurde nichts gespeichert." in answer.content.decode(), content[:20]
        assert english_in(answer) == [], content[:20]


def reasons_in_the_code() -> set[str]:
    """Every pattern that an import may say, as its source has it."""
    names = ("because", "UnreadableFileError", "gettext_noop", "_no_header")
    found = set()
    for path in (ROOT / "campaigns" / "imports").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return found


def test_every_reason_of_an_import_has_german_words() -> None:
    patterns = reasons_in_the_code()
    assert len(patterns) > 60
    with translation.override("de"):
        assert [one for one in patterns if translation.gettext(one) == one] == []


def test_what_is_found_in_a_mail_is_said_in_german(rundbrief: Campaign, log_in: LogIn) -> None:
    client = log_in("administrator")
    for mail in mails(rundbrief):
        answer = client.post(f"/campaigns/{rundbrief.pk}/check/", {"source": mail}, headers=GERMAN)
        assert answer.status_code == 200
        assert english_in(answer) == [], mail[:80]
    for content in (b"%PDF-1.7", b"PK\x03\x04", b"\x00"):
        with pytest.raises(UnreadableMailError) as told:
            check_for(rundbrief, content)
        assert TELLING.search(str(told.value)), "programs are told in English"


def test_every_rule_and_verdict_has_german_words() -> None:
    from tracker.language import translated

    with translation.override("de"):
        for text in (*(rule.sentence for rule in RULES), *(one.label for one in Verdict)):
            assert translated(text) != text or text == "bot", text
