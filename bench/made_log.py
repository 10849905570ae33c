"""A log of many signed events that keeps every rule, written as an export: what audits are measured on.

Cases come in one after another: a report, its rooms, and an exchange of messages, each read by the handler
who answers; the clock's covers and markers stand between. Payloads are named and not made, since an export
holds none.
"""

import os
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from meyasubako.crypto import age
from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.merkle import Frontier, leaf_hashes
from meyasubako.crypto.signing import SigningKey
from meyasubako.crypto.tiles import TILE, encode_bundle, tile_path, tile_root, tiles_for
from meyasubako.domain import envelope, people
from meyasubako.domain.envelope import Head
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.slots import slot_entries
from meyasubako.service.config import Config, Doors
from meyasubako.service.founding import Founder, Settings, found
from meyasubako.service.mechanism import Mechanism

ORIGIN = "box.example.org/bench"
MESSAGES = 24
SLOT = 4096


class MadeLog:
    """A log as it grows in memory."""

    def __init__(self, directory: Path) -> None:
        names = {"ann": ("steward",), "ira": ("intake:main",)}
        self.people = {name: KeyPair.generate(name) for name in names}
        found(
            directory,
            Config(
                origin=ORIGIN, doors=Doors(reporter="127.0.0.1:0", handler="127.0.0.1:0", log="127.0.0.1:0")
            ),
            Settings(name="Bench", channel_name="Main", waiting_hours=0, test=True),
            [Founder(self.people[name].person(), roles) for name, roles in names.items()],
            self.people["ann"],
        )
        mechanism = Mechanism.open(directory)
        self.keys = mechanism.keys
        self.entries = [row.data for row in mechanism.store.rows()]
        self.payloads = {payload.digest: payload.size for payload in mechanism.store.all_payloads()}
        mechanism.close()
        self.roots = {0: Frontier().root().hex()}
        self.tree = Frontier()
        self.hashed = 0
        self.ledger = Ledger(lambda size: self.roots.get(size, ""))
        for index, data in enumerate(self.entries):
            event = envelope.read(data)
            self.ledger.apply(event, index)
            if event.kind == "slot.marked":
                self._root(index + 1)
        self.heads = dict(self.ledger.heads)
        self.covers = next(stream for stream, sort in self.ledger.sorts.items() if sort == "covers")
        self.day = self.ledger.mechanism.last_marker.day
        self.recipient = self.people["ira"].identity.recipient.text

    def grow(self, size: int) -> None:
        """Go on until the log has at least so many entries and a slot ends."""
        slot_began = len(self.entries)
        while len(self.entries) < size:
            for _ in self._case():
                pass
            if len(self.entries) - slot_began >= SLOT - 64:
                self._mark(slot_began)
                slot_began = len(self.entries)
        if len(self.entries) > slot_began:
            self._mark(slot_began)

    def _add(self, kind: str, stream: str, body: dict, key: SigningKey) -> envelope.Event:
        event = envelope.write(
            kind, body, at=self.day, log=ORIGIN, stream=stream, head=self.heads.get(stream, Head()), key=key
        )
        self.heads[stream] = Head(event.seq, event.leaf)
        self.entries.append(event.data)
        self.payloads.update({payload.digest: payload.size for payload in event.payloads()})
        return event

    def _case(self) -> Iterator[envelope.Event]:
        case, report, dialogue, reads = (str(uuid.uuid4()) for _ in range(4))
        key, handler = SigningKey.generate(), self.people["ira"].signing
        mechanism = self.ledger.mechanism
        channel, ira = mechanism.channels["main"], handler.verify_key.key_id
        told = {"sealed_by": "reporter_tool"}
        yield self._add("report.submitted", case, {
            "key": key.verify_key.text, "recipient": self.recipient, "channel": "main",
            "card": {"ref": channel.card}, "questionnaire": {"ref": channel.questionnaire},
            "marker": mechanism.last_marker.leaf, "rooms": {"report": report, "dialogue": dialogue},
            "report": _payload(17_000), "files": [], **told,
        }, key)  # fmt: skip
        for stream, name, readers in (
            (report, "report", [ira]),
            (dialogue, "dialogue", [ira, key.verify_key.key_id]),
        ):
            wraps = [{**_payload(age.WRAP_SIZE), "reader": reader} for reader in readers]
            body = {"case": case, "room": name, "recipient": self.recipient, "wraps": wraps, **told}
            yield self._add("room.opened", stream, body, key)
        for number in range(MESSAGES):
            body = {"epoch": 1, "message": _payload(6000), "files": []}
            by_reporter = number % 2
            event = self._add(
                "message.posted",
                dialogue,
                body | told if by_reporter else body,
                key if by_reporter else handler,
            )
            yield event
            if by_reporter:
                fetched = {"case": case, "payloads": [event.body["message"]["sha256"]]}
                yield self._add("payload.fetched", reads, fetched, handler)
            elif number == 0:
                due = (self.day + timedelta(days=90)).isoformat()
                body = {"message": event.leaf, "next": due}
                yield self._add("case.acknowledged", case, body, handler)

    def _mark(self, begin: int) -> None:
        state, size = self.ledger.mechanism, len(self.entries)
        covers = slot_entries(size - begin + 1, state.step) - (size - begin) - 1
        for _ in range(covers):
            self._add("cover.written", self.covers, {}, self.keys.service)
        slot, before = state.last_marker.slot + 1, state.last_marker.index + 1
        roster = people.at_marker(state, slot, self.day)
        event = self._add("slot.marked", state.stream, {
            "slot": slot, "size": before, "root": self.roots[before],
            "roster": people.roster_digest(roster.values()),
        }, self.keys.service)  # fmt: skip
        self.ledger.apply(event, len(self.entries) - 1)
        self._root(len(self.entries))

    def _root(self, size: int) -> None:
        self.tree = self.tree.extend(leaf_hashes(self.entries[self.hashed : size]))
        self.hashed = size
        self.roots[size] = self.tree.root().hex()

    def export(self, out: Path) -> None:
        """Write it as `meyasubako log export` does."""
        size = len(self.entries)
        rows = [leaf_hashes(self.entries)]
        for level, n, width in tiles_for(0, size):
            while len(rows) <= level:
                below = rows[-1]
                full = range(len(below) // TILE)
                rows.append([tile_root(b"".join(below[at * TILE : (at + 1) * TILE])) for at in full])
            _write(out / tile_path(level, n, width), b"".join(rows[level][n * TILE : n * TILE + width]))
            if level == 0:
                bundle = encode_bundle(self.entries[n * TILE : n * TILE + width])
                _write(out / tile_path("entries", n, width), bundle)
        lines = sorted(f"{digest} {size} table\n" for digest, size in self.payloads.items())
        _write(out / "payloads.txt", "".join(lines).encode())
        _write(out / "log.vkey", f"{self.ledger.mechanism.log_keys[0]}\n".encode())
        tree = Checkpoint(ORIGIN, size, bytes.fromhex(self.roots[size]))
        _write(out / "checkpoint", sign_checkpoint(tree, self.keys.log, 0))


def _payload(size: int) -> dict:
    return {"sha256": os.urandom(32).hex(), "size": size}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
