"""Of rooms that a reporter is not shown, the page is told as much as the page without scripts says."""

from pathlib import Path

from meyasubako.crypto.receipt import Receipt
from meyasubako.service.client import access, life
from tests.system import callers
from tests.system.scenarios.parties import KEIKO, REX, Parties, parties
from tests.system.scenarios.test_21_withdrawal_under_pressure import brought_to_assessment
from tests.system.visitor import Visitor

RESPONDENT = "Person who answers for the organisation: what was told to the organisation"


def elsewhere(place: Parties, receipt: str) -> dict[str, list[dict[str, str]]]:
    """What the mailbox says of rooms whose events it does not give."""
    door = callers.reporter_door(place.served, Receipt.parse(receipt), place.off)
    shown = door.get_json("/api/mailbox")
    assert isinstance(shown, dict)
    assert {room["room"] for room in shown["rooms"]} == {"report", "dialogue"}
    return shown["elsewhere"]  # type: ignore[no-any-return]  # JSON


def without_scripts(place: Parties, receipt: str) -> str:
    with Visitor(place.served.doors["reporter"]) as visitor:
        return visitor.come_back(receipt).body


def test_the_script_is_told_who_was_given_and_who_lost_what_the_organisation_was_told(tmp_path: Path) -> None:
    with parties(tmp_path) as place:
        receipt, case = place.report("The concrete is thin.")
        assert elsewhere(place, receipt) == {"given": [], "lost": [], "replaced": []}
        message = brought_to_assessment(place, case)
        place.pass_days(1)
        life.notify(place.desk(KEIKO), case, message, place.ahead())
        access.release(place.desk(KEIKO), case, "Concrete was thin.", to=[place.box.key_id(REX)])
        row = {"role": "respondent", "room": "respondent", "day": place.today.isoformat()}
        told = elsewhere(place, receipt)
        assert row in told["given"]
        assert {each["role"] for each in told["given"]} == {"handler", "respondent"}
        assert told["lost"] == []
        assert without_scripts(place, receipt).count(RESPONDENT) == 1

        access.revoke(place.desk(KEIKO), case, place.box.key_id(REX))
        assert elsewhere(place, receipt)["lost"] == [row]
        assert without_scripts(place, receipt).count(RESPONDENT) == 2
