"""Scenario 28: two reports of the same thing are linked, and neither mailbox shows anything of the other."""

from pathlib import Path

import pytest

from meyasubako.service.client import life
from meyasubako.service.errors import RefusedError
from tests.system.scenarios.parties import KEIKO, OMAR, parties
from tests.system.visitor import Visitor


def test_linked_cases_keep_their_mailboxes_apart(tmp_path: Path) -> None:
    with parties(tmp_path) as place:
        one, first = place.report("The press is broken.")
        two, second = place.report("The press in hall two is broken.", OMAR)
        life.link(place.desk(KEIKO), second, [first])
        with pytest.raises(RefusedError, match="work"):
            # Omar was left out of the second report.
            life.do(place.desk(OMAR), first, "cases.linked", {"cases": [second]})
        words = {one: "Thank you, hall one.", two: "Thank you, hall two."}
        for receipt, case in ((one, first), (two, second)):
            life.acknowledge(place.desk(KEIKO), case, words[receipt], place.ahead())
        for receipt, mine in words.items():
            with Visitor(place.served.doors["reporter"]) as visitor:
                page = visitor.come_back(receipt)
            assert mine in page.body
            assert not any(theirs in page.body for theirs in words.values() if theirs != mine)
        place.publish()
        assert place.box.findings() == []
