"""From what a person wants to the signed events and sealed payloads of one request.

- Pure but for the randomness that `crypto` draws: today, the exact time and fresh stream ids come in.
- Whoever writes in a room whose epoch is stale advances it first, in the same request.
- Nothing here decides whether an act is allowed; `rules` do, on both sides.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.shares import split
from meyasubako.crypto.signing import SigningKey
from meyasubako.domain import holders, rooms, sealing
from meyasubako.domain.envelope import Event, Head, write
from meyasubako.domain.holders import Holding
from meyasubako.domain.people import Channel, Mechanism
from meyasubako.domain.sealing import Binding, Sealed, SealedFile


@dataclass(slots=True)
class Request:
    """A request as it grows: events that follow each other in their streams, and the small payloads they
    name.
    """

    log: str
    key: SigningKey
    now: datetime
    heads: dict[str, Head] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    payloads: dict[str, bytes] = field(default_factory=dict)

    @property
    def author(self) -> str:
        """The key id of whoever signs."""
        return self.key.verify_key.key_id

    @property
    def today(self) -> date:
        """The day every event carries."""
        return self.now.date()

    def binding(self, stream: str, kind: str) -> Binding:
        """What about.json says of a payload that an event of this request will name."""
        return Binding(self.log, stream, self.author, kind, self.now)

    def add(self, kind: str, stream: str, body: Mapping[str, JsonValue], own: Iterable[Sealed] = ()) -> Event:
        """Sign the next event of a stream and keep the small payloads that it names."""
        event = write(
            kind,
            body,
            at=self.today,
            log=self.log,
            stream=stream,
            head=self.heads.get(stream, Head()),
            key=self.key,
        )
        self.heads[stream] = Head(event.seq, event.leaf)
        self.events.append(event)
        self.payloads.update({payload.digest: payload.data for payload in own})
        return event


@dataclass(frozen=True, slots=True)
class NewRoom:
    """A room that is about to be opened."""

    stream: str
    identity: HybridIdentity

    @property
    def recipient(self) -> HybridRecipient:
        """What the room's payloads are sealed to."""
        return self.identity.recipient


def _wraps(
    identity: HybridIdentity, readers: Mapping[str, HybridRecipient]
) -> tuple[list[JsonValue], list[Sealed]]:
    made = {reader: sealing.wrap(identity, recipient) for reader, recipient in sorted(readers.items())}
    return [{"reader": reader, **wrap.reference} for reader, wrap in made.items()], list(made.values())


def share(identity: HybridIdentity, holding: Holding | None) -> tuple[dict[str, JsonValue], list[Sealed]]:
    """The fields that say who holds shares of an epoch's key, and the shares, each sealed to one holder."""
    if holding is None:
        return {}, []
    fields: dict[str, JsonValue] = {"appointed": holding.leaf}
    if not holding.people:
        return fields, []
    cut = split(identity.reveal_seed(), holding.threshold, len(holding.people))
    made = [
        (holder, each.digest(), sealing.seal_share(each, HybridRecipient.parse(recipient)))
        for each, (holder, recipient) in zip(cut, sorted(holding.people.items()), strict=True)
    ]
    fields["shares"] = [
        {"holder": holder, "share": digest, **sealed.reference} for holder, digest, sealed in made
    ]
    return fields, [sealed for _, _, sealed in made]


def _claim(sealed_by: str | None) -> dict[str, JsonValue]:
    return {"sealed_by": sealed_by} if sealed_by else {}


def open_room(
    request: Request,
    room: NewRoom,
    *,
    case: str,
    name: str,
    readers: Mapping[str, HybridRecipient],
    sealed_by: str | None = None,
    holding: Holding | None = None,
) -> Event:
    """Open a room of a case for these readers (key id to recipient); shares of its key go to `holding`."""
    wraps, own = _wraps(room.identity, readers)
    shares, sealed = share(room.identity, holding)
    body: dict[str, JsonValue] = {
        "case": case,
        "room": name,
        "recipient": room.recipient.text,
        "wraps": wraps,
        **shares,
        **_claim(sealed_by),
    }
    return request.add("room.opened", room.stream, body, [*own, *sealed])


@dataclass(frozen=True, slots=True, repr=False)
class Told:
    """Who a reporter is, in their own words; the key of its room exists in shares only, once this is sent."""

    room: NewRoom
    document: Mapping[str, JsonValue]
    holding: Holding


@dataclass(frozen=True, slots=True)
class Report:
    """What the reporter says: the answers as JSON, and the same as readable text; who they are, if told.

    `holding` are those who can restore access to its rooms.
    """

    document: Mapping[str, JsonValue]
    text: str
    files: Sequence[SealedFile] = ()
    told: Told | None = None
    holding: Holding | None = None


