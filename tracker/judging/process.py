"""The judge of this process, with the networks that are configured."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

from django.conf import settings

from tracker.verdicts import Judge, Networks

logger = logging.getLogger("tracker.judging")


@cache
def process_judge() -> Judge:
    """With the built-in networks if a list cannot be read: no open waits for a good list."""
    try:
        return Judge(Networks.load(Path(settings.NETWORKS_DIR)))
    except (OSError, ValueError) as error:
        logger.error(
            "the built-in networks are used, since a list is wrong: %s Refresh it with "
            "`manage.py refresh_networks`.",
            error,
            extra={"incident": "networks_wrong"},
        )
        return Judge(Networks.load(None))
