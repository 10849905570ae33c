"""The event recorder: the only door to the eventsourcing library.

Rules upheld here:

- `stored_events` keeps the library's columns (originator id and version, topic, state) behind our own row
  number, which is the leaf index. Topic is the event's kind and never names code; state is the event's exact
  bytes, which are what is hashed.
- `insert_events` is overridden whole: the library's own answers an error of ours after it has committed.
- The library's reading side works on this table, a notification's id being the leaf index.
- The library takes connections from its pool; ours sets each up as `schema` demands. The pool's writer slot
  is never used: whoever waits for it keeps every reader waiting.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteDatastore,
)

from meyasubako.service.store import schema
from meyasubako.service.store.append import Append, StoredColumns, prepare
from meyasubako.service.store.commit import Leader
from meyasubako.service.store.errors import ErasedScopeError, StoreClosedError, translated
from meyasubako.service.store.port import Entry, Row
from meyasubako.service.store.quiet import hush
from meyasubako.service.store.vault import Vault

# How many events one short read takes, so that no reader keeps the write-ahead log from being truncated.
BATCH: Final = 512
# More threads than a door's process has: a reader waits for a disk, not for a connection.
_CONNECTIONS: Final = 128
_PATIENCE: Final = 10

_SIZE: Final = "SELECT coalesce(max(leaf_index) + 1, 0) FROM stored_events"
_SELECT: Final = "SELECT leaf_index, originator_id, originator_version, topic, state FROM stored_events "


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection to an existing database, set up as `schema` demands, without implicit transactions."""
    connection = sqlite3.connect(
        schema.database_uri(path, read_only=read_only),
        uri=True,
        check_same_thread=False,
        isolation_level=None,
        timeout=_PATIENCE,
    )
    schema.configure(connection)
    hush(path)
    connection.row_factory = sqlite3.Row
    return connection


class _Connection(SQLiteConnection):
    def __init__(self, raw: sqlite3.Connection) -> None:
        super().__init__(sqlite_conn=raw, max_age=None)
        self.raw = raw


class _Pool(SQLiteConnectionPool):
    def __init__(self, path: Path, *, read_only: bool) -> None:
        super().__init__(
            db_name=str(path), pool_size=16, max_overflow=_CONNECTIONS - 16, pool_timeout=_PATIENCE
        )
        self._path, self._read_only = path, read_only

    def _create_connection(self) -> _Connection:
        return _Connection(connect(self._path, read_only=self._read_only))


