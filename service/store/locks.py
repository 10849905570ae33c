"""Locks on files, by which the processes that share a mechanism's directory take turns.

Rules upheld here:

- In front of SQLite's own lock stands this one: the kernel wakes the next process at once, where SQLite
  would poll and leave a process waiting for seconds under load.
- The kernel lets go of a dead process's lock; nothing has to be cleaned up after a crash.
"""

import fcntl
import os
from pathlib import Path
from threading import Lock
from types import TracebackType


class FileLock:
    """An exclusive lock between threads and processes: a context manager, not to be entered twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = Lock()
        self._file: int | None = None

    def __enter__(self) -> None:
        self._turn.acquire()
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except BaseException:
            self._turn.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._turn.release()

    def close(self) -> None:
        """Give the descriptor back once whoever holds the lock is done."""
        with self._turn:
            if self._file is not None:
                os.close(self._file)
                self._file = None


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
