"""Scenario 2: the accused handles reports. They get no key, see nothing, and the log proves the readers."""

from pathlib import Path

import pytest

from meyasubako.service.client.errors import NoSuchCaseError
from tests.system.scenarios.parties import KEIKO, OMAR, parties
from tests.system.test_rooms_by_keys import by

TEXT = "It is Omar who takes the money."


def test_the_accused_handler_is_given_nothing_and_shown_nothing(tmp_path: Path) -> None:
    with parties(tmp_path) as place:
        _, case = place.report(TEXT, OMAR)
        accused = place.desk(OMAR)
        assert accused.cases() == []
        with pytest.raises(NoSuchCaseError):
            accused.open(case)
        assert TEXT not in by(place.box, OMAR)
        opened = place.desk(KEIKO).open(case).report[0].document
        assert opened is not None
        assert opened.text.strip() == TEXT

        ledger = place.box.ledger()
        wrapped = {wrap.reader for room in ledger.case_rooms[case] for wrap in ledger.rooms[room].wraps}
        assert place.box.key_id(OMAR) not in wrapped
        assert place.box.key_id(KEIKO) in wrapped
        place.publish()
        assert place.box.findings() == []
