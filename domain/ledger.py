"""All streams folded together: the one state that the server decides on and the audit replays.

- `apply` folds an event that stands at a place in the log; `check` asks every rule first.
- A `branch` is a copy on write: a decision is tried on it, and it remembers which streams were read, so that
  the store can refuse to commit if one of them moved meanwhile.
- A decision that looks at every room of a case depends on no other room being opened meanwhile; it says so
  by `whole`, and the store then commits on a log of this very size only.
- Folds are frozen; only the ledger's own tables change, and only in `apply`.
"""

from collections import ChainMap
from collections.abc import Callable, Iterator, MutableMapping
from datetime import date
from typing import Final

import msgspec
from msgspec.structs import replace

from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.signing import VerifyKey
from meyasubako.domain import case as cases
from meyasubako.domain import envelope, kinds, people, rooms
from meyasubako.domain.envelope import Event, Head
from meyasubako.domain.schema import Payload

# The root (hex) of the tree of a size; the audit recomputes it, the server knows what it published.
RootAt = Callable[[int], str]
# Raises BadSignatureError unless the key signed the event. The audit puts many off, to ask all cores at once.
Verify = Callable[[Event, VerifyKey], None]


_NOWHERE: Final = Head()
_NOTHING: Final = frozenset[str]()


class Reads(msgspec.Struct, frozen=True):
    """What one person has fetched of one case."""

    case: str
    person: str
    payloads: frozenset[str] = frozenset()


class Owner(msgspec.Struct, frozen=True):
    """Which event names a payload as its own, in which stream and case it stands, and its sealed size."""

    stream: str
    case: str
    kind: str
    use: str
    size: int
    index: int
    reader: str = ""
    epoch: int = 1


