"""Acts on what only several people open together: asking, agreeing, releasing shares, opening, taking back.

- Words (motive, reason, ground) are notes in the room where the request is discussed; events name them.
- Shares are released to exactly one key, that of the person whom the request is for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.shares import Share
from meyasubako.domain import acts, rooms, sealing
from meyasubako.domain.acts import Epoch, NewRoom, Request
from meyasubako.domain.envelope import Event
from meyasubako.domain.people import Mechanism


@dataclass(frozen=True, slots=True)
class HeldShare:
    """One share as its holder opened it, and of which room and epoch it is."""

    room: str
    epoch: int
    share: Share


@dataclass(frozen=True, slots=True)
class Telling:
    """How the reporter hears of an act: a message, or a sealed ground why not and when that is reviewed."""

    message: str = ""
    ground: str = ""
    review: date | None = None

    @property
    def fields(self) -> dict[str, JsonValue]:
        """The fields of an event's body."""
        if self.message:
            return {"message": self.message}
        return {"ground": self.ground, "review": self.review.isoformat() if self.review else ""}


def open_request_room(
    request: Request, room: NewRoom, *, case: str, identity: rooms.Room, mechanism: Mechanism
) -> None:
    """The room in which an identity is asked for: read by whoever asks and those who hold its shares."""
    people = {share.holder for share in identity.shares} | {request.author}
    readers = {
        key_id: HybridRecipient.parse(person.recipient)
        for key_id in people
        if (person := mechanism.active(key_id))
    }
    acts.open_room(request, room, case=case, name="request", readers=readers)


def note(request: Request, stream: str, epoch: Epoch, text: str) -> Event:
    """A note that an event will name: a motive, a reason, a ground."""
    return acts.post(request, "note.added", stream, epoch, {"text": text, "v": 1})


def ask_for_identity(
    request: Request, case: str, room: str, motive: str, ground: str, order: str = ""
) -> Event:
    """Ask on this ground, for the reasons in the note `motive`; a court's order is named besides."""
    body: dict[str, JsonValue] = {"room": room, "motive": motive, "ground": ground}
    return request.add("identity.requested", case, {**body, **({"order": order} if order else {})})


def release(
    request: Request,
    case: str,
    asked: str,
    shares: Iterable[HeldShare],
    recipient: HybridRecipient,
    until: date,
) -> Event:
    """Release shares, sealed to the one key of the person whom the request is for."""
    made = [(held, sealing.seal_share(held.share, recipient)) for held in shares]
    listed: list[JsonValue] = [
        {"room": held.room, "epoch": held.epoch, **sealed.reference} for held, sealed in made
    ]
    body: dict[str, JsonValue] = {"request": asked, "shares": listed, "until": until.isoformat()}
    return request.add("share.released", case, body, [sealed for _, sealed in made])


def add_identity(
    request: Request,
    room: rooms.Room,
    mechanism: Mechanism,
    reporter: HybridRecipient,
    document: Mapping[str, JsonValue],
    sealed_by: str,
) -> Event:
    """What a reporter tells of themselves later; under a new key where the one before was opened."""
    epoch = acts.current_epoch(request, room, mechanism, reporter, sealed_by)
    about = request.binding(room.stream, "report.added")
    sealed = sealing.seal_identity(epoch.recipient, about, document)
    body: dict[str, JsonValue] = {
        "epoch": epoch.number,
        "addition": sealed.reference,
        "files": [],
        "sealed_by": sealed_by,
    }
    return request.add("report.added", room.stream, body, [sealed])


def take_back(
    request: Request, room: rooms.Room, identities: Mapping[int, HybridIdentity], recipient: HybridRecipient
) -> Event:
    """After a recovery: give oneself the epochs (by number) whose keys were put together again."""
    made = [(number, sealing.wrap(identity, recipient)) for number, identity in sorted(identities.items())]
    wraps: list[JsonValue] = [{"epoch": number, **wrap.reference} for number, wrap in made]
    body: dict[str, JsonValue] = {"reader": request.author, "wraps": wraps}
    return request.add("access.granted", room.stream, body, [wrap for _, wrap in made])
