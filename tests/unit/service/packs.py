"""What the tests of evidence packs share: the pack's own program, run, and logs that were never lived."""

import re
import shutil
import subprocess
import sys

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.merkle import inclusion_path, leaf_hash, leaf_hashes, root_of
from meyasubako.crypto.proof import LogProof
from meyasubako.crypto.tiles import TILE, TileReader, decode_bundle, encode_bundle, tile_path, tile_root
from meyasubako.domain import envelope
from meyasubako.domain.envelope import Head


def verify(directory, *words, path=None):
    """Exit status and answer of a pack's own program, run by a Python that has nothing of ours."""
    done = subprocess.run(
        [shutil.which("python3", path="/usr/bin:/bin") or sys.executable, "-I", "verify.py", *words],
        cwd=directory, capture_output=True, text=True, check=False, timeout=120,
        env=None if path is None else {"PATH": str(path)},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def shell(directory, *blocks):
    """What each block of commands prints, one after the other in one shell."""
    script = "\necho ----\n".join(blocks)
    done = subprocess.run(["sh", "-c", script], cwd=directory, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return [part.strip() for part in done.stdout.split("----\n")]


def entries(pack):
    """The entries of a pack, which has two bundles at most."""
    files = [path for path in sorted((pack / "log/tile/entries").rglob("*")) if path.is_file()]
    widths = [int(path.name) if path.parent.suffix == ".p" else TILE for path in files]
    return [
        each for path, width in zip(files, widths, strict=True)
        for each in decode_bundle(path.read_bytes(), width)
    ]  # fmt: skip


def lay(pack, stored, signer):
    """Other entries in a pack, with tiles, checkpoint, the key beside it and a proof as they must be."""
    shutil.rmtree(pack / "log" / "tile")
    shutil.rmtree(pack / "proofs")
    leaves, size = leaf_hashes(stored), len(stored)
    tiles = {}
    for n in range(-(-size // TILE)):
        part = slice(n * TILE, (n + 1) * TILE)
        width = len(leaves[part])
        tiles[tile_path("entries", n, width)] = encode_bundle(stored[part])
        tiles[tile_path(0, n, width)] = b"".join(leaves[part])
    if size >= TILE:
        tiles[tile_path(1, 0, size // TILE)] = b"".join(
            tile_root(tiles[tile_path(0, n)]) for n in range(size // TILE)
        )
    note = sign_checkpoint(Checkpoint(signer.key.name, size, root_of(leaves)), [signer], 0)
    reader = TileReader(size, lambda level, n, width: tiles[tile_path(level, n, width)])
    proof = LogProof(0, tuple(inclusion_path(0, size, reader)), note).encode()
    tiles |= {"checkpoint": note, "log.vkey": f"{signer.key.text}\n".encode()}
    files = {f"log/{name}": data for name, data in tiles.items()} | {"proofs/entry-0.tlog-proof": proof}
    for name, data in files.items():
        (pack / name).parent.mkdir(parents=True, exist_ok=True)
        (pack / name).write_bytes(data)


def seen(packed, signer, size, number=9, origin=None):
    """Lay a checkpoint that contradicts the log beside its proofs."""
    note = sign_checkpoint(Checkpoint(origin or signer.key.name, size, bytes(32)), [signer], 0)
    (packed / "proofs" / f"seen-{number}-of-{size}.checkpoint").write_bytes(note)


class Continued:
    """The first entries of a log, and what people write after them, whether or not the rules allow it."""

    def __init__(self, stored):
        self.stored = list(stored)
        first = envelope.read(self.stored[0])
        self.log, self.stream, self.at, self.head = first.log, first.stream, first.at, Head()
        for data in self.stored:
            event = envelope.read(data)
            if event.stream == self.stream:
                self.head = Head(event.seq, event.leaf)

    def add(self, pair, kind, body):
        """One more event in the mechanism's stream; gives its leaf hash."""
        event = envelope.write(
            kind, body, at=self.at, log=self.log, stream=self.stream, head=self.head, key=pair.signing
        )
        return self.put(event.data, event.seq)

    def put(self, data, seq):
        """Any bytes, as the stream's newest event; gives their leaf hash."""
        self.stored.append(data)
        self.head = Head(seq, leaf_hash(data).hex())
        return self.head.leaf

    def change_last(self, old, new):
        """Other bytes in the newest event; what is added afterwards stands on them."""
        changed = re.sub(old, new, self.stored.pop())
        return self.put(changed, self.head.seq)

    def by_two(self, one, other, kind, body):
        """An act that one person proposes and another confirms."""
        proposal = self.add(one, "act.proposed", {"kind": kind, "v": 1, "body": body})
        return self.add(other, kind, {**body, "proposal": proposal})
