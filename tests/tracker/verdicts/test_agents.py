from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.verdicts.agents import AgentKind, read_agent
from tracker.verdicts.names import GMAIL_PROXY_MARKS, MAIL_PROXY_MARKS, RARE_MAIL_PROXY_MARKS

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{}.0.0.0 Safari/537.36"
)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko)"
)
PROXY_KINDS = {AgentKind.GMAIL_PROXY, AgentKind.MAIL_PROXY, AgentKind.RARE_MAIL_PROXY}
BOT_KINDS = {
    AgentKind.UNFURLER,
    AgentKind.LIBRARY,
    AgentKind.CRAWLER,
    AgentKind.MONITOR,
    AgentKind.AUTOMATED_BROWSER,
    AgentKind.LIKE_A_BOT,
}
BOTS = [
    *("curl/8.7.1", "Wget/1.21.4", "python-requests/2.31.0", "Python/3.11 aiohttp/3.9.1"),
    *("python-httpx/0.27.0", "Go-http-client/2.0", "Java/21.0.2", "okhttp/4.12.0", "axios/1.6.7"),
    *("node-fetch", "undici", "GuzzleHttp/7", "libwww-perl/6.72", "Ruby", "PHP/8.2.1", "got/11.8"),
    *("PostmanRuntime/7.37.0", "facebookexternalhit/1.1", "Twitterbot/1.0", "WhatsApp/2.23.20.0"),
    *(
        "LinkedInBot/1.0 (compatible; Mozilla/5.0)",
        "TelegramBot (like TwitterBot)",
        "Uptime-Kuma/1",
    ),
    *("Slackbot-LinkExpanding 1.0", "Slack-ImgProxy (+https://api.slack.com/robots)"),
    *("Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", "github-camo (876de43e)"),
    "Mozilla/5.0 (compatible; Applebot/0.1; +http://www.apple.com/go/applebot)",
    "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
]


def kind(user_agent: str) -> AgentKind:
    return read_agent(user_agent).kind


@pytest.mark.parametrize("agent", BOTS)
def test_a_tool_that_says_its_name_is_a_bot(agent: str) -> None:
    assert kind(agent) in BOT_KINDS


@given(
    st.sampled_from(BOTS),
    st.text(st.characters(codec="ascii", categories=["Nd", "P"])),
    st.booleans(),
)
def test_noise_after_its_name_does_not_make_a_bot_a_person(
    agent: str, noise: str, is_shouted: bool
) -> None:
    noisy = f"{agent} {noise}"
    assert kind(noisy.upper() if is_shouted else noisy) in BOT_KINDS


@given(
    st.text(max_size=80),
    st.sampled_from([*GMAIL_PROXY_MARKS, *MAIL_PROXY_MARKS, *RARE_MAIL_PROXY_MARKS]),
    st.one_of(st.text(max_size=80), st.sampled_from(BOTS)),
)
def test_no_agent_with_a_mail_proxys_mark_is_a_bot_or_a_scanner(
    before: str, mark: str, after: str
) -> None:
    assert kind(before + mark + after) in PROXY_KINDS


@given(st.text(max_size=600))
def test_any_text_is_read(text: str) -> None:
    agent = read_agent(text)
    assert agent.kind in AgentKind
    assert agent == read_agent(f'  "{text}" ') or text != text.strip(" \t\"'")


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/122.0.0.0 Mobile Safari/537.36",
        f"{CHROME.format(120)} Zscaler/4.3",
        f"{CHROME.format(120)} Teams/24004.1307",
        f"{PHONE} Version/17.5 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Mobile; Windows Phone 8.1; Android 4.0; ARM; Trident/7.0; Touch; rv:11.0; "
        "IEMobile/11.0; NOKIA; Lumia 520) like iPhone OS 7_0_3 Mac OS X AppleWebKit/537 (KHTML, "
        "like Gecko) Mobile Safari/537",
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "Opera/9.80 (Android; Opera Mini/36.2/191.256; U; en) Presto/2.12.423 Version/12.16",
    ],
)
def test_an_ordinary_browser_is_a_browser_whatever_its_name_resembles(agent: str) -> None:
    assert kind(agent) is AgentKind.BROWSER


