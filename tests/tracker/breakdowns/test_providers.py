from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import email_key
from tracker.breakdowns import providers
from tracker.breakdowns.providers import LABELS, OTHER_DOMAINS, provider_label, provider_of


@pytest.mark.parametrize(
    ("domain", "label"),
    [
        ("gmail.com", "Gmail"),
        ("googlemail.com", "Gmail"),
        ("outlook.com", "Outlook.com"),
        ("hotmail.co.uk", "Outlook.com"),
        ("live.com.mx", "Outlook.com"),
        ("outlook.com.br", "Outlook.com"),
        ("msn.com", "Outlook.com"),
        ("yahoo.com", "Yahoo and AOL"),
        ("yahoo.co.in", "Yahoo and AOL"),
        ("ymail.com", "Yahoo and AOL"),
        ("aol.de", "Yahoo and AOL"),
        ("yahoo.co.jp", "Yahoo! Japan"),
        ("me.com", "iCloud"),
        ("gmx.at", "GMX and WEB.DE"),
        ("web.de", "GMX and WEB.DE"),
        ("t-online.de", "T-Online"),
        ("pm.me", "Proton Mail"),
        ("yandex.com.tr", "Yandex"),
        ("126.com", "NetEase"),
        ("wanadoo.fr", "Orange"),
        ("free.fr", "Free"),
    ],
)
def test_a_domain_belongs_to_its_provider(domain: str, label: str) -> None:
    key = provider_of(domain)
    assert key is not None
    assert provider_label(key) == label


@pytest.mark.parametrize(
    "domain",
    [
        "example.com",
        "notgmail.com",
        "gmail.com.example",
        "mail.gmail.com",
        "live.example",
        "hotmail.co.uk.example",
        "outlook.company.de",
        "gmx",
        "",
    ],
)
def test_a_domain_that_only_looks_like_a_providers_stands_by_itself(domain: str) -> None:
    assert provider_of(domain) is None
    assert provider_label(domain) == domain


def test_no_domain_stands_at_two_providers_and_no_key_looks_like_a_domain() -> None:
    listed = [domain for _, _, domains in providers._PROVIDERS for domain in domains.split()]
    assert len(listed) == len(set(listed))
    assert all(domain == email_key(domain) and "." in domain for domain in listed)
    assert len(LABELS) == len(providers._PROVIDERS)
    assert not any("." in key for key in {*LABELS, OTHER_DOMAINS})
    assert provider_label(OTHER_DOMAINS) == "Other domains"


@given(st.text(max_size=300))
def test_any_text_has_a_provider_or_none(domain: str) -> None:
    assert provider_of(domain) in {None, *LABELS}
