"""Somebody's desk at one mechanism, for the command line and the desk's pages alike: reading cases, and the
way on which every act goes. What is done to a case is in `life`, who reads it in `access`.

- What holds for every act stands in `seat`.
- A key that was wrapped to us and does not open is disputed, signed, unasked: nobody else can see that.
"""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.domain import acts, envelope, holders, kinds, reading, rooms
from meyasubako.domain.acts import Epoch, NewRoom, Request
from meyasubako.domain.envelope import Event
from meyasubako.domain.people import Mechanism
from meyasubako.domain.reading import Opened
from meyasubako.service.client import files
from meyasubako.service.client.casefile import CaseFile, Part, case_seen_from_outside, fold, fold_parts
from meyasubako.service.client.errors import NoAccessError, NoSuchCaseError
from meyasubako.service.client.files import LocalFile, Progress, no_progress
from meyasubako.service.client.seat import Seat, the_one

# Rooms that are shown to people who know nothing else of the case.
_SEEN_FROM_OUTSIDE: Final = frozenset({"dialogue", "mediation", "respondent"})
# Rooms whose texts are notes, which no reporter is ever told.
_NOTED: Final = frozenset({"team", "request"})


Build = Callable[[CaseFile, Request], Event]


@dataclass(frozen=True, slots=True, repr=False)
class OpenedCase:
    """A case with everything in it that this person can open, by room, in the order in which it was written.

    `disputed` are the rooms of which a key was wrapped to this person that does not open.
    """

    file: CaseFile
    texts: Mapping[str, tuple[Opened, ...]]
    disputed: tuple[str, ...] = ()

    @property
    def report(self) -> tuple[Opened, ...]:
        """The report and what was added to it."""
        return self.texts["report"]

    @property
    def dialogue(self) -> tuple[Opened, ...]:
        """What was said between the reporter and the staff."""
        return self.texts["dialogue"]

    @property
    def team(self) -> tuple[Opened, ...]:
        """Notes that the reporter never reads."""
        return self.texts["team"]


