from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Any:
    """The answers to these lines, and the exit status."""
    settings.NETWORKS_DIR = str(tmp_path)

    def answers(*lines: str | bytes | dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
        raw = b"".join(
            (line if isinstance(line, bytes) else text_of(line).encode()) + b"\n" for line in lines
        )
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
        out, status = io.StringIO(), 0
        try:
            call_command("classify", stdout=out)
        except SystemExit as end:
            status = int(end.code or 0)
        return [json.loads(line) for line in out.getvalue().splitlines()], status

    return answers


def text_of(line: str | dict[str, Any]) -> str:
    return line if isinstance(line, str) else json.dumps(line)


def test_each_line_is_answered_by_a_line(ask: Any) -> None:
    answers, status = ask(
        {"ua": "curl/8.0", "ip": "192.0.2.1"},
        {"ua": "Mozilla/5.0", "ip": "104.28.28.5"},
        {"ua": "", "ip": None},
        {},
    )
    assert status == 0
    assert [answer["verdict"] for answer in answers] == [
        "bot",
        "privacy_prefetch",
        "unknown",
        "unknown",
    ]
    assert set(answers[0]) == {"verdict", "rule", "why", "confidence"}
    assert (answers[1]["rule"], answers[1]["confidence"]) == ("apple-privacy", "probable")


def test_method_and_headers_are_evidence(ask: Any) -> None:
    answers, _ = ask(
        {"ua": "Thunderbird", "ip": None, "method": "HEAD"},
        {"ua": "Thunderbird", "ip": None, "headers": {"Sec-Purpose": "prefetch"}},
        {"ua": "Thunderbird", "ip": None, "method": None, "headers": None},
    )
    assert [answer["rule"] for answer in answers] == ["not-a-get", "says-prefetch", "mail-client"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "this is no JSON object"),
        ("[1]", "this is no JSON object"),
        ("", "this is no JSON object"),
        (b"\xff\xfe", "this is no JSON object"),
        ("[" * 100_000, "this is no JSON object"),
        ('{"ua": 7}', "ua is no text"),
        ('{"ua": "x", "ip": ["192.0.2.1"]}', "ip is no text"),
        ('{"ua": "x", "headers": "x"}', "headers is no JSON object"),
    ],
)
def test_a_wrong_line_is_named_and_the_others_are_answered(
    ask: Any, line: str | bytes, reason: str
) -> None:
    answers, status = ask({"ua": "curl/8.0"}, {"ua": "curl/8.0"}, line, {"ua": "Thunderbird"})
    assert status == 1
    assert answers[2] == {"error": f"line 3: {reason}"}
    assert [answer.get("verdict") for answer in answers] == ["bot", "bot", None, "human_client"]


def test_an_agent_that_no_terminal_can_write_is_answered(ask: Any) -> None:
    answers, status = ask('{"ua": "\\ud800\\u0000ü", "ip": "\\ud800"}')
    assert (answers[0]["verdict"], status) == ("unknown", 0)


def test_the_networks_directory_is_read(ask: Any, tmp_path: Path) -> None:
    (tmp_path / "apple.txt").write_text("198.51.100.0/24\n")
    answers, _ = ask({"ua": "Mozilla/5.0", "ip": "198.51.100.7"})
    assert (answers[0]["rule"], answers[0]["confidence"]) == ("apple-privacy", "certain")


def test_a_list_that_cannot_be_read_is_said(ask: Any, tmp_path: Path) -> None:
    (tmp_path / "apple.txt").write_text("nonsense\n")
    with pytest.raises(CommandError, match=r"apple\.txt, line 1"):
        ask({"ua": "x"})
