"""A public installation, one campaign of its own, and mails to check."""

from __future__ import annotations

from dataclasses import replace

from tracker.mailcheck import Finding, Level, MailCheck, Owner, Setting, check_mail
from tracker.tokens import Tokens

TOKENS = Tokens("only-for-tests-only-for-tests-only-for-tests")
PUBLIC_URL = "https://t.example.com"
ANN, BEA, TEST, OTHER, GONE = 7, 8, 9, 10, 11
OWNERS = {
    ANN: Owner(1, "Spring", is_test=False, address="ann@example.com"),
    BEA: Owner(1, "Spring", is_test=False, address="bea@example.com"),
    TEST: Owner(1, "Spring", is_test=True),
    OTHER: Owner(2, "Autumn", is_test=False, address="ann@example.com"),
}
SETTING = Setting(PUBLIC_URL, 1, "Spring", TOKENS.read, OWNERS.get)


def url(pixel_id: int = ANN, base: str = PUBLIC_URL) -> str:
    return f"{base}/o/{TOKENS.make(pixel_id)}.gif"


def img(pixel_id: int = ANN, base: str = PUBLIC_URL) -> str:
    return f'<img src="{url(pixel_id, base)}" width="1" height="1" alt="" border="0">'


def html(body: str) -> str:
    return f"<!doctype html>\n<html><head><title>News</title></head>\n<body>{body}</body></html>\n"


def check(mail: str | bytes, setting: Setting = SETTING) -> MailCheck:
    return check_mail(mail.encode() if isinstance(mail, str) else mail, setting)


def at(public_url: str) -> Setting:
    return replace(SETTING, public_url=public_url)


def found(checked: MailCheck, name: str) -> Finding:
    by_id = {finding.id: finding for finding in checked.findings}
    assert name in by_id, sorted(by_id)
    return by_id[name]


def levels(checked: MailCheck, *wanted: Level) -> list[str]:
    return [finding.id for finding in checked.findings if finding.level in wanted]


def problems(checked: MailCheck) -> list[str]:
    return levels(checked, Level.FAULT, Level.WARNING)
