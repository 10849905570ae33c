"""An audit that goes on where an earlier one ended says what a whole one says of what is new."""

import os
import sqlite3
from collections.abc import MutableMapping
from contextlib import closing

import pytest

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.merkle import root_of
from meyasubako.service.inspection import (
    Demands,
    InspectionError,
    UnreadableSourceError,
    audit,
    export,
    resume,
)
from meyasubako.service.inspection.opening import open_source
from meyasubako.service.inspection.walk import Walk
from meyasubako.service.inspection.workers import Here, at_work
from meyasubako.service.keys import ServerKeys
from tests.system import tampering
from tests.system.lived import found_lived


@pytest.fixture
def lived(original, tmp_path):
    """The same mechanism, which has lived on since the state was taken."""
    return original.lived_on(tmp_path / "box")


def told(result):
    chronicle = result.chronicle
    return (
        result.summary, result.origin, result.fingerprint, result.size, result.root, result.entries,
        result.day, result.people, chronicle.kinds, chronicle.covers, chronicle.reads, chronicle.moves,
        chronicle.waiting, chronicle.met,
    )  # fmt: skip


@pytest.mark.parametrize("exported", [False, True])
def test_a_resumed_audit_tells_what_a_whole_one_tells(lived, state, tmp_path, exported):
    source = lived.directory
    if exported:
        export(lived.directory, tmp_path / "out")
        source = tmp_path / "out"
    whole, resumed = audit(source), audit(source, Demands(state=state))
    assert whole.good, whole.findings
    assert resumed.good, resumed.findings
    assert (whole.since, resumed.since) == (0, 320)
    assert told(resumed) == told(whole)
    assert audit(source, Demands(state=state)).since == 384


def test_only_what_is_new_is_read_again(lived, state):
    place = next(at for at, event in enumerate(tampering.events(lived)) if event.kind == "message.posted")
    data = tampering.events(lived)[place].data
    tampering.set_event(lived, place, tampering.flipped(data, 40))
    assert audit(lived.directory, Demands(state=state)).good, "old entries were verified, and are not read"
    assert audit(lived.directory).findings[0].index == place


@pytest.mark.parametrize("back", [1, 20, 40, 63])
def test_what_is_wrong_with_new_entries_is_found_where_it_is(lived, state, back):
    place = 384 - back
    data = tampering.events(lived)[place].data
    tampering.set_event(lived, place, tampering.flipped(data, 40))
    findings = audit(lived.directory, Demands(state=state)).findings
    assert min(each.index for each in findings if each.index is not None) == place


def test_a_broken_rule_behind_the_state_is_found(lived, state):
    with lived.open() as box:
        request = box.request("ann")
        body = {"person": lived.id("otto"), "role": "intake:main"}
        event = request.add("role.granted", box.ledger.mechanism.stream, body)
        place = tampering.slip_in(box, event)[0]
    finding = audit(lived.directory, Demands(state=state)).findings[0]
    assert (finding.rule, finding.index) == ("two-people", place)


def test_a_history_rewritten_before_the_state_is_told_as_one(lived, state):
    """And not as damage to entries, which it looks like to whoever goes on with another tree in mind."""
    event = tampering.events(lived)[100]
    changed = tampering.flipped(event.data, len(event.data) - 120)
    tampering.rewrite(lived, 100, changed)
    result = audit(lived.directory, Demands(state=state))
    assert (result.since, result.findings[0].rule) == (0, "log-only-grows")
    assert {step.name: bool(step.findings) for step in result.steps}["what was seen before"]
    assert result.findings == audit(lived.directory, Demands(state=state)).findings


def test_what_was_not_read_again_is_not_vouched_for(lived, state):
    assert "from entry 320 on" in audit(lived.directory, Demands(state=state)).verdict
    assert "not read again" not in audit(lived.directory).verdict


def test_an_audit_with_findings_writes_no_state(lived, state, tmp_path):
    (lived.directory / "checkpoint").unlink()
    before = state.read_bytes()
    assert not audit(lived.directory, Demands(state=tmp_path / "fresh")).good
    assert not (tmp_path / "fresh").exists()
    assert not audit(lived.directory, Demands(state=state)).good
    assert state.read_bytes() == before


def test_a_smaller_log_than_the_state_is_found(original, lived, state):
    assert audit(lived.directory, Demands(state=state)).good
    result = audit(original.directory, Demands(state=state))
    assert result.since == 0
    assert [each.rule for each in result.findings] == ["log-only-grows"]


@pytest.mark.parametrize("data", [b"", b"nonsense", b"SQLite format 3\0" + bytes(200)])
def test_what_is_no_state_is_unreadable_and_stays_as_it_is(lived, tmp_path, data):
    path = tmp_path / "no-state"
    path.write_bytes(data)
    with pytest.raises(UnreadableSourceError):
        audit(lived.directory, Demands(state=path))
    assert path.read_bytes() == data


def changed(state, change, *given):
    with closing(sqlite3.connect(state)) as connection, connection:
        connection.create_function("other", 1, lambda told: told.replace(b"/lived", b"/other"))
        assert connection.execute(change, given).rowcount > 0


def test_a_state_of_another_log_is_refused(lived, state):
    changed(state, "UPDATE ended SET told = other(told)")
    with pytest.raises(UnreadableSourceError, match="another log"):
        audit(lived.directory, Demands(state=state))


