"""manage.py's commands without the second of imports that each would begin with.

Every command is a process of its own, which ends as manage.py ends; it is a copy (fork) of one
that has loaded Django for its settings, which is a copy of one that has loaded whatever does not
depend on settings. Neither has a connection, an open file or a thread of the product's.

    the tests --(environment)--> first --fork--> configured --fork--> the command
              --(arguments)-------------------->
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections import OrderedDict
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 1 << 16
# What manage.py imports in any case, and can before it knows its settings.
WITHOUT_SETTINGS = (
    "csp.constants",
    "django_stubs_ext",
    "django.contrib.admin",
    "django.contrib.auth.password_validation",
    "django.contrib.humanize",
    "django.contrib.staticfiles.storage",
    "django.core.management.commands.shell",
    "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base",
    "django.template.loader",
    "django.views.generic",
    "email_validator",
    "environ",
    "prometheus_client",
    "psycopg_pool",
    "tracker.endpoint",
    "tracker.mailcheck",
    "tracker.recorder",
)
# Configured processes that are kept: more than one test has at a time.
KEPT = 4

_configured: OrderedDict[str, socket.socket] = OrderedDict()
_lock = Lock()


def run(environment: dict[str, str], arguments: tuple[str, ...]) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of ``manage.py …``."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, _lock:
        files = [out.fileno(), err.fileno()]
        configured = _configured_for(json.dumps(environment, sort_keys=True))
        socket.send_fds(configured, [json.dumps(arguments).encode()], files)
        status = int(configured.recv(LONGEST))
        texts = [os.pread(file, os.fstat(file).st_size, 0).decode() for file in files]
    return status, texts[0], texts[1]


def _configured_for(environment: str) -> socket.socket:
    if environment not in _configured:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(_first(), [environment.encode()], [theirs.fileno()])
        _configured[environment] = ours
    _configured.move_to_end(environment)
    if len(_configured) > KEPT:
        _, oldest = _configured.popitem(last=False)
        oldest.close()
    return _configured[environment]


@cache
def _first() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.commands"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings"},
            stdin=theirs.fileno(),
            # It ends with its tests, not with a signal that is meant for them.
            start_new_session=True,
        )

    def end() -> None:
        for one in (*_configured.values(), ours):
            one.close()
        process.wait()

    atexit.register(end)
    return ours


# What follows happens in the processes.


def first() -> None:
    """Returns in the process of a command alone."""
    for name in WITHOUT_SETTINGS:
        import_module(name)
    # What is there is never collected: looking at it would only copy its pages.
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as control:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        while True:
            environment, files, *_ = socket.recv_fds(control, LONGEST, 1)
            # Those ended that have no tests any more: now and then, and at last all.
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG if environment else 0)[0]:
                    pass
            if not environment:
                sys.exit()
            connection = socket.socket(fileno=files[0])
            if not os.fork():
                break
            connection.close()
    os.environ.clear()
    os.environ.update(json.loads(environment))
    with connection:
        configured(connection)


def configured(connection: socket.socket) -> None:
    """Returns in the process of a command alone."""
    import django
    from django.core.exceptions import ImproperlyConfigured

    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    # Whose settings are wrong hears it from the command.
    with suppress(ImproperlyConfigured):
        django.setup()
        # For the system checks, which come before every command.
        import_module("config.urls")
    gc.freeze()
    while True:
        arguments, files, *_ = socket.recv_fds(connection, LONGEST, 2)
        if not arguments:
            sys.exit()
        process = os.fork()
        if not process:
            break
        for file in files:
            os.close(file)
        _, status = os.waitpid(process, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["manage.py", *json.loads(arguments)]


if __name__ == "__main__":
    first()
    import manage

    manage.main()
