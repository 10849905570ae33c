"""What is done to a case in the course of its life, each as one signed request through a `Desk`.

- What changes a case for its reporter comes with a message to them, in the same request and before the act.
- What needs two people is proposed by one and done by the other, on equal words. The words to the reporter
  are written when it is proposed.
- Reasons stand in sealed words; what stands in the clear is a kind, a class and a day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain import rooms
from meyasubako.domain.acts import Request
from meyasubako.domain.envelope import Event
from meyasubako.domain.people import Proposal
from meyasubako.domain.rules.authors import must_be_two
from meyasubako.service.client.casefile import CaseFile
from meyasubako.service.client.desk import Desk
from meyasubako.service.client.errors import NoAccessError, NoSuchProposalError

# Why a case was closed, and what its reporter thought of it: sealed words that programs can read.
REASONS = (
    "agreement",
    "remedy_verified",
    "substantiated",
    "partly_substantiated",
    "not_substantiated",
    "inconclusive",
    "ineligible",
    "referred",
    "duplicate",
    "withdrawn",
    "withdrawn_under_pressure",
    "no_contact",
    "unsafe_to_continue",
    "mechanism_ended",
)
VIEWS = ("satisfied", "partly", "not", "did_not_answer", "cannot_be_asked")


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an act: the event, and whether it only proposes what somebody else has to confirm."""

    event: Event
    proposed: bool = False


def tell(
    desk: Desk,
    wanted: str,
    kind: str,
    text: str,
    body: Mapping[str, JsonValue],
    *,
    to_reporter: Mapping[str, str] | None = None,
    for_the_team: Mapping[str, str] | None = None,
) -> Done:
    """An act that names the message by which the reporter is told; proposed only, where it takes two people.

    `to_reporter` are more fields of that message, `for_the_team` those of a note that the reporter never
    reads.
    """

    def build(file: CaseFile, request: Request) -> Event:
        if for_the_team:
            desk.post(request, file, "team", text, fields=for_the_team)
        message = desk.post(request, file, "dialogue", text, fields=to_reporter)
        return _done(file, request, kind, {**body, "message": message.leaf})

    event = desk.act(wanted, build)
    return Done(event, event.kind == "act.proposed")


def do(desk: Desk, wanted: str, kind: str, body: Mapping[str, JsonValue]) -> Done:
    """An act without a message of its own; proposed only, where it takes two people."""

    def build(file: CaseFile, request: Request) -> Event:
        return _done(file, request, kind, body)

    event = desk.act(wanted, build)
    return Done(event, event.kind == "act.proposed")


def _done(file: CaseFile, request: Request, kind: str, body: Mapping[str, JsonValue]) -> Event:
    stream = file.case.stream
    if must_be_two(file.case, kind, body):
        return request.add("act.proposed", stream, {"kind": kind, "v": 1, "body": dict(body)})
    return request.add(kind, stream, body)


def confirm(desk: Desk, wanted: str, proposal: str) -> Event:
    """Do what a colleague proposed, on the very words: whoever confirms has read them."""

    def build(file: CaseFile, request: Request) -> Event:
        leaf, found = proposal_of(file, proposal)
        body = {**found.body, "proposal": leaf}
        return request.add(found.kind, file.case.stream, body)

    return desk.act(wanted, build)


def proposal_of(file: CaseFile, wanted: str) -> tuple[str, Proposal]:
    """The proposal of a case whose leaf hash begins with this text; NoSuchProposalError."""
    found = [each for each in file.case.proposals.items() if wanted and each[0].startswith(wanted.lower())]
    if len(found) != 1:
        raise NoSuchProposalError(f"no single proposal of this case begins with {wanted}")
    return found[0]


def acknowledge(desk: Desk, wanted: str, text: str, next_date: date) -> Event:
    """Tell the reporter that the report arrived, and when they will hear more."""
    return tell(desk, wanted, "case.acknowledged", text, {"next": next_date.isoformat()}).event


def move(desk: Desk, wanted: str, state: str, next_date: date) -> Event:
    """Move the case to a state that has no event of its own."""
    return do(desk, wanted, "case.moved", {"to": state, "next": next_date.isoformat()}).event


def close(desk: Desk, wanted: str, outcome: str, text: str, reason: str = "", view: str = "") -> Done:
    """Close the case as settled, decided or ended, and tell the reporter why.

    `reason` and `view` (of REASONS and VIEWS) are sealed; what the reporter thinks stands in a note.
    """
    notes = {"reason": reason, "complainant_view": view}
    noted = {name: value for name, value in notes.items() if value}
    told = {"reason": reason} if reason and reason != "withdrawn_under_pressure" else {}
    return tell(desk, wanted, "case.closed", text, {"class": outcome}, to_reporter=told, for_the_team=noted)


def notify(desk: Desk, wanted: str, message: str, next_date: date) -> Event:
    """Say that the organisation is told now; `message` (its leaf) told the reporter on an earlier day."""

    def build(file: CaseFile, request: Request) -> Event:
        said = file.rooms["dialogue"].messages
        found = [leaf for leaf, by in said.items() if by == desk.me and message and leaf.startswith(message)]
        if len(found) != 1:
            raise NoAccessError("no single message of yours in this case begins so")
        body: dict[str, JsonValue] = {"message": found[0], "next": next_date.isoformat()}
        return request.add("respondent.notified", file.case.stream, body)

    return desk.act(wanted, build)


def link(desk: Desk, wanted: str, others: Sequence[str]) -> Event:
    """Say that these cases are about the same; nobody reads more of any of them for that."""

    def build(file: CaseFile, request: Request) -> Event:
        named: list[JsonValue] = [desk.case(other).case.stream for other in others]
        return request.add("cases.linked", file.case.stream, {"cases": named})

    return desk.act(wanted, build)


def waits(file: CaseFile, day: date) -> tuple[str, ...]:
    """What a person at the desk sees first: what is late, what waits for somebody, in plain words."""
    case, found = file.case, list[str]()
    if case.overdue(day) or case.late_since:
        found.append("late: tell the reporter, and give a new date")
    if case.withdrawn and case.open:
        asked = "a second person confirms what follows" if case.asked_back else "ask about pressure first"
        found.append(f"withdrawn: {asked}")
    found += [f"{each.kind} was proposed: a second person confirms it" for each in case.proposals.values()]
    found += [
        "a referral was consented to: it can be sent"
        for referral in case.referrals.values()
        if referral.may_be_sent(day)
    ]
    room = file.rooms.get("report")
    if room is not None and rooms.stale(room, file.ledger.mechanism):
        found.append("the readers have changed")
    return tuple(found)


NEXT_STEPS: Mapping[str, str] = {
    "submitted": "acknowledge it",
    "acknowledged": "begin screening",
    "screening": "decide whether it is eligible",
    "waiting_for_reporter": "wait for an answer, or go on",
    "eligible": "begin the assessment",
    "partly_eligible": "begin the assessment",
    "ineligible": "close it, or wait whether a review is asked for",
    "assessment": "ask the reporter which way they choose",
    "in_dialogue": "agree on a remedy",
    "in_mediation": "wait for the mediator, or agree on a remedy",
    "in_investigation": "write the findings",
    "findings": "a second person agrees on what has to be done",
    "remedy_plan": "begin monitoring",
    "monitoring": "verify, and close it",
    "review": "somebody who did not decide looks at it again",
}
