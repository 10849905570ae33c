"""Go's own transparency-log library judges a whole mechanism: its log's door, its export, its witness."""

import json
import subprocess
import sys

import pytest

from meyasubako.crypto.merkle import consistency_path
from meyasubako.crypto.note import NoteKey
from meyasubako.crypto.policy import Policy
from meyasubako.crypto.witness import AddCheckpoint
from meyasubako.service import proofs
from meyasubako.service.inspection.export import export
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.witness.asking import collect, tile_reader
from meyasubako.service.witness.memory import Memory
from meyasubako.service.witness.transport import poster
from tests.integration.reporter_box import ORIGIN, found_box
from tests.integration.witness_group import ServedWitness

SLOTS = 6
_SERVE = (
    "import sys, pathlib; from meyasubako.service.supervisor import serve;"
    " serve(pathlib.Path(sys.argv[1]), as_json=True)"
)


@pytest.fixture(scope="module")
def witness(tmp_path_factory):
    served = ServedWitness(tmp_path_factory.mktemp("peer") / "witness", "witness.example.org/w").start()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def mechanism(tmp_path_factory, witness):
    """A mechanism that has published a few slots, each of them witnessed; gives it and its policy."""
    box = found_box(tmp_path_factory.mktemp("mechanism") / "box", fallback=False)
    opened = Mechanism.open(box.directory)
    keys = [signer.key for signer in opened.keys.log]
    memory = Memory.open(witness.directory)
    for key in keys:
        memory.admit(ORIGIN, key)
    policy = Policy.parse(
        "\n".join(
            [
                *(f"log {key.text}" for key in keys),
                *(f"witness w{kind} {vkey} {witness.url}" for kind, vkey in enumerate(witness.vkeys)),
                "group peer all w0 w1",
                "quorum peer",
            ]
        )
    )
    before = 0
    for _ in range(SLOTS):
        note = opened.publish()
        size = opened.store.published().size
        collected = collect(note, policy, tile_reader(opened.store, size), poster(), assumed_size=before)
        assert (collected.missing, collected.quorum_met) == ((), True)
        opened.store.keep_cosignatures(size, collected.note)
        before = size
    yield opened, policy
    opened.close()


@pytest.fixture(scope="module")
def door(mechanism):
    """The address of the log's door of that mechanism, served as people serve it."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(mechanism[0].directory)], stdout=subprocess.PIPE, text=True
    )
    told = {}
    while "ready" not in told:
        line = process.stdout.readline()
        assert line, "the service ended before it was ready"
        told |= json.loads(line)
    yield told["doors"]["log"]
    process.terminate()
    process.wait(30)
    process.stdout.close()


def _files(opened, folder):
    """Every checkpoint that was ever published, the requests that witnesses get, the proof of an event."""
    arguments = []
    last = opened.store.published()
    reader = tile_reader(opened.store, last.size)
    for published in opened.store.checkpoints():
        old, request = folder / f"{published.size}.checkpoint", folder / f"{published.size}.request"
        old.write_bytes(published.note)
        proof = tuple(consistency_path(published.size, last.size, reader))
        request.write_bytes(AddCheckpoint(published.size, proof, last.note).encode())
        arguments += ["-old", old, "-request", request]
    founding = opened.store.row(0)
    evidence = proofs.evidence(opened, founding.stream, founding.seq)
    (folder / evidence.file_name).write_bytes(evidence.data)
    return [*arguments, "-proof", folder / evidence.file_name]


def test_go_verifies_the_logs_door(logcheck, mechanism, witness, door, tmp_path):
    opened, policy = mechanism
    arguments = ["-witness", witness.vkeys[0], *_files(opened, tmp_path)]
    status, told = logcheck(*arguments, policy.logs[0].key.text, door)
    assert (status, told.splitlines()[-1]) == (0, "ok"), told
    assert told.count("consistency:") == len(opened.store.checkpoints()) == SLOTS + 1


def test_go_is_not_shown_entries_at_the_door(logcheck, mechanism, door):
    status, told = logcheck("-entries", mechanism[1].logs[0].key.text, door)
    assert status == 1
    assert "the entries" in told


def test_go_verifies_an_export_down_to_the_entries(logcheck, mechanism, witness, tmp_path):
    opened, _ = mechanism
    out = tmp_path / "export"
    exported = export(opened.directory, out)
    vkey = (out / "log.vkey").read_text().split()[0]
    assert NoteKey.parse(vkey).name == ORIGIN
    arguments = ["-entries", "-witness", witness.vkeys[0], *_files(opened, tmp_path)]
    status, told = logcheck(*arguments, vkey, out)
    assert status == 0, told
    assert f"entries: {exported.size}, root computed" in told
