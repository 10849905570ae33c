"""The mechanism's own stream folded: people, roles, channels, cards, markers.

A person's key is usable from the first slot marker at least the waiting time after the marker that covers the
enrolment; founders from the founding's marker. Days are all the log knows, so a waiting time of w hours is
over at a marker whose day is more than w/24 days later than the covering marker's (never earlier).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from hashlib import sha256

from meyasubako.crypto import canonical
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.signing import VerifyKey
from meyasubako.domain import roles
from meyasubako.domain.envelope import Event
from meyasubako.domain.schema import MAX_COUNT

# `usable_from` of somebody whose waiting time is not over yet.
NOT_YET = MAX_COUNT


@lru_cache(maxsize=4096)
def parsed_key(text: str) -> VerifyKey:
    """The key of a text, or BadKeyError. A replay meets the same few again and again."""
    return VerifyKey.parse(text)


@dataclass(frozen=True, slots=True)
class Person:
    """One enrolled key and the person behind it."""

    key_id: str
    key: str
    recipient: str
    card: str
    enrolled: str
    roles: frozenset[str]
    state: str = "active"
    usable_from: int = NOT_YET
    covered_on: date | None = None
    # The key id that this key took the place of.
    replaces: str = ""

    @property
    def active(self) -> bool:
        """Whether this person may act at all."""
        return self.state == "active"

    def has(self, role: str, channel: str | None = None) -> bool:
        """Whether this person holds the role (on the channel, where one is named)."""
        return (role if channel is None else f"{role}:{channel}") in self.roles

    @property
    def verify_key(self) -> VerifyKey:
        """The key this person signs with."""
        return parsed_key(self.key)


@dataclass(frozen=True, slots=True)
class Channel:
    """One intake channel: its cards, its languages, and how many readers are drawn (0 means all)."""

    channel: str
    card: str
    questionnaire: str
    draw: int
    languages: tuple[str, ...]
    fallback: str | None = None
    letterbox: bool = False
    open: bool = True
    custodians: "Holders | None" = None
    recovery: "Holders | None" = None
    profiles: Mapping[str, "Profile"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Holders:
    """Who is given shares of new epochs, and how many of them together open one; `leaf` appointed them."""

    people: tuple[str, ...]
    threshold: int
    leaf: str = ""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Within how many days something is due, and to how many it may be extended (0: not)."""

    step: str
    days: int
    working: bool = False
    extended: int = 0


@dataclass(frozen=True, slots=True)
class Retention:
    """How long something is kept after what began its time: at least, at most (0: no bound), in days."""

    item: str
    trigger: str
    least: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """A law, or a mechanism's own word, as the days that it gives."""

    name: str
    deadlines: tuple[Deadline, ...] = ()
    retention: tuple[Retention, ...] = ()


@dataclass(frozen=True, slots=True)
class Marker:
    """One slot marker: its slot, day, leaf hash and place; the tree of the slot ends with it."""

    slot: int
    day: date
    leaf: str
    index: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one person proposed and nobody else has done yet; `data` is the canonical body."""

    by: str
    kind: str
    version: int
    data: bytes

    @property
    def body(self) -> Mapping[str, JsonValue]:
        """The body that the second person signs, with the proposal's leaf hash besides."""
        return canonical.decode(self.data)


def proposed(event: Event) -> Proposal:
    """The proposal that an `act.proposed` makes."""
    body = event.body["body"]
    data = canonical.encode(body if isinstance(body, dict) else {})
    return Proposal(event.by, event.text("kind"), event.number("v"), data)


