"""A room folded from its own stream: recipient, epoch, readers, and whether the epoch is stale.

- A room's readers follow from its own stream and the public mechanism stream alone.
- Taking access away, suspending a person and closing the mailbox to reading need no knowledge of a key: they
  only make the epoch stale. Whoever writes next advances it first, wrapped to exactly those who stay.
- Where nobody of the staff is left, the channel's fallback stands in their place.
"""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from meyasubako.domain.envelope import Event
from meyasubako.domain.people import Mechanism


class Wrap(msgspec.Struct, frozen=True):
    """One wrapped room key: for whom, of which epoch, under which digest."""

    reader: str
    epoch: int
    digest: str


class Share(msgspec.Struct, frozen=True):
    """One share of an epoch's seed: for whom, of which epoch, under which digest, and its own SHA-256."""

    holder: str
    epoch: int
    digest: str
    share: str


class Room(msgspec.Struct, frozen=True):
    """One room of a case."""

    stream: str
    case: str
    name: str
    channel: str
    reporter: str
    recipients: tuple[str, ...]
    readers: frozenset[str]
    wrapped: frozenset[str]
    wraps: tuple[Wrap, ...]
    messages: Mapping[str, str]
    begun_by: str
    closed_to_reading: bool = False
    shares: tuple[Share, ...] = ()
    # Notes of the room and who wrote them, by leaf hash; epochs whose shares or wraps somebody disputes.
    notes: Mapping[str, str] = {}
    disputed: frozenset[tuple[str, int]] = frozenset()
    checked: frozenset[tuple[str, int]] = frozenset()

    @property
    def epoch(self) -> int:
        """The current epoch, counted from 1."""
        return len(self.recipients)

    @property
    def recipient(self) -> str:
        """The current epoch's age recipient."""
        return self.recipients[-1]


def present(room: Room, mechanism: Mechanism) -> frozenset[str]:
    """The key ids of those who may read what is written now."""
    reporter = {room.reporter} if room.reporter in room.readers and not room.closed_to_reading else set[str]()
    staff = {reader for reader in room.readers - {room.reporter} if mechanism.active(reader)}
    if not staff:
        fallback = mechanism.channels[room.channel].fallback
        if fallback and mechanism.active(fallback):
            staff = {fallback}
    return frozenset(staff | reporter)


def stale(room: Room, mechanism: Mechanism) -> bool:
    """Whether somebody holds the current epoch's key who may no longer read, or nobody does who should.

    Whoever began the epoch knows its key, whatever the wraps say.
    """
    now = present(room, mechanism)
    return room.wrapped != now or room.begun_by not in now | {room.reporter}


def opened(event: Event, channel: str, reporter: str) -> Room:
    """The room that a `room.opened` opens in a case of this channel and reporter."""
    wraps = _wraps(event, 1)
    readers = frozenset(wrap.reader for wrap in wraps)
    return Room(
        stream=event.stream,
        case=event.text("case"),
        name=event.text("room"),
        channel=channel,
        reporter=reporter,
        recipients=(event.text("recipient"),),
        readers=readers,
        wrapped=readers,
        wraps=wraps,
        messages={},
        begun_by=event.by,
        shares=_shares(event, 1),
    )


def fold(room: Room, event: Event) -> Room:
    """The room after one more event of its stream, which the rules have allowed."""
    match event.kind:
        case "room.advanced":
            wraps = _wraps(event, room.epoch + 1)
            wrapped = frozenset(wrap.reader for wrap in wraps)
            return replace(
                room,
                recipients=(*room.recipients, event.text("recipient")),
                readers=room.readers | wrapped,
                wrapped=wrapped,
                wraps=(*room.wraps, *wraps),
                begun_by=event.by,
                shares=(*room.shares, *_shares(event, room.epoch + 1)),
            )
        case "access.granted":
            reader = event.text("reader")
            wraps = tuple(
                Wrap(reader, int(str(wrap["epoch"])), str(wrap["sha256"])) for wrap in event.records("wraps")
            )
            return replace(
                room,
                readers=room.readers | {reader},
                wrapped=room.wrapped | {reader},
                wraps=(*room.wraps, *wraps),
            )
        case "access.revoked":
            return replace(room, readers=room.readers - {event.text("reader")})
        case "mailbox.closed_to_reading":
            return replace(room, closed_to_reading=True)
        case "message.posted":
            return replace(room, messages={**room.messages, event.leaf: event.by})
        case "note.added":
            return replace(room, notes={**room.notes, event.leaf: event.by})
        case "wrap.disputed" | "share.disputed":
            return replace(room, disputed=room.disputed | {(event.by, event.number("epoch"))})
        case "share.checked":
            return replace(room, checked=room.checked | {(event.by, event.number("epoch"))})
        case _:
            return room


def _wraps(event: Event, epoch: int) -> tuple[Wrap, ...]:
    return tuple(Wrap(str(wrap["reader"]), epoch, str(wrap["sha256"])) for wrap in event.records("wraps"))


def _shares(event: Event, epoch: int) -> tuple[Share, ...]:
    return tuple(
        Share(str(share["holder"]), epoch, str(share["sha256"]), str(share["share"]))
        for share in (event.records("shares") if "shares" in event.body else ())
    )
