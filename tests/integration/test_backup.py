"""A mechanism is backed up while it is served, and restored: whole, forward, and without what was erased."""

import io
import os
import shutil
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.errors import DamagedPayloadError, WrongKeyError
from meyasubako.service import packing, restoring
from meyasubako.service.backup import back_up, back_up_keys
from meyasubako.service.config import Limits
from meyasubako.service.errors import BackupError, KeysError, RestoreError
from meyasubako.service.inspection import audit, export
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.errors import MissingErasureKeyError, NotAStoreError
from meyasubako.service.store.port import Entry
from meyasubako.service.store.sqlite import Store
from tests.system.box import Box, found_box
from tests.unit.service.doors import Reported, begin, report

KEY = HybridIdentity.generate()


@pytest.fixture
def box(with_a_report: Box, tmp_path: Path) -> Box:
    return with_a_report.copied(tmp_path / "box")


@pytest.fixture
def mechanism(box: Box) -> Iterator[Mechanism]:
    opened = Mechanism.open(box.directory)
    yield opened
    opened.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data.age"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.age"


def back_up_both(box: Box, data: Path, keys: Path) -> None:
    back_up(box.directory, data, [KEY.recipient])
    back_up_keys(box.directory, keys, [KEY.recipient])


def findings(directory: Path) -> list[str]:
    return [finding.rule for finding in audit(directory).findings]


def read(directory: Path, digest: str) -> bytes:
    with Store.open(directory, read_only=True) as store, store.open_payload(digest) as file:
        return file.read()


def close_mailbox(mechanism: Mechanism, reported: Reported) -> None:
    request = begin(mechanism, reported.key)
    request.add("mailbox.closed_to_reading", reported.dialogue, {"sealed_by": "reporter_tool"})
    mechanism.accept([request.events[0].data], {})


def erase_case(mechanism: Mechanism, reported: Reported, box: Box) -> str:
    """Slip in that a case was erased, past the rules, which need years; gives the case."""
    case = mechanism.ledger().owners[reported.digest].case
    request = begin(mechanism, box.people["Ada Berg"].signing)
    request.heads[case] = mechanism.ledger().head(case)
    event = request.add("case.erased", case, {"proposal": "0" * 64})
    mechanism.store.append([Entry(event.stream, event.seq, event.kind, event.data)], {}, {})
    mechanism.destroy()
    return case


def test_a_backup_under_load_is_restored_as_one_moment_and_goes_on(
    box: Box, mechanism: Mechanism, data: Path, keys: Path, tmp_path: Path
) -> None:
    stop, sent = threading.Event(), []

    def load() -> None:
        while not stop.is_set():
            sent.append(report(mechanism, box, f"report {len(sent)}"))

    writer = threading.Thread(target=load)
    writer.start()
    try:
        while len(sent) < 3:
            writer.join(0.01)
        back_up_both(box, data, keys)
    finally:
        stop.set()
        writer.join()
    restored = restoring.restore_backup(tmp_path / "new", data, keys, [KEY])
    assert restored.lost == ()
    assert findings(tmp_path / "new") == []
    again = Mechanism.open(tmp_path / "new")
    report(again, replace(box, directory=tmp_path / "new"), "after the restore")
    again.publish()
    again.close()
    assert findings(tmp_path / "new") == []
    assert not list(box.directory.glob(".copy-*"))


