"""How much one reporter adds to a case in a day: counted in the log, which all processes follow.

Rules upheld here:

- Who has a receipt can neither bury what a case's readers have to read, nor fill the disk through one case.
- A day is the one that the events themselves name, of which the log keeps a server's day or one beside it: so
  many are taken of each day, whatever the writer's clock says.
- What is in the log already counts as sent, and is found again beyond the limit.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from meyasubako.domain import envelope, kinds
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event
from meyasubako.service.errors import ServiceError
from meyasubako.service.mechanism import Mechanism

# What a report itself consists of, the new key of a room whose readers have changed, and what nobody who
# found the receipt may keep its owner from: closing the mailbox.
_NOT_ADDED: Final = frozenset(
    {"report.submitted", "room.opened", "room.advanced", "mailbox.closed_to_reading"}
)
_ADDED: Final = kinds.REPORTERS - _NOT_ADDED


class EnoughForTodayError(ServiceError):
    """One reporter adds more to a case in a day than is taken."""


def refuse_too_much(mechanism: Mechanism, events: Sequence[Event]) -> None:
    """Raise `EnoughForTodayError` where a reporter's new events are more than a day's, together with its own.

    Events of a report that is only being made are not counted: those quotas are the site's.
    """
    most, most_bytes = mechanism.config.abuse.additions_a_day, mechanism.config.abuse.addition_bytes_a_day
    ledger = mechanism.ledger()
    fresh = [event for event in events if event.seq > ledger.head(event.stream).seq]
    added, size = Counter[tuple[str, date]](), Counter[tuple[str, date]]()
    for event in fresh:
        room = ledger.rooms.get(event.stream)
        case = room.case if room else event.stream
        if event.kind in _ADDED and case in ledger.cases:
            added[case, event.at] += 1
            size[case, event.at] += _size(event)
    for (case, day), count in added.items():
        before = list(_added(mechanism, ledger.cases[case], day))
        over = most and len(before) + count > most
        over_bytes = most_bytes and sum(map(_size, before)) + size[case, day] > most_bytes
        if over or over_bytes:
            raise EnoughForTodayError("this is as much as one receipt can add in a day (UTC)")


def _added(mechanism: Mechanism, case: Case, day: date) -> Iterator[Event]:
    """What the reporter has added to the case on a day."""
    for stream in (case.stream, *mechanism.ledger().case_rooms.get(case.stream, ())):
        for row in mechanism.store.stream(stream):
            if row.kind in _ADDED:
                event = envelope.read(row.data)
                if event.by == case.reporter and event.at == day:
                    yield event


def _size(event: Event) -> int:
    return sum(payload.size for payload in event.payloads())
