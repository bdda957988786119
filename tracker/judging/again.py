"""Opens judged again: agent and address, then patterns, then people; counts follow in one step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from django.db import transaction

from tracker.judging.bursts import SUSPECTS, WITHIN, BurstsAhead, Fetch, bursts
from tracker.judging.changes import Changes, Numbers, Outcome, Row, first_human_of, is_thin
from tracker.judging.process import process_judge
from tracker.judging.rulings import Rulings
from tracker.judging.shared import is_shared_by_readers
from tracker.judging.windows import by_size, opens_from, window_from
from tracker.models import FanOut, Horizon, Open, Pixel, PixelTracking, UniqueOpen, UserAgent
from tracker.quarters import EPOCH
from tracker.verdicts import RULE_BY_ID, Networks, Verdict

BURST, FAN_OUT, BY_HAND = (RULE_BY_ID[name] for name in ("burst", "fan-out", "by-hand"))
MAIL_CLIENT = RULE_BY_ID["mail-client"]
NO_SUSPECT = Verdict.IMAGE_PROXY_ON_OPEN.number
SCANNER = Verdict.SECURITY_SCANNER.number
AGENTS_REMEMBERED = 50_000

Span = tuple[datetime, datetime]


class JudgeAgain:
    """Judges the opens of some pixels; one for a walk, since it remembers agents and rulings."""

    def __init__(self, *, is_dry_run: bool = False, fan_outs: Sequence[FanOut] = ()) -> None:
        """``fan_outs``: those that are not stored, beside those that are."""
        self._judge = process_judge()
        self._rulings = Rulings.of_now()
        self._is_dry_run = is_dry_run
        self._fan_outs: dict[str, list[Span]] = defaultdict(list)
        for one in fan_outs:
            self._fan_outs[one.ip].append((one.starts_at, one.ends_at))
        self._agents: dict[int, str] = {}

    def pixels(
        self, pixel_ids: Sequence[int], *, since: Mapping[int, datetime] | None = None
    ) -> Outcome:
        """In groups, each one transaction; hits on a group's pixels wait until it is through.

        A pixel with more than MANY opens is judged window by window, and if ``since`` knows it,
        from that moment on only: what was before has been judged, and nothing new is about it.
        """
        outcome = Outcome()
        groups, large = by_size(pixel_ids)
        for group in groups:
            with transaction.atomic():
                outcome.add(self._judged(self._locked(group)))
        for pixel_id in large:
            start: datetime | None = (since or {}).get(pixel_id, EPOCH)
            while start is not None:
                judged, start = self._window(pixel_id, start)
                outcome.add(judged)
        return outcome

    def _locked(self, pixel_ids: Sequence[int]) -> dict[int, UniqueOpen]:
        """Those whose opens are all there, locked unless nothing is to be written."""
        kept_from = (Horizon.now() if self._is_dry_run else Horizon.held()).opens_kept_from
        locked = UniqueOpen.objects.filter(pk__in=pixel_ids).order_by("pk")
        if kept_from is not None:
            # Where opens have been removed, the others do not tell the whole story.
            locked = locked.filter(first_opened_at__gte=kept_from)
        if not self._is_dry_run:
            # The writer's order of locks: pixels, campaign counts, quarters.
            locked = locked.select_for_update(no_key=True)
        return {one.pk: one for one in locked}

    def _judged(self, stored: dict[int, UniqueOpen]) -> Outcome:
        opens: dict[int, list[Row]] = defaultdict(list)
        rows = Open.objects.filter(pixel__in=stored).order_by("pixel", "opened_at", "pk")
        for values in rows.values_list(*Row._fields).iterator(2_000):
            opens[values[1]].append(Row(*values))
        self._learn_agents(one.user_agent_id for some in opens.values() for one in some)
        fan_outs = fan_outs_of({one.ip for some in opens.values() for one in some if one.ip})
        outcome = Outcome()
        changes = Changes(set_apart=stand_ins_that_are_off(stored))
        for pixel_id, some in opens.items():
            alone = [self._alone(one) for one in some]
            in_burst = bursts([*map(fetch_of, some, alone)])
            is_in_burst = [place in in_burst for place in range(len(some))]
            verdicts = self._verdicts(some, alone, is_in_burst, fan_outs)
            changes.add_opens(stored[pixel_id], some, verdicts, outcome)
            best = max(verdict for verdict, _ in verdicts)
            changes.add_pixel(stored[pixel_id], best, first_human_of(some, verdicts))
        if not self._is_dry_run:
            changes.apply()
        return outcome

    def _window(self, pixel_id: int, start: datetime) -> tuple[Outcome, datetime | None]:
        """Some opens of one pixel, from ``start`` on, and where the next ones begin."""
        outcome = Outcome()
        with transaction.atomic():
            stored = self._locked([pixel_id])
            window = window_from(pixel_id, start)
            if not stored or not window.opens:
                return outcome, None
            unique = stored[pixel_id]
            self._learn_agents(one.user_agent_id for one in window.opens)
            alone = [self._alone(one) for one in window.opens]
            ahead = BurstsAhead(self._fetches(opens_from(pixel_id, window.start - WITHIN)))
            is_in_burst = [ahead.has(fetch) for fetch in map(fetch_of, window.opens, alone)]
            fan_outs = fan_outs_of({one.ip for one in window.opens if one.ip})
            verdicts = self._verdicts(window.opens, alone, is_in_burst, fan_outs)
            changes = Changes(set_apart=stand_ins_that_are_off(stored))
            changes.add_opens(unique, window.opens, verdicts, outcome)
            changes.add_pixel(unique, *window.best_of_all(unique, verdicts))
            if not self._is_dry_run:
                changes.apply()
        return outcome, window.end

    def _fetches(self, pages: Iterable[Sequence[Row]]) -> Iterator[Fetch]:
        for page in pages:
            self._learn_agents(one.user_agent_id for one in page)
            # Now: the next page's agents may drive these out.
            yield from [fetch_of(one, self._alone(one)) for one in page]

    def _verdicts(
        self,
        opens: Sequence[Row],
        alone: Sequence[Numbers],
        is_in_burst: Sequence[bool],
        fan_outs: dict[str, list[Span]],
    ) -> list[Numbers]:
        """Of one pixel's opens, in order of time; ``alone`` is what agent and address say."""
        verdicts = []
        for one, numbers, is_burst in zip(opens, alone, is_in_burst, strict=True):
            ruling = self._rulings.about(one.id, one.ip, one.user_agent_id)
            if ruling is not None:
                numbers = ruling.verdict, BY_HAND.number
            elif is_thin(one):
                pass
            elif is_burst:
                numbers = SCANNER, BURST.number
            elif is_suspect(numbers) and self._is_fanned_out(one, fan_outs):
                numbers = SCANNER, FAN_OUT.number
            verdicts.append(numbers)
        return verdicts

    def _alone(self, one: Row) -> Numbers:
        """By its own agent and address; without evidence what it was judged while it had some."""
        if is_thin(one):
            return one.verdict, one.rule
        return self._judge.verdict_and_rule(self._agents.get(one.user_agent_id or 0, ""), one.ip)

    def _is_fanned_out(self, one: Row, stored: dict[str, list[Span]]) -> bool:
        ip = one.ip or ""
        windows = [*stored.get(ip, ()), *self._fan_outs.get(ip, ())]
        return any(start <= one.opened_at < end for start, end in windows)

    def _learn_agents(self, ids: Iterable[int | None]) -> None:
        wanted = {agent_id for agent_id in ids if agent_id is not None}
        if len(self._agents) > AGENTS_REMEMBERED:
            self._agents.clear()
        new = wanted.difference(self._agents)
        for start in range(0, len(ordered := sorted(new)), 500):
            some = UserAgent.objects.filter(pk__in=ordered[start : start + 500])
            self._agents.update(some.values_list("pk", "text"))


