"""The product's wiring, with a judge that knows nothing at no cost, and nothing judged again."""

from __future__ import annotations

from django.core.asgi import get_asgi_application

# Before everything that reads the settings or the models.
get_asgi_application()

from tracker.judging.lately import Lately  # noqa: E402  # needs the settings
from tracker.judging.process import ProcessJudge  # noqa: E402  # needs the settings
from tracker.verdicts import Judge, Networks, Verdict  # noqa: E402  # needs the settings

UNKNOWN = (Verdict.UNKNOWN.number, 0)


class Indifferent(Judge):
    def verdict_and_rule(self, user_agent: str, ip: str | None) -> tuple[int, int]:
        return UNKNOWN


indifferent = Indifferent(Networks.load(None))


def look_again(self: ProcessJudge) -> Judge:
    return indifferent


def judge_nothing(self: Lately) -> None:
    """The product's own server judges again each minute; that is part of what it costs."""


setattr(ProcessJudge, "look_again", look_again)  # noqa: B010  # mypy refuses the assignment
setattr(Lately, "judge", judge_nothing)  # noqa: B010  # mypy refuses the assignment

from config.asgi import application  # noqa: E402  # needs the settings

__all__ = ["application"]
