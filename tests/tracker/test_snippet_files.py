from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Campaign, Recipient
from tests.conftest import emails, make_campaign, pixels_of
from tracker import snippet_files
from tracker.exports import harmless
from tracker.list_snippets import code_tokens
from tracker.pixels import ensure_test_pixel
from tracker.privacy_links import privacy_url
from tracker.snippet_files import FORMATS, Format, _cells, snippet_text
from tracker.snippets import pixel_url, snippet

CSV_FORMATS = [form for form in FORMATS.values() if form.delimiter]
AWKWARD = ['Ann "the" Lee', "Lee; Ann", "Lee, Ann", "two\nlines", "%s %d {}", "=1+1", "Zoë", ""]


def text_of(campaign: Campaign, form: Format) -> str:
    return "".join(text for text, _ in snippet_text(campaign, form))


def campaign_of_awkward_names() -> Campaign:
    campaign = make_campaign(*emails(len(AWKWARD)))
    for number, name in enumerate(AWKWARD):
        Recipient.objects.filter(email=emails(len(AWKWARD))[number]).update(name=name)
    return campaign


def wanted(campaign: Campaign, form: Format, cell: Any) -> list[dict[str, str]]:
    return [
        {
            column: {
                "email": pixel.recipient.email,
                "name": cell(pixel.recipient.name),
                "pixel_url": pixel_url(pixel.pk),
                "snippet": snippet(pixel.pk),
                "privacy_url": privacy_url(pixel.recipient.pk),
                "code": code_tokens().make(pixel.recipient.pk),
            }[column]
            for column in form.columns
        }
        for pixel in pixels_of(campaign)
        if pixel.recipient
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("form", CSV_FORMATS, ids=lambda form: form.name)
def test_a_file_is_what_the_csv_module_would_have_written(form: Format, settings: Any) -> None:
    settings.PUBLIC_URL = 'https://t.example.com/50%;"a",b'
    campaign = campaign_of_awkward_names()
    expected = io.StringIO()
    writer = csv.writer(expected, delimiter=form.delimiter or "")
    writer.writerow(form.columns)
    writer.writerows(row.values() for row in wanted(campaign, form, harmless))
    mark = "\ufeff" if form.is_marked else ""
    assert text_of(campaign, form) == mark + expected.getvalue()


@pytest.mark.django_db
def test_json_lines_hold_each_value_as_it_is_stored(settings: Any) -> None:
    settings.PUBLIC_URL = "https://t.example.com/50%"
    campaign = campaign_of_awkward_names()
    lines = text_of(campaign, FORMATS["jsonl"]).splitlines()
    assert [json.loads(line) for line in lines] == wanted(campaign, FORMATS["jsonl"], str)


@given(st.lists(st.text(st.characters(codec="utf-8"))), st.sampled_from(CSV_FORMATS))
def test_any_cell_is_written_as_the_csv_module_writes_it(texts: list[str], form: Format) -> None:
    cells = list(_cells(form, harmless)(texts))
    expected = io.StringIO()
    # Two columns: a row of one empty cell is a special case of the module's.
    csv.writer(expected, delimiter=form.delimiter or "").writerows(
        [harmless(text), "x"] for text in texts
    )
    assert "".join(f"{cell}{form.delimiter}x\r\n" for cell in cells) == expected.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_an_address_can_be_mailed_to_in_every_form_and_runs_nowhere(form: Format) -> None:
    plus, minus, evil = "+49@example.com", "-ann@example.com", "=cmd|'/C/calc'!A0@example.com"
    text = text_of(make_campaign(plus, minus, evil), form).removeprefix("\ufeff")
    if form.delimiter is None:
        found = [json.loads(line)["email"] for line in text.splitlines()]
        assert found == [plus, minus, evil]
    else:
        rows = csv.DictReader(io.StringIO(text), delimiter=form.delimiter)
        assert [row["email"] for row in rows] == [plus, minus, f"'{evil}"]


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_any_value_is_read_back_from_json(texts: list[str]) -> None:
    assert [json.loads(cell) for cell in _cells(FORMATS["jsonl"], harmless)(texts)] == texts


@pytest.mark.django_db
@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_a_million_recipients_are_read_page_by_page(
    form: Format, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snippet_files, "PIXELS_READ", 5)
    make_campaign(*emails(20))  # the same people
    campaign = make_campaign(*emails(12))
    make_campaign(*emails(20))
    ensure_test_pixel(campaign)
    blocks = snippet_text(campaign, form)
    assert next(blocks)[1] == 0
    with django_assert_num_queries(1):
        assert next(blocks)[1] == 5
    with django_assert_num_queries(3):
        assert [rows for _, rows in blocks] == [5, 2]
    assert text_of(campaign, form).count("/o/") == 12 * (2 if "snippet" in form.columns else 1)


@pytest.mark.django_db
def test_a_campaign_without_recipients_is_a_header_alone() -> None:
    campaign = Campaign.objects.create(name="Empty")
    assert text_of(campaign, FORMATS["csv"]) == "email,name,pixel_url,snippet,privacy_url,code\r\n"
    assert (
        text_of(campaign, FORMATS["word"]) == "\ufeffemail\tname\tpixel_url\tprivacy_url\tcode\r\n"
    )
    assert text_of(campaign, FORMATS["jsonl"]) == ""


@pytest.mark.django_db
def test_each_format_is_downloaded_from_the_snippets_page(log_in: Any) -> None:
    campaign = make_campaign("zoe@example.com", name="Spring & sale")
    client: Client = log_in("marketer")
    page = client.get(reverse("campaign_snippets", args=[campaign.pk])).content.decode()
    for form in FORMATS.values():
        url = f"{reverse('campaign_snippets_csv', args=[campaign.pk])}?format={form.name}"
        assert f'href="{url}"' in page
        answer = client.get(url)
        assert answer.headers["Content-Type"] == form.content_type
        suffix = "" if form.name == "csv" else f"-{form.name}"
        name = f"snippets-{campaign.pk}-spring-sale{suffix}.{form.extension}"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        text = answer.getvalue().decode("utf-8")
        assert text.removeprefix("\ufeff") == text_of(campaign, form).removeprefix("\ufeff")
        assert text.startswith("\ufeff") == (form.name in ("csv", "word", "semicolon"))


@pytest.mark.django_db
def test_a_format_that_does_not_exist_is_not_found(log_in: Any) -> None:
    campaign = make_campaign("a@example.com")
    url = reverse("campaign_snippets_csv", args=[campaign.pk])
    assert log_in("marketer").get(f"{url}?format=pdf").status_code == 404
    assert log_in("viewer").get(f"{url}?format=word").status_code == 403
