from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracker.verdicts.samples import Sample, samples
from tracker.verdicts import RULE_BY_ID, RULE_BY_NUMBER, RULES, Judge, Networks, Verdict
from tracker.verdicts.agents import Agent, AgentKind, read_agent
from tracker.verdicts.judge import LENGTH_LOOKED_AT, REMEMBERED, first_match
from tracker.verdicts.names import BARE_MOZILLA, GMAIL_PREFETCH, MAIL_RU_PROXY

GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko)"
)
OUTLOOK = "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"

APPLE, GOOGLE, EXCHANGE, BARRACUDA = "104.28.28.5", "66.102.7.162", "40.107.9.9", "209.222.82.7"
HOME = "203.0.113.9"

judge = Judge(Networks.load())

# Each rule with hits that only it answers as they are answered.
HITS = [
    ("gmail-proxy", GMAIL, None),
    ("gmail-proxy", GMAIL, GOOGLE),
    ("gmail-proxy", GMAIL, f"::ffff:{GOOGLE}"),
    ("gmail-proxy", GMAIL, "10.0.0.1"),
    ("gmail-proxy", GMAIL, "not an address"),
    ("gmail-proxy-elsewhere", GMAIL, HOME),
    ("gmail-proxy-elsewhere", GMAIL, EXCHANGE),
    ("mail-proxy", "YahooMailProxy; https://help.yahoo.com/kb/x.html", HOME),
    ("mail-proxy", "Mozilla/5.0 SeznamEmailProxy/2.0.174", EXCHANGE),
    ("rare-mail-proxy", "Shortwave Image Fetcher", HOME),
    ("rare-mail-proxy", "Superhuman", None),
    ("mail-ru-proxy", MAIL_RU_PROXY, "188.93.56.9"),
    ("mail-ru-proxy", MAIL_RU_PROXY, "185.30.177.9"),
    ("gmail-prefetch", GMAIL_PREFETCH, GOOGLE),
    ("gmail-prefetch-agent", GMAIL_PREFETCH, None),
    ("gmail-prefetch-agent", GMAIL_PREFETCH, HOME),
    ("apple-privacy", BARE_MOZILLA, APPLE),
    ("apple-privacy", BARE_MOZILLA, "2a02:26f7:b00a:4000::1"),
    ("scanner-agent", "Barracuda Sentinel (EE)", None),
    ("scanner-agent", "Barracuda Sentinel (EE)", BARRACUDA),
    ("scanner-network", CHROME, EXCHANGE),
    ("scanner-network", CHROME, BARRACUDA),
    ("scanner-network", OUTLOOK, EXCHANGE),
    ("scanner-network", "curl/8.0", BARRACUDA),
    ("scanner-network", BARE_MOZILLA, EXCHANGE),
    ("scanner-network", "", EXCHANGE),
    ("bare-mozilla", BARE_MOZILLA, None),
    ("bare-mozilla", BARE_MOZILLA, HOME),
    ("bare-mozilla", BARE_MOZILLA, "17.58.101.9"),
    ("impossible-agent", "Mozilla/5.0 (Apple Mac OS X v10.9.3; Trident/7.0; rv:11.0)", HOME),
    ("unfurler", "Twitterbot/1.0", HOME),
    ("crawler", "Mozilla/5.0 (compatible; Googlebot/2.1)", GOOGLE),
    ("monitor", "Mozilla/5.0+(compatible; UptimeRobot/2.0)", HOME),
    ("automated-browser", CHROME.replace("Chrome", "HeadlessChrome"), HOME),
    ("content-network", "Amazon CloudFront", "130.176.1.9"),
    ("library", "python-requests/2.31.0", APPLE),
    ("mail-client", OUTLOOK, HOME),
    ("mail-client", OUTLOOK, "40.94.33.12"),
    ("unlisted-mail-client", "Example Mail/4.2.1 (iPhone; iOS 17.5)", HOME),
    ("like-a-bot", "ExampleBot", HOME),
    ("frozen-browser", CHROME.replace("126", "104"), HOME),
    ("old-browser", CHROME.replace("126", "49"), HOME),
    ("old-browser", MAIL_RU_PROXY, HOME),
    ("mail-view", PHONE, HOME),
    ("browser", CHROME, HOME),
    ("browser", CHROME, "40.94.33.12"),
    ("browser", f"{PHONE} Version/17.5 Mobile/15E148 Safari/604.1", APPLE),
    ("no-agent", "", HOME),
    ("nothing-known", "Dalvik/2.1.0 (Linux; U; Android 12)", HOME),
]


