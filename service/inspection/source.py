"""What an audit reads: entries as stored, the tiles and checkpoints beside them, and the payloads.

A source gives out what is there and believes none of it. Where something cannot be read it raises
`BrokenSourceError`, which the audit turns into a finding.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal, Protocol

import msgspec

from meyasubako.domain.audit import Finding
from meyasubako.service.inspection.errors import InspectionError

CHECKPOINT: Final = "checkpoint"
VKEY: Final = "log.vkey"
PAYLOADS: Final = "payloads.txt"
# Says of a directory that an auditor mirrored it from the log's door, which has no record of payloads.
MIRRORED: Final = "mirrored.txt"
DATABASE: Final = "log.db"

# What is being done, how much of it is done, and how much there is to do.
Progress = Callable[[str, int, int], None]

Place = Literal["table", "object", "gone", "lost"]


class BrokenSourceError(InspectionError):
    """A part of the source is missing or malformed; `index` is the entry from which nothing can be read."""

    def __init__(self, rule: str, sentence: str, index: int | None = None) -> None:
        super().__init__(sentence)
        self.finding = Finding(rule, sentence, index)


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry at its place."""

    index: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries one behind the other, and what the row beside each says of it (None where there are no rows).

    Where they end too early, `broken` says why.
    """

    entries: list[bytes]
    rows: list[tuple[str, int, str]] | None = None
    broken: Finding | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint as it is kept: the note's bytes, and the size and root that the row beside it states."""

    note: bytes
    size: int | None = None
    root: bytes | None = None


class Payload(msgspec.Struct, frozen=True):
    """What is recorded of a payload; `index` is None where the record does not say."""

    digest: str
    size: int
    place: Place
    index: int | None = None


class Source(Protocol):
    """A log on a disk."""

    @property
    def whole(self) -> bool:
        """Whether payloads and unpublished entries are there: a mechanism's directory, not an export."""

    @property
    def recorded(self) -> bool:
        """Whether it is recorded which payloads were there: not so in a mirror of the public door."""

    def close(self) -> None:
        """Let go of every file."""

    def malformed(self, since: int = 0) -> Iterator[Finding]:
        """What is wrong with the form of the source; from an index on, as far as that is seen quickly."""

    def size(self) -> int:
        """How many entries there should be."""

    def batch(self, start: int, stop: int) -> Batch:
        """The entries from start up to, not including, stop."""

    def meanwhile(self) -> Iterator[bytes]:
        """Entries beyond the size, written since the source was opened; nothing is known of them."""

    def tile(self, level: int, n: int) -> bytes | None:
        """The hashes of a stored tile at its greatest width, or None if there is none."""

    def beyond(self, counts: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Stored tiles (level, n) beyond so many of each level."""

    def edge(self) -> bytes | None:
        """The right edge that was kept with the entries, if the source keeps one."""

    def published(self) -> Sequence[Kept]:
        """Every checkpoint that the source keeps, the smallest tree first."""

    def kept_apart(self) -> Kept | None:
        """The checkpoint outside of the database, or None if there is none."""

    def log_key(self) -> str | None:
        """The log's verifier key as it stands beside the log, where the source says it."""

    def payloads(self, since: int = 0, wanted: Container[str] | None = None) -> Iterator[Payload]:
        """What is recorded of every payload; or of wanted ones, and of those that entries from an index on
        name.
        """

    def count(self) -> int:
        """Of how many payloads something is recorded."""

    def without_bytes(self) -> Iterator[str]:
        """Digests of what is recorded as being there, and of which no bytes are; seen without reading any."""

    def open(self, payload: Payload) -> BinaryIO | None:
        """The payload's sealed bytes, None if they are not there.

        Raises the store's `ErasureKeyError`, and, also while it is read, `DamagedLayerError`.
        """

    def holds(self, digest: str) -> bool:
        """Whether bytes of a payload lie anywhere, be they what they should be or not."""

    def could_open(self, digest: str) -> bool:
        """Whether a key is left that would open a payload, here or in a copy elsewhere."""

    def leftovers(self, named: Mapping[str, Place]) -> Iterator[str]:
        """Digests or names of stored bytes beyond those that are named, each with where it should lie."""
