"""What a case's events must say: a date ahead, a message that tells the reporter, somebody who has access."""

from datetime import date, timedelta
from typing import Final

from meyasubako.domain import kinds
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.registry import rule
from meyasubako.domain.rules.rooms import is_staff

_LONGEST: Final = timedelta(days=366)


def _with(field: str) -> tuple[str, ...]:
    """The kinds of a case's stream that have this field."""
    return tuple(
        kind.name for kind in kinds.KINDS.values() if kinds.CASE in kind.streams and field in kind.body.fields
    )


@rule("next-date-is-ahead", "every open state has a next date, which the reporter sees", *_with("next"))
def next_date_is_ahead(_: Ledger, event: Event, __: int) -> str | None:
    if "next" not in event.body:
        return None
    ahead = date.fromisoformat(event.text("next")) - event.at
    return None if timedelta() < ahead <= _LONGEST else "the next date lies ahead, within a year"


@rule(
    "reporter-is-told",
    "an act that changes a case for its reporter names the message that tells them; each message tells once",
    *_with("message"),
)
def reporter_is_told(ledger: Ledger, event: Event, _: int) -> str | None:
    if "message" not in event.body:
        return None
    case = ledger.case(event.stream)
    dialogue = ledger.room(case.rooms["dialogue"]) if case else None
    if case and event.kind == "remedy.agreed" and _told_in_mediation(ledger, case, event):
        return "it told the reporter of another act already" if event.text("message") in case.told else None
    if dialogue is None or dialogue.messages.get(event.text("message")) != event.by:
        proposal = case.proposals.get(str(event.body.get("proposal"))) if case else None
        # The second person confirms words that the first has written.
        if (
            dialogue is None
            or proposal is None
            or dialogue.messages.get(event.text("message")) != proposal.by
        ):
            return "the message that this act names is not the author's own in this case's dialogue"
    if case and event.text("message") in case.told:
        return "the message that this act names told the reporter of another act already"
    return None


def _told_in_mediation(ledger: Ledger, case: Case, event: Event) -> bool:
    """Whether a mediator tells the reporter in the mediation: they do not read the dialogue."""
    return any(
        room.name == "mediation"
        and case.reporter in room.readers
        and room.messages.get(event.text("message")) == event.by
        for room in ledger.rooms_of(case.stream)
    )


@rule("assigned-has-access", "whoever is assigned can read the report", "handler.assigned")
def assigned_has_access(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.stream)
    report = ledger.room(case.rooms["report"]) if case else None
    if case is None or report is None or not is_staff(ledger.mechanism, report, event.text("person")):
        return "the person to be assigned has no access to the report"
    return "the person is assigned already" if event.text("person") in case.assigned else None
