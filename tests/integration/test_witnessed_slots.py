"""Mechanisms with real logs and real witness servers: a slot closes whether or not a witness answers."""

import logging
from hashlib import sha256

import pytest
import requests

from meyasubako.crypto.note import NoteKey
from meyasubako.domain.audit import Replay
from meyasubako.service import rotation
from meyasubako.service.config import Limits
from meyasubako.service.inspection import audit
from meyasubako.service.inspection.audit import Demands
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.witness.memory import Memory
from meyasubako.service.witnessed import Seen, policy_of, seen
from tests.integration.witness_group import Clocked, Logged, ServedWitness, admit, by_two_stewards
from tests.system.box import found_box


@pytest.fixture
def box(tmp_path):
    return found_box(tmp_path / "box", Limits())


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


def findings(mechanism):
    replay = Replay()
    found = list(replay.feed(row.data for row in mechanism.store.rows()))
    return [*found, *replay.finish()]


def alarms(caplog):
    """The lines of the service's log that are alarms."""
    found = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert all(each.getMessage().startswith("ALARM of a witness: ") for each in found)
    return [each.getMessage() for each in found]


def test_each_slot_gains_its_witnesses_cosignatures(box, clocked, witnesses):
    mechanism = clocked.mechanism
    admit(box, mechanism, witnesses)
    for _ in range(2):
        clocked.close_slot()
        assert clocked.cosigned == ("w0", "w1")
    note = mechanism.store.published().note
    policy = policy_of(mechanism.ledger().mechanism)
    assert seen(note, policy) == Seen(("w0", "w1"), (), quorum_met=True)
    assert (box.directory / "checkpoint").read_bytes() == note
    assert findings(mechanism) == []


def test_a_witness_away_for_three_whole_slots_stops_nothing_and_is_put_down_once(box, clocked, witnesses):
    admit(box, clocked.mechanism, witnesses)
    key = witnesses[1].vkeys[0]
    witnesses[1].kill()
    for slot in range(1, 8):
        clocked.close_slot()
        assert clocked.cosigned == ("w0",)
        # The slot that begins now is not over, so the third one with it is put down when the fourth begins.
        assert clocked.put_down == ({key: 3} if slot >= 4 else {})
    witnesses[1].start()
    clocked.close_slot()
    assert clocked.cosigned == ("w0", "w1")
    witnesses[1].kill()
    for _ in range(3):
        clocked.close_slot()
        assert clocked.put_down == {key: 3}
    clocked.close_slot()
    assert clocked.put_down == {key: 11}
    assert findings(clocked.mechanism) == []


def test_a_witness_is_not_blamed_for_slots_from_before_it_was_admitted(box, clocked, witnesses):
    admit(box, clocked.mechanism, witnesses[:1])
    for _ in range(3):
        clocked.close_slot()
    admit(box, clocked.mechanism, witnesses)
    witnesses[1].kill()
    for slot in range(4, 7):
        clocked.close_slot()
        assert (slot, clocked.put_down) == (slot, {})
    clocked.close_slot()
    assert clocked.put_down == {witnesses[1].vkeys[0]: 6}


def test_a_witness_that_is_away_for_a_part_of_each_slot_is_not_put_down(box, clocked, witnesses):
    admit(box, clocked.mechanism, witnesses)
    for _ in range(5):
        witnesses[1].kill()
        clocked.close_slot()
        assert clocked.cosigned == ("w0",)
        witnesses[1].start()
        assert clocked.settle(clocked.state.asking.pause)
        assert clocked.cosigned == ("w0", "w1")
    assert clocked.put_down == {}


def test_a_new_log_key_is_cosigned_once_the_witness_knows_it_and_stops_nothing_before(
    box, clocked, witnesses
):
    mechanism = clocked.mechanism
    admit(box, mechanism, witnesses)
    keys = rotation.draw(box.directory, "log")
    by_two_stewards(box, mechanism, "key.rotated", {"of": "log", "keys": list(keys)})
    for _ in range(5):
        clocked.close_slot()
        assert clocked.cosigned == ()
    for witness in witnesses:
        memory = Memory.open(witness.directory)
        memory.admit(mechanism.config.origin, NoteKey.parse(keys[0]))
        memory.close()
    assert clocked.settle(clocked.state.asking.pause)
    assert clocked.cosigned == ("w0", "w1")
    assert clocked.put_down == {}
    assert findings(mechanism) == []


def test_a_witness_that_has_not_admitted_the_log_is_not_put_down(tmp_path, box, clocked):
    stranger = ServedWitness(tmp_path / "stranger", "stranger.example.org").start()
    try:
        admit(box, clocked.mechanism, [stranger])
        for _ in range(5):
            clocked.close_slot()
        assert clocked.cosigned == ()
        assert clocked.put_down == {}
    finally:
        stranger.stop()


def test_a_witness_without_an_address_is_neither_asked_again_nor_put_down(box, clocked, witnesses):
    witnesses[1].url = ""
    admit(box, clocked.mechanism, witnesses)
    for _ in range(5):
        clocked.close_slot()
        assert clocked.cosigned == ("w0",)
        assert not clocked.settle(clocked.state.asking.pause)
    assert clocked.put_down == {}


def test_a_forked_log_is_told_to_its_operator_and_its_honest_witness_is_not_put_down(
    tmp_path, box, clocked, witnesses, caplog
):
    honest = witnesses[0]
    admit(box, clocked.mechanism, [honest])
    clocked.close_slot()
    other = Mechanism.open(box.copied(tmp_path / "other").directory)
    elsewhere = Clocked(other)
    elsewhere.close_slot()
    assert elsewhere.cosigned == ("w0",)
    other.close()
    assert alarms(caplog) == []
    clocked.close_slot()
    (alarm,) = alarms(caplog)
    assert "w0 has seen another history of this log" in alarm
    assert "does not extend the one it has seen" in alarm
    assert "docs/operators.md" in alarm
    assert honest.url not in caplog.text
    # Told once while it is asked again, and once more in each slot and after each start, witness or not.
    assert clocked.settle(clocked.state.asking.pause)
    assert alarms(caplog) == [alarm]
    honest.kill()
    clocked.close_slot()
    clocked.start()
    clocked.settle()
    assert alarms(caplog) == [alarm] * 3
    honest.start()
    for _ in range(4):
        clocked.close_slot()
    assert clocked.cosigned == ()
    assert clocked.put_down == {}
    assert (box.directory / "witnesses").stat().st_mode & 0o077 == 0
    # What the operators' guide says to do then shows the fork.
    origin = sha256(clocked.mechanism.config.origin.encode()).hexdigest()
    shown = requests.get(f"{honest.url}/{origin}/checkpoint", timeout=30).content
    assert "log-only-grows" in {each.rule for each in audit(box.directory, Demands(pins=[shown])).findings}
