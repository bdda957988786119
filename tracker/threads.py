"""A thread beside the event loop, for calls that block: to the database, to the disk."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable

# Done when the call has returned or raised.
Job = asyncio.Future[object]


class Worker:
    """A thread that runs blocking calls one after the other for an event loop.

    A daemon, unlike an executor's threads: a call that hangs does not keep the process alive.
    """

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], object], Job]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def run(self, call: Callable[[], object], job: Job | None = None) -> Job:
        """``job``: told of this call instead of a new one."""
        assert self._loop is not None
        job = job or self._loop.create_future()
        self._jobs.put((call, job))
        return job

    def _work(self) -> None:
        assert self._loop is not None
        while True:
            call, job = self._jobs.get()
            result: object = None
            error: BaseException | None = None
            try:
                result = call()
            except BaseException as caught:  # whoever waits has to hear of it, whatever it is
                error = caught
            try:
                self._loop.call_soon_threadsafe(_settle, job, result, error)
            except RuntimeError:
                return  # the loop has ended; nobody waits for the result any more


def _settle(job: Job, result: object, error: BaseException | None) -> None:
    if job.done():
        return
    if error is None:
        job.set_result(result)
    else:
        job.set_exception(error)
