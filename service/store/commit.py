"""Group commit: what arrives while one commit is on its way to the disk shares the next.

Rules upheld here:

- One leader thread per process owns the only writing connection. It drains the queue, takes the file lock,
  BEGIN IMMEDIATE, does each work in a SAVEPOINT of its own so that a refusal fails nobody else, COMMIT.
- Nobody is answered before the commit is durable. If it fails, everyone in it is told so.
- Head and full tiles are written in the same transaction as the leaves they stand for.
- The thread starts with the first work, never before: a store that is opened may still be handed over.
"""

import sqlite3
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Final, Generic, TypeVar

from meyasubako.crypto.merkle import Frontier
from meyasubako.service.store import tree
from meyasubako.service.store.errors import StoreClosedError, translated
from meyasubako.service.store.locks import FileLock

T = TypeVar("T")

# A commit takes in no more than this, so that nobody's answer waits for an endless batch.
_MOST: Final = 512


class Transaction:
    """What a work sees: the writing connection, and the leaves that this transaction adds to the tree."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.leaves: list[bytes] = []
        self._base = tree.head(connection)
        self._kept = 0

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

    def end(self) -> None:
        """Close the work's savepoint."""
        self.connection.execute("RELEASE work")

    def finish(self) -> Frontier:
        """Write head and full tiles beside the leaves; gives the new right edge."""
        edge = self._base
        if self.leaves:
            edge = self._base.extend(self.leaves)
            tree.keep_head(self.connection, edge)
            tree.keep_tiles(self.connection, self._base.size, edge.size, full_only=True)
        return edge


Work = Callable[[Transaction], T]


class _Waiting(Generic[T]):
    __slots__ = ("done", "error", "result", "work")

    result: T

    def __init__(self, work: Work[T]) -> None:
        self.work = work
        self.error: Exception | None = None
        self.done = Lock()
        self.done.acquire()


class Leader:
    """Does works in shared transactions; `connect` opens the writing connection when it is needed."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], lock: FileLock) -> None:
        self._connect = connect
        self._lock = lock
        self._queue: SimpleQueue[_Waiting[object] | None] = SimpleQueue()
        self._gate = Lock()
        self._thread: Thread | None = None
        self._closed = False
        self._connection: sqlite3.Connection | None = None

    def run(self, work: Work[T]) -> T:
        """Do the work in the next transaction and give its result once that is durable.

        What the work raises is raised here, after everything it did was taken back.
        """
        waiting = _Waiting(work)
        with self._gate:
            if self._closed:
                raise StoreClosedError("the store is closed")
            if self._thread is None:
                self._thread = Thread(target=self._lead, name="store-leader", daemon=True)
                self._thread.start()
            self._queue.put(waiting)  # type: ignore[arg-type]  # the queue holds works of every result
        waiting.done.acquire()
        if waiting.error is not None:
            raise waiting.error
        return waiting.result

    def close(self) -> None:
        """Finish what is queued, refuse what comes later, and close the writing connection."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        if self._thread is not None:
            self._thread.join()
        self._drop_connection()

    def _lead(self) -> None:
        while batch := self._next_batch():
            try:
                self._commit(batch)
            except Exception as error:  # noqa: BLE001  # whatever happened, nobody may wait for ever
                self._drop_connection()
                for waiting in batch:
                    waiting.error = translated(error)
            for waiting in batch:
                waiting.done.release()

    def _next_batch(self) -> list[_Waiting[object]]:
        """Everything that waits, at least one; nothing once the queue was closed."""
        first = self._queue.get()
        batch = [] if first is None else [first]
        try:
            while batch and len(batch) < _MOST:
                following = self._queue.get_nowait()
                if following is None:
                    self._queue.put(None)
                    break
                batch.append(following)
        except Empty:
            pass
        return batch

    def _commit(self, batch: list[_Waiting[object]]) -> None:
        with self._lock:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.execute("BEGIN IMMEDIATE")
            transaction = Transaction(self._connection)
            for waiting in batch:
                _attempt(transaction, waiting)
            transaction.finish()
            self._connection.execute("COMMIT")

    def _drop_connection(self) -> None:
        # Closing rolls back. After a failed write a connection's view of the file is not relied upon.
        if self._connection is not None:
            self._connection.close()
            self._connection = None


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
