"""Where groups of hits wait while the database is away: local files, append-only, fsynced.

Each process appends to a file of its own and holds a lock on it, which the system releases when
the process dies. Whoever finds a file without a living owner may replay it; one process a machine
does so at a time. A record is whole or it is not there: a length and a checksum stand before it.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import struct
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tracker.hits import Hit
from tracker.private import private

logger = logging.getLogger("tracker.spool")

ROTATE_BYTES = 16 * 2**20
RECORD_HEAD = struct.Struct(">II")  # length of the payload, CRC-32 of it
SUFFIX = ".spool"
REFUSED = "refused.jsonl"
# Of a hit that was set aside, also of half a line: its pixel.
PIXEL_OF_REFUSED = re.compile(r"\[\d+, (-?\d+), ")
# Less than this counts as a full disk; the largest group takes some 150 kB.
LEAST_ROOM = 2**20
REPLAY_HITS = 500
# From here on fields belong to hits of list snippets alone, and from there on to end marks.
LIST_FIELDS = Hit._fields.index("campaign_id")
END_FIELDS = Hit._fields.index("is_end_mark")
OF_NO_LIST = tuple(Hit._field_defaults[name] for name in Hit._fields[LIST_FIELDS:])


@dataclass(frozen=True, slots=True)
class Waiting:
    """What has not been replayed: how much, and the age of the oldest in seconds.

    ``refused_bytes`` is the size of the hits that were set aside for a person to look at.
    """

    files: int
    bytes: int
    oldest_seconds: float
    refused_bytes: int = 0


class Spool:
    """Keeps groups of hits in a directory until ``replay`` has handed them to the database."""

    def __init__(self, directory: Path, *, rotate_bytes: int = ROTATE_BYTES) -> None:
        self._directory = directory
        self._rotate_bytes = rotate_bytes
        self._file: int | None = None
        self._path: Path | None = None
        self._size = 0
        self._lock = threading.Lock()

    def append(self, hits: Sequence[Hit]) -> None:
        """The group is on the disk when this returns; OSError when it could not be kept."""
        payload = json.dumps([_fields(hit) for hit in hits]).encode()
        record = RECORD_HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        with self._lock:
            if self._file is not None and not os.fstat(self._file).st_nlink:
                # Somebody removed it: what is written there nobody will ever find.
                self._end()
            file = self._file if self._file is not None else self._begin()
            try:
                _write_all(file, record)
                os.fdatasync(file)
            except OSError:
                self._leave_whole(file)
                raise
            self._size += len(record)
            if self._size >= self._rotate_bytes:
                self._end()

    def release(self) -> None:
        """Close this process's file, so that it may be replayed."""
        with self._lock:
            self._end()

    def replay(self, write: Callable[[Sequence[Hit]], int]) -> int:
        """Hand everything that no living process still appends to over to ``write``, in order.

        A file is deleted after its last group was written; ``write`` is idempotent, so a replay
        that was cut short is simply repeated. Raises what ``write`` raises. Returns the number of
        hits handed over; 0 when another process is at it.
        """
        handed_over = 0
        with self._alone() as is_alone:
            if is_alone:
                for path in self._files():
                    handed_over += self._replay_file(path, write)
        return handed_over

    def set_aside(self, hits: Sequence[Hit]) -> None:
        """Keep hits that the database refuses where nothing replays them, one JSON line each.

        Those of list snippets without whom they name, and what led to them: whoever is erased is
        looked for by their pixels, which these hits do not have yet.
        """
        path = self._directory / REFUSED
        with self._refused_held(), open(path, "a", encoding="utf-8", opener=private) as file:
            file.writelines(f"{json.dumps(_fields(_nameless(hit)))}\n" for hit in hits)

    def refused(self) -> Iterator[Hit]:
        """The hits that were set aside; half a line, of a full disk, is passed over."""
        with (
            suppress(FileNotFoundError),
            (self._directory / REFUSED).open(encoding="utf-8") as file,
        ):
            for line in file:
                with suppress(ValueError):
                    yield Hit(*json.loads(line))

    def forget_refused(self, pixel_ids: Collection[int]) -> int:
        """Remove what was set aside of these pixels, half lines too; returns how many lines."""
        path = self._directory / REFUSED
        part = path.with_suffix(".part")
        removed = 0
        if not path.exists():
            return 0
        with self._refused_held():
            file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with path.open(encoding="utf-8") as old, os.fdopen(file, "w", encoding="utf-8") as new:
                for line in old:
                    pixel = PIXEL_OF_REFUSED.match(line)
                    if pixel is not None and int(pixel[1]) in pixel_ids:
                        removed += 1
                    else:
                        new.write(line)
                new.flush()
                os.fsync(new.fileno())
            if removed and part.stat().st_size:
                part.replace(path)
            else:
                part.unlink()
                if removed:
                    path.unlink()
            self._sync_directory()
        return removed

    def waiting(self) -> Waiting:
        files = size = 0
        oldest = time.time()
        for path in self._files():
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # replayed at this moment
            files += 1
            size += status.st_size
            oldest = min(oldest, int(path.name.partition("-")[0]) / 1e9)
        refused = 0
        with suppress(OSError):
            refused = (self._directory / REFUSED).stat().st_size
        return Waiting(files, size, max(0.0, time.time() - oldest), refused)

    def room(self) -> int:
        """Free bytes where the spool lies; 0 if the directory is missing or closed to us."""
        if not os.access(self._directory, os.R_OK | os.W_OK | os.X_OK):
            return 0
        try:
            place = os.statvfs(self._directory)
        except OSError:
            return 0
        return place.f_bavail * place.f_frsize

    def is_writable(self) -> bool:
        """Whether some groups would find room now."""
        return self.room() >= LEAST_ROOM

    def _files(self) -> list[Path]:
        """Oldest first: a name begins with the nanosecond in which the file was begun."""
        return sorted(self._directory.glob(f"*{SUFFIX}"))

    def _begin(self) -> int:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{time.time_ns():020}-{os.getpid()}-{os.urandom(3).hex()}"
        path = self._directory / f"{name}.new"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        # Locked before it has the name that others look for.
        fcntl.flock(file, fcntl.LOCK_EX)
        path.rename(path.with_suffix(SUFFIX))
        self._sync_directory()
        self._file, self._path, self._size = file, path.with_suffix(SUFFIX), 0
        return file

    def _leave_whole(self, file: int) -> None:
        """Half a record would hide those after it: cut it off, and begin a new file next time."""
        with suppress(OSError):
            os.ftruncate(file, self._size)
            if not self._size and self._path is not None:
                # A full disk must not fill with empty files.
                self._path.unlink()
        self._end()

    def _end(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _replay_file(self, path: Path, write: Callable[[Sequence[Hit]], int]) -> int:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return 0
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0  # its process lives and appends to it
            handed_over = 0
            for hits in _in_large_groups(read_records(file.read(), path.name)):
                write(hits)
                handed_over += len(hits)
            path.unlink()
            self._sync_directory()
        return handed_over

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        if not self._files():
            yield False
            return
        with (self._directory / "replay.lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    @contextmanager
    def _refused_held(self) -> Iterator[None]:
        """Who sets aside and who removes do not meet; the file itself is replaced meanwhile."""
        with (self._directory / "refused.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _sync_directory(self) -> None:
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def read_records(content: bytes, name: str) -> Iterator[list[Hit]]:
    """The whole groups in a file, in order; what a power cut left half written is skipped."""
    place = 0
    while place < len(content):
        start = place + RECORD_HEAD.size
        head = content[place:start]
        length, checksum = RECORD_HEAD.unpack(head) if len(head) == RECORD_HEAD.size else (0, 0)
        payload = content[start : start + length]
        is_intact = len(payload) == length > 0 and zlib.crc32(payload) == checksum
        if not is_intact and length and start + length < len(content):
            # More stands behind it: the disk has changed this one, and only this one is lost.
            logger.error(
                "%s: a record of %d bytes is damaged and is skipped",
                name,
                length,
                extra={"incident": "record_damaged"},
            )
            place = start + length
            continue
        if not is_intact:
            logger.warning(
                "%s: %d bytes at its end are no whole record and are skipped; nothing that was "
                "answered stood there",
                name,
                len(content) - place,
                extra={"incident": "record_torn"},
            )
            return
        yield [Hit(*fields) for fields in json.loads(payload)]
        place = start + length


def _in_large_groups(groups: Iterator[list[Hit]]) -> Iterator[list[Hit]]:
    """Groups joined up to REPLAY_HITS: what waits is handed over in few transactions."""
    joined: list[Hit] = []
    for hits in groups:
        joined += hits
        if len(joined) >= REPLAY_HITS:
            yield joined
            joined = []
    if joined:
        yield joined


def _fields(hit: Hit) -> tuple[object, ...]:
    """An ordinary hit and that of a list snippet as they always were: former versions read both."""
    if hit.is_end_mark:
        return hit
    return hit[:LIST_FIELDS] if hit[LIST_FIELDS:] == OF_NO_LIST else hit[:END_FIELDS]


def _nameless(hit: Hit) -> Hit:
    return hit._replace(name="", ip=None, user_agent="") if hit.campaign_id else hit


def _write_all(file: int, record: bytes) -> None:
    rest = memoryview(record)
    while rest:
        rest = rest[os.write(file, rest) :]
