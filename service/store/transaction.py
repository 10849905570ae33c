"""What a commit's works share: the writing connection, the growing tree, the heads of streams.

Rules upheld here:

- Head and full tiles are written in the transaction that writes the leaves they stand for.
- What is remembered between commits holds only as long as nobody else has appended: the log's size says so.
"""

import sqlite3
from typing import Final

from meyasubako.service.store import tree

# How many streams' heads are remembered.
_MOST_HEADS: Final = 4096


class Remembered:
    """Streams' heads (seq of the last event, 0 for none) as they were when the log had `size` events."""

    def __init__(self) -> None:
        self.size = -1
        self.heads: dict[str, int] = {}


class Transaction:
    """A transaction under the write lock, between BEGIN IMMEDIATE and COMMIT."""

    def __init__(self, connection: sqlite3.Connection, remembered: Remembered) -> None:
        self.connection = connection
        self.leaves: list[bytes] = []
        self._edge = tree.head(connection)
        self._kept = 0
        if remembered.size != self._edge.size or len(remembered.heads) > _MOST_HEADS:
            remembered.heads.clear()
        self._remembered = remembered

    @property
    def size(self) -> int:
        """The next leaf index."""
        return self._edge.size + len(self.leaves)

    def begin(self) -> None:
        """Open the savepoint of the next work."""
        self.connection.execute("SAVEPOINT work")
        self._kept = len(self.leaves)

    def undo(self) -> None:
        """Take back what the work did so far."""
        self.connection.execute("ROLLBACK TO work")
        del self.leaves[self._kept :]
        self._remembered.heads.clear()

    def end(self) -> None:
        """Close the work's savepoint."""
        self.connection.execute("RELEASE work")

    def head_seq(self, stream: str) -> int:
        """The seq of a stream's last event, 0 for a stream without events."""
        seq = self._remembered.heads.get(stream)
        if seq is None:
            seq = self._remembered.heads[stream] = head_seq(self.connection, stream)
        return seq

    def advance(self, stream: str, seq: int) -> None:
        """Remember that this transaction has appended the event at (stream, seq)."""
        self._remembered.heads[stream] = seq

    def finish(self) -> None:
        """Write head and full tiles beside the leaves."""
        before = self._edge.size
        if self.leaves:
            self._edge = self._edge.extend(self.leaves)
            tree.keep_head(self.connection, self._edge)
            tree.keep_tiles(self.connection, before, self._edge.size, full_only=True)
        self._remembered.size = self._edge.size


def head_seq(connection: sqlite3.Connection, stream: str) -> int:
    """The seq of a stream's last event, 0 for a stream without events."""
    found = connection.execute(
        "SELECT max(originator_version) FROM stored_events WHERE originator_id = ?", (stream,)
    ).fetchone()
    return int(found[0] or 0)
