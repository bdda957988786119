"""Wiring of the production server: the pixel endpoint, the style sheets, then Django's pages."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Before everything that reads the settings or the models.
django_application = get_asgi_application()

from django.conf import settings  # noqa: E402

from config.static_files import StaticFiles  # noqa: E402
from tracker.ceiling import Ceiling  # noqa: E402
from tracker.endpoint import PixelEndpoint  # noqa: E402
from tracker.hits import HitReader  # noqa: E402
from tracker.judging.schedule import Schedule  # noqa: E402
from tracker.proxies import TrustedProxies  # noqa: E402
from tracker.recorder import Recorder  # noqa: E402
from tracker.replay import Replayer  # noqa: E402
from tracker.spool import Spool  # noqa: E402
from tracker.tokens import Tokens  # noqa: E402
from tracker.writer import is_hits_fault, open_writer  # noqa: E402

if TYPE_CHECKING:
    from asgiref.typing import ASGI3Application

spool = Spool(Path(settings.SPOOL_DIR))
schedule = Schedule(Path(settings.SPOOL_DIR))
recorder = Recorder(open_writer().write, spool.append)
application = PixelEndpoint(
    StaticFiles(
        cast("ASGI3Application", django_application),
        root=settings.STATIC_ROOT,
        prefix=settings.STATIC_URL,
    ),
    reader=HitReader(
        Tokens(settings.PIXEL_KEY, settings.PIXEL_KEY_FALLBACKS),
        TrustedProxies(settings.TRUSTED_PROXIES),
        Ceiling(settings.PIXEL_CEILING),
    ),
    recorder=recorder,
    companions=[
        # With a connection of its own: new hits do not wait for old ones.
        Replayer(
            spool,
            open_writer().write,
            is_hits_fault=is_hits_fault,
            tell_oldest=schedule.look_back_to,
            is_away=lambda: recorder.is_away,
            resume=recorder.resume,
        ),
        schedule,
    ],
)

# A process that records: what was loaded by now stays, so the garbage collector need not look at
# it again; a hit makes no cycles, so it need not look often.
gc.freeze()
gc.set_threshold(100_000, 50, 50)
# The writer's thread and the event loop pass work to each other many times in 5 ms, the default.
sys.setswitchinterval(0.0002)
