from datetime import timedelta

import pytest

from meyasubako.domain import case as cases
from tests.unit.domain.steps import (
    acknowledged,
    act,
    acting,
    adopt,
    assessed,
    chosen,
    closed,
    joined,
    later,
    opened,
    plainly,
    screened,
    state,
    told,
    told_yesterday,
)


@pytest.mark.parametrize("path", ["dialogue", "mediation"])
def test_the_staff_choose_no_talks_for_the_reporter(world, case, path):
    assessed(world, case)
    world.refuse("complainant-chooses", acting(world, world.ira, case, "path.chosen", path=path))


def test_the_reporter_chooses_and_may_change_their_mind(world, case):
    chosen(world, case, "dialogue")
    act(world, case.reporter, case, "path.chosen", path="mediation")
    assert state(world, case).state == "in_mediation"
    act(world, world.ira, case, "path.chosen", path="investigation")
    assert state(world, case).paths == {"dialogue", "mediation", "investigation"}
    assert world.audit() == []


def test_the_reporter_is_told_a_day_before_the_organisation(world, case):
    assessed(world, case)
    event = acting(world, world.ira, case, "respondent.notified", next=later(world))
    world.refuse("told-before-the-organisation", event)
    message = told_yesterday(world, case)
    plainly(world, world.ira, case, "respondent.notified", message=message, next=later(world))
    assert state(world, case).notified_on == world.today


def test_whoever_wrote_the_findings_does_not_approve_them(world, case):
    chosen(world, case, "investigation")
    act(world, world.ira, case, "findings.drafted", next=later(world))
    world.refuse(
        "findings-are-looked-at-twice", acting(world, world.ira, case, "remedy.agreed", next=later(world))
    )
    act(world, world.ken, case, "remedy.agreed", next=later(world))


def test_a_case_is_not_decided_without_the_feedback_that_a_profile_asks_for(world):
    adopt(world, ("acknowledge", 7), ("feedback", 90))
    case = screened(world, world.submit())
    event = acting(world, world.ira, case, "case.closed", **{"class": "decided"})
    world.refuse("feedback-before-closing", event)
    act(world, world.ira, case, "feedback.given", next=later(world))
    act(world, world.ira, case, "case.closed", **{"class": "decided"})


def withdrawn(world, case):
    act(world, case.reporter, case, "withdrawal.requested")
    return case


def test_a_case_is_withdrawn_once(world, case):
    withdrawn(world, case)
    world.refuse("withdrawal-is-looked-into", acting(world, case.reporter, case, "withdrawal.requested"))


def test_a_withdrawal_closes_nothing_before_somebody_asked_and_a_second_one_agreed(world, case):
    withdrawn(world, case)
    assert state(world, case).open
    assert state(world, case).overlays == {"safety", "second_person"}
    alone = acting(world, world.ira, case, "case.closed", **{"class": "ended"})
    world.refuse("two-people-on-a-case", alone)
    body = {"class": "ended", "message": told(world, world.ira, case)}

    def proposal():
        return world.act(
            world.ira, "act.proposed", case.stream, {"kind": "case.closed", "v": 1, "body": body}
        )

    leaf = proposal().leaf
    second = world.event(world.ken, "case.closed", case.stream, {**body, "proposal": leaf})
    world.refuse("withdrawal-is-looked-into", second)
    act(world, world.ira, case, "checkin.posted")
    world.act(world.ken, "case.closed", case.stream, {**body, "proposal": leaf})
    assert state(world, case).state == "closed"
    assert world.audit() == []


def test_a_review_is_asked_for_in_time_and_once(world, case):
    closed(world, case)
    decided = world.today
    world.today = decided + cases.REVIEW_ASKED_WITHIN + timedelta(days=1)
    world.refuse("review-in-time", acting(world, case.reporter, case, "review.requested"))
    world.today = decided + cases.REVIEW_ASKED_WITHIN
    act(world, case.reporter, case, "review.requested")
    assert state(world, case).next_date == world.today + cases.REVIEW_WITHIN
    act(world, world.ken, case, "review.decided", outcome="upheld")
    assert (state(world, case).state, state(world, case).next_date) == ("closed", None)
    world.refuse("review-in-time", acting(world, case.reporter, case, "review.requested"))


def test_nobody_reviews_their_own_decision(world, case):
    closed(world, case)
    act(world, case.reporter, case, "review.requested")
    event = acting(world, world.ira, case, "review.decided", outcome="upheld")
    world.refuse("reviewer-is-independent", event)
    act(world, world.ken, case, "review.decided", outcome="reopened", next=later(world))
    assert state(world, case).state == "screening"


def referred(world, case):
    return act(world, world.ira, screened(world, case), "referral.proposed").leaf


def sending(world, case, referral):
    body = {"referral": referral, "package": "ab" * 32, "next": later(world)}
    return acting(world, world.ira, case, "referral.sent", **body)


def test_nothing_is_sent_without_consent_nor_after_it_was_taken_back(world, case):
    referral = referred(world, case)
    world.refuse("referral-is-consented", sending(world, case, referral))
    withdrawal = acting(world, case.reporter, case, "consent.withdrawn", referral=referral)
    world.refuse("referral-is-consented", withdrawal)
    act(world, case.reporter, case, "referral.consented", referral=referral)
    again = acting(world, case.reporter, case, "referral.consented", referral=referral)
    world.refuse("referral-is-consented", again)
    act(world, case.reporter, case, "consent.withdrawn", referral=referral)
    world.refuse("referral-is-consented", sending(world, case, referral))
    act(world, case.reporter, case, "referral.consented", referral=referral)
    world.accept(sending(world, case, referral))
    assert state(world, case).referrals[referral].state == "sent"


