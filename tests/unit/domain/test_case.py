from datetime import timedelta

import pytest

from meyasubako.domain import case as cases
from meyasubako.domain import kinds


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