class Desk(Seat):
    """One person's work on cases of which they are shown whole streams."""

    # Reading

    def cases(self) -> list[CaseFile]:
        """Every case that this person is shown, oldest first."""
        mechanism = self._roster()
        found = [self._load(mechanism, case) for case in self._shown()]
        return sorted(found, key=lambda file: (file.case.submitted_on, file.case.stream))

    def _shown(self) -> list[str]:
        """The cases of which this person is shown anything but their own reads."""
        shown = (each for each in self._client.me().streams if each.whole)
        found = (each.case for each in shown if each.sort == kinds.CASE or each.room in _SEEN_FROM_OUTSIDE)
        return list(dict.fromkeys(found))

    def case(self, wanted: str) -> CaseFile:
        """The case whose id is, or begins with, this text; NoSuchCaseError."""
        return self._load(self._roster(), self._find(wanted))

    def _find(self, wanted: str) -> str:
        return the_one(self._shown(), wanted)

    def _load(self, mechanism: Mechanism, case: str, beside: Sequence[Event] = ()) -> CaseFile:
        """Fold the case; `beside` are events that a conflict has shown before their hour."""
        parts = self._parts(case, beside, whole=True)
        events = {stream: part.events for stream, part in parts.items()}
        outside = case_seen_from_outside(mechanism, case, events.values()) if case not in events else None
        ledger = fold(mechanism, events.values(), outside)
        # Two requests at once may have opened two rooms of a name: everybody uses the first.
        named = {room.name: room for room in reversed(tuple(ledger.rooms.values()))}
        return CaseFile(ledger.cases[case], named, events, ledger)

    def open(self, wanted: str) -> OpenedCase:
        """Fetch and open everything of a case that this person has a key to."""
        file = self.case(wanted)
        texts = {name: self._texts(file, name) for name in kinds.ROOMS}
        wraps = [wrap.digest for name in texts for wrap in self._wraps(file, name)]
        self.fetch(
            file, [*wraps, *(reading.text_digest(event) for events in texts.values() for event in events)]
        )
        keys = {name: self._keys(file, name) for name in texts}
        opened = {
            name: tuple(reading.open_texts(events, keys[name], self._client.payload))
            for name, events in texts.items()
        }
        return OpenedCase(file, opened, self._dispute(file, keys))

    def _dispute(self, file: CaseFile, keys: Mapping[str, reading.Keys]) -> tuple[str, ...]:
        """Say, signed, of which rooms a key that was wrapped to us does not open."""
        wrong = tuple(name for name, found in keys.items() if found.troubles)
        for name in wrong:
            room, request = file.rooms[name], self._request(file)
            fresh = [epoch for epoch in keys[name].troubles if (self.me, epoch) not in room.disputed]
            for epoch in fresh[: envelope.MAX_BATCH]:
                request.add("wrap.disputed", room.stream, {"epoch": epoch})
            if request.events:
                self._client.post(request.events, {})
        return wrong

    def _texts(self, file: CaseFile, room: str) -> list[Event]:
        """The events that hold a text sealed to the room; the report's stands in the case's stream."""
        first = [file.submission] if room == "report" and room in file.rooms else []
        return first + [event for event in file.of(room) if event.kind in reading.TEXTS]

    def _wraps(self, file: CaseFile, room: str) -> list[rooms.Wrap]:
        found = file.rooms.get(room)
        return [wrap for wrap in found.wraps if wrap.reader == self.me] if found else []

    def keys(self, file: CaseFile, room: str) -> reading.Keys:
        """The keys of a room by epoch, as far as they were wrapped to this person."""
        self.fetch(file, [wrap.digest for wrap in self._wraps(file, room)])
        return self._keys(file, room)

    def _keys(self, file: CaseFile, room: str) -> reading.Keys:
        """The room's keys by epoch; their wraps have been fetched."""
        found = file.rooms.get(room)
        if found is None:
            return reading.Keys()
        return reading.epoch_keys(found, self.me, self._pair.identity, self._client.payload)

    def save(self, wanted: str, digest: str, path: Path, progress: Progress = no_progress) -> int:
        """Write a file of the case to a new path; gives its size in bytes."""
        file = self.case(wanted)
        named = (
            (event, file.ledger.owners.get(digest)) for events in file.events.values() for event in events
        )
        event = next(
            (event for event, _ in named if digest in {own.digest for own in event.payloads()}), None
        )
        if event is None:
            raise NoSuchCaseError("no file of this case has this digest")
        room = "report" if event.stream == file.case.stream else file.ledger.rooms[event.stream].name
        self.fetch(file, [*(wrap.digest for wrap in self._wraps(file, room)), digest])
        identity = self._keys(file, room).get(reading.epoch_of(event))
        if identity is None:
            raise NoAccessError("it was written when you had no access")
        with self._client.open_payload(digest) as sealed:
            return files.save(sealed, digest, event, identity, path, progress)

    # Writing

    def say(
        self, wanted: str, text: str, attached: Sequence[LocalFile] = (), progress: Progress = no_progress
    ) -> Event:
        """Write to the reporter."""
        return self._post_alone(wanted, "dialogue", text, attached, progress)

    def note(
        self, wanted: str, text: str, attached: Sequence[LocalFile] = (), progress: Progress = no_progress
    ) -> Event:
        """Write to the team, which the reporter never reads; the first note opens the room."""
        return self._post_alone(wanted, "team", text, attached, progress)

    def _post_alone(
        self, wanted: str, name: str, text: str, attached: Sequence[LocalFile], progress: Progress
    ) -> Event:
        def build(file: CaseFile, request: Request) -> Event:
            return self.post(request, file, name, text, attached, progress)

        return self.act(wanted, build)

    def act(self, wanted: str, build: Build) -> Event:
        """Build a request on the case as it stands and post it; gives the event that `build` gives."""
        case = self._find(wanted)
        return self._sign(lambda beside: self._load(self._roster(), case, beside), build)

    def post(
        self,
        request: Request,
        file: CaseFile,
        name: str,
        text: str,
        attached: Sequence[LocalFile] = (),
        progress: Progress = no_progress,
        fields: Mapping[str, str] | None = None,
    ) -> Event:
        """A text in a room of the case, and what must stand before it: a new epoch, or the team room itself.

        `fields` are more fields of the sealed document.
        """
        room = file.rooms.get(name)
        if room is None and name == "team":
            staff = rooms.working(file.rooms["report"], file.ledger.mechanism)
            stream, epoch = self.open_room(request, file, "team", staff)
        elif room is None:
            raise NoAccessError(f"the case has no {name} room that you are shown")
        else:
            stream, epoch = room.stream, self._epoch(request, file, room)
        return self.write(request, stream, epoch, name, text, attached, progress, fields)

    def write(  # noqa: PLR0917 (as `post`, and where it stands)
        self,
        request: Request,
        stream: str,
        epoch: Epoch,
        name: str,
        text: str,
        attached: Sequence[LocalFile] = (),
        progress: Progress = no_progress,
        fields: Mapping[str, str] | None = None,
    ) -> Event:
        """A text in an epoch of a room that may have been opened by this very request."""
        kind = "note.added" if name in _NOTED else "message.posted"
        sealed = [
            files.attach(
                request,
                each,
                stream=stream,
                kind=kind,
                recipient=epoch.recipient,
                upload=self._client.upload,
                progress=progress,
            )
            for each in attached
        ]
        return acts.post(request, kind, stream, epoch, {**(fields or {}), "text": text, "v": 1}, sealed)

    def _epoch(self, request: Request, file: CaseFile, room: rooms.Room) -> Epoch:
        mechanism = file.ledger.mechanism
        if not rooms.stale(room, mechanism):
            return Epoch(room.epoch, HybridRecipient.parse(room.recipient))
        if not file.case.reporter_recipient:
            raise NoAccessError("the readers have changed; wait until somebody of the mechanism wrote again")
        reporter = HybridRecipient.parse(file.case.reporter_recipient)
        return acts.current_epoch(request, room, mechanism, reporter)

    def _report(self, file: CaseFile) -> rooms.Room:
        """The report's room, of which a mediator is shown only who reads it and who holds shares."""
        if "report" in file.rooms:
            return file.rooms["report"]
        case, stream = file.case.stream, file.case.rooms["report"]
        events, head = self._client.part(stream)
        whole = Part(file.events[case], file.ledger.head(case), whole=True)
        parts = (whole, Part(tuple(events), head, whole=False))
        return fold_parts(file.ledger.mechanism, parts).rooms[stream]

    def open_room(
        self, request: Request, file: CaseFile, name: str, readers: Collection[str]
    ) -> tuple[str, Epoch]:
        """Open a room of the case for these key ids, the reporter's among them or not."""
        mechanism, case = file.ledger.mechanism, file.case
        room = NewRoom(str(uuid.uuid4()), HybridIdentity.generate())
        given = {
            key: HybridRecipient.parse(
                case.reporter_recipient if key == case.reporter else mechanism.people[key].recipient
            )
            for key in readers
        }
        without = holders.left_out(self._report(file), mechanism)
        holding = holders.holding(mechanism, mechanism.channels[case.channel], name, without)
        acts.open_room(request, room, case=case.stream, name=name, readers=given, holding=holding)
        return room.stream, Epoch(1, room.recipient)
