"""What somebody with the disk, the database and the server's own keys can do. No person's key is used."""

import sqlite3
from contextlib import closing, contextmanager

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.merkle import EMPTY_ROOT, Frontier, leaf_hash
from meyasubako.domain import envelope, kinds
from meyasubako.service.keys import ServerKeys
from meyasubako.service.store import tree
from meyasubako.service.store.port import Entry


@contextmanager
def guards_off(lived):
    """The database without the guards on its tables, which are back when it is done."""
    with closing(sqlite3.connect(lived.directory / "log.db", isolation_level=None)) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, sql in guards:
            connection.execute(sql)


def events(lived):
    """Every stored event in order."""
    with guards_off(lived) as connection:
        rows = connection.execute("SELECT state FROM stored_events ORDER BY leaf_index").fetchall()
    return [envelope.read(state) for (state,) in rows]


def set_event(lived, index, data):
    """Other bytes at a place of the log."""
    with guards_off(lived) as connection:
        connection.execute("UPDATE stored_events SET state = ? WHERE leaf_index = ?", (data, index))


def flipped(data, place):
    """One bit changed."""
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def slip_in(box, *written, payloads=None):
    """Store events past every rule and publish the tree with the server's keys; gives their indices."""
    entries = [
        Entry(
            event.stream,
            event.seq,
            event.kind,
            event.data,
            tuple((each.digest, each.size) for each in event.payloads()),
        )
        for event in written
    ]
    indices = box.store.append(entries, payloads or {}, {})
    box.publish()
    return indices


def rewrite(lived, index, data):
    """Another entry at a place of the log's history, and everything that the server signs signed anew.

    Covers and markers, the tree, the tiles, every checkpoint and the one kept apart fit again.
    """
    keys, edge, leaves, roots = ServerKeys.load(lived.directory), Frontier(), {}, {0: EMPTY_ROOT.hex()}
    with guards_off(lived) as connection:
        rows = connection.execute(
            "SELECT leaf_index, originator_id, originator_version, topic, state"
            " FROM stored_events ORDER BY leaf_index"
        ).fetchall()
        for place, stream, seq, kind, state in rows:
            fresh = data if place == index else state
            if kind in kinds.SERVICE and place != index:
                event = envelope.read(state)
                body = dict(event.body)
                if kind == "slot.marked":
                    body["root"] = roots[body["size"]]
                head = envelope.Head(seq - 1, leaves.get(stream, ""))
                fresh = envelope.write(
                    kind, body, at=event.at, log=event.log, stream=stream, head=head, key=keys.service
                ).data
            leaves[stream] = leaf_hash(fresh).hex()
            edge = edge.append(leaf_hash(fresh))
            if kind == "slot.marked":
                roots[place + 1] = edge.root().hex()
            connection.execute("UPDATE stored_events SET state = ? WHERE leaf_index = ?", (fresh, place))
        connection.execute("DELETE FROM tiles")
        tree.keep_head(connection, edge)
        tree.keep_tiles(connection, 0, max(roots), full_only=False)
        for (size,) in connection.execute("SELECT size FROM checkpoints ORDER BY size").fetchall():
            root = bytes.fromhex(roots[size])
            note = sign_checkpoint(Checkpoint(event_log(rows), size, root), keys.log, 0)
            connection.execute("UPDATE checkpoints SET root = ?, note = ? WHERE size = ?", (root, note, size))
            (lived.directory / "checkpoint").write_bytes(note)


def event_log(rows):
    """The origin that the log's first entry names."""
    return envelope.read(rows[0][4]).log
