"""Erasing: what is done, and in which order, so that a crash anywhere leaves nothing that could be opened.

Rules upheld here:

- Keys go first. From then on neither what still lies here nor a copy of it elsewhere can be opened.
- Objects are removed, rows overwritten and marked, and the scope closed, in one transaction under the write
  lock, so that nothing is added meanwhile. Until it is committed everything can be done again from the start.
- A payload that is removed alone takes its own key with it and leaves those of its scope as they are: what
  was not removed can still be opened in an older copy of the database.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence

from meyasubako.service.store.commit import Leader
from meyasubako.service.store.port import SMALL_PAYLOAD, Place, StoredPayload
from meyasubako.service.store.transaction import Transaction
from meyasubako.service.store.vault import Vault


def forget(leader: Leader, vault: Vault, payloads: Sequence[StoredPayload], place: Place = "gone") -> None:
    """Destroy single payloads' keys, objects and rows, and record where they are now."""
    digests = [payload.digest for payload in payloads]
    small = defaultdict(list)
    for payload in payloads:
        # A record that is gone already does not say where it lay; an upload may have been small.
        if payload.place != "object" and payload.size <= SMALL_PAYLOAD:
            small[payload.scope].append(payload.digest)
    for scope, named in small.items():
        vault.keys.remove(scope, *named)
    vault.keys.destroy_large(*digests)
    leader.run(lambda transaction: _mark(transaction, vault, digests, place))
    vault.remove_objects(*digests)


def owned_by(connection: sqlite3.Connection, scope: str) -> list[str]:
    """The digests of all payloads that a scope ever had."""
    rows = connection.execute("SELECT digest FROM payloads WHERE scope = ?", (scope,))
    return [digest.hex() for (digest,) in rows]


def erase(leader: Leader, vault: Vault, scope: str, owned: Sequence[str]) -> None:
    """Destroy the keys of everything that a scope owns, then all of it, and close the scope."""
    vault.keys.destroy_scope(scope)
    vault.keys.destroy_large(*owned)
    leader.run(lambda transaction: _close(transaction, vault, scope))


def _close(transaction: Transaction, vault: Vault, scope: str) -> None:
    connection = transaction.connection
    owned = owned_by(connection, scope)
    vault.remove_objects(*owned)
    _mark(transaction, vault, owned, "gone")
    connection.execute("INSERT OR IGNORE INTO erased_scopes VALUES (?)", (scope,))


def _mark(transaction: Transaction, vault: Vault, digests: Sequence[str], place: Place) -> None:
    connection = transaction.connection
    keys = [(bytes.fromhex(digest),) for digest in digests]
    query = "SELECT id FROM payloads WHERE digest = ?"
    rows = [connection.execute(query, key).fetchone()[0] for key in keys]
    vault.remove_small(connection, rows)
    connection.executemany(
        "UPDATE payloads SET place = ? WHERE id = ? AND place <> ?", [(place, row, place) for row in rows]
    )
