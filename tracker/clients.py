"""The name of the program behind a user agent, for people who read reports."""

from __future__ import annotations

from functools import lru_cache

import ua_parser

from tracker.sentences import said

# Mail services that fetch images for their readers name themselves inside a browser's agent, so
# they come first; the rest is ua-parser's.
MAIL_PROXIES = (
    ("GoogleImageProxy", "Gmail"),
    ("YahooMailProxy", "Yahoo Mail"),
)


@lru_cache(maxsize=20_000)
def client_name(user_agent: str) -> str:
    """Such as "Thunderbird, Linux"; empty when the agent names nothing that is known."""
    for mark, name in MAIL_PROXIES:
        if mark in user_agent:
            return name
    if user_agent == "Mozilla/5.0":
        # What Apple's privacy proxy sends, but others may send it too.
        return said("Apple Mail or unknown")
    parsed = ua_parser.parse(user_agent)
    parts = [parsed.user_agent and parsed.user_agent.family, parsed.os and parsed.os.family]
    known = [part for part in parts if part and part != "Other"]
    return ", ".join(dict.fromkeys(known))
