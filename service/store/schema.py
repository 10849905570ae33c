"""The database's tables, what they refuse by themselves, and how every connection is set up.

Rules upheld here:

- `stored_events` grows and never changes: triggers refuse UPDATE and DELETE, and an INSERT that is not the
  next leaf and the next of its stream, which closes INSERT OR REPLACE as well, whatever a connection has set.
- A payload's row stays for ever; it may only turn to 'lost' (what a restored backup lacks) or to 'gone', and
  no payload is taken for a scope that was erased. `small_payloads.sealed` is under the layer of an erasure
  key. A checkpoint's row stays; only its note may change, by more signature lines.
- Deleted bytes are overwritten (`secure_delete`), commits are durable (`synchronous=FULL`), and nothing
  stored in the schema is trusted to run functions (`trusted_schema=OFF`).
- A database with another `user_version` than ours is refused: `NewerVersionError`, `OlderVersionError`. There
  is no way from 1 to 2: version 1 was never released, and its payloads lie without the layer.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from meyasubako.service.store.errors import NewerVersionError, NotAStoreError, OlderVersionError

VERSION: Final = 2
# "meya", so that `file` and a puzzled administrator can tell whose database it is.
APPLICATION_ID: Final = int.from_bytes(b"meya", "big")

# Few widths, so that the statements stay compiled.
_WIDTHS: Final = (64, 16, 8, 4, 2, 1)

_TABLES: Final = """
CREATE TABLE stored_events (
  leaf_index INTEGER PRIMARY KEY,
  originator_id TEXT NOT NULL,
  originator_version INTEGER NOT NULL,
  topic TEXT NOT NULL,
  state BLOB NOT NULL CHECK (length(state) BETWEEN 1 AND 32768),
  UNIQUE (originator_id, originator_version)
) STRICT;

CREATE TABLE head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  frontier BLOB NOT NULL
) STRICT;

CREATE TABLE tiles (
  level INTEGER NOT NULL,
  n INTEGER NOT NULL,
  hashes BLOB NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
  PRIMARY KEY (level, n)
) STRICT;

CREATE TABLE checkpoints (
  size INTEGER PRIMARY KEY,
  root BLOB NOT NULL CHECK (length(root) = 32),
  note BLOB NOT NULL
) STRICT;

CREATE TABLE payloads (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
  size INTEGER NOT NULL CHECK (size > 0),
  leaf_index INTEGER NOT NULL REFERENCES stored_events,
  place TEXT NOT NULL CHECK (place IN ('table', 'object', 'gone', 'lost')),
  scope TEXT NOT NULL CHECK (scope <> '')
) STRICT;
CREATE INDEX payloads_by_scope ON payloads (scope);

