"""Who may write in a case's stream at all, and which acts there take two people."""

from collections.abc import Callable, Mapping
from typing import Final

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain import case as cases
from meyasubako.domain import kinds, roles
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event
from meyasubako.domain.kinds.kind import HOLDER, REPORTER, REQUESTER, STAFF
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.people import Person
from meyasubako.domain.rules.registry import rule
from meyasubako.domain.rules.rooms import ever_read, is_staff

_IN_CASES: Final = tuple(
    kind.name
    for kind in kinds.KINDS.values()
    if kinds.CASE in kind.streams and kind.name not in {*kinds.SERVICE, "report.submitted"}
)
_IN_PAIRS: Final = tuple(
    kind.name for kind in kinds.KINDS.values() if kinds.CASE in kind.streams and kind.takes_two
)
# What may still be written when work on a case is over; when it is erased, nothing may.
AFTERWARDS: Final = frozenset(
    {
        "act.proposed",
        "case.reopened",
        "cases.linked",
        "review.requested",
        "retention.started",
        "hold.placed",
        "hold.lifted",
        "payload.removed",
        "case.erased",
        "disclosure.ordered",
        "disclosure.made",
        "identity.requested",
        "identity.approved",
        "identity.refused",
        "identity.opened",
        "share.released",
        "recovery.requested",
        "recovery.approved",
        "handler.assigned",
        "conflict.declared",
        "conflict.cleared",
        "handler.recused",
        "consent.withdrawn",
    }
)

# What a reporter may still say: whether they are satisfied, and how they are.
_REPORTERS_LATER: Final = frozenset({"feedback.given", "checkin.posted"})


def usable(ledger: Ledger, key_id: str) -> Person | None:
    """The active person with this key whose waiting time was over at the newest marker."""
    last = ledger.mechanism.last_marker
    return ledger.mechanism.usable(key_id, last.slot) if last else None


def has_say(ledger: Ledger, case: Case, author: str, kind: str, event: Event) -> bool:
    """Whether this author is one of those for whom the kind is, in this case."""
    if author == case.reporter:
        return kind in kinds.REPORTERS
    person = usable(ledger, author)
    if person is None:
        return False
    if kind == "handler.recused":
        # Whoever steps back has lost access just before.
        return author in case.assigned or ever_read(ledger.room(case.rooms["report"]), author)
    return any(_is_one(ledger, case, person, sort, event) for sort in kinds.schema(kind, 1).by)


def _is_one(ledger: Ledger, case: Case, person: Person, sort: str, event: Event) -> bool:
    """Whether somebody is of a sort of people who may write a kind."""
    if sort == REPORTER:
        return False
    if sort == STAFF:
        report = ledger.room(case.rooms["report"])
        return report is not None and is_staff(ledger.mechanism, report, person.key_id)
    if sort == REQUESTER:
        request = case.requests.get(str(event.body.get("request", "")))
        return request is not None and request.to == person.key_id
    if sort == HOLDER:
        return person.has("custodian", case.channel) or person.has("recovery", case.channel)
    if sort in roles.ON_CHANNEL:
        return person.has(sort, case.channel)
    return person.has(sort)


@rule(
    "assigned-people-act", "a case is moved by people who read its report, or whose office it is", *_IN_CASES
)
def assigned_people_act(ledger: Ledger, event: Event, _: int) -> str | None:
    if event.stream == ledger.mechanism.stream:
        return None
    case = ledger.case(event.stream)
    if case is None:
        return "the case does not exist"
    kind = event.text("kind") if event.kind == "act.proposed" else event.kind
    if not has_say(ledger, case, event.by, kind, event):
        return "whoever did this is not assigned to the case, or holds no office that does it"
    if case.state == "erased":
        return "the case is erased"
    late_words = event.by == case.reporter and kind in _REPORTERS_LATER
    return None if case.open or kind in AFTERWARDS or late_words else "the case is closed"


# Whether an act that can be done by one person must be done by two, here and now; by the act's body.
_MUST: Final[dict[str, Callable[[Case, Mapping[str, JsonValue]], bool]]] = {
    "eligibility.decided": lambda _, body: body["outcome"] == "ineligible",
    "case.closed": lambda case, _: case.withdrawn or "second_person" in case.overlays,
    "overlay.lifted": lambda _, body: body["overlay"] != "paused",
    "payload.removed": lambda _, body: "approved" not in body,
    "case.erased": lambda _, __: True,
}


def must_be_two(case: Case, kind: str, body: Mapping[str, JsonValue]) -> bool:
    """Whether this act, in this case, is first proposed by one person and then done by another."""
    return kind in _MUST and _MUST[kind](case, body)


@rule(
    "two-people-on-a-case",
    "what cannot be undone in a case needs a second reader, on equal words",
    *_IN_PAIRS,
)
def two_people_on_a_case(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.stream)
    if case is None:
        return None
    named = event.body.get("proposal")
    if named is None:
        if must_be_two(case, event.kind, event.body):
            return f"{event.kind} needs a second person here: first somebody proposes it"
        return None
    proposal = case.proposals.get(str(named))
    if proposal is None:
        return "the proposal that this act names does not stand, or was used already"
    if proposal.by == event.by:
        return "whoever proposed an act cannot be the second person too"
    body = {name: value for name, value in event.body.items() if name != "proposal"}
    if (proposal.kind, proposal.version, dict(proposal.body)) != (event.kind, event.v, body):
        return "the act is not what was proposed"
    if not has_say(ledger, case, proposal.by, event.kind, event):
        return "whoever proposed the act has no say in the case any more"
    return None


@rule(
    "state-allows", "a case moves only along the ways of its life", *cases.WAYS, "case.moved", "case.closed"
)
def state_allows(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.stream)
    if case is None:
        return "the case does not exist"
    if event.kind == "case.moved":
        to = event.text("to")
        return None if case.state in cases.MOVES[to] else f"a case that is {case.state} does not become {to}"
    if event.kind == "case.closed":
        outcome = event.text("class")
        if cases.may_close(case.state, outcome):
            return None
        return f"a case that is {case.state} is not closed as {outcome}"
    if event.kind == "case.acknowledged" and case.state != "submitted":
        return "the case was acknowledged already"
    if case.state in cases.WAYS[event.kind]:
        return None
    return f"{event.kind} does not follow on a case that is {case.state}"
