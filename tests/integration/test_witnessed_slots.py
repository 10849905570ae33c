"""Mechanisms with real logs and real witness servers: a slot closes whether or not a witness answers."""

import pytest

from meyasubako.crypto.note import NoteKey
from meyasubako.domain.acts import Request
from meyasubako.domain.audit import Replay
from meyasubako.domain.envelope import Head
from meyasubako.service import rotation, witnessing
from meyasubako.service.config import Limits
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.witness.memory import Memory
from tests.integration.witness_group import ServedWitness
from tests.system.box import found_box


class Logged:
    """A mechanism as a witness is to admit it."""

    def __init__(self, mechanism):
        self.origin = mechanism.config.origin
        self.vkeys = mechanism.ledger().mechanism.log_keys


@pytest.fixture
def box(tmp_path):
    return found_box(tmp_path / "box", Limits())


@pytest.fixture
def mechanism(box):
    opened = Mechanism.open(box.directory)
    yield opened
    opened.close()


@pytest.fixture
def witnesses(tmp_path, mechanism):
    served = [
        ServedWitness(tmp_path / name, f"{name}.example.org", Logged(mechanism)) for name in ("one", "two")
    ]
    for witness in served:
        witness.start()
    yield served
    for witness in served:
        witness.stop()


def by_two_stewards(box, mechanism, kind, body):
    """An act that one steward proposes and the other does."""
    stream = mechanism.ledger().mechanism.stream
    leaf = None
    for name in ("Ada Berg", "Jonas Mori"):
        head = mechanism.ledger().head(stream)
        signing = box.people[name].signing
        request = Request(
            mechanism.config.origin, signing, mechanism.clock(), {stream: Head(head.seq, head.leaf)}
        )
        if leaf is None:
            leaf = request.add("act.proposed", stream, {"kind": kind, "v": 1, "body": body}).leaf
        else:
            request.add(kind, stream, {**body, "proposal": leaf})
        mechanism.accept([event.data for event in request.events], {})


def admit(box, mechanism, witnesses):
    log = mechanism.ledger().mechanism.log_keys[0]
    lines = [f"log {log}", *(f"witness w{n} {w.vkeys[0]} {w.url}" for n, w in enumerate(witnesses))]
    lines += ["group any any " + " ".join(f"w{n}" for n in range(len(witnesses))), "quorum any"]
    by_two_stewards(box, mechanism, "witness.admitted", {"policy": lines})


def findings(mechanism):
    replay = Replay()
    found = list(replay.feed(row.data for row in mechanism.store.rows()))
    return [*found, *replay.finish()]


def test_each_slot_gains_its_witnesses_cosignatures(box, mechanism, witnesses):
    admit(box, mechanism, witnesses)
    for _ in range(2):
        mechanism.publish()
        collected = witnessing.cosign(mechanism)
        assert collected.cosigned == ("w0", "w1")
    policy = witnessing.policy_of(mechanism.ledger().mechanism)
    note = mechanism.store.published().note
    assert witnessing.seen(note, policy) == witnessing.Seen(("w0", "w1"), (), quorum_met=True)
    assert (box.directory / "checkpoint").read_bytes() == note
    assert findings(mechanism) == []


def test_a_witness_away_for_three_slots_stops_nothing_and_is_put_down_once(box, mechanism, witnesses):
    admit(box, mechanism, witnesses)
    witnesses[1].kill()
    for slot in range(1, 5):
        mechanism.publish()
        collected = witnessing.cosign(mechanism)
        assert collected.quorum_met
        assert [each.name for each in collected.missing] == ["w1"]
        # The founding's checkpoint had no cosignature either, so the third slot with it is the second here.
        assert witnessing.put_down_absent(mechanism) == (("w1",) if slot == 2 else ())
    assert list(mechanism.ledger().mechanism.away) == [witnesses[1].vkeys[0]]
    assert mechanism.ledger().mechanism.markers[-1].slot == 4
    assert findings(mechanism) == []


def test_a_new_log_key_is_cosigned_once_the_witness_knows_it_and_stops_nothing_before(
    box, mechanism, witnesses
):
    admit(box, mechanism, witnesses)
    keys = rotation.draw(box.directory, "log")
    by_two_stewards(box, mechanism, "key.rotated", {"of": "log", "keys": list(keys)})
    mechanism.publish()
    collected = witnessing.cosign(mechanism)
    assert [each.why for each in collected.missing] == ["refuses", "refuses"]
    for witness in witnesses:
        memory = Memory.open(witness.directory)
        memory.admit(mechanism.config.origin, NoteKey.parse(keys[0]))
        memory.close()
    mechanism.publish()
    assert witnessing.cosign(mechanism).cosigned == ("w0", "w1")
    assert witnessing.put_down_absent(mechanism) == ()
    assert findings(mechanism) == []
