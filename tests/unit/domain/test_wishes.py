from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.domain import case as cases
from meyasubako.domain import wishes
from tests.unit.domain import steps


def codes(world, case):
    return [each.code for each in wishes.open_wishes(steps.state(world, case), world.today)]


def ask(world, case, code):
    """Do what a reporter's own tool does."""
    request = world.writing(case.reporter, "message.posted", case.dialogue.stream, {"text": "x"}, "server")
    request.heads.setdefault(case.stream, world.ledger.head(case.stream))
    asked = wishes.named(code)
    wishes.tell(request, steps.state(world, case), asked, request.events[-1], "server")
    world.send(request)


def test_a_new_report_can_be_withdrawn_and_nothing_else(world, case):
    assert codes(world, case) == ["withdraw"]


def test_every_open_wish_is_allowed_when_it_is_asked_for(world, case):
    steps.assessed(world, case)
    assert codes(world, case) == ["path:dialogue", "path:mediation", "path:investigation", "withdraw"]
    ask(world, case, "path:mediation")
    assert "path:mediation" not in codes(world, case)
    steps.act(world, world.ira, case, "checkin.posted")
    referral = steps.act(world, world.ira, case, "referral.proposed").leaf
    assert {"checkin", f"consent:{referral}"} <= set(codes(world, case))
    ask(world, case, "checkin")
    ask(world, case, f"consent:{referral}")
    ask(world, case, f"unconsent:{referral}")
    steps.act(world, world.ira, case, "remedy.agreed", next=steps.later(world))
    ask(world, case, "view:partly")
    ask(world, case, "withdraw")
    assert "withdraw" not in codes(world, case)
    assert world.audit() == []


def test_a_closed_case_is_reviewed_in_time_and_its_result_judged_later_too(world, case):
    steps.closed(world, case)
    assert set(codes(world, case)) == {"review", "view:satisfied", "view:partly", "view:not"}
    found = wishes.open_wishes(steps.state(world, case), world.today)
    until = next(each.until for each in found if each.until)
    assert until == world.today + cases.REVIEW_ASKED_WITHIN
    world.today = until + timedelta(days=1)
    assert "review" not in codes(world, case)
    ask(world, case, "view:not")
    assert steps.state(world, case).state == "closed"


@given(st.text())
def test_any_other_code_is_refused(code):
    if code in ("review", "withdraw", "checkin"):
        return
    with pytest.raises(ValueError, match="code"):
        wishes.named(code)


def test_a_wish_that_is_not_open_is_none(world, case):
    assert wishes.wish(steps.state(world, case), "review", world.today) is None
    assert wishes.wish(steps.state(world, case), "withdraw", world.today) is not None