class Ledger:
    """Every stream of one mechanism, folded."""

    def __init__(self, root_at: RootAt, verify: Verify = envelope.verify) -> None:
        self.root_at = root_at
        self.verify = verify
        self.mechanism = people.Mechanism()
        self.sorts: MutableMapping[str, str] = {}
        self.heads: MutableMapping[str, Head] = {}
        self.cases: MutableMapping[str, cases.Case] = {}
        self.rooms: MutableMapping[str, rooms.Room] = {}
        # Case -> the streams of its rooms; and the cases that wait for a date, None once they do not.
        self.case_rooms: MutableMapping[str, tuple[str, ...]] = {}
        self.waiting: MutableMapping[str, date | None] = {}
        self.reads: MutableMapping[str, Reads] = {}
        self.owners: MutableMapping[str, Owner] = {}
        # Reporter's key id -> case, and (person, case) -> what that person has fetched of it.
        self.reporters: MutableMapping[str, str] = {}
        self.fetched: MutableMapping[tuple[str, str], frozenset[str]] = {}
        # Rooms that a submission named and that the same request must open: room stream -> (case, name).
        self.promised: MutableMapping[str, tuple[str, str]] = {}
        self.size = 0
        self.latest_day_in_slot = date.min
        self.touched: set[str] = set()
        self.whole = False
        # What was found out about the event that was asked about last. Each is read once and then kept by one
        # name, for other threads may ask about other events.
        self._owned: tuple[Event | None, tuple[Payload, ...]] = (None, ())
        self._of: tuple[Event | None, cases.Case | None] = (None, None)

    def branch(self) -> "Ledger":
        """A ledger that begins where this one stands and leaves it as it is."""
        child = Ledger(self.root_at, self.verify)
        child.mechanism = self.mechanism
        child.sorts = ChainMap({}, self.sorts)
        child.heads = ChainMap({}, self.heads)
        child.cases = ChainMap({}, self.cases)
        child.rooms = ChainMap({}, self.rooms)
        child.case_rooms = ChainMap({}, self.case_rooms)
        child.waiting = ChainMap({}, self.waiting)
        child.reads = ChainMap({}, self.reads)
        child.owners = ChainMap({}, self.owners)
        child.reporters = ChainMap({}, self.reporters)
        child.fetched = ChainMap({}, self.fetched)
        child.promised = dict(self.promised)
        child.size = self.size
        child.latest_day_in_slot = self.latest_day_in_slot
        return child

    # What rules read goes through these, so that a decision knows which streams it depends on.

    def head(self, stream: str) -> Head:
        """The end of a stream; seq 0 for one that does not exist."""
        return self.heads.get(stream, _NOWHERE)

    def case(self, stream: str) -> cases.Case | None:
        """The case with this stream."""
        self.touched.add(stream)
        return self.cases.get(stream)

    def room(self, stream: str) -> rooms.Room | None:
        """The room with this stream."""
        self.touched.add(stream)
        return self.rooms.get(stream)

    def rooms_of(self, case: str) -> tuple[rooms.Room, ...]:
        """Every room of a case that exists so far."""
        self.whole = True
        streams = self.case_rooms.get(case, ())
        self.touched.update(streams)
        return tuple(self.rooms[stream] for stream in streams)

    def overdue(self, day: date) -> Iterator[tuple[str, date]]:
        """Every case, and the date it should have met before this day, that nobody put down as missed."""
        for case, due in tuple(self.waiting.items()):
            if due is not None and due < day:
                yield case, due

    def verify_key(self, event: Event) -> VerifyKey | None:
        """The key that must have signed this event: a person's, the service's, or that case's reporter's."""
        if event.kind == "mechanism.founded":
            founders = (VerifyKey.parse(str(person["key"])) for person in event.records("people"))
            return next((key for key in founders if key.key_id == event.by), None)
        if event.kind in kinds.SERVICE:
            return people.parsed_key(self.mechanism.service_key)
        if event.kind == "report.submitted":
            return people.parsed_key(event.text("key"))
        person = self.mechanism.people.get(event.by)
        if person:
            return person.verify_key
        case = self.case_of(event)
        return case.verify_key if case and case.reporter == event.by else None

    def case_of(self, event: Event) -> cases.Case | None:
        """The case that an event of a case, room or reads stream belongs to."""
        known = self._of
        if known[0] is not event:
            known = self._of = (event, self._case_of(event))
        return known[1]

    def _case_of(self, event: Event) -> cases.Case | None:
        if event.kind in ("room.opened", "payload.fetched"):
            return self.case(event.text("case"))
        room = self.room(event.stream)
        return self.case(room.case if room else event.stream)

    def owned(self, event: Event) -> tuple[Payload, ...]:
        """The payloads that an event names as its own; rules and fold ask for the same event in turn."""
        known = self._owned
        if known[0] is not event:
            known = self._owned = (event, event.payloads())
        return known[1]

    def apply(self, event: Event, index: int) -> None:
        """Fold one event that stands at this index; skipped cover entries show as a gap in the indices."""
        self._of = (None, None)
        stream, kind = event.stream, event.kind
        sort = self.sorts.get(stream)
        if sort is None:
            sort = self.sorts[stream] = kinds.OPENING.get(kind, "")
        if sort == kinds.ROOM:
            if kind == "room.opened":
                self._open(event)
            else:
                self.rooms[stream] = rooms.fold(self.rooms[stream], event)
        elif sort == kinds.READS:
            self._read(event)
        elif sort == kinds.CASE:
            self._move(event)
        elif sort == kinds.MECHANISM:
            self.mechanism = people.fold(self.mechanism, event, index)
        self._own(event, index)
        self.heads[stream] = Head(event.seq, event.leaf)
        self.size = index + 1
        if kind == "slot.marked":
            self.latest_day_in_slot = date.min
        elif event.at > self.latest_day_in_slot:
            self.latest_day_in_slot = event.at

    def _move(self, event: Event) -> None:
        if event.kind == "report.submitted":
            self._submit(event)
            return
        self.cases[event.stream] = cases.fold(self.cases[event.stream], event)
        self._wait(event.stream)
        if event.kind == "identity.opened":
            self._spend(event)

    def _submit(self, event: Event) -> None:
        case = cases.submitted(event, self.mechanism.channels.get(event.text("channel")))
        self.cases[event.stream] = case
        self._wait(event.stream)
        self.reporters.setdefault(case.reporter, case.stream)
        self.promised.update({room: (event.stream, name) for name, room in case.rooms.items()})

    def _open(self, event: Event) -> None:
        case = self.cases[event.text("case")]
        room = rooms.opened(event, case.channel, case.reporter)
        if room.name == kinds.IDENTITY:
            # Whoever reads a part of the log may meet the case before its rooms.
            room = replace(room, spent=max((each.opened_epoch for each in case.requests.values()), default=0))
        self.rooms[event.stream] = room
        self.case_rooms[case.stream] = (*self.case_rooms.get(case.stream, ()), event.stream)
        self.promised.pop(event.stream, None)
        if room.name == "report":
            self.cases[case.stream] = replace(case, assigned=case.assigned | (room.readers - {case.reporter}))

    def _spend(self, event: Event) -> None:
        """What somebody was shown is not added to: the identity's next epoch has another key."""
        room = self.rooms.get(self.cases[event.stream].rooms["identity"])
        if room is not None:
            self.rooms[room.stream] = replace(room, spent=event.number("epoch"))

    def _wait(self, stream: str) -> None:
        due = self.cases[stream].overdue(date.max)
        if due is None and not isinstance(self.waiting, ChainMap):
            self.waiting.pop(stream, None)
        else:
            # A branch cannot take away what stands in the ledger below it.
            self.waiting[stream] = due

    def _read(self, event: Event) -> None:
        known = self.reads.get(event.stream) or Reads(event.text("case"), event.by)
        fetched = event.texts("payloads")
        self.reads[event.stream] = Reads(known.case, known.person, known.payloads.union(fetched))
        who = event.by, known.case
        self.fetched[who] = self.fetched.get(who, _NOTHING).union(fetched)

    def _own(self, event: Event, index: int) -> None:
        owned = self.owned(event)
        if not owned:
            return
        case, body = self.case_of(event), event.body
        named: dict[str, dict[str, JsonValue]] = {}
        if "wraps" in body or "shares" in body:
            given = (*event.records("wraps"), *event.records("shares"))
            named = {str(each["sha256"]): each for each in given}
        reader, of = body.get("reader", ""), case.stream if case else ""
        epoch = event.number("epoch") if "epoch" in body else 1
        if event.kind == "share.released" and case:
            reader = case.requests[event.text("request")].to
        for payload in owned:
            digest, whose, when = payload.digest, "", epoch
            if named and (wrap := named.get(digest)):
                whose = str(wrap.get("reader", wrap.get("holder", reader)))
                when = int(str(wrap.get("epoch", epoch)))
            self.owners[digest] = Owner(
                event.stream, of, event.kind, payload.use, payload.size, index, whose, when
            )
