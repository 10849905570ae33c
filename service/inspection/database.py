"""A mechanism's directory as an auditor reads it: straight from the tables, read-only, trusting no index.

Rules upheld here:

- Nothing is written, not even a lock: a copy on a read-only medium can be audited too.
- Payloads are read through the layer of their erasure keys; what they are is compared without it.
- A running server is not held up, and what it appends, publishes or widens meanwhile is not looked at: what
  changes is read at one moment, the beginning; entries and full tiles, which do not, in short batches.
- Rows are taken as they lie. That they are dense, and that what stands beside an event is what the event
  says, is for the audit to find out; the tables' own guards may have been taken off.
"""

import sqlite3
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from meyasubako.crypto.layer import remove_layer
from meyasubako.crypto.merkle import Frontier
from meyasubako.domain.audit import Finding
from meyasubako.service.inspection.checkpoints import unverified
from meyasubako.service.inspection.errors import UnreadableSourceError
from meyasubako.service.inspection.source import (
    CHECKPOINT,
    DATABASE,
    Batch,
    BrokenSourceError,
    Kept,
    Payload,
    Place,
)
from meyasubako.service.store import schema
from meyasubako.service.store.erasure_keys import ErasureKeys
from meyasubako.service.store.errors import ErasureKeyError, StoreError
from meyasubako.service.store.layer import opened
from meyasubako.service.store.vault import small_payload

_BATCH: Final = 512
_SELECT: Final = (
    "SELECT leaf_index, state, originator_id, originator_version, topic FROM stored_events"
    " WHERE leaf_index >= ? AND leaf_index < ? ORDER BY leaf_index"
)
_PATIENCE: Final = 10
_TRIES: Final = 3
# An upload whose event has not come yet is swept after a day; until then it is nobody's fault.
_UPLOADS_STAY: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class _Moment:
    """What changes, as it stood: the size, the head's edge, the checkpoints, the last tile (n, hashes) of
    each level, and the file outside of the database, or why it cannot be read.
    """

    size: int
    edge: bytes | None
    published: Sequence[Kept]
    tiles: Mapping[int, tuple[int, bytes]]
    apart: bytes | OSError | None
    # Why some of it could not be read.
    trouble: BrokenSourceError | None = None


