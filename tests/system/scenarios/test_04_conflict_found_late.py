"""Scenario 4: a handler finds a conflict after reading. They step back whole, and cannot be brought back."""

from pathlib import Path

import pytest

from meyasubako.service.client import access, life
from meyasubako.service.errors import RefusedError
from tests.system.scenarios.parties import KEIKO, OMAR, parties
from tests.system.test_rooms_by_keys import assert_opens, by
from tests.system.visitor import Visitor

TEXT, LATER, ANSWER = "Gravel in the concrete.", "Who else knows?", "The night shift."


def test_whoever_steps_back_reads_nothing_that_comes_after_and_never_returns(tmp_path: Path) -> None:
    with parties(tmp_path) as place:
        receipt, case = place.report(TEXT)
        keiko, omar = place.desk(KEIKO), place.desk(OMAR)
        assert omar.open(case).report[0].document is not None
        life.acknowledge(keiko, case, "Thank you.", place.ahead())
        keiko.note(case, "Ask the site office.")

        life.do(omar, case, "conflict.declared", {})
        with pytest.raises(RefusedError, match="conflict"):
            omar.say(case, "I go on all the same.")
        access.recuse(omar, case)
        assert omar.cases() == []
        with pytest.raises(RefusedError, match="conflict"):
            access.grant(keiko, case, place.box.key_id(OMAR))

        keiko.say(case, LATER)
        with Visitor(place.served.doors["reporter"]) as visitor:
            page = visitor.come_back(receipt)
            assert "These people lost access" in page.body
            visitor.press("send", text=ANSWER)
        assert_opens(by(place.box, OMAR), [TEXT], [LATER, ANSWER])
        assert_opens(by(place.box, KEIKO), [TEXT, LATER, ANSWER], [])

        access.grant(keiko, case, place.box.key_id("Mei Lin"))
        assert_opens(by(place.box, "Mei Lin"), [TEXT, LATER, ANSWER], [])
        assert place.box.key_id(OMAR) in place.case(case).recused
        place.publish()
        assert place.box.findings() == []
