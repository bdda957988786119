"""The processes of the production server: they share one listening socket and are replaced."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import resource
import signal
import socket
import time
from contextlib import suppress
from multiprocessing import connection, resource_tracker
from multiprocessing.context import SpawnProcess
from types import FrameType

import uvicorn
from prometheus_client import multiprocess

from tracker.wire import CONNECTION_LIMIT, PixelProtocol

logger = logging.getLogger("tracker.workers")

SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Seconds. A worker that dies later than that after its start is replaced at once.
AT_MOST_ONCE_IN = 1.0
# What a page may take to end after SIGTERM; then its worker has a moment more.
PAGES_END_WITHIN = 10
WORKERS_END_WITHIN = 15.0
TICK = 0.1
# Connections wait in the kernel, also while a worker is replaced.
BACKLOG = 4096


class Supervisor:
    """Keeps as many workers alive as asked for until SIGTERM or SIGINT, however many come.

    The workers are fresh interpreters: copies of this one would have made their metrics before,
    and share its database connections.
    """

    def __init__(self, listener: socket.socket, application: str, workers: int) -> None:
        self._listener = listener
        self._application = application
        self._workers: list[SpawnProcess | None] = [None] * workers
        self._started = [-AT_MOST_ONCE_IN] * workers
        self._is_stopping = False

    def run(self) -> None:
        # Its start unblocks signals, which has to be over before a worker is started.
        resource_tracker.ensure_running()
        for number in SIGNALS:
            signal.signal(number, self._stop)
        while not self._is_stopping:
            self._replace_the_dead()
            connection.wait([w.sentinel for w in self._workers if w is not None], TICK)
        self._end()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._is_stopping = True

    def _replace_the_dead(self) -> None:
        for place, worker in enumerate(self._workers):
            if worker is not None and worker.exitcode is not None:
                logger.error(
                    "worker %s has ended (%s) and is replaced", worker.pid, worker.exitcode
                )
                self._forget(place, worker)
                worker = None
            now = time.monotonic()
            if worker is None and now - self._started[place] >= AT_MOST_ONCE_IN:
                self._workers[place] = self._start()
                self._started[place] = now

    def _start(self) -> SpawnProcess:
        worker = multiprocessing.get_context("spawn").Process(
            target=work, args=(self._listener, self._application)
        )
        # It inherits the block, until it knows what to do on a signal.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            worker.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        return worker

    def _end(self) -> None:
        self._listener.close()
        workers = [worker for worker in self._workers if worker is not None]
        for worker in workers:
            worker.terminate()
        until = time.monotonic() + WORKERS_END_WITHIN
        for worker in workers:
            worker.join(max(0.0, until - time.monotonic()))
            if worker.exitcode is None:
                logger.error("worker %s does not end and is killed", worker.pid)
                worker.kill()
                worker.join()

    def _forget(self, place: int, worker: SpawnProcess) -> None:
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
        worker.close()
        self._workers[place] = None


class Server(uvicorn.Server):
    """uvicorn's, with connections that are swept, and an end that no further signal cuts short."""

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for protocol in list(self.server_state.connections):
                assert isinstance(protocol, PixelProtocol)
                protocol.sweep(now)
            parent = multiprocessing.parent_process()
            if parent is not None and not parent.is_alive():
                return True
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.should_exit = True


def configuration(application: str) -> uvicorn.Config:
    """Of an application by its dotted name, as Django's settings write it."""
    return uvicorn.Config(
        ":".join(application.rsplit(".", 1)),
        http=PixelProtocol,
        loop="uvloop",
        ws="none",
        interface="asgi3",
        lifespan="on",
        # TrustedProxies and TrustedProxyMiddleware read what proxies say.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="error",
        backlog=BACKLOG,
        timeout_graceful_shutdown=PAGES_END_WITHIN,
    )


def work(listener: socket.socket, application: str) -> None:
    """A worker's life."""
    # One file for each connection, and some for the database, the spool and the metrics.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTION_LIMIT
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, wanted)), hard))
    server = Server(configuration(application))
    for number in SIGNALS:
        signal.signal(number, server.handle_exit)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    server.config.load()
    server.run([listener])
