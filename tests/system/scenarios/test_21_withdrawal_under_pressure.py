"""Scenario 21: "I withdraw" comes after the organisation was told. Nothing closes before two have looked."""

from pathlib import Path

import pytest

from meyasubako.service.client import access, life
from meyasubako.service.errors import RefusedError
from tests.system.scenarios.parties import KEIKO, OMAR, REX, Parties, parties
from tests.system.test_rooms_by_keys import assert_opens, by
from tests.system.visitor import Visitor

TOLD, RELEASED = "On Monday they hear that the concrete is thin.", "Concrete was found thin."


def brought_to_assessment(place: Parties, case: str) -> str:
    """Acknowledged, eligible, in assessment, and the reporter told of what comes; gives that message."""
    keiko = place.desk(KEIKO)
    life.acknowledge(keiko, case, "Thank you.", place.ahead())
    life.tell(
        keiko,
        case,
        "eligibility.decided",
        "It is for us.",
        {"outcome": "eligible", "next": place.ahead().isoformat()},
    )
    life.move(keiko, case, "assessment", place.ahead())
    return keiko.say(case, TOLD).leaf


def test_a_withdrawal_is_asked_about_and_closed_by_two(tmp_path: Path) -> None:
    with parties(tmp_path) as place:
        receipt, case = place.report("The concrete is thin. I saw it at night.")
        message = brought_to_assessment(place, case)
        with pytest.raises(RefusedError, match="earlier day"):
            life.notify(place.desk(KEIKO), case, message, place.ahead())
        place.pass_days(1)
        life.notify(place.desk(KEIKO), case, message, place.ahead())
        access.release(place.desk(KEIKO), case, RELEASED, to=[place.box.key_id(REX)])
        assert_opens(by(place.box, REX), [RELEASED], ["I saw it at night", TOLD])

        place.pass_days(2)
        with Visitor(place.served.doors["reporter"]) as visitor:
            visitor.come_back(receipt)
            page = visitor.press("ask:withdraw")
            assert "Does somebody press you" in page.body
            assert not place.case(case).withdrawn
            page = visitor.press("do:withdraw", text="I withdraw everything.")
            assert "You asked to withdraw" in page.body
        assert place.case(case).withdrawn

        first = life.close(place.desk(KEIKO), case, "ended", "You asked us to stop.", "withdrawn")
        assert first.proposed
        with pytest.raises(RefusedError, match="pressure"):
            life.confirm(place.desk(OMAR), case, first.event.leaf[:8])
        life.tell(place.desk(KEIKO), case, "checkin.posted", "Does somebody press you?", {})
        place.letters(receipt).ask("checkin", "No. I moved away.")
        with pytest.raises(RefusedError, match="second person"):
            life.confirm(place.desk(KEIKO), case, first.event.leaf[:8])
        life.confirm(place.desk(OMAR), case, first.event.leaf[:8])
        assert (place.case(case).state, place.case(case).outcome) == ("closed", "ended")
        place.publish()
        assert place.box.findings() == []


def test_a_mediation_is_read_by_the_parties_and_by_nobody_who_investigates(tmp_path: Path) -> None:
    offer, answer = "We offer to rebuild the wall.", "I agree to the wall."
    with parties(tmp_path) as place:
        receipt, case = place.report("The wall is thin.")
        brought_to_assessment(place, case)
        place.letters(receipt).ask("path:mediation", "Please let somebody mediate.")
        access.mediate(place.desk("Mia Brun"), case, "Welcome to both.", to=[place.box.key_id(REX)])
        rex = place.desk(REX)
        assert [each.case.stream for each in rex.cases()] == [case]
        access.mediate(rex, case, offer)
        with Visitor(place.served.doors["reporter"]) as visitor:
            page = visitor.come_back(receipt)
            assert offer in page.body
            visitor.press("send:mediation", text=answer)
        assert answer in str(rex.open(case).texts["mediation"])
        access.end_mediation(place.desk("Mia Brun"), case, "You agreed.", place.ahead(), agreed=True)
        assert place.case(case).state == "remedy_plan"
        for name in (KEIKO, OMAR, "Mei Lin", "Ada Berg", "Ana Silva"):
            assert_opens(by(place.box, name), [], [offer, answer, "Welcome to both."])
        for name in (REX, "Mia Brun"):
            assert_opens(by(place.box, name), [offer, answer], ["The wall is thin."])
        place.publish()
        assert place.box.findings() == []