def is_suspect(numbers: Numbers) -> bool:
    """Scanners dress up as browsers. A mail client that names itself may well open a shared
    mailbox in three places at once."""
    return numbers[0] in SUSPECTS and numbers[1] != MAIL_CLIENT.number


def fetch_of(one: Row, alone: Numbers) -> Fetch:
    """As bursts look at it: a reader's requests may come through many of a mail service's
    addresses."""
    counts = is_suspect(alone) and not (one.ip and _is_shared(one.ip))
    return Fetch(one.opened_at, one.ip, alone[0] if counts else NO_SUSPECT)


def _is_shared(ip: str) -> bool:
    return _is_shared_by(ip, process_judge().networks)


@lru_cache(maxsize=50_000)
def _is_shared_by(ip: str, networks: Networks) -> bool:
    return is_shared_by_readers(ip, networks)


def fan_outs_of(ips: Iterable[str]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = defaultdict(list)
    for start in range(0, len(ordered := sorted(ips)), 500):
        rows = FanOut.objects.filter(ip__in=ordered[start : start + 500])
        for ip, starts_at, ends_at in rows.values_list("ip", "starts_at", "ends_at"):
            found[ip].append((starts_at, ends_at))
    return found


def stand_ins_that_are_off(pixel_ids: Iterable[int]) -> set[int]:
    negative = [pixel_id for pixel_id in pixel_ids if pixel_id < 0]
    if not negative:
        return set()
    pixels = Pixel.objects.filter(pk__in=negative, tracking=PixelTracking.OFF)
    return set(pixels.values_list("pk", flat=True))
