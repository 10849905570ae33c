"""A case's life: who chooses, who looks twice, what is asked before it ends, and which dates were missed."""

from typing import Final

from meyasubako.domain import case as cases
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.order import ONE_DAY
from meyasubako.domain.rules.registry import rule
from meyasubako.domain.rules.rooms import is_staff

_SETTLING: Final = frozenset({"settled", "decided"})


def _case(ledger: Ledger, event: Event) -> Case | None:
    return ledger.case(event.stream)


@rule(
    "complainant-chooses",
    "a dialogue or a mediation is chosen by the reporter alone; an investigation needs nobody's leave",
    "path.chosen",
)
def complainant_chooses(ledger: Ledger, event: Event, _: int) -> str | None:
    case = _case(ledger, event)
    if case is None or event.by == case.reporter or event.text("path") == "investigation":
        return None
    return f"only the reporter chooses a {event.text('path')}"


@rule(
    "mediator-ends-the-mediation",
    "whether a mediation is agreed on or over is a mediator's to say, and nothing else of the case is",
    "case.moved",
    "remedy.agreed",
)
def mediator_ends_the_mediation(ledger: Ledger, event: Event, _: int) -> str | None:
    case = _case(ledger, event)
    report = ledger.room(case.rooms["report"]) if case else None
    if case is None or report is None:
        return None
    ends = case.state == "in_mediation" and event.body.get("to", "assessment") == "assessment"
    if is_staff(ledger.mechanism, report, event.by):
        moves = event.kind == "case.moved" and case.state == "in_mediation"
        return (
            "a mediator says that a mediation is over, or the reporter chooses another way" if moves else None
        )
    inside = any(
        room.name == "mediation" and is_staff(ledger.mechanism, room, event.by)
        for room in ledger.rooms_of(case.stream)
    )
    return None if ends and inside else "a mediator ends the mediation that they opened, and nothing else"


@rule(
    "told-before-the-organisation",
    "the reporter was told on an earlier day what the organisation hears, and can still object",
    "respondent.notified",
)
def told_before_the_organisation(ledger: Ledger, event: Event, _: int) -> str | None:
    case = _case(ledger, event)
    dialogue = ledger.room(case.rooms["dialogue"]) if case else None
    said = dialogue.said_on.get(event.text("message")) if dialogue else None
    if said is None or said >= event.at:
        return "the message that tells the reporter is not of an earlier day"
    return None


@rule(
    "findings-are-looked-at-twice",
    "a plan that follows on findings is agreed by somebody who did not write the findings",
    "remedy.agreed",
)
def findings_are_looked_at_twice(ledger: Ledger, event: Event, _: int) -> str | None:
    case = _case(ledger, event)
    if case is None or case.state != "findings" or case.drafted_by != event.by:
        return None
    return "whoever wrote the findings does not approve them alone"


@rule(
    "feedback-before-closing",
    "where a profile asks for feedback, a case is not settled or decided without it",
    "case.closed",
)
def feedback_before_closing(ledger: Ledger, event: Event, _: int) -> str | None:
    case = _case(ledger, event)
    if case is None or event.text("class") not in _SETTLING or case.fed_back_on is not None:
        return None
    asked = any(deadline.step == "feedback" for deadline in case.clocks)
    return "the reporter was not told yet what is done or planned, and why" if asked else None


@rule(
    "withdrawal-is-looked-into",
    "a withdrawal opens a question about safety; nothing is closed on it before somebody asked",
    "withdrawal.requested",
    "case.closed",
)
def withdrawal_is_looked_into(ledger: Ledger, event: Event, _: int) -> str | None:
    case = _case(ledger, event)
    if case is None:
        return None
    if event.kind == "withdrawal.requested":
        return "the case is withdrawn already" if case.withdrawn else None
    if case.withdrawn and not case.asked_back:
        return "nobody has asked the reporter yet whether somebody puts them under pressure: checkin.posted"
    return None


@rule(
    "review-in-time",
    "a decision is looked at again once, and within the time that the reporter was told",
    "review.requested",
)
def review_in_time(ledger: Ledger, event: Event, _: int) -> str | None:
    case = _case(ledger, event)
    if case is None or case.decided_on is None:
        return "nothing was decided yet"
    if case.decided_once_more:
        return "the decision was looked at again already"
    late = event.at > case.decided_on + cases.REVIEW_ASKED_WITHIN
    return "the time for asking is over" if late else None


@rule(
    "reviewer-is-independent",
    "a review is decided by somebody who had no part in the decision",
    "review.decided",
)
def reviewer_is_independent(ledger: Ledger, event: Event, _: int) -> str | None:
    case = _case(ledger, event)
    return "whoever decided before does not review it" if case and event.by in case.decided_by else None


@rule(
    "referral-is-consented",
    "nothing goes to somebody outside without the reporter's consent, which can be taken back",
    "referral.consented",
    "consent.withdrawn",
    "referral.sent",
)
def referral_is_consented(ledger: Ledger, event: Event, _: int) -> str | None:
    case = _case(ledger, event)
    referral = case.referrals.get(event.text("referral")) if case else None
    if referral is None:
        return "nobody proposed this referral"
    if event.kind == "referral.consented":
        again = referral.state not in ("proposed", "withdrawn")
        return "this referral was consented to already" if again else None
    if event.kind == "consent.withdrawn":
        return None if referral.state in ("consented", "sent") else "there is no consent to take back"
    if referral.state != "consented":
        return "the reporter's consent does not stand"
    if referral.may_be_sent(event.at):
        return None
    days = cases.CONSENT_RESTS.days
    return f"consent by a receipt that a server has seen rests for {days} days, so that its owner can object"


@rule("linked-cases-are-ones-own", "whoever links cases works on each of them", "cases.linked")
def linked_cases_are_ones_own(ledger: Ledger, event: Event, _: int) -> str | None:
    streams = event.texts("cases")
    if len({event.stream, *streams}) != len(streams) + 1:
        return "a case is linked to others, and to each once"
    for stream in streams:
        case = ledger.case(stream)
        report = ledger.room(case.rooms["report"]) if case else None
        if report is None or not is_staff(ledger.mechanism, report, event.by):
            return "whoever links these cases does not work on all of them"
    return None


@rule("overlay-stands", "an overlay is set once, and what is lifted was set", "overlay.set", "overlay.lifted")
def overlay_stands(ledger: Ledger, event: Event, _: int) -> str | None:
    case = _case(ledger, event)
    stands = case is not None and event.text("overlay") in case.overlays
    if event.kind == "overlay.set":
        return "the overlay is set already" if stands else None
    return None if stands else "the overlay is not set"


@rule(
    "deadline-was-due",
    "a deadline is put down as missed once, after its day, and nobody takes it back",
    "deadline.missed",
)
def deadline_was_due(ledger: Ledger, event: Event, _: int) -> str | None:
    case = _case(ledger, event)
    due = case.overdue(event.at) if case else None
    if due is None or event.text("due") != due.isoformat():
        return "the case had no such date to meet, or it was put down already"
    return None


@rule(
    "missed-deadlines-are-recorded",
    "a deadline that passed stands in the log by the next slot, whoever would rather not see it",
    "slot.marked",
)
def missed_deadlines_are_recorded(ledger: Ledger, event: Event, _: int) -> str | None:
    late = sorted((due, case) for case, due in ledger.overdue(event.at - ONE_DAY))
    if not late:
        return None
    due, case = late[0]
    return f"case {case} had to meet {due}, and nothing says that it was missed"
