"""A case's own stream: assigned people move it, and say so to the reporter where the reporter must know."""

from datetime import date, timedelta

from meyasubako.domain import case as cases
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.registry import rule
from meyasubako.domain.rules.rooms import is_staff

_BY_HANDLERS = ("case.moved", "case.acknowledged", "handler.assigned", "case.closed")
_LONGEST = timedelta(days=366)


@rule("assigned-people-act", "a case is moved by people who read its report", *_BY_HANDLERS)
def assigned_people_act(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.stream)
    report = ledger.room(case.rooms["report"]) if case else None
    if case is None or report is None:
        return "the case does not exist"
    if not is_staff(ledger.mechanism, report, event.by):
        return "whoever did this is not assigned to the case"
    return None if case.open else "the case is closed"


@rule(
    "state-allows",
    "a case moves only along the ways of its life",
    "case.moved",
    "case.acknowledged",
    "case.closed",
)
def state_allows(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.stream)
    if case is None:
        return "the case does not exist"
    if event.kind == "case.acknowledged":
        return None if case.state == "submitted" else "the case was acknowledged already"
    if event.kind == "case.moved":
        to = event.text("to")
        return None if case.state in cases.MOVES[to] else f"a case that is {case.state} does not become {to}"
    outcome = event.text("class")
    return (
        None
        if cases.may_close(case.state, outcome)
        else f"a case that is {case.state} is not closed as {outcome}"
    )


@rule(
    "next-date-is-ahead",
    "every open state has a next date, which the reporter sees",
    "case.moved",
    "case.acknowledged",
)
def next_date_is_ahead(_: Ledger, event: Event, __: int) -> str | None:
    ahead = date.fromisoformat(event.text("next")) - event.at
    return None if timedelta() < ahead <= _LONGEST else "the next date lies ahead, within a year"


@rule(
    "reporter-is-told",
    "acknowledging and closing name the message that tells the reporter",
    "case.acknowledged",
    "case.closed",
)
def reporter_is_told(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.stream)
    dialogue = ledger.room(case.rooms["dialogue"]) if case else None
    if dialogue is None or dialogue.messages.get(event.text("message")) != event.by:
        return (
            "the message to the reporter that this act names is not the author's own in this case's dialogue"
        )
    if case and event.text("message") in case.told:
        return "the message that this act names told the reporter of another act already"
    return None


@rule("assigned-has-access", "whoever is assigned can read the report", "handler.assigned")
def assigned_has_access(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.stream)
    report = ledger.room(case.rooms["report"]) if case else None
    if case is None or report is None or not is_staff(ledger.mechanism, report, event.text("person")):
        return "the person to be assigned has no access to the report"
    return "the person is assigned already" if event.text("person") in case.assigned else None
