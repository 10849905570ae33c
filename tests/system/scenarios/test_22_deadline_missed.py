"""Scenario 22: day eight without an acknowledgement. It is written down, shown, and cannot be back-dated."""

from pathlib import Path

import pytest

from meyasubako.service.cli.case_board import lateness, ordered
from meyasubako.service.client import life
from meyasubako.service.errors import RefusedError
from tests.system.scenarios.parties import KEIKO, parties
from tests.system.visitor import Visitor


def test_the_eighth_day_is_written_down_and_the_reporter_reads_that_it_is(tmp_path: Path) -> None:
    with parties(tmp_path) as place:
        receipt, case = place.report("Nobody answers.")
        _, other = place.report("Somebody answers.")
        life.acknowledge(place.desk(KEIKO), other, "Thank you.", place.ahead())
        due = place.case(case).next_date
        place.pass_days(8)
        assert place.case(case).missed == (due,)
        assert place.case(other).missed == ()

        with Visitor(place.served.doors["reporter"]) as visitor:
            page = visitor.come_back(receipt)
            assert "You should have heard from us by" in page.body
        shown = place.letters(receipt).visit().shown
        assert shown is not None
        assert shown.late_since == str(due)
        board = ordered(place.desk(KEIKO).cases(), place.today)
        assert [each.case.stream for each in board] == [case, other]
        assert lateness(board[0], place.today) == due

        place.days -= 8
        with pytest.raises(RefusedError):
            # Somebody sets their clock back.
            life.acknowledge(place.desk(KEIKO), case, "Thank you.", place.ahead())
        place.days += 8
        life.acknowledge(place.desk(KEIKO), case, "We are late, and sorry.", place.ahead())
        assert place.case(case).late_since is None
        assert place.case(case).missed == (due,)
        place.pass_days(40)
        assert len(place.case(case).missed) == 2
        assert place.box.findings() == []