def test_the_data_hold_no_key_and_open_with_stock_tools(
    box: Box, mechanism: Mechanism, data: Path, keys: Path
) -> None:
    reported = report(mechanism, box, "sealed twice")
    sealed = read(box.directory, reported.digest)
    back_up_both(box, data, keys)
    found = {}
    for path in (data, keys):
        with tarfile.open(fileobj=io.BytesIO(age.unseal(path.read_bytes(), KEY))) as archive:
            found[path.name] = {
                member.name: archive.extractfile(member).read()
                for member in archive  # type: ignore[union-attr]  # only files
            }
    assert sorted(found["data.age"]) == ["checkpoint", "log.db", "mechanism.toml"]
    assert all(sealed[100:164] not in content for content in found["data.age"].values())
    secrets = [path.read_bytes() for path in (box.directory / "erasure").iterdir()]
    assert all(secret[8:40] not in content for content in found["data.age"].values() for secret in secrets)
    assert {name.partition("/")[0] for name in found["keys.age"]} == {"keys", "erasure"}
    for path in (data, keys):
        assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_erased_after_the_backup_opens_in_it_no_more(
    box: Box, mechanism: Mechanism, data: Path, keys: Path, tmp_path: Path
) -> None:
    """With the keys of today, and a mirror that knows of the erasure, or none."""
    erased, closed, kept = (report(mechanism, box, text) for text in ("erased", "closed", "kept"))
    mechanism.publish()
    sealed = read(box.directory, kept.digest)
    back_up(box.directory, data, [KEY.recipient])
    case = erase_case(mechanism, erased, box)
    close_mailbox(mechanism, closed)
    mechanism.publish()
    back_up_keys(box.directory, keys, [KEY.recipient])
    restored = restoring.restore_backup(tmp_path / "new", data, keys, [KEY])
    assert {lost.owner.case for lost in restored.lost} >= {case}
    assert erased.digest in {lost.payload.digest for lost in restored.lost}
    assert kept.digest not in {lost.payload.digest for lost in restored.lost}
    assert read(tmp_path / "new", kept.digest) == sealed
    with Store.open(tmp_path / "new", read_only=True) as store:
        assert not store.has_payload(erased.digest)


def test_erasures_that_a_newer_mirror_knows_are_done_again_though_the_keys_are_old(
    box: Box, mechanism: Mechanism, data: Path, keys: Path, tmp_path: Path
) -> None:
    closed = report(mechanism, box, "closed")
    mechanism.publish()
    back_up_both(box, data, keys)
    close_mailbox(mechanism, closed)
    mechanism.publish()
    mechanism.publish()
    export(box.directory, tmp_path / "mirror")
    restored = restoring.restore_backup(tmp_path / "new", data, keys, [KEY], mirror=tmp_path / "mirror")
    assert restored.lost == ()
    assert restored.size > restored.before
    assert set(findings(tmp_path / "new")) == {"checkpoint-is-kept"}
    with Store.open(tmp_path / "new", read_only=True) as store:
        gone = [payload for payload in store.all_payloads() if payload.place == "gone"]
        assert gone
        assert store.left_of(payload.digest for payload in gone) == []


def test_keys_of_what_is_gone_already_are_destroyed_when_older_ones_come_back(
    box: Box, mechanism: Mechanism, data: Path, keys: Path, tmp_path: Path
) -> None:
    """The data are newer than the keys: the rows are gone, and their keys come back."""
    erased, closed = report(mechanism, box, "erased"), report(mechanism, box, "closed")
    back_up_keys(box.directory, keys, [KEY.recipient])
    case = erase_case(mechanism, erased, box)
    close_mailbox(mechanism, closed)
    mechanism.publish()
    back_up(box.directory, data, [KEY.recipient])
    assert restoring.restore_backup(tmp_path / "new", data, keys, [KEY]).lost == ()
    assert not (tmp_path / "new" / "erasure" / f"scope-{case}").exists()
    with Store.open(tmp_path / "new", read_only=True) as store:
        gone = [payload.digest for payload in store.all_payloads() if payload.place == "gone"]
        assert erased.digest in gone
        assert store.left_of(gone) == []
        assert case in store.erased()


def test_a_case_that_was_erased_is_gone_from_the_disk(box: Box, mechanism: Mechanism) -> None:
    erased, kept = report(mechanism, box, "erased"), report(mechanism, box, "kept")
    case = erase_case(mechanism, erased, box)
    assert mechanism.store.erased() == {case}
    assert not mechanism.store.has_payload(erased.digest)
    assert mechanism.store.has_payload(kept.digest)
    with pytest.raises(MissingErasureKeyError):
        mechanism.store.keys.small(case, erased.digest)


def test_a_backup_behind_a_newer_checkpoint_needs_a_mirror(
    box: Box, mechanism: Mechanism, data: Path, keys: Path, tmp_path: Path
) -> None:
    back_up_both(box, data, keys)
    report(mechanism, box, "after the backup")
    mechanism.publish()
    mechanism.publish()
    checkpoint = box.directory / "checkpoint"
    with pytest.raises(RestoreError, match="mirror"):
        restoring.restore_backup(tmp_path / "new", data, keys, [KEY], checkpoint=checkpoint)
    assert not (tmp_path / "new").exists()
    export(box.directory, tmp_path / "mirror")
    restored = restoring.restore_backup(
        tmp_path / "new", data, keys, [KEY], checkpoint=checkpoint, mirror=tmp_path / "mirror"
    )
    assert {lost.owner.kind for lost in restored.lost} == {"report.submitted", "room.opened"}
    assert set(findings(tmp_path / "new")) == {"payload-was-lost", "checkpoint-is-kept"}


