"""The Merkle tree beside the events: its right edge, its tiles, and the edge at any earlier size.

Rules upheld here (C2SP tlog-tiles; RFC 6962):

- The head's right edge and every tile that a commit fills are written in that commit; partial tiles are
  written when a checkpoint is published.
- A stored tile only grows. A narrower one is its beginning, so that every width that was ever published can
  be served from one row.
- What is not stored is computed from what lies below it, down to the events themselves.
"""

import sqlite3
from collections.abc import Iterator

from meyasubako.crypto.merkle import HASH_SIZE, Frontier, leaf_hashes
from meyasubako.crypto.tiles import HEIGHT, TILE, TileReader, tile_root, tiles_for
from meyasubako.service.store.errors import DamagedStoreError

_KEEP_TILE = """
INSERT INTO tiles (level, n, hashes) VALUES (?, ?, ?)
ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes
WHERE length(excluded.hashes) > length(tiles.hashes)"""


def head(connection: sqlite3.Connection) -> Frontier:
    """The right edge of the tree over everything stored."""
    return Frontier.decode(connection.execute("SELECT frontier FROM head").fetchone()[0])


def keep_head(connection: sqlite3.Connection, edge: Frontier) -> None:
    """Write the new right edge."""
    connection.execute("UPDATE head SET frontier = ?", (edge.encode(),))


def keep_tiles(connection: sqlite3.Connection, old_size: int, new_size: int, *, full_only: bool) -> None:
    """Write the tiles that the tree of the new size has and that of the old size had not."""
    if full_only and old_size >> HEIGHT == new_size >> HEIGHT:
        return
    for level, n, width in tiles_for(old_size, new_size):
        if width == TILE or not full_only:
            connection.execute(_KEEP_TILE, (level, n, tile(connection, level, n, width)))


def tile(connection: sqlite3.Connection, level: int, n: int, width: int) -> bytes:
    """The hashes of a tile, `width` of them, read as far as they are stored and computed beyond."""
    hashes = stored_tile(connection, level, n)[: width * HASH_SIZE]
    first = n * TILE + len(hashes) // HASH_SIZE
    end = n * TILE + width
    return hashes + computed(connection, level, first, end)


def computed(connection: sqlite3.Connection, level: int, first: int, end: int) -> bytes:
    """The hashes of a level from one index up to, not including, another, from what lies below."""
    if level == 0:
        return b"".join(leaf_hashes(events(connection, first, end)))
    return b"".join([tile_root(tile(connection, level - 1, below, TILE)) for below in range(first, end)])


def stored_tile(connection: sqlite3.Connection, level: int, n: int) -> bytes:
    """As many hashes of the tile as are stored, maybe none."""
    found = connection.execute("SELECT hashes FROM tiles WHERE level = ? AND n = ?", (level, n)).fetchone()
    return bytes(found[0]) if found else b""


def events(connection: sqlite3.Connection, start: int, stop: int) -> list[bytes]:
    """The exact bytes of the events at these leaf indices; `DamagedStoreError` unless all are there."""
    found = connection.execute(
        "SELECT state FROM stored_events WHERE leaf_index >= ? AND leaf_index < ? ORDER BY leaf_index",
        (start, stop),
    ).fetchall()
    if len(found) != stop - start:
        raise DamagedStoreError(f"of the events from {start} to {stop} some are missing")
    return [row[0] for row in found]


def edge_at(connection: sqlite3.Connection, size: int) -> Frontier:
    """The right edge of the tree over the first `size` leaves, from the stored tiles."""

    def fetch(level: int, n: int, width: int) -> bytes:
        return tile(connection, level, n, width)

    read = TileReader(size, fetch)
    return Frontier(size, tuple(read(level, start >> level) for level, start in _subtrees(size)))


def _subtrees(size: int) -> Iterator[tuple[int, int]]:
    """(level, first leaf) of each full subtree that makes up the tree, largest first."""
    start = 0
    while start < size:
        level = (size - start).bit_length() - 1
        yield level, start
        start += 1 << level


def reread(connection: sqlite3.Connection, edge: Frontier, size: int) -> Frontier:
    """Extend a right edge up to `size` by hashing the stored events again, tile by tile.

    Raises `DamagedStoreError` if an event is missing, or if its hash is not the one in the stored tile.
    """
    while edge.size < size:
        n, first = divmod(edge.size, TILE)
        stop = min(size, (n + 1) * TILE)
        fresh = leaf_hashes(events(connection, edge.size, stop))
        kept = stored_tile(connection, 0, n)[first * HASH_SIZE :]
        joined = b"".join(fresh)
        shared = min(len(kept), len(joined))
        if kept[:shared] != joined[:shared]:
            raise DamagedStoreError(f"an event between {edge.size} and {stop} is not what was hashed")
        edge = edge.extend(fresh)
    return edge