CREATE TABLE erased_scopes (
  scope TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE small_payloads (
  id INTEGER PRIMARY KEY REFERENCES payloads,
  sealed BLOB NOT NULL
) STRICT;

CREATE TRIGGER events_are_dense BEFORE INSERT ON stored_events
WHEN new.leaf_index IS NOT (SELECT coalesce(max(leaf_index) + 1, 0) FROM stored_events)
  OR new.originator_version IS NOT (
    SELECT coalesce(max(originator_version), 0) + 1 FROM stored_events
    WHERE originator_id = new.originator_id)
BEGIN SELECT RAISE(ABORT, 'an event is the next leaf and the next of its stream'); END;
CREATE TRIGGER events_never_change BEFORE UPDATE ON stored_events
BEGIN SELECT RAISE(ABORT, 'events never change'); END;
CREATE TRIGGER events_stay BEFORE DELETE ON stored_events
BEGIN SELECT RAISE(ABORT, 'events stay'); END;

CREATE TRIGGER tiles_grow BEFORE UPDATE ON tiles
WHEN new.level IS NOT old.level OR new.n IS NOT old.n
  OR substr(new.hashes, 1, length(old.hashes)) IS NOT old.hashes
BEGIN SELECT RAISE(ABORT, 'a tile only grows'); END;
CREATE TRIGGER tiles_stay BEFORE DELETE ON tiles
BEGIN SELECT RAISE(ABORT, 'tiles stay'); END;

CREATE TRIGGER checkpoints_grow BEFORE INSERT ON checkpoints
WHEN new.size <= (SELECT coalesce(max(size), 0) FROM checkpoints)
BEGIN SELECT RAISE(ABORT, 'a checkpoint is larger than the one before'); END;
CREATE TRIGGER checkpoints_never_change BEFORE UPDATE ON checkpoints
WHEN new.size IS NOT old.size OR new.root IS NOT old.root
BEGIN SELECT RAISE(ABORT, 'checkpoints never change'); END;
CREATE TRIGGER checkpoints_stay BEFORE DELETE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints stay'); END;

CREATE TRIGGER digests_are_owned_once BEFORE INSERT ON payloads
WHEN EXISTS (SELECT 1 FROM payloads WHERE digest = new.digest OR id = new.id)
BEGIN SELECT RAISE(ABORT, 'a digest is owned once, ever'); END;
CREATE TRIGGER payloads_only_go BEFORE UPDATE ON payloads
WHEN new.id IS NOT old.id OR new.digest IS NOT old.digest OR new.size IS NOT old.size
  OR new.leaf_index IS NOT old.leaf_index OR new.scope IS NOT old.scope
  OR new.place NOT IN ('lost', 'gone') OR (new.place = 'lost' AND old.place = 'gone')
BEGIN SELECT RAISE(ABORT, 'a payload may only go'); END;
CREATE TRIGGER payloads_stay BEFORE DELETE ON payloads
BEGIN SELECT RAISE(ABORT, 'the record of a payload stays'); END;

CREATE TRIGGER erased_takes_nothing BEFORE INSERT ON payloads
WHEN new.place <> 'gone' AND EXISTS (SELECT 1 FROM erased_scopes WHERE scope = new.scope)
BEGIN SELECT RAISE(ABORT, 'what was erased takes nothing any more'); END;
CREATE TRIGGER erased_never_changes BEFORE UPDATE ON erased_scopes
BEGIN SELECT RAISE(ABORT, 'what was erased stays erased'); END;
CREATE TRIGGER erased_stays BEFORE DELETE ON erased_scopes
BEGIN SELECT RAISE(ABORT, 'what was erased stays erased'); END;
"""


def create(connection: sqlite3.Connection, empty_frontier: bytes) -> None:
    """Write the empty store's tables, all or none."""
    configure(connection)
    connection.execute("BEGIN IMMEDIATE")
    for statement in _statements(_TABLES):
        connection.execute(statement)
    connection.execute("INSERT INTO head VALUES (1, ?)", (empty_frontier,))
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode=WAL")


def configure(connection: sqlite3.Connection) -> None:
    """Set what is a connection's own and not the file's."""
    for pragma in (
        "synchronous=FULL",
        "foreign_keys=ON",
        "trusted_schema=OFF",
        "recursive_triggers=ON",
        "secure_delete=ON",
        "cache_size=-16384",
    ):
        connection.execute(f"PRAGMA {pragma}")


def check_version(connection: sqlite3.Connection) -> None:
    """Refuse a file that is not ours (`NotAStoreError`) or from another release (`NewerVersionError`,
    `OlderVersionError`).
    """
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise NotAStoreError("log.db is not an event store's database") from error
    if application != APPLICATION_ID or version < 1:
        raise NotAStoreError("log.db is not an event store's database")
    if version > VERSION:
        raise NewerVersionError(
            f"log.db has version {version}, and this release reads version {VERSION}: install a newer release"
        )
    if version < VERSION:
        raise OlderVersionError(
            f"log.db has version {version}, from before the first release, and this one reads version "
            f"{VERSION}: there is no way to take it over; found the mechanism anew"
        )


def database_uri(path: Path, *, read_only: bool) -> str:
    """The URI by which SQLite opens an existing file and never makes one."""
    return f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"


def _statements(script: str) -> list[str]:
    # `executescript` commits whatever transaction is open; the statements are told apart by their ends.
    statements, rest = [], ""
    for line in script.splitlines(keepends=True):
        rest += line
        if sqlite3.complete_statement(rest):
            statements.append(rest)
            rest = ""
    return statements


def insert_many(
    connection: sqlite3.Connection, table: str, columns: int, rows: Iterable[tuple[object, ...]]
) -> None:
    """Insert rows by few statements, each of which runs without Python's lock while others go on."""
    left = list(rows)
    one = f"({','.join('?' * columns)})"
    while left:
        width = next(width for width in _WIDTHS if width <= len(left))
        values = ",".join([one] * width)
        connection.execute(
            f"INSERT INTO {table} VALUES {values}",  # noqa: S608  # a table's name and question marks
            [value for row in left[:width] for value in row],
        )
        del left[:width]