@pytest.mark.parametrize(
    "agent",
    [
        "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)",
        "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
        "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1; Trident/4.0; Microsoft Outlook 14.0)",
        "Mozilla/5.0 (Windows NT 10.0; rv:38.0) Gecko/20100101 Firefox/24.0 SeaMonkey/2.21",
        "Mozilla/5.0 (Apple Mac OS X; Trident/7.0; Microsoft Outlook 16)",
    ],
)
def test_a_mail_client_is_one_whatever_engine_it_borrows(agent: str) -> None:
    assert kind(agent) is AgentKind.MAIL_CLIENT


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (f"{CHROME.format(103)}", AgentKind.FROZEN_BROWSER),
        (f"{CHROME.format(105)}", AgentKind.BROWSER),
        (f"{CHROME.format(49)}", AgentKind.OLD_BROWSER),
        (f"{CHROME.format(50)}", AgentKind.BROWSER),
        ("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)", AgentKind.OLD_BROWSER),
        (
            "Mozilla/5.0 (Windows NT 6.1; rv:12.0) Gecko/20100101 Firefox/12.0",
            AgentKind.OLD_BROWSER,
        ),
        (
            "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.1; Trident/6.0)",
            AgentKind.FROZEN_BROWSER,
        ),
        ("Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)", AgentKind.OLD_BROWSER),
        (PHONE, AgentKind.MAIL_VIEW),
        (f"{PHONE} Mobile/15E148", AgentKind.MAIL_VIEW),
        (f"{PHONE} Version/17.5 Mobile/15E148 Safari/604.1", AgentKind.BROWSER),
        ("Mozilla/5.0 (Windows NT 10.0; Android 9) AppleWebKit/537.36", AgentKind.IMPOSSIBLE),
        (CHROME.format(120).replace("10.0", "11.0"), AgentKind.IMPOSSIBLE),
        (f"{CHROME.format(120)} Mozilla/5.0", AgentKind.IMPOSSIBLE),
        ("Mozilla/5.0 (X11; Linux; Trident/7.0) like Gecko", AgentKind.IMPOSSIBLE),
        ("Sophos Mail Gateway", AgentKind.SCANNER),
        (f"{CHROME.format(120)} python-requests/2.31", AgentKind.LIBRARY),
        (f"{CHROME.format(120)} okhttp/4.9", AgentKind.BROWSER),
        (f"{CHROME.format(120)} Proofpoint", AgentKind.SCANNER),
        ("Mozilla/5.0 (compatible; ExampleThing/1.0)", AgentKind.LIKE_A_BOT),
        (f"{CHROME.format(120)} (https://example.com/why)", AgentKind.LIKE_A_BOT),
        ("Microsoft Office Protocol Discovery", AgentKind.UNFURLER),
        ("Microsoft Office", AgentKind.MAIL_CLIENT),
        ("ExampleNews/2 CFNetwork/1494.0.7 Darwin/23.4.0", AgentKind.OTHER),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", AgentKind.OTHER),
        ("PhxThing/0.1 (someone@protonmail.com)", AgentKind.LIKE_A_BOT),
        ("Mozilla/5.0 AppleWebKit/605.1", AgentKind.OTHER),
        (" \t ", AgentKind.MISSING),
        ("-", AgentKind.MISSING),
    ],
)
def test_the_edges_between_kinds(agent: str, expected: AgentKind) -> None:
    assert kind(agent) is expected


def test_what_decided_is_named_in_its_own_spelling() -> None:
    assert read_agent("CURL/8.0").mark == "curl/"
    assert read_agent("Mozilla/5.0 (X11) Gecko/1 Thunderbird/128.0").mark == "Thunderbird"


# What stands among the words on the device, or on what is installed, was not put there by whoever
# fetches.
FOREIGN = st.sampled_from(
    [
        *("Crawler", "Spider", "Robot Phone", "S-Bot", "Mimecast", "Proofpoint", "Barracuda"),
        *("Salesforce.com Outlook Edition 1.0", "ZoomInfo", "Mailchimp", "Sophos", "Uptime"),
        *("python-requests", "Selenium", "HarvestMail", "http://example.com/", "monitoring"),
    ]
)


@given(
    FOREIGN,
    st.sampled_from(
        [
            "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1; Trident/4.0; {}; Microsoft Outlook "
            "14.0.7162; ms-office; MSOffice 14)",
            "Mozilla/4.0 (compatible; ms-office; MSOffice 16; {})",
            "Microsoft Office/16.0 (Windows NT 10.0; {}; Microsoft Outlook 16.0.17328; Pro)",
            "Mozilla/5.0 (X11; Linux x86_64; {}; rv:128.0) Gecko/20100101 Thunderbird/128.4.0",
            "MacOutlook/16.78.3 (Intelx64 Mac OS X Version 14.1; {})",
        ]
    ),
)
def test_no_foreign_word_makes_a_named_mail_client_a_machine(word: str, agent: str) -> None:
    assert kind(agent.format(word)) is AgentKind.MAIL_CLIENT


@given(FOREIGN)
def test_no_word_about_what_is_installed_makes_internet_explorer_a_machine(word: str) -> None:
    agent = f"Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; {word}; rv:11.0) like Gecko"
    assert kind(agent) in {AgentKind.BROWSER, AgentKind.MAIL_CLIENT}


@pytest.mark.parametrize(
    "model", ["Robot Phone X1", "Spider Build/PPR1", "S-Bot Tab", "Robotab R10", "Uptime (2022) 5"]
)
def test_a_device_may_be_called_anything(model: str) -> None:
    agent = (
        f"Mozilla/5.0 (Linux; Android 13; {model}) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/118.0.5993.80 Mobile Safari/537.36"
    )
    assert kind(agent) is AgentKind.BROWSER
    assert kind(f"{agent} ExampleBot/1.0") is AgentKind.LIKE_A_BOT
    introduced = agent.replace(model, f"{model}; ExampleThing; +https://example.com")
    assert kind(introduced) is AgentKind.LIKE_A_BOT


@given(
    st.sampled_from(["Outlook", "Thunderbird", "Mail", "mail", "Airmail", "Example Mail"]),
    st.sampled_from(
        [
            *("{}-Scanner/1.0", "{}SafeLinks/1.0", "{}-Checker/2.0", "fetch{}/6.4", "Harvest{}/1"),
            *("{}/1.2 python-requests/2.31", "{}-Proxy-Scraper (python-requests)", "{}Bot/1.0"),
            *("{} image proxy scanner", "{}/1.0 curl/8.0"),
        ]
    ),
)
def test_a_tool_that_deals_with_mail_is_nobodys_mail_client(name: str, tool: str) -> None:
    assert kind(tool.format(name)) in {*BOT_KINDS, AgentKind.SCANNER, AgentKind.OTHER}
