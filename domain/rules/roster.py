"""Who is on the roster, with which roles, and what must be handed over before somebody goes."""

from collections.abc import Iterator

from meyasubako.crypto.age import HybridRecipient
from meyasubako.crypto.errors import BadKeyError, BadSignatureError
from meyasubako.crypto.signing import VerifyKey, verify_statement
from meyasubako.domain import people, roles, rooms
from meyasubako.domain.envelope import Event
from meyasubako.domain.kinds import IDENTITY
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rooms import Room
from meyasubako.domain.rules.pairs import is_last
from meyasubako.domain.rules.registry import rule

PROOF_CONTEXT = "meyasubako/person/v1"
# Rooms in which nobody works who could tell a case's story: a custodian may have read them.
_OF_CUSTODIANS = (IDENTITY, "request")


def _listed(event: Event) -> list[dict[str, object]]:
    """The people an event enrols: each as key, recipient, proof, roles."""
    records = event.records("people") if event.kind == "mechanism.founded" else (dict(event.body),)
    return [dict(record) for record in records]


def _roles(record: dict[str, object]) -> list[str]:
    listed = record["roles"]
    return [str(role) for role in listed] if isinstance(listed, list) else []


def possession(key: str, recipient: str, proof: str) -> tuple[str, str] | None:
    """Key id and recipient of keys that somebody proves to hold both of; None where they do not."""
    try:
        parsed = VerifyKey.parse(key)
        text = HybridRecipient.parse(recipient).text
        verify_statement(PROOF_CONTEXT, (text, parsed.text), proof, parsed)
    except (BadKeyError, BadSignatureError):
        return None
    return parsed.key_id, text


def used(ledger: Ledger) -> set[str]:
    """Every key id and recipient that stands or stood on the roster."""
    return {person.recipient for person in ledger.mechanism.people.values()} | set(ledger.mechanism.people)


@rule(
    "person-is-new-and-holds-the-key",
    "an id is enrolled once, ever, by whoever holds its key",
    "mechanism.founded",
    "person.enrolled",
)
def person_is_new(ledger: Ledger, event: Event, _: int) -> str | None:
    known = used(ledger)
    for record in _listed(event):
        held = possession(str(record["key"]), str(record["recipient"]), str(record["proof"]))
        if held is None:
            return "a key is malformed, or the proof of possession does not fit the person's keys"
        if known & set(held) or held[0] in ledger.reporters:
            return "a key is enrolled once, ever"
        known |= set(held)
    return None


@rule(
    "duties-are-separate",
    "no one person may hold two roles that must watch each other",
    "mechanism.founded",
    "person.enrolled",
    "role.granted",
)
def duties_are_separate(ledger: Ledger, event: Event, _: int) -> str | None:
    if event.kind == "role.granted":
        person = ledger.mechanism.people.get(event.text("person"))
        sets = [[*(person.roles if person else ()), event.text("role")]]
    else:
        sets = [_roles(record) for record in _listed(event)]
    for held in sets:
        if not all(roles.is_role(role) for role in held) or len(set(held)) != len(held):
            return "a role is unknown, or named twice"
        clash = roles.clash(held)
        if clash:
            return clash
    return None


@rule("steward-founds", "the first steward signs the founding", "mechanism.founded")
def steward_founds(_: Ledger, event: Event, __: int) -> str | None:
    first = _listed(event)[0]
    if VerifyKey.parse(str(first["key"])).key_id != event.by or "steward" not in _roles(first):
        return "the founding is signed by its first person, a steward"
    return None


# In which state somebody must be for an act about them.
_STATES = {
    "person.suspended": ("active",),
    "person.restored": ("suspended",),
    "person.retired": ("active", "suspended"),
    "role.granted": ("active",),
    "role.withdrawn": ("active", "suspended"),
}


@rule(
    "person-is-known",
    "an act about a person names somebody on the roster whom it can be done to",
    *_STATES,
)
def person_is_known(ledger: Ledger, event: Event, _: int) -> str | None:
    person = ledger.mechanism.people.get(event.text("person"))
    if person is None or person.state not in _STATES[event.kind]:
        return f"the person is not {' or '.join(_STATES[event.kind])} on the roster"
    if event.kind == "role.withdrawn" and event.text("role") not in person.roles:
        return "the person does not have this role"
    leaves = event.kind in ("person.suspended", "person.retired")
    leaves = leaves or (event.kind == "role.withdrawn" and event.text("role") == "steward")
    # Whoever is suspended already is not the one on whom everything hangs.
    if leaves and person.active and is_last(ledger.mechanism, person, "steward"):
        return "the last active steward stays: nobody could change the mechanism any more"
    return None


def left_alone(ledger: Ledger, event: Event) -> Iterator[Room]:
    """The rooms of open cases that nobody of the staff would read after this act but the fallback."""
    key_id, before = event.text("person"), ledger.mechanism
    after = people.fold(before, event, 0)
    for room in _rooms(ledger):
        if key_id in room.readers and ledger.cases[room.case].open:
            alone = rooms.working(room, before) == {key_id}
            if alone and key_id not in rooms.working(room, after):
                yield room


def _rooms(ledger: Ledger) -> tuple[Room, ...]:
    """Every room; the decision that asks for them stands for a log of this very size only."""
    ledger.whole = True
    return tuple(ledger.rooms.values())


@rule(
    "hands-over-first",
    "whoever alone reads a room of an open case gives it to a colleague before going",
    "person.retired",
    "role.withdrawn",
)
def hands_over_first(ledger: Ledger, event: Event, _: int) -> str | None:
    cases = {room.case for room in left_alone(ledger, event)}
    if not cases:
        return None
    some = f"{len(cases)} open cases" if len(cases) > 1 else "an open case"
    return f"nobody else reads all of {some}: first give access to a colleague"


@rule(
    "custodian-has-read-nothing",
    "whoever knows what was reported must not hold a share of who reported it",
    "role.granted",
)
def custodian_has_read_nothing(ledger: Ledger, event: Event, _: int) -> str | None:
    role = event.text("role")
    if roles.name(role) != "custodian":
        return None
    person, channel = event.text("person"), roles.channel(role)
    for room in _rooms(ledger):
        if room.channel != channel or room.name in _OF_CUSTODIANS:
            continue
        if ledger.cases[room.case].state != "erased" and any(wrap.reader == person for wrap in room.wraps):
            return "the person has read a case of this channel, and stays a reader of it"
    return None