def test_a_state_that_other_code_has_made_is_refused(lived, state):
    """Other rules, or other folds, may say otherwise of what was verified then."""
    changed(state, "UPDATE ended SET code = lower(hex(zeroblob(32)))")
    with pytest.raises(UnreadableSourceError, match="another release"):
        audit(lived.directory, Demands(state=state))


def test_a_damaged_state_is_called_that_and_not_a_damaged_log(lived, state):
    changed(state, "UPDATE folds SET value = X'C1'")
    with pytest.raises(UnreadableSourceError, match="damaged"):
        audit(lived.directory, Demands(state=state))


def test_one_audit_at_a_time_goes_on_from_a_state(lived, state):
    with resume.ended(state), pytest.raises(UnreadableSourceError, match="locked"):
        audit(lived.directory, Demands(state=state))
    assert audit(lived.directory, Demands(state=state)).since == 320


def test_going_on_writes_only_what_changed(lived, state):
    def rows():
        with closing(sqlite3.connect(state)) as connection:
            return dict(connection.execute("SELECT rowid, value FROM folds"))

    before = rows()
    assert audit(lived.directory, Demands(state=state)).good
    after = rows()
    same = [row for row, value in before.items() if after.get(row) == value]
    assert len(same) > 0.8 * len(before)
    assert len(after) > len(before)


def test_a_state_that_cannot_be_written_is_said_and_stays_as_it_was(lived, state, monkeypatch):
    with closing(sqlite3.connect(state)) as connection, connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON folds BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        )
    with pytest.raises(OSError, match="full"):
        audit(lived.directory, Demands(state=state))
    with resume.ended(state) as ended:
        assert ended.size == 320


def walked(directory, state=None):
    """The ledger after a walk over everything, or over what is new since a state."""
    with closing(open_source(directory)) as source, resume.ended(state) as ended:
        walk = Walk(source, directory, lambda *_: None, Here())
        if ended:
            ended.set(walk)
        walk.run(source.size())
        return tables(walk.replay.ledger)


def tables(ledger):
    found = vars(ledger).items()
    return {name: dict(table) for name, table in found if isinstance(table, MutableMapping)}


def test_a_resumed_walk_stands_on_the_same_folds_as_a_whole_one(lived, state):
    whole, resumed = walked(lived.directory), walked(lived.directory, state)
    assert whole.keys() == resumed.keys()
    for name, table in whole.items():
        assert resumed[name] == table, name
        assert list(resumed[name]) == list(table), f"{name} in another order"


def test_rules_about_a_whole_case_are_asked_behind_the_state(lived, state):
    """Who steps back has lost every room: also rooms that were opened before the state was taken."""
    with lived.open() as box:
        case = lived.reporters["gravel"].case
        event = box.request("ira").add("handler.recused", case, {})
        place = tampering.slip_in(box, event)[0]
    for demands in (Demands(), Demands(state=state)):
        finding = audit(lived.directory, demands).findings[0]
        assert (finding.rule, finding.index) == ("recusal-takes-access-away", place)


def test_every_core_says_what_one_says(lived, tmp_path):
    alone, together = audit(lived.directory), audit(lived.directory, processes=2)
    assert told(alone) == told(together)
    place = 300
    data = tampering.events(lived)[place].data
    tampering.set_event(lived, place, tampering.flipped(data, len(data) - 100))
    assert audit(lived.directory, processes=2).findings == audit(lived.directory).findings


def test_an_audit_whose_process_is_ended_from_outside_decides_nothing():
    def end_one(processes):
        while processes.ahead == 1:
            # Until they are there, everything is done in this one.
            processes.submit(int).result()
        processes.submit(os._exit, 1).result()

    with pytest.raises(InspectionError, match="nothing was decided"), at_work(1, 2) as processes:
        end_one(processes)


def test_a_proposal_that_waits_is_taken_over(original, state, tmp_path):
    copy = original.copied(tmp_path / "box")
    with copy.open() as box:
        body = {"person": copy.id("otto"), "role": "handler:main"}
        wanted = {"kind": "role.granted", "v": 1, "body": body}
        proposal = box.act("ann", "act.proposed", box.ledger.mechanism.stream, wanted)
        box.publish()
        assert audit(copy.directory, Demands(state=state)).good
        box.act("bob", "role.granted", box.ledger.mechanism.stream, {**body, "proposal": proposal.leaf})
        box.publish()
    assert audit(copy.directory, Demands(state=state)).good


def test_a_checkpoint_from_before_the_state_is_compared_from_the_beginning(lived, state):
    leaves = [bytes.fromhex(event.leaf) for event in tampering.events(lived)]
    seen = [(64, root_of(leaves[:64]))]
    result = audit(lived.directory, Demands(state=state, seen=seen))
    assert (result.since, result.good) == (0, True)
    assert audit(lived.directory, Demands(state=state)).since == 384, "it was written anew, whole"
    wrong = audit(lived.directory, Demands(state=state, seen=[(64, bytes(32))]))
    assert [each.rule for each in wrong.findings] == ["log-only-grows"]


def test_keys_of_another_log_do_not_sign_for_this_one(lived, original, tmp_path):
    """The checkpoint of another mechanism, laid beside this one's entries."""
    other = found_lived(tmp_path / "another")
    keys = ServerKeys.load(other.directory)
    size, root = 384, root_of(bytes.fromhex(event.leaf) for event in tampering.events(lived))
    note = sign_checkpoint(Checkpoint("box.example.org/lived", size, root), keys.log, 0)
    (lived.directory / "checkpoint").write_bytes(note)
    assert audit(lived.directory).findings[0].rule == "checkpoint-is-signed"
