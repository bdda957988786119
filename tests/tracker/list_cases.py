"""One table of requests for a list snippet: all ways of a hit have to take it alike.

The campaign has these recipients, and each case tells who of them has opened, if anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ANN = "Ann+News@Example.com"
BEA = "bea@example.com"
MUNICH = "info@münchen.example"
NETWORK = "hallo@xn--kln-sna.example"  # köln
PLUS = "+49170@sms.example"
QUOTE = "o'hara%20b@example.com"
RECIPIENTS = (ANN, BEA, MUNICH, NETWORK, PLUS, QUOTE)
STRANGER = "nobody@example.com"

# In a query: a code of BEA, of somebody in another campaign, and BEA's own pixel's token.
CODE_OF_BEA, CODE_OF_OTHER, PIXEL_OF_BEA = "CODE-BEA", "CODE-OTHER", "PIXEL-BEA"
# As the campaign's token.
GOOD, CHANGED, PIXEL, NOBODYS = "GOOD", "CHANGED", "PIXEL", "NOBODYS"


@dataclass(frozen=True)
class ListCase:
    """``query`` is what stands in the request, as it is; ``outcome`` is a label of the metric."""

    name: str
    query: str
    opens: str | None = None
    outcome: str = "recorded"
    token: str = GOOD
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_handed_over(self) -> bool:
        """Whether only the database can tell."""
        return self.outcome == "recorded" or "looked up" in self.name


def _unresolved(query: str) -> ListCase:
    return ListCase(f"{query} is unresolved", query, outcome="unresolved")


LIST_CASES = [
    ListCase("an address", "r=bea@example.com", BEA),
    ListCase("an encoded address", "r=bea%40example.com", BEA),
    ListCase("an address encoded twice", "r=bea%2540example.com", BEA),
    ListCase("a raw plus", "r=ann+news@example.com", ANN),
    ListCase("an encoded plus", "r=ann%2Bnews%40example.com", ANN),
    ListCase("another letter case", "r=BEA@EXAMPLE.COM", BEA),
    ListCase("spaces around it", "r=%20bea@example.com%20", BEA),
    ListCase("spaces that are pluses", "r=+bea@example.com+", BEA),
    ListCase("a plus in front that is its own", "r=+49170@sms.example", PLUS),
    ListCase("an encoded plus in front", "r=%2B49170@sms.example", PLUS),
    ListCase(
        "an encoded plus in front that is nobody's (looked up)",
        "r=%2Bbea@example.com",
        outcome="unmatched",
    ),
    ListCase("mailto", "r=mailto:bea@example.com", BEA),
    ListCase("MAILTO, encoded, with a subject", "r=MAILTO%3Abea%40example.com%3Fsubject=x", BEA),
    ListCase("a name and the address in brackets", "r=Bea%20Lee%20%3Cbea@example.com%3E", BEA),
    ListCase("a name with pluses", "r=Bea+Lee+%3Cbea%40example.com%3E", BEA),
    ListCase("quotation marks", "r=%22bea@example.com%22", BEA),
    ListCase("an invisible space", "r=bea@example.com%E2%80%8B", BEA),
    ListCase("signs that are allowed", "r=o'hara%2520b@example.com", QUOTE),
    ListCase("other parameters", "utm=1&r=bea@example.com&utm_source=mail", BEA),
    ListCase("parameters of a careless tool", "r=bea@example.com?utm_source=mail", BEA),
    ListCase("an international domain", "r=info@m%C3%BCnchen.example", MUNICH),
    ListCase("in Latin-1", "r=info@m%FCnchen.example", MUNICH),
    ListCase("in capitals", "r=INFO@M%C3%9CNCHEN.EXAMPLE", MUNICH),
    ListCase("in two pieces", "r=info@mu%CC%88nchen.example", MUNICH),
    ListCase("as the network writes it", "r=info@xn--mnchen-3ya.example", MUNICH),
    ListCase("imported as the network writes it", "r=hallo@k%C3%B6ln.example", NETWORK),
    ListCase("a code", f"r={CODE_OF_BEA}", BEA),
    ListCase("a code with a space", f"r={CODE_OF_BEA}%20", BEA),
    ListCase("a stranger (looked up)", f"r={STRANGER}", outcome="unmatched"),
    ListCase("another campaign's (looked up)", f"r={CODE_OF_OTHER}", outcome="unmatched"),
    ListCase("a pixel's token is no code", f"r={PIXEL_OF_BEA}", outcome="unmatched"),
    ListCase("a word", "r=Bea", outcome="unmatched"),
    ListCase("a number", "r=1", outcome="unmatched"),
    ListCase("a code that nobody signed", f"r={'A' * 24}", outcome="unmatched"),
    ListCase("a control character", "r=bea%00@example.com", outcome="unmatched"),
    ListCase("an endless address", f"r={'b' * 5000}@example.com", outcome="unmatched"),
    ListCase("a stub's address (looked up)", "r=erased-1@erased.invalid", outcome="unmatched"),
    ListCase("no query", "", outcome="unresolved"),
    ListCase("an empty value", "r=", outcome="unresolved"),
    ListCase("a space", "r=%20", outcome="unresolved"),
    ListCase("another parameter alone", "email=bea@example.com", outcome="unresolved"),
    *map(
        _unresolved,
        (
            "r={{email}}",
            "r=%7B%7B%20contact.EMAIL%20%7D%7D",
            "r=%7B%7B+contact.EMAIL+%7D%7D",
            "r=*|EMAIL|*",
            "r=*%7CEMAIL%7C*",
            "r=%%emailaddr%%",
            "r=%25%25emailaddr%25%25",
            "r=%EMAIL%",
            "r=%ADDRESS%",
            "r=%recipient.email%",
            "r=%recipient%",
            "r=[email]",
            "r=%5BEmail%5D",
            "r={$email}",
            "r={contactfield=email}",
            "r=%C2%ABEmail%C2%BB",
            "r=$SUBSCRIBER.EMAIL$",
            "r=[[data:email]]",
            "r=%7B%7Bemail|default:'a@b.example'%7D%7D",
            "r=null",
        ),
    ),
    ListCase("a changed token", "r=bea@example.com", outcome="forged", token=CHANGED),
    ListCase("a pixel's token", "r=bea@example.com", outcome="forged", token=PIXEL),
    ListCase("a token of nothing", "r=bea@example.com", outcome="forged", token="A" * 24),
    ListCase("an empty token", "r=bea@example.com", outcome="forged", token=""),
    ListCase(
        "a campaign that is gone (looked up)",
        "r=bea@example.com",
        outcome="unmatched",
        token=NOBODYS,
    ),
    ListCase("HEAD", "r=bea@example.com", outcome="head", method="HEAD"),
    ListCase(
        "a stated prefetch",
        "r=bea@example.com",
        outcome="prefetch",
        headers={"Sec-Purpose": "prefetch"},
    ),
    ListCase(
        "a prefetch of an unresolved one", "r=", outcome="prefetch", headers={"X-Moz": "prefetch"}
    ),
]


@dataclass(frozen=True)
class Texts:
    """What stands for the words in capitals above."""

    campaign_token: str
    gone_campaign_token: str
    pixel_token: str
    code: str
    other_code: str

    def url(self, case: ListCase) -> str:
        token = {
            GOOD: self.campaign_token,
            CHANGED: self.campaign_token[:-1] + ("B" if self.campaign_token[-1] != "B" else "C"),
            PIXEL: self.pixel_token,
            NOBODYS: self.gone_campaign_token,
        }.get(case.token, case.token)
        query = (
            case.query.replace(CODE_OF_BEA, self.code)
            .replace(CODE_OF_OTHER, self.other_code)
            .replace(PIXEL_OF_BEA, self.pixel_token)
        )
        return f"/o/c/{token}.gif" + (f"?{query}" if query else "")
