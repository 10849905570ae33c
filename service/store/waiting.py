"""The queue before the group commit: who waits, and when it is worth while to wait for more.

Rules upheld here:

- A lone writer is never kept waiting. Where several were answered by the last commit and come back at once,
  the leader gives them a moment, so that all share one commit instead of falling apart into groups that take
  turns, or into one that hurries ahead and all the others.
- That moment is no longer than two commits take. If they do not come back, the next batches go at once.
- Nobody is left waiting: a queue that was closed takes nothing in, and gives out what it holds.
"""

from collections import deque
from threading import Lock
from typing import Final, Generic, TypeVar

T = TypeVar("T")

# A batch takes no more than this, so that nobody's answer waits for an endless one.
_MOST: Final = 512
# After a moment was given in vain, so many batches go at once.
_PAUSE: Final = 8


class ClosedLineError(Exception):
    """The queue takes nothing in any more."""


class WaitingLine(Generic[T]):
    """Many threads put in, one takes batches out."""

    def __init__(self) -> None:
        self._line: deque[T] = deque()
        self._gate = Lock()
        self._wake = Lock()
        self._wake.acquire()
        # How many must wait before the leader is woken, 0 while it is awake.
        self._awaited = 0
        self._expected, self._moment = 1, 0.0
        self._pause = 0
        self._closed = False

    def put(self, item: T) -> None:
        """Join the line; `ClosedLineError` if it takes nothing in any more."""
        with self._gate:
            if self._closed:
                raise ClosedLineError
            self._line.append(item)
            if 0 < self._awaited <= len(self._line):
                self._awaited = 0
                self._wake.release()

    def expect(self, answered: int, moment: float) -> None:
        """Say, before they are answered, how many of a batch may come back within `moment` seconds.

        Who joined meanwhile will wait for them, so that two groups become one.
        """
        self._expected, self._moment = answered + len(self._line), moment

    def take(self) -> list[T]:
        """Everything that waits, at least one; nothing once the line is closed and empty."""
        if self._pause:
            self._pause -= 1
        elif not self._sleep(self._expected, self._moment):
            self._pause = _PAUSE
        self._sleep(1, -1)
        with self._gate:
            return [self._line.popleft() for _ in range(min(len(self._line), _MOST))]

    def close(self) -> None:
        """Take nothing in any more."""
        with self._gate:
            self._closed = True
            if self._awaited:
                self._awaited = 0
                self._wake.release()

    def _sleep(self, until: int, seconds: float) -> bool:
        """Sleep until so many wait, or the line is closed; gives False if it took too long."""
        with self._gate:
            if self._closed or len(self._line) >= until:
                return True
            self._awaited = until
        if self._wake.acquire(timeout=seconds):
            return True
        with self._gate:
            if self._awaited:
                self._awaited = 0
                return False
        # Somebody woke the leader in the very moment in which it gave up.
        self._wake.acquire()
        return True
