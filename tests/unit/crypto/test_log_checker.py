"""The independent checker accepts logs that `crypto` makes, and names what is wrong with damaged ones."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.cosignature import Cosigner
from meyasubako.crypto.merkle import leaf_hashes, root_of
from meyasubako.crypto.note import NoteSigner
from meyasubako.crypto.tiles import TILE, encode_bundle, tile_path, tile_root, tiles_for

CHECKER = Path(__file__).parents[2] / "independent/log_checker.py"
ORIGIN = "log.example.org/demo"
LOG = NoteSigner(ORIGIN, bytes(range(32)))
SIGNERS = [LOG, Cosigner.ml_dsa(ORIGIN, bytes(32)), Cosigner.ed25519("witness.example.org/w", bytes(32))]
ENTRIES = [f"entry {number}".encode() * (number % 7) for number in range(66_000)]
LEAVES = leaf_hashes(ENTRIES)


def export(directory, sizes):
    """A log's files as they are after checkpoints at these sizes."""
    old = 0
    for size in sizes:
        full = {}
        for level, n, width in tiles_for(old, size):
            if level == 0:
                write(directory, tile_path("entries", n, width), encode_bundle(ENTRIES[n * TILE :][:width]))
                tile = b"".join(LEAVES[n * TILE :][:width])
            else:
                tile = b"".join(read_root(directory, level - 1, n * TILE + each) for each in range(width))
            write(directory, tile_path(level, n, width), tile)
            full[level, n] = tile
        old = size
    head = Checkpoint(ORIGIN, old, root_of(LEAVES[:old]))
    write(directory, "checkpoint", sign_checkpoint(head, SIGNERS, 1790000000))
    write(directory, "log.vkey", f"{LOG.key.text}\n".encode())
    return directory


def read_root(directory, level, n):
    return tile_root((directory / tile_path(level, n)).read_bytes())


def write(directory, path, data):
    (directory / path).parent.mkdir(parents=True, exist_ok=True)
    (directory / path).write_bytes(data)


def run(directory, *earlier):
    return subprocess.run(
        [sys.executable, CHECKER, directory, *earlier], capture_output=True, text=True, check=False
    )


def at(size):
    return f"{size}:{root_of(LEAVES[:size]).hex()}"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export(tmp_path_factory.mktemp("log"), [3, 700])


@pytest.fixture
def log(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "log")


@pytest.mark.parametrize("sizes", [[0], [1], [2], [255, 256], [256, 257], [66_000]], ids=str)
def test_a_log_of_ours_is_accepted(sizes, tmp_path):
    result = run(export(tmp_path, sizes), *(at(size) for size in sizes))
    assert (result.returncode, result.stdout[:3]) == (0, "OK:"), result.stdout + result.stderr


def test_every_earlier_checkpoint_is_a_prefix(log):
    result = run(log, *(at(size) for size in (0, 1, 2, 3, 255, 256, 257, 512, 699, 700)))
    assert result.returncode == 0, result.stdout
    assert "700 inclusions, 10 consistencies" in result.stdout


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def resign(log, size, root):
    write(log, "checkpoint", sign_checkpoint(Checkpoint(ORIGIN, size, root), SIGNERS, 1))


DAMAGES = {
    "entry changed": (lambda log: flip(log / "tile/entries/001", 9), "another hash"),
    "length prefix changed": (lambda log: flip(log / "tile/entries/001", 1), "tile/entries/001"),
    "leaf hash changed": (lambda log: flip(log / "tile/0/001", 40), "tile/0/001 has another hash at place 1"),
    "upper hash changed": (lambda log: flip(log / "tile/1/000.p/2", 40), "tile/1/000.p/2 has another hash"),
    "tile missing": (lambda log: (log / "tile/0/002.p/188").unlink(), "cannot be read"),
    "bundle missing": (lambda log: (log / "tile/entries/000").unlink(), "cannot be read"),
    "tile too long": (lambda log: write(log, "tile/0/001", bytes(32 * 257)), "bytes long"),
    "tile beyond the size": (lambda log: write(log, "tile/0/003", bytes(32 * 256)), "beyond the signed size"),
    "level beyond the size": (lambda log: write(log, "tile/2/000.p/1", bytes(32)), "does not allow"),
    "another root signed": (lambda log: resign(log, 700, bytes(32)), "do not hash to"),
    "smaller size signed": (lambda log: resign(log, 699, root_of(LEAVES[:699])), "cannot be read"),
    "signature changed": (lambda log: flip(log / "checkpoint", 150), "FAILED"),
    "size changed": (lambda log: flip(log / "checkpoint", len(ORIGIN) + 1), "signature on the checkpoint"),
    "key changed": (lambda log: write(log, "log.vkey", SIGNERS[2].key.text.encode()), "not an Ed25519 key"),
    "another key": (
        lambda log: write(log, "log.vkey", NoteSigner("a", bytes(32)).key.text.encode()),
        "not signed",
    ),
    "no checkpoint": (lambda log: (log / "checkpoint").unlink(), "cannot be read"),
}


@pytest.mark.parametrize(("damage", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_log_is_refused_with_the_reason(log, damage, reason):
    damage(log)
    result = run(log)
    assert result.returncode == 1
    assert result.stdout.startswith("FAILED: ")
    assert reason in result.stdout
    assert not result.stderr


@pytest.mark.parametrize(
    "earlier", [f"3:{'00' * 32}", at(701), f"256:{'00' * 32}", "700:AAAA", "x:y", f"0:{'00' * 32}"]
)
def test_a_log_that_does_not_extend_an_earlier_checkpoint_is_refused(log, earlier):
    result = run(log, earlier)
    assert (result.returncode, result.stdout[:8]) == (1, "FAILED: "), result.stderr


def test_the_checker_imports_nothing_of_the_package():
    lines = CHECKER.read_text("utf-8").splitlines()
    imports = [line.split()[1] for line in lines if line.startswith(("import ", "from "))]
    assert sorted(imports) == [
        "base64",
        "binascii",
        "hashlib",
        "nacl.exceptions",
        "nacl.signing",
        "pathlib",
        "sys",
    ]