def submit(
    request: Request,
    report: Report,
    *,
    case: str,
    rooms: tuple[NewRoom, NewRoom],
    reporter: HybridRecipient,
    channel: Channel,
    marker: str,
    readers: Mapping[str, HybridRecipient],
    sealed_by: str,
) -> None:
    """A report to these readers: `report.submitted`, then its rooms `report`, `dialogue` and perhaps
    `identity`.
    """
    (report_room, dialogue), told, holding = rooms, report.told, report.holding
    sealed = sealing.seal_report(
        report_room.recipient,
        request.binding(case, "report.submitted"),
        report.document,
        report.text,
        report.files,
    )
    streams: dict[str, JsonValue] = {"report": report_room.stream, "dialogue": dialogue.stream}
    body: dict[str, JsonValue] = {
        "key": request.key.verify_key.text,
        "recipient": reporter.text,
        "channel": channel.channel,
        "card": {"ref": channel.card},
        "questionnaire": {"ref": channel.questionnaire},
        "marker": marker,
        "rooms": streams,
        "report": sealed.reference,
        "files": [file.reference for file in report.files],
        "sealed_by": sealed_by,
    }
    own = [sealed]
    if told is not None:
        about = request.binding(case, "report.submitted")
        own.append(sealing.seal_identity(told.room.recipient, about, told.document))
        streams["identity"], body["identity"] = told.room.stream, own[-1].reference
    request.add("report.submitted", case, body, own)
    both = {**readers, request.author: reporter}
    opened = [(report_room, "report", readers, holding), (dialogue, "dialogue", both, holding)]
    if told is not None:
        opened.append((told.room, "identity", {}, told.holding))
    for room, name, given, shared in opened:
        open_room(request, room, case=case, name=name, readers=given, sealed_by=sealed_by, holding=shared)


@dataclass(frozen=True, slots=True)
class Epoch:
    """The epoch that the rest of a request writes in."""

    number: int
    recipient: HybridRecipient


def current_epoch(
    request: Request,
    room: rooms.Room,
    mechanism: Mechanism,
    reporter: HybridRecipient,
    sealed_by: str | None = None,
) -> Epoch:
    """The room's epoch if it is fresh; otherwise a new one, wrapped to exactly those who may read now."""
    if not rooms.stale(room, mechanism):
        return Epoch(room.epoch, HybridRecipient.parse(room.recipient))
    identity = HybridIdentity.generate()
    readers = {
        reader: reporter
        if reader == room.reporter
        else HybridRecipient.parse(mechanism.people[reader].recipient)
        for reader in rooms.present(room, mechanism)
    }
    wraps, own = _wraps(identity, readers)
    shares, sealed = share(identity, holders.next_holding(room, mechanism))
    body: dict[str, JsonValue] = {
        "epoch": room.epoch + 1,
        "recipient": identity.recipient.text,
        "wraps": wraps,
        **shares,
        **_claim(sealed_by),
    }
    request.add("room.advanced", room.stream, body, [*own, *sealed])
    return Epoch(room.epoch + 1, identity.recipient)


def post(
    request: Request,
    kind: str,
    stream: str,
    epoch: Epoch,
    document: Mapping[str, JsonValue],
    files: Sequence[SealedFile] = (),
    sealed_by: str | None = None,
) -> Event:
    """A message, a note or an addition to the report in an epoch that `current_epoch` gave."""
    use = {"message.posted": "message", "note.added": "note", "report.added": "addition"}[kind]
    about = request.binding(stream, kind)
    if kind == "report.added":
        sealed = sealing.seal_report(epoch.recipient, about, document, str(document.get("text", "")), files)
    else:
        sealed = sealing.seal_message(epoch.recipient, about, document, files)
    body: dict[str, JsonValue] = {
        "epoch": epoch.number,
        use: sealed.reference,
        "files": [file.reference for file in files],
        **_claim(sealed_by),
    }
    return request.add(kind, stream, body, [sealed])


def grant(
    request: Request,
    room: rooms.Room,
    identities: Sequence[HybridIdentity],
    reader: str,
    recipient: HybridRecipient,
    first: int = 1,
) -> Event:
    """Give somebody epochs of a room; `identities` are their keys in order, from the epoch `first` on."""
    made = [sealing.wrap(identity, recipient) for identity in identities]
    wraps: list[JsonValue] = [{"epoch": number, **wrap.reference} for number, wrap in enumerate(made, first)]
    return request.add("access.granted", room.stream, {"reader": reader, "wraps": wraps}, made)
