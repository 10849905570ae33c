"""Reading everything that is stored again, and hashing it: what an auditor does from outside, done at home.

Rules upheld here:

- The events alone decide. Head, tiles and published checkpoints are compared with what they hash to, since a
  log that serves a wrong hash proves it consistently for a long time.
- A payload has the bytes of its digest; one that is gone has none left.
"""

import hashlib
from sqlite3 import Connection
from typing import Final

from meyasubako.crypto.errors import DamagedLayerError
from meyasubako.crypto.merkle import HASH_SIZE, Frontier
from meyasubako.crypto.tiles import HEIGHT, TILE
from meyasubako.service.store import tree
from meyasubako.service.store.errors import DamagedStoreError
from meyasubako.service.store.port import ABSENT, StoredPayload
from meyasubako.service.store.vault import Vault

_PIECE: Final = 1 << 20


def verify_log(connection: Connection) -> None:
    """Raise `DamagedStoreError` unless head, tiles and checkpoints are those of the stored events."""
    head = tree.head(connection)
    edge = Frontier()
    for size, root in connection.execute("SELECT size, root FROM checkpoints ORDER BY size").fetchall():
        edge = tree.reread(connection, edge, size)
        if edge.root() != root:
            raise DamagedStoreError(f"the events do not give the checkpoint of {size} leaves")
    if tree.reread(connection, edge, head.size) != head:
        raise DamagedStoreError("the stored events do not give the tree that was kept with them")
    for level, n in connection.execute("SELECT level, n FROM tiles WHERE level > 0").fetchall():
        kept = tree.stored_tile(connection, level, n)
        first, end = n * TILE, n * TILE + len(kept) // HASH_SIZE
        if end > head.size >> (HEIGHT * level) or kept != tree.computed(connection, level, first, end):
            raise DamagedStoreError(f"tile {level}/{n} is not that of the tiles below it")


def verify_payload(connection: Connection, vault: Vault, payload: StoredPayload) -> None:
    """Raise `DamagedStoreError` unless the payload has the bytes of its digest, or none if it is gone.

    Raises `MissingPayloadError` if there are none though it is not gone.
    """
    if payload.place in ABSENT:
        if vault.holds(connection, payload.digest):
            raise DamagedStoreError(f"payload {payload.digest} is {payload.place}, and yet it is there")
        return
    digest = hashlib.sha256()
    try:
        with vault.open(connection, payload) as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except DamagedLayerError as error:
        raise DamagedStoreError(f"payload {payload.digest} has other bytes: {error}") from error
    if digest.hexdigest() != payload.digest:
        raise DamagedStoreError(f"payload {payload.digest} has other bytes")