@pytest.mark.parametrize(("rule", "agent", "ip"), HITS)
def test_a_hit_is_judged_by_the_rule_that_fits(rule: str, agent: str, ip: str | None) -> None:
    judgement = judge.judge(agent, ip)
    assert judgement.rule == rule
    assert judgement.verdict is RULE_BY_ID[rule].verdict
    assert judgement.why.startswith(RULE_BY_ID[rule].sentence)


def test_every_rule_is_needed() -> None:
    applied_elsewhere = {"not-a-get", "says-prefetch", "burst", "fan-out", "by-hand"}
    assert {rule for rule, *_ in HITS} == set(RULE_BY_ID) - applied_elsewhere
    assert {rule.id for rule in RULES if not rule.agents} == applied_elsewhere


@pytest.mark.parametrize("kind", AgentKind)
def test_every_kind_of_agent_is_answered_from_everywhere(kind: AgentKind) -> None:
    for owners in Networks.load().owner_sets():
        assert first_match(kind, owners).verdict is not None


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "head"])
def test_what_is_no_get_is_a_bot(method: str) -> None:
    judgement = judge.judge(GMAIL, GOOGLE, method=method)
    assert (judgement.verdict, judgement.rule) == (Verdict.BOT, "not-a-get")
    assert method in judgement.why


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Sec-Purpose", "prefetch;prerender"),
        ("purpose", "Prefetch"),
        ("X-Purpose", "preview"),
        ("X-moz", "prefetch"),
    ],
)
def test_a_browser_that_says_it_fetches_ahead_is_believed(name: str, value: str) -> None:
    judgement = judge.judge(CHROME, HOME, headers={"Accept": "image/*", name: value})
    assert (judgement.verdict, judgement.rule) == (Verdict.BOT, "says-prefetch")
    assert value in judgement.why


def test_other_headers_change_nothing() -> None:
    headers = {"Sec-Purpose": "", "Accept": "prefetch", "Sec-Fetch-Dest": "image"}
    assert judge.judge(CHROME, HOME, method="get", headers=headers) == judge.judge(CHROME, HOME)


@pytest.mark.parametrize(
    ("agent", "ip", "evidence"),
    [
        (
            GMAIL,
            GOOGLE,
            "“GoogleImageProxy”. The address 66.102.7.162 lies in 66.102.0.0/20 of Goo",
        ),
        (CHROME, EXCHANGE, "40.107.9.9 lies in 40.107.0.0/16 of Microsoft's mail filter."),
        (BARE_MOZILLA, APPLE, "of Apple's privacy proxy (a list wider than the truth)."),
        (BARE_MOZILLA, HOME, "The address 203.0.113.9 is in no range that is known."),
        (OUTLOOK, None, "The agent says “MSOffice”. The address says nothing."),
        ("", None, "There is no agent. The address says nothing."),
        ("x" * 200, None, f"“{'x' * 100}…”"),
    ],
)
def test_the_reason_names_the_evidence(agent: str, ip: str | None, evidence: str) -> None:
    assert evidence in judge.judge(agent, ip).why


def test_apples_exact_list_makes_a_probable_verdict_certain(tmp_path: Path) -> None:
    assert judge.judge(BARE_MOZILLA, APPLE).confidence == "probable"
    (tmp_path / "apple.txt").write_text("104.28.28.0/26\n")
    exact = Judge(Networks.load(tmp_path))
    assert exact.judge(BARE_MOZILLA, APPLE).confidence == "certain"
    assert exact.judge(BARE_MOZILLA, "104.28.200.1").verdict is Verdict.UNKNOWN


