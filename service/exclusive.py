"""A lock that one process holds for as long as it runs: one supervisor, one clock for a mechanism."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meyasubako.service.errors import AlreadyRunningError


@contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file; `AlreadyRunningError` at once if another process does. It ends with the process."""
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(f"another {what} runs on {path.parent} already") from None
        yield
