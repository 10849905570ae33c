"""The witness's second record: a file that only grows, and that knows its own place.

Rules upheld here (decision 0030):

- A line for each new tree, durable before the first record and long before the answer: time, size, root,
  origin. A running SHA-256 binds each line to all before it.
- The first record keeps a `Mark`: how long the journal is, its running hash, the file's inode and the moment
  of its last change, which nobody can set. A copy that is put back is another file, or was changed later.
- One line more than the mark says is what a crash leaves behind, and is taken over; half a line is cut off,
  since nothing was answered for it. Anything else is `MemoryLostError`.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from meyasubako.crypto.merkle import HASH_SIZE, MAX_SIZE
from meyasubako.service.store.locks import sync_directory
from meyasubako.service.witness.errors import MemoryLostError

FILE_NAME: Final = "journal"
# How long after its line's time a file may say that it was changed, where no mark says it exactly.
CRASH_SECONDS: Final = 60

_BEGIN: Final = hashlib.sha256(b"meyasubako/witness-journal/v1\n").digest()
_BILLION: Final = 10**9
_LONGEST: Final = 2**16
_match = re.compile(
    r"(?P<time>[0-9]{1,19}) (?P<size>[0-9]{1,19}) (?P<root>[0-9a-f]{64}) (?P<origin>.+)"
).fullmatch


@dataclass(frozen=True, slots=True)
class Seen:
    """A tree of a log that the witness has found consistent, and when it first did, in POSIX seconds."""

    origin: str
    size: int
    root: bytes
    time: int

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_SIZE or "\n" in self.origin:
            raise ValueError("not a tree of a log")

    @property
    def line(self) -> bytes:
        """The journal's line."""
        return f"{self.time} {self.size} {self.root.hex()} {self.origin}\n".encode()

    @classmethod
    def parse(cls, line: bytes) -> Self:
        """What `line` spells; `MemoryLostError` for anything else."""
        try:
            found = _match(line.decode().removesuffix("\n"))
            if found is not None:
                root = bytes.fromhex(found["root"])
                seen = cls(found["origin"], int(found["size"]), root, int(found["time"]))
                if seen.line == line:
                    return seen
        except ValueError:
            pass
        raise MemoryLostError("the journal holds a line that the witness never wrote")


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the journal stands: bytes, running hash, inode, and the file's last change in nanoseconds."""

    length: int
    head: bytes
    inode: int
    changed: int


@dataclass(frozen=True, slots=True)
class Examined:
    """A journal that fits its mark: the last tree of each log, the line ahead of the mark, the mark now."""

    latest: dict[str, Seen]
    ahead: Seen | None
    mark: Mark


def create(path: Path) -> Mark:
    """An empty journal."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.fsync(descriptor)
        sync_directory(path.parent)
        return _marked(descriptor, 0, _BEGIN)
    finally:
        os.close(descriptor)


def is_at(path: Path, mark: Mark) -> bool:
    """Whether the file is the one that was marked, and has not been changed since."""
    try:
        found = path.stat()
    except OSError:
        return False
    return (found.st_size, found.st_ino, found.st_ctime_ns) == (mark.length, mark.inode, mark.changed)


def append(path: Path, mark: Mark, seen: Seen) -> Mark:
    """Add a line, durably, to a journal that stands at the mark; gives the new mark."""
    line = seen.line
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        written = os.write(descriptor, line)
        if written != len(line):
            raise OSError(f"{path} took half a line only: is the disk full?")
        os.fsync(descriptor)
        return _marked(descriptor, mark.length + written, _next(mark.head, line))
    finally:
        os.close(descriptor)


def examine(path: Path, mark: Mark, *, moved: bool = False) -> Examined:
    """Read the whole journal and compare it with its mark; `MemoryLostError` unless it fits.

    Half a line at the end is cut off. `moved` leaves the file's place and last change out of account.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise MemoryLostError(f"the journal {path} is missing or cannot be opened") from error
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        found = os.fstat(descriptor)
        if not moved and found.st_ino != mark.inode:
            raise MemoryLostError(f"{path} is not the file that the witness wrote: it was copied or restored")
        data = file.readall()
        if len(data) < mark.length:
            raise MemoryLostError(f"{path} is shorter than the witness's first record says")
        known, rest = data[: mark.length], data[mark.length :]
        latest, head = _fold(known)
        if head != mark.head:
            raise MemoryLostError(f"{path} does not hold what the witness's first record says")
        if not rest:
            if not moved and found.st_ctime_ns != mark.changed:
                raise MemoryLostError(f"{path} was changed by somebody else than the witness")
            return Examined(latest, None, _marked(descriptor, mark.length, head))
        if rest.count(b"\n") > 1 or len(rest) > _LONGEST or (b"\n" in rest and not rest.endswith(b"\n")):
            raise MemoryLostError(f"{path} is further than the witness's first record can have missed")
        if not rest.endswith(b"\n"):
            file.truncate(mark.length)
            os.fsync(descriptor)
            return Examined(latest, None, _marked(descriptor, mark.length, head))
        ahead = Seen.parse(rest)
        if not moved and abs(found.st_ctime_ns // _BILLION - ahead.time) > CRASH_SECONDS:
            raise MemoryLostError(f"{path} was changed by somebody else than the witness")
        return Examined(
            {**latest, ahead.origin: ahead}, ahead, _marked(descriptor, len(data), _next(head, rest))
        )


def _fold(data: bytes) -> tuple[dict[str, Seen], bytes]:
    latest, head = {}, _BEGIN
    lines = data.split(b"\n")
    if lines.pop():
        raise MemoryLostError("the journal ends within a line that was kept")
    for line in lines:
        seen = Seen.parse(line + b"\n")
        latest[seen.origin] = seen
        head = _next(head, line + b"\n")
    return latest, head


def _next(head: bytes, line: bytes) -> bytes:
    return hashlib.sha256(head + line).digest()


def _marked(descriptor: int, length: int, head: bytes) -> Mark:
    found = os.fstat(descriptor)
    return Mark(length, head, found.st_ino, found.st_ctime_ns)
