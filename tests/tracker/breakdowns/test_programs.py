from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import THUNDERBIRD
from tracker.breakdowns.programs import HIDDEN, NOTHING_KNOWN, UNKNOWN, program_of

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0"


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (THUNDERBIRD, ("Thunderbird", "Linux", "computer")),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) {WEBKIT} Mobile/15E148",
            ("Apple Mail", "iOS and iPadOS", "phone"),
        ),
        (
            f"Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) {WEBKIT} Mobile/15E148",
            ("Apple Mail", "iOS and iPadOS", "tablet"),
        ),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT}",
            ("Apple Mail", "macOS", "computer"),
        ),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/17.1 Safari/605.1",
            ("Web mail in Safari", "macOS", "computer"),
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36",
            ("Web mail in Chrome", "Windows", "computer"),
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/149.0.0.0",
            ("Web mail in Edge", "Windows", "computer"),
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            ("Web mail in Firefox", "Linux", "computer"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 13; SM-G991B) {CHROME} Mobile Safari/537.36",
            ("Web mail in Chrome", "Android", "phone"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-G991B Build/TP1A; wv) AppleWebKit/537.36 "
            "(KHTML, like Gecko) Version/4.0 Chrome/149.0.0.0 Mobile Safari/537.36",
            ("Mail app on Android", "Android", "phone"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 12; SM-T870; wv) AppleWebKit/537.36 "
            "(KHTML, like Gecko) Version/4.0 Chrome/149.0.0.0 Safari/537.36",
            ("Mail app on Android", "Android", "tablet"),
        ),
        (
            "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.12026; Pro)",
            ("Outlook (Windows)", "Windows", "computer"),
        ),
        (
            "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; "
            "Microsoft Outlook 16.0.4266; ms-office; MSOffice 16)",
            ("Outlook (Windows)", "Windows", "computer"),
        ),
        (
            "MacOutlook/16.78.3 (Intelx64 Mac OS X Version 14.1 (Build 23B74))",
            ("Outlook (Mac)", "macOS", "computer"),
        ),
        (
            "Outlook-iOS/709.2226530.prod.iphone (3.24.1)",
            ("Outlook (mobile)", "iOS and iPadOS", "phone"),
        ),
        ("Outlook-Android/2.0", ("Outlook (mobile)", "Android", UNKNOWN)),
        ("SamsungEmail/6.1", ("Samsung Mail", "Android", UNKNOWN)),
        (
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 "
            "(via ggpht.com GoogleImageProxy)",
            ("Gmail, hidden behind Google’s proxy", HIDDEN, HIDDEN),
        ),
        (
            "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
            ("Yahoo Mail, hidden behind Yahoo’s proxy", HIDDEN, HIDDEN),
        ),
        ("Mozilla/5.0", ("Apple Mail or unknown, hidden by a proxy", HIDDEN, HIDDEN)),
        ("", NOTHING_KNOWN),
        ("curl/8.5.0", NOTHING_KNOWN),
        ("Barracuda Sentinel (EE)", NOTHING_KNOWN),
        ("BarcaPro/1.4.12", ("BarcaPro", UNKNOWN, UNKNOWN)),
    ],
)
def test_an_agent_is_named_as_people_call_it(agent: str, expected: tuple[str, str, str]) -> None:
    assert tuple(program_of(agent)) == expected


@given(st.text(max_size=400))
def test_any_agent_has_names_that_the_database_takes(agent: str) -> None:
    assert all(0 < len(name) < 100 for name in program_of(agent))
