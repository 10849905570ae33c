"""What several people do together at one mechanism: the loading, checking and sending that they share.

- Cases and rooms may be shown in part: of what others write, holders of shares see only what their acts rest
  on. Every signature is checked under the verified roster.
- A share is opened at first sight and compared with what its room promised; what was found is signed.
- Shares are released only to people of a roster that was verified against the public log.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.domain import acts, acts_identity, kinds, opening, reading, requests
from meyasubako.domain.acts import Epoch, Request
from meyasubako.domain.acts_identity import HeldShare
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event
from meyasubako.domain.errors import WrongShareError
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.people import Mechanism
from meyasubako.domain.reading import Opened
from meyasubako.domain.rooms import Room
from meyasubako.service.client.casefile import fold_parts
from meyasubako.service.client.errors import (
    NoAccessError,
    NoSuchRequestError,
)
from meyasubako.service.client.seat import Seat, the_one


@dataclass(frozen=True, slots=True)
class JointFile:
    """A case as far as one is shown it, with its rooms by stream and their events."""

    case: Case
    rooms: Mapping[str, Room]
    events: Mapping[str, tuple[Event, ...]]
    ledger: Ledger = field(repr=False)
    whole: bool

    def room(self, name: str) -> Room | None:
        """The room of this name that a report opens; None where one is not shown it or it does not exist."""
        return self.rooms.get(self.case.rooms.get(name, ""))

    @property
    def mechanism(self) -> Mechanism:
        """The roster by which it was read."""
        return self.ledger.mechanism


class Joint(Seat):
    """One person's part in what is done together."""

    # Reading

    def files(self) -> list[JointFile]:
        """Every case that one is shown, whole or in part, oldest first."""
        mechanism = self._roster()
        shown = [each.stream for each in self._client.me().streams if each.sort == kinds.CASE]
        found = [self._load(mechanism, stream) for stream in shown]
        return sorted(found, key=lambda file: (file.case.submitted_on, file.case.stream))

    def find(self, wanted: str) -> str:
        """The stream of the case whose id begins with this text; NoSuchCaseError."""
        return the_one((each.stream for each in self._client.me().streams if each.sort == kinds.CASE), wanted)

    def file(self, wanted: str) -> JointFile:
        """The case whose id begins with this text; NoSuchCaseError."""
        return self._load(self._roster(), self.find(wanted))

    def request(self, wanted: str, *, recovery: bool) -> tuple[JointFile, requests.Request]:
        """The request whose leaf hash begins with this text, and its case; NoSuchRequestError."""
        found = [
            (file, request)
            for file in self.files()
            for leaf, request in file.case.requests.items()
            if wanted and leaf.startswith(wanted.lower()) and request.is_recovery == recovery
        ]
        if len(found) != 1:
            raise NoSuchRequestError(f"no single request that you are shown begins with {wanted}")
        return found[0]

    def _load(self, mechanism: Mechanism, case: str, beside: Sequence[Event] = ()) -> JointFile:
        """Fold what one is shown; `beside` are events that a conflict has shown before their hour."""
        parts = self._parts(case, beside, whole=False)
        ledger = fold_parts(mechanism, parts.values())
        events_of = {stream: part.events for stream, part in parts.items()}
        return JointFile(ledger.cases[case], dict(ledger.rooms), events_of, ledger, parts[case].whole)

    def keys_of(self, file: JointFile, room: Room) -> Mapping[int, HybridIdentity]:
        """The keys of a room that one reads, by epoch; their wraps are fetched first."""
        self.fetch(file, [wrap.digest for wrap in room.wraps if wrap.reader == self.me])
        return reading.epoch_keys(room, self.me, self._pair.identity, self._client.payload)

    def words(self, file: JointFile, room: Room) -> list[Opened]:
        """The notes of a room that one reads, opened."""
        events = [event for event in file.events[room.stream] if event.kind in reading.TEXTS]
        self.fetch(file, [reading.text_digest(event) for event in events])
        return reading.open_texts(events, self.keys_of(file, room), self._client.payload)

    # Shares

    def held(self, file: JointFile, rooms: Iterable[str]) -> Iterator[HeldShare]:
        """One's own shares of these rooms; WrongShareError for one that is not what its room promised."""
        mine = [
            (room, share)
            for stream in rooms
            if (room := file.rooms.get(stream))
            for share in room.shares
            if share.holder == self.me
        ]
        self.fetch(file, [share.digest for _, share in mine])
        for room, share in mine:
            sealed = self._client.payload(share.digest)
            opened = opening.open_share(sealed, self._pair.identity, share.share)
            yield HeldShare(room.stream, share.epoch, opened)

    def check_shares(self, file: JointFile) -> dict[str, int]:
        """Look at one's shares that nobody looked at yet, and sign what was found; counts of both."""
        found = {"share.checked": 0, "share.disputed": 0}
        for room in file.rooms.values():
            for share in room.shares:
                if share.holder != self.me or (self.me, share.epoch) in room.checked | room.doubted:
                    continue
                self.fetch(file, [share.digest])
                try:
                    opening.open_share(self._client.payload(share.digest), self._pair.identity, share.share)
                    kind = "share.checked"
                except WrongShareError:
                    kind = "share.disputed"
                request = self._request(file)
                event = request.add(kind, room.stream, {"epoch": share.epoch})
                self._client.post([event], {})
                file.ledger.apply(event, 0)
                found[kind] += 1
        return found

    def rebuilt(self, file: JointFile, asked: requests.Request) -> dict[str, dict[int, HybridIdentity]]:
        """The keys that the released shares give, by room and epoch; those of which enough are released.

        WrongShareError where they do not lead to the room's key.
        """
        by_place: dict[tuple[str, int], list[str]] = {}
        for released in asked.released:
            by_place.setdefault((released.room, released.epoch), []).append(released.digest)
        self.fetch(file, [digest for digests in by_place.values() for digest in digests])
        found: dict[str, dict[int, HybridIdentity]] = {}
        for (stream, epoch), digests in sorted(by_place.items()):
            room = file.rooms[stream]
            promised = {share.share for share in room.shares if share.epoch == epoch}
            shares = [
                opening.open_share(self._client.payload(digest), self._pair.identity) for digest in digests
            ]
            true = [share for share in shares if share.digest() in promised]
            found.setdefault(stream, {})[epoch] = opening.rebuild(true, room.recipients[epoch - 1])
        return found

    # Writing

    def act(self, case: str, build: Callable[[JointFile, Request], Event]) -> Event:
        """Sign what `build` makes of a case, by its stream, as it stands; gives the event that it gives."""
        return self._sign(lambda beside: self._load(self._roster(), case, beside), build)

    def release_held(
        self, found: JointFile, asked: requests.Request, rooms: Sequence[str], period: timedelta
    ) -> Event:
        """Release one's shares of these rooms to whom the request is for; the first release fixes the end."""

        def build(file: JointFile, request: Request) -> Event:
            until = file.case.requests[asked.leaf].until or request.today + period
            held, recipient = list(self.held(file, rooms)), self.recipient_of(file, asked.to)
            return acts_identity.release(request, file.case.stream, asked.leaf, held, recipient, until)

        return self.act(found.case.stream, build)

    def epoch(self, file: JointFile, request: Request, room: Room) -> Epoch:
        """The room's epoch to write in, advanced first where it is stale."""
        reporter = HybridRecipient.parse(file.case.reporter_recipient)
        return acts.current_epoch(request, room, file.mechanism, reporter)

    def note(self, file: JointFile, request: Request, stream: str, text: str) -> str:
        """Write a note in a room that one reads; gives its leaf hash."""
        room = file.rooms.get(stream)
        if room is None:
            raise NoAccessError("you do not read the room in which this is discussed")
        return acts_identity.note(request, stream, self.epoch(file, request, room), text).leaf

    def recipient_of(self, file: JointFile, person: str) -> HybridRecipient:
        """What is sealed to somebody, by the verified roster; NoAccessError for who may not act."""
        found = file.mechanism.active(person)
        if found is None:
            raise NoAccessError("whoever asked is not on the roster any more")
        return HybridRecipient.parse(found.recipient)
