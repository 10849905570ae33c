"""Scenario 5: a custodian refuses. Nothing of the identity can be read, and it stays refused for 30 days."""

from tests.system.scenarios.holding import HANDLERS, WHO, Place
from tests.system.test_rooms_by_keys import opens

KEIKO, OMAR = HANDLERS


def test_a_refusal_holds_and_both_sides_see_it(place: Place) -> None:
    case = place.identified()
    place.act(KEIKO, "request", case, "--text", "We need to call them back.")
    asked = place.request(case)
    read = place.facts("Cyra Noor", "identity", "read", asked)
    assert read["words"][0]["text"] == "We need to call them back."
    place.act("Cyra Noor", "refuse", asked, "--text", "Ask them in the dialogue first.")

    seen = place.facts(KEIKO, "identity", "read", asked)
    assert (seen["state"], seen["refused_by"]) == ("refused", "Cyra Noor")
    assert seen["words"][-1]["text"] == "Ask them in the dialogue first."
    ended = place.command("Cleo Brandt", "identity", "release", asked)
    assert "no such request stands" in ended.stderr
    again = place.command(KEIKO, "identity", "request", case, "--text", "We still need it.")
    assert "needs new grounds" in again.stderr
    place.act(KEIKO, "request", case, "--text", "Somebody threatens them.", "--ground", "break_glass")

    told = [each["what"] for each in place.mailbox()["happened"]]
    assert [word.split(":")[0] for word in told] == ["requested", "refused", "requested"]
    box = place.town.box
    everybody = [box.people[name].identity for name in (KEIKO, OMAR, "Ada Berg", "Jonas Mori")]
    assert WHO not in opens(box, *everybody, place.receipt().identity("box.example.org"))
    assert box.findings() == []
