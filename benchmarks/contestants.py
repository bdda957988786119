"""The contestants, each on a database and a port of its own."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data import Stock
from benchmarks.databases import (
    Ledger,
    PlainLedger,
    PostgresqlLedger,
    Rows,
    SqliteLedger,
    fill_plain,
    fill_postgresql,
    fill_sqlite,
    migrate,
    sqlite_url,
)
from benchmarks.options import Options
from benchmarks.postgresql import own_database, settle
from benchmarks.servers import free_port, running
from tracker.tokens import Tokens

GLIMPSE, PLAIN, NGINX = "glimpse", "plain", "nginx"
GUNICORN_WORKERS, GUNICORN_THREADS = 2, 4

NGINX_SETTINGS = """
worker_processes auto;
error_log stderr;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
    access_log {folder}/access.log;
    keepalive_requests 100000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location /o/ {{ empty_gif; }}
    }}
}}
"""


class MissingError(Exception):
    """A program that a contestant needs is not installed."""


@dataclass(frozen=True)
class Contestant:
    name: str
    title: str
    port: int
    prefix: str = ""
    ledger: Ledger | None = None
    # Reads the groups that were committed; only our own endpoint counts them.
    metrics_token: str = ""
    one_statement_a_group: bool = False
    database_url: str = ""


class Field:
    """Prepares and starts contestants; ``stack`` ends them and drops their databases."""

    def __init__(self, options: Options, folder: Path, stack: ExitStack) -> None:
        self._options = options
        self._folder = folder
        self._stack = stack
        self._key = secrets.token_hex(32)
        self._tokens = Tokens(self._key)

    def paths(self, pixels: Sequence[int]) -> Iterator[str]:
        return (f"/o/{self._tokens.make(pixel)}.gif" for pixel in pixels)

    def environment(self, database_url: str, metrics_token: str = "") -> dict[str, str]:
        return {
            "DATABASE_URL": database_url,
            "SECRET_KEY": self._key,
            "PIXEL_KEY": self._key,
            "PIXEL_KEY_FALLBACKS": "",
            "ALLOWED_HOSTS": "127.0.0.1",
            "PUBLIC_URL": "http://127.0.0.1",
            "METRICS_TOKEN": metrics_token,
            "TRUSTED_PROXIES": "",
            "DEBUG": "False",
            "LOG_LEVEL": "WARNING",
            "STATIC_ROOT": os.fspath(self._folder / "static"),
            "SPOOL_DIR": os.fspath(self._folder / "spool"),
        }

    def glimpse_on_postgresql(
        self,
        stock: Rows,
        name: str = GLIMPSE,
        title: str = "this endpoint on PostgreSQL",
        **settings: str,
    ) -> Contestant:
        url = self._stack.enter_context(own_database(self._options.postgresql, name))
        migrate(["manage.py", "migrate", "--verbosity=0"], self.environment(url))
        fill_postgresql(url, stock)
        settle(url)
        return self._glimpse(name, title, url, PostgresqlLedger(url), True, **settings)

    def glimpse_on_sqlite(self, stock: Stock) -> Contestant:
        path = self._folder / "glimpse.sqlite3"
        migrate(["manage.py", "migrate", "--verbosity=0"], self.environment(sqlite_url(path)))
        fill_sqlite(path, stock)
        title = "this endpoint on SQLite"
        return self._glimpse("sqlite", title, sqlite_url(path), SqliteLedger(path), False)

    def _glimpse(
        self,
        name: str,
        title: str,
        url: str,
        ledger: Ledger,
        one_statement: bool,
        **settings: str,
    ) -> Contestant:
        port, token = free_port(), secrets.token_hex(16)
        command = [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{port}"]
        self._run(name, command, {**self.environment(url, token), **settings}, port)
        return Contestant(
            name,
            title,
            port,
            ledger=ledger,
            metrics_token=token,
            one_statement_a_group=one_statement,
            database_url=url,
        )

    def plain_views(self, stock: Stock) -> list[Contestant]:
        gunicorn = Path(sys.executable).parent / "gunicorn"
        if not gunicorn.exists():
            raise MissingError("gunicorn")
        url = self._stack.enter_context(own_database(self._options.postgresql, PLAIN))
        environment = self.environment(url)
        environment["DJANGO_SETTINGS_MODULE"] = "benchmarks.plain.settings"
        migrate(["-m", "django", "migrate", "--run-syncdb", "--verbosity=0"], environment)
        fill_plain(url, (self._tokens.make(pixel) for pixel in range(1, stock.pixels + 1)))
        settle(url)
        port = free_port()
        command = [os.fspath(gunicorn), "--bind", f"127.0.0.1:{port}", "--backlog", "4096"]
        command += ["--workers", str(GUNICORN_WORKERS), "--threads", str(GUNICORN_THREADS)]
        command += ["--no-control-socket", "django.core.wsgi:get_wsgi_application()"]
        self._run("gunicorn", command, environment, port)
        return [
            Contestant(PLAIN, "a plain Django view", port, ledger=PlainLedger(url)),
            Contestant("empty", "an empty Django view", port, prefix="/empty"),
        ]

    def nginx(self, _: Stock) -> list[Contestant]:
        binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
        if binary is None:
            raise MissingError("nginx")
        port = free_port()
        folder = self._folder / "nginx"
        folder.mkdir()
        settings = folder / "nginx.conf"
        settings.write_text(NGINX_SETTINGS.format(folder=folder, port=port))
        command = [binary, "-c", os.fspath(settings), "-p", os.fspath(folder)]
        self._run(NGINX, [*command, "-e", "stderr", "-g", "daemon off;"], {}, port)
        return [Contestant(NGINX, "nginx `empty_gif`, access log on", port)]

    def _run(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], port: int
    ) -> None:
        server = running(name, command, environment, port, self._folder)
        self._stack.enter_context(server)
