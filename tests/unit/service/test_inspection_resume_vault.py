"""An audit that goes on reads the payloads of what is new, and sees whether the others are there still."""

import pytest

from meyasubako.service.inspection import Demands, audit, export
from tests.system import tampering


@pytest.fixture
def lived(original, tmp_path):
    """The same mechanism, which has lived on since the state was taken."""
    return original.lived_on(tmp_path / "box")


def test_a_payload_missing_from_new_entries_is_found(lived, state):
    event = next(event for event in reversed(tampering.events(lived)) if event.kind == "message.posted")
    digest = bytes.fromhex(event.body["message"]["sha256"])
    with tampering.guards_off(lived) as connection:
        connection.execute(
            "DELETE FROM small_payloads WHERE id = (SELECT id FROM payloads WHERE digest = ?)", (digest,)
        )
    rules = {each.rule for each in audit(lived.directory, Demands(state=state)).findings}
    assert rules == {"payload-is-there"}


@pytest.fixture
def out(lived, tmp_path):
    """An export of the mechanism that lived on."""
    export(lived.directory, tmp_path / "out")
    return tmp_path / "out"


def record(out, change):
    lines = (out / "payloads.txt").read_text().splitlines()
    (out / "payloads.txt").write_text("".join(f"{line}\n" for line in change(lines)))


def old_lines(lived, lines):
    """The lines of payloads that entries before the state name."""
    old = {each.digest for event in tampering.events(lived)[:300] for each in event.payloads()}
    return [line for line in lines if line[:64] in old]


def test_an_old_line_that_is_missing_from_the_record_is_found(lived, state, out):
    record(out, lambda lines: [line for line in lines if line != old_lines(lived, lines)[3]])
    findings = audit(out, Demands(state=state)).findings
    assert [each.rule for each in findings] == ["payload-is-recorded"]
    assert findings == audit(out).findings


def test_a_record_of_new_payloads_alone_is_found(lived, state, out):
    record(out, lambda lines: [line for line in lines if line not in old_lines(lived, lines)])
    assert {each.rule for each in audit(out, Demands(state=state)).findings} == {"payload-is-recorded"}


def test_a_line_too_many_is_found(lived, state, out):
    record(out, lambda lines: [*lines, f"{'ab' * 32} 300 table"])
    findings = audit(out, Demands(state=state)).findings
    assert [each.rule for each in findings] == ["payload-is-named"]


def test_what_was_erased_before_the_state_stays_gone_in_the_record(lived, state, out):
    """A line that says of destroyed bytes that they are there."""
    record(out, lambda lines: [line.replace(" gone", " table") for line in lines])
    findings = audit(out, Demands(state=state)).findings
    assert {each.rule for each in findings} == {"payload-is-destroyed"}
    assert findings == audit(out).findings


def test_an_old_row_that_is_missing_from_a_database_is_found(lived, state):
    event = next(event for event in tampering.events(lived) if event.kind == "message.posted")
    digest = event.body["message"]["sha256"]
    with tampering.guards_off(lived) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("DELETE FROM payloads WHERE digest = ?", (bytes.fromhex(digest),))
    findings = audit(lived.directory, Demands(state=state)).findings
    assert [(each.rule, digest in each.sentence) for each in findings] == [
        ("payload-is-recorded", True),
        ("vault-holds-nothing-else", False),
    ]


def test_a_new_row_that_no_entry_names_is_found_though_the_number_is_right(lived, state):
    event = next(event for event in tampering.events(lived) if event.kind == "message.posted")
    digest = bytes.fromhex(event.body["message"]["sha256"])
    with tampering.guards_off(lived) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute(
            "UPDATE payloads SET digest = ?, leaf_index = 383 WHERE digest = ?", (bytes(32), digest)
        )
    rules = {each.rule for each in audit(lived.directory, Demands(state=state)).findings}
    assert "payload-is-named" in rules


def test_what_should_be_gone_is_looked_for_every_time(lived, state):
    with tampering.guards_off(lived) as connection:
        gone = connection.execute("SELECT id FROM payloads WHERE place = 'gone'").fetchone()[0]
        connection.execute("INSERT INTO small_payloads VALUES (?, ?)", (gone, b"kept aside"))
    rules = {each.rule for each in audit(lived.directory, Demands(state=state)).findings}
    assert rules == {"vault-holds-nothing-else"}


def test_an_old_file_that_is_gone_is_missed(lived, state):
    (lived.directory / "objects" / lived.photo).unlink()
    (finding,) = audit(lived.directory, Demands(state=state)).findings
    assert (finding.rule, lived.photo in finding.sentence) == ("payload-is-there", True)


def test_an_old_small_payload_that_is_gone_is_missed(lived, state):
    event = next(event for event in tampering.events(lived) if event.kind == "message.posted")
    digest = event.body["message"]["sha256"]
    with tampering.guards_off(lived) as connection:
        connection.execute(
            "DELETE FROM small_payloads WHERE id = (SELECT id FROM payloads WHERE digest = ?)",
            (bytes.fromhex(digest),),
        )
    (finding,) = audit(lived.directory, Demands(state=state)).findings
    assert (finding.rule, digest in finding.sentence) == ("payload-is-there", True)


def test_whoever_has_seen_an_export_alone_reads_every_payload_of_a_directory(lived, out, tmp_path):
    seen = Demands(state=tmp_path / "of-an-export")
    assert audit(out, seen).good
    assert audit(out, seen).since == 384
    assert audit(lived.directory, seen).since == 0
    assert audit(lived.directory, seen).since == 384


def test_what_entries_that_cannot_be_read_name_is_not_called_unnamed(lived, out):
    bundle = out / "tile/entries/000"
    bundle.write_bytes(bundle.read_bytes()[:20_000])
    result = audit(out)
    assert result.findings[0].rule == "bundle-is-well-formed"
    assert "payload-is-named" not in {each.rule for each in result.findings}
    assert "of 384 entries could be judged" in {step.name: step.about for step in result.steps}["every rule"]
