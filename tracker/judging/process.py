"""The judge of this process, with the networks that are configured."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from django.conf import settings

from tracker.verdicts import Judge, Networks


@cache
def process_judge() -> Judge:
    return Judge(Networks.load(Path(settings.NETWORKS_DIR)))
