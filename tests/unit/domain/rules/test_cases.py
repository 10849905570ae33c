from datetime import timedelta

import pytest


def later(world, days=7):
    return (world.today + timedelta(days=days)).isoformat()


def told(world, who, case):
    """The leaf of a message to the reporter."""
    return world.post(who, "message.posted", case.dialogue.stream, {"text": "we read it"}).leaf


def acknowledge(world, case, who=None):
    who = who or world.ira
    body = {"message": told(world, who, case), "next": later(world)}
    world.act(who, "case.acknowledged", case.stream, body)


def moving(world, who, case, to, days=7):
    return world.event(who, "case.moved", case.stream, {"to": to, "next": later(world, days)})


def closing(world, who, case, outcome, message=None):
    body = {"class": outcome, "message": message or told(world, who, case)}
    return world.event(who, "case.closed", case.stream, body)


@pytest.mark.parametrize("name", ["ann", "hal", "cid", "rita", "otto", "reporter"])
def test_only_assigned_people_move_a_case(world, case, name):
    acknowledge(world, case)
    who = case.reporter if name == "reporter" else getattr(world, name)
    world.refuse("assigned-people-act", moving(world, who, case, "screening"))


def test_an_intake_person_who_was_left_out_moves_nothing(world):
    case = world.submit(readers=("ira",))
    acknowledge(world, case)
    world.refuse("assigned-people-act", moving(world, world.ken, case, "screening"))


def test_nothing_happens_in_a_closed_case(world, case):
    world.accept(closing(world, world.ira, case, "ended"))
    world.refuse("assigned-people-act", moving(world, world.ira, case, "screening"))


@pytest.mark.parametrize("to", ["waiting_for_reporter", "assessment", "monitoring"])
def test_a_case_takes_no_short_cut(world, case, to):
    acknowledge(world, case)
    world.refuse("state-allows", moving(world, world.ira, case, to))


def test_a_case_is_not_screened_before_it_is_acknowledged(world, case):
    world.refuse("state-allows", moving(world, world.ira, case, "screening"))


def test_a_case_is_acknowledged_once(world, case):
    acknowledge(world, case)
    body = {"message": told(world, world.ira, case), "next": later(world)}
    world.refuse("state-allows", world.event(world.ira, "case.acknowledged", case.stream, body))


@pytest.mark.parametrize("outcome", ["settled", "decided"])
def test_a_case_that_nobody_worked_on_is_neither_settled_nor_decided(world, case, outcome):
    world.refuse("state-allows", closing(world, world.ira, case, outcome))


@pytest.mark.parametrize("days", [-1, 0, 367])
def test_the_next_date_lies_ahead_within_a_year(world, case, days):
    acknowledge(world, case)
    world.refuse("next-date-is-ahead", moving(world, world.ira, case, "screening", days))


def test_a_message_of_a_colleague_does_not_tell_the_reporter_of_ones_own_act(world, case):
    message = told(world, world.ken, case)
    world.refuse("reporter-is-told", closing(world, world.ira, case, "ended", message))


def test_a_message_that_was_never_posted_tells_nobody(world, case):
    world.refuse("reporter-is-told", closing(world, world.ira, case, "ended", "ab" * 32))


def test_a_message_in_another_case_does_not_tell_this_reporter(world, case):
    other = world.submit()
    message = told(world, world.ira, other)
    world.refuse("reporter-is-told", closing(world, world.ira, case, "ended", message))


def test_the_message_that_acknowledged_a_case_does_not_close_it_too(world, case):
    message = told(world, world.ira, case)
    body = {"message": message, "next": later(world)}
    world.act(world.ira, "case.acknowledged", case.stream, body)
    world.refuse("reporter-is-told", closing(world, world.ira, case, "ended", message))


def test_nobody_is_assigned_without_access(world, case):
    event = world.event(world.ira, "handler.assigned", case.stream, {"person": world.hal.id})
    world.refuse("assigned-has-access", event)


def test_nobody_is_assigned_twice(world, case):
    event = world.event(world.ira, "handler.assigned", case.stream, {"person": world.ken.id})
    world.refuse("assigned-has-access", event)


def proposing(world, who, case, kind, body):
    proposal = {"kind": kind, "v": 1, "body": body}
    return world.event(who, "act.proposed", case.stream, proposal)


def test_a_report_is_not_found_ineligible_by_one_person(world, case):
    acknowledge(world, case)
    body = {"outcome": "ineligible", "message": told(world, world.ira, case), "next": later(world)}
    alone = world.event(world.ira, "eligibility.decided", case.stream, body)
    world.refuse("two-people-on-a-case", alone)
    proposal = world.accept(proposing(world, world.ira, case, "eligibility.decided", body))
    second = {**body, "proposal": proposal.leaf}
    world.refuse("two-people-on-a-case", world.event(world.ira, "eligibility.decided", case.stream, second))
    changed = {**second, "outcome": "partly_eligible"}
    world.refuse("two-people-on-a-case", world.event(world.ken, "eligibility.decided", case.stream, changed))
    world.act(world.ken, "eligibility.decided", case.stream, second)
    assert world.ledger.cases[case.stream].state == "ineligible"
    assert not world.audit()
