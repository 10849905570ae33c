"""Publication: what is checked before a checkpoint is signed, and where it is kept.

Rules upheld here (C2SP tlog-checkpoint, tlog-tiles):

- Before signing, the stored events of the new leaves are read and hashed again, and give the tree whose right
  edge was kept with them; the tree extends the last published one.
- The signed checkpoint goes first to the file `checkpoint` beside the database (atomically, fsynced), then
  into the database, where every one is kept for ever. After a crash in between, opening the store adopts it.
- A database that is smaller than that file's tree, or does not extend it, is refused: a restored backup must
  not fork the log.
- One publication at a time, whatever processes there are.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from sqlite3 import Connection
from typing import Final

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.errors import BadNoteError
from meyasubako.crypto.merkle import Frontier
from meyasubako.crypto.note import Note
from meyasubako.crypto.tiles import HEIGHT, TILE, Level, encode_bundle
from meyasubako.service.store import tree
from meyasubako.service.store.commit import Leader
from meyasubako.service.store.errors import DamagedStoreError, RolledBackError, translated
from meyasubako.service.store.locks import FileLock, sync_directory
from meyasubako.service.store.port import Published, Sign
from meyasubako.service.store.transaction import Transaction

_LAST: Final = "SELECT size, root, note FROM checkpoints ORDER BY size DESC LIMIT 1"


class Publication:
    """The published side of the log: checkpoints and tiles."""

    def __init__(
        self, directory: Path, reading: Callable[[], AbstractContextManager[Connection]], leader: Leader
    ) -> None:
        self._directory = directory
        self._file = directory / "checkpoint"
        self._turn = FileLock(directory / "publish.lock")
        self._reading, self._leader = reading, leader

    def last(self) -> Published | None:
        """The last published checkpoint."""
        with self._reading() as connection:
            return _last(connection)

    def all(self) -> list[Published]:
        """Every published checkpoint, the smallest tree first."""
        with self._reading() as connection:
            found = connection.execute("SELECT size, root, note FROM checkpoints ORDER BY size")
            return [Published(*row) for row in found]

    def tile(self, level: Level, n: int, width: int) -> bytes | None:
        """A tile or bundle that lies within the published tree, or None."""
        if not 1 <= width <= TILE or n < 0:
            return None
        with self._reading() as connection:
            last = _last(connection)
            height = 0 if level == "entries" else HEIGHT * level
            if last is None or n * TILE + width > last.size >> height:
                return None
            if level == "entries":
                return encode_bundle(tree.events(connection, n * TILE, n * TILE + width))
            return tree.tile(connection, level, n, width)

    def publish(self, size: int, sign: Sign) -> bytes:
        """Sign and keep the checkpoint of the first `size` leaves; gives the note.

        What was published at this size already is given again. Raises `ValueError` for more leaves than are
        stored, `RolledBackError` for fewer than are published, `DamagedStoreError` if the events do not give
        the tree.
        """
        with self._turn:
            last = self._adopt()
            if last is not None and size <= last.size:
                if size < last.size:
                    raise RolledBackError("a larger tree than this has been published")
                return last.note
            with self._reading() as connection:
                root = _checked_root(connection, last, size)
            note = sign(size, root)
            _check_note(note, size, root)
            self._keep_file(note)
            self._leader.run(lambda transaction: _record(transaction, size, root, note))
            return note

    def keep_cosignatures(self, size: int, note: bytes) -> None:
        """Replace a kept note by the same text with more signature lines; `ValueError` for anything else."""
        with self._turn:
            with self._reading() as connection:
                last = _last(connection)
                found = connection.execute("SELECT note FROM checkpoints WHERE size = ?", (size,)).fetchone()
            if found is None or not _adds_signatures(found[0], note):
                raise ValueError("the note does not add signatures to the checkpoint of this size")
            if last is not None and last.size == size:
                self._keep_file(note)
            self._leader.run(
                lambda transaction: transaction.connection.execute(
                    "UPDATE checkpoints SET note = ? WHERE size = ?", (note, size)
                )
            )

    def take_over(self, published: Published) -> None:
        """Keep a checkpoint that was published before this database was set back and brought forward."""
        with self._turn:
            last = self.last()
            if self._read_file() is None and last is not None:
                self._keep_file(last.note)
            last = self._adopt()
            if last is None or last.size < published.size:
                self._keep_file(published.note)
                self._leader.run(lambda transaction: _record(transaction, *published))

    def recover(self) -> None:
        """Refuse a database that does not extend the kept checkpoint, and adopt one that it lacks."""
        with self._turn:
            self._adopt()

    def close(self) -> None:
        """Give the lock's file back."""
        self._turn.close()

    def _adopt(self) -> Published | None:
        """The last published checkpoint, which after this stands in the file and in the database."""
        kept = self._read_file()
        with self._reading() as connection:
            last = _last(connection)
            if kept is None:
                if last is not None:
                    raise RolledBackError(f"the last published checkpoint is missing: {self._file}")
                return None
            if kept.size > tree.head(connection).size:
                raise RolledBackError("the stored tree is smaller than the last published checkpoint")
            if tree.edge_at(connection, kept.size).root() != kept.root:
                raise RolledBackError("the stored tree does not extend the last published checkpoint")
        if last is None or last.size < kept.size:
            self._leader.run(lambda transaction: _record(transaction, *kept))
            return kept
        if last.size > kept.size:
            self._keep_file(last.note)
        return last

    def _read_file(self) -> Published | None:
        try:
            note = self._file.read_bytes()
            checkpoint = Checkpoint.parse(Note.parse(note).text)
        except FileNotFoundError:
            return None
        except BadNoteError as error:
            raise RolledBackError(f"{self._file} does not hold a checkpoint") from error
        return Published(checkpoint.size, checkpoint.root, note)

    def _keep_file(self, note: bytes) -> None:
        fresh = self._file.with_suffix(".new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._file)
            sync_directory(self._directory)
        except OSError as error:
            raise translated(error) from error


def _last(connection: Connection) -> Published | None:
    found = connection.execute(_LAST).fetchone()
    return Published(*found) if found else None


def _checked_root(connection: Connection, last: Published | None, size: int) -> bytes:
    head = tree.head(connection)
    if not 0 < size <= head.size:
        raise ValueError(f"the log has {head.size} leaves: a checkpoint of {size} cannot be published")
    edge = Frontier()
    if last is not None:
        edge = tree.edge_at(connection, last.size)
        if edge.root() != last.root:
            raise DamagedStoreError("the stored tiles do not give the tree that was published")
    edge = tree.reread(connection, edge, size)
    if tree.reread(connection, edge, head.size) != head:
        raise DamagedStoreError("the stored events do not give the tree that was kept with them")
    return edge.root()


def _record(transaction: Transaction, size: int, root: bytes, note: bytes) -> None:
    connection = transaction.connection
    last = _last(connection)
    tree.keep_tiles(connection, last.size if last else 0, size, full_only=False)
    connection.execute("INSERT INTO checkpoints (size, root, note) VALUES (?, ?, ?)", (size, root, note))


def _check_note(note: bytes, size: int, root: bytes) -> None:
    checkpoint = Checkpoint.parse(Note.parse(note).text)
    if (checkpoint.size, checkpoint.root) != (size, root):
        raise ValueError("the signed checkpoint states another tree")


def _adds_signatures(kept: bytes, note: bytes) -> bool:
    before, after = Note.parse(kept), Note.parse(note)
    return before.text == after.text and set(before.signatures) <= set(after.signatures)
