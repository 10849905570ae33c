"""Writing a report without scripts, against a real mechanism."""

import json
import secrets
import sqlite3
from itertools import pairwise

import pytest

from meyasubako.crypto.age import HybridIdentity, unseal
from meyasubako.crypto.archive import unpack
from meyasubako.crypto.receipt import Receipt
from meyasubako.service.intake import Intake
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.reporter import app as site
from meyasubako.service.reporter.state import MAX_AGE
from tests.integration.reporter_box import appoint, found_box, open_second_channel, suspend
from tests.integration.reporter_visit import OURS, Visit

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@pytest.fixture
def box(tmp_path):
    return found_box(tmp_path / "box")


@pytest.fixture
def mechanism(box):
    mechanism = Mechanism.open(box.directory)
    yield mechanism
    mechanism.close()


@pytest.fixture
def app(mechanism):
    return site.create_app(Intake(mechanism, secrets.token_bytes(32)), mechanism.config)


@pytest.fixture
def visit(app):
    return Visit(app.test_client())


def cases(mechanism):
    return list(mechanism.ledger().cases.values())


def opened_report(mechanism, box, name):
    """The report's members, opened as the person of that name would, with nothing but their key."""
    case = cases(mechanism)[-1]
    rows = mechanism.store.stream(case.rooms["report"])
    identity: HybridIdentity = box.people[name].identity
    wrap = next(w for w in json.loads(rows[0].data)["body"]["wraps"] if w["reader"] == box.key_id(name))
    room = HybridIdentity.parse(unseal(payload(mechanism, wrap["sha256"]), identity).decode().strip())
    submitted = json.loads(mechanism.store.stream(case.stream)[0].data)
    return unpack(unseal(payload(mechanism, submitted["body"]["report"]["sha256"]), room))


def payload(mechanism, digest):
    with mechanism.store.open_payload(digest) as file:
        return file.read()


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
    assert b"alarm" not in everything
    assert b"a picture" not in everything


def test_whoever_is_ticked_is_not_among_the_readers(visit, mechanism, box):
    visit.start()
    page = visit.press(excluded=[box.key_id("Sato Keiko")])
    assert "Maria Lindqvist" in page.text
    assert "Sato Keiko" not in page.text
    visit.press("skip", text="It is about Sato.")
    visit.press()
    visit.press()
    with pytest.raises(StopIteration):
        opened_report(mechanism, box, "Sato Keiko")
    assert b"It is about Sato." in opened_report(mechanism, box, "Maria Lindqvist")["report.json"]


@pytest.mark.parametrize("silent", [True, False], ids=["rather not say", "everyone ticked"])
def test_the_fallback_reads_alone_where_nobody_else_may(visit, mechanism, box, silent):
    visit.start()
    everyone = [box.key_id("Sato Keiko"), box.key_id("Maria Lindqvist")]
    page = visit.press(**({"rather_not_say": "yes"} if silent else {"excluded": everyone}))
    assert "Bar Association" in page.text
    visit.press("skip", text="All of them.")
    visit.press()
    visit.press()
    assert b"All of them." in opened_report(mechanism, box, "Bar Association")["report.json"]
    with pytest.raises(StopIteration):
        opened_report(mechanism, box, "Maria Lindqvist")


def site_of(tmp_path, **also):
    """Another box with more people, its mechanism, and somebody who visits its site."""
    box = found_box(tmp_path / "another", also=also)
    mechanism = Mechanism.open(box.directory)
    app = site.create_app(Intake(mechanism, secrets.token_bytes(32)), mechanism.config)
    return box, mechanism, Visit(app.test_client())


def test_a_fallback_whom_the_reporter_was_not_shown_reads_nothing(tmp_path):
    box, mechanism, visit = site_of(tmp_path, Ombudsman=("outsider",))
    visit.start()
    visit.press(rather_not_say="yes")
    visit.press("skip", text="It is about all of them.")
    assert "Bar Association" in visit.press().text
    appoint(mechanism, box, "Ombudsman")
    page = visit.press()
    assert "have changed" in page.text
    assert "Ombudsman" in page.text
    assert cases(mechanism) == []
    assert "Ombudsman" in visit.press().text
    assert len(visit.press() and visit.groups()) == 12
    assert mechanism.ledger().rooms[cases(mechanism)[-1].rooms["report"]].readers == {box.key_id("Ombudsman")}
    mechanism.close()


def test_a_fallback_who_is_ticked_does_not_read_either(tmp_path):
    box, mechanism, visit = site_of(tmp_path, Ombudsman=("outsider", "intake:main"))
    appoint(mechanism, box, "Ombudsman")
    everyone = [box.key_id(name) for name in ("Sato Keiko", "Maria Lindqvist", "Ombudsman")]
    visit.start()
    assert "nobody would be left" in visit.press(excluded=everyone).text
    assert "What happened?" in visit.press(excluded=[], rather_not_say="yes").text
    visit.press("skip", text="It is about the other two.")
    visit.press()
    visit.press()
    assert mechanism.ledger().rooms[cases(mechanism)[-1].rooms["report"]].readers == {box.key_id("Ombudsman")}
    mechanism.close()


def test_without_a_fallback_somebody_has_to_be_left(tmp_path):
    box = found_box(tmp_path / "alone", fallback=False)
    mechanism = Mechanism.open(box.directory)
    visit = Visit(site.create_app(Intake(mechanism, bytes(32)), mechanism.config).test_client())
    assert "rather not say" not in visit.start().text
    page = visit.press(excluded=[box.key_id("Sato Keiko"), box.key_id("Maria Lindqvist")])
    assert "nobody would be left" in page.text
    assert page.html.count(" checked") == 2
    assert "What happened?" in visit.press(excluded=[box.key_id("Sato Keiko")]).text
    mechanism.close()


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