def test_a_backup_that_does_not_extend_a_checkpoint_is_refused(
    box: Box, mechanism: Mechanism, data: Path, keys: Path, tmp_path: Path
) -> None:
    forked = replace(box, directory=Path(shutil.copytree(box.directory, tmp_path / "forked")))
    fork = Mechanism.open(forked.directory)
    fork.publish()
    fork.close()
    for _ in range(2):
        report(mechanism, box, "on the log")
        mechanism.publish()
    back_up_both(box, data, keys)
    with pytest.raises(RestoreError, match="does not extend"):
        restoring.restore_backup(
            tmp_path / "new", data, keys, [KEY], checkpoint=forked.directory / "checkpoint"
        )
    assert not (tmp_path / "new").exists()
    same = restoring.restore_backup(
        tmp_path / "new", data, keys, [KEY], checkpoint=box.directory / "checkpoint"
    )
    assert same.lost == ()


def test_a_wrong_key_a_cut_backup_or_the_two_exchanged_leave_nothing_behind(
    box: Box, data: Path, keys: Path, tmp_path: Path
) -> None:
    back_up_both(box, data, keys)
    cut = tmp_path / "cut.age"
    cut.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    other = HybridIdentity.generate()
    for given, secret, identity, error in (
        (data, keys, other, WrongKeyError),
        (cut, keys, KEY, DamagedPayloadError),
        (keys, data, KEY, RestoreError),
        (data, data, KEY, RestoreError),
    ):
        with pytest.raises(error):
            restoring.restore_backup(tmp_path / "new", given, secret, [identity])
        assert not (tmp_path / "new").exists()
        assert not list(tmp_path.glob(".*"))


def test_the_keys_of_another_mechanism_are_refused(box: Box, data: Path, keys: Path, tmp_path: Path) -> None:
    other = found_box(tmp_path / "other", Limits())
    back_up(box.directory, data, [KEY.recipient])
    back_up_keys(other.directory, keys, [KEY.recipient])
    with pytest.raises(KeysError):
        restoring.restore_backup(tmp_path / "new", data, keys, [KEY])
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "objects/../../out", "views.db", "erasure/lock"])
def test_what_no_mechanism_has_is_not_unpacked(tmp_path: Path, name: str) -> None:
    path = tmp_path / "hostile.age"
    with packing.sealed_archive(path, [KEY.recipient]) as archive:
        member = tarfile.TarInfo(name)
        member.size = 4
        archive.addfile(member, io.BytesIO(b"data"))
    (tmp_path / "in").mkdir()
    for allowed in (packing.DATA, packing.KEYS):
        with pytest.raises(RestoreError, match="no mechanism has"):
            packing.unpack(path, [KEY], allowed, tmp_path / "in", lambda: None)
    assert list((tmp_path / "in").rglob("*")) == []


def test_links_are_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "hostile.age"
    with packing.sealed_archive(path, [KEY.recipient]) as archive:
        member = tarfile.TarInfo("log.db")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(RestoreError, match="no mechanism has"):
        packing.unpack(path, [KEY], packing.DATA, tmp_path, lambda: None)


def test_data_are_never_written_over_and_keys_always_are(box: Box, data: Path, keys: Path) -> None:
    back_up_both(box, data, keys)
    with pytest.raises(BackupError, match="exists already"):
        back_up(box.directory, data, [KEY.recipient])
    held = os.open(keys, os.O_RDONLY)
    back_up_keys(box.directory, keys, [KEY.recipient])
    assert set(os.pread(held, 1 << 20, 0)) == {0}
    os.close(held)
    assert age.unseal(keys.read_bytes(), KEY)


def test_what_is_no_mechanism_is_not_backed_up(box: Box, data: Path) -> None:
    for name in ("log.db", "checkpoint"):
        (box.directory / name).unlink()
    Store.create(box.directory).close()
    with pytest.raises(NotAStoreError, match="founding"):
        back_up(box.directory, data, [KEY.recipient])
    assert not data.exists()
