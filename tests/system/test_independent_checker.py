"""An export is checked by a program that shares no code with the one that wrote it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meyasubako.crypto.checkpoint import open_checkpoint
from meyasubako.crypto.merkle import EMPTY_ROOT
from meyasubako.service.inspection import audit, export
from meyasubako.service.keys import ServerKeys, draw_next
from tests.system import tampering
from tests.system.lived import ORIGIN, found_lived

CHECKER = Path(__file__).parents[1] / "independent" / "log_checker.py"


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    return found_lived(tmp_path_factory.mktemp("exported") / "box")


@pytest.fixture(scope="module")
def original(lived, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "export"
    export(lived.directory, out)
    return out


@pytest.fixture
def exported(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path / "export"))


def check(directory, *seen):
    """Exit status and answer of the independent program."""
    command = [sys.executable, "-I", CHECKER, directory, *seen]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr


def checkpoints(lived):
    with tampering.guards_off(lived) as connection:
        rows = connection.execute("SELECT size, root FROM checkpoints ORDER BY size").fetchall()
    return [f"{size}:{root.hex()}" for size, root in rows]


def test_an_export_passes(exported, lived):
    status, answer = check(exported, *checkpoints(lived))
    assert status == 0, answer
    assert "320 entries" in answer
    assert audit(exported).good


def test_an_export_holds_nothing_unpublished_and_no_payload(exported, lived):
    place = audit(lived.directory).entries - 1
    event = tampering.events(lived)[place]
    for file in exported.rglob("*"):
        assert not file.is_file() or event.data not in file.read_bytes()
        assert not file.is_file() or b"age-encryption.org" not in file.read_bytes()
    assert event.body["message"]["sha256"] not in (exported / "payloads.txt").read_text()


def test_the_checkpoint_carries_both_of_the_logs_keys(exported, lived):
    keys = ServerKeys.load(lived.directory)
    note = (exported / "checkpoint").read_bytes()
    assert len(open_checkpoint(note, ORIGIN, keys.log_verifiers).signed) == 2


@pytest.mark.parametrize(
    "name", ["checkpoint", "tile/0/000", "tile/0/001.p/64", "tile/entries/000", "tile/1/000.p/1"]
)
def test_both_programs_find_a_changed_byte(exported, name):
    file = exported / name
    data = file.read_bytes()
    file.write_bytes(tampering.flipped(data, 20))
    assert check(exported)[0] == 1
    assert not audit(exported).good


@pytest.mark.parametrize("name", ["tile/0/000", "tile/entries/001.p/64", "tile/1/000.p/1"])
def test_both_programs_find_a_missing_tile(exported, name):
    (exported / name).unlink()
    assert check(exported)[0] == 1
    assert not audit(exported).good


def test_both_programs_find_a_tile_too_many(exported):
    (exported / "tile/0/002").write_bytes(bytes(8192))
    assert check(exported)[0] == 1
    assert audit(exported).findings[0].rule == "file-belongs-here"


def test_a_checkpoint_that_is_no_prefix_is_found(exported):
    wrong = f"64:{EMPTY_ROOT.hex()}"
    assert check(exported, wrong)[0] == 1
    assert audit(exported, seen=[(64, EMPTY_ROOT)]).findings[0].rule == "log-only-grows"


def test_an_audit_of_an_export_finds_a_broken_rule(lived, tmp_path):
    """Only a program that knows the rules can: tiles, root and signature all fit."""
    box_copy = lived.copied(tmp_path / "box")
    with box_copy.open() as box:
        request = box.request("ann")
        body = {"person": box_copy.id("otto"), "role": "intake:main"}
        event = request.add("role.granted", box.ledger.mechanism.stream, body)
        place = tampering.slip_in(box, event)[0]
    export(box_copy.directory, tmp_path / "out")
    assert check(tmp_path / "out")[0] == 0
    finding = audit(tmp_path / "out").findings[0]
    assert (finding.rule, finding.index) == ("two-people", place)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda lines: lines[1:], "payload-is-recorded"),
        (lambda lines: [*lines, f"{'ab' * 32} 7 table\n"], "payload-is-named"),
        (lambda lines: [lines[0].replace(" table", " gone"), *lines[1:]], "payload-is-there"),
        (lambda lines: [line.replace(" gone", " table") for line in lines], "payload-is-destroyed"),
        (lambda lines: ["nonsense\n", *lines], "payload-is-recorded"),
        (lambda lines: [lines[0], *lines], "payload-is-recorded"),
    ],
    ids=["left out", "too many", "gone", "not gone", "nonsense", "twice"],
)
def test_the_record_of_payloads_is_compared_with_the_log(exported, change, rule):
    record = exported / "payloads.txt"
    lines = sorted(record.read_text().splitlines(keepends=True), key=lambda line: " table" not in line)
    record.write_text("".join(change(lines)))
    assert rule in {finding.rule for finding in audit(exported).findings}


def test_another_key_beside_the_log_is_found(exported, lived):
    promise = ServerKeys.load(lived.directory).promise.key.text
    (exported / "log.vkey").write_text(promise + "\n")
    assert "log-key-is-the-logs" in {finding.rule for finding in audit(exported).findings}
    assert check(exported)[0] == 1


def test_a_log_whose_key_was_replaced_is_checked_with_the_key_of_each_time(lived, tmp_path):
    rotated = lived.copied(tmp_path / "box")
    fresh = list(draw_next(rotated.directory, ORIGIN, "log"))
    with rotated.open() as box:
        stream, body = box.ledger.mechanism.stream, {"of": "log", "keys": fresh}
        proposal = box.act("ann", "act.proposed", stream, {"kind": "key.rotated", "v": 1, "body": body})
        box.act("bob", "key.rotated", stream, {**body, "proposal": proposal.leaf})
    with rotated.open() as box:
        box.publish()
    assert audit(rotated.directory).good
    export(rotated.directory, tmp_path / "out")
    assert (tmp_path / "out" / "log.vkey").read_text() == f"{fresh[0]}\n"
    assert audit(tmp_path / "out").good
    assert check(tmp_path / "out", *checkpoints(rotated))[0] == 0
