"""Views: disposable tables that follow the log, for lists. Decisions never read them.

Rules upheld here:

- `views.db` has its own position in the log and can be deleted at any time; what is in it follows from the
  log alone, through the very folds that decisions use.
- They are caught up under a lock before they are queried, by whichever process comes first.
- Nothing is in them that is not in the log: days, states, key ids, digests. No receipt, no text.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from meyasubako.domain.case import Case
from meyasubako.domain.ledger import Ledger, Reads
from meyasubako.domain.rooms import Room, present
from meyasubako.service.store.locks import FileLock
from meyasubako.service.store.port import Row

VERSION: Final = 1
TABLES: Final = ("people", "cases", "rooms", "readers", "fetches")

# Events of the mechanism's stream after which somebody may read a room, or no longer.
_CHANGE_READERS: Final = frozenset({"person.enrolled", "person.suspended", "fallback.appointed"})

_SCHEMA: Final = """
CREATE TABLE position (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL) STRICT;
INSERT INTO position VALUES (1, 0);
CREATE TABLE people (
  person TEXT PRIMARY KEY, state TEXT NOT NULL, roles TEXT NOT NULL, usable_from INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE cases (
  stream TEXT PRIMARY KEY, channel TEXT NOT NULL, state TEXT NOT NULL, submitted_on TEXT NOT NULL,
  next_date TEXT, outcome TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cases_by_date ON cases (next_date);
CREATE TABLE rooms (
  stream TEXT PRIMARY KEY, case_stream TEXT NOT NULL, name TEXT NOT NULL, epoch INTEGER NOT NULL,
  recipient TEXT NOT NULL, closed_to_reading INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rooms_by_case ON rooms (case_stream);
CREATE TABLE readers (
  room TEXT NOT NULL, person TEXT NOT NULL, epoch INTEGER NOT NULL, digest TEXT NOT NULL,
  may_read INTEGER NOT NULL, PRIMARY KEY (room, person, epoch, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX readers_by_person ON readers (person);
CREATE TABLE fetches (
  person TEXT NOT NULL, case_stream TEXT NOT NULL, digest TEXT NOT NULL,
  PRIMARY KEY (person, case_stream, digest)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case as a list shows it."""

    stream: str
    channel: str
    state: str
    submitted_on: date
    next_date: date | None
    outcome: str


class Views:
    """The views in a mechanism's directory, or, without one, in memory. One thread at a time uses it."""

    def __init__(self, directory: Path | None) -> None:
        self._lock = FileLock(directory / "views.lock") if directory else None
        self._path = directory / "views.db" if directory else None
        with self.turn():
            self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        connection, version = self._connect()
        if version not in (0, VERSION) and self._path:
            # Of another release, or damaged: they are made anew from the log.
            connection.close()
            for suffix in ("", "-journal"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            connection, version = self._connect()
        if version == 0:
            connection.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={VERSION};COMMIT;")
        return connection

    def _connect(self) -> tuple[sqlite3.Connection, int]:
        if self._path:
            self._path.touch(mode=0o600)
        connection = sqlite3.connect(
            self._path or ":memory:", isolation_level=None, check_same_thread=False, timeout=10
        )
        try:
            return connection, int(connection.execute("PRAGMA user_version").fetchone()[0])
        except sqlite3.DatabaseError:
            return connection, -1

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
        if self._lock:
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the lock: nobody else catches the views up meanwhile. Not to be entered twice."""
        if self._lock is None:
            yield
        else:
            with self._lock:
                yield

    @property
    def position(self) -> int:
        """The size of the log up to which the views are built."""
        return int(self._connection.execute("SELECT size FROM position").fetchone()[0])

    # Following the log.

    def catch_up(self, ledger: Ledger, rows: Iterable[Row]) -> None:
        """Bring the views to where the ledger stands; `rows` are the log's from `position` on, or earlier.

        Rows that lie before the position, or that the ledger has not folded yet, are passed over.
        """
        with self.turn(), self._transaction():
            end = ledger.size
            if self.position < end:
                fresh = [row for row in rows if self.position <= row.index < end]
                for stream in sorted({row.stream for row in fresh}):
                    self._write(ledger, stream)
                if any(row.kind in _CHANGE_READERS for row in fresh):
                    # Who may read follows from the roster too.
                    for room in tuple(ledger.rooms.values()):
                        self._write_room(ledger, room)
                self._connection.execute("UPDATE position SET size = ?", (end,))

    def rebuild(self, ledger: Ledger) -> None:
        """Write everything anew from a ledger. The caller holds the lock, see `turn`."""
        with self._transaction():
            for table in TABLES:
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608  a name of ours
            for stream in ledger.sorts:
                self._write(ledger, stream)
            self._connection.execute("UPDATE position SET size = ?", (ledger.size,))

    def _write(self, ledger: Ledger, stream: str) -> None:
        if stream == ledger.mechanism.stream:
            self._write_people(ledger)
        elif case := ledger.cases.get(stream):
            self._write_case(case)
        elif room := ledger.rooms.get(stream):
            self._write_room(ledger, room)
        elif reads := ledger.reads.get(stream):
            self._write_reads(reads)

    def _write_people(self, ledger: Ledger) -> None:
        self._connection.execute("DELETE FROM people")
        self._connection.executemany(
            "INSERT INTO people VALUES (?, ?, ?, ?)",
            [
                (person.key_id, person.state, " ".join(sorted(person.roles)), person.usable_from)
                for person in ledger.mechanism.people.values()
            ],
        )

    def _write_case(self, case: Case) -> None:
        next_date = case.next_date.isoformat() if case.next_date else None
        self._connection.execute(
            "INSERT OR REPLACE INTO cases VALUES (?, ?, ?, ?, ?, ?)",
            (case.stream, case.channel, case.state, case.submitted_on.isoformat(), next_date, case.outcome),
        )

    def _write_room(self, ledger: Ledger, room: Room) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO rooms VALUES (?, ?, ?, ?, ?, ?)",
            (room.stream, room.case, room.name, room.epoch, room.recipient, room.closed_to_reading),
        )
        readers = present(room, ledger.mechanism)
        self._connection.execute("DELETE FROM readers WHERE room = ?", (room.stream,))
        self._connection.executemany(
            "INSERT OR REPLACE INTO readers VALUES (?, ?, ?, ?, ?)",
            [
                (room.stream, wrap.reader, wrap.epoch, wrap.digest, wrap.reader in readers)
                for wrap in room.wraps
            ],
        )

    def _write_reads(self, reads: Reads) -> None:
        self._connection.executemany(
            "INSERT OR IGNORE INTO fetches VALUES (?, ?, ?)",
            [(reads.person, reads.case, digest) for digest in reads.payloads],
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # Lists.

    def cases_of(self, person: str) -> list[CaseLine]:
        """The cases whose report the person may read now, the nearest next date first."""
        found = self._connection.execute(
            "SELECT DISTINCT c.* FROM readers r JOIN rooms o ON o.stream = r.room"
            " JOIN cases c ON c.stream = o.case_stream"
            " WHERE r.person = ? AND r.may_read AND o.name = 'report'"
            " ORDER BY c.next_date IS NULL, c.next_date, c.stream",
            (person,),
        )
        return [_line(*row) for row in found]

    def due(self, before: date) -> list[CaseLine]:
        """The open cases whose next date lies before a day, the most overdue first."""
        found = self._connection.execute(
            "SELECT * FROM cases WHERE next_date < ? ORDER BY next_date, stream", (before.isoformat(),)
        )
        return [_line(*row) for row in found]

    # Comparing.

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        return {table: len(self._table(table)) for table in TABLES}

    def differing(self, other: "Views") -> tuple[str, ...]:
        """The tables in which these views and others are not equal."""
        return tuple(table for table in TABLES if self._table(table) != other._table(table))  # noqa: SLF001  another of its own class

    def _table(self, table: str) -> list[tuple[object, ...]]:
        return sorted(self._connection.execute(f"SELECT * FROM {table}"), key=repr)  # noqa: S608  a name of ours


def _line(
    stream: str, channel: str, state: str, submitted_on: str, due: str | None, outcome: str
) -> CaseLine:
    next_date = date.fromisoformat(due) if due else None
    return CaseLine(stream, channel, state, date.fromisoformat(submitted_on), next_date, outcome)