# The agent of Apple's privacy protection without an address: nobody could tell from this alone.
UNDECIDABLE = [Sample(BARE_MOZILLA, None, Verdict.PRIVACY_PREFETCH, False)]


@pytest.mark.parametrize("sample", [sample for sample in samples() if sample not in UNDECIDABLE])
def test_a_known_fetcher_is_recognized(sample: Sample) -> None:
    assert judge.judge(sample.ua, sample.ip).verdict is sample.verdict


@pytest.mark.parametrize(("invented", "least"), [(False, 0.94), (True, 0.99)])
def test_no_verdict_is_good_at_the_cost_of_another(invented: bool, least: float) -> None:
    right: dict[Verdict, list[bool]] = defaultdict(list)
    for sample in samples():
        if sample.invented == invented:
            verdict = judge.judge(sample.ua, sample.ip).verdict
            right[sample.verdict].append(verdict is sample.verdict)
    assert set(right) == set(Verdict)
    assert sum(sum(each) / len(each) for each in right.values()) / len(right) >= least


AGENTS = st.one_of(
    st.text(max_size=700),
    st.sampled_from([sample.ua for sample in samples()]),
    st.sampled_from([agent for _, agent, _ in HITS]),
)
ADDRESSES = st.one_of(
    st.none(),
    st.text(max_size=50),
    st.ip_addresses().map(str),
    st.sampled_from([APPLE, GOOGLE, EXCHANGE, BARRACUDA, HOME]),
)


@given(AGENTS, ADDRESSES)
def test_the_quick_answer_is_the_explained_one(agent: str, ip: str | None) -> None:
    for _ in range(2):
        verdict, rule = judge.verdict_and_rule(agent, ip)
        explained = judge.judge(agent, ip)
        assert Verdict.of_number(verdict) is explained.verdict
        assert RULE_BY_NUMBER[rule].id == explained.rule


@given(AGENTS, ADDRESSES, st.text(max_size=9), st.dictionaries(st.text(), st.text(), max_size=3))
def test_nothing_that_is_sent_raises(
    agent: str, ip: str | None, method: str, headers: dict[str, str]
) -> None:
    assert judge.judge(agent, ip, method=method, headers=headers).why


def test_what_stands_far_back_in_a_long_agent_is_not_looked_at() -> None:
    far = "x" * LENGTH_LOOKED_AT + " GoogleImageProxy"
    assert judge.judge(far, None).rule == "nothing-known"
    assert judge.verdict_and_rule(far, None)[1] == RULE_BY_ID["nothing-known"].number


def test_a_flood_of_invented_agents_does_not_grow_memory_and_forgets_nothing_in_use() -> None:
    flooded = Judge(Networks({}))
    for number in range(3 * REMEMBERED):
        flooded.verdict_and_rule(f"invented/{number}", None)
        flooded.verdict_and_rule("y" * LENGTH_LOOKED_AT + str(number), None)
        if number % 100 == 0:
            flooded.verdict_and_rule(CHROME, None)
    assert len(flooded._young) + len(flooded._old) <= 2 * REMEMBERED
    assert CHROME in flooded._young or CHROME in flooded._old
    assert all(len(agent) <= LENGTH_LOOKED_AT for agent in (*flooded._young, *flooded._old))


def test_an_agent_in_use_is_read_once_in_spite_of_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def read_and_note(agent: str) -> Agent:
        read.append(agent)
        return read_agent(agent)

    monkeypatch.setattr("tracker.verdicts.judge.read_agent", read_and_note)
    flooded = Judge(Networks({}))
    for number in range(3 * REMEMBERED):
        flooded.verdict_and_rule(f"invented/{number}", None)
        if number % 100 == 0:
            flooded.verdict_and_rule(CHROME, None)
    assert read.count(CHROME) == 1


def test_judging_needs_no_django() -> None:
    program = (
        "import sys\n"
        "from tracker.verdicts import Judge, Networks\n"
        "Judge(Networks.load()).judge('curl/8', None)\n"
        "sys.exit(any(name.split('.')[0] == 'django' for name in sys.modules))\n"
    )
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0
