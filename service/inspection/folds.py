"""Tables of folds that lie in a file: read as far as somebody asks, and written as far as they changed."""

import sqlite3
from collections.abc import ItemsView, Iterator, Mapping, MutableMapping, ValuesView
from typing import Any, Final, Generic, TypeVar, overload

import msgspec

from meyasubako.service.inspection.errors import UnreadableSourceError

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")
T = TypeVar("T")

TABLE: Final = """
CREATE TABLE folds (
    name TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, UNIQUE (name, key)
)"""
# Rows that stood there already keep their place in the order.
_SET: Final = """
INSERT INTO folds VALUES (?, ?, ?) ON CONFLICT (name, key) DO UPDATE SET value = excluded.value"""

# What stands for the value of a key that is not there.
GONE: Final[Any] = object()
_UNREAD: Final[Any] = object()
_STRINGS: Final = msgspec.msgpack.Decoder(str)
_encode: Final = msgspec.msgpack.Encoder().encode


def write(connection: sqlite3.Connection, name: str, changed: Mapping[Any, Any]) -> None:
    """Write the folds of one name that changed; GONE takes one away."""
    rows = ((name, _encode(key), _encode(value)) for key, value in changed.items() if value is not GONE)
    connection.executemany(_SET, rows)
    gone = ((name, _encode(key)) for key, value in changed.items() if value is GONE)
    connection.executemany("DELETE FROM folds WHERE name = ? AND key = ?", gone)


def names(connection: sqlite3.Connection, name: str) -> frozenset[str]:
    """The keys of one name, where those are strings."""
    rows = connection.execute("SELECT key FROM folds WHERE name = ?", (name,))
    return frozenset(_decoded(_STRINGS, key, name) for (key,) in rows)


def _decoded(decoder: msgspec.msgpack.Decoder[T], data: bytes, name: str) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, TypeError) as error:
        # Whoever stands on this would take it for something wrong with the log.
        raise UnreadableSourceError(f"the state of the last audit is damaged: {name}") from error


class Folds(MutableMapping[K, V], Generic[K, V]):
    """The folds of one name in a file; what is set is in memory only, until somebody writes `changes`.

    `key` and `value` are the types that msgspec decodes them to, `count` is how many there are.
    """

    def __init__(self, connection: sqlite3.Connection, name: str, key: Any, value: Any, count: int) -> None:
        self._connection, self._name = connection, name
        self._key, self._value = msgspec.msgpack.Decoder(key), msgspec.msgpack.Decoder(value)
        # What was asked for, or set, so far.
        self._known: dict[K, V] = {}
        self._changed: dict[K, None] = {}
        self._whole = False
        self._count = count

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, /, default: V | D) -> V | D: ...
    def get(self, key: K, /, default: V | D | None = None) -> V | D | None:
        """The value, or the default; the file is asked once for each key."""
        found = self._known.get(key, _UNREAD)
        if found is _UNREAD:
            found = self._known[key] = self._read(key)
        return default if found is GONE else found

    def __getitem__(self, key: K) -> V:
        found: V = self.get(key, GONE)
        if found is GONE:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return self.get(key, GONE) is not GONE  # type: ignore[arg-type]  # any key may be asked for

    def __setitem__(self, key: K, value: V) -> None:
        if key not in self:
            self._count += 1
            # It stands behind the others, also where somebody had asked for it.
            self._known.pop(key, None)
        self._known[key], self._changed[key] = value, None

    def __delitem__(self, key: K) -> None:
        if key not in self:
            raise KeyError(key)
        self._count -= 1
        self._known[key], self._changed[key] = GONE, None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[K]:
        asked = "SELECT key FROM folds WHERE name = ? ORDER BY rowid"
        stored = () if self._whole else self._connection.execute(asked, (self._name,))
        names = dict.fromkeys([*(_decoded(self._key, key, self._name) for (key,) in stored), *self._known])
        return iter([name for name in names if self._known.get(name) is not GONE])

    def values(self) -> ValuesView[V]:
        """Every value, read at once."""
        return self._all().values()

    def items(self) -> ItemsView[K, V]:
        """Every key and value, read at once."""
        return self._all().items()

    def changes(self) -> Mapping[K, V]:
        """What was set since the file was opened; GONE for what was taken away."""
        return {key: self._known[key] for key in self._changed}

    def _read(self, key: K) -> V:
        asked = (self._name, _encode(key))
        found: V = GONE
        if not self._whole:
            rows = self._connection.execute("SELECT value FROM folds WHERE name = ? AND key = ?", asked)
            for (value,) in rows:
                found = _decoded(self._value, value, self._name)
        return found

    def _all(self) -> dict[K, V]:
        if not self._whole:
            asked = "SELECT key, value FROM folds WHERE name = ? ORDER BY rowid"
            known, self._known = self._known, {}
            for spelled, value in self._connection.execute(asked, (self._name,)):
                key = _decoded(self._key, spelled, self._name)
                self._known[key] = (
                    known.pop(key) if key in known else _decoded(self._value, value, self._name)
                )
            self._known.update(known)
            self._whole = True
        return {key: value for key, value in self._known.items() if value is not GONE}
