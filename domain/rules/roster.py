"""Who is on the roster, with which roles, and which acts take two people."""

from meyasubako.crypto.age import HybridRecipient
from meyasubako.crypto.errors import BadKeyError, BadSignatureError
from meyasubako.crypto.signing import VerifyKey, verify_statement
from meyasubako.domain import kinds, roles
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.registry import rule

PROOF_CONTEXT = "meyasubako/person/v1"
_MECHANISM_ACTS = tuple(
    kind.name
    for kind in kinds.KINDS.values()
    if kinds.MECHANISM in kind.streams and kind.name not in {*kinds.SERVICE, "mechanism.founded"}
)
_TAKES_TWO = tuple(
    kind.name for kind in kinds.KINDS.values() if kinds.MECHANISM in kind.streams and kind.takes_two
)


def _listed(event: Event) -> list[dict[str, object]]:
    """The people an event enrols: each as key, recipient, proof, roles."""
    records = event.records("people") if event.kind == "mechanism.founded" else (dict(event.body),)
    return [dict(record) for record in records]


def _roles(record: dict[str, object]) -> list[str]:
    listed = record["roles"]
    return [str(role) for role in listed] if isinstance(listed, list) else []


@rule(
    "stewards-act",
    "only active stewards (and outsiders, as one of two people) change the mechanism",
    *_MECHANISM_ACTS,
)
def stewards_act(ledger: Ledger, event: Event, _: int) -> str | None:
    if event.stream != ledger.mechanism.stream:
        return None
    mechanism = ledger.mechanism
    # Founders act before the first marker; everybody else when their waiting time is over.
    last = mechanism.last_marker
    person = mechanism.usable(event.by, last.slot) if last else mechanism.active(event.by)
    if person is None:
        return "whoever did this is not an active person of the roster past the waiting time"
    second = event.kind == "act.proposed" or "proposal" in event.body
    if person.has("steward") or (second and person.has("outsider")):
        return None
    return f"{event.kind} needs a steward"


@rule(
    "two-people", "an act that gives somebody power needs two different people, on equal words", *_TAKES_TWO
)
def two_people(ledger: Ledger, event: Event, _: int) -> str | None:
    named = event.body.get("proposal")
    if named is None:
        return _alone(ledger, event)
    proposal = ledger.mechanism.proposals.get(str(named))
    if proposal is None:
        return "the proposal that this act names does not stand, or was used already"
    if proposal.by == event.by:
        return "whoever proposed an act cannot be the second person too"
    body = {name: value for name, value in event.body.items() if name != "proposal"}
    if (proposal.kind, proposal.version, dict(proposal.body)) != (event.kind, event.v, body):
        return "the act is not what was proposed"
    both = (ledger.mechanism.active(proposal.by), ledger.mechanism.active(event.by))
    if None in both:
        return "whoever proposed the act is no longer an active person of the roster"
    if not any(person and person.has("steward") for person in both):
        return "one of the two people is a steward"
    return None


def _alone(ledger: Ledger, event: Event) -> str | None:
    if ledger.mechanism.last_marker is None and event.kind in ("channel.opened", "fallback.appointed"):
        return None  # founding; but its people stand in leaf 0, which the poster's fingerprint names
    if event.kind == "person.enrolled":
        given = _roles(dict(event.body))
    elif event.kind == "role.granted":
        given = [event.text("role")]
    else:
        return f"{event.kind} needs a second person: first somebody proposes it"
    if roles.needs_two_people(given):
        return f"giving the roles {', '.join(given)} needs a second person: first somebody proposes it"
    return None


@rule(
    "person-is-new-and-holds-the-key",
    "an id is enrolled once, ever, by whoever holds its key",
    "mechanism.founded",
    "person.enrolled",
)
def person_is_new(ledger: Ledger, event: Event, _: int) -> str | None:
    known = {person.recipient for person in ledger.mechanism.people.values()} | set(ledger.mechanism.people)
    for record in _listed(event):
        try:
            key = VerifyKey.parse(str(record["key"]))
            recipient = HybridRecipient.parse(str(record["recipient"])).text
            verify_statement(PROOF_CONTEXT, (recipient, key.text), str(record["proof"]), key)
        except (BadKeyError, BadSignatureError):
            return "a key is malformed, or the proof of possession does not fit the person's keys"
        if {key.key_id, recipient} & known:
            return "a key is enrolled once, ever"
        known |= {key.key_id, recipient}
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
        held = [*(person.roles if person else ()), event.text("role")]
        sets = [held]
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


@rule(
    "person-is-known",
    "an act about a person names somebody on the roster",
    "person.suspended",
    "role.granted",
    "fallback.appointed",
)
def person_is_known(ledger: Ledger, event: Event, _: int) -> str | None:
    person = ledger.mechanism.active(event.text("person"))
    if person is None:
        return "the person is not an active person of the roster"
    if event.kind == "fallback.appointed" and not person.has("outsider"):
        return "the fallback is a person outside the organisation (role outsider)"
    if event.kind == "person.suspended" and person.has("steward"):
        stewards = [p for p in ledger.mechanism.people.values() if p.active and p.has("steward")]
        if len(stewards) == 1:
            return "the last active steward cannot be suspended: nobody could restore the mechanism"
    return None


@rule(
    "channel-is-known",
    "a channel is opened once, and roles and fallbacks name one that exists",
    "channel.opened",
    "fallback.appointed",
)
def channel_is_known(ledger: Ledger, event: Event, _: int) -> str | None:
    exists = event.text("channel") in ledger.mechanism.channels
    if event.kind == "channel.opened" and exists:
        return "a channel of this name exists"
    if event.kind == "fallback.appointed" and not exists:
        return "there is no channel of this name"
    if event.kind == "channel.opened":
        for name in ("card", "questionnaire"):
            card = event.body[name]
            if not isinstance(card, dict) or card["ref"] not in ledger.mechanism.cards:
                return f"the {name} that the channel names was not published"
    return None
