import os
import sqlite3
from contextlib import closing

import pytest

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.service.inspection import (
    Demands,
    ExportError,
    UnreadableSourceError,
    audit,
    export,
    rebuild_views,
)
from meyasubako.service.store.sqlite import Store
from tests.system import tampering
from tests.system.lived import ORIGIN


def test_a_directory_that_is_neither_a_mechanism_nor_an_export_is_named(tmp_path):
    for inspect in (audit, rebuild_views, lambda path: export(path, tmp_path / "out")):
        with pytest.raises(UnreadableSourceError):
            inspect(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000])
def test_a_file_that_is_no_database_is_unreadable_and_not_a_crash(tmp_path, content):
    (tmp_path / "log.db").write_bytes(content)
    with pytest.raises(UnreadableSourceError):
        audit(tmp_path)


def test_an_export_without_a_checkpoint_is_unreadable(lived, tmp_path):
    export(lived.directory, tmp_path / "out")
    (tmp_path / "out" / "checkpoint").write_text("nonsense")
    with pytest.raises(UnreadableSourceError):
        audit(tmp_path / "out")
    (tmp_path / "out" / "checkpoint").unlink()
    with pytest.raises(UnreadableSourceError):
        audit(tmp_path / "out")


def test_a_database_of_a_newer_release_is_unreadable(lived):
    with tampering.guards_off(lived) as connection:
        connection.execute("PRAGMA user_version=1000")
    with pytest.raises(UnreadableSourceError, match="newer release"):
        audit(lived.directory)


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_damaged_database_is_a_finding_or_unreadable_and_never_a_crash(lived, place):
    file = lived.directory / "log.db"
    data = bytearray(file.read_bytes())
    start = int(len(data) * place)
    data[start : start + 6000] = os.urandom(6000)
    file.write_bytes(data)
    try:
        result = audit(lived.directory)
    except UnreadableSourceError:
        return
    assert not result.good


def test_an_audit_writes_nothing(lived):
    before = {file: file.stat() for file in lived.directory.rglob("*") if file.is_file()}
    assert audit(lived.directory).good
    after = {file: file.stat() for file in lived.directory.rglob("*") if file.is_file()}
    changed = {
        file.name
        for file in after
        if file not in before
        or (before[file].st_mtime_ns, before[file].st_size) != (after[file].st_mtime_ns, after[file].st_size)
    }
    # SQLite makes these two beside a database with a write-ahead log, whoever reads it.
    assert changed <= {"log.db-wal", "log.db-shm"}


def test_a_mechanism_is_audited_while_it_is_written_to(lived):
    with lived.open() as box:
        for number in range(3):
            assert audit(lived.directory).good
            box.write("ira", "message.posted", lived.reporters["gravel"].dialogue, f"number {number}")
        box.publish()
        result = audit(lived.directory)
    assert result.good
    assert (result.size, result.entries) == (384, 384)


def test_what_is_written_published_and_erased_during_an_audit_accuses_nobody(lived):
    """A mechanism does not stop for its auditor: what the audit reads is one moment's."""
    steps = []
    with lived.open() as box:
        gravel = lived.reporters["gravel"]

        def meanwhile(step, done, total):
            if not total or done not in (0, total):
                return
            steps.append(step)
            box.write("ira", "message.posted", gravel.dialogue, f"during {step}")
            box.publish()
            if step == "checking payloads" and done == 0:
                box.act(gravel, "mailbox.closed_to_reading", gravel.dialogue, {"sealed_by": "server"})
                box.mechanism.destroy()

        result = audit(lived.directory, progress=meanwhile)
        assert {"replaying the log", "checking payloads"} <= set(steps)
        assert result.good, result.findings
        assert (result.size, result.entries) == (320, 321)
        later = audit(lived.directory)
    assert later.good, later.findings
    assert later.entries > 321


def test_entries_that_break_a_rule_explain_nothing_that_is_missing(lived):
    """Whoever lost a payload cannot make an entry up for as long as the audit takes."""
    gravel = lived.reporters["gravel"]
    event = next(event for event in tampering.events(lived) if event.kind == "message.posted")

    def meanwhile(step, done, _):
        if (step, done) != ("checking payloads", 0):
            return
        with lived.open() as box:
            body = {"payloads": [{"ref": event.body["message"]["sha256"]}]}
            made_up = box.request("hal").add("payload.removed", gravel.case, body)
        with tampering.guards_off(lived) as connection:
            connection.execute("DELETE FROM small_payloads")
            connection.execute(
                "INSERT INTO stored_events VALUES (321, ?, ?, ?, ?)",
                (made_up.stream, made_up.seq, made_up.kind, made_up.data),
            )

    found = audit(lived.directory, progress=meanwhile)
    assert {each.rule for each in found.findings} == {"payload-is-there"}


