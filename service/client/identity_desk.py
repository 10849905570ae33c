"""A request for an identity, from either side: who asks and opens, and the custodians who answer.

- Nothing of an identity is written to a disk here: it is given to whoever called, who shows or saves it.
- Whoever releases a share has the key of whoever asked looked up on the verified roster.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.signing import SigningKey
from meyasubako.domain import acts, acts_identity, kinds, opening, requests
from meyasubako.domain.acts import NewRoom, Request
from meyasubako.domain.acts_identity import Telling
from meyasubako.domain.envelope import Event
from meyasubako.domain.reading import Opened
from meyasubako.domain.rooms import Room
from meyasubako.service.client.answers import EventProof
from meyasubako.service.client.errors import NoAccessError, NoIdentityError, NoSuchRequestError
from meyasubako.service.client.joint import Joint, JointFile


@dataclass(frozen=True, slots=True)
class Said:
    """How the reporter is told: these words, or these sealed grounds why not, reviewed on a day."""

    text: str = ""
    ground: str = ""
    review: date | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A request with the words that are said about it, as far as one may read them."""

    file: JointFile
    request: requests.Request
    words: Sequence[Opened] = ()


class IdentityDesk(Joint):
    """One person's part in opening identities."""

    def asked(self) -> list[Asked]:
        """Every request for an identity that one is shown; one's own new shares are looked at besides."""
        found = []
        for file in self.files():
            self.check_shares(file)
            found += [
                Asked(file, request) for request in file.case.requests.values() if not request.is_recovery
            ]
        return found

    def read(self, wanted: str) -> Asked:
        """A request with its motive and what was answered."""
        file, request = self.request(wanted, recovery=False)
        room = file.rooms.get(request.discussed_in)
        return Asked(file, request, tuple(self.words(file, room)) if room else ())

    # Whoever asks

    def ask(self, case: str, motive: str, ground: str = "request", order: str = "") -> Event:
        """Ask who the reporter is, for these reasons, which custodians alone read."""

        def build(file: JointFile, request: Request) -> Event:
            identity = file.room(kinds.IDENTITY)
            if identity is None:
                raise NoIdentityError("the reporter of this case told nobody who they are")
            named = self._order(file, order) if order else ""
            room, epoch = NewRoom(str(uuid.uuid4()), HybridIdentity.generate()), 1
            acts_identity.open_request_room(
                request, room, case=file.case.stream, identity=identity, mechanism=file.mechanism
            )
            note = acts_identity.note(request, room.stream, acts.Epoch(epoch, room.recipient), motive)
            return acts_identity.ask_for_identity(
                request, file.case.stream, room.stream, note.leaf, ground, named
            )

        return self.act(self.find(case), build)

    def open(self, wanted: str, said: Said) -> Event:
        """Say that one reads the identity now, and tell the reporter, or why not yet."""
        found, asked = self.request(wanted, recovery=False)

        def build(file: JointFile, request: Request) -> Event:
            telling = self._telling(file, request, said, asked.discussed_in)
            identity = file.room(kinds.IDENTITY)
            epoch = identity.epoch if identity else 1
            body: dict[str, JsonValue] = {"request": asked.leaf, "epoch": epoch, **telling.fields}
            return request.add("identity.opened", file.case.stream, body)

        return self.act(found.case.stream, build)

    def show(self, wanted: str) -> list[dict[str, JsonValue]]:
        """What the reporter told of themselves, first and later, by the shares that were released."""
        file, asked = self.request(wanted, recovery=False)
        if asked.to != self.me or asked.opened_on is None:
            raise NoAccessError("whoever asked reads it, once it is in the log that they open it")
        identity = file.room(kinds.IDENTITY)
        if identity is None:
            raise NoIdentityError("the reporter of this case told nobody who they are")
        keys = self.rebuilt(file, asked).get(identity.stream, {})
        told = [(file.events[file.case.stream][0], 1, "identity")] + [
            (event, event.number("epoch"), "addition")
            for event in file.events[identity.stream]
            if event.kind == "report.added"
        ]
        readable = [(event, epoch, use) for event, epoch, use in told if epoch in keys]
        digests = [_digest(event, use) for event, _, use in readable]
        self.fetch(file, digests)
        return [
            opening.open_identity(event, self._client.payload(digest), keys[epoch])
            for (event, epoch, _), digest in zip(readable, digests, strict=True)
        ]

    # Custodians

    def approve(self, wanted: str) -> Event:
        """Agree that this one person is shown the identity."""
        found, asked = self.request(wanted, recovery=False)

        def build(file: JointFile, request: Request) -> Event:
            self.recipient_of(file, asked.to)
            return request.add("identity.approved", file.case.stream, {"request": asked.leaf})

        return self.act(found.case.stream, build)

    def refuse(self, wanted: str, reason: str) -> Event:
        """Refuse, and say why to whoever asked; one custodian's word is enough."""
        found, asked = self.request(wanted, recovery=False)

        def build(file: JointFile, request: Request) -> Event:
            note = self.note(file, request, asked.discussed_in, reason)
            body: dict[str, JsonValue] = {"request": asked.leaf, "reason": note}
            return request.add("identity.refused", file.case.stream, body)

        return self.act(found.case.stream, build)

    def release(self, wanted: str, period: timedelta = requests.USUAL) -> Event:
        """Release one's share to whoever asked; the first release fixes how long all of them are out."""
        found, asked = self.request(wanted, recovery=False)
        identity = found.room(kinds.IDENTITY)
        return self.release_held(found, asked, [identity.stream] if identity else [], period)

    # Courts

    def put_down_order(self, case: str, text: str, said: Said) -> Event:
        """Put a court's order down, before anything is given: what it says, and how the reporter hears."""

        def build(file: JointFile, request: Request) -> Event:
            room = self._team(file)
            note = self.note(file, request, room, text)
            telling = self._telling(file, request, said, room)
            body: dict[str, JsonValue] = {"room": room, "note": note, **telling.fields}
            return request.add("disclosure.ordered", file.case.stream, body)

        return self.act(self.find(case), build)

    def disclose(self, case: str, order: str, package: bytes) -> Event:
        """Write down what was given to the court: the SHA-256 of exactly these bytes."""

        def build(file: JointFile, request: Request) -> Event:
            body: dict[str, JsonValue] = {
                "order": self._order(file, order),
                "package": sha256(package).hexdigest(),
            }
            return request.add("disclosure.made", file.case.stream, body)

        return self.act(self.find(case), build)

    def statement_parts(self, submitted: Event) -> tuple[str, SigningKey, EventProof]:
        """What a statement about a case is made of: the day, one's key, the proof of its first event."""
        proof = self._client.proof(submitted.stream, submitted.seq)
        return self._clock().date().isoformat(), self._pair.signing, proof

    def _order(self, file: JointFile, wanted: str) -> str:
        found = [leaf for leaf in file.case.orders if leaf.startswith(wanted.lower())]
        if len(found) != 1:
            raise NoSuchRequestError(f"no single order of this case begins with {wanted}")
        return found[0]

    def _team(self, file: JointFile) -> str:
        found = [room.stream for room in file.rooms.values() if room.name == "team"]
        if not found:
            raise NoAccessError("the case has no team room yet: write a note first (cases note)")
        return found[0]

    def _telling(self, file: JointFile, request: Request, said: Said, room: str) -> Telling:
        if not said.text:
            return Telling(ground=self.note(file, request, room, said.ground), review=said.review)
        dialogue = file.room("dialogue")
        if dialogue is None:
            raise NoAccessError("you do not read the dialogue of this case")
        return Telling(message=self._message(file, request, dialogue, said.text))

    def _message(self, file: JointFile, request: Request, dialogue: Room, text: str) -> str:
        epoch = self.epoch(file, request, dialogue)
        return acts.post(request, "message.posted", dialogue.stream, epoch, {"text": text, "v": 1}).leaf


def _digest(event: Event, use: str) -> str:
    return next(payload.digest for payload in event.payloads() if payload.use == use)