@dataclass(frozen=True, slots=True)
class Mechanism:
    """The state of a mechanism as its own stream tells it."""

    stream: str = ""
    origin: str = ""
    founded: str = ""
    founded_on: date = date.min
    service_key: str = ""
    log_keys: tuple[str, ...] = ()
    promise_key: str = ""
    # Server keys of the past: none of them may come back.
    spent_keys: frozenset[str] = frozenset()
    witness_policy: tuple[str, ...] = ()
    # Witness (its verifier key) -> the last slot at which it was put down as away.
    away: Mapping[str, int] = field(default_factory=dict)
    slot_hours: int = 24
    step: int = 64
    waiting_hours: int = 24
    test: bool = False
    card: str = ""
    people: Mapping[str, Person] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    cards: frozenset[str] = frozenset()
    proposals: Mapping[str, Proposal] = field(default_factory=dict)
    markers: tuple[Marker, ...] = ()
    # Everybody who was ever appointed to hold shares, by the leaf hash that rooms name.
    appointments: Mapping[str, Holders] = field(default_factory=dict)

    @property
    def last_marker(self) -> Marker | None:
        """The newest slot marker."""
        return self.markers[-1] if self.markers else None

    def marker(self, leaf: str) -> Marker | None:
        """The marker with this leaf hash; the newest are looked at first."""
        return next((marker for marker in reversed(self.markers) if marker.leaf == leaf), None)

    def active(self, key_id: str) -> Person | None:
        """The person with this key, if enrolled and not suspended."""
        person = self.people.get(key_id)
        return person if person and person.active else None

    def usable(self, key_id: str, slot: int) -> Person | None:
        """The active person with this key, if the waiting time was over at that slot's marker."""
        person = self.active(key_id)
        return person if person and person.usable_from <= slot else None

    def intake(self, channel: str, slot: int) -> tuple[Person, ...]:
        """The people a report on this channel may be sealed to, by the roster of that slot."""
        return tuple(
            person
            for _, person in sorted(self.people.items())
            if person.has("intake", channel) and self.usable(person.key_id, slot)
        )


def roster_digest(people: Iterable[Person]) -> str:
    """SHA-256 in hex of the canonical JSON array of the roster, by key id ascending."""
    rows: list[JsonValue] = [
        {
            "card": person.card,
            "enrolled": person.enrolled,
            "key": person.key,
            "recipient": person.recipient,
            "roles": list[JsonValue](sorted(person.roles)),
            "state": person.state,
            "usable_from": person.usable_from,
        }
        for person in sorted(people, key=lambda person: person.key_id)
    ]
    return sha256(canonical.encode(rows)).hexdigest()


def at_marker(mechanism: Mechanism, slot: int, day: date) -> Mapping[str, Person]:
    """The people as a marker of this slot and day leaves them: waiting begins, or is over."""
    wait = mechanism.waiting_hours

    def settle(person: Person) -> Person:
        if person.usable_from != NOT_YET:
            return person
        covered = person.covered_on or day
        over = wait == 0 or (day - covered).days * 24 > wait
        founding = person.enrolled == mechanism.founded and not mechanism.markers
        usable = slot if founding or over else NOT_YET
        return replace(person, covered_on=covered, usable_from=usable)

    return {key_id: settle(person) for key_id, person in mechanism.people.items()}


def _reference(value: JsonValue) -> str:
    return str(value["ref"]) if isinstance(value, dict) else ""


def _listed(value: JsonValue) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _person(fields: Mapping[str, JsonValue], enrolled: str) -> Person:
    return Person(
        key_id=VerifyKey.parse(str(fields["key"])).key_id,
        key=str(fields["key"]),
        recipient=str(fields["recipient"]),
        card=_reference(fields["card"]),
        enrolled=enrolled,
        roles=frozenset(_listed(fields["roles"])),
    )


def _founded(_: Mechanism, event: Event) -> Mechanism:
    people = [_person(fields, event.leaf) for fields in event.records("people")]
    return Mechanism(
        stream=event.stream,
        origin=event.log,
        founded=event.leaf,
        founded_on=event.at,
        service_key=event.text("service_key"),
        log_keys=_listed(event.body["log_keys"]),
        promise_key=event.text("promise_key"),
        witness_policy=_listed(event.body["witness_policy"]),
        slot_hours=event.number("slot_hours"),
        step=event.number("step"),
        waiting_hours=event.number("waiting_hours"),
        test=event.body["test"] is True,
        card=_reference(event.body["card"]),
        people={person.key_id: person for person in people},
    )


