"""A reporter's return: the receipt opens the dialogue on the reporter's own machine, and writes in it.

- The service is told no receipt: a key that only the receipt yields signs the request.
- Each event's place and signature are checked, as a handler's client does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import acts, acts_identity, envelope, reading, wishes
from meyasubako.domain.acts import Request
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event, Head
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.reading import Opened
from meyasubako.domain.rooms import Room
from meyasubako.domain.wishes import Wish
from meyasubako.service.client import answers, casefile, files, proofs
from meyasubako.service.client.errors import NoIdentityError, NoMailboxError, NoSuchFileError
from meyasubako.service.client.files import LocalFile, Progress, no_progress
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.client.roster import VerifiedMechanism
from meyasubako.service.client.sealed_report import SEALED_BY, repeated
from meyasubako.service.client.trying import or_again
from meyasubako.service.clocks import Clock, system_clock
from meyasubako.service.errors import BadAnswerError, RefusedError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class Visit:
    """The mailbox as it was found: state and next date as the service says, messages as they were opened."""

    case: Case
    rooms: Mapping[str, Room]
    messages: tuple[Opened, ...]
    keys: Mapping[int, HybridIdentity]
    ledger: Ledger
    happened: tuple[answers.Happened, ...] = ()
    mediation: tuple[Opened, ...] = ()
    shown: answers.CaseShown | None = None

    @property
    def closed_to_reading(self) -> bool:
        """Whether the reporter asked that the receipt opens nothing any more."""
        return self.rooms["dialogue"].closed_to_reading


class Letters:
    """One reporter's correspondence."""

    def __init__(
        self,
        client: ReporterClient,
        receipt: Receipt,
        verified: VerifiedMechanism,
        clock: Clock = system_clock,
    ) -> None:
        """`client` signs with the receipt's key at this mechanism."""
        self._client, self._clock = client, clock
        self._mechanism = verified.mechanism
        self._key = receipt.signing_key(verified.mechanism.origin)
        self._identity = receipt.identity(verified.mechanism.origin)

    def visit(self) -> Visit:
        """Read the mailbox; NoMailboxError for a receipt that nobody was given here."""
        shown = self._asked(self._client.mailbox)
        case = self._case(shown)
        streams = [room.read() for room in sorted(shown.rooms, key=lambda room: room.room, reverse=True)]
        ledger = casefile.fold(self._mechanism, streams, case)
        rooms = {room.name: room for room in ledger.rooms.values()}
        if "identity" in rooms:
            # That somebody was shown it stands in the case's stream; a lie about it causes a refusal only.
            rooms["identity"] = replace(rooms["identity"], spent=shown.spent)
        dialogue = rooms["dialogue"]
        keys: Mapping[int, HybridIdentity] = {}
        if not dialogue.closed_to_reading:
            keys = reading.epoch_keys(dialogue, case.reporter, self._identity, self._client.payload)
        events = next(events for events in streams if events[0].stream == dialogue.stream)
        messages = reading.open_texts(events, keys, self._client.payload)
        ledger.heads[case.stream] = Head(shown.case.head.seq, shown.case.head.leaf)
        later = self._later(rooms, {events[0].stream: events for events in streams})
        return Visit(case, rooms, tuple(messages), keys, ledger, shown.happened, later, shown.case)

    def _later(self, rooms: Mapping[str, Room], events: Mapping[str, Sequence[Event]]) -> tuple[Opened, ...]:
        """What was said in the mediation, as far as the reporter joined it and still reads."""
        room = rooms.get("mediation")
        if room is None or room.closed_to_reading:
            return ()
        keys = reading.epoch_keys(room, room.reporter, self._identity, self._client.payload)
        return tuple(reading.open_texts(events[room.stream], keys, self._client.payload))

    def proof(self) -> answers.Proof:
        """The dated proof that the report was filed, or the promise of one; verified, and of one's own event.

        Raises NoMailboxError, BadAnswerError for another's event, and what verifying raises.
        """
        found = self._asked(self._client.proof)
        (event,) = answers.read_events([found.event], envelope.read(found.event).stream)
        envelope.verify(event, self._key.verify_key)
        if event.kind != "report.submitted" or event.log != self._mechanism.origin:
            raise BadAnswerError("the service gave a proof of something else than the report")
        if found.final:
            proofs.verify_own_proof(found.data.encode(), self._mechanism, event.leaf)
        else:
            proofs.verify_promise(found.data.encode(), proofs.promise_keys(self._mechanism), event.leaf)
        return found

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except RefusedError as refused:
            if refused.name == "no-mailbox":
                raise NoMailboxError("no mailbox fits this receipt") from None
            raise

    def _case(self, shown: answers.Mailbox) -> Case:
        """What the service says of the case; everything that is decided on it is checked by signatures."""
        return Case(
            stream=shown.case.stream,
            reporter=self._key.verify_key.key_id,
            reporter_key=self._key.verify_key.text,
            reporter_recipient=self._identity.recipient.text,
            channel=shown.case.channel,
            marker="",
            rooms={room.room: room.stream for room in shown.rooms},
            submitted_on=date.fromisoformat(shown.day),
            state=shown.case.state,
            next_date=date.fromisoformat(shown.case.next) if shown.case.next else None,
        )

    def save(self, visit: Visit, digest: str, path: Path, progress: Progress = no_progress) -> int:
        """Write a file of a message to a new path; gives its size in bytes."""
        for message in visit.messages:
            if message.document and any(file.digest == digest for file in message.document.files):
                identity = visit.keys[message.epoch]
                with self._client.open_payload(digest) as sealed:
                    return files.save(sealed, digest, message.event, identity, path, progress)
        raise NoSuchFileError("this file is not in the mailbox")

    def say(self, text: str, attached: Sequence[LocalFile] = (), progress: Progress = no_progress) -> Event:
        """Write to the handlers."""
        return self._write("message.posted", "dialogue", {"text": text, "v": 1}, attached, progress)

    def add(self, text: str, attached: Sequence[LocalFile] = (), progress: Progress = no_progress) -> Event:
        """Add to the report, which the receipt does not open: nobody who finds it reads this."""
        return self._write("report.added", "report", {"text": text, "v": 1}, attached, progress)

    def add_identity(self, text: str) -> Event:
        """Add to what one told of oneself; under a new key where somebody was shown what was told before."""

        def build(visit: Visit, request: Request) -> Event:
            room = visit.rooms.get("identity")
            if room is None:
                raise NoIdentityError("you told nobody who you are: only a report can do that")
            told: dict[str, JsonValue] = {"text": text, "v": 1}
            recipient = self._identity.recipient
            return acts_identity.add_identity(request, room, self._mechanism, recipient, told, SEALED_BY)

        return self._sign(build)

    def mediate(
        self, text: str, attached: Sequence[LocalFile] = (), progress: Progress = no_progress
    ) -> Event:
        """Write in the mediation."""
        return self._write("message.posted", "mediation", {"text": text, "v": 1}, attached, progress)

    def ask(
        self, code: str, text: str, attached: Sequence[LocalFile] = (), progress: Progress = no_progress
    ) -> Event:
        """Ask for something, by a code of `wishes`, and say it in a message; gives the event that it is.

        Raises ValueError for a code that is none, and RefusedError for what cannot be asked for now.
        """
        asked = wishes.named(code)
        document: dict[str, JsonValue] = {**asked.fields, "text": text, "v": 1}
        return self._write("message.posted", "dialogue", document, attached, progress, asked)

    def close_to_reading(self) -> Event:
        """Let the receipt open nothing any more; it can still write. This cannot be taken back."""
        visit = self.visit()
        request = self._request(visit)
        dialogue = visit.rooms["dialogue"]
        claim: dict[str, JsonValue] = {"sealed_by": SEALED_BY}
        for name in ("report", "mediation"):
            room = visit.rooms.get(name)
            if room and visit.case.reporter in room.readers and not room.closed_to_reading:
                request.add("mailbox.closed_to_reading", room.stream, claim)
        event = request.add("mailbox.closed_to_reading", dialogue.stream, claim)
        repeated(partial(self._client.post, request.events, request.payloads))
        return event

    def _write(
        self,
        kind: str,
        name: str,
        document: Mapping[str, JsonValue],
        attached: Sequence[LocalFile],
        progress: Progress,
        asked: Wish | None = None,
    ) -> Event:
        def build(visit: Visit, request: Request) -> Event:
            room = visit.rooms[name]
            epoch = acts.current_epoch(request, room, self._mechanism, self._identity.recipient, SEALED_BY)
            sealed = [
                files.attach(
                    request,
                    file,
                    stream=room.stream,
                    kind=kind,
                    recipient=epoch.recipient,
                    upload=self._client.upload,
                    progress=progress,
                )
                for file in attached
            ]
            event = acts.post(request, kind, room.stream, epoch, document, sealed, SEALED_BY)
            return event if asked is None else wishes.tell(request, visit.case, asked, event, SEALED_BY)

        return self._sign(build)

    def _sign(self, build: Callable[[Visit, Request], Event]) -> Event:
        """Sign what `build` makes of the mailbox as it stands, and post it; gives the event that it gives."""
        for attempt in count(1):
            visit = self.visit()
            request = self._request(visit)
            event = build(visit, request)
            try:
                repeated(partial(self._client.post, request.events, request.payloads))
            except RefusedError as refused:
                or_again(refused, attempt)
                continue
            return event
        raise AssertionError("unreachable: an attempt returns or raises")

    def _request(self, visit: Visit) -> Request:
        return Request(self._mechanism.origin, self._key, self._clock(), dict(visit.ledger.heads))
