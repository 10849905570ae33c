"""One mechanism as a door's process holds it: settings, keys, store, and the ledger that follows the log.

- `accept` is the one way in: form, day, rules, store. A decision names every stream it read; if one moved
  before the commit it is made again, on the same signed bytes, at most five times.
- Equal bytes at (stream, seq) mean success, so whoever lost the answer may simply ask again.
- `publish` closes a slot: covers, marker, checkpoint. Only the clock's process calls it.
"""

import threading
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Self

from meyasubako.crypto import checkpoint, merkle
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.note import Signer
from meyasubako.domain import envelope, people, requests, rules
from meyasubako.domain.audit import erased_cases, must_be_absent
from meyasubako.domain.envelope import Event, Head
from meyasubako.domain.errors import RefusedError
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.slots import slot_entries
from meyasubako.service import admission
from meyasubako.service.clocks import Clock, file_clock, system_clock
from meyasubako.service.config import Config
from meyasubako.service.errors import BadRequestError, ClockSkewError, ConfigError
from meyasubako.service.keys import PublicKeys, ServerKeys
from meyasubako.service.store.errors import SeqConflictError, StaleReadError, StorageError
from meyasubako.service.store.port import Entry
from meyasubako.service.store.sqlite import Store

_TRIES = 5
_PUBLISH_TRIES = 100
_ONE_DAY = timedelta(days=1)
# Acts after which something is destroyed at once; whatever else falls due is destroyed when the slot closes.
_DESTROYING = frozenset(
    {
        "mailbox.closed_to_reading",
        "payload.removed",
        "case.erased",
        "identity.expired",
        "identity.refused",
    }
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Where an event stands now."""

    index: int
    leaf: str


class Mechanism:
    """The mechanism in a directory. Open it after a fork, once a process; every method may be called by any
    thread.
    """

    def __init__(self, directory: Path, config: Config, keys: ServerKeys, store: Store, clock: Clock) -> None:
        self.directory = directory
        self.config = config
        self._keys = keys
        self.store = store
        self.clock = clock
        self._lock = threading.Lock()
        self._ledger = Ledger(self._published_root)
        self._followed = 0

    @classmethod
    def open(cls, directory: Path, *, test_clock: Path | None = None) -> Self:
        """Open what `found` made; a test clock only where leaf 0 says that this is a test mechanism."""
        clock = file_clock(test_clock) if test_clock else system_clock
        mechanism = cls(
            directory, Config.load(directory), ServerKeys.load(directory), Store.open(directory), clock
        )
        if test_clock and not mechanism.ledger().mechanism.test:
            raise ConfigError("only a test mechanism takes a test clock")
        return mechanism

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    @property
    def keys(self) -> ServerKeys:
        """The server's keys that the log names now."""
        state = self.ledger().mechanism
        if state.founded:
            wanted = PublicKeys(state.log_keys, state.promise_key, state.service_key)
            if self._keys.public != wanted:
                self._keys = ServerKeys.fitting(self.directory, wanted)
        return self._keys

    def _published_root(self, size: int) -> str:
        if size == 0:
            return merkle.EMPTY_ROOT.hex()
        published = self.store.published()
        return published.root.hex() if published and published.size == size else ""

    def ledger(self) -> Ledger:
        """The ledger, caught up with the store. Its states are frozen; only this class applies events."""
        with self._lock:
            return self._catch_up()

    def _catch_up(self) -> Ledger:
        # Asked for many times in each request, and nearly always nothing is new.
        size = self.store.size()
        if size != self._followed:
            for row in self.store.rows(self._ledger.size, size, without_kinds=("cover.written",)):
                self._ledger.apply(envelope.read(row.data), row.index)
            self._followed = size
        return self._ledger

    def _follow(self, events: Sequence[Event], indices: Sequence[int]) -> None:
        """Fold what was just stored, where nothing else came before it: then it need not be read again."""
        with self._lock:
            if indices[0] == self._followed:
                for index, event in zip(indices, events, strict=True):
                    self._ledger.apply(event, index)
                self._followed = indices[-1] + 1

    def accept(self, events: Sequence[bytes], payloads: Mapping[str, bytes]) -> list[Accepted]:
        """Store the signed events of one request with their small payloads (digest to sealed bytes).

        All or none; durable when it returns. Raises BadEventError, RefusedError, ClockSkewError,
        BadRequestError, and the store's errors.
        """
        if not 1 <= len(events) <= envelope.MAX_BATCH:
            raise BadRequestError(f"a request carries 1 to {envelope.MAX_BATCH} events")
        read = [envelope.read(data) for data in events]
        repeated = self._repeated(read)
        if repeated:
            return repeated
        self._check_days(read)
        admission.check_payloads(read, payloads)
        admission.check_recipients(read)
        for last in (False,) * (_TRIES - 1) + (True,):
            try:
                entries, requires, at_size = self._decide(read)
            except RefusedError:
                # Somebody wrote there after we had looked: others, or the same person twice at once.
                if repeated := self._repeated(read):
                    return repeated
                raise
            try:
                indices = self.store.append(entries, payloads, requires, at_size=at_size)
            except StaleReadError:
                if last:
                    raise
                continue
            self._follow(read, indices)
            if any(event.kind in _DESTROYING for event in read):
                self.destroy()
            return [Accepted(index, event.leaf) for index, event in zip(indices, read, strict=True)]
        raise AssertionError("unreachable: the last try returns or raises")

    def destroy(self, *, again: bool = False) -> None:
        """Destroy what the log says is erased or gone; repeated at each slot, in case of a crash before.

        `again` looks for keys of what was destroyed long ago: a restored backup may have brought them back.
        """
        ledger = self.ledger()
        cases = erased_cases(ledger)
        single = must_be_absent(ledger)
        # Somebody may be reading for long; what that held back is done at the next slot.
        with suppress(StorageError):
            if cases:
                self.store.erase(*sorted(cases if again else cases - self.store.erased()))
            if single:
                there = self.store.left_of(single) if again else filter(self.store.has_payload, single)
                self.store.forget_payload(*sorted(there))

    def _repeated(self, events: Sequence[Event]) -> list[Accepted]:
        """Where these very events stand already; SeqConflictError where others stand in their place."""
        first = events[0]
        head = self.store.stream_head(first.stream)
        if head is None or head[0] < first.seq:
            return []
        found = []
        for event in events:
            row = next(iter(self.store.stream(event.stream, event.seq)), None)
            if row is None or row.data != event.data:
                raise SeqConflictError(first.stream, *head)
            found.append(Accepted(row.index, event.leaf))
        return found

    def _check_days(self, events: Sequence[Event]) -> None:
        today = self.clock().date()
        if any(abs(event.at - today) > _ONE_DAY for event in events):
            raise ClockSkewError(f"your clock is off: here it is {today.isoformat()} (UTC)")

    def _decide(self, events: Sequence[Event]) -> tuple[list[Entry], dict[str, int], int | None]:
        """Ask the rules; gives what to store, and the versions of the streams that the decision read.

        Where it looked at more than the streams that it names, the third is the size that the whole log must
        still have.
        """
        with self._lock:
            ledger = self._catch_up()
            branch = ledger.branch()
            for event in events:
                rules.check(branch, event, branch.size)
                branch.apply(event, branch.size)
            rules.settle(branch)
            read = {ledger.mechanism.stream, *branch.touched} - {event.stream for event in events}
            entries = [entry_of(event, branch) for event in events]
            requires = {stream: ledger.head(stream).seq for stream in read if stream in ledger.heads}
            return entries, requires, self._followed if branch.whole else None

    @staticmethod
    def fresh_id() -> str:
        """A random stream id."""
        return str(uuid.uuid4())

    def begin(self, events: Sequence[Event], cards: Mapping[str, bytes]) -> bytes:
        """Write the founding's batch into an empty store, close the first slot, publish its checkpoint."""
        ledger = Ledger(self._published_root)
        for index, event in enumerate(events):
            rules.check(ledger, event, index)
            ledger.apply(event, index)
        self.store.append([entry_of(event, ledger) for event in events], cards, {}, at_size=0)
        return self.publish()

    # The clock's part.

    def write_covers(self, count: int) -> None:
        """Write cover entries now, by the service key of this very moment."""
        for last in (False,) * (_TRIES - 1) + (True,):
            ledger = self.ledger()
            stream = ledger.mechanism.stream
            try:
                self.store.append(self._covers(count), {}, {stream: ledger.head(stream).seq})
            except StaleReadError:
                if last:
                    raise
                continue
            return

    def write_own(self, kind: str, body: Mapping[str, JsonValue]) -> Accepted:
        """Write an event of the service key's own into the mechanism's stream."""
        ledger = self.ledger()
        stream = ledger.mechanism.stream
        event = self._sign(kind, body, stream, ledger.head(stream), self._day())
        return self.accept([event.data], {})[0]

    def record_missed(self) -> int:
        """Put down every date that a case has missed, and every release whose time is over, once.

        Gives how many were written.

        What somebody writes in a case at this very moment comes first; the next tick looks again.
        """
        written = 0
        while late := self._missed() or self._over():
            try:
                written += len(self.accept([event.data for event in late], {}))
            except (SeqConflictError, StaleReadError, RefusedError):
                break
        return written

    def _missed(self) -> list[Event]:
        ledger, day = self.ledger(), self._day()
        return [
            self._sign("deadline.missed", {"due": due.isoformat()}, case, ledger.head(case), day)
            for case, due in islice(ledger.overdue(day), envelope.MAX_BATCH)
        ]

    def _over(self) -> list[Event]:
        """One event a case: the next one follows when this one is written."""
        ledger, day = self.ledger(), self._day()
        due = (
            (case.stream, request.leaf)
            for case in tuple(ledger.cases.values())
            for request in next(([each] for each in case.requests.values() if requests.due(each, day)), [])
        )
        return [
            self._sign("identity.expired", {"request": leaf}, case, ledger.head(case), day)
            for case, leaf in islice(due, envelope.MAX_BATCH)
        ]

    def _covers(self, count: int) -> list[Entry]:
        stream, day = self._cover_stream(), self._day()
        head = Head(*(self.store.stream_head(stream) or (0, "")))
        entries = []
        for _ in range(count):
            event = self._sign("cover.written", {}, stream, head, day)
            head = Head(event.seq, event.leaf)
            entries.append(_plain(event))
        return entries

    def _cover_stream(self) -> str:
        # Among the first entries, unless the first slots happened to need none.
        found = (row.stream for row in self.store.rows() if row.kind == "cover.written")
        return next(found, None) or self.fresh_id()

    def _day(self) -> date:
        """Today; but where the clock went back, a day that may stand after what was written already."""
        ledger = self.ledger()
        last, latest = ledger.mechanism.last_marker, ledger.latest_day_in_slot
        earliest = [last.day] if last else []
        if latest > date.min:
            earliest.append(latest - _ONE_DAY)
        return max([self.clock().date(), *earliest])

    def _sign(self, kind: str, body: Mapping[str, JsonValue], stream: str, head: Head, day: date) -> Event:
        return envelope.write(
            kind,
            body,
            at=day,
            log=self.config.origin,
            stream=stream,
            head=head,
            key=self.keys.service,
        )

    def publish(self) -> bytes:
        """Close the slot now: pad it, mark it, sign and publish exactly the tree that ends with the marker.

        Gives the checkpoint's note. What is accepted meanwhile moves the tree; then it is tried again.
        """
        self.finish_slot()
        self.record_missed()
        for last in (False,) * (_PUBLISH_TRIES - 1) + (True,):
            size = self.store.size()
            try:
                indices = self.store.append(self._slot(size), {}, {}, at_size=size)
            except (StaleReadError, SeqConflictError):
                if last:
                    raise
                continue
            note = self.store.publish(indices[-1] + 1, self._sign_checkpoint)
            self.keys.adopt(self.directory)
            self.destroy()
            return note
        raise AssertionError("unreachable: the last try returns or raises")

    def finish_slot(self) -> None:
        """Publish the tree of a marker that was written just before a crash."""
        last, published = self.ledger().mechanism.last_marker, self.store.published()
        if last and last.index + 1 > (published.size if published else 0):
            self.store.publish(last.index + 1, self._sign_checkpoint)

    def _slot(self, size: int) -> list[Entry]:
        state = self.ledger().mechanism
        last = state.last_marker
        begin = last.index + 1 if last else 0
        covers = slot_entries(size - begin + 1, state.step) - (size - begin) - 1
        slot = last.slot + 1 if last else 0
        # One look at the clock: the roster that the marker names is that of the marker's day.
        day = self._day()
        roster = people.at_marker(state, slot, day)
        body: dict[str, JsonValue] = {
            "slot": slot,
            "size": begin,
            "root": self._published_root(begin),
            "roster": people.roster_digest(roster.values()),
        }
        marker = self._sign("slot.marked", body, state.stream, self.ledger().head(state.stream), day)
        return [*self._covers(covers), _plain(marker)]

    def _sign_checkpoint(self, size: int, root: bytes) -> bytes:
        signed = checkpoint.Checkpoint(self.config.origin, size, root)
        return checkpoint.sign_checkpoint(signed, self._log_signers(size), int(self.clock().timestamp()))

    def _log_signers(self, size: int) -> tuple[Signer, ...]:
        """The log's keys as the tree of this size names them; a key may be replaced right behind a marker."""
        keys = self.keys
        if all(row.kind != "key.rotated" for row in self.store.rows(size)):
            return keys.log
        then = people.Mechanism()
        for row in self.store.stream(self.ledger().mechanism.stream):
            if row.index < size:
                then = people.fold(then, envelope.read(row.data), row.index)
        return ServerKeys.fitting(self.directory, replace(keys.public, log=then.log_keys)).log


def entry_of(event: Event, ledger: Ledger) -> Entry:
    """An event as it is stored, by a ledger that has folded it: its payloads are erased with their case."""
    owns = tuple((payload.digest, payload.size) for payload in event.payloads())
    case = ledger.owners[owns[0][0]].case if owns else ""
    return Entry(event.stream, event.seq, event.kind, event.data, owns, case or event.stream)


def _plain(event: Event) -> Entry:
    """An event without payloads."""
    return Entry(event.stream, event.seq, event.kind, event.data)
