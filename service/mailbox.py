"""The mailbox without scripts: the receipt opens the dialogue, in memory, for one answer.

- The receipt yields the reporter's keys; nothing of it is kept, and a visit leaves no trace.
- Whoever writes in a stale epoch advances it first; a reply that was sent twice is found by its token.
- One answer opens a bounded number of messages, of a bounded size in all, whatever the mailbox holds. A file
  opens no other message than its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from meyasubako.crypto import age, archive
from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import acts, holders, opening, reading
from meyasubako.domain.acts import Request
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event, Head, read
from meyasubako.domain.errors import RefusedError
from meyasubako.domain.rooms import Room
from meyasubako.domain.sealing import SealedFile
from meyasubako.domain.wishes import Wish, open_wishes, tell, wish
from meyasubako.service import access, proofs
from meyasubako.service.additions import refuse_too_much
from meyasubako.service.errors import ServiceError
from meyasubako.service.happened import Happened, happened, role_of
from meyasubako.service.incoming import FileTicket, IncomingFiles
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.proofs import Evidence
from meyasubako.service.store.errors import SeqConflictError, StaleReadError

_TRIES = 5
_CHUNK = 256 * 1024
# What one answer shows of a room: the newest messages, at least one, and no more than so many sealed bytes.
SHOWN: Final = 20
SHOWN_BYTES: Final = 4 * 1024**2
# Of so many last messages of their own a reply finds out whether it was sent before.
_REMEMBERED = 8
Derive = Callable[[str, str], bytes]


class NoMailboxError(ServiceError):
    """No case belongs to this receipt."""


class NoSuchWishError(ServiceError):
    """What was asked for cannot be asked for (any more) in this case."""


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """One message of the dialogue, opened; `damaged` where what is kept of it does not open any more."""

    from_reporter: bool
    role: str
    day: date
    text: str
    files: tuple[SealedFile, ...]
    damaged: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Mailbox:
    """What the reporter sees on return; `readers` are (role, room, since), `lost` those who lost access.

    `late_since` is a date that was missed and not replaced; `mediation` what was said in one, or None.

    `replaced` are (role, day) of people whose key was replaced after it opened a room of the case; `opened`
    counts the sealed payloads that had to be opened for it.
    """

    state: str
    next_date: date | None
    messages: tuple[Message, ...]
    readers: tuple[tuple[str, str, date], ...]
    closed_to_reading: bool
    replaced: tuple[tuple[str, date], ...] = ()
    opened: int = 0
    happened: tuple[Happened, ...] = ()
    # The roles of those of whom `recovery_needed` together can give access back; empty where nobody can.
    recovery: tuple[str, ...] = ()
    recovery_needed: int = 0
    lost: tuple[tuple[str, str, date], ...] = ()
    late_since: date | None = None
    withdrawn: bool = False
    wishes: tuple[Wish, ...] = ()
    mediation: tuple[Message, ...] | None = None
    # By the name of a room: the seq before which there are earlier messages; where later ones are left out.
    earlier: Mapping[str, int] = field(default_factory=dict)
    not_newest: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, repr=False)
class _Opened:
    case: Case
    room: Room
    events: tuple[Event, ...]
    identity: HybridIdentity

    @property
    def texts(self) -> tuple[Event, ...]:
        """The events that hold a text."""
        return tuple(event for event in self.events if event.kind in reading.TEXTS)

    def newest(self, before: int) -> "_Shown":
        """The newest texts, of those before a seq if that is not 0."""
        upto = [event for event in self.texts if not before or event.seq < before] or self.texts
        shown, left = list[Event](), SHOWN_BYTES
        for event in reversed(upto[-SHOWN:]):
            left -= _size_of_text(event)
            if left < 0 and shown:
                break
            shown.insert(0, event)
        earlier = shown[0].seq if len(shown) < len(upto) else 0
        return _Shown(tuple(shown), earlier, to_the_end=len(upto) == len(self.texts))


@dataclass(frozen=True, slots=True, repr=False)
class _Shown:
    """A part of a room's texts; `earlier` is the seq before which there are more, or 0."""

    texts: tuple[Event, ...]
    earlier: int
    to_the_end: bool


