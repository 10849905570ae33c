"""What the doors answer, read strictly into records; anything else is a `BadAnswerError`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from meyasubako.domain import envelope
from meyasubako.domain.envelope import Event
from meyasubako.domain.errors import BadEventError
from meyasubako.service.errors import BadAnswerError

T = TypeVar("T")
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Head(msgspec.Struct, frozen=True):
    """The end of a stream: how many events it has, and the last one's leaf hash in hex."""

    seq: int
    leaf: str


class Person(msgspec.Struct, frozen=True):
    """A row of the roster."""

    key_id: str
    card: str
    enrolled: str
    key: str
    recipient: str
    roles: tuple[str, ...]
    state: str
    usable_from: int


class StreamShown(msgspec.Struct, frozen=True):
    """A stream that the caller is shown, whole or in part: its sort, its case, the room's name, its head."""

    stream: str
    sort: str
    case: str
    room: str
    head: Head
    whole: bool = True


class MechanismShown(msgspec.Struct, frozen=True):
    """What a mechanism says of itself to its people, and its public cards by digest."""

    origin: str
    stream: str
    founded: Digest
    fingerprint: str
    head: Head
    slot: int
    slot_hours: int
    waiting_hours: int
    test: bool
    cards: dict[Digest, bytes]
    day: str
    checkpoint: str


class ReachedRoom(msgspec.Struct, frozen=True):
    """A room of which somebody was given keys, from which day until when (empty: no end yet)."""

    room: str
    epochs: tuple[int, ...]
    reads_now: bool
    alone: bool
    since: str
    until: str


class ReachedCase(msgspec.Struct, frozen=True):
    """A case within somebody's reach; `alone` where nobody else reads a room of it and it is open."""

    case: str
    channel: str
    state: str
    fetched: int
    alone: bool
    rooms: tuple[ReachedRoom, ...]


class Reach(msgspec.Struct, frozen=True):
    """What somebody could read."""

    cases: tuple[ReachedCase, ...]


class Me(msgspec.Struct, frozen=True):
    """Who the caller is, what they are shown, the server's day, and the last published checkpoint."""

    person: Person
    streams: tuple[StreamShown, ...]
    day: str
    checkpoint: str


class IndexedEvent(msgspec.Struct, frozen=True):
    """An event's exact bytes and its place in the log."""

    index: int
    event: bytes


class EventRows(msgspec.Struct, frozen=True):
    """Events that stand where ours was to stand."""

    events: tuple[IndexedEvent, ...]


class Events(msgspec.Struct, frozen=True):
    """A page of a stream."""

    stream: str
    events: tuple[IndexedEvent, ...]
    more: bool
    head: Head


class AcceptedEvent(msgspec.Struct, frozen=True):
    """Where an event stands now (-1 where the door does not tell), its leaf hash, and the promise."""

    leaf: Digest
    promise: str
    index: int = -1


class RoomShown(msgspec.Struct, frozen=True):
    """A room as the reporter's program is shown it: events that matter to it, and the head."""

    room: str
    stream: str
    events: tuple[bytes, ...]
    head: Head

    def read(self) -> tuple[Event, ...]:
        """The events; `BadAnswerError` for what is none of this stream."""
        return read_events(self.events, self.stream)


class WishShown(msgspec.Struct, frozen=True):
    """What a reporter can ask for: its code, and the last day for it, or empty."""

    code: str
    until: str


class CaseShown(msgspec.Struct, frozen=True):
    """Where a reporter's case stands; `next` and `late_since` are days, or empty."""

    stream: str
    channel: str
    state: str
    next: str
    late_since: str = ""
    withdrawn: bool = False
    wishes: tuple[WishShown, ...] = ()
    head: Head = Head(0, "")


class ProvenEvent(msgspec.Struct, frozen=True):
    """An event of the mechanism's stream, its place, and its inclusion path."""

    event: bytes
    index: int
    proof: tuple[bytes, ...]


class MechanismPage(msgspec.Struct, frozen=True):
    """A page of the mechanism's public stream with the checkpoint that its proofs lead to."""

    events: tuple[ProvenEvent, ...]
    checkpoint: str


class Happened(msgspec.Struct, frozen=True):
    """What was asked about a reporter, or done: what, on which day, by whom (a role), until when."""

    what: str
    day: str
    role: str
    until: str


class Mailbox(msgspec.Struct, frozen=True):
    """What a receipt's key opens for a program."""

    origin: str
    day: str
    case: CaseShown
    rooms: tuple[RoomShown, ...]
    mechanism: MechanismPage
    happened: tuple[Happened, ...] = ()
    # The last epoch of the identity that somebody was shown.
    spent: int = 0


class EventProof(msgspec.Struct, frozen=True):
    """A proof that an event is in the log, under a file name; until its slot closes, a promise of one."""

    file: str
    final: bool
    data: str


class Proof(msgspec.Struct, frozen=True):
    """Evidence that a report was filed: the event, and a proof of it or, until its slot closes, a promise."""

    event: bytes
    file: str
    final: bool
    data: str


class ChannelShown(msgspec.Struct, frozen=True):
    """A channel: its cards, who would read (to be compared with the verified roster), the fallback if any."""

    card: str
    questionnaire: str
    draw: int
    languages: tuple[str, ...]
    readers: tuple[Person, ...]
    fallback: dict[str, Any]


class Channels(msgspec.Struct, frozen=True):
    """What a program needs before it seals a report."""

    origin: str
    fingerprint: str
    day: str
    marker: str
    channels: dict[str, ChannelShown]
    cards: dict[Digest, bytes]
    mechanism: MechanismPage


def read(fields: Mapping[str, Any], kind: type[T]) -> T:
    """An answer as a record of this kind."""
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise BadAnswerError(f"the answer is not what it should be: {error}") from error


def read_events(found: Sequence[bytes], stream: str) -> tuple[Event, ...]:
    """Events of one stream from their exact bytes."""
    try:
        events = tuple(envelope.read(data) for data in found)
    except BadEventError as error:
        raise BadAnswerError(f"the service shows something that is not an event: {error}") from error
    if any(event.stream != stream for event in events):
        raise BadAnswerError("the service shows an event of another stream")
    return events


def read_accepted(fields: Mapping[str, Any], events: Sequence[Event]) -> list[AcceptedEvent]:
    """The acceptance of exactly these events."""
    rows = fields.get("accepted")
    accepted = [read(row, AcceptedEvent) for row in rows] if isinstance(rows, list) else []
    if [each.leaf for each in accepted] != [event.leaf for event in events]:
        raise BadAnswerError("the service accepted other events than were sent")
    return accepted
