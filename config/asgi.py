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

from campaigns.remains import clear_remains  # noqa: E402
from config.static_files import StaticFiles  # noqa: E402
from tracker.breakdowns.refresh import refresh_due  # noqa: E402
from tracker.ceiling import Ceiling  # noqa: E402
from tracker.consent import make_up  # noqa: E402
from tracker.end_snippets import configured_ends  # noqa: E402
from tracker.endpoint import PixelEndpoint  # noqa: E402
from tracker.hits import HitReader, Signals  # noqa: E402
from tracker.importing.companion import Imports  # noqa: E402
from tracker.judging.lately import Lately  # noqa: E402
from tracker.judging.process import process_judge  # noqa: E402
from tracker.judging.spreading import spread_rulings  # noqa: E402
from tracker.list_misses import MissKeeper  # noqa: E402
from tracker.list_snippets import configured_lists  # noqa: E402
from tracker.models import Work  # noqa: E402
from tracker.persons.sweep import Sweep  # noqa: E402
from tracker.proxies import TrustedProxies  # noqa: E402
from tracker.recorder import Recorder  # noqa: E402
from tracker.replay import Replayer  # noqa: E402
from tracker.retention.prune import keep_house  # noqa: E402
from tracker.schedule import Chore, Schedule  # noqa: E402
from tracker.spool import Spool  # noqa: E402
from tracker.tokens import Tokens  # noqa: E402
from tracker.work.companion import Companion  # noqa: E402
from tracker.work.waiting import WorkOf  # noqa: E402
from tracker.writer import is_hits_fault, open_committer, open_writer  # noqa: E402

if TYPE_CHECKING:
    from asgiref.typing import ASGI3Application

spool = Spool(Path(settings.SPOOL_DIR))
lately = Lately()
# Thousands of networks: before there are hits that would have to wait for them, and once for all
# of the process.
process_judge.look_again()
recorder = Recorder(open_committer(), spool.append)
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
        Signals(settings.PRIVACY_SIGNALS),
        configured_lists(),
        configured_ends(),
    ),
    recorder=recorder,
    companions=[
        # With a connection of its own: new hits do not wait for old ones.
        Replayer(
            spool,
            open_writer().write,
            is_hits_fault=is_hits_fault,
            tell_oldest=lately.look_back_to,
            is_away=lambda: recorder.is_away,
            resume=recorder.resume,
        ),
        Schedule(
            Path(settings.SPOOL_DIR),
            [
                # First, so that nothing is judged that is to leave its recipient.
                Chore("unlinking opens", make_up, can_wait=False),
                Chore("judging recent opens", lately.judge, can_wait=False),
                Chore("spreading rulings", spread_rulings),
                Chore("erased people's evidence", Sweep().sweep),
                # Whatever was removed or changed, by whomever: gone from the file a minute later.
                Chore("clearing what was removed", clear_remains),
                Chore("adding up breakdowns", refresh_due),
                Chore("retention", keep_house, every=3_600),
            ],
            # Each has a judge of its own, which has to follow new lists of networks.
            in_every_process=process_judge.look_again,
        ),
        MissKeeper(),
        Companion([Imports(), *(WorkOf(kind) for kind in Work.Kind)]),
    ],
)

# A process that records: what was loaded by now stays, so the garbage collector need not look at
# it again; a hit makes no cycles, so it need not look often.
gc.freeze()
gc.set_threshold(100_000, 50, 50)
# The writer's thread and the event loop pass work to each other many times in 5 ms, the default.
sys.setswitchinterval(0.0002)