def test_consent_to_a_referral_that_nobody_proposed_is_none(world, case):
    referral = referred(world, case)
    event = acting(world, case.reporter, case, "referral.consented", referral="cd" * 32)
    world.refuse("referral-is-consented", event)
    assert state(world, case).referrals[referral].state == "proposed"


def test_consent_by_a_receipt_that_a_server_saw_rests_for_a_week(world, case):
    referral = referred(world, case)
    message = told(world, case.reporter, case)
    body = {"message": message, "referral": referral, "sealed_by": "server"}
    world.act(case.reporter, "referral.consented", case.stream, body)
    world.refuse("referral-is-consented", sending(world, case, referral))
    for _ in range(6):
        world.mark()
    world.refuse("referral-is-consented", sending(world, case, referral))
    world.mark()
    world.accept(sending(world, case, referral))


def test_cases_are_linked_by_whoever_works_on_each_of_them(world, case):
    other, kens = world.submit(), world.submit(readers=("ken",))
    for named in ([case.stream], [other.stream, other.stream], [kens.stream], [world.fresh()]):
        event = world.event(world.ira, "cases.linked", case.stream, {"cases": named})
        world.refuse("linked-cases-are-ones-own", event)
    plainly(world, world.ira, case, "cases.linked", cases=[other.stream])


def test_an_overlay_is_set_once_and_lifted_once(world, case):
    lift = world.event(world.ira, "overlay.lifted", case.stream, {"overlay": "paused"})
    world.refuse("overlay-stands", lift)
    plainly(world, world.ira, case, "overlay.set", overlay="paused")
    again = world.event(world.ira, "overlay.set", case.stream, {"overlay": "paused"})
    world.refuse("overlay-stands", again)
    plainly(world, world.ira, case, "overlay.lifted", overlay="paused")


def missing(world, case, due):
    return world.event(world.service, "deadline.missed", case.stream, {"due": due.isoformat()})


def test_a_deadline_is_missed_after_its_day_and_once(world, case):
    due = state(world, case).next_date
    world.today = due
    world.refuse("deadline-was-due", missing(world, case, due))
    world.today = due + timedelta(days=1)
    world.refuse("deadline-was-due", missing(world, case, due - timedelta(days=1)))
    world.accept(missing(world, case, due))
    world.refuse("deadline-was-due", missing(world, case, due))
    assert (state(world, case).missed, state(world, case).late_since) == ((due,), due)
    acknowledged(world, case)
    assert state(world, case).late_since is None


def test_nobody_but_the_service_puts_a_deadline_down(world, case):
    due = state(world, case).next_date
    world.today = due + timedelta(days=1)
    event = world.event(world.ira, "deadline.missed", case.stream, {"due": due.isoformat()})
    world.refuse("signature-fits", event)


def test_a_missed_deadline_that_nobody_put_down_is_found_at_the_next_slot(world, case):
    due = state(world, case).next_date
    world.today = due + timedelta(days=2)
    world.pad()
    world.refuse(
        "missed-deadlines-are-recorded",
        world.event(world.service, "slot.marked", world.stream, world.marking()),
    )
    world.mark(days=0)
    assert state(world, case).missed == (due,)
    assert world.audit() == []


def mediated(world, case):
    chosen(world, case, "mediation")
    return opened(world, world.mia, case, "mediation", [world.mia, case.reporter])


def acting_in(world, who, case):
    """An act of a mediator's in a case whose mediation is over."""
    return over(world, who, chosen_again(world, case), "monitoring")


def chosen_again(world, case):
    act(world, case.reporter, case, "path.chosen", path="dialogue")
    act(world, world.ira, case, "remedy.agreed", next=later(world))
    return case


def over(world, who, case, to="assessment"):
    return world.event(who, "case.moved", case.stream, {"to": to, "next": later(world)})


def test_a_mediator_says_that_a_mediation_is_over_and_nothing_else(world, case, someone):
    other = joined(world, someone, "max", "mediator:main")
    early = screened(world, world.submit())
    world.refuse("mediator-ends-the-mediation", over(world, world.mia, early, "waiting_for_reporter"))
    mediated(world, case)
    world.refuse("mediator-ends-the-mediation", over(world, other, case))
    world.refuse("mediator-ends-the-mediation", over(world, world.ira, case))
    world.accept(over(world, world.mia, case))
    assert state(world, case).state == "assessment"
    world.refuse("mediator-ends-the-mediation", acting_in(world, world.mia, case))


def test_a_mediator_tells_the_plan_in_the_mediation_alone(world, case):
    room = mediated(world, case)
    body = {"message": "ab" * 32, "next": later(world)}
    world.refuse("reporter-is-told", world.event(world.mia, "remedy.agreed", case.stream, body))
    body["message"] = world.post(world.mia, "message.posted", room.stream, {"text": "agreed"}).leaf
    world.act(world.mia, "remedy.agreed", case.stream, body)
    assert state(world, case).state == "remedy_plan"
    assert world.audit() == []
