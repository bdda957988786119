"""The production server: pixel endpoint and pages in one, in as many processes as asked for."""

from __future__ import annotations

import os
import socket
import tempfile
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.migrations.executor import MigrationExecutor

from tracker.workers import BACKLOG, Supervisor


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
        with listen(host, port) as listener:
            refuse_unmigrated_database()
            call_command("collectstatic", interactive=False, verbosity=0)
            with tempfile.TemporaryDirectory(prefix="glimpse-metrics-") as metrics_directory:
                # The worker processes add their figures up in it.
                os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics_directory
                self.stdout.write(f"Glimpse serves on http://{bind} (stop: Ctrl-C or SIGTERM)")
                self.stdout.flush()
                Supervisor(listener, settings.ASGI_APPLICATION, workers).run()


def host_and_port(bind: str) -> tuple[str, int]:
    host, separator, port = bind.rpartition(":")
    if not separator or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise CommandError(f"--bind {bind}: write HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000.")
    return host.strip("[]"), int(port)


def listen(host: str, port: int) -> socket.socket:
    """The socket that all workers accept from."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Now, although nobody accepts yet: a port that is only bound can be taken twice.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CommandError(
            f"--bind {host}:{port}: {error.strerror}. Stop the other server, or choose "
            f"another address or port."
        ) from error
    return listener


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
