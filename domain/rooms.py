"""A room folded from its own stream: recipient, epoch, readers, and whether the epoch is stale.

- A room's readers follow from its own stream and the public mechanism stream alone.
- Taking access away, suspending a person and closing the mailbox to reading need no knowledge of a key: they
  only make the epoch stale. Whoever writes next advances it first, wrapped to exactly those who stay.
- Each sort of room has its own people: those whose work it is, and guests who read what is written from now
  on. A role that is withdrawn ends both.
- Where nobody whose work it is is left, the channel's fallback stands in their place; never in a mediation, a
  request or an identity. An identity is read by nobody: its key exists in shares only.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec
from msgspec.structs import replace

from meyasubako.domain.envelope import Event
from meyasubako.domain.people import Mechanism

_ASSIGNED: Final = ("intake", "handler")
_GUESTS: Final = ("translator", "panel")
# Whose work a room is: they write there, give access and take it away.
WORKERS: Final[Mapping[str, tuple[str, ...]]] = {
    "report": _ASSIGNED,
    "dialogue": _ASSIGNED,
    "team": _ASSIGNED,
    "mediation": ("mediator",),
    "respondent": _ASSIGNED,
    "request": (*_ASSIGNED, "custodian"),
    "identity": (),
}
# Who reads beside them, from the epoch on in which they came.
GUESTS: Final[Mapping[str, tuple[str, ...]]] = {
    "report": _GUESTS,
    "dialogue": _GUESTS,
    "team": _GUESTS,
    "mediation": ("respondent", "translator"),
    "respondent": ("respondent", "translator"),
    "request": (),
    "identity": (),
}
# Where the channel's fallback stands in when nobody is left.
_STANDS_IN: Final = frozenset({"report", "dialogue", "team", "respondent"})


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
    # On which day each message was written.
    said_on: Mapping[str, date] = {}
    closed_to_reading: bool = False
    shares: tuple[Share, ...] = ()
    # By epoch: the leaf that appointed those who hold its shares, empty where nobody was appointed.
    appointed: tuple[str, ...] = ("",)
    # Whose access was taken away and not given back; and the last epoch whose identity was opened.
    revoked: frozenset[str] = frozenset()
    spent: int = 0
    # Notes of the room and who wrote them, by leaf hash; epochs whose shares or wraps somebody disputes.
    notes: Mapping[str, str] = {}
    disputed: frozenset[tuple[str, int]] = frozenset()
    checked: frozenset[tuple[str, int]] = frozenset()
    doubted: frozenset[tuple[str, int]] = frozenset()

    @property
    def epoch(self) -> int:
        """The current epoch, counted from 1."""
        return len(self.recipients)

    @property
    def recipient(self) -> str:
        """The current epoch's age recipient."""
        return self.recipients[-1]


# Who may read what is written in a room now; and of those whose work it is, without the reporter and guests.
_Here: TypeAlias = tuple[frozenset[str], frozenset[str]]
# By room: all that an answer of `_here` follows from, and the answer. Each event of a room asks for it again,
# and few of them change it.
_KNOWN: Final[dict[str, tuple[frozenset[str], Mechanism, tuple[object, ...], _Here]]] = {}
_MOST: Final = 4096


def present(room: Room, mechanism: Mechanism) -> frozenset[str]:
    """The key ids of those who may read what is written now."""
    return _here(room, mechanism)[0]


def working(room: Room, mechanism: Mechanism) -> frozenset[str]:
    """Those of `present` whose work the room is: neither the reporter nor guests such as translators."""
    return _here(room, mechanism)[1]


def _here(room: Room, mechanism: Mechanism) -> _Here:
    asked = (room.name, room.channel, room.reporter, room.closed_to_reading)
    known = _KNOWN.get(room.stream)
    # Folds are never changed, so that the same object says the same.
    if known and known[0] is room.readers and known[1] is mechanism and known[2] == asked:
        return known[3]
    found = _attend(room, mechanism)
    if len(_KNOWN) >= _MOST:
        _KNOWN.clear()
    _KNOWN[room.stream] = (room.readers, mechanism, asked, found)
    return found


def _attend(room: Room, mechanism: Mechanism) -> _Here:
    workers, readers = _roles(room.name, room.channel)
    here, working, attended = list[str](), list[str](), room.name not in _STANDS_IN
    for reader in room.readers:
        if reader == room.reporter:
            if not room.closed_to_reading:
                here.append(reader)
        elif (person := mechanism.active(reader)) and not readers.isdisjoint(person.roles):
            here.append(reader)
            if not workers.isdisjoint(person.roles):
                working.append(reader)
    fallback = None if attended or working else mechanism.channels[room.channel].fallback
    if fallback and (person := mechanism.active(fallback)):
        here.append(fallback)
        if not workers.isdisjoint(person.roles):
            working.append(fallback)
    return frozenset(here), frozenset(working)


@lru_cache(maxsize=1024)
def _roles(name: str, channel: str) -> tuple[frozenset[str], frozenset[str]]:
    """The roles of those whose work such a room is, and of everybody who may read it."""
    # The fallback, whoever it is or was, comes from outside and is given a room by an advance alone.
    outside = {"outsider"} if name in _STANDS_IN else set[str]()
    workers = frozenset(outside | {f"{role}:{channel}" for role in WORKERS[name]})
    return workers, workers | {f"{role}:{channel}" for role in GUESTS[name]}


def stale(room: Room, mechanism: Mechanism) -> bool:
    """Whether somebody holds the current epoch's key who may no longer read, or nobody does who should.

    Whoever began the epoch knows its key, whatever the wraps say.
    """
    now = present(room, mechanism)
    if room.spent == room.epoch:
        return True  # somebody was shown what was sealed to it
    return room.wrapped != now or (room.begun_by not in now and room.begun_by != room.reporter)


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
        appointed=(str(event.body.get("appointed", "")),),
    )


def fold(room: Room, event: Event) -> Room:
    """The room after one more event of its stream, which the rules have allowed."""
    match event.kind:
        case "message.posted":
            return replace(
                room,
                messages={**room.messages, event.leaf: event.by},
                said_on={**room.said_on, event.leaf: event.at},
            )
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
                appointed=(*room.appointed, str(event.body.get("appointed", ""))),
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
                revoked=room.revoked - {reader},
            )
        case "access.revoked":
            reader = event.text("reader")
            return replace(room, readers=room.readers - {reader}, revoked=room.revoked | {reader})
        case "mailbox.closed_to_reading":
            return replace(room, closed_to_reading=True)
        case "note.added":
            return replace(room, notes={**room.notes, event.leaf: event.by})
        case "wrap.disputed":
            return replace(room, disputed=room.disputed | {(event.by, event.number("epoch"))})
        case "share.checked":
            return replace(room, checked=room.checked | {(event.by, event.number("epoch"))})
        case "share.disputed":
            return replace(room, doubted=room.doubted | {(event.by, event.number("epoch"))})
        case _:
            return room


def _wraps(event: Event, epoch: int) -> tuple[Wrap, ...]:
    return tuple(Wrap(str(wrap["reader"]), epoch, str(wrap["sha256"])) for wrap in event.records("wraps"))


def _shares(event: Event, epoch: int) -> tuple[Share, ...]:
    return tuple(
        Share(str(share["holder"]), epoch, str(share["sha256"]), str(share["share"]))
        for share in (event.records("shares") if "shares" in event.body else ())
    )