class EventRecorder(SQLiteApplicationRecorder):
    """The log's events, appended through the group commit's leader and read by any thread."""

    def __init__(self, path: Path, vault: Vault, leader: Leader, *, read_only: bool) -> None:
        datastore = SQLiteDatastore(str(path), originator_id_type="text")
        self._pool = _Pool(path, read_only=read_only)
        datastore.pool = self._pool
        super().__init__(datastore)
        self._vault, self._leader = vault, leader
        self._process = os.getpid()
        self._path, self._read_only = path, read_only
        self._counting = Lock()
        self._counter: sqlite3.Connection | None = None

    def construct_create_table_statements(self) -> list[str]:
        """Nothing: the tables are `schema`'s."""
        return []

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Append the events, all or none, durably; gives their leaf indices.

        Keyword arguments as the library passes them on from `save`: `owns`, for each event the payloads that
        it names as its own; `scopes`, what these are erased with; `small_payloads` by digest; `requires`, the
        version of each stream that was read; `at_size`, the size of the log that the events were made for.
        """
        return self._append(
            [_columns(event) for event in stored_events],
            kwargs.get("owns", ()),
            kwargs.get("scopes", ()),
            kwargs.get("small_payloads", {}),
            kwargs.get("requires", {}),
            kwargs.get("at_size"),
        )

    def _append(
        self,
        events: Sequence[StoredColumns],
        owns: Sequence[Sequence[tuple[str, int]]],
        scopes: Sequence[str],
        small_payloads: Mapping[str, bytes],
        requires: Mapping[str, int],
        at_size: int | None,
    ) -> list[int]:
        self.check_open()
        append = prepare(events, owns, small_payloads, requires, at_size, scopes)
        if append.owned:
            if any(each.sealed is None for each in append.owned):
                self._vault.sync_objects()
            append = self._layered(append)
        return self._leader.append(append)

    def _layered(self, append: Append) -> Append:
        """The append with its small payloads as they are stored."""
        small: dict[str, dict[str, bytes]] = {}
        for each in append.owned:
            if each.sealed is not None:
                small.setdefault(each.scope, {})[each.digest] = each.sealed
        layered: dict[str, bytes] = {}
        for scope, sealed in small.items():
            layered |= self._vault.add_layers(scope, sealed, partial(self._has_small, scope))
        owned = [replace(each, sealed=layered.get(each.digest)) for each in append.owned]
        return append._replace(owned=tuple(owned))

    def _has_small(self, scope: str) -> bool:
        """Whether small payloads lie under a scope's keys; `ErasedScopeError` for one that was erased."""
        with self.reading() as connection:
            if connection.execute("SELECT 1 FROM erased_scopes WHERE scope = ?", (scope,)).fetchone():
                raise ErasedScopeError(scope)
            query = "SELECT 1 FROM payloads WHERE scope = ? AND place = 'table' LIMIT 1"
            return connection.execute(query, (scope,)).fetchone() is not None

    def append(
        self,
        entries: Sequence[Entry],
        small_payloads: Mapping[str, bytes],
        requires: Mapping[str, int],
        at_size: int | None,
    ) -> list[int]:
        """Append entries of the port, all or none, durably; gives their leaf indices."""
        return self._append(
            [(entry.stream, entry.seq, entry.kind, entry.data) for entry in entries],
            [entry.owns for entry in entries],
            [entry.scope for entry in entries],
            small_payloads,
            requires,
            at_size,
        )

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for short reads; what SQLite refuses is raised as the store's error."""
        self.check_open()
        connection = self._pool.get_connection()
        try:
            yield connection.raw  # type: ignore[attr-defined]  # our pool makes no other connections
        except sqlite3.Error as error:
            raise translated(error) from error
        finally:
            self._pool.put_connection(connection)

    def size(self) -> int:
        """How many events there are: the last leaf index and one. Each request asks for it many times."""
        self.check_open()
        try:
            with self._counting:
                if self._counter is None:
                    self._counter = connect(self._path, read_only=self._read_only)
                return int(self._counter.execute(_SIZE).fetchone()[0])
        except sqlite3.Error as error:
            raise translated(error) from error

    def select_rows(
        self, start: int, stop: int, limit: int = BATCH, without_kinds: Sequence[str] = ()
    ) -> list[Row]:
        """At most `limit` events with a leaf index from start up to, not including, stop."""
        without = f"AND topic NOT IN ({','.join('?' * len(without_kinds))})" if without_kinds else ""
        with self.reading() as connection:
            found = connection.execute(
                f"{_SELECT} WHERE leaf_index >= ? AND leaf_index < ? {without} ORDER BY leaf_index LIMIT ?",
                (start, stop, *without_kinds, limit),
            ).fetchall()
        return [Row(*row) for row in found]

    def select_stream(self, stream: str, from_seq: int) -> list[Row]:
        """The events of a stream, in order."""
        with self.reading() as connection:
            found = connection.execute(
                f"{_SELECT} WHERE originator_id = ? AND originator_version >= ? ORDER BY originator_version",
                (stream, from_seq),
            ).fetchall()
        return [Row(*row) for row in found]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The library's view of the log: ids are leaf indices, `stop` is included."""
        first = 0 if start is None else start + (not inclusive_of_start)
        among = f"AND topic IN ({','.join('?' * len(topics))})" if topics else ""
        bound = "AND leaf_index <= ?" if stop is not None else ""
        with self.reading() as connection:
            found = connection.execute(
                f"{_SELECT} WHERE leaf_index >= ? {bound} {among} ORDER BY leaf_index LIMIT ?",
                (first, *(() if stop is None else (stop,)), *topics, limit),
            ).fetchall()
        return [Notification(stream, seq, kind, data, index) for index, stream, seq, kind, data in found]

    def check_open(self) -> None:
        """Refuse use after closing, and in a child of the process that opened the store."""
        if self._pool.closed:
            raise StoreClosedError("the store is closed")
        if os.getpid() != self._process:
            raise StoreClosedError("the store was opened before the fork: open it anew in this process")

    def close(self) -> None:
        """Close the reading connections."""
        self._pool.close()
        with self._counting:
            if self._counter is not None:
                self._counter.close()
                self._counter = None


def _columns(event: StoredEvent) -> StoredColumns:
    stream = str(event.originator_id) if isinstance(event.originator_id, UUID) else event.originator_id
    return stream, event.originator_version, event.topic, event.state
