"""An older backup is not served, and is brought forward from a mirror without forking the log."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.note import Note
from meyasubako.domain.acts import Request
from meyasubako.service import restoring, rotation
from meyasubako.service.config import Limits
from meyasubako.service.errors import AlreadyRunningError, KeysError, RestoreError
from meyasubako.service.exclusive import only_one
from meyasubako.service.inspection import audit, export
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.errors import RolledBackError
from meyasubako.service.store.sqlite import Store
from tests.system.box import ORIGIN, Box, found_box
from tests.unit.service.doors import begin, report, rotate


@pytest.fixture
def box(with_a_report: Box, tmp_path: Path) -> Box:
    return with_a_report.copied(tmp_path / "box")


@pytest.fixture
def backup(box: Box, tmp_path: Path) -> Path:
    """A copy of the directory, from which the mechanism has gone on since."""
    return Path(shutil.copytree(box.directory, tmp_path / "backup"))


@pytest.fixture
def mechanism(box: Box, backup: Path) -> Iterator[Mechanism]:
    assert backup.exists()
    opened = Mechanism.open(box.directory)
    yield opened
    opened.close()


def mirrored(box: Box, out: Path) -> Path:
    export(box.directory, out)
    return out


def findings(directory: Path) -> list[str]:
    return [finding.rule for finding in audit(directory).findings]


def places(directory: Path) -> list[str]:
    with Store.open(directory, read_only=True) as store:
        return [payload.place for payload in store.all_payloads()]


def size(directory: Path) -> int:
    with Store.open(directory, read_only=True) as store:
        return store.head().size


def test_a_backup_behind_the_kept_checkpoint_is_not_opened_and_is_brought_forward(
    box: Box, backup: Path, mechanism: Mechanism, tmp_path: Path
) -> None:
    lost = report(mechanism, box, "after the backup")
    mechanism.publish()
    mechanism.publish()
    published = mechanism.store.published()
    assert published is not None
    # The checkpoint is kept outside of what is backed up, and stays where it is.
    shutil.copy(box.directory / "checkpoint", backup)
    with pytest.raises(RolledBackError, match="smaller"):
        Mechanism.open(backup)
    restored = restoring.restore(backup, mirrored(box, tmp_path / "mirror"))
    assert restored.size == published.size
    assert restored.before < restored.size
    assert {each.owner.kind for each in restored.lost} == {"report.submitted", "room.opened"}
    assert lost.digest in {each.payload.digest for each in restored.lost}
    found = findings(backup)
    # Of the slots that the backup had not seen yet, only the last one's checkpoint came from the mirror.
    assert found.count("payload-was-lost") == len(restored.lost)
    assert set(found) == {"payload-was-lost", "checkpoint-is-kept"}
    assert restoring.restore(backup, tmp_path / "mirror").lost == ()


def test_a_restored_mechanism_goes_on_as_the_same_log(
    box: Box, backup: Path, mechanism: Mechanism, tmp_path: Path
) -> None:
    report(mechanism, box, "after the backup")
    mechanism.publish()
    last = mechanism.store.published()
    assert last is not None
    lost = restoring.restore(backup, mirrored(box, tmp_path / "mirror")).lost
    again = Mechanism.open(backup)
    report(again, replace(box, directory=backup), "after the restore")
    again.publish()
    assert len(again.ledger().cases) == 3
    again.store.verify()
    assert {each.size for each in again.store.checkpoints()} > {last.size}
    again.close()
    result = audit(backup, seen=[(last.size, last.root)])
    assert [finding.rule for finding in result.findings] == ["payload-was-lost"] * len(lost)
    export(backup, tmp_path / "second")
    assert places(backup).count("lost") == len(lost)


def test_nothing_is_lost_where_the_large_payloads_are_still_there(
    box: Box, backup: Path, mechanism: Mechanism, tmp_path: Path
) -> None:
    stream = mechanism.ledger().mechanism.stream
    request = Request(
        ORIGIN,
        box.people["Ada Berg"].signing,
        mechanism.clock(),
        {stream: mechanism.ledger().head(stream)},
    )
    request.add("person.suspended", stream, {"person": box.key_id("Omar Haddad")})
    mechanism.accept([event.data for event in request.events], {})
    mechanism.publish()
    assert restoring.restore(backup, mirrored(box, tmp_path / "mirror")).lost == ()
    assert findings(backup) == []


def test_a_mirror_of_another_log_or_of_a_fork_is_refused_and_changes_nothing(
    box: Box, backup: Path, mechanism: Mechanism, tmp_path: Path
) -> None:
    other = found_box(tmp_path / "other", Limits())
    elsewhere = Mechanism.open(other.directory)
    for _ in range(3):
        elsewhere.publish()
    elsewhere.close()
    before = places(backup), size(backup)
    with pytest.raises(RestoreError, match="entry 0 of the mirror is not the one here: it is of another log"):
        restoring.restore(backup, mirrored(other, tmp_path / "others"))
    # The backup is served by mistake, somewhere without the kept checkpoint, and goes on differently.
    forked = Path(shutil.copytree(backup, tmp_path / "forked"))
    fork = Mechanism.open(forked)
    report(fork, box, "on the fork")
    fork.publish()
    fork.close()
    report(mechanism, box, "on the log")
    mechanism.publish()
    mechanism.publish()
    with pytest.raises(RestoreError, match="of a fork"):
        restoring.restore(forked, mirrored(box, tmp_path / "mirror"))
    assert (places(backup), size(backup)) == before


def test_nothing_is_restored_over_a_longer_log_or_from_a_mirror_that_ends_too_early(
    box: Box, backup: Path, mechanism: Mechanism, tmp_path: Path
) -> None:
    mirrored(box, tmp_path / "early")
    report(mechanism, box, "after the mirror")
    with pytest.raises(RestoreError, match="longer log"):
        restoring.restore(box.directory, tmp_path / "early")
    mechanism.publish()
    shutil.copy(box.directory / "checkpoint", backup)
    with pytest.raises(RestoreError, match="find a newer mirror"):
        restoring.restore(backup, tmp_path / "early")


def test_a_mirror_that_was_tampered_with_is_refused(
    box: Box, backup: Path, mechanism: Mechanism, tmp_path: Path
) -> None:
    report(mechanism, box, "after the backup")
    mechanism.publish()
    whole = mirrored(box, tmp_path / "mirror")
    bundle = max((whole / "tile" / "entries").rglob("*"), key=lambda path: path.is_file())
    untouched = bundle.read_bytes()
    bundle.write_bytes(untouched.replace(b'"kind":"slot.marked"', b'"kind":"slot.marker"'))
    with pytest.raises(RestoreError):
        restoring.restore(backup, whole)
    bundle.write_bytes(untouched[:-10])
    with pytest.raises(RestoreError, match="cannot be read"):
        restoring.restore(backup, whole)
    bundle.write_bytes(untouched)
    note = Note.parse((whole / "checkpoint").read_bytes())
    (whole / "checkpoint").write_bytes(replace(note, signatures=note.signatures[:1]).encode())
    with pytest.raises(RestoreError, match="every key"):
        restoring.restore(backup, whole)
    tree = Checkpoint.parse(note.text)
    (whole / "checkpoint").write_bytes(replace(note, text=replace(tree, root=bytes(32)).text).encode())
    with pytest.raises(RestoreError, match="do not give the tree"):
        restoring.restore(backup, whole)
    (whole / "checkpoint").unlink()
    with pytest.raises(RestoreError, match="holds no mirror"):
        restoring.restore(backup, whole)
    (whole / "checkpoint").write_bytes(note.encode())
    restoring.restore(backup, whole)


def test_what_was_destroyed_since_the_backup_is_destroyed_again(
    box: Box, backup: Path, mechanism: Mechanism, tmp_path: Path
) -> None:
    reported = report(mechanism, box, "to be closed to reading")
    mechanism.publish()
    shutil.copytree(box.directory, tmp_path / "later")
    request = begin(mechanism, reported.key)
    request.add("mailbox.closed_to_reading", reported.dialogue, {"sealed_by": "reporter_tool"})
    mechanism.accept([request.events[0].data], {})
    mechanism.publish()
    whole = mirrored(box, tmp_path / "mirror")
    assert restoring.restore(tmp_path / "later", whole).lost == ()
    assert findings(tmp_path / "later") == []
    assert places(tmp_path / "later").count("gone") == 1
    restoring.restore(backup, whole)
    assert places(backup).count("gone") == 1


def test_a_directory_without_the_keys_that_the_log_names_now_is_refused(
    box: Box, backup: Path, mechanism: Mechanism, tmp_path: Path
) -> None:
    rotate(mechanism, box, "service", rotation.draw(box.directory, "service"))
    mechanism.publish()
    whole = mirrored(box, tmp_path / "mirror")
    with pytest.raises(KeysError, match="not the one that the log names"):
        restoring.restore(backup, whole)
    shutil.rmtree(backup / "keys")
    shutil.copytree(box.directory / "keys", backup / "keys")
    restoring.restore(backup, whole)
    assert findings(backup) == []


def test_a_mechanism_that_is_served_is_not_restored(box: Box, tmp_path: Path) -> None:
    whole = mirrored(box, tmp_path / "mirror")
    with only_one(box.directory / "serve.lock", "meyasubako serve"), pytest.raises(AlreadyRunningError):
        restoring.restore(box.directory, whole)


def test_lost_payloads_stay_lost_by_the_database_too(
    box: Box, backup: Path, mechanism: Mechanism, tmp_path: Path
) -> None:
    report(mechanism, box, "after the backup")
    mechanism.publish()
    restoring.restore(backup, mirrored(box, tmp_path / "mirror"))
    with closing(sqlite3.connect(backup / "log.db", isolation_level=None)) as connection:
        for statement in (
            "UPDATE payloads SET place = 'table' WHERE place = 'lost'",
            "DELETE FROM payloads WHERE place = 'lost'",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(statement)