def test_quick_exit_deletes_what_was_not_sent(visit, box):
    visit.start()
    visit.press()
    visit.press("skip", text="Something.")
    visit.press("add", files=[("a.jpg", b"x" * 100_000), ("b.jpg", b"y")])
    assert len(list((box.directory / "incoming").iterdir())) == 2
    leaving = visit.page.value("/leave", "leaving")
    answer = visit.client.post("/en/leave", data={"leaving": leaving}, headers=OURS)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/en/calendar"
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert list((box.directory / "incoming").iterdir()) == []
    calendar = visit.get("/en/calendar")
    assert "<title>Calendar</title>" in calendar.html
    assert "may still list" in calendar.text


@pytest.mark.parametrize("leaving", ["", "nonsense", None])
def test_quick_exit_always_works(visit, leaving):
    data = {} if leaving is None else {"leaving": leaving}
    assert visit.client.post("/ja/leave", data=data, headers=OURS).status_code == 303


def test_the_way_out_is_the_first_thing_on_every_page_after_the_language(visit):
    paths = ["/en/", "/ja/", "/en/questions", "/en/answers", "/en/nowhere"]
    for path in paths:
        html = visit.get(path).html
        first = min(
            html.find(tag) for tag in ("<button", "<a ", '<input type="text', "<select") if tag in html
        )
        assert html[first:].startswith('<button class="leave"'), path


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://elsewhere.example"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://elsewhere.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_a_form_from_another_site_is_refused(visit, headers):
    visit.start()
    data = {name: values[0] for name, values in visit.page.fields("/questions").items()}
    answer = visit.client.post("/en/questions", data=data, headers=headers)
    assert answer.status_code == 403
    assert "opened from another place" in answer.get_data(as_text=True)


def test_a_form_of_our_own_is_taken_behind_https_too(visit):
    visit.start()
    data = {name: values[0] for name, values in visit.page.fields("/questions").items()}
    headers = {"Origin": "https://localhost", "Sec-Fetch-Site": "same-origin"}
    assert visit.client.post("/en/questions", data=data, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/en/", "/ja/questions", "/en/answers", "/en/calendar", "/xx/", "/static/style.css", "/static/no"],
)
def test_every_answer_has_the_headers(visit, path):
    answer = visit.client.get(path)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    for absent in ("ETag", "Server", "Set-Cookie", "Last-Modified"):
        assert absent not in answer.headers


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_page_is_small(app, language):
    visit = Visit(app.test_client(), language)
    sizes = [len(visit.get(path).html.encode()) for path in ("/", f"/{language}/", f"/{language}/answers")]
    visit.start()
    for fields in ({}, {"text": "短い。" * 100}, {}, {}, {}, {}, {}):
        sizes.append(len(visit.page.html.encode()))
        visit.press(**fields)
    sizes.append(len(visit.page.html.encode()))
    assert len(visit.groups()) == 12
    assert max(sizes) < 25_000
    assert sum(sizes) < 150_000


@pytest.mark.parametrize("path", ["/en/nothing", "/ja/questions/x", "/wp-login.php", "/en/leave"])
def test_an_unknown_page_is_told_in_a_language(visit, path):
    page = visit.get(path)
    assert visit.answer.status_code in (404, 405)
    assert ("このページはありません" if path.startswith("/ja") else "There is no such page") in page.text
    assert "Traceback" not in page.html


def test_a_post_without_a_known_page_is_refused_without_a_trace(visit):
    page = visit.post("/en/questions", [("page", "../../etc"), ("state", "x")])
    assert visit.answer.status_code == 400
    assert "Traceback" not in page.html


def test_two_channels_are_chosen_between_before_anything_else(tmp_path):
    box = found_box(tmp_path / "two")
    open_second_channel(box)
    mechanism = Mechanism.open(box.directory)
    visit = Visit(site.create_app(Intake(mechanism, bytes(32)), mechanism.config).test_client())
    assert "Where should it go?" in visit.start().text
    assert "Please choose one" in visit.press().text
    page = visit.press(channel="outside")
    assert "Bar Association" in page.text
    assert "Sato Keiko" not in page.text
    visit.press()
    visit.press("skip", text="For outside.")
    visit.press()
    visit.press()
    assert cases(mechanism)[0].channel == "outside"
    page = visit.post("/en/questions", [("page", "story"), ("state", "?"), ("text", "Lost words.")])
    assert "Where should it go?" in page.text
    assert "Lost words." in page.text
    mechanism.close()


def test_every_page_is_new_to_the_one_before(visit):
    visit.start()
    tokens = [visit.page.value("/questions", "state")]
    for _ in range(3):
        visit.press("stay")
        tokens.append(visit.page.value("/questions", "state"))
    assert all(one != other for one, other in pairwise(tokens))


def test_a_reader_who_was_suspended_meanwhile_does_not_read(visit, mechanism, box):
    visit.start()
    assert "Sato Keiko" in visit.page.text
    visit.press()
    visit.press("skip", text="Something happened.")
    visit.press()
    suspend(mechanism, box, "Sato Keiko")
    visit.press()
    assert len(visit.groups()) == 12
    with pytest.raises(StopIteration):
        opened_report(mechanism, box, "Sato Keiko")
    assert b"Something happened." in opened_report(mechanism, box, "Maria Lindqvist")["report.json"]
    assert "Sato Keiko" not in visit.start().text


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
