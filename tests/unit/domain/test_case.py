from datetime import timedelta

import pytest

from meyasubako.domain import case as cases
from meyasubako.domain import kinds
from tests.unit.domain import steps


def act(world, case, kind, **body):
    message = world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "so"}).leaf
    if kind != "case.moved":
        body["message"] = message
    world.act(world.ira, kind, case.stream, body)
    return world.ledger.cases[case.stream]


def test_a_report_is_to_be_acknowledged_within_seven_days(world, case):
    state = world.ledger.cases[case.stream]
    assert (state.state, state.open) == ("submitted", True)
    assert state.next_date - state.submitted_on == timedelta(days=7)
    assert state.assigned == {world.ira.id, world.ken.id}


def test_a_case_goes_its_way_to_the_end(world, case):
    ahead = (world.today + timedelta(days=30)).isoformat()
    assert act(world, case, "case.acknowledged", next=ahead).state == "acknowledged"
    assert act(world, case, "case.moved", to="screening", next=ahead).state == "screening"
    assert (
        act(world, case, "case.moved", to="waiting_for_reporter", next=ahead).next_date.isoformat() == ahead
    )
    assert act(world, case, "case.moved", to="screening", next=ahead).open
    closed = act(world, case, "case.closed", **{"class": "decided"})
    assert (closed.state, closed.outcome, closed.next_date, closed.open) == ("closed", "decided", None, False)
    world.mark()
    assert world.audit() == []


def test_somebody_with_access_can_be_assigned(world, case):
    _, request = world.granting(world.ira, case.report.stream, [case.report.identity], world.hal)
    world.send(request)
    world.act(world.ira, "handler.assigned", case.stream, {"person": world.hal.id})
    assert world.hal.id in world.ledger.cases[case.stream].assigned


@pytest.mark.parametrize("outcome", kinds.CLASSES)
def test_a_finished_case_is_not_closed_again(outcome):
    assert not any(cases.may_close(state, outcome) for state in cases.FINISHED)


def test_every_open_state_can_be_ended():
    assert cases.may_close("submitted", "ended")


def test_every_state_that_a_case_is_moved_to_says_where_from():
    assert set(cases.MOVES) == set(kinds.MOVED_TO)


def missed(world, days):
    world.today += timedelta(days=days)
    world.miss()


def test_the_earliest_of_several_profiles_counts(world):
    steps.adopt(world, ("acknowledge", 7, {"working": True}), profile="one")
    steps.adopt(world, ("acknowledge", 5), ("feedback", 90), ("notice", 20), profile="two")
    case = world.submit()
    assert steps.state(world, case).next_date == world.today + timedelta(days=5)
    steps.act(world, world.ira, case, "case.acknowledged", next=steps.later(world, 60))
    assert steps.state(world, case).next_date == world.today + timedelta(days=20)
    steps.act(world, world.ira, case, "eligibility.decided", outcome="eligible", next=steps.later(world, 100))
    assert steps.state(world, case).next_date == world.today + timedelta(days=90)
    steps.act(world, world.ira, case, "feedback.given", next=steps.later(world, 120))
    assert steps.state(world, case).next_date == world.today + timedelta(days=120)


def test_feedback_comes_later_only_where_the_profile_says_so_and_the_reporter_was_told(world):
    steps.adopt(world, ("feedback", 90, {"extended": 180}))
    case = steps.acknowledged(world, world.submit())
    steps.act(world, world.ira, case, "deadline.extended", next=steps.later(world, 150))
    assert steps.state(world, case).next_date == world.today + timedelta(days=150)
    steps.act(world, world.ira, case, "deadline.extended", next=steps.later(world, 300))
    assert steps.state(world, case).next_date == world.today + timedelta(days=180)


def test_a_profile_that_comes_later_does_not_change_an_older_case(world, case):
    due = steps.state(world, case).next_date
    steps.adopt(world, ("acknowledge", 1))
    steps.plainly(world, world.ira, case, "conflict.cleared")
    assert steps.state(world, case).next_date == due


def test_each_date_is_missed_once_and_the_next_one_counts_then(world):
    steps.adopt(world, ("feedback", 90))
    case = steps.acknowledged(world, world.submit())
    missed(world, 31)
    state = steps.state(world, case)
    assert len(state.missed) == 1
    assert state.next_date == world.today + timedelta(days=59)
    missed(world, 60)
    state = steps.state(world, case)
    assert (len(state.missed), state.late_since) == (2, state.next_date)
    assert world.audit() == []


def test_the_last_date_stands_where_all_were_missed(world, case):
    due = steps.state(world, case).next_date
    missed(world, 50)
    assert (steps.state(world, case).next_date, steps.state(world, case).missed) == (due, (due,))
    steps.act(world, world.ira, case, "case.closed", **{"class": "ended"})
    assert (steps.state(world, case).next_date, steps.state(world, case).late_since) == (None, None)
