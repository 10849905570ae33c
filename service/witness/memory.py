"""What the witness remembers of each log: the first record, held against the second.

Rules upheld here (C2SP tlog-witness; decision 0030):

- Compare and persist are one step under one lock, whatever threads and processes there are. When it returns,
  journal and database are durable: a `kill -9` or a power cut afterwards takes nothing back.
- The journal is written first. At every opening and every write the database has to agree with it: whoever
  restores one of the two, or both, from a backup has a witness that cosigns nothing (`MemoryLostError`).
- A log's last tree is never forgotten, also when its keys are dismissed.
- A checkpoint that a log signed and that does not fit is kept, up to a bound, since it may prove something.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from meyasubako.crypto.cosignature import ML_DSA_44, verifier_of
from meyasubako.crypto.note import ED25519, NoteKey
from meyasubako.service.store.locks import FileLock, sync_directory
from meyasubako.service.witness import journal
from meyasubako.service.witness.errors import (
    MemoryLostError,
    NoWitnessError,
    SizeConflictError,
    UnknownLogError,
    WitnessError,
    WitnessExistsError,
)
from meyasubako.service.witness.journal import Mark, Seen

FILE_NAME: Final = "witness.db"
LOCK_NAME: Final = "witness.lock"
FORMAT: Final = 1
MAX_REFUSED: Final = 16
WAIT_SECONDS: Final = 30.0

_SCHEMA: Final = """
CREATE TABLE mark (one INTEGER PRIMARY KEY CHECK (one = 1), length INTEGER NOT NULL, head BLOB NOT NULL,
    inode TEXT NOT NULL, changed INTEGER NOT NULL, halted TEXT) STRICT;
CREATE TABLE log_keys (vkey TEXT PRIMARY KEY, origin TEXT NOT NULL) STRICT;
CREATE TABLE seen (origin TEXT PRIMARY KEY, origin_hash TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
    root BLOB NOT NULL, time INTEGER NOT NULL, note BLOB) STRICT;
CREATE TABLE refused (origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL,
    PRIMARY KEY (origin, size, root)) STRICT;
"""
_KEEP_SEEN: Final = """
INSERT INTO seen (origin, origin_hash, size, root, time, note) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, time = excluded.time,
    note = excluded.note
"""
_KEEP_REFUSED: Final = """
INSERT OR IGNORE INTO refused (origin, size, root, note)
SELECT ?, ?, ?, ? WHERE (SELECT count(*) FROM refused WHERE origin = ?) < ?
"""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The last tree of a log, and its checkpoint with the log's signatures (empty after a crash)."""

    seen: Seen
    note: bytes


@dataclass(frozen=True, slots=True)
class Admitted:
    """An admitted or once admitted log: its keys, its last tree, and how many of its checkpoints were kept
    because they did not fit.
    """

    origin: str
    keys: tuple[NoteKey, ...]
    seen: Seen | None
    refused: int


