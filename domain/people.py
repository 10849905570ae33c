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
from meyasubako.domain import channels, roles
from meyasubako.domain.channels import Channel, Deadline, Holders, Profile, Retention, listed, reference
from meyasubako.domain.envelope import Event
from meyasubako.domain.proposals import Proposal, proposed, standing
from meyasubako.domain.schema import MAX_COUNT

__all__ = [
    "NOT_YET",
    "Channel",
    "Deadline",
    "Holders",
    "Marker",
    "Mechanism",
    "Person",
    "Profile",
    "Proposal",
    "Retention",
    "at_marker",
    "fold",
    "parsed_key",
    "proposed",
    "roster_digest",
]

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
    # The key id that this key took the place of, and the day on which this key was enrolled.
    replaces: str = ""
    since: date = date.min

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
class Marker:
    """One slot marker: its slot, day, leaf hash and place; the tree of the slot ends with it."""

    slot: int
    day: date
    leaf: str
    index: int


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
        """The people a report on this channel may be sealed to, by the roster of that slot.

        In a letterbox that is the person outside alone.
        """
        known = self.channels.get(channel)
        if known is not None and known.letterbox:
            outside = self.fallback(channel, slot)
            return (outside,) if outside else ()
        return self._usable_with("intake", channel, slot)

    def fallback(self, channel: str, slot: int) -> Person | None:
        """Who reads where nobody inside may, by the roster of that slot."""
        named = self.channels[channel].fallback if channel in self.channels else None
        return self.usable(named, slot) if named else None

    def _usable_with(self, role: str, channel: str, slot: int) -> tuple[Person, ...]:
        return tuple(
            person
            for _, person in sorted(self.people.items())
            if person.has(role, channel) and self.usable(person.key_id, slot)
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


def _person(fields: Mapping[str, JsonValue], event: Event) -> Person:
    return Person(
        key_id=VerifyKey.parse(str(fields["key"])).key_id,
        key=str(fields["key"]),
        recipient=str(fields["recipient"]),
        card=reference(fields["card"]),
        enrolled=event.leaf,
        roles=frozenset(listed(fields["roles"])),
        since=event.at,
    )


def _founded(_: Mechanism, event: Event) -> Mechanism:
    people = [_person(fields, event) for fields in event.records("people")]
    return Mechanism(
        stream=event.stream,
        origin=event.log,
        founded=event.leaf,
        founded_on=event.at,
        service_key=event.text("service_key"),
        log_keys=listed(event.body["log_keys"]),
        promise_key=event.text("promise_key"),
        witness_policy=listed(event.body["witness_policy"]),
        slot_hours=event.number("slot_hours"),
        step=event.number("step"),
        waiting_hours=event.number("waiting_hours"),
        test=event.body["test"] is True,
        card=reference(event.body["card"]),
        people={person.key_id: person for person in people},
    )


def _with_person(mechanism: Mechanism, person: Person) -> Mechanism:
    return replace(mechanism, people={**mechanism.people, person.key_id: person})


def _granted(mechanism: Mechanism, event: Event) -> Mechanism:
    person = mechanism.people[event.text("person")]
    role = event.text("role")
    # Whoever is given a role that reads or holds waits like a new reader, so no roster surprises anybody.
    waits = roles.waits([role]) and mechanism.markers
    person = replace(person, roles=person.roles | {role})
    if waits:
        person = replace(person, usable_from=NOT_YET, covered_on=None)
    return _with_person(mechanism, person)


def _channel(mechanism: Mechanism, event: Event) -> Mechanism:
    if event.kind in channels.APPOINTMENTS:
        appointments = {**mechanism.appointments, event.leaf: channels.holders(event)}
        mechanism = replace(mechanism, appointments=appointments)
    return replace(mechanism, channels=channels.fold(mechanism.channels, event))


def _proposed(mechanism: Mechanism, event: Event) -> Mechanism:
    return replace(mechanism, proposals={**mechanism.proposals, event.leaf: proposed(event)})


def _unproposed(mechanism: Mechanism, event: Event) -> Mechanism:
    return _without_proposals(mechanism, lambda leaf, _: leaf == event.text("act"))


def _without_proposals(mechanism: Mechanism, gone: Callable[[str, Proposal], bool]) -> Mechanism:
    left = {leaf: each for leaf, each in mechanism.proposals.items() if not gone(leaf, each)}
    return replace(mechanism, proposals=left)


def _marked(mechanism: Mechanism, event: Event, index: int) -> Mechanism:
    marker = Marker(event.number("slot"), event.at, event.leaf, index)
    return replace(
        mechanism,
        people=at_marker(mechanism, marker.slot, marker.day),
        markers=(*mechanism.markers, marker),
        proposals=standing(mechanism.proposals, marker.day),
    )


def _enrolled(mechanism: Mechanism, event: Event) -> Mechanism:
    return _with_person(mechanism, _person(event.body, event))


def _stated(state: str) -> Callable[[Mechanism, Event], Mechanism]:
    def folded(mechanism: Mechanism, event: Event) -> Mechanism:
        person = mechanism.people[event.text("person")]
        # What this key proposed may not have been its owner's wish.
        mechanism = _without_proposals(mechanism, lambda _, each: each.by == person.key_id)
        return _with_person(mechanism, replace(person, state=state))

    return folded


def _restored(mechanism: Mechanism, event: Event) -> Mechanism:
    person = mechanism.people[event.text("person")]
    # Whoever comes back waits like somebody new, so no roster surprises anybody.
    return _with_person(mechanism, replace(person, state="active", usable_from=NOT_YET, covered_on=None))


def _withdrawn(mechanism: Mechanism, event: Event) -> Mechanism:
    person, role = mechanism.people[event.text("person")], event.text("role")
    mechanism = replace(mechanism, channels=channels.without(mechanism.channels, person.key_id, role))
    return _with_person(mechanism, replace(person, roles=person.roles - {role}))


def _rekeyed(mechanism: Mechanism, event: Event) -> Mechanism:
    """The old key is retired, and the new one is somebody new who has the old one's roles and waits."""
    old = mechanism.people[event.text("person")]
    key = listed(event.body["keys"])[0]
    new = Person(
        key_id=VerifyKey.parse(key).key_id,
        key=key,
        recipient=event.text("recipient"),
        card=old.card,
        enrolled=event.leaf,
        roles=old.roles,
        replaces=old.key_id,
        since=event.at,
    )
    mechanism = _without_proposals(mechanism, lambda _, each: each.by == old.key_id)
    return _with_person(_with_person(mechanism, replace(old, state="retired")), new)


def _published(mechanism: Mechanism, event: Event) -> Mechanism:
    return replace(mechanism, cards=mechanism.cards | {event.payloads()[0].digest})


def _rotated(mechanism: Mechanism, event: Event) -> Mechanism:
    if event.text("of") == "person":
        return _rekeyed(mechanism, event)
    keys = listed(event.body["keys"])
    match event.text("of"):
        case "log":
            spent, mechanism = mechanism.log_keys, replace(mechanism, log_keys=keys)
        case "promise":
            spent, mechanism = (mechanism.promise_key,), replace(mechanism, promise_key=keys[0])
        case _:
            spent, mechanism = (mechanism.service_key,), replace(mechanism, service_key=keys[0])
    return replace(mechanism, spent_keys=mechanism.spent_keys | set(spent))


def _admitted(mechanism: Mechanism, event: Event) -> Mechanism:
    return replace(mechanism, witness_policy=listed(event.body["policy"]))


def _noted(mechanism: Mechanism, _: Event) -> Mechanism:
    return mechanism


def _dropped(mechanism: Mechanism, event: Event) -> Mechanism:
    # For the record only: a policy changes by people.
    return replace(mechanism, away={**mechanism.away, event.text("witness"): event.number("slot")})


_FOLDS = {
    "mechanism.founded": _founded,
    "act.proposed": _proposed,
    "act.withdrawn": _unproposed,
    "person.enrolled": _enrolled,
    "person.suspended": _stated("suspended"),
    "person.restored": _restored,
    "person.retired": _stated("retired"),
    "role.granted": _granted,
    "role.withdrawn": _withdrawn,
    "card.published": _published,
    "key.rotated": _rotated,
    "witness.admitted": _admitted,
    "witness.dropped": _dropped,
    "restore.exercised": _noted,
    "software.upgraded": _noted,
    **dict.fromkeys(channels.KINDS, _channel),
}


def fold(mechanism: Mechanism, event: Event, index: int) -> Mechanism:
    """The state after one more event of the mechanism's stream, which the rules have allowed."""
    used = event.body.get("proposal")
    if used is not None:
        mechanism = _without_proposals(mechanism, lambda leaf, _: leaf == used)
    if event.kind == "slot.marked":
        return _marked(mechanism, event, index)
    return _FOLDS[event.kind](mechanism, event)
