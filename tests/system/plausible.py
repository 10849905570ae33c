"""Acts that somebody might try: of every kind, by anybody, with bodies that mostly make sense there.

What fits is drawn from the ledger by the name of a field; now and then something else of the right form is
put in its place. Nothing here knows the rules: it only makes it likely that some of them are met.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.shares import split
from meyasubako.domain import acts, keeping, kinds, rooms, schema, sealing
from meyasubako.domain.acts import Request
from meyasubako.domain.case import Case
from meyasubako.domain.kinds import Kind
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.proposals import Proposal
from meyasubako.domain.rooms import Room
from meyasubako.domain.schema import Field

OTHERWISE = 0.08
DAYS = ("next", "until", "review")
# Fields that name a text: in which rooms, and of which kind, it may stand.
_NOTES = [("team", "note.added"), ("request", "note.added")]
TEXTS = {
    "message": [("dialogue", "message.posted")],
    **dict.fromkeys(("motive", "reason", "note", "ground", "decision"), _NOTES),
}
# Fields that name something that a case has.
REFERENCES: Mapping[str, Callable[[Case], list[str]]] = {
    "request": lambda case: list(case.requests),
    "order": lambda case: list(case.orders),
    "hold": lambda case: sorted(case.keeping.holds),
    "referral": lambda case: list(case.referrals),
    "due": lambda case: [case.next_date.isoformat()] if case.next_date else [],
}


@dataclass
class Somebody:
    """Whoever acts: a person of the roster, a stranger, or a reporter."""

    name: str
    pair: KeyPair
    reporter: bool = False

    @property
    def id(self) -> str:
        return self.pair.signing.verify_key.key_id


@dataclass
class Scene:
    """Where an act is tried: everybody, the ledger as it stands, and chance."""

    random: Random
    ledger: Ledger
    today: date
    everybody: Sequence[Somebody]

    def cases(self) -> list[Case]:
        return list(self.ledger.cases.values())

    def rooms_of(self, case: str) -> list[Room]:
        return list(self.ledger.rooms_of(case))

    def proposals(self, stream: str) -> Mapping[str, Proposal]:
        """What somebody proposed in a stream."""
        case = self.ledger.cases.get(stream)
        if case is not None:
            return case.proposals
        return self.ledger.mechanism.proposals if stream == self.ledger.mechanism.stream else {}

    def recipient(self, key_id: str) -> HybridRecipient:
        known = {each.id: each.pair.identity.recipient for each in self.everybody}
        return known.get(key_id) or self.everybody[0].pair.identity.recipient


def author(scene: Scene, kind: Kind, stream: str) -> Somebody:
    """Whoever might do this there; now and then anybody."""
    room = scene.ledger.rooms.get(stream)
    case = scene.ledger.cases.get(room.case if room else stream)
    by_id = {each.id: each for each in scene.everybody}
    fitting: set[str] = set()
    if case is not None and "reporter" in kind.by:
        fitting.add(case.reporter)
    for sort in kind.by:
        fitting |= {
            key_id
            for key_id, person in scene.ledger.mechanism.people.items()
            if person.active and any(role.partition(":")[0] == sort for role in person.roles)
        }
    if (case is not None and not fitting) or "staff" in kind.by:
        read = room or (scene.ledger.rooms.get(case.rooms["report"]) if case else None)
        fitting |= rooms.present(read, scene.ledger.mechanism) if read else set()
    known = [by_id[key_id] for key_id in sorted(fitting) if key_id in by_id]
    return scene.random.choice(known if known and scene.random.random() >= OTHERWISE else scene.everybody)


class Plausible:
    """Draws bodies for one act of one kind in one stream."""

    def __init__(self, scene: Scene, request: Request, stream: str) -> None:
        self.scene, self.request, self.stream = scene, request, stream
        self.random, self.ledger = scene.random, scene.ledger
        self.room = self.ledger.rooms.get(stream)
        self.case = self.ledger.cases.get(self.room.case if self.room else stream)
        self.own: list[sealing.Sealed] = []

    def body(self, kind: Kind) -> dict[str, JsonValue]:
        """A body of this kind; what it owns is in `own`."""
        if kind.name == "act.proposed":
            sort = self.ledger.sorts.get(self.stream)
            can = [each for each in kinds.KINDS.values() if each.takes_two and sort in each.streams]
            inner = self.random.choice(can)
            proposed = self._record(inner.body, skip=("proposal",))
            return {"kind": inner.name, "v": inner.version, "body": proposed}
        standing = self._standing(kind)
        if standing is not None:
            return standing
        if kind.name == "retention.started" and self.case is not None and self.case.decided_on:
            return self._window(self.case)
        return self._record(kind.body)

    def _standing(self, kind: Kind) -> dict[str, JsonValue] | None:
        """The second half of an act that somebody proposed in this stream."""
        fitting = [
            (leaf, each) for leaf, each in self.scene.proposals(self.stream).items() if each.kind == kind.name
        ]
        if not fitting or self.random.random() < OTHERWISE:
            return None
        leaf, proposal = self.random.choice(fitting)
        return {**proposal.body, "proposal": leaf}

    def _window(self, case: Case) -> dict[str, JsonValue]:
        channel = self.ledger.mechanism.channels[case.channel]
        assert case.decided_on is not None
        found = keeping.window(channel.profiles.values(), case.submitted_on, case.decided_on)
        return {"earliest": found.earliest.isoformat(), "latest": found.latest.isoformat()}

    def _record(self, record: schema.Record, skip: Sequence[str] = ()) -> dict[str, JsonValue]:
        names = [name for name in record.fields if name not in skip and self._wanted(name, record)]
        return {name: self._field(name, record.fields[name]) for name in names}

    def _wanted(self, name: str, record: schema.Record) -> bool:
        if name not in record.optional:
            return True
        reporters = self.case is not None and self.request.author == self.case.reporter
        return reporters if name == "sealed_by" else name != "proposal" and self.random.random() < 0.5

    def _field(self, name: str, field: Field) -> JsonValue:
        if self.random.random() >= OTHERWISE:
            fitting = self._named(name)
            if fitting is not None:
                return fitting
        return self._formed(name, field)

    def _named(self, name: str) -> "JsonValue | None":
        """What fits the name of a field here, or None where nothing does."""
        draw, case, room = self.random.choice, self.case, self.room
        if name in DAYS:
            return (self.scene.today + timedelta(days=draw([1, 3, 7, 30]))).isoformat()
        if name in TEXTS:
            return self._said(*draw(TEXTS[name]))
        if name in ("person", "reader"):
            return draw(self.scene.everybody).id
        if name == "channel":
            return "main"
        if name == "epoch" and room is not None:
            return room.epoch
        if name == "case":
            return draw([each.stream for each in self.scene.cases()])
        if case is None or name not in REFERENCES:
            return None
        there = REFERENCES[name](case)
        return draw(there) if there else None

    def _said(self, name: str, kind: str) -> "JsonValue | None":
        """A text of one's own in a room of the case, said in this very request."""
        if self.case is None:
            return None
        there = [room for room in self.scene.rooms_of(self.case.stream) if room.name == name]
        if not there or len(self.request.events) > 2:
            return None
        claim = "reporter_tool" if self.request.author == self.case.reporter else None
        return say(self.scene, self.request, self.random.choice(there), kind, claim)

    def _formed(self, name: str, field: Field) -> JsonValue:
        """Anything of the form of a field."""
        random = self.random
        match field:
            case schema.Pattern():
                return random.choice(self._pool(field))
            case schema.Count(low=low, high=high):
                return random.choice([low, min(low + 1, high), min(low + 2, high)])
            case schema.Flag():
                return random.random() < 0.5
            case schema.OneOf(words=words):
                return random.choice(words)
            case schema.Day():
                return (self.scene.today + timedelta(days=random.choice([-1, 0, 1, 7, 400]))).isoformat()
            case schema.Setting():
                return random.choice(["handler:main", "intake:main", "custodian:main", "records", "anything"])
            case schema.Owned(also=also):
                return self._owned(name, also)
            case schema.ListOf(item=item, least=least, most=most):
                count = random.randint(least, min(most, least + 2)) if name != "files" else 0
                return [self._formed(name, item) for _ in range(count)]
            case schema.Record(fields=fields, optional=optional):
                kept = [each for each in fields if each not in optional or random.random() < 0.5]
                return {each: self._field(each, fields[each]) for each in kept}
            case _:
                return {}

    def _pool(self, field: schema.Pattern) -> list[str]:
        someone = self.random.choice(self.scene.everybody)
        leaves = [head.leaf for head in self.ledger.heads.values() if head.leaf]
        pools: Mapping[schema.Pattern, list[str]] = {
            schema.DIGEST: list(self.ledger.owners) or ["ab" * 32],
            schema.LEAF: leaves,
            schema.STREAM: [*self.ledger.heads, str(uuid.uuid4())],
            schema.PERSON: [someone.id],
            schema.PUBLIC_KEY: [someone.pair.signing.verify_key.text],
            schema.SIGNATURE: [someone.pair.person().proof],
            schema.AGE_RECIPIENT: [someone.pair.identity.recipient.text],
            schema.CHANNEL_ID: ["main"],
            schema.LANGUAGE_TAG: ["en", "ja"],
        }
        return pools[field]

    def _owned(self, name: str, also: Mapping[str, Field]) -> dict[str, JsonValue]:
        recipient = self.scene.recipient(self.random.choice(self.scene.everybody).id)
        if name == "wraps":
            made = sealing.wrap(HybridIdentity.generate(), recipient)
        elif name == "shares":
            share = split(bytes(31) + b"\x01", 2, 2)[0]
            made = sealing.sealed(age.seal(share.encode(), recipient))
        else:
            about = self.request.binding(self.stream, name)
            made = sealing.seal_message(recipient, about, {"text": "any", "v": 1}, ())
        self.own.append(made)
        return {**made.reference, **{each: self._field(each, field) for each, field in also.items()}}


def say(scene: Scene, request: Request, room: Room, kind: str, sealed_by: str | None) -> str:
    """Say something in a room, advanced first where it must be; gives the leaf."""
    case = scene.ledger.cases[room.case]
    reporter = HybridRecipient.parse(case.reporter_recipient)
    epoch = acts.current_epoch(request, room, scene.ledger.mechanism, reporter, sealed_by)
    return acts.post(request, kind, room.stream, epoch, {"text": "any", "v": 1}, sealed_by=sealed_by).leaf


def attempt(scene: Scene, request: Request, kind: Kind, stream: str) -> None:
    """Add one act of a kind to a request, and what should stand before it."""
    room = scene.ledger.rooms.get(stream)
    case = scene.ledger.cases.get(room.case) if room else None
    if room is not None and case is not None and kind.name in ("message.posted", "note.added"):
        claim = "reporter_tool" if request.author == case.reporter else None
        if rooms.present(room, scene.ledger.mechanism) and scene.random.random() >= OTHERWISE:
            say(scene, request, room, kind.name, claim)
            return
    drawn = Plausible(scene, request, stream)
    body = drawn.body(kind)
    request.add(kind.name, stream, body, drawn.own)
