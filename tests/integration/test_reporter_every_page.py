"""What holds for every page of the reporter's site: headers, the way out, forms from elsewhere."""

from itertools import pairwise

import pytest

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


def test_every_page_is_new_to_the_one_before(visit):
    visit.start()
    tokens = [visit.page.value("/questions", "state")]
    for _ in range(3):
        visit.press("stay")
        tokens.append(visit.page.value("/questions", "state"))
    assert all(one != other for one, other in pairwise(tokens))