class MechanismSource:
    """The log and vault in a mechanism's directory."""

    whole = True
    recorded = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._objects = directory / "objects"
        self._keys = ErasureKeys(directory)
        try:
            self._connection = _connect(directory / DATABASE)
        except (StoreError, sqlite3.Error) as error:
            raise UnreadableSourceError(f"{directory / DATABASE} cannot be read: {error}") from error
        self._began = self._begin()
        self._size = self._began.size

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def _begin(self) -> "_Moment":
        """What changes while a server runs, as it is now: read at one moment, which is short."""
        tries = _TRIES
        while True:
            # A server writes the file first, then the row: so the file may be ahead of these rows, and is
            # behind them only where a slot was closed between these two lines.
            apart = _contents(self._directory / CHECKPOINT)
            self._rows("BEGIN")
            try:
                moment = self._moment(apart)
            finally:
                self._rows("COMMIT")
            tries -= 1
            newest = moment.published[-1].size if moment.published else None
            behind = newest and isinstance(apart, bytes) and unverified(apart).size < newest
            if not behind or not tries:
                return moment

    def _moment(self, apart: bytes | OSError | None) -> "_Moment":
        size = self._one("SELECT coalesce(max(leaf_index) + 1, 0) FROM stored_events")
        try:
            edge = self._rows("SELECT CAST(frontier AS BLOB) FROM head")
            # Tables whose guards were taken off may hold anything.
            notes = self._rows(
                "SELECT CAST(note AS BLOB), size, CAST(root AS BLOB) FROM checkpoints"
                " WHERE typeof(size) = 'integer' ORDER BY size"
            )
            tiles = self._rows(
                "SELECT level, max(n), CAST(hashes AS BLOB) FROM tiles"
                " WHERE typeof(level) = 'integer' AND typeof(n) = 'integer' GROUP BY level"
            )
        except BrokenSourceError as error:
            return _Moment(size, None, (), {}, apart, error)
        published = [Kept(note, of, root) for note, of, root in notes]
        newest = {level: (n, hashes) for level, n, hashes in tiles}
        return _Moment(size, edge[0][0] if edge else None, published, newest, apart)

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with _named("database-is-readable"):
            return self._connection.execute(query, values).fetchall()

    def _one(self, query: str) -> int:
        return int(self._rows(query)[0][0])

    def malformed(self, since: int = 0) -> Iterator[Finding]:
        """Whether SQLite finds the file in order, which takes long, and the guards on its tables are ours."""
        for (found,) in self._rows("PRAGMA quick_check(5)") if not since else ():
            if found != "ok":
                yield Finding("database-is-sound", f"SQLite says of the database: {found}")
        if self._one("SELECT count(*) FROM stored_events WHERE leaf_index < 0"):
            yield Finding("rows-are-dense", "a row stands before the first entry", 0)
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

    def batch(self, start: int, stop: int) -> Batch:
        """Rows of the log in the order of their leaf index, as far as none is missing."""
        entries: list[bytes] = []
        rows: list[tuple[str, int, str]] = []
        expected = start
        try:
            while expected < stop:
                found = self._rows(_SELECT, expected, min(expected + _BATCH, stop))
                if not found or found[-1][0] - found[0][0] + 1 != len(found) or found[0][0] != expected:
                    # Somewhere here one is missing: those before it are still good.
                    found = [row for place, row in enumerate(found, expected) if row[0] == place]
                if found:
                    _, states, *columns = zip(*found, strict=True)
                    entries += states
                    rows += zip(*columns, strict=True)
                expected += len(found)
                if expected < stop and len(found) < _BATCH:
                    return Batch(entries, rows, self._missing(expected))
        except BrokenSourceError as error:
            return Batch(entries, rows, replace(error.finding, index=expected))
        return Batch(entries, rows)

    def meanwhile(self) -> Iterator[bytes]:
        """Rows beyond the size, as far as they reach by now."""
        start = self._size
        while found := self._rows(_SELECT, start, start + _BATCH):
            yield from (row[1] for row in found)
            start = found[-1][0] + 1

    def _missing(self, index: int) -> Finding:
        after = self._rows("SELECT min(leaf_index) FROM stored_events WHERE leaf_index > ?", index)[0][0]
        comes = f"comes entry {after}" if after is not None else f"nothing comes, of {self._size}"
        return Finding("rows-are-dense", f"after entry {index - 1} {comes}", index)

    def tile(self, level: int, n: int) -> bytes | None:
        """A row of hash tiles; of each level the last one that there was, as wide as it was."""
        last, hashes = self._began.tiles.get(level, (-1, b""))
        if n >= last:
            return hashes if n == last else None
        found = self._rows("SELECT hashes FROM tiles WHERE level = ? AND n = ?", level, n)
        return bytes(found[0][0]) if found else None

    def beyond(self, counts: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Rows of hash tiles that the entries do not give."""
        for level, (last, _) in sorted(self._began.tiles.items()):
            first = counts[level] if level < len(counts) else 0
            found = self._rows(
                "SELECT min(n) FROM tiles WHERE level = ? AND n BETWEEN ? AND ?", level, first, last
            )
            if found[0][0] is not None:
                yield level, found[0][0]

    def edge(self) -> bytes | None:
        """The right edge in the head's row."""
        if self._began.trouble:
            raise self._began.trouble
        return self._began.edge

    def published(self) -> Sequence[Kept]:
        """Every row of checkpoints."""
        if self._began.trouble:
            raise self._began.trouble
        return self._began.published

    def kept_apart(self) -> Kept | None:
        """The file `checkpoint`, as it was at the beginning."""
        apart = self._began.apart
        if isinstance(apart, OSError):
            raise BrokenSourceError("checkpoint-is-kept-apart", f"{CHECKPOINT}: {apart.strerror}") from apart
        return Kept(apart) if apart is not None else None

    def log_key(self) -> str | None:
        """A directory does not state it; leaf 0 does."""
        return None

    def payloads(
        self,
        since: int = 0,
        wanted: Container[str] | None = None,  # noqa: ARG002  of what is new, everything is
    ) -> Iterator[Payload]:
        """Every row of payloads that an entry from an index up to the size names."""
        after = 0
        while found := self._rows(
            "SELECT id, digest, size, place, leaf_index FROM payloads"
            " WHERE id > ? AND leaf_index >= ? ORDER BY id LIMIT ?",
            *(after, since, _BATCH),
        ):
            for _, digest, size, place, index in found:
                if index < self._size:
                    yield Payload(bytes(digest).hex(), size, place, index)
            after = found[-1][0]

    def count(self) -> int:
        """Rows of payloads that entries up to the size name."""
        return int(self._rows("SELECT count(*) FROM payloads WHERE leaf_index < ?", self._size)[0][0])

    def without_bytes(self) -> Iterator[str]:
        """By the names of the files in `objects/`, and the numbers of the rows of small payloads."""
        rows = self._rows(
            "SELECT lower(hex(digest)), place FROM payloads LEFT JOIN small_payloads USING (id)"
            " WHERE place = 'object' OR (place = 'table' AND small_payloads.id IS NULL)"
        )
        # Looked at last, so that what was missing then was erased, and never is yet to come.
        there = {each.name for each in self._objects.iterdir()} if self._objects.is_dir() else set[str]()
        yield from (digest for digest, place in rows if place == "table" or digest not in there)

    def open(self, payload: Payload) -> BinaryIO | None:
        """The sealed bytes from where the record says that they lie, or from wherever else they are."""
        digest = payload.digest
        small = self._small(digest)
        if small is None or payload.place == "object":
            try:
                file = (self._objects / digest).open("rb")
            except FileNotFoundError:
                file = None
            if file is not None:
                try:
                    return opened(file, self._keys.large(digest), payload.size)
                except ErasureKeyError:
                    file.close()
                    raise
        if small is None:
            return None
        scope, layered = small
        return BytesIO(remove_layer(self._keys.small(scope, digest), payload.size, layered))

    def holds(self, digest: str) -> bool:
        """Whether a row of small payloads or a file has this digest."""
        return self._small(digest) is not None or (self._objects / digest).exists()

    def could_open(self, digest: str) -> bool:
        """Whether the tree of the payload's scope, or a file of its own, has its key."""
        rows = self._rows("SELECT scope FROM payloads WHERE digest = ?", bytes.fromhex(digest))
        return self._keys.opens(rows[0][0] if rows else "", digest)

    def _small(self, digest: str) -> tuple[str, bytes] | None:
        with _named("database-is-readable"):
            return small_payload(self._connection, digest)

    def leftovers(self, named: Mapping[str, Place]) -> Iterator[str]:
        """Files in `objects/` and rows of small payloads that no entry names or that should be gone."""
        stray = self._rows(
            "SELECT small_payloads.id FROM small_payloads LEFT JOIN payloads USING (id)"
            " WHERE place IS NOT 'table'"
        )
        yield from (f"row {row} of small payloads" for (row,) in stray)
        unnamed = self._rows(
            "SELECT id FROM payloads LEFT JOIN stored_events USING (leaf_index)"
            " WHERE stored_events.leaf_index IS NULL OR id <= 0"
        )
        yield from (f"row {row} of payloads" for (row,) in unnamed)
        fresh = (datetime.now(UTC) - _UPLOADS_STAY).timestamp()
        for file in sorted(self._objects.iterdir()) if self._objects.is_dir() else []:
            if named.get(file.name) == "object" or (file.name not in named and _is_fresh(file, fresh)):
                continue
            yield f"objects/{file.name}"


def _contents(path: Path) -> bytes | OSError | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return error


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
