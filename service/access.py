"""Who was given a room of a case, who lost it, and whose key was replaced: as its reporter is told it.

- With roles in place of people, never a name.
- Of rooms in which somebody is told something about the case. Notes among the staff are read by those who
  read the report.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event, read
from meyasubako.domain.reach import replaced_keys
from meyasubako.domain.rooms import Room
from meyasubako.service.happened import role_of
from meyasubako.service.mechanism import Mechanism

_TOLD: Final = frozenset({"report", "dialogue", "mediation", "respondent"})
# A role, the name of a room, a day.
Access = tuple[str, str, date]


def rooms_of(mechanism: Mechanism, case: Case) -> tuple[Room, ...]:
    """Every room of a case, in the order in which they were opened."""
    ledger = mechanism.ledger()
    return tuple(ledger.rooms[stream] for stream in ledger.case_rooms.get(case.stream, ()))


def given(mechanism: Mechanism, case: Case, rooms: Iterable[Room]) -> Iterator[Access]:
    """Who was given one of these rooms, and since when."""
    state = mechanism.ledger().mechanism
    for room in _told(rooms):
        told = {case.reporter}
        for event in _events(mechanism, room):
            # An advance gives the room to somebody new where nobody of the staff is left.
            readers = [str(wrap["reader"]) for wrap in event.records("wraps") if "reader" in wrap]
            if event.kind == "access.granted":
                readers = [event.text("reader")]
                told.discard(readers[0])
            for reader in readers:
                if reader not in told:
                    yield role_of(state, reader, case.channel), room.name, event.at
            told.update(readers)


def lost(mechanism: Mechanism, case: Case, rooms: Iterable[Room]) -> Iterator[Access]:
    """Whose access to one of these rooms was taken away, and when."""
    state = mechanism.ledger().mechanism
    for room in _told(rooms):
        for event in _events(mechanism, room):
            if event.kind == "access.revoked":
                yield role_of(state, event.text("reader"), case.channel), room.name, event.at


def replaced(
    mechanism: Mechanism, case: Case, rooms: Iterable[Room], known: Iterable[Room] = ()
) -> Iterator[tuple[str, date]]:
    """Whose key was replaced after it opened one of these rooms, and when; but for those who follow from
    rooms that are `known`.
    """
    state = mechanism.ledger().mechanism
    others = {person.key_id for person in replaced_keys(state, known)}
    for person in replaced_keys(state, rooms):
        if person.key_id not in others:
            yield role_of(state, person.key_id, case.channel), person.since


def _told(rooms: Iterable[Room]) -> Iterator[Room]:
    return (room for room in rooms if room.name in _TOLD)


def _events(mechanism: Mechanism, room: Room) -> Iterator[Event]:
    return (read(row.data) for row in mechanism.store.stream(room.stream))
