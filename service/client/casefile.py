"""A case as somebody sees it who is shown some of its streams: folded by the same folds as the server's.

- Nothing is believed unread: each event's place in its stream and its signature are checked under the keys of
  the verified roster, or the reporter's key that the report introduced.
- What rules about other streams' past cannot be checked from a part of the log; the audit does that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from meyasubako.crypto.errors import BadKeyError, BadSignatureError
from meyasubako.domain import envelope
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event
from meyasubako.domain.errors import BadDocumentError
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.people import Mechanism
from meyasubako.domain.rooms import Room


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


def _check(ledger: Ledger, event: Event) -> None:
    head = ledger.head(event.stream)
    if event.log != ledger.mechanism.origin or (event.seq, event.prev) != (head.seq + 1, head.leaf):
        raise BadDocumentError("the service left an event out, or showed one of another log")
    try:
        key = ledger.verify_key(event)
        if key is None or key.key_id != event.by:
            raise BadDocumentError("the service showed an event whose author is not on the roster")
        envelope.verify(event, key)
    except (BadKeyError, BadSignatureError) as error:
        raise BadDocumentError("the service showed an event whose signature does not fit") from error