def _granted(mechanism: Mechanism, event: Event) -> Mechanism:
    person = mechanism.people[event.text("person")]
    role = event.text("role")
    # Whoever is given a reading role waits like a new reader, so no roster surprises anybody.
    waits = roles.reads([role]) and mechanism.markers
    person = replace(person, roles=person.roles | {role})
    if waits:
        person = replace(person, usable_from=NOT_YET, covered_on=None)
    return _with_person(mechanism, person)


def _opened(mechanism: Mechanism, event: Event) -> Mechanism:
    known = mechanism.channels.get(event.text("channel"))
    fields = {
        "card": _reference(event.body["card"]),
        "questionnaire": _reference(event.body["questionnaire"]),
        "draw": event.number("draw"),
        "languages": _listed(event.body["languages"]),
        "letterbox": event.body.get("letterbox") is True,
    }
    channel = (
        replace(known, **fields) if known else Channel(channel=event.text("channel"), **fields)  # type: ignore[arg-type]  # by name, see above
    )
    return _with_channel(mechanism, channel)


def _with_channel(mechanism: Mechanism, channel: Channel) -> Mechanism:
    return replace(mechanism, channels={**mechanism.channels, channel.channel: channel})


def _shut(mechanism: Mechanism, event: Event) -> Mechanism:
    return _with_channel(mechanism, replace(mechanism.channels[event.text("channel")], open=False))


def _adopted(mechanism: Mechanism, event: Event) -> Mechanism:
    channel = mechanism.channels[event.text("channel")]
    profile = Profile(
        event.text("profile"),
        tuple(
            Deadline(
                str(row["step"]),
                int(str(row["days"])),
                row["working"] is True,
                int(str(row.get("extended", 0))),
            )
            for row in event.records("deadlines")
        ),
        tuple(
            Retention(
                str(row["item"]),
                str(row["trigger"]),
                int(str(row.get("least", 0))),
                int(str(row.get("most", 0))),
            )
            for row in event.records("retention")
        ),
    )
    return _with_channel(mechanism, replace(channel, profiles={**channel.profiles, profile.name: profile}))


def _holding(mechanism: Mechanism, event: Event) -> Mechanism:
    channel = mechanism.channels[event.text("channel")]
    holders = Holders(_listed(event.body["people"]), event.number("threshold"), event.leaf)
    mechanism = replace(mechanism, appointments={**mechanism.appointments, event.leaf: holders})
    if event.kind == "custodians.appointed":
        return _with_channel(mechanism, replace(channel, custodians=holders))
    return _with_channel(mechanism, replace(channel, recovery=holders))


def _appointed(mechanism: Mechanism, event: Event) -> Mechanism:
    channel = mechanism.channels[event.text("channel")]
    return _with_channel(mechanism, replace(channel, fallback=event.text("person")))


def _proposed(mechanism: Mechanism, event: Event) -> Mechanism:
    return replace(mechanism, proposals={**mechanism.proposals, event.leaf: proposed(event)})


def _marked(mechanism: Mechanism, event: Event, index: int) -> Mechanism:
    marker = Marker(event.number("slot"), event.at, event.leaf, index)
    people = at_marker(mechanism, marker.slot, marker.day)
    return replace(mechanism, people=people, markers=(*mechanism.markers, marker))


def _enrolled(mechanism: Mechanism, event: Event) -> Mechanism:
    person = _person(event.body, event.leaf)
    return replace(mechanism, people={**mechanism.people, person.key_id: person})


def _stated(state: str) -> Callable[[Mechanism, Event], Mechanism]:
    def folded(mechanism: Mechanism, event: Event) -> Mechanism:
        return _with_person(mechanism, replace(mechanism.people[event.text("person")], state=state))

    return folded


