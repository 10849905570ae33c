"""Group commit: what arrives while one commit is on its way to the disk shares the next.

Rules upheld here:

- One leader thread per process owns the only writing connection. It drains the queue, takes the file lock,
  BEGIN IMMEDIATE, does all that waits, COMMIT. Nobody is answered before the commit is durable; if it fails,
  everyone in it is told so.
- A refusal fails nobody else. The waiting appends are tried together, in few statements; if one of them is
  refused all are taken back, and each is done again in a SAVEPOINT of its own.
- The thread starts with the first work, never before: a store that is only read has none.
"""

import sqlite3
from collections.abc import Callable, Sequence
from itertools import pairwise
from threading import Lock, Thread
from time import perf_counter
from typing import Final, TypeVar, cast

from meyasubako.service.store.append import Append, store_alone, store_together
from meyasubako.service.store.errors import StoreClosedError, StoreFullError, translated
from meyasubako.service.store.locks import FileLock
from meyasubako.service.store.transaction import Remembered, Transaction
from meyasubako.service.store.vault import Vault
from meyasubako.service.store.waiting import ClosedLineError, WaitingLine

T = TypeVar("T")
Work = Callable[[Transaction], T]

# Seconds: the longest that a batch waits for those who were in the one before.
_PATIENCE: Final = 0.01


class _Waiting:
    """An append or another work, and the thread that waits for its outcome.

    Who is answered wakes `following` before anything else: a batch that is woken all at once would fight over
    Python's lock, a chain of wakings takes two thirds of the time, and two chains a tenth more than one.
    """

    __slots__ = ("done", "error", "following", "result", "task")

    def __init__(self, task: Append | Work[object]) -> None:
        self.task = task
        self.result: object = None
        self.error: Exception | None = None
        self.following: _Waiting | None = None
        self.done = Lock()
        self.done.acquire()

    def outcome(self) -> object:
        """Wait for the answer; gives the result or raises the error."""
        try:
            self.done.acquire()
        except BaseException:
            self.done.acquire()  # who is interrupted still has others to wake
            raise
        finally:
            if self.following is not None:
                self.following.done.release()
        if self.error is not None:
            raise self.error
        return self.result


class Leader:
    """Does works in shared transactions; `connect` opens the writing connection when it is needed."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], lock: FileLock, vault: Vault) -> None:
        self._connect, self._lock, self._vault = connect, lock, vault
        self._line: WaitingLine[_Waiting] = WaitingLine()
        self._start = Lock()
        self._thread: Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._remembered = Remembered()

    def append(self, append: Append) -> list[int]:
        """Store the append and give its leaf indices once they are durable, or raise why it is refused."""
        return cast("list[int]", self._await(append))

    def run(self, work: Work[T]) -> T:
        """Do another work in the next transaction and give its result once that is durable.

        What the work raises is raised here, after everything it did was taken back.
        """
        return cast("T", self._await(work))

    def _await(self, task: Append | Work[object]) -> object:
        waiting = _Waiting(task)
        try:
            self._line.put(waiting)
        except ClosedLineError as error:
            raise StoreClosedError("the store is closed") from error
        if self._thread is None:
            self._begin()
        return waiting.outcome()

    def close(self) -> None:
        """Finish what is queued, refuse what comes later, and close the writing connection."""
        self._line.close()
        with self._start:
            if self._thread is not None:
                self._thread.join()

    def _begin(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = Thread(target=self._lead, name="store-leader", daemon=True)
                self._thread.start()

    def _lead(self) -> None:
        while batch := self._line.take():
            started = perf_counter()
            self._serve(batch)
            self._line.expect(len(batch), min(2 * (perf_counter() - started), _PATIENCE))
            for waiting, following in pairwise(batch):
                waiting.following = following
            batch[0].done.release()
        self._drop_connection()

    def _serve(self, batch: Sequence[_Waiting]) -> None:
        """Commit the batch; where there is no room for all of it, what fits."""
        try:
            self._commit(batch)
        except Exception as error:  # noqa: BLE001  # whatever happened, nobody may wait for ever
            self._drop_connection()
            if len(batch) > 1 and isinstance(translated(error), StoreFullError):
                for waiting in batch:
                    self._serve([waiting])
            else:
                for waiting in batch:
                    waiting.error = translated(error)

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        with self._lock:
            if self._connection is None:
                self._connection = self._connect()
            for waiting in batch:
                waiting.error = None
            self._connection.execute("BEGIN IMMEDIATE")
            transaction = Transaction(self._connection, self._remembered)
            appends = [waiting for waiting in batch if isinstance(waiting.task, Append)]
            left = [waiting for waiting in batch if not isinstance(waiting.task, Append)]
            if not self._together(transaction, appends):
                left = [*appends, *left]
            for waiting in left:
                self._alone(transaction, waiting)
            transaction.finish()
            self._connection.execute("COMMIT")

    def _together(self, transaction: Transaction, waiting: Sequence[_Waiting]) -> bool:
        transaction.begin()
        try:
            appends = [cast("Append", each.task) for each in waiting]
            results = store_together(transaction, appends, self._vault)
        except Exception:
            if not transaction.connection.in_transaction:
                raise  # SQLite has rolled everything back by itself: it may when the disk is full
            transaction.undo()
            return False
        transaction.end()
        for each, result in zip(waiting, results, strict=True):
            each.result = result
        return True

    def _alone(self, transaction: Transaction, waiting: _Waiting) -> None:
        transaction.begin()
        try:
            if isinstance(waiting.task, Append):
                waiting.result = store_alone(transaction, waiting.task, self._vault)
            else:
                waiting.result = waiting.task(transaction)
        except Exception as error:
            if not transaction.connection.in_transaction:
                raise
            transaction.undo()
            waiting.error = translated(error)
        transaction.end()

    def _drop_connection(self) -> None:
        # Closing rolls back. After a failed write nothing that the connection holds is relied upon.
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._remembered = Remembered()
