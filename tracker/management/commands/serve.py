"""The production server: pixel endpoint and pages in one, in as many processes as asked for."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import socket
import tempfile
import threading
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string
from granian import Granian
from granian.constants import Interfaces, Loops, RuntimeModes
from granian.http import HTTP1Settings
from granian.log import LogLevels

DAY = 24 * 3600


class Command(BaseCommand):
    help = "Run the production server: the pixel endpoint and the pages in one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--bind", default="127.0.0.1:8000", metavar="HOST:PORT", help="default: %(default)s"
        )
        parser.add_argument(
            "--workers", type=int, default=1, metavar="N", help="processes (default: %(default)s)"
        )

    def handle(self, *args: Any, bind: str, workers: int, **options: Any) -> None:
        host, port = host_and_port(bind)
        if workers < 1:
            raise CommandError(f"--workers {workers}: at least one process has to serve.")
        refuse_taken_address(host, port)
        refuse_unmigrated_database()
        call_command("collectstatic", interactive=False, verbosity=0)
        with tempfile.TemporaryDirectory(prefix="glimpse-metrics-") as metrics_directory:
            # The worker processes add their figures up in it. They start as fresh interpreters:
            # a copy of this one would have made its metrics before, and share its connections.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics_directory
            multiprocessing.set_start_method("spawn", force=True)
            self.stdout.write(f"Glimpse serves on http://{bind} (stop: Ctrl-C or SIGTERM)")
            self.stdout.flush()
            granian = server(host, port, workers)
            granian.signal_handler_interrupt = stop_once(granian)
            granian.serve(target_loader=load_application, wrap_loader=False)


def server(host: str, port: int, workers: int) -> Any:
    return Granian(
        settings.ASGI_APPLICATION,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        websockets=False,
        loop=Loops.uvloop,
        runtime_mode=RuntimeModes.st,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        backlog=4096,
        # Above it new requests wait in the kernel instead of in memory.
        backpressure=4096,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=15,
        static_path_route=["/static"],
        static_path_mount=[Path(settings.STATIC_ROOT)],
        # A day, although most names carry a hash: the error pages link without one.
        static_path_expires=DAY,
        log_level=LogLevels.error,
    )


def stop_once(granian: Any) -> Callable[..., None]:
    """What SIGTERM and SIGINT do, however often and however close together they come.

    The server's own handler sets an event in the thread that waits for it. A second signal in
    that moment, such as make's copy of the one that its whole group got, waits for a lock that
    its own thread holds, for ever.
    """

    def stop(*signal_and_frame: object) -> None:
        if not granian.interrupt_signal:
            granian.interrupt_signal = True
            threading.Thread(target=granian.main_loop_interrupt.set, daemon=True).start()

    return stop


def load_application() -> Any:
    """The application, in a worker process that has just started."""
    # The server's threads may outlive the interpreter by a moment and then abort the process,
    # with a core dump and a scare in the log. By the time this runs all is written and answered.
    atexit.register(os._exit, 0)
    return import_string(settings.ASGI_APPLICATION)


def host_and_port(bind: str) -> tuple[str, int]:
    host, separator, port = bind.rpartition(":")
    if not separator or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise CommandError(f"--bind {bind}: write HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000.")
    return host.strip("[]"), int(port)


def refuse_taken_address(host: str, port: int) -> None:
    """The server shares its port among its workers, and would share it with another server."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"--bind {host}:{port}: {error.strerror}. Stop the other server, or choose "
                f"another address or port."
            ) from error


def refuse_unmigrated_database() -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    try:
        executor = MigrationExecutor(connection)
    except OperationalError as error:
        raise CommandError(
            f"The database that DATABASE_URL names does not answer: {error}"
        ) from error
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("The database is not up to date. Run: manage.py migrate")
    connection.close()
