"""Where an audit ended: enough to go on with what is new, without verifying again what was.

- It is the auditor's own file, made only by an audit that found nothing, and bound to the checkpoint up to
  which it was made. Whoever could write it could as well have written the answer: keep it where only you do.
- It is a database, so that going on costs as much as there is new: of the folded log only that is read on
  which new entries stand, and only that is written which they changed, in one transaction.
- Whoever judges by other rules, or folds otherwise, begins anew: it names the very code that it was made by.
  One audit at a time goes on from it.
"""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from meyasubako.domain import audit as blind
from meyasubako.domain import case, envelope, ledger, people, rooms
from meyasubako.domain.chronicle import Deadline
from meyasubako.service.inspection import folds
from meyasubako.service.inspection.errors import UnreadableSourceError
from meyasubako.service.inspection.folds import Folds
from meyasubako.service.inspection.tree import TileTree
from meyasubako.service.inspection.walk import Walk

# The ledger's tables, each with the types of its keys and values. At a slot's end nothing is promised.
_TABLES: Final[Mapping[str, tuple[Any, Any]]] = {
    "sorts": (str, str),
    "heads": (str, envelope.Head),
    "cases": (str, case.Case),
    "rooms": (str, rooms.Room),
    "case_rooms": (str, tuple[str, ...]),
    "waiting": (str, date),
    "reads": (str, ledger.Reads),
    "owners": (str, ledger.Owner),
    "reporters": (str, str),
    "fetched": (tuple[str, str], frozenset[str]),
}
# Payloads that must be absent: none of them comes back.
_ABSENT: Final = "absent"


class _Told(msgspec.Struct):
    """What is read whole: what the tree, the mechanism and the chronicle were."""

    origin: str
    # Whether the payloads' bytes were read, too.
    whole: bool
    size: int
    edge: list[tuple[int, list[bytes]]]
    root: bytes
    mechanism: people.Mechanism
    kinds: list[tuple[date, str, int]]
    covers: int
    handed_out: list[tuple[str, str, int]]
    moves: list[tuple[date, int]]
    waiting: dict[str, Deadline]
    met: list[Deadline]
    # How many folds there are of each name.
    counts: dict[str, int]


_decoder = msgspec.msgpack.Decoder(_Told)


class Standing:
    """What a later audit goes on from: the walk as it stands now, at the end of a slot."""

    def __init__(self, walk: Walk) -> None:
        # Folds are never changed, only replaced, so those of now can be written down later.
        self._folds = {name: _changes(getattr(walk.replay.ledger, name)) for name in _TABLES}
        self._folds[_ABSENT] = dict.fromkeys(walk.must_be_absent() - walk.absent, True)
        self._told = _told(walk)

    def write(self, connection: sqlite3.Connection) -> None:
        """Write what differs from what stands there, and commit."""
        for name, changed in self._folds.items():
            folds.write(connection, name, changed)
        connection.execute("UPDATE ended SET told = ?, code = ?", (self._told, _code()))
        connection.execute("COMMIT")


class Ended:
    """Where an earlier audit ended, as its file says; UnreadableSourceError if it cannot be read."""

    def __init__(self, path: Path) -> None:
        try:
            self._connection = sqlite3.connect(path, timeout=0, isolation_level=None)
        except sqlite3.Error as error:
            raise UnreadableSourceError(f"the state of the last audit cannot be read: {error}") from error
        try:
            # Nobody else goes on from it meanwhile.
            self._connection.execute("BEGIN IMMEDIATE")
            data, code = self._connection.execute("SELECT told, code FROM ended").fetchone()
            # What other code has written might be read, and mean something else.
            told = _decoder.decode(data) if code == _code() else None
        except (sqlite3.Error, msgspec.MsgspecError, ValueError, TypeError) as error:
            self.close()
            raise UnreadableSourceError(f"the state of the last audit cannot be read: {error}") from error
        if told is None:
            self.close()
            raise UnreadableSourceError("the state of the last audit is another release's: begin anew")
        self._told = told

    def close(self) -> None:
        """Let go of the file; what was not kept is forgotten."""
        self._connection.close()

    @property
    def origin(self) -> str:
        """Which log it is of."""
        return self._told.origin

    @property
    def whole(self) -> bool:
        """Whether the payloads' bytes were read, too."""
        return self._told.whole

    @property
    def size(self) -> int:
        """How many entries were verified."""
        return self._told.size

    @property
    def root(self) -> bytes:
        """The root of their tree."""
        return self._told.root

    def set(self, walk: Walk) -> None:
        """Set a fresh walk to where the audit ended."""
        told, to, chronicle = self._told, walk.replay.ledger, walk.chronicle
        for name, types in _TABLES.items():
            setattr(to, name, Folds[Any, Any](self._connection, name, *types, told.counts[name]))
        to.mechanism, to.size = told.mechanism, told.size
        walk.replay.mark(told.size, told.root)
        chronicle.kinds = Counter({(day, kind): count for day, kind, count in told.kinds})
        chronicle.covers = told.covers
        chronicle.reads = Counter({(person, of): count for person, of, count in told.handed_out})
        chronicle.moves = Counter(dict(told.moves))
        chronicle.waiting, chronicle.met = told.waiting, told.met
        walk.tree = TileTree(walk.source, told.edge)
        walk.absent = folds.names(self._connection, _ABSENT)

    def keep(self, standing: Standing) -> None:
        """Write where the walk that was set stands now."""
        standing.write(self._connection)


@contextmanager
def ended(path: Path | None) -> Iterator[Ended | None]:
    """Where the audit ended that wrote a file, if there is one."""
    if path is None or not path.exists():
        yield None
        return
    with closing(Ended(path)) as found:
        yield found


def keep(standing: Standing, path: Path, begun: Ended | None) -> None:
    """Write a walk's standing to the file that it went on from, or to a new one (0600) in its place.

    OSError if that is not possible; the file stays as it was.
    """
    try:
        if begun is not None:
            begun.keep(standing)
        else:
            _begin(standing, path)
    except sqlite3.Error as error:
        raise OSError(f"the state of the audit cannot be written to {path}: {error}") from error


def _begin(standing: Standing, path: Path) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute(folds.TABLE)
        connection.execute("CREATE TABLE ended (told BLOB NOT NULL, code TEXT NOT NULL)")
        connection.execute("INSERT INTO ended VALUES ('', '')")
        standing.write(connection)
    # SQLite would take the journal of a file that was removed for this one's.
    path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
    fresh.replace(path)


@cache
def _code() -> str:
    """A digest of the code that a state depends on: rules, folds, and the audit itself."""
    digest = sha256()
    for folder in (Path(blind.__file__).parent, Path(__file__).parent):
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _changes(table: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return table.changes() if isinstance(table, Folds) else dict(table)


def _told(walk: Walk) -> bytes:
    state, chronicle = walk.replay.ledger, walk.chronicle
    return msgspec.msgpack.encode(
        _Told(
            origin=state.mechanism.origin,
            whole=walk.source.whole,
            size=walk.tree.size,
            edge=walk.tree.edge,
            root=walk.tree.root(),
            mechanism=state.mechanism,
            kinds=[(*what, count) for what, count in chronicle.kinds.items()],
            covers=chronicle.covers,
            handed_out=[(*what, count) for what, count in chronicle.reads.items()],
            moves=list(chronicle.moves.items()),
            waiting=chronicle.waiting,
            met=chronicle.met,
            counts={name: len(getattr(state, name)) for name in _TABLES},
        )
    )
