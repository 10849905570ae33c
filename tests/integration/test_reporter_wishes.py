"""What a reporter asks for in the mailbox without scripts, each confirmed on the page before it is done."""

import pytest

from meyasubako.crypto.receipt import Receipt


@pytest.fixture
def receipt(visit):
    return " ".join(visit.write_report("The alarm is switched off."))


def press(visit, go, text=""):
    return visit.press(go, form="/answers", text=text)


def case_of(mechanism, receipt):
    ledger = mechanism.ledger()
    key = Receipt.parse(receipt).signing_key(mechanism.config.origin).verify_key
    return ledger.cases[ledger.reporters[key.key_id]]


def test_a_withdrawal_is_asked_about_before_it_is_done_and_told_in_a_message(visit, receipt, mechanism):
    visit.enter(receipt)
    page = press(visit, "ask:withdraw", "I have thought about it.")
    assert "Does somebody press you" in page.text
    assert "I have thought about it." in page.text
    assert not case_of(mechanism, receipt).withdrawn
    page = press(visit, "do:withdraw", "I have thought about it.")
    assert "It is done." in page.text
    assert "You asked to withdraw your report." in page.text
    assert case_of(mechanism, receipt).withdrawn
    page = press(visit, "do:withdraw")
    assert "not possible any more" in page.text


def test_whoever_only_presses_the_button_says_what_stands_on_it(visit, receipt):
    visit.enter(receipt)
    press(visit, "ask:withdraw")
    assert "I want to withdraw my report." in press(visit, "do:withdraw").text


@pytest.mark.parametrize("code", ["", "path:dialogue", "consent:" + "ab" * 32, "<script>", "case.erased"])
def test_what_cannot_be_asked_for_is_not_done(visit, receipt, mechanism, code):
    visit.enter(receipt)
    before = mechanism.store.head().size
    assert "Yes, do this" not in press(visit, f"ask:{code}", "words").text
    if code:
        assert "not possible any more" in press(visit, f"do:{code}", "words").text
        assert mechanism.store.head().size == before


def test_a_mailbox_that_is_closed_opens_nothing_and_can_still_be_written_in(visit, receipt, mechanism):
    visit.enter(receipt)
    press(visit, "send", "Only for you.")
    assert "This cannot be undone." in press(visit, "ask:close").text
    page = press(visit, "do:close")
    assert "closed to reading" in page.text
    assert "Only for you." not in page.text
    assert "Your message was sent." in press(visit, "send", "Still here.").text
    rooms = mechanism.ledger().rooms
    assert rooms[case_of(mechanism, receipt).rooms["dialogue"]].closed_to_reading
