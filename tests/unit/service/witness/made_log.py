"""A log of made-up entries with real keys and a real tree, all of whose trees and proofs can be asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.cosignature import Cosigner
from meyasubako.crypto.merkle import consistency_path, leaf_hash, perfect_root, root_of
from meyasubako.crypto.note import NoteSigner, Signer
from meyasubako.crypto.tiles import TILE, encode_bundle, tile_path, tile_root, tiles_for
from meyasubako.crypto.witness import AddCheckpoint

ORIGIN = "log.example.org/demo"


def entries(number: int, tag: str = "entry") -> list[bytes]:
    return [f"{tag} {index}".encode() for index in range(number)]


@dataclass
class MadeLog:
    origin: str = ORIGIN
    entries: Sequence[bytes] = ()
    signers: tuple[Signer, ...] = ()
    hashes: list[bytes] = field(default_factory=list)

    def __post_init__(self):
        self.hashes = [leaf_hash(entry) for entry in self.entries]
        if not self.signers:
            seed = sha256(self.origin.encode()).digest()
            self.signers = (NoteSigner(self.origin, seed), Cosigner.ml_dsa(self.origin, seed[::-1]))

    @property
    def vkeys(self):
        return tuple(signer.key.text for signer in self.signers)

    def fork(self, at, more: Iterable[bytes]):
        """Another history from `at` on, under the same keys."""
        return MadeLog(self.origin, [*self.entries[:at], *more], self.signers)

    def read(self, level, index):
        return perfect_root(self.hashes[index << level : (index + 1) << level])

    def checkpoint(self, size):
        return Checkpoint(self.origin, size, root_of(self.hashes[:size]))

    def note(self, size, time=1790000000):
        return sign_checkpoint(self.checkpoint(size), self.signers, time)

    def request(self, old, size):
        return AddCheckpoint(old, tuple(consistency_path(old, size, self.read)), self.note(size)).encode()

    def write(self, directory: Path, size):
        """The log's files as tlog-tiles lays them out, for one published size."""
        levels = {}
        for level, n, width in tiles_for(0, size):
            row = self.hashes[:size] if level == 0 else levels[level - 1]
            tile = b"".join(row[n * TILE : n * TILE + width])
            levels.setdefault(level, [])
            if width == TILE:
                levels[level].append(tile_root(tile))
            _write(directory / tile_path(level, n, width), tile)
            if level == 0:
                bundle = encode_bundle(self.entries[n * TILE : n * TILE + width])
                _write(directory / tile_path("entries", n, width), bundle)
        _write(directory / "checkpoint", self.note(size))


def _write(path: Path, data: bytes):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
