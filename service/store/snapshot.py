"""The database of one moment, for a backup, while others go on writing.

Rules upheld here:

- It is what one read transaction sees; payloads in it lie under their layer, as they do in the database.
- The copy lies beside the database for as long as it is used, for this account only, and is gone afterwards;
  one that a crash left is removed by the next.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meyasubako.service.store import schema
from meyasubako.service.store.errors import NotAStoreError, StoreError, translated
from meyasubako.service.store.port import Published

DATABASE: Final = "log.db"
_COPY: Final = ".copy-"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of the database: its file, its number of entries, its last checkpoint, the objects it names."""

    path: Path
    entries: int
    published: Published
    objects: tuple[str, ...]


@contextmanager
def snapshot(directory: Path) -> Iterator[Snapshot]:
    """Copy the database; raises the store's errors, `NotAStoreError` also before anything was published."""
    for left in directory.glob(f"{_COPY}*"):
        left.unlink(missing_ok=True)
    copy = directory / f"{_COPY}{secrets.token_hex(8)}.db"
    try:
        yield _copied(directory / DATABASE, copy)
    finally:
        copy.unlink(missing_ok=True)


def _copied(database: Path, copy: Path) -> Snapshot:
    try:
        os.close(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        uri = schema.database_uri(database, read_only=True)
        with closing(sqlite3.connect(uri, uri=True)) as source, closing(sqlite3.connect(copy)) as target:
            schema.check_version(source)
            # All pages in one step, and so in one read transaction.
            source.backup(target)
            # One file from now on; `settle_restored` sets it back.
            target.execute("PRAGMA journal_mode=DELETE")
            return _read(copy, target)
    except (sqlite3.Error, OSError) as error:
        raise translated(error) from error


def _read(copy: Path, connection: sqlite3.Connection) -> Snapshot:
    entries = connection.execute("SELECT coalesce(max(leaf_index) + 1, 0) FROM stored_events").fetchone()[0]
    last = connection.execute(
        "SELECT size, root, note FROM checkpoints ORDER BY size DESC LIMIT 1"
    ).fetchone()
    if last is None:
        raise NotAStoreError("the log has no published checkpoint: the founding was not completed")
    rows = connection.execute("SELECT digest FROM payloads WHERE place = 'object' ORDER BY id")
    return Snapshot(copy, entries, Published(*last), tuple(digest.hex() for (digest,) in rows))


def settle_restored(directory: Path) -> None:
    """Make a copy that was put back a database that many may use at once; `StoreError` for what is none."""
    database = directory / DATABASE
    if not database.is_file():
        raise NotAStoreError("there is no database")
    try:
        with closing(sqlite3.connect(schema.database_uri(database, read_only=False), uri=True)) as connection:
            schema.check_version(connection)
            connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.Error as error:
        raise StoreError(f"the database cannot be opened: {error}") from error
