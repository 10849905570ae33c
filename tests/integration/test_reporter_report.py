"""Writing a report without scripts, against a real mechanism."""

import secrets
import sqlite3

from meyasubako.crypto.receipt import Receipt
from meyasubako.service.intake import Intake
from meyasubako.service.reporter import app as site
from meyasubako.service.reporter.state import MAX_AGE
from tests.integration.reporter_box import cases, opened_report
from tests.integration.reporter_visit import Visit


def test_the_way_from_the_language_to_the_receipt(visit, mechanism):
    assert "日本語" in visit.get("/").text
    assert "Stay safe" in visit.get("/en/").text
    assert "Sato Keiko" in visit.start().text
    assert "What happened?" in visit.press().text
    assert "What is it about?" in visit.press(text="The alarm is switched off.").text
    assert "Where, when, who?" in visit.press(about="breach", kinds=["safety", "wages"]).text
    assert "What do you need?" in visit.press(place="Osaka").text
    assert "Somebody is in danger now" in visit.press(danger="yes").text
    review = visit.press()
    for told in (
        "The alarm is switched off.",
        "Somebody breaks a law",
        "Danger at work",
        "Pay, fees",
        "Osaka",
    ):
        assert told in review.text
    assert cases(mechanism) == []
    visit.press()
    assert "It has been sent" in visit.page.text
    assert Receipt.parse(" ".join(visit.groups())).digits() == " ".join(visit.groups())
    assert len(cases(mechanism)) == 1


def test_what_was_written_reaches_the_readers_and_nobody_else(visit, mechanism, box):
    visit.start()
    visit.press()
    visit.press(text="夜、誰かが alarm を切る。")
    visit.press(about="breach")
    visit.press()
    visit.press()
    visit.press(files=[("写真.jpg", b"a picture" * 1000)])
    visit.press()
    found = opened_report(mechanism, box, "Sato Keiko")
    assert "夜、誰かが alarm を切る。".encode() in found["report.json"]
    assert b'"about":"breach"' in found["report.json"]
    # For whoever opens it with stock tools: the same, in the words that the reporter saw.
    assert found["report.txt"].decode() == (
        "夜、誰かが alarm を切る。\n\nWhat do you need from us?\nSomebody breaks a law or a rule"
    )
    assert "写真.jpg".encode() in found["files.json"]
    assert list((box.directory / "incoming").iterdir()) == []
    everything = b"".join(path.read_bytes() for path in box.directory.rglob("*") if path.is_file())
    assert "夜、誰かが".encode() not in everything
    assert b"need from us" not in everything
    assert b"a picture" not in everything


def test_a_doubled_submit_finds_its_first(visit, mechanism):
    first = visit.write_report()
    visit.start()
    visit.press()
    visit.press("skip", text="Twice.")
    review = visit.press()
    one = visit.press()
    groups = visit.groups()
    visit.page = review
    two = visit.press()
    assert visit.groups() == groups != first
    assert "arrived already" not in one.text
    assert "arrived already" in two.text
    assert len(cases(mechanism)) == 2


def test_an_empty_account_is_asked_for_beside_its_field(visit):
    visit.start()
    visit.press()
    page = visit.press(text=" \n ")
    assert "One sentence is enough" in page.text
    assert 'href="#text"' in page.html
    assert 'aria-invalid="true"' in page.html
    assert "text-wrong" in page.html
    assert "<title>Please check: Questions</title>" in page.html


def test_a_long_account_is_kept_and_its_length_told(visit):
    visit.start()
    visit.press()
    page = visit.press(text="あ" * 100_001)
    assert "100,001" in page.text
    assert page.value("/questions", "text") == "あ" * 100_001
    assert "What is it about?" in visit.press(text="あ" * 100_000).text


def test_back_keeps_what_was_typed_and_a_change_leads_back_to_the_review(visit):
    visit.start()
    visit.press()
    visit.press(text="One.")
    visit.press("back", about="advice")
    assert visit.page.value("/questions", "text") == "One."
    visit.press("skip", text="Two.")
    review = visit.press()
    assert "Two." in review.text
    assert "I only want advice" in review.text
    visit.press("to:story")
    assert visit.page.value("/questions", "text") == "Two."
    assert "Check and send" in visit.press(text="Three.").text


def test_the_language_can_be_changed_in_the_middle(visit):
    visit.start()
    visit.press()
    visit.language = "ja"
    page = visit.press("stay", text="Half a sen")
    assert "何がありましたか" in page.text
    assert page.value("/questions", "text") == "Half a sen"
    assert 'lang="ja"' in page.html


def test_a_page_from_before_a_restart_gives_back_what_it_carried(app, mechanism, visit):
    visit.start()
    visit.press()
    visit.press(text="Before.")
    restarted = site.create_app(Intake(mechanism, secrets.token_bytes(32)), mechanism.config)
    old = visit.page
    visit.client = restarted.test_client()
    page = visit.press(kinds=["wages"])
    assert "restarted" in page.text
    assert "is kept" in page.text
    visit.press()
    visit.press(text="Again.")
    assert 'value="wages" checked' in visit.page.html
    visit.page = old
    story = {"page": "story", "state": "?", "text": "My only words."}
    page = visit.post("/en/questions", list(story.items()))
    assert "My only words." in page.text
    assert "may have arrived" not in page.text
    assert visit.press().value("/questions", "text") == "My only words."
    assert "may have arrived" in visit.post("/en/questions", [("page", "review"), ("state", "?")]).text
    assert cases(mechanism) == []


def test_a_page_that_is_too_old_is_asked_again(mechanism):
    hands = [1_800_000_000.0]
    old = site.create_app(Intake(mechanism, bytes(32)), mechanism.config, now=lambda: hands[0])
    visit = Visit(old.test_client())
    visit.start()
    hands[0] += MAX_AGE + 1
    assert "We have to ask you again" in visit.press().text


def test_nothing_is_kept_between_pages_but_what_the_page_carries(visit, box):
    before = {path: path.stat().st_size for path in box.directory.rglob("*") if path.is_file()}
    visit.get("/en/")
    visit.start()
    visit.press()
    visit.press(text="Something.")
    visit.press("back")
    after = {path: path.stat().st_size for path in box.directory.rglob("*") if path.is_file()}
    assert after == before
    assert "Set-Cookie" not in visit.answer.headers
    assert b"Something." not in visit.page.value("/questions", "state").encode()


def test_a_send_that_fails_keeps_everything_and_the_next_one_arrives_once(visit, mechanism, box):
    visit.start()
    visit.press()
    visit.press("skip", text="Something happened.", files=())
    visit.press("next", files=[("a.jpg", b"x" * 3000)])
    with sqlite3.connect(box.directory / "log.db") as other:
        other.execute(
            "CREATE TRIGGER refusing BEFORE INSERT ON stored_events BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    other.close()
    page = visit.press()
    assert "could not be sent just now" in page.text
    assert "Something happened." in page.text
    assert "a.jpg" in page.text
    assert cases(mechanism) == []
    with sqlite3.connect(box.directory / "log.db") as other:
        other.execute("DROP TRIGGER refusing")
    other.close()
    visit.press()
    assert len(visit.groups()) == 12
    assert len(cases(mechanism)) == 1
