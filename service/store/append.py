"""One append: what is checked before it waits, and what is decided in its transaction.

Rules upheld here:

- Everything that needs no database is checked by the thread that asks, before the queue: hashes of leaves,
  digests of payloads, the shape of what is named as own. There too small payloads get their layer.
- In the transaction: streams that the decision read have not moved, every event is the next of its stream,
  every digest is owned for the first time, every payload is there. The database's own constraints decide;
  why they refused is found out only when they did.
- Equal bytes at (stream, seq) for all events are success, whatever moved since.
"""

import hashlib
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from meyasubako.crypto.merkle import leaf_hash, leaf_hashes
from meyasubako.service.store.errors import (
    DamagedStoreError,
    DigestTakenError,
    ErasedScopeError,
    MissingPayloadError,
    PayloadMismatchError,
    SeqConflictError,
    StaleReadError,
)
from meyasubako.service.store.port import MAX_EVENT, SMALL_PAYLOAD
from meyasubako.service.store.schema import insert_many
from meyasubako.service.store.transaction import Transaction, head_seq
from meyasubako.service.store.vault import Vault

# The columns of `stored_events` behind the leaf index: stream, seq, kind, exact bytes.
StoredColumns = tuple[str, int, str, bytes]

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Owned:
    """A payload that the event at `offset` of the append names as its own, and what it is erased with.

    `sealed` are its bytes if it is small, under the layer once it waits for the transaction.
    """

    offset: int
    digest: str
    size: int
    sealed: bytes | None
    scope: str


class Append(NamedTuple):
    """An append whose bytes have been checked."""

    events: tuple[StoredColumns, ...]
    leaves: tuple[bytes, ...]
    owned: tuple[Owned, ...]
    requires: tuple[tuple[str, int], ...]
    at_size: int | None


def prepare(
    events: Sequence[StoredColumns],
    owns: Sequence[Sequence[tuple[str, int]]],
    small_payloads: Mapping[str, bytes],
    requires: Mapping[str, int],
    at_size: int | None = None,
    scopes: Sequence[str] = (),
) -> Append:
    """Check what can be checked without the database; `scopes` has one for each event, empty for its stream.

    Raises `PayloadMismatchError` for a payload without its digest or size, or that no event owns,
    `DigestTakenError` for a digest that two of the events own, `ValueError` for an event of no allowed size.
    """
    if not events or any(not 0 < len(event[3]) <= MAX_EVENT for event in events):
        raise ValueError("an append has events of 1 to 32,768 bytes")
    owned: dict[str, Owned] = {}
    for offset, references in enumerate(owns):
        for digest, size in references:
            if _DIGEST.fullmatch(digest) is None:
                raise MissingPayloadError(digest[:64])
            if size < 1:
                raise PayloadMismatchError(f"payload {digest} has no bytes")
            if digest in owned:
                raise DigestTakenError(digest)
            sealed = small_payloads.get(digest)
            if sealed is not None:
                _check_small(digest, size, sealed)
            scope = (scopes[offset] if scopes else "") or events[offset][0]
            owned[digest] = Owned(offset, digest, size, sealed, scope)
    for digest in small_payloads.keys() - owned.keys() if small_payloads else ():
        raise PayloadMismatchError(f"no event names the payload {digest[:64]} as its own")
    return Append(
        tuple(events),
        tuple(leaf_hashes(event[3] for event in events)),
        tuple(owned.values()),
        tuple(requires.items()),
        at_size,
    )


def _check_small(digest: str, size: int, sealed: bytes) -> None:
    if len(sealed) != size or size > SMALL_PAYLOAD:
        raise PayloadMismatchError(f"payload {digest} has another size, or is too large to come with events")
    if hashlib.sha256(sealed).hexdigest() != digest:
        raise PayloadMismatchError(f"payload {digest} has other bytes")


