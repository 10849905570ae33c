"""Who changes the mechanism, and which changes take two people."""

from collections.abc import Mapping

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain import kinds, roles
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.people import Mechanism, Person
from meyasubako.domain.proposals import LAPSES_AFTER
from meyasubako.domain.rules.registry import rule

_MECHANISM_ACTS = tuple(
    kind.name
    for kind in kinds.KINDS.values()
    if kinds.MECHANISM in kind.streams and kind.name not in {*kinds.SERVICE, "mechanism.founded"}
)
_TAKES_TWO = tuple(
    kind.name for kind in kinds.KINDS.values() if kinds.MECHANISM in kind.streams and kind.takes_two
)
# What whoever founds settles alone, before the first marker: its people stand in leaf 0, which the poster's
# fingerprint names, and nothing can be reported yet.
_FOUNDING = frozenset(
    {
        "channel.opened",
        "channel.changed",
        "fallback.appointed",
        "custodians.appointed",
        "recovery.appointed",
        "profile.adopted",
    }
)


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
    second = event.kind in ("act.proposed", "act.withdrawn") or "proposal" in event.body
    if person.has("steward") or (second and person.has("outsider")):
        return None
    return f"{event.kind} needs a steward"


@rule(
    "two-people", "an act that gives somebody power needs two different people, on equal words", *_TAKES_TWO
)
def two_people(ledger: Ledger, event: Event, _: int) -> str | None:
    named = event.body.get("proposal")
    if named is None:
        return needs_another(ledger.mechanism, event.kind, event.body)
    proposal = ledger.mechanism.proposals.get(str(named))
    if proposal is None or event.at - proposal.on > LAPSES_AFTER:
        days = LAPSES_AFTER.days
        return f"the proposal does not stand: it was used or withdrawn, or lapsed after {days} days"
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


def needs_another(mechanism: Mechanism, kind: str, body: Mapping[str, JsonValue]) -> str | None:
    """The sentence that says why nobody does this alone, or None where one steward may."""
    if mechanism.last_marker is None and kind in _FOUNDING:
        return None
    if kind in ("person.enrolled", "role.granted"):
        listed = body.get("roles", [body.get("role", "")])
        given = [str(role) for role in listed] if isinstance(listed, list) else []
        if roles.needs_two_people(given):
            return f"giving the roles {', '.join(given)} needs a second person: first somebody proposes it"
        return None
    if kind in ("person.retired", "role.withdrawn"):
        person = mechanism.people.get(str(body["person"]))
        taken = [str(body["role"])] if kind == "role.withdrawn" else person.roles if person else ()
        last = [role for role in sorted(taken) if person and is_last(mechanism, person, role)]
        if last:
            return f"nobody else is {', '.join(last)}: that needs a second person, first somebody proposes it"
        return None
    return f"{kind} needs a second person: first somebody proposes it"


def is_last(mechanism: Mechanism, person: Person, role: str) -> bool:
    """Whether nobody else who is active has this role."""
    others = (each for each in mechanism.people.values() if each.key_id != person.key_id)
    return role in person.roles and not any(each.active and role in each.roles for each in others)


@rule("proposal-is-new", "what waits for a second person already is not proposed again", "act.proposed")
def proposal_is_new(ledger: Ledger, event: Event, _: int) -> str | None:
    if event.stream != ledger.mechanism.stream:
        return None
    kind, body = event.text("kind"), event.body["body"]
    for leaf, each in ledger.mechanism.proposals.items():
        if each.kind != kind or event.at - each.on > LAPSES_AFTER:
            continue
        stands = f"proposal {leaf[:12]} stands already: confirm it, or let whoever made it withdraw it"
        if dict(each.body) == body:
            return f"the very same was proposed; {stands}"
        if kind == "person.enrolled" and isinstance(body, dict) and each.body["key"] == body["key"]:
            return f"this person was proposed; {stands}"
    return None


@rule(
    "withdrawn-by-its-proposer",
    "a proposal is taken back by whoever made it, as nobody else's",
    "act.withdrawn",
)
def withdrawn_by_its_proposer(ledger: Ledger, event: Event, _: int) -> str | None:
    proposal = ledger.mechanism.proposals.get(event.text("act"))
    if proposal is None:
        return "the proposal does not stand: it was used or withdrawn, or lapsed"
    return None if proposal.by == event.by else "a proposal is withdrawn by whoever made it"


@rule(
    "stolen-key-has-no-say",
    "whoever holds a key that is to be replaced is not one of the two who replace it",
    "key.rotated",
)
def stolen_key_has_no_say(ledger: Ledger, event: Event, _: int) -> str | None:
    proposal = ledger.mechanism.proposals.get(str(event.body.get("proposal")))
    if event.text("of") == "person" and event.body.get("person") in {
        event.by,
        proposal.by if proposal else "",
    }:
        return "neither of the two people signs with the key that is replaced"
    return None
