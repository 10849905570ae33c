"""Group commit: what arrives while one commit is on its way to the disk shares the next.

Rules upheld here:

- One leader thread per process owns the only writing connection. It drains the queue, takes the file lock,
  BEGIN IMMEDIATE, does all that waits, COMMIT. Nobody is answered before the commit is durable; if it fails,
  everyone in it is told so.
- A refusal fails nobody else. All waiting appends are tried together, in few statements; if the database
  refuses one of them that is taken back, and each is done again in a SAVEPOINT of its own.
- Head and full tiles are written in the same transaction as the leaves they stand for.
- The thread starts with the first work, never before: a store that is opened may still be handed over.
"""

import sqlite3
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Final, Generic, Protocol, TypeVar

from meyasubako.crypto.merkle import Frontier
from meyasubako.service.store import tree
from meyasubako.service.store.errors import StoreClosedError, translated
from meyasubako.service.store.locks import FileLock

T = TypeVar("T")
A = TypeVar("A")

# A commit takes in no more than this, so that nobody's answer waits for an endless batch.
_MOST: Final = 512
# How many streams' heads are remembered between commits.
_HEADS: Final = 4096


class Transaction:
    """What a work sees: the writing connection, and the leaves that this transaction adds to the tree.

    `heads` remembers the seq of streams' last events, as this transaction leaves them.
    """

    def __init__(self, connection: sqlite3.Connection, known: "Known") -> None:
        self.connection = connection
        self.leaves: list[bytes] = []
        self._base = tree.head(connection)
        self._kept = 0
        # Whoever else appends moves the size; as long as it stands still, so do all streams.
        if known.size != self._base.size or len(known.heads) > _HEADS:
            known.heads.clear()
        self.heads = known.heads

    @property
    def size(self) -> int:
        """The next leaf index."""
        return self._base.size + len(self.leaves)

    def begin(self) -> None:
        """Open the savepoint of the next work."""
        self.connection.execute("SAVEPOINT work")
        self._kept = len(self.leaves)

    def undo(self) -> None:
        """Take back what the work did so far."""
        self.connection.execute("ROLLBACK TO work")
        del self.leaves[self._kept :]
        self.heads.clear()

    def end(self) -> None:
        """Close the work's savepoint."""
        self.connection.execute("RELEASE work")

    def finish(self) -> int:
        """Write head and full tiles beside the leaves; gives the new size."""
        if not self.leaves:
            return self._base.size
        edge = self._base.extend(self.leaves)
        tree.keep_head(self.connection, edge)
        tree.keep_tiles(self.connection, self._base.size, edge.size, full_only=True)
        return edge.size


class Known:
    """What the leader remembers from one commit to the next: streams' heads at a size of the log."""

    def __init__(self) -> None:
        self.size = -1
        self.heads: dict[str, int] = {}


class Appending(Protocol[A]):
    """How appends of one kind are done."""

    def together(self, transaction: Transaction, appends: list[A], /) -> list[list[int]]:
        """Store all of them; raises anything if one is refused, after which all is taken back."""

    def alone(self, transaction: Transaction, append: A, /) -> list[int]:
        """Store one, or raise why it is refused."""


class _Waiting(Generic[A, T]):
    __slots__ = ("append", "done", "error", "result", "work")

    result: T

    def __init__(self, append: A | None, work: Callable[[Transaction], T] | None) -> None:
        self.append, self.work = append, work
        self.error: Exception | None = None
        self.done = Lock()
        self.done.acquire()
def _attempt(transaction: Transaction, waiting: _Waiting[object]) -> None:
    transaction.begin()
    try:
        waiting.result = waiting.work(transaction)
    except Exception as error:
        if not transaction.connection.in_transaction:
            raise  # SQLite has rolled everything back by itself: it does so when the disk is full
        transaction.undo()
        waiting.error = translated(error)
    transaction.end()
