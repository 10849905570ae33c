"""A case as somebody sees it who is shown some of its streams: folded by the same folds as the server's.

- Nothing is believed unread: each event's place in its stream and its signature are checked under the keys of
  the verified roster, or the reporter's key that the report introduced.
- A room is changed by people who read it, and given to people whose roles read the channel: an event that the
  service shows to one person alone stands in no log and meets no audit, and keys are wrapped on its word.
- What rules say of other streams' past cannot be checked from a part of the log; the audit does that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from meyasubako.crypto.errors import BadKeyError, BadSignatureError
from meyasubako.domain import envelope
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event, Head
from meyasubako.domain.errors import BadDocumentError
from meyasubako.domain.holders import holders_of
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
    try:
        key = ledger.verify_key(event)
        if key is None or key.key_id != event.by:
            raise BadDocumentError("the service showed an event whose author is not on the roster")
        envelope.verify(event, key)
    except (BadKeyError, BadSignatureError) as error:
        raise BadDocumentError("the service showed an event whose signature does not fit") from error
    if not _may_stand(ledger, event):
        raise BadDocumentError("the service showed an event of a room by somebody who has no say in it")


def _may_stand(ledger: Ledger, event: Event) -> bool:
    """Whether an event's author has a say in its room, as far as that room and today's roster tell.

    Suspensions are in another stream: who read the room then and is suspended now had a say; what they began
    is not written in any more, see `rooms.stale`.
    """
    room = ledger.rooms.get(event.stream)
    if event.kind == "room.opened":
        case = ledger.cases.get(event.text("case"))
        if case is not None and event.text("room") == "request":
            # Custodians are not shown who reads the report.
            return _works_on(ledger.mechanism, event.by, case.channel)
        report = ledger.rooms.get(case.rooms["report"]) if case else None
        if case is None or event.text("room") != "team":
            return case is not None and event.by == case.reporter
        return report is not None and event.by != case.reporter and _reads(ledger.mechanism, report, event.by)
    if room is None:
        return True
    if event.by == room.reporter:
        return room.name != "team" and event.kind not in ("access.granted", "access.revoked")
    if event.kind in ("share.checked", "share.disputed"):
        return event.by in holders_of(room, event.number("epoch"))
    if event.kind == "access.granted" and event.text("reader") == event.by:
        return _may_be_given(ledger.mechanism, room, event.by)  # after a recovery
    if event.kind == "access.granted" and not _may_be_given(ledger.mechanism, room, event.text("reader")):
        return False
    person = ledger.mechanism.people[event.by]
    takes_away = event.kind == "access.revoked" and person.has("steward")
    return takes_away or _reads(ledger.mechanism, room, event.by)


def _works_on(mechanism: Mechanism, key_id: str, channel: str) -> bool:
    person = mechanism.people.get(key_id)
    works = person is not None and (person.has("intake", channel) or person.has("handler", channel))
    return works or (person is not None and person.has("outsider"))


def _reads(mechanism: Mechanism, room: Room, key_id: str) -> bool:
    # Where nobody was left, the fallback stands in: somebody outside, whoever it was then.
    return key_id in room.readers or mechanism.people[key_id].has("outsider")


def _may_be_given(mechanism: Mechanism, room: Room, key_id: str) -> bool:
    person = mechanism.people.get(key_id)
    return person is not None and (person.has("intake", room.channel) or person.has("handler", room.channel))
