"""The mailbox without scripts: the receipt opens the dialogue, in memory, for one answer.

- The receipt yields the reporter's keys; nothing of it is kept, and a visit leaves no trace.
- Whoever writes in a stale epoch advances it first; a reply that was sent twice is found by its token.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from meyasubako.crypto import age, archive
from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import acts, opening, reading, roles
from meyasubako.domain.acts import Request
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event, Head, read
from meyasubako.domain.errors import RefusedError
from meyasubako.domain.rooms import Room
from meyasubako.domain.sealing import SealedFile
from meyasubako.service import proofs
from meyasubako.service.errors import ServiceError
from meyasubako.service.incoming import FileTicket, IncomingFiles
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.proofs import Evidence
from meyasubako.service.store.errors import SeqConflictError, StaleReadError

_TRIES = 5
_CHUNK = 256 * 1024
Derive = Callable[[str, str], bytes]


class NoMailboxError(ServiceError):
    """No case belongs to this receipt."""


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
    """What the reporter sees on return; `readers` are (role, room, since).

    `opened` counts the sealed payloads that had to be opened for it.
    """

    state: str
    next_date: date | None
    messages: tuple[Message, ...]
    readers: tuple[tuple[str, str, date], ...]
    closed_to_reading: bool
    opened: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class _Opened:
    case: Case
    room: Room
    events: tuple[Event, ...]
    keys: Mapping[int, HybridIdentity]


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

    def _find(self, receipt: Receipt) -> _Opened:
        origin = self._mechanism.config.origin
        ledger = self._mechanism.ledger()
        key, identity = receipt.signing_key(origin).verify_key, receipt.identity(origin)
        case = ledger.cases.get(ledger.reporters.get(key.key_id, ""))
        if case is None:
            raise NoMailboxError("no mailbox fits this receipt")
        room = ledger.rooms[case.rooms["dialogue"]]
        keys = {} if room.closed_to_reading else reading.epoch_keys(room, key.key_id, identity, self._fetch)
        return _Opened(case, room, self._events(room.stream), keys)

    def open(self, receipt: Receipt) -> Mailbox:
        """The mailbox of a receipt; NoMailboxError for one that nobody was given here."""
        found = self._find(receipt)
        messages = []
        texts = reading.open_texts(found.events, found.keys, self._fetch)
        for opened in texts:
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
        return Mailbox(
            state=found.case.state,
            next_date=found.case.next_date,
            messages=tuple(messages),
            readers=tuple(self._readers(found.case)),
            closed_to_reading=found.room.closed_to_reading,
            opened=len(found.keys) + len(texts),
        )

    def _role(self, key_id: str, channel: str) -> str:
        """What a reporter is told about somebody: their first reading role on the channel, never a name."""
        person = self._mechanism.ledger().mechanism.people[key_id]
        held = sorted(roles.name(role) for role in person.roles if roles.channel(role) in ("", channel))
        return next(
            (role for role in ("handler", "intake", "mediator") if role in held), held[0] if held else ""
        )

    def _readers(self, case: Case) -> Iterator[tuple[str, str, date]]:
        for name, stream in case.rooms.items():
            told = {case.reporter}
            for event in self._events(stream):
                # An advance gives the room to somebody new where nobody of the staff is left.
                given = [str(wrap["reader"]) for wrap in event.records("wraps") if "reader" in wrap]
                if event.kind == "access.granted":
                    given = [event.text("reader")]
                    told.discard(given[0])
                for reader in given:
                    if reader not in told:
                        yield self._role(reader, case.channel), name, event.at
                told.update(given)

    def evidence(self, receipt: Receipt) -> Evidence:
        """The dated proof that the report was filed, or the promise of one until its slot has closed."""
        return proofs.evidence(self._mechanism, self._find(receipt).case.stream, 1)

    def attachment(self, receipt: Receipt, digest: str) -> tuple[str, str, int, Iterator[bytes]]:
        """A file of a message: name, media type, size in bytes, and its bytes as they are opened.

        Raises NoMailboxError for a file that is not in this mailbox.
        """
        found = self._find(receipt)
        for opened in reading.open_texts(found.events, found.keys, self._fetch):
            for file in opened.document.files if opened.document else ():
                if file.digest == digest:
                    chunks = self._content(opened.event, digest, found.keys[opened.epoch])
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
        self, receipt: Receipt, token: str, text: str, files: Sequence[tuple[FileTicket, str, str]] = ()
    ) -> bool:
        """Write to the handlers. True if this very form was sent before, and nothing was written again."""
        once = self._derive(token, "reply").hex()
        for last in (False,) * (_TRIES - 1) + (True,):
            found = self._find(receipt)
            if self._sent_before(found, once):
                self._files.discard(ticket.id for ticket, _, _ in files)
                return True
            try:
                self._write(found, receipt, {"once": once, "text": text, "v": 1}, files)
            except (SeqConflictError, StaleReadError, RefusedError, FileNotFoundError):
                # A file that is gone may have been taken by this very form, sent twice at the same moment.
                if last:
                    raise
                continue
            self._files.discard(ticket.id for ticket, _, _ in files)
            return False
        raise AssertionError("unreachable: the last try returns or raises")

    def _sent_before(self, found: _Opened, once: str) -> bool:
        mine = [
            event for event in found.events if event.by == found.case.reporter and event.kind in reading.TEXTS
        ]
        opened = reading.open_texts(mine[-8:], found.keys, self._fetch)
        return any(each.document is not None and each.document.fields.get("once") == once for each in opened)

    def _write(
        self,
        found: _Opened,
        receipt: Receipt,
        document: Mapping[str, JsonValue],
        files: Sequence[tuple[FileTicket, str, str]],
    ) -> None:
        mechanism, origin = self._mechanism, self._mechanism.config.origin
        last = found.events[-1]
        request = Request(
            origin,
            receipt.signing_key(origin),
            mechanism.clock(),
            heads={found.room.stream: Head(last.seq, last.leaf)},
        )
        epoch = acts.current_epoch(
            request, found.room, mechanism.ledger().mechanism, receipt.identity(origin).recipient, "server"
        )
        about = request.binding(found.room.stream, "message.posted")
        with self._files.attached(request, files, epoch.recipient, about) as sealed:
            acts.post(request, "message.posted", found.room.stream, epoch, document, sealed, "server")
            mechanism.accept([event.data for event in request.events], request.payloads)
