"""Is it the one snippet for a whole list, and has the tool put a recipient of it in its place?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tracker.list_hits import PREFIX, Unnamed, is_merge_tag
from tracker.mailcheck.addresses import Pixel, Public
from tracker.mailcheck.findings import Finding, Level
from tracker.mailcheck.owners import Lists
from tracker.mailcheck.presence import Located
from tracker.sentences import said

GIF = ".gif"


def campaign_of(pixel: Pixel, public: Public, lists: Lists | None) -> int:
    """0 for what is no list snippet of ours, or none that these keys have signed."""
    return 0 if lists is None else listed_in(pixel, public, lists.campaign_of)


def listed_in(pixel: Pixel, public: Public, campaign_of: Callable[[str], int]) -> int:
    address = pixel.url.partition("?")[0]
    before = f"{public.prefix}{PREFIX}"
    start = address.lower().find(before.lower())
    if start < 0 or not address.endswith(GIF):
        return 0
    return campaign_of(PREFIX + address[start + len(before) :].removesuffix(GIF))


def list_findings(
    located: Located, listed: int, lists: Lists, campaign_id: int, campaign_name: str
) -> Iterator[Finding]:
    if listed != campaign_id:
        yield located.finding(
            "other-campaign-list",
            Level.FAULT,
            said("The snippet for a whole list belongs to another campaign."),
            said(
                "Take that of “%(campaign_name)s” from its page Snippets.",
                campaign_name=campaign_name,
            ),
        )
        return
    yield located.finding(
        "list-snippet", Level.OK, said("The pixel is this campaign’s snippet for a whole list.")
    )
    yield _of_recipient(located, lists, campaign_id)


def _of_recipient(located: Located, lists: Lists, campaign_id: int) -> Finding:
    query = located.pixel.query.removeprefix("?")
    name = lists.name_in(query.encode("utf-8", "replace"))
    if name is Unnamed.UNRESOLVED:
        return _unresolved(located, query)
    owner = None if isinstance(name, Unnamed) else lists.owner_of(campaign_id, name)
    if owner is None:
        return located.finding(
            "list-stranger",
            Level.WARNING,
            said(
                "Whom the snippet names is not in this campaign’s list: the open would not count."
            ),
            said(
                "That is right for a mail to yourself, if you are not in the list. Else import the "
                "list that the tool sends to."
            ),
        )
    return located.finding(
        "list-recipient",
        Level.OK,
        said("The tool has put %(address)s into it, who is in the list.", address=owner.address),
        said("Every other copy has to carry its own recipient: look at a second one."),
    )


def _unresolved(located: Located, query: str) -> Finding:
    value = query.partition("r=")[2].partition("&")[0]
    if not value or not is_merge_tag(value) or not value.strip("+"):
        return located.finding(
            "list-empty",
            Level.FAULT,
            said("The snippet for a whole list names nobody: nothing stands after ?r=."),
            said(
                "Put the tool’s merge tag there. If it stands there in the template, the tool does "
                "not know it, or has nothing to fill in."
            ),
        )
    return located.finding(
        "list-merge-tag",
        Level.FAULT,
        said("The tool has not filled in the merge tag of the snippet: %(text)s.", text=value[:80]),
        said(
            "If this is the template, send one mail to a recipient of the list and check that. If "
            "it is the final mail, the tool calls its field otherwise."
        ),
    )
