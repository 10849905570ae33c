"""Somebody says who they are in a browser without scripts: sealed apart, in no file, shown in words later."""

from tests.system import canary
from tests.system.scenarios.holding import CUSTODIANS, HANDLERS, Place
from tests.system.visitor import Visitor

KEIKO, _ = HANDLERS
NAME = "Noor WITHOUTSCRIPT Haddad-88213"


def told(visitor: Visitor, place: Place, *, without: tuple[str, ...] = ()) -> None:
    """Everything up to the page that asks who one is."""
    visitor.go("questions")
    ids = [place.town.box.key_id(name) for name in without]
    for name in (*CUSTODIANS, "Rex Okafor"):
        assert name in visitor.page.body
    visitor.press(excluded=ids, expect="story")
    visitor.press("skip", text="Gravel in the concrete.", expect="files")


def test_who_one_is_can_be_said_on_a_page_of_its_own_and_lies_nowhere_in_the_clear(place: Place) -> None:
    with Visitor(place.town.at("reporter")) as visitor:
        told(visitor, place, without=("Cora Lindqvist",))
        page = visitor.press(expect="who")
        assert "Cora Lindqvist" not in page.body.partition("<textarea")[2]
        assert "too long" in visitor.press(identity="x" * 4096, expect="who").body
        page = visitor.press(identity=NAME, expect="review")
        assert NAME in page.body
        place.receipts.append(visitor.finish())
    case = place.town.box.cases_of(place.receipts)[place.receipts[0]]
    identity = place.town.box.ledger().rooms[place.town.box.ledger().cases[case].rooms["identity"]]
    assert {share.holder for share in identity.shares} == {
        place.town.box.key_id(name) for name in CUSTODIANS[:2]
    }
    needles = list(canary.of_text("who", NAME))
    assert canary.found_in(canary.files_below(place.town.box.directory), needles) == []
    assert canary.found_in(canary.printed({"served": place.town.served.printed()}), needles) == []

    place.act(KEIKO, "request", case, "--text", "We must call them.")
    asked = place.request(case)
    for verb in ("approve", "release"):
        for name in CUSTODIANS[:2]:
            place.act(name, verb, asked)
    place.act(KEIKO, "open", asked, "--tell", "I was shown your name.")
    assert place.facts(KEIKO, "identity", "show", asked)["identity"] == [NAME]
    with Visitor(place.town.at("reporter")) as visitor:
        page = visitor.come_back(place.receipts[0])
    assert "Somebody asked the people who guard names who you are." in page.body
    assert "One person was shown who you are." in page.body
    assert "any 2 of these people can give access back" in page.body
    assert place.town.box.findings() == []


def test_it_is_not_offered_where_too_few_custodians_are_left(place: Place) -> None:
    with Visitor(place.town.at("reporter")) as visitor:
        told(visitor, place, without=CUSTODIANS[1:])
        assert visitor.press(expect="review").where == "review"
        assert "Who you are" not in visitor.page.body
        visitor.finish()


def test_what_does_not_fit_is_said_before_sending_also_to_whoever_went_back_from_it(place: Place) -> None:
    with Visitor(place.town.at("reporter")) as visitor:
        told(visitor, place)
        visitor.press(expect="who")
        visitor.press(identity=NAME, expect="review")
        visitor.press("to:who", expect="who")
        visitor.press("back", identity="x" * 4096, expect="files")
        visitor.press(expect="review")
        assert "too long" in visitor.press(expect="who").body
        assert NAME in visitor.press(identity=NAME, expect="review").body
        visitor.finish()
