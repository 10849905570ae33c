"""A mechanism's directory as an auditor reads it: straight from the tables, read-only, trusting no index.

Rules upheld here:

- Nothing is written, not even a lock: a copy on a read-only medium can be audited too.
- Entries are read in short batches up to the size at the beginning, so that a running server is not held up
  and what it appends meanwhile is not looked at.
- Rows are taken as they lie. That they are dense, and that what stands beside an event is what the event
  says, is for the audit to find out; the tables' own guards may have been taken off.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from meyasubako.crypto.merkle import Frontier
from meyasubako.domain.audit import Finding
from meyasubako.service.inspection.errors import UnreadableSourceError
from meyasubako.service.inspection.source import (
    CHECKPOINT,
    DATABASE,
    BrokenSourceError,
    Kept,
    Payload,
    Place,
    Stored,
)
from meyasubako.service.store import schema
from meyasubako.service.store.errors import StoreError

_BATCH: Final = 512
_PATIENCE: Final = 10
# An upload whose event has not come yet is swept after a day; until then it is nobody's fault.
_UPLOADS_STAY: Final = timedelta(days=2)


class MechanismSource:
    """The log and vault in a mechanism's directory."""

    whole = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._objects = directory / "objects"
        try:
            self._connection = _connect(directory / DATABASE)
        except (StoreError, sqlite3.Error) as error:
            raise UnreadableSourceError(f"{directory / DATABASE} cannot be read: {error}") from error
        self._size = self._one("SELECT coalesce(max(leaf_index) + 1, 0) FROM stored_events")

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with _named("database-is-readable"):
            return self._connection.execute(query, values).fetchall()

    def _one(self, query: str) -> int:
        return int(self._rows(query)[0][0])

    def malformed(self) -> Iterator[Finding]:
        """Whether SQLite finds the file in order, and the guards on its tables are ours."""
        for (found,) in self._rows("PRAGMA quick_check(5)"):
            if found != "ok":
                yield Finding("database-is-sound", f"SQLite says of the database: {found}")
        guards = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
            schema.create(fresh, Frontier().encode())
            expected = fresh.execute(guards).fetchall()
        found = self._rows(guards)
        for kind, name, _ in sorted({*expected} ^ {*found}):
            yield Finding("database-has-its-guards", f"the {kind} {name} is not as this release makes it")

    def size(self) -> int:
        """One more than the highest leaf index."""
        return self._size

    def entries(self) -> Iterator[Stored]:
        """Every row of the log in the order of its leaf index."""
        start = -1
        while True:
            found = self._rows(
                "SELECT leaf_index, state, originator_id, originator_version, topic FROM stored_events"
                " WHERE leaf_index > ? AND leaf_index < ? ORDER BY leaf_index LIMIT ?",
                *(start, self._size, _BATCH),
            )
            if not found:
                return
            for index, data, stream, seq, kind in found:
                yield Stored(index, bytes(data), (stream, seq, kind))
            start = found[-1][0]

    def tiles(self) -> Iterator[tuple[int, int, bytes]]:
        """Every row of hash tiles."""
        for (level,) in self._rows("SELECT DISTINCT level FROM tiles ORDER BY level"):
            after = -1
            while found := self._rows(
                "SELECT n, hashes FROM tiles WHERE level = ? AND n > ? ORDER BY n LIMIT 64", level, after
            ):
                for n, hashes in found:
                    yield level, n, bytes(hashes)
                after = found[-1][0]

    def edge(self) -> bytes | None:
        """The right edge in the head's row."""
        found = self._rows("SELECT frontier FROM head")
        return bytes(found[0][0]) if found else None

    def published(self) -> Sequence[Kept]:
        """Every row of checkpoints."""
        rows = self._rows("SELECT note, size, root FROM checkpoints ORDER BY size")
        return [Kept(bytes(note), size, bytes(root)) for note, size, root in rows]

    def kept_apart(self) -> Kept | None:
        """The file `checkpoint`."""
        try:
            return Kept((self._directory / CHECKPOINT).read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BrokenSourceError("checkpoint-is-kept-apart", f"{CHECKPOINT}: {error.strerror}") from error

    def log_key(self) -> str | None:
        """A directory does not state it; leaf 0 does."""
        return None

    def payloads(self) -> Iterator[Payload]:
        """Every row of payloads that an entry up to the size names."""
        after = 0
        while found := self._rows(
            "SELECT id, digest, size, place, leaf_index FROM payloads WHERE id > ? ORDER BY id LIMIT ?",
            *(after, _BATCH),
        ):
            for _, digest, size, place, index in found:
                if index < self._size:
                    yield Payload(bytes(digest).hex(), size, place, index)
            after = found[-1][0]

    def open(self, payload: Payload) -> BinaryIO | None:
        """The bytes from where the record says that they lie, or from wherever else they are."""
        rows = self._rows(
            "SELECT sealed FROM small_payloads JOIN payloads USING (id) WHERE digest = ?",
            bytes.fromhex(payload.digest),
        )
        if rows and payload.place != "object":
            return BytesIO(bytes(rows[0][0]))
        try:
            return (self._objects / payload.digest).open("rb")
        except FileNotFoundError:
            return BytesIO(bytes(rows[0][0])) if rows else None

    def leftovers(self, named: Mapping[str, Place]) -> Iterator[str]:
        """Files in `objects/` and rows of small payloads that no entry names or that should be gone."""
        stray = self._rows(
            "SELECT small_payloads.id FROM small_payloads LEFT JOIN payloads USING (id)"
            " WHERE place IS NOT 'table'"
        )
        yield from (f"row {row} of small payloads" for (row,) in stray)
        fresh = (datetime.now(UTC) - _UPLOADS_STAY).timestamp()
        for file in sorted(self._objects.iterdir()) if self._objects.is_dir() else []:
            if named.get(file.name) == "object" or (file.name not in named and _is_fresh(file, fresh)):
                continue
            yield f"objects/{file.name}"


def _is_fresh(file: Path, since: float) -> bool:
    try:
        return file.stat().st_mtime >= since
    except FileNotFoundError:
        return True


def _connect(path: Path) -> sqlite3.Connection:
    uri = schema.database_uri(path, read_only=True)
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_PATIENCE)
    try:
        try:
            schema.check_version(connection)
            connection.execute("SELECT count(*) FROM head").fetchone()
        except sqlite3.OperationalError:
            # A write-ahead log needs a folder that can be written to; without one, and with the log emptied,
            # the file can be read as it is.
            if path.with_name(f"{path.name}-wal").exists():
                raise
            connection.close()
            connection = sqlite3.connect(f"{uri}&immutable=1", uri=True, isolation_level=None)
            schema.check_version(connection)
        connection.execute("PRAGMA trusted_schema=OFF")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _named(rule: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise BrokenSourceError(rule, f"SQLite says of the database: {error}") from error