class Memory:
    """The memory in a witness's directory. Open it after a fork; any thread may use it."""

    def __init__(self, directory: Path) -> None:
        self._database = directory / FILE_NAME
        self._journal = directory / journal.FILE_NAME
        self._turn = FileLock(directory / LOCK_NAME)

    @classmethod
    def create(cls, directory: Path) -> Self:
        """An empty memory in an existing directory; `WitnessExistsError`."""
        memory = cls(directory)
        if memory._database.exists() or memory._journal.exists():
            raise WitnessExistsError(f"{directory} holds a witness already")
        mark = journal.create(memory._journal)
        with closing(sqlite3.connect(memory._database, isolation_level=None)) as connection:
            memory._database.chmod(0o600)
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
            with _transaction(connection):
                connection.execute(
                    "INSERT INTO mark (one, length, head, inode, changed) VALUES (1, 0, ?, '', 0)",
                    (mark.head,),
                )
                _keep_mark(connection, mark)
        sync_directory(directory)
        return memory

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open a memory whose two records agree; `NoWitnessError`, `MemoryLostError`."""
        memory = cls(directory)
        if not memory._database.is_file():
            raise NoWitnessError(f"{directory} holds no witness")
        with memory._writing():
            # Agreement is what opening a transaction checks.
            pass
        return memory

    def close(self) -> None:
        """Give the lock's file back."""
        self._turn.close()

    def keys(self, origin: str) -> tuple[NoteKey, ...]:
        """The keys that are trusted for a log, none if it is not admitted."""
        with self._reading() as connection:
            rows = connection.execute("SELECT vkey FROM log_keys WHERE origin = ? ORDER BY rowid", (origin,))
            return tuple(NoteKey.parse(vkey) for (vkey,) in rows)

    def last(self, origin: str) -> Remembered | None:
        """The last tree of a log; `MemoryLostError` if the records disagree or the witness was halted."""
        return self._last("origin", origin)

    def last_by_hash(self, origin_hash: str) -> Remembered | None:
        """The last tree of the log whose origin has this SHA-256, in lower-case hex."""
        return self._last("origin_hash", origin_hash)

    def _last(self, column: str, value: str) -> Remembered | None:
        with self._reading() as connection:
            _refuse_halted(connection)
            if journal.is_at(self._journal, _mark(connection)):
                return _remembered(connection, column, value)
        # Somebody is between the two records just now, or the records disagree: behind the lock it shows.
        with self._writing() as connection:
            return _remembered(connection, column, value)

    def advance(self, before: Seen | None, seen: Seen, note: bytes) -> None:
        """Replace the last tree of a log, which has to be `before`, durably.

        Raises `SizeConflictError` if it is another one by now, `MemoryLostError` if the records disagree.
        """
        with self._writing() as connection:
            last = _remembered(connection, "origin", seen.origin)
            if (last.seen if last else None) != before:
                raise SizeConflictError(last.seen.size if last else 0)
            if before is None or (before.size, before.root) != (seen.size, seen.root):
                _keep_mark(connection, journal.append(self._journal, _mark(connection), seen))
                _keep_seen(connection, seen, note)
            elif last is not None and last.note != note:
                _keep_seen(connection, before, note)

    def keep_refused(self, seen: Seen, note: bytes) -> None:
        """Keep a checkpoint that its log signed although it does not fit what the witness saw."""
        with self._writing() as connection:
            row = (seen.origin, seen.size, seen.root, note, seen.origin, MAX_REFUSED)
            connection.execute(_KEEP_REFUSED, row)

    def refused(self, origin: str) -> list[bytes]:
        """The checkpoints of a log that did not fit, as they were submitted, the first ones."""
        with self._reading() as connection:
            rows = connection.execute("SELECT note FROM refused WHERE origin = ? ORDER BY rowid", (origin,))
            return [note for (note,) in rows]

    def halt(self, why: str) -> None:
        """Never cosign again: something proves that this memory is older than what was cosigned."""
        with self._writing() as connection:
            connection.execute("UPDATE mark SET halted = coalesce(halted, ?)", (why,))

    def admit(self, origin: str, key: NoteKey) -> None:
        """Trust a key for a log's checkpoints; `BadKeyError` for unsafe ones, `WitnessError` for others'."""
        verifier_of(key)
        if key.kind not in (ED25519, ML_DSA_44):
            raise WitnessError("the key is a witness's, not a log's")
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO log_keys VALUES (?, ?)", (key.text, origin))

    def dismiss(self, key: NoteKey) -> None:
        """Trust a key no longer; `UnknownLogError`. What was seen of its log stays remembered."""
        with self._writing() as connection:
            if not connection.execute("DELETE FROM log_keys WHERE vkey = ?", (key.text,)).rowcount:
                raise UnknownLogError("this key is not admitted")

    def admitted(self) -> list[Admitted]:
        """Every log that is admitted or has been seen, by origin."""
        with self._reading() as connection:
            rows = connection.execute("SELECT origin FROM log_keys UNION SELECT origin FROM seen ORDER BY 1")
            return [self._admitted(connection, origin) for (origin,) in rows.fetchall()]

    def _admitted(self, connection: sqlite3.Connection, origin: str) -> Admitted:
        found = _remembered(connection, "origin", origin)
        kept = connection.execute("SELECT count(*) FROM refused WHERE origin = ?", (origin,)).fetchone()[0]
        return Admitted(origin, self.keys(origin), found.seen if found else None, kept)

    def head(self) -> str:
        """The running hash over all that was ever seen, in hex: what `confirm_moved` asks for."""
        with self._reading() as connection:
            return _mark(connection).head.hex()

    @classmethod
    def confirm_moved(cls, directory: Path, head: str) -> None:
        """Take a directory that was copied as the one and only, if it is as new as its owner says.

        `head` is the `head` that the witness had where it ran last. `MemoryLostError` if the records here do
        not agree with each other or with that, or if the witness was halted.
        """
        memory = cls(directory)
        if not memory._database.is_file():
            raise NoWitnessError(f"{directory} holds no witness")
        with memory._turn, memory._reading() as connection, _transaction(connection):
            _refuse_halted(connection)
            mark = memory._agree(connection, moved=True)
            if mark.head.hex() != head:
                raise MemoryLostError(
                    "the witness here does not stand where you say it stood: it is an older copy"
                )
        memory.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        # A connection each time: cheap beside a signature, and safe for threads and forks.
        path = f"{self._database.absolute().as_uri()}?mode=rw"
        with closing(
            sqlite3.connect(path, uri=True, timeout=WAIT_SECONDS, isolation_level=None)
        ) as connection:
            # FULL makes a commit durable only if the rollback journal is truncated (fsynced), not unlinked.
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA synchronous = FULL")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version != FORMAT:
                raise NoWitnessError(f"{self._database} has the format {version}, we read {FORMAT}")
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._turn, self._reading() as connection:
            if not journal.is_at(self._journal, _mark(connection)):
                # Committed by itself: what is taken over stays, whatever becomes of the caller's step.
                with _transaction(connection):
                    self._agree(connection, moved=False)
            with _transaction(connection):
                _refuse_halted(connection)
                yield connection

    def _agree(self, connection: sqlite3.Connection, *, moved: bool) -> Mark:
        """Hold the database against the journal, and take over the line that a crash left ahead of it."""
        examined = journal.examine(self._journal, _mark(connection), moved=moved)
        if examined.ahead is not None:
            _keep_seen(connection, examined.ahead, None)
        _keep_mark(connection, examined.mark)
        rows = connection.execute("SELECT origin, size, root, time FROM seen")
        if {row[0]: Seen(*row) for row in rows} != examined.latest:
            raise MemoryLostError(f"{self._database} and {self._journal} do not remember the same")
        return examined.mark


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _mark(connection: sqlite3.Connection) -> Mark:
    length, head, inode, changed = connection.execute(
        "SELECT length, head, inode, changed FROM mark"
    ).fetchone()
    return Mark(length, head, int(inode), changed)


def _keep_mark(connection: sqlite3.Connection, mark: Mark) -> None:
    # An inode's number may need all 64 bits, which an INTEGER column does not have.
    row = (mark.length, mark.head, str(mark.inode), mark.changed)
    connection.execute("UPDATE mark SET length = ?, head = ?, inode = ?, changed = ?", row)


def _keep_seen(connection: sqlite3.Connection, seen: Seen, note: bytes | None) -> None:
    origin_hash = sha256(seen.origin.encode()).hexdigest()
    connection.execute(_KEEP_SEEN, (seen.origin, origin_hash, seen.size, seen.root, seen.time, note))


def _remembered(connection: sqlite3.Connection, column: str, value: str) -> Remembered | None:
    query = f"SELECT origin, size, root, time, note FROM seen WHERE {column} = ?"  # noqa: S608 (two constants)
    found = connection.execute(query, (value,)).fetchone()
    return Remembered(Seen(*found[:4]), found[4] or b"") if found else None


def _refuse_halted(connection: sqlite3.Connection) -> None:
    (why,) = connection.execute("SELECT halted FROM mark").fetchone()
    if why is not None:
        raise MemoryLostError(why)
