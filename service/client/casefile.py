"""A case as somebody sees it who is shown some of its streams: folded by the same folds as the server's.

- Nothing is believed unread: each event's place in its stream and its signature are checked under the keys of
  the verified roster, or the reporter's key that the report introduced.
- A room is changed by people who read it, and given to people whose roles read the channel; a case is moved
  by people for whom that is, see `standing`.
- Whoever answers for the organisation is not shown the reporter's key: in a mediation they rely on the
  service for which words are the reporter's.
- What rules say of other streams' past cannot be checked from a part of the log; the audit does that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from meyasubako.crypto.errors import BadKeyError, BadSignatureError
from meyasubako.domain import envelope, roles
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event, Head
from meyasubako.domain.errors import BadDocumentError
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.people import Mechanism
from meyasubako.domain.rooms import Room
from meyasubako.service.client.standing import may_stand


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One case: its fold, its rooms by name, and the events of each stream that one is shown."""

    case: Case
    rooms: Mapping[str, Room]
    events: Mapping[str, tuple[Event, ...]]
    ledger: Ledger = field(repr=False)

    def of(self, room: str) -> tuple[Event, ...]:
        """The events of a room; empty where one is not shown it or it does not exist."""
        found = self.rooms.get(room)
        return self.events.get(found.stream, ()) if found else ()

    @property
    def submission(self) -> Event:
        """The event that opened the case."""
        return self.events[self.case.stream][0]


def case_seen_from_outside(
    mechanism: Mechanism, case: str, streams: Iterable[tuple[Event, ...]]
) -> Case | None:
    """The little that somebody knows of a case who is shown a room of it alone: whom the room was opened for.

    None where no room is shown either.
    """
    opened = [events[0] for events in streams if events and events[0].kind == "room.opened"]
    if not opened:
        return None
    readers = [str(wrap["reader"]) for event in opened for wrap in event.records("wraps")]
    mine = {roles.channel(role) for reader in readers for role in _roles_of(mechanism, reader)} - {""}
    return Case(
        stream=case,
        reporter=next((reader for reader in readers if reader not in mechanism.people), ""),
        reporter_key="",
        reporter_recipient="",
        channel=min(mine, default=""),
        marker="",
        rooms={event.text("room"): event.stream for event in opened},
        submitted_on=opened[0].at,
        state="",
        next_date=None,
    )


def _roles_of(mechanism: Mechanism, key_id: str) -> frozenset[str]:
    person = mechanism.people.get(key_id)
    return person.roles if person else frozenset()


def founded(events: Iterable[Event]) -> Ledger:
    """Fold a mechanism's own stream from its first event on; BadDocumentError where it does not hold."""
    ledger = Ledger(lambda _: "")
    for index, event in enumerate(events):
        if (event.kind == "mechanism.founded") != (index == 0):
            raise BadDocumentError("the mechanism's stream does not begin with its founding")
        if index == 0:
            ledger.mechanism = Mechanism(origin=event.log)
        _check(ledger, event)
        ledger.apply(event, index)
    return ledger


def fold(mechanism: Mechanism, streams: Iterable[tuple[Event, ...]], case: Case | None = None) -> Ledger:
    """Fold whole streams in this order: a case before its rooms; BadDocumentError where one does not hold.

    `case` is one whose own stream is not shown: the reporter, who knows it anyway, sees its rooms only.
    """
    ledger = Ledger(lambda _: "")
    ledger.mechanism = mechanism
    if case is not None:
        ledger.cases[case.stream] = case
    for events in streams:
        for event in events:
            _check(ledger, event)
            ledger.apply(event, 0)
    return ledger


@dataclass(frozen=True, slots=True)
class Part:
    """What one is shown of a stream, all of it or what one's acts depend on, and where it ends."""

    events: tuple[Event, ...]
    head: Head
    whole: bool


def fold_parts(mechanism: Mechanism, parts: Iterable[Part]) -> Ledger:
    """As `fold`, where some streams are shown in part: what is left out cannot be checked, who signed can."""
    ledger = Ledger(lambda _: "")
    ledger.mechanism = mechanism
    for part in parts:
        for event in part.events:
            _check(ledger, event, whole=part.whole)
            ledger.apply(event, 0)
        ledger.heads[part.events[0].stream] = part.head
    return ledger


def _check(ledger: Ledger, event: Event, *, whole: bool = True) -> None:
    head = ledger.head(event.stream)
    follows = (event.seq, event.prev) == (head.seq + 1, head.leaf)
    left_out = not whole and event.seq > head.seq + 1
    if event.log != ledger.mechanism.origin or not (follows or left_out):
        raise BadDocumentError("the service left an event out, or showed one of another log")
    case = ledger.case_of(event)
    if case is not None and event.by == case.reporter and not case.reporter_key:
        # Seen from outside: who the reporter is, as a key too, stays with those who work on the case.
        return
    try:
        key = ledger.verify_key(event)
        if key is None or key.key_id != event.by:
            raise BadDocumentError("the service showed an event whose author is not on the roster")
        envelope.verify(event, key)
    except (BadKeyError, BadSignatureError) as error:
        raise BadDocumentError("the service showed an event whose signature does not fit") from error
    if not may_stand(ledger, event):
        raise BadDocumentError("the service showed an event of a room by somebody who has no say in it")