def test_what_was_erased_meanwhile_leaves_the_state_for_the_next_audit(lived, tmp_path):
    gravel, state = lived.reporters["gravel"], tmp_path / "state"
    with lived.open() as box:

        def meanwhile(step, done, _):
            if (step, done) == ("checking payloads", 0):
                box.act(gravel, "mailbox.closed_to_reading", gravel.dialogue, {"sealed_by": "server"})
                box.mechanism.destroy()

        assert audit(lived.directory, Demands(state=state), progress=meanwhile).good
        assert not state.exists()
        assert audit(lived.directory, Demands(state=state)).good
    assert state.exists()


@pytest.mark.parametrize("table", ["tiles", "checkpoints"])
def test_a_table_that_is_gone_is_a_finding_and_no_fault(lived, table):
    with closing(sqlite3.connect(lived.directory / "log.db")) as connection, connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO other_{table}")
    rules = {each.rule for each in audit(lived.directory).findings}
    assert {"database-is-readable", "database-has-its-guards"} <= rules


def test_a_payload_that_lies_under_no_entry_is_found(lived):
    with tampering.guards_off(lived) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute(
            "INSERT INTO payloads (digest, size, place, leaf_index, scope)"
            " SELECT ?, size, place, 1 << 40, scope FROM payloads WHERE place = 'table' LIMIT 1",
            (bytes(32),),
        )
    assert "vault-holds-nothing-else" in {each.rule for each in audit(lived.directory).findings}


def test_a_size_that_nobody_verified_is_not_counted_up(lived, tmp_path):
    export(lived.directory, tmp_path / "out")
    huge = Checkpoint(ORIGIN, 1 << 62, bytes(32)).text + "\n\N{EM DASH} nobody AAAAAAAA\n"
    (tmp_path / "out" / "checkpoint").write_text(huge, encoding="utf-8")
    assert audit(tmp_path / "out").findings[0].rule == "file-is-there"


def test_progress_is_told_from_beginning_to_end(lived):
    told = []
    audit(lived.directory, progress=lambda *step: told.append(step))
    steps = {name: (done, total) for name, done, total in told}
    assert steps == {"replaying the log": (321, 321), "checking payloads": (41, 41)}
    told.clear()
    export(lived.directory, lived.directory.parent / "out", progress=lambda *step: told.append(step))
    assert told[-1] == ("writing tiles", 3, 3)


def test_only_so_many_findings_are_kept(lived):
    with tampering.guards_off(lived) as connection:
        connection.execute("UPDATE stored_events SET topic = 'x.y'")
    assert len(audit(lived.directory).findings) == 100


def test_an_empty_store_has_nothing_to_audit_and_nothing_to_export(tmp_path):
    Store.create(tmp_path).close()
    rules = {finding.rule for finding in audit(tmp_path).findings}
    assert "checkpoint-is-published" in rules
    with pytest.raises(ExportError, match="nothing was published"):
        export(tmp_path, tmp_path / "out")


def test_an_export_overwrites_nothing(lived, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(ExportError, match="overwrites nothing"):
        export(lived.directory, tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine"]


def test_an_export_of_a_log_that_cannot_be_read_says_so(lived, tmp_path):
    with tampering.guards_off(lived) as connection:
        connection.execute("DELETE FROM stored_events WHERE leaf_index = 5")
    with pytest.raises(ExportError, match="audit it"):
        export(lived.directory, tmp_path / "out")
    assert not (tmp_path / "out" / "checkpoint").exists()


def test_a_leaf_0_that_is_no_founding_is_a_finding(lived):
    with tampering.guards_off(lived) as connection:
        connection.execute("UPDATE stored_events SET state = ? WHERE leaf_index = 0", (b"{}",))
    result = audit(lived.directory)
    assert (result.findings[0].index, result.origin) == (0, "")


def test_foreign_tables_do_not_make_a_database_ours(tmp_path):
    connection = sqlite3.connect(tmp_path / "log.db")
    connection.execute("CREATE TABLE stored_events (x)")
    connection.close()
    with pytest.raises(UnreadableSourceError):
        audit(tmp_path)