def store_together(transaction: Transaction, appends: Sequence[Append], vault: Vault) -> list[list[int]]:
    """Store appends one behind the other in few statements; gives the leaf indices of each.

    Raises `StoreError` or `sqlite3.IntegrityError` if any of them is refused: the caller takes all back.
    """
    first = transaction.size
    results: list[list[int]] = []
    events: list[StoredColumns] = []
    owned: list[tuple[int, Owned]] = []
    for append in appends:
        index = transaction.size
        _refuse_stale(transaction, append)
        for event in append.events:
            transaction.advance(event[0], event[1])
        owned += [(index, each) for each in append.owned]
        events += append.events
        transaction.leaves.extend(append.leaves)
        results.append(list(range(index, transaction.size)))
    rows = ((index, *event) for index, event in enumerate(events, first))
    insert_many(transaction.connection, "stored_events", 5, rows)
    _insert_owned(transaction.connection, owned, vault)
    return results


def store_alone(transaction: Transaction, append: Append, vault: Vault) -> list[int]:
    """Store one append; gives its leaf indices, or raises why it is refused."""
    cause: Exception | None = None
    try:
        return store_together(transaction, [append], vault)[0]
    except StaleReadError as error:
        cause = error
    except sqlite3.IntegrityError as error:
        cause = error
    transaction.undo()
    connection = transaction.connection
    stored = _stored_already(connection, append)
    if stored is not None:
        return stored
    _refuse_conflict(connection, append)
    _refuse_stale(transaction, append)
    _refuse_taken(connection, append)
    _refuse_erased(connection, append)
    raise DamagedStoreError("the database refused an append that fits it") from cause


def _refuse_stale(transaction: Transaction, append: Append) -> None:
    moved = tuple([stream for stream, seq in append.requires if transaction.head_seq(stream) != seq])
    if moved or append.at_size not in (None, transaction.size):
        raise StaleReadError(moved)


def _insert_owned(connection: sqlite3.Connection, owned: Sequence[tuple[int, Owned]], vault: Vault) -> None:
    if not owned:
        return
    number = connection.execute("SELECT coalesce(max(id) + 1, 1) FROM payloads").fetchone()[0]
    rows, small = [], []
    for row, (index, each) in enumerate(owned, number):
        if each.sealed is None:
            vault.check_object(each.digest, each.size)
        else:
            small.append((row, each.sealed))
        place = "object" if each.sealed is None else "table"
        rows.append((row, bytes.fromhex(each.digest), each.size, index + each.offset, place, each.scope))
    insert_many(connection, "payloads", 6, rows)
    vault.put_small(connection, small)


def _stored_already(connection: sqlite3.Connection, append: Append) -> list[int] | None:
    """The leaf indices if exactly these events stand at their places, otherwise None."""
    indices = []
    for stream, seq, kind, data in append.events:
        found = connection.execute(
            "SELECT leaf_index FROM stored_events"
            " WHERE originator_id = ? AND originator_version = ? AND topic = ? AND state = ?",
            (stream, seq, kind, data),
        ).fetchone()
        if found is None:
            return None
        indices.append(found[0])
    return indices


def _refuse_conflict(connection: sqlite3.Connection, append: Append) -> None:
    ahead: dict[str, int] = {}
    for stream, seq, _, _ in append.events:
        head = ahead.get(stream)
        if head is None:
            head = head_seq(connection, stream)
        if seq != head + 1:
            found = stream_head(connection, stream)
            raise SeqConflictError(stream, *(found or (0, "")))
        ahead[stream] = seq


def _refuse_taken(connection: sqlite3.Connection, append: Append) -> None:
    for each in append.owned:
        if connection.execute(
            "SELECT 1 FROM payloads WHERE digest = ?", (bytes.fromhex(each.digest),)
        ).fetchone():
            raise DigestTakenError(each.digest)


def _refuse_erased(connection: sqlite3.Connection, append: Append) -> None:
    for scope in {each.scope for each in append.owned}:
        if connection.execute("SELECT 1 FROM erased_scopes WHERE scope = ?", (scope,)).fetchone():
            raise ErasedScopeError(scope)


def stream_head(connection: sqlite3.Connection, stream: str) -> tuple[int, str] | None:
    """Seq and hex leaf hash of a stream's last event, or None."""
    found = connection.execute(
        "SELECT originator_version, state FROM stored_events WHERE originator_id = ?"
        " ORDER BY originator_version DESC LIMIT 1",
        (stream,),
    ).fetchone()
    return (found[0], leaf_hash(found[1]).hex()) if found else None
