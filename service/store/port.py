"""The store's port: messages in, records out, so that a store can stand behind a socket one day.

Rules upheld by whatever implements `EventStore`:

- An append is all or none, and durable when it returns. Equal bytes at (stream, seq) for all of its entries
  are success: a client that lost the answer may ask again.
- The row number of an event is its leaf index: dense, from 0, in the order of the commits.
- A digest is owned by one event, once, ever; a payload named as own is in the vault when the event is.
- What a tile or a checkpoint shows lies within the last published size, and that tree only ever grows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, Final, Literal, NamedTuple, Protocol

from meyasubako.crypto.tiles import Level

# Up to this many sealed bytes a payload lies in a table and is written with its event.
SMALL_PAYLOAD: Final = 128 * 1024
MAX_EVENT: Final = 32 * 1024

# Where a payload's bytes lie: destroyed ones are gone, those that a restored backup lacked are lost.
Place = Literal["table", "object", "gone", "lost"]
ABSENT: Final = frozenset({"gone", "lost"})


@dataclass(frozen=True, slots=True)
class Entry:
    """An event to append: its exact bytes, where it belongs, and what it names as its own.

    `stream` is a uuid4's text, `seq` counts from 1, `owns` are pairs of (hex SHA-256, size in sealed bytes).
    `scope` is what its payloads are erased with (a case's stream; letters, digits and -); its own stream
    where it is empty.
    """

    stream: str
    seq: int
    kind: str
    data: bytes
    owns: tuple[tuple[str, int], ...] = ()
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A stored event at its leaf index."""

    index: int
    stream: str
    seq: int
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The tree over everything that is stored: private, since it is ahead of what is published."""

    size: int
    root: bytes


class Published(NamedTuple):
    """A checkpoint that was published: tree size, root, and the signed note with its cosignatures."""

    size: int
    root: bytes
    note: bytes


class StoredPayload(NamedTuple):
    """A payload that an event owns: hex digest, size in sealed bytes, its event's index, where it lies, and
    what it is erased with.
    """

    digest: str
    size: int
    leaf_index: int
    place: Place
    scope: str


Sign = Callable[[int, bytes], bytes]


class Receiving(Protocol):
    """A sealed upload on its way into the object store."""

    @property
    def name(self) -> str:
        """The name by which a later request resumes the upload: 32 hex digits, random."""

    @property
    def size(self) -> int:
        """How many bytes have arrived."""

    def write(self, data: bytes) -> int:
        """Take the next bytes; `StoreFullError` if the disk has no room for them."""

    def pause(self) -> None:
        """Make what arrived durable and let go of it until it is resumed by its name."""

    def commit(self) -> tuple[str, int]:
        """Make the object durable under its digest; gives (hex SHA-256, size)."""

    def abort(self) -> None:
        """Forget what arrived."""


class EventStore(Protocol):
    """An append-only log of events, its Merkle tree, and the vault of the payloads that the events own."""

    def append(
        self,
        entries: Sequence[Entry],
        small_payloads: Mapping[str, bytes],
        requires: Mapping[str, int],
        *,
        at_size: int | None = None,
    ) -> list[int]:
        """Store the entries, durably, all or none; gives their leaf indices.

        `requires` names the version (head's seq, 0 for none) of every stream that the decision read;
        `at_size`, where given, the size that the whole log must still have (a slot's marker counts leaves).
        Raises `SeqConflictError`, `StaleReadError`, `DigestTakenError`, `MissingPayloadError`,
        `PayloadMismatchError`, `ErasedScopeError`, `ErasureKeyError`, `StoreFullError`, `StorageError`.
        """

    def head(self) -> Head:
        """Size and root of the tree over all stored events."""

    def size(self) -> int:
        """How many events are stored, at less cost than `head`."""

    def rows(
        self, start: int = 0, stop: int | None = None, *, without_kinds: Sequence[str] = ()
    ) -> Iterator[Row]:
        """The events from index start up to, not including, stop, in batches of short reads."""

    def stream(self, stream_id: str, from_seq: int = 1) -> list[Row]:
        """The events of a stream in order."""

    def row(self, index: int) -> Row:
        """The event at a leaf index, or `UnknownRowError`."""

    def stream_head(self, stream_id: str) -> tuple[int, str] | None:
        """Seq and hex leaf hash of a stream's last event, or None."""

    def has_payload(self, digest: str) -> bool:
        """Whether an event owns this payload and its bytes are there."""

    def payload_size(self, digest: str) -> int:
        """The payload's size in sealed bytes; `MissingPayloadError`."""

    def open_payload(self, digest: str) -> BinaryIO:
        """The payload's sealed bytes, seekable.

        Raises `MissingPayloadError`, `ErasureKeyError`, and, also while it is read, `DamagedLayerError`.
        """

    def all_payloads(self) -> Iterator[StoredPayload]:
        """Every payload that an event ever owned, also those that are gone."""

    def forget_payload(self, *digests: str) -> None:
        """Destroy payloads' bytes, for ever, and keep the record that they are gone; may be repeated.

        Raises `MissingPayloadError` for a payload that no event owns, `StorageError` if the bytes may still
        stand in a log of writes because somebody reads for too long: ask again.
        """

    def erase(self, *scopes: str) -> None:
        """Destroy everything of these scopes, for ever: keys, rows, objects. May be repeated.

        Afterwards they take no payloads any more. Raises `StorageError` as `forget_payload` does.
        """

    def erased(self) -> frozenset[str]:
        """The scopes that were erased."""

    def receive(self, day: date | None = None) -> Receiving:
        """Begin a large upload; its modification times show `day` only (today by the file system's clock)."""

    def resume(self, name: str, day: date | None = None) -> Receiving:
        """Go on with an upload that paused; `UnknownUploadError`."""

    def sweep_uploads(self, before_day: date) -> int:
        """Remove uploads and objects of earlier days that no event names; gives how many."""

    def drop_unowned(self, *digests: str) -> None:
        """Remove these objects now, except those that an event owns."""

    def tile(self, level: Level, n: int, width: int) -> bytes | None:
        """A hash tile or entry bundle within the published tree, or None."""

    def publish(self, size: int, sign: Sign) -> bytes:
        """Sign and keep the checkpoint of the first `size` leaves after re-reading them; gives the note."""

    def published(self) -> Published | None:
        """The last published checkpoint."""

    def checkpoints(self) -> list[Published]:
        """Every published checkpoint, the smallest tree first."""

    def keep_cosignatures(self, size: int, note: bytes) -> None:
        """Replace a kept note by the same text with more signature lines."""

    def verify(self) -> None:
        """Read and hash everything again: events, tree, tiles, checkpoints, payloads; `DamagedStoreError`."""
