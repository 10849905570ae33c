"""Go's own transparency-log library judges what our library writes: checkpoints, tiles, entries, proofs."""

import functools
import shutil
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from meyasubako.crypto.cosignature import Cosigner
from meyasubako.crypto.merkle import inclusion_path
from meyasubako.crypto.note import Note
from meyasubako.crypto.proof import LogProof
from meyasubako.crypto.tiles import tile_path
from tests.unit.service.witness.made_log import MadeLog, entries


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Nothing: the test says what matters."""


@contextmanager
def served(directory):
    """A directory on a loopback port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Silent, directory=str(directory)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def log():
    return MadeLog(entries=[b"", *entries(799)])


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 512, 800])
def test_go_verifies_checkpoint_tiles_entries_and_inclusion_over_http(logcheck, log, tmp_path, size):
    log.write(tmp_path, size)
    with served(tmp_path) as url:
        status, told = logcheck("-entries", log.vkeys[0], url)
    assert (status, told.splitlines()[-1]) == (0, "ok"), told
    assert f"inclusion: {size} proofs" in told


def test_go_verifies_a_log_of_three_levels_in_a_directory(logcheck, tmp_path):
    large = MadeLog(entries=entries(66_000))
    large.write(tmp_path, 66_000)
    status, told = logcheck("-entries", large.vkeys[0], f"file://{tmp_path}")
    assert status == 0, told
    assert "tiles: 261 files lead to the root" in told


def test_go_verifies_our_consistency_and_inclusion_proofs_and_requests(logcheck, log, tmp_path):
    log.write(tmp_path / "log", 800)
    arguments = []
    for size in (1, 2, 255, 256, 257, 511, 799, 800):
        old, request = tmp_path / f"{size}.checkpoint", tmp_path / f"{size}.request"
        old.write_bytes(log.note(size))
        request.write_bytes(log.request(size, 800))
        arguments += ["-old", old, "-request", request]
    for index in (0, 255, 256, 600, 799):
        proof = tmp_path / f"{index}.tlog-proof"
        path = tuple(inclusion_path(index, 800, log.read))
        proof.write_bytes(LogProof(index, path, log.note(800), b"extra").encode())
        arguments += ["-proof", proof]
    status, told = logcheck(*arguments, log.vkeys[0], tmp_path / "log")
    assert status == 0, told
    assert (told.count("consistency:"), told.count("proof: "), told.count("request: ")) == (8, 5, 8)


def test_go_verifies_our_ed25519_cosignature(logcheck, log, tmp_path):
    log.write(tmp_path, 300)
    witness = Cosigner.ed25519("witness.example.org/w", bytes(range(32, 64)))
    note = Note.parse(log.note(300))
    status, told = logcheck("-witness", witness.key.text, log.vkeys[0], tmp_path)
    assert (status, "1 of 2 known keys" in told) == (1, True)
    cosigned = note.with_signatures([witness.sign(note.text, 1_800_000_000)])
    (tmp_path / "checkpoint").write_bytes(cosigned.encode())
    assert logcheck("-witness", witness.key.text, log.vkeys[0], tmp_path)[0] == 0
    moved = note.with_signatures([witness.sign(log.checkpoint(299).text, 1_800_000_000)])
    (tmp_path / "checkpoint").write_bytes(moved.encode())
    assert logcheck("-witness", witness.key.text, log.vkeys[0], tmp_path)[0] == 1


def _flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_go_refuses_what_was_tampered_with(logcheck, log, tmp_path):
    good = tmp_path / "good"
    log.write(good, 800)
    fork = log.fork(300, entries(500, "other"))
    bad_checkpoints = {
        "another size": log.note(800).replace(b"\n800\n", b"\n799\n"),
        "another root": Note(fork.checkpoint(800).text, Note.parse(log.note(800)).signatures).encode(),
        "another log's": MadeLog("other.example.org", log.entries).note(800),
    }
    files = [tile_path(0, 0), tile_path(0, 3, 32), tile_path(1, 0, 3)]
    bundles = [tile_path("entries", 1), tile_path("entries", 3, 32)]
    for number, (name, note) in enumerate(bad_checkpoints.items()):
        copy = shutil.copytree(good, tmp_path / f"checkpoint-{number}")
        (copy / "checkpoint").write_bytes(note)
        assert logcheck(log.vkeys[0], copy)[0] == 1, name
    for number, name in enumerate([*files, *bundles]):
        copy = shutil.copytree(good, tmp_path / f"file-{number}")
        _flip(copy / name, -1)
        assert logcheck("-entries", log.vkeys[0], copy)[0] == 1, name
        (copy / name).unlink()
        assert logcheck("-entries", log.vkeys[0], copy)[0] == 1, name
    old = tmp_path / "forked"
    old.write_bytes(fork.note(400))
    assert logcheck("-old", old, log.vkeys[0], good)[0] == 1
    assert logcheck("-entries", log.vkeys[0], good)[0] == 0
