"""A handler's acts at one mechanism, for the command line and the desk's pages alike.

- Keys stay here: what goes out is signed events and sealed bytes.
- A key is wrapped only to people of a roster that was verified against the public log.
- Bytes are asked for after the fetch is in the log, never before.
- Where somebody else wrote first, the act is made again on what stands there now, at most five times.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.keyfile import KeyPair
from meyasubako.domain import acts, kinds, reading, rooms
from meyasubako.domain.acts import Epoch, NewRoom, Request
from meyasubako.domain.envelope import Event
from meyasubako.domain.people import Mechanism
from meyasubako.domain.reading import Opened
from meyasubako.service.client import files
from meyasubako.service.client.casefile import CaseFile, fold
from meyasubako.service.client.errors import NoAccessError, NoSuchCaseError, UnverifiedRosterError
from meyasubako.service.client.files import LocalFile, Progress, no_progress
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.clocks import Clock, system_clock
from meyasubako.service.errors import ConflictError, RefusedError

_TRIES: Final = 5
# What a refusal is called when somebody wrote between our reading and our writing.
_MOVED: Final = frozenset(
    {"conflict", "epoch-is-fresh", "advance-wraps-exactly", "shares-exactly", "stream-is-whole"}
)
# Digests named in one payload.fetched: an event has at most 32 KiB.
_FETCHED_AT_ONCE: Final = 256


# The kinds with which somebody is given a key.
_WRAPPING: Final = frozenset({"room.opened", "room.advanced", "access.granted"})


@dataclass(frozen=True, slots=True, repr=False)
class OpenedCase:
    """A case with everything in it that this person can open, in the order in which it was written."""

    file: CaseFile
    report: tuple[Opened, ...]
    dialogue: tuple[Opened, ...]
    team: tuple[Opened, ...]


class Desk:
    """One person's work at one mechanism."""

    def __init__(
        self,
        client: HandlerClient,
        pair: KeyPair,
        roster: Callable[[], Mechanism],
        *,
        verified: bool,
        clock: Clock = system_clock,
    ) -> None:
        """`roster` gives the mechanism's people, anew for each act.

        `verified` says whether by its public log: without that nothing is sealed to a new set of readers.
        """
        self._client = client
        self._pair = pair
        self._roster = roster
        self._verified = verified
        self._clock = clock

    @property
    def me(self) -> str:
        """The key id of whoever sits here."""
        return self._pair.signing.verify_key.key_id

    # Reading

    def cases(self) -> list[CaseFile]:
        """Every case that this person is shown, oldest first."""
        shown = self._client.me().streams
        mechanism = self._roster()
        found = [
            self._load(mechanism, each.stream) for each in shown if each.sort == kinds.CASE and each.whole
        ]
        return sorted(found, key=lambda file: (file.case.submitted_on, file.case.stream))

    def case(self, wanted: str) -> CaseFile:
        """The case whose id is, or begins with, this text; NoSuchCaseError."""
        return self._load(self._roster(), self._find(wanted))

    def _find(self, wanted: str) -> str:
        streams = self._client.me().streams
        shown = [each.stream for each in streams if each.sort == kinds.CASE and each.whole]
        found = [stream for stream in shown if stream.startswith(wanted.lower())]
        if len(found) != 1 or not wanted:
            say = "several cases begin" if found and wanted else "no case that you are shown begins"
            raise NoSuchCaseError(f"{say} with {wanted}")
        return found[0]

    def _load(self, mechanism: Mechanism, case: str, beside: Sequence[Event] = ()) -> CaseFile:
        """Fold the case; `beside` are events that a conflict has shown before their hour."""
        order = {kinds.CASE: 0, kinds.ROOM: 1, kinds.READS: 2}
        streams = (each for each in self._client.me().streams if each.case == case and each.whole)
        shown = [each for each in streams if each.sort in order]
        shown.sort(key=lambda each: (order[each.sort], each.room == "team"))
        events = {each.stream: self._events(each.stream, beside) for each in shown}
        ledger = fold(mechanism, events.values())
        named = {room.name: room for room in ledger.rooms.values()}
        return CaseFile(ledger.cases[case], named, events, ledger)

    def _events(self, stream: str, beside: Sequence[Event]) -> tuple[Event, ...]:
        shown = tuple(self._client.stream(stream))
        return shown + tuple(event for event in beside if event.stream == stream and event.seq > len(shown))

    def open(self, wanted: str) -> OpenedCase:
        """Fetch and open everything of a case that this person has a key to."""
        file = self.case(wanted)
        texts = {name: self._texts(file, name) for name in kinds.ROOMS}
        wraps = [wrap.digest for name in texts for wrap in self._wraps(file, name)]
        self._fetch(
            file, [*wraps, *(reading.text_digest(event) for events in texts.values() for event in events)]
        )
        opened = {
            name: tuple(reading.open_texts(events, self._keys(file, name), self._client.payload))
            for name, events in texts.items()
        }
        return OpenedCase(file, opened["report"], opened["dialogue"], opened["team"])

    def _texts(self, file: CaseFile, room: str) -> list[Event]:
        """The events that hold a text sealed to the room; the report's stands in the case's stream."""
        first = [file.submission] if room == "report" else []
        return first + [event for event in file.of(room) if event.kind in reading.TEXTS]

    def _wraps(self, file: CaseFile, room: str) -> list[rooms.Wrap]:
        found = file.rooms.get(room)
        return [wrap for wrap in found.wraps if wrap.reader == self.me] if found else []

    def _keys(self, file: CaseFile, room: str) -> Mapping[int, HybridIdentity]:
        """The room's keys by epoch; their wraps have been fetched."""
        found = file.rooms.get(room)
        if found is None:
            return {}
        return reading.epoch_keys(found, self.me, self._pair.identity, self._client.payload)

    def _fetch(self, file: CaseFile, digests: Iterable[str]) -> None:
        """Write down, signed, that these payloads are fetched, where it is not written down yet."""
        case = file.case.stream
        known = file.ledger.fetched.get((self.me, case), frozenset())
        missing = list(dict.fromkeys(digest for digest in digests if digest not in known))
        own = (stream for stream, reads in file.ledger.reads.items() if reads.person == self.me)
        stream = next(own, None) or str(uuid.uuid4())
        request = self._request(file)
        for start in range(0, len(missing), _FETCHED_AT_ONCE):
            named: list[JsonValue] = list(missing[start : start + _FETCHED_AT_ONCE])
            request.add("payload.fetched", stream, {"case": case, "payloads": named})
        for event in request.events:
            self._client.post([event], {})

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
        self._fetch(file, [*(wrap.digest for wrap in self._wraps(file, room)), digest])
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

        def build(file: CaseFile, request: Request) -> Event:
            return self._post(request, file, "dialogue", text, attached, progress)

        return self._act(wanted, build)

    def acknowledge(self, wanted: str, text: str, next_date: date) -> Event:
        """Tell the reporter that the report arrived, and when they will hear more."""

        def build(file: CaseFile, request: Request) -> Event:
            message = self._post(request, file, "dialogue", text)
            body: dict[str, JsonValue] = {"message": message.leaf, "next": next_date.isoformat()}
            return request.add("case.acknowledged", file.case.stream, body)

        return self._act(wanted, build)

    def move(self, wanted: str, state: str, next_date: date) -> Event:
        """Move the case to a state that has no event of its own."""

        def build(file: CaseFile, request: Request) -> Event:
            body: dict[str, JsonValue] = {"to": state, "next": next_date.isoformat()}
            return request.add("case.moved", file.case.stream, body)

        return self._act(wanted, build)

    def close(self, wanted: str, outcome: str, text: str) -> Event:
        """Close the case as settled, decided or ended, and tell the reporter why."""

        def build(file: CaseFile, request: Request) -> Event:
            message = self._post(request, file, "dialogue", text)
            body: dict[str, JsonValue] = {"class": outcome, "message": message.leaf}
            return request.add("case.closed", file.case.stream, body)

        return self._act(wanted, build)

    def note(
        self, wanted: str, text: str, attached: Sequence[LocalFile] = (), progress: Progress = no_progress
    ) -> Event:
        """Write to the team, which the reporter never reads; the first note opens the room."""

        def build(file: CaseFile, request: Request) -> Event:
            return self._post(request, file, "team", text, attached, progress)

        return self._act(wanted, build)

    def grant(self, wanted: str, person: str) -> Event:
        """Give a colleague every room of the case that this person reads, and assign them."""

        def build(file: CaseFile, request: Request) -> Event:
            recipient = HybridRecipient.parse(file.ledger.mechanism.people[person].recipient)
            given = [room for room in file.rooms.values() if person not in room.readers]
            self._fetch(file, [wrap.digest for room in given for wrap in self._wraps(file, room.name)])
            for room in given:
                keys = self._keys(file, room.name)
                if len(keys) != room.epoch:
                    raise NoAccessError(f"you cannot give the {room.name} room: you have no key to all of it")
                acts.grant(request, room, [keys[number] for number in sorted(keys)], person, recipient)
            if person in file.case.assigned:
                if not request.events:
                    raise NoAccessError("this person reads every room of the case already")
                return request.events[-1]
            return request.add("handler.assigned", file.case.stream, {"person": person})

        return self._act(wanted, build)

    def revoke(self, wanted: str, person: str) -> Event:
        """Take a colleague's access away, in every room of the case: what is written from now on."""

        def build(file: CaseFile, request: Request) -> Event:
            for room in file.rooms.values():
                if person in room.readers and person != room.reporter:
                    request.add("access.revoked", room.stream, {"reader": person})
            if not request.events:
                raise NoAccessError("this person reads no room of the case")
            return request.events[-1]

        return self._act(wanted, build)

    def _act(self, wanted: str, build: Callable[[CaseFile, Request], Event]) -> Event:
        case, beside = self._find(wanted), list[Event]()
        for last in (False,) * (_TRIES - 1) + (True,):
            file = self._load(self._roster(), case, beside)
            request = self._request(file)
            event = build(file, request)
            if not self._verified and any(each.kind in _WRAPPING for each in request.events):
                raise UnverifiedRosterError("this gives a room's key to people who have not been verified")
            try:
                self._client.post(request.events, request.payloads)
            except RefusedError as refused:
                if last or refused.name not in _MOVED:
                    raise
                if isinstance(refused, ConflictError):
                    # What stands there may be shown nowhere else before the next full hour.
                    beside.extend(refused.events)
                continue
            return event
        raise AssertionError("unreachable: the last try returns or raises")

    def _request(self, file: CaseFile) -> Request:
        mechanism = file.ledger.mechanism
        return Request(mechanism.origin, self._pair.signing, self._clock(), dict(file.ledger.heads))

    def _post(
        self,
        request: Request,
        file: CaseFile,
        name: str,
        text: str,
        attached: Sequence[LocalFile] = (),
        progress: Progress = no_progress,
    ) -> Event:
        """A text in a room of the case, and what must stand before it: a new epoch, or the room itself."""
        room = file.rooms.get(name)
        if room is None:
            stream, epoch = self._open_team(request, file)
        else:
            reporter = HybridRecipient.parse(file.case.reporter_recipient)
            stream = room.stream
            epoch = acts.current_epoch(request, room, file.ledger.mechanism, reporter)
        kind = "note.added" if name == "team" else "message.posted"
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
        return acts.post(request, kind, stream, epoch, {"text": text, "v": 1}, sealed)

    def _open_team(self, request: Request, file: CaseFile) -> tuple[str, Epoch]:
        mechanism, room = file.ledger.mechanism, NewRoom(str(uuid.uuid4()), HybridIdentity.generate())
        staff = rooms.present(file.rooms["report"], mechanism) - {file.case.reporter}
        readers = {key: HybridRecipient.parse(mechanism.people[key].recipient) for key in staff}
        acts.open_room(request, room, case=file.case.stream, name="team", readers=readers)
        return room.stream, Epoch(1, room.recipient)
