"""What one person could read, and what they fetched: told blind, from wraps and reads alone.

- A wrapped key opens what was written in its epoch, whether its owner ever looked or not; a fetch says that
  bytes were handed out, not that somebody read them.
- Whoever goes hands over what they alone read; who can take it over follows from the roster.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from meyasubako.domain import roles, rooms
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.people import Mechanism, Person
from meyasubako.domain.rooms import Room

_TAKERS = ("intake", "handler", "mediator")


@dataclass(frozen=True, slots=True)
class ReachedRoom:
    """A room of which somebody was given keys: of which epochs, and whether nobody else works in it now."""

    name: str
    stream: str
    epochs: tuple[int, ...]
    reads_now: bool
    alone: bool


@dataclass(frozen=True, slots=True)
class Reached:
    """A case within somebody's reach: its rooms, and how many of its payloads were handed out to them."""

    case: str
    channel: str
    state: str
    rooms: tuple[ReachedRoom, ...]
    fetched: int

    @property
    def alone(self) -> bool:
        """Whether the case is open and somebody else must be given a room of it before the person goes."""
        return self.state not in ("closed", "retained", "erased") and any(room.alone for room in self.rooms)


def reach(ledger: Ledger, person: str) -> Iterator[Reached]:
    """Every case of which this person was given a key, the oldest first."""
    found: dict[str, list[ReachedRoom]] = {}
    for room in tuple(ledger.rooms.values()):
        epochs = tuple(sorted({wrap.epoch for wrap in room.wraps if wrap.reader == person}))
        if epochs:
            reads = person in rooms.present(room, ledger.mechanism)
            alone = rooms.working(room, ledger.mechanism) == {person}
            found.setdefault(room.case, []).append(ReachedRoom(room.name, room.stream, epochs, reads, alone))
    for stream, reached in sorted(found.items(), key=lambda each: ledger.cases[each[0]].submitted_on):
        case = ledger.cases[stream]
        fetched = len(ledger.fetched.get((person, stream), ()))
        yield Reached(stream, case.channel, case.state, tuple(reached), fetched)


def replaced_keys(mechanism: Mechanism, rooms: Iterable[Room]) -> tuple[Person, ...]:
    """The new keys of people whose old ones opened one of these rooms, oldest first.

    A key is replaced because it was lost, or because somebody else may have it: its room's reporter is told.
    """
    given = {wrap.reader for room in rooms for wrap in room.wraps}
    found = (person for person in mechanism.people.values() if person.replaces in given)
    return tuple(sorted(found, key=lambda person: person.since))


def takes_over(mechanism: Mechanism, person: Person) -> tuple[Person, ...]:
    """Who could be given the rooms of somebody who goes: usable people who handle on the same channels."""
    last = mechanism.last_marker
    on = {roles.channel(role) for role in person.roles if roles.name(role) in _TAKERS}
    return tuple(
        each
        for each in mechanism.people.values()
        if last
        and each.key_id != person.key_id
        and mechanism.usable(each.key_id, last.slot)
        and any(roles.name(role) in _TAKERS and roles.channel(role) in on for role in each.roles)
    )
