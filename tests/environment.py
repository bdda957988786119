"""The environment that the tests run in, set before Django reads its settings.

The real environment's DATABASE_URL and .env are not used, so that no test can reach a database
that somebody works with: TEST_DATABASE_URL names another one, SQLite is the default.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_scratch = Path(tempfile.gettempdir()) / f"glimpse-tests-{os.getuid()}"
_scratch.mkdir(exist_ok=True)

for _name in ("DEBUG", "PIXEL_KEY_FALLBACKS", "TRUSTED_PROXIES", "METRICS_TOKEN"):
    os.environ[_name] = ""
os.environ.update(
    {
        "DEBUG": "False",
        "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests",
        "PIXEL_KEY": "another-key-only-for-tests-another-key-only-for-tests",
        "PUBLIC_URL": "http://testserver",
        "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
        "TIME_ZONE": "UTC",
        "DATABASE_URL": os.environ.get("TEST_DATABASE_URL", f"sqlite:///{_scratch / 'db.sqlite3'}"),
        "SPOOL_DIR": str(_scratch / f"spool-{os.getpid()}"),
        "IMPORT_DIR": str(_scratch / f"imports-{os.getpid()}"),
        # Each run its own: two checkouts may be tested at once.
        "STATIC_ROOT": str(_scratch / f"static-{os.getpid()}"),
    }
)
