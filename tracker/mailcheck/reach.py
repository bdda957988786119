"""Can mail clients reach the pixel's host: https, a public name, and, if asked, its addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tracker.mailcheck.addresses import Public, why_unreachable
from tracker.mailcheck.findings import Finding, Level
from tracker.mailcheck.presence import Located
from tracker.sentences import said

# The addresses of a host, none if it has none; OSError if nobody could be asked.
Resolve = Callable[[str], list[str]]


def scheme_findings(live: Sequence[Located], public: Public) -> Iterator[Finding]:
    for located in live:
        if located.pixel.proxy or "no-scheme" in located.pixel.flaws:
            continue
        if located.pixel.scheme == "http":
            yield located.finding(
                "http",
                Level.WARNING,
                said("The pixel is loaded over http, without encryption."),
                said(
                    "Some clients refuse it, and on the way others can read along. Set PUBLIC_URL "
                    "to an https address and take the snippets anew."
                ),
            )
            return
    if any(located.pixel.scheme == "https" for located in live):
        yield Finding("https", Level.OK, said("The pixel is loaded over https."))


def other_host_findings(live: Sequence[Located], public: Public) -> Iterator[Finding]:
    for located in live:
        if "other-host" not in located.pixel.flaws:
            continue
        host = located.pixel.host
        name = Public.of(f"//{host}").name if _is_plain(host) else host
        why = why_unreachable(name)
        if why is not None:
            yield located.finding(
                "other-host-unreachable",
                Level.FAULT,
                said("The pixel is asked for at %(host)s, which %(why)s.", host=host[:80], why=why),
                said(
                    "The snippets were taken before PUBLIC_URL was set. Take them anew: they point "
                    "to %(host)s now.",
                    host=public.host,
                ),
            )
        else:
            yield located.finding(
                "other-host",
                Level.WARNING,
                said(
                    "The pixel is asked for at %(host)s, not at %(public)s, which PUBLIC_URL "
                    "names.",
                    host=host[:80],
                    public=public.host,
                ),
                said(
                    "Right only if that address leads to this server as well. Otherwise take the "
                    "snippets anew."
                ),
            )
        return


def _is_plain(host: str) -> bool:
    return host.count("[") == host.count("]") and ("[" not in host or host.startswith("["))


def host_findings(public: Public, resolve: Resolve | None) -> Iterator[Finding]:
    """About PUBLIC_URL itself; no other host is ever looked up."""
    why = why_unreachable(public.name)
    if why is not None:
        yield Finding(
            "unreachable",
            Level.FAULT,
            said(
                "Mail clients cannot reach this server: PUBLIC_URL names %(name)s, which %(why)s.",
                name=public.name,
                why=why,
            ),
            said(
                "Whoever runs this server sets PUBLIC_URL to the address under which the world "
                "reaches it. Then take the snippets anew."
            ),
        )
        return
    if resolve is None:
        yield Finding(
            "public-name",
            Level.OK,
            said("%(name)s is a name that mail clients elsewhere can look up.", name=public.name),
        )
        return
    yield from _looked_up(public.name, resolve)


def _looked_up(name: str, resolve: Resolve) -> Iterator[Finding]:
    try:
        addresses = resolve(name)
    except OSError as error:
        yield Finding(
            "not-looked-up",
            Level.WARNING,
            said(
                "%(name)s could not be looked up from here: %(reason)s.",
                name=name,
                reason=error.strerror or error,
            ),
            said("Try again later, or look it up from a computer elsewhere."),
        )
        return
    private = [address for address in addresses if why_unreachable(address)]
    if not addresses:
        yield Finding(
            "no-address",
            Level.FAULT,
            said("%(name)s has no address: mail clients cannot find this server.", name=name),
            said(
                "Whoever runs this server adds the name to the domain’s DNS, or corrects "
                "PUBLIC_URL."
            ),
        )
    elif len(private) == len(addresses):
        yield Finding(
            "private-address",
            Level.FAULT,
            said(
                "%(name)s leads to %(address)s, an address inside a private network.",
                name=name,
                address=addresses[0],
            ),
            said(
                "Mail clients elsewhere cannot reach it. If only this network sees that address "
                "and the world another, nothing is wrong."
            ),
        )
    else:
        yield Finding(
            "has-address",
            Level.OK,
            said(
                "%(name)s leads to the public address %(address)s.",
                name=name,
                address=addresses[0],
            ),
        )
