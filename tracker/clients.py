"""The name of the program behind a user agent, for people who read reports: the same everywhere."""

from __future__ import annotations

from tracker.breakdowns.programs import (
    COMPUTER,
    HIDDEN,
    OTHER_PROGRAMS,
    PHONE,
    SYSTEM_OF_CLIENT,
    TABLET,
    UNKNOWN,
    program_of,
)
from tracker.sentences import Sentence, said

LABELS = {
    OTHER_PROGRAMS: said("All others"),
    UNKNOWN: said("Unknown"),
    HIDDEN: said("Hidden by a proxy"),
    PHONE: said("Phone"),
    TABLET: said("Tablet"),
    COMPUTER: said("Computer"),
}
# Names that are stored, for which there may be other words in the reader's language.
PROGRAMS: dict[str, Sentence] = {
    one: one
    for one in (
        said("Gmail, hidden behind Google’s proxy"),
        said("Yahoo Mail, hidden behind Yahoo’s proxy"),
        said("Apple Mail or unknown, hidden by a proxy"),
        said("Another mail service"),
        said("Outlook (mobile)"),
        said("Mail app on Android"),
    )
}
WEB_MAIL = "Web mail in "
BEHIND_A_PROXY = ", hidden behind its proxy"


def client_name(user_agent: str) -> str:
    """Such as "Thunderbird, Linux"; empty when the agent names nothing that is known."""
    client, system, _ = program_of(user_agent)
    if client == UNKNOWN:
        return ""
    label = program_label(client)
    if system in (UNKNOWN, HIDDEN) or SYSTEM_OF_CLIENT.get(client) == system:
        return label
    return said("%(client)s, %(system)s", client=label, system=system)


def program_label(key: str) -> str:
    """English as it is; a page can say it in its reader's language."""
    if key.startswith(WEB_MAIL):
        return said("Web mail in %(browser)s", browser=key.removeprefix(WEB_MAIL))
    if key.endswith(BEHIND_A_PROXY):
        return said("%(service)s, hidden behind its proxy", service=key[: -len(BEHIND_A_PROXY)])
    if key in LABELS:
        return LABELS[key]
    known = PROGRAMS.get(key)
    return key if known is None else known
