"""Bringing a store that was restored from a backup forward, from entries that somebody mirrored.

Rules upheld here:

- Only new leaves behind the stored ones: the tables' own triggers are on, and nothing that is stored changes.
- The tree must come out as the caller says, or everything is taken back.
- Of the payloads that the new entries own, large ones may still lie in `objects/`; what is nowhere is
  recorded as lost, and what the log says was destroyed as gone.
"""

from collections.abc import Collection, Iterable
from itertools import islice

from meyasubako.crypto.merkle import leaf_hash
from meyasubako.service.store.errors import DamagedStoreError, MissingPayloadError, PayloadMismatchError
from meyasubako.service.store.port import Entry, Place, Published, StoredPayload
from meyasubako.service.store.schema import insert_many
from meyasubako.service.store.transaction import Transaction
from meyasubako.service.store.tree import head
from meyasubako.service.store.vault import Vault

_BATCH = 512


def adopt(
    transaction: Transaction,
    entries: Iterable[Entry],
    published: Published,
    gone: Collection[str],
    vault: Vault,
) -> list[StoredPayload]:
    """Store entries that follow the stored ones up to a published tree; gives the payloads that are lost."""
    lost: list[StoredPayload] = []
    rest = iter(entries)
    while batch := list(islice(rest, _BATCH)):
        first = transaction.size
        owned = [
            StoredPayload(
                digest, size, first + number, _place(vault, digest, size, gone), entry.scope or entry.stream
            )
            for number, entry in enumerate(batch)
            for digest, size in entry.owns
        ]
        for entry in batch:
            transaction.advance(entry.stream, entry.seq)
            transaction.leaves.append(leaf_hash(entry.data))
        rows = ((first + n, each.stream, each.seq, each.kind, each.data) for n, each in enumerate(batch))
        insert_many(transaction.connection, "stored_events", 5, rows)
        _record(transaction, owned)
        lost += [payload for payload in owned if payload.place == "lost"]
    edge = head(transaction.connection).extend(transaction.leaves)
    if (edge.size, edge.root()) != (published.size, published.root):
        raise DamagedStoreError("the entries do not give the tree of the checkpoint")
    return lost


def _record(transaction: Transaction, owned: Iterable[StoredPayload]) -> None:
    connection = transaction.connection
    number = connection.execute("SELECT coalesce(max(id) + 1, 1) FROM payloads").fetchone()[0]
    rows = [
        (row, bytes.fromhex(payload.digest), payload.size, payload.leaf_index, payload.place, payload.scope)
        for row, payload in enumerate(owned, number)
    ]
    insert_many(connection, "payloads", 6, rows)


def _place(vault: Vault, digest: str, size: int, gone: Collection[str]) -> Place:
    if digest in gone:
        return "gone"
    try:
        vault.check_object(digest, size)
    except (MissingPayloadError, PayloadMismatchError):
        return "lost"
    return "object"