class Mailboxes:
    """Every mailbox of a mechanism; a receipt opens one."""

    def __init__(self, mechanism: Mechanism, files: IncomingFiles, derive: Derive) -> None:
        self._mechanism = mechanism
        self._files = files
        self._derive = derive

    def _fetch(self, digest: str) -> bytes:
        with self._mechanism.store.open_payload(digest) as file:
            return file.read()

    def _events(self, stream: str) -> tuple[Event, ...]:
        return tuple(read(row.data) for row in self._mechanism.store.stream(stream))

    def _find(self, receipt: Receipt, name: str = "dialogue") -> _Opened:
        origin = self._mechanism.config.origin
        ledger = self._mechanism.ledger()
        key, identity = receipt.signing_key(origin).verify_key, receipt.identity(origin)
        case = ledger.cases.get(ledger.reporters.get(key.key_id, ""))
        if case is None:
            raise NoMailboxError("no mailbox fits this receipt")
        room = ledger.rooms[case.rooms["dialogue"]] if name == "dialogue" else self._joined(case, name)
        if room is None:
            raise NoMailboxError("the mailbox has no such room")
        return _Opened(case, room, self._events(room.stream), identity)

    def _keys(self, found: _Opened, texts: Sequence[Event]) -> Mapping[int, HybridIdentity]:
        """The keys of the room's present epoch, and of these texts."""
        if found.room.closed_to_reading:
            return {}
        epochs = {found.room.epoch, *map(reading.epoch_of, texts)}
        return reading.epoch_keys(found.room, found.case.reporter, found.identity, self._fetch, epochs=epochs)

    def _joined(self, case: Case, name: str) -> Room | None:
        """The room of this name that was opened later and that the reporter joined."""
        ledger = self._mechanism.ledger()
        rooms = (ledger.rooms[stream] for stream in ledger.case_rooms.get(case.stream, ()))
        return next((room for room in rooms if room.name == name and case.reporter in room.readers), None)

    def open(self, receipt: Receipt, before: Mapping[str, int] | None = None) -> Mailbox:
        """The mailbox of a receipt; NoMailboxError for one that nobody was given here.

        `before` says of a room from which message on, by its seq, nothing is shown: what is earlier instead.
        """
        found, today = self._find(receipt), self._mechanism.clock().date()
        places = {"dialogue": found}
        if self._joined(found.case, "mediation"):
            places["mediation"] = self._find(receipt, "mediation")
        shown = {name: place.newest((before or {}).get(name, 0)) for name, place in places.items()}
        keys = {name: self._keys(place, shown[name].texts) for name, place in places.items()}
        told = {name: self._messages(place, shown[name], keys[name]) for name, place in places.items()}
        state, helping = self._mechanism.ledger().mechanism, holders.holders_of(found.room, found.room.epoch)
        asked = self._mechanism, found.case, access.rooms_of(self._mechanism, found.case)
        return Mailbox(
            state=found.case.state,
            next_date=found.case.next_date,
            messages=told["dialogue"],
            readers=tuple(access.given(*asked)),
            closed_to_reading=found.room.closed_to_reading,
            replaced=tuple(access.replaced(*asked)),
            opened=sum(len(found) + len(shown[name].texts) for name, found in keys.items() if found),
            happened=happened(self._mechanism, found.case),
            recovery=tuple(self._role(each, found.case.channel) for each in sorted(helping)),
            recovery_needed=holders.threshold_of(found.room, found.room.epoch, state),
            lost=tuple(access.lost(*asked)),
            late_since=found.case.overdue(today) or found.case.late_since,
            withdrawn=found.case.withdrawn and found.case.open,
            wishes=open_wishes(found.case, today),
            mediation=told.get("mediation"),
            earlier={name: each.earlier for name, each in shown.items() if each.earlier},
            not_newest=frozenset(name for name, each in shown.items() if not each.to_the_end),
        )

    def _messages(
        self, found: _Opened, shown: _Shown, keys: Mapping[int, HybridIdentity]
    ) -> tuple[Message, ...]:
        messages = []
        for opened in reading.open_texts(shown.texts, keys, self._fetch):
            mine = opened.event.by == found.case.reporter
            document = opened.document
            if document is None and found.room.closed_to_reading:
                continue
            messages.append(
                Message(
                    from_reporter=mine,
                    role="" if mine else self._role(opened.event.by, found.case.channel),
                    day=opened.event.at,
                    text=document.text if document else "",
                    files=document.files if document else (),
                    damaged=document is None,
                )
            )
        return tuple(messages)

    def _role(self, key_id: str, channel: str) -> str:
        return role_of(self._mechanism.ledger().mechanism, key_id, channel)

    def evidence(self, receipt: Receipt) -> Evidence:
        """The dated proof that the report was filed, or the promise of one until its slot has closed."""
        return proofs.evidence(self._mechanism, self._find(receipt).case.stream, 1)

    def attachment(self, receipt: Receipt, digest: str) -> tuple[str, str, int, Iterator[bytes]]:
        """A file of a message: name, media type, size in bytes, and its bytes as they are opened.

        Raises NoMailboxError for a file that is not in this mailbox.
        """
        found = self._find(receipt)
        later = [self._find(receipt, "mediation")] if self._joined(found.case, "mediation") else []
        for place in (found, *later):
            named = [each for each in place.texts if any(own.digest == digest for own in each.payloads())]
            keys = self._keys(place, named)
            for opened in reading.open_texts(named, keys, self._fetch):
                for file in opened.document.files if opened.document else ():
                    if file.digest == digest:
                        chunks = self._content(opened.event, digest, keys[opened.epoch])
                        return file.name, file.media_type, file.size, chunks
        raise NoMailboxError("this file is not in the mailbox")

    def _content(self, event: Event, digest: str, identity: HybridIdentity) -> Iterator[bytes]:
        with self._mechanism.store.open_payload(digest) as sealed:
            for name, _, member in archive.ArchiveReader(age.Unsealer(sealed, identity)):
                if name == "about.json":
                    opening.check_about(member.read(), event)
                    continue
                while chunk := member.read(_CHUNK):
                    yield chunk

    def reply(
        self,
        receipt: Receipt,
        token: str,
        text: str,
        files: Sequence[tuple[FileTicket, str, str]] = (),
        *,
        room: str = "dialogue",
        asked: str = "",
    ) -> bool:
        """Write to the handlers, or in the mediation. True if this very form was sent before, and nothing was
        written again.

        `asked` is the code of a wish that the message tells of; NoSuchWishError where that is not open, and
        EnoughForTodayError where the receipt has added as much as one may in a day.
        """
        once = self._derive(token, "reply").hex()
        for last in (False,) * (_TRIES - 1) + (True,):
            found = self._find(receipt, room)
            if self._sent_before(found, once):
                self._files.discard(ticket.id for ticket, _, _ in files)
                return True
            told = wish(found.case, asked, self._mechanism.clock().date())
            if asked and told is None:
                raise NoSuchWishError("this cannot be asked for (any more)")
            try:
                self._write(found, receipt, {"once": once, "text": text, "v": 1}, files, told)
            except (SeqConflictError, StaleReadError, RefusedError, FileNotFoundError):
                # A file that is gone may have been taken by this very form, sent twice at the same moment.
                if last:
                    raise
                continue
            self._files.discard(ticket.id for ticket, _, _ in files)
            return False
        raise AssertionError("unreachable: the last try returns or raises")

    def close_to_reading(self, receipt: Receipt) -> None:
        """Let the receipt open nothing any more, in every room that it opens; nobody takes that back."""
        case = self._find(receipt).case
        ledger, origin = self._mechanism.ledger(), self._mechanism.config.origin
        streams = ledger.case_rooms[case.stream]
        heads = {stream: ledger.head(stream) for stream in streams}
        request = Request(origin, receipt.signing_key(origin), self._mechanism.clock(), heads)
        for stream in streams:
            room = ledger.rooms[stream]
            if case.reporter in room.readers and not room.closed_to_reading:
                request.add("mailbox.closed_to_reading", stream, {"sealed_by": "server"})
        if request.events:
            self._mechanism.accept([event.data for event in request.events], {})

    def _sent_before(self, found: _Opened, once: str) -> bool:
        mine = [event for event in found.texts if event.by == found.case.reporter][-_REMEMBERED:]
        opened = reading.open_texts(mine, self._keys(found, mine), self._fetch)
        return any(each.document is not None and each.document.fields.get("once") == once for each in opened)

    def _write(
        self,
        found: _Opened,
        receipt: Receipt,
        document: Mapping[str, JsonValue],
        files: Sequence[tuple[FileTicket, str, str]],
        asked: Wish | None,
    ) -> None:
        mechanism, origin = self._mechanism, self._mechanism.config.origin
        last, case = found.events[-1], found.case
        request = Request(
            origin,
            receipt.signing_key(origin),
            mechanism.clock(),
            heads={
                found.room.stream: Head(last.seq, last.leaf),
                case.stream: mechanism.ledger().head(case.stream),
            },
        )
        epoch = acts.current_epoch(
            request, found.room, mechanism.ledger().mechanism, receipt.identity(origin).recipient, "server"
        )
        about = request.binding(found.room.stream, "message.posted")
        with self._files.attached(request, files, epoch.recipient, about) as sealed:
            words = {**(asked.fields if asked else {}), **document}
            message = acts.post(request, "message.posted", found.room.stream, epoch, words, sealed, "server")
            if asked is not None:
                tell(request, case, asked, message, "server")
            refuse_too_much(mechanism, request.events)
            mechanism.accept([event.data for event in request.events], request.payloads)


def _size_of_text(event: Event) -> int:
    digest = reading.text_digest(event)
    return next(payload.size for payload in event.payloads() if payload.digest == digest)
