import os
import sqlite3

import pytest

from meyasubako.service.inspection import ExportError, UnreadableSourceError, audit, export, rebuild_views
from meyasubako.service.store.sqlite import Store
from tests.system import tampering
from tests.system.lived import found_lived


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return found_lived(tmp_path_factory.mktemp("inspected") / "box")


@pytest.fixture
def lived(original, tmp_path):
    return original.copied(tmp_path / "box")


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