def _with_person(mechanism: Mechanism, person: Person) -> Mechanism:
    return replace(mechanism, people={**mechanism.people, person.key_id: person})


def _restored(mechanism: Mechanism, event: Event) -> Mechanism:
    person = mechanism.people[event.text("person")]
    # Whoever comes back waits like somebody new, so no roster surprises anybody.
    return _with_person(mechanism, replace(person, state="active", usable_from=NOT_YET, covered_on=None))


def _withdrawn(mechanism: Mechanism, event: Event) -> Mechanism:
    person = mechanism.people[event.text("person")]
    return _with_person(mechanism, replace(person, roles=person.roles - {event.text("role")}))


def _rekeyed(mechanism: Mechanism, event: Event) -> Mechanism:
    """The old key is retired, and the new one is somebody new who has the old one's roles and waits."""
    old = mechanism.people[event.text("person")]
    key = _listed(event.body["keys"])[0]
    new = Person(
        key_id=VerifyKey.parse(key).key_id,
        key=key,
        recipient=event.text("recipient"),
        card=old.card,
        enrolled=event.leaf,
        roles=old.roles,
        replaces=old.key_id,
    )
    return _with_person(_with_person(mechanism, replace(old, state="retired")), new)


def _published(mechanism: Mechanism, event: Event) -> Mechanism:
    return replace(mechanism, cards=mechanism.cards | {event.payloads()[0].digest})


def _rotated(mechanism: Mechanism, event: Event) -> Mechanism:
    if event.text("of") == "person":
        return _rekeyed(mechanism, event)
    keys = _listed(event.body["keys"])
    match event.text("of"):
        case "log":
            spent, mechanism = mechanism.log_keys, replace(mechanism, log_keys=keys)
        case "promise":
            spent, mechanism = (mechanism.promise_key,), replace(mechanism, promise_key=keys[0])
        case _:
            spent, mechanism = (mechanism.service_key,), replace(mechanism, service_key=keys[0])
    return replace(mechanism, spent_keys=mechanism.spent_keys | set(spent))


def _admitted(mechanism: Mechanism, event: Event) -> Mechanism:
    return replace(mechanism, witness_policy=_listed(event.body["policy"]))


def _noted(mechanism: Mechanism, _: Event) -> Mechanism:
    return mechanism


def _dropped(mechanism: Mechanism, event: Event) -> Mechanism:
    # For the record only: a policy changes by people.
    return replace(mechanism, away={**mechanism.away, event.text("witness"): event.number("slot")})


_FOLDS = {
    "mechanism.founded": _founded,
    "act.proposed": _proposed,
    "person.enrolled": _enrolled,
    "person.suspended": _stated("suspended"),
    "person.restored": _restored,
    "person.retired": _stated("retired"),
    "role.granted": _granted,
    "role.withdrawn": _withdrawn,
    "channel.opened": _opened,
    "channel.changed": _opened,
    "channel.closed": _shut,
    "profile.adopted": _adopted,
    "custodians.appointed": _holding,
    "recovery.appointed": _holding,
    "card.published": _published,
    "fallback.appointed": _appointed,
    "key.rotated": _rotated,
    "witness.admitted": _admitted,
    "witness.dropped": _dropped,
    "restore.exercised": _noted,
    "software.upgraded": _noted,
}


def fold(mechanism: Mechanism, event: Event, index: int) -> Mechanism:
    """The state after one more event of the mechanism's stream, which the rules have allowed."""
    used = event.body.get("proposal")
    if used is not None:
        left = {leaf: proposal for leaf, proposal in mechanism.proposals.items() if leaf != used}
        mechanism = replace(mechanism, proposals=left)
    if event.kind == "slot.marked":
        return _marked(mechanism, event, index)
    return _FOLDS[event.kind](mechanism, event)
