"""A whole case that is sealed and opened in the page, in browsers with scripts, compiled and not."""

import os

import pytest

from tests.browser import browsers, page_walk, walk
from tests.browser.test_there_and_back import digest
from tests.system.town import texts

WAYS = [
    (browsers.CHROMIUM, "en"),
    (browsers.CHROMIUM_UNCOMPILED, "my"),
    (browsers.FIREFOX_SAFER, "ar"),
    (browsers.FIREFOX, "ja"),
]


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "写真 1.jpg"
    path.write_bytes(b"\xff\xd8" + os.urandom(1_500_000))
    return path


@pytest.fixture(scope="module")
def note(tmp_path_factory):
    path = tmp_path_factory.mktemp("notes") / "note.txt"
    path.write_bytes(b"a small note")
    return path


@pytest.mark.parametrize(("kind", "language"), WAYS, ids=str)
def test_a_case_goes_there_and_back_sealed_on_both_sides(
    kind, language, town, page_in, photo, note, tmp_path
):
    page = page_in(kind, town.at("reporter"))
    receipt = page_walk.report(page, language, excluded=["Omar Haddad"], files=[photo, note])
    case = town.box.cases_of([receipt])[receipt]
    opened = town.facts(*town.cases("open", case, "--save-to", tmp_path))
    assert walk.TEXT[language] in texts(opened, "report")[0]
    assert walk.PLACE[language] in texts(opened, "report")[0]
    for path in (photo, note):
        assert digest(tmp_path / path.name) == digest(path)
    assert town.command(*town.cases("open", case, name="Omar Haddad")).returncode != 0

    said = ["--text", walk.QUESTION[language], "--file", photo]
    town.facts(*town.cases("acknowledge", case, "--text", walk.QUESTION[language]))
    town.facts(*town.cases("say", case, *said))
    back = page_in(kind, town.at("reporter"))
    page_walk.enter(back, language, receipt)
    assert back.locator(".messages .told").all_inner_texts() == [walk.QUESTION[language]] * 2
    with back.expect_download() as download:
        back.click(".messages button.small")
    download.value.save_as(tmp_path / "downloaded")
    assert digest(tmp_path / "downloaded") == digest(photo)
    page_walk.say(back, walk.ANSWER[language], files=[note])
    assert back.locator(".messages .mine .told").all_inner_texts() == [walk.ANSWER[language]]
    assert back.context.cookies() == []
    opened = town.facts(*town.cases("open", case))
    assert texts(opened, "dialogue")[-1] == walk.ANSWER[language]


@pytest.mark.parametrize("kind", [browsers.CHROMIUM], ids=str)
def test_what_the_page_sealed_opens_without_scripts_too_and_the_other_way_round(kind, town, page_in):
    page = page_in(kind, town.at("reporter"))
    receipt = page_walk.report(page, "en", excluded=["Omar Haddad"])
    page_walk.enter(page, "en", receipt)
    page_walk.say(page, "From the page.")
    plain = page_in(browsers.CHROMIUM_WITHOUT_SCRIPTS, town.at("reporter"))
    walk.enter(plain, "en", receipt)
    walk.write(plain, "Without scripts.")
    page_walk.enter(page, "en", receipt)
    both = ["From the page.", "Without scripts."]
    assert page.locator(".messages .told").all_inner_texts() == both


def test_a_reporter_withdraws_and_closes_the_mailbox_in_the_page(town, page_in):
    page = page_in(browsers.CHROMIUM, town.at("reporter"))
    receipt = page_walk.report(page, "en", excluded=["Omar Haddad"])
    case = town.box.cases_of([receipt])[receipt]
    page_walk.enter(page, "en", receipt)
    page_walk.open_details(page)
    page.click("[data-go='ask:withdraw']")
    assert "Does somebody press you" in page.inner_text("[data-sure]")
    page_walk.go(page, "mailbox", "stay")
    assert not page.locator("[data-sure]").is_visible()
    page.click("[data-go='ask:withdraw']")
    page_walk.go(page, "mailbox", "do")
    page_walk.until("it is said", page.locator("[data-withdrawn]").is_visible)
    assert page.locator(".messages .mine .told").all_inner_texts() == ["I want to withdraw my report."]
    assert town.box.ledger().cases[case].withdrawn
    page_walk.open_details(page)
    page.click("[data-go='ask:close']")
    page_walk.go(page, "mailbox", "do")
    page_walk.until("it is closed", page.locator("[data-closed]").is_visible)
    assert page.locator(".messages .told").count() == 0
    page_walk.enter(page, "en", receipt)
    page_walk.say(page, "I can still write.")
    opened = town.facts(*town.cases("open", case))
    assert texts(opened, "dialogue")[-1] == "I can still write."


def test_the_receipt_is_read_in_words_and_in_the_digits_of_the_reader(town, page_in):
    page = page_in(browsers.CHROMIUM, town.at("reporter"))
    receipt = page_walk.report(page, "en", excluded=["Omar Haddad"])
    page.click("details[data-words] summary")
    page_walk.until("words", lambda: len(page.inner_text(".words").split()) == 12)
    words = page.inner_text(".words")
    burmese = receipt.translate({ord("0") + n: 0x1040 + n for n in range(10)})
    for typed in (words.upper(), burmese.replace(" ", "-")):
        page_walk.enter(page, "my", typed)


def test_a_wrong_group_is_named_and_nothing_is_asked_of_the_service(town, page_in):
    page = page_in(browsers.CHROMIUM, town.at("reporter"))
    page.goto("/en/replies")
    page_walk.at(page, "door")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.fill("#receipt", "0000 " * 3 + "9999 " + "0000 " * 8)
    page_walk.go(page, "door", "open")
    page.locator(".summary:focus").wait_for()
    assert "Group 4" in page.inner_text(".summary:focus")
    assert asked == []


def test_a_text_in_zawgyi_is_kept_and_has_a_copy_in_unicode_beside_it(town, page_in):
    typed, meant = "အလုပ္ရွင္က ပတ္စပို႔ ယူထားတယ္။", "အလုပ်ရှင်က ပတ်စပို့ ယူထားတယ်။"
    beside = f"{typed}\nThe same text in Unicode:\n{meant}"
    page = page_in(browsers.CHROMIUM, town.at("reporter"))
    receipt = page_walk.report(page, "en", excluded=["Omar Haddad"], text=typed)
    case = town.box.cases_of([receipt])[receipt]
    page_walk.enter(page, "en", receipt)
    page_walk.say(page, typed)
    page_walk.add(page, typed)
    report, addition = (each.document for each in town.box.opened("Keiko Sato")[case])
    assert report.text.startswith(f"{beside}\n\n")
    assert (report.fields["text"], report.fields["answers"]["unicode:text"]) == (typed, meant)
    assert addition.text == beside
    assert town.box.texts("Keiko Sato", "dialogue")[case] == (beside,)
    assert page.locator(".messages .mine .told").all_inner_texts() == [beside]
