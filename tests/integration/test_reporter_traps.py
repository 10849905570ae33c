"""Traps of the web that a site for reporters must not fall into, against a real mechanism; docs/testing.md
lists them all with their tests.
"""

import secrets

import pytest

from meyasubako.service.intake import Intake
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.reporter import app as site
from tests.integration.reporter_box import found_box
from tests.integration.reporter_visit import OURS, Visit


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return found_box(tmp_path_factory.mktemp("traps") / "box").directory


@pytest.fixture
def app(directory):
    mechanism = Mechanism.open(directory)
    yield site.create_app(Intake(mechanism, secrets.token_bytes(32)), mechanism.config)
    mechanism.close()


def test_a_whole_visit_sets_no_cookie_and_pins_no_browser_to_https(app):
    seen = []
    visit = Visit(app.test_client())
    app.after_request(lambda answer: (seen.append(answer.headers), answer)[1])
    visit.get("/")
    visit.get("/en/")
    receipt = " ".join(visit.write_report("Something happened.", [("a.jpg", b"x" * 5000)]))
    visit.enter(receipt)
    visit.press("send", form="/answers", text="More.")
    visit.press(form="/leave")
    visit.get("/en/calendar")
    assert len(seen) > 10
    for headers in seen:
        assert not {"Set-Cookie", "Strict-Transport-Security", "Onion-Location"} & set(headers.keys())
        assert headers["Cache-Control"] == "no-store"


def test_forms_have_room_for_more_than_one_piece_of_a_file(app):
    # Below 64 KiB every larger file is refused; at exactly 64 KiB it depends on what is in it.
    assert app.config["MAX_FORM_MEMORY_SIZE"] >= 128 * 1024


def test_a_form_of_endlessly_many_parts_is_refused_by_a_page(app):
    visit = Visit(app.test_client())
    page = visit.post("/en/questions", [("page", "story"), *((f"x{n}", "") for n in range(2000))])
    assert visit.answer.status_code == 413
    assert "too large" in page.text


@pytest.mark.parametrize("host", ["box.onion", "box.example.org:8080"])
def test_addresses_in_answers_are_never_whole_ones(app, host):
    client = app.test_client()
    left = client.post("/en/leave", headers={"Host": host, "Origin": f"http://{host}"})
    assert left.headers["Location"] == "/en/calendar"
    assert host.encode() not in client.get("/en/", headers={"Host": host}).get_data()


def test_forms_say_how_they_are_written(app):
    visit = Visit(app.test_client())
    for path in ("/en/questions", "/en/answers"):
        html = visit.get(path).html
        assert 'accept-charset="utf-8"' in html
        assert 'autocomplete="off"' in html


def test_a_word_in_another_encoding_is_no_error(app):
    body = b'--b\r\nContent-Disposition: form-data; name="page"\r\n\r\nstory\r\n'
    body += b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n\x96\xe9 ' + b"\xff\xfe\r\n--b--\r\n"
    kind = "multipart/form-data; boundary=b"
    answer = app.test_client().post("/en/questions", data=body, content_type=kind, headers=OURS)
    assert answer.status_code == 200
    assert "We have to ask you again" in answer.get_data(as_text=True)
