"""When the reporter's site waits with what it takes, against a real mechanism; nothing typed is lost."""

from datetime import UTC, datetime, time, timedelta

import msgspec
import pytest

from meyasubako.service.config import NO_ABUSE_LIMITS, Abuse
from meyasubako.service.intake import Intake
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.reporter import app as site
from meyasubako.service.reporter import program
from meyasubako.service.reporter.languages import shown_date
from tests.integration.reporter_box import found_box
from tests.integration.reporter_visit import Visit
from tests.unit.service.doors import NONCES, submission
from tests.unit.service.doors import report_request as signed_report

# A quarter to three in the afternoon; the mechanism's own clock stands at the same time.
DAY = datetime.now(UTC).date()
NOW = datetime.combine(DAY, time(14, 45), UTC).timestamp()
MIDNIGHT = f"on {shown_date(DAY + timedelta(days=1), 'en')}, from 00:00 (UTC) on."


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return found_box(tmp_path_factory.mktemp("limits") / "box").directory


@pytest.fixture
def mechanism(directory):
    clock = directory.parent / "clock"
    clock.write_text(datetime.fromtimestamp(NOW, UTC).isoformat())
    mechanism = Mechanism.open(directory, test_clock=clock)
    yield mechanism
    mechanism.close()


class Site:
    """The site with other limits, and a clock that stands where a test puts it."""

    def __init__(self, mechanism, *, circuit=None, tor=False, **limits):
        abuse = msgspec.structs.replace(NO_ABUSE_LIMITS, **limits)
        config = msgspec.structs.replace(
            mechanism.config, abuse=abuse, tor=msgspec.structs.replace(mechanism.config.tor, circuit_id=tor)
        )
        self.now = NOW
        self.app = site.create_app(Intake(mechanism, bytes(32)), config, now=lambda: self.now)

    def visit(self, circuit=None, language="en"):
        client = self.app.test_client()
        if circuit is not None:
            client.environ_base["REMOTE_ADDR"] = f"fc00:dead:beef:4dad::0:{circuit:x}"
        return Visit(client, language)


def ready(visit, text="The alarm is switched off."):
    """Up to the page that asks to check and send, with a file."""
    visit.start()
    visit.press()
    visit.press("skip", text=text)
    return visit.press("next", files=[("a.jpg", b"x" * 3000)])


def assert_nothing_lost(visit):
    assert "Check and send" in visit.page.text
    assert "The alarm is switched off." in visit.page.text
    assert "a.jpg" in visit.page.text
    assert "Nothing is lost" in visit.page.text


def test_a_test_mechanism_is_founded_without_limits_and_any_other_with_all(mechanism):
    assert mechanism.config.abuse == NO_ABUSE_LIMITS
    assert Abuse().form_seconds > 0


def test_a_form_that_comes_back_too_soon_is_asked_for_once_more(mechanism):
    quick = Site(mechanism, form_seconds=3)
    visit = quick.visit()
    ready(visit)
    before = mechanism.store.head().size
    visit.press()
    assert_nothing_lost(visit)
    assert mechanism.store.head().size == before
    quick.now += 3
    visit.press()
    assert len(visit.groups()) == 12


def test_a_message_that_comes_too_soon_is_asked_for_once_more(mechanism):
    quick = Site(mechanism, form_seconds=3)
    visit = quick.visit()
    ready(visit)
    quick.now += 3
    visit.press()
    visit.enter(" ".join(visit.groups()))
    page = visit.press("send", form="/answers", text="Is anybody there?", files=[("b.jpg", b"y" * 300)])
    assert "Please look at this page once more" in page.text
    assert page.value("/answers", "text") == "Is anybody there?"
    assert "b.jpg" in page.text
    quick.now += 3
    assert "Your message was sent." in visit.press("send", form="/answers").text


@pytest.mark.parametrize("page", ["readers", "review"])
def test_whoever_fills_in_the_trap_sees_the_same_page_again_and_nothing_is_sent(mechanism, page):
    visit = Site(mechanism).visit()
    if page == "review":
        ready(visit)
    else:
        visit.start()
    heading = visit.page.html.partition("<h1>")[2].partition("</h1>")[0]
    before = mechanism.store.head().size
    visit.press(subject="Cheap watches")
    assert visit.answer.status_code == 200
    assert heading in visit.page.html
    assert "Please look at this page once more" in visit.page.text
    assert "sent" not in visit.page.html.partition("<main")[2].partition("<h1>")[0]
    assert "Cheap watches" not in visit.page.html
    assert mechanism.store.head().size == before
    # The page that came back is empty of it, so a person whose browser filled it in goes on as usual.
    visit.press()
    assert "once more, and press" not in visit.page.text


@pytest.mark.parametrize("path", ["/en/questions", "/en/answers"])
def test_the_trap_is_hidden_from_eyes_screen_readers_and_the_keyboard_and_says_what_it_is(mechanism, path):
    html = Site(mechanism).visit().get(path).html
    trap = html.partition("<div hidden")[2].partition("</div>")[0]
    assert 'aria-hidden="true"' in trap
    assert 'tabindex="-1"' in trap
    assert 'autocomplete="off"' in trap
    assert "Leave this field empty" in trap


def test_a_trap_in_the_door_of_the_mailbox_gives_the_code_back(mechanism):
    visit = Site(mechanism).visit()
    page = visit.enter("0000 0001", subject="x")
    assert "Please look at this page once more" in page.text
    assert page.value("/answers", "receipt") == "0000 0001"
    assert len(visit.answer.get_data()) == 16384


def test_sends_beyond_the_pace_are_told_when_and_keep_everything(mechanism):
    busy = Site(mechanism, sends_a_minute=1)
    first, second = busy.visit(), busy.visit()
    ready(first)
    first.press()
    assert len(first.groups()) == 12
    ready(second)
    second.press()
    assert second.answer.status_code == 429
    assert second.answer.headers["Retry-After"] == "60"
    assert second.answer.headers["Cache-Control"] == "no-store"
    assert "Please try again in 1 minute, at 14:46 (UTC)." in second.page.text
    assert_nothing_lost(second)
    busy.now += 60
    second.press()
    assert len(second.groups()) == 12


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"reports_an_hour": 1}, "Please try again in 15 minutes, at 15:00 (UTC)."),
        ({"reports_a_day": 0}, f"Please try again {MIDNIGHT}"),
    ],
)
def test_reports_beyond_the_quota_are_told_when_and_messages_are_not_counted(mechanism, limits, told):
    there = sum(case.submitted_on == DAY for case in mechanism.ledger().cases.values())
    full = Site(mechanism, **{name: most or there + 1 for name, most in limits.items()})
    first, second = full.visit(), full.visit()
    ready(first)
    before = first.page
    first.press()
    groups = first.groups()
    assert len(groups) == 12
    ready(second)
    second.press()
    assert second.answer.status_code == 429
    assert told in second.page.text
    assert_nothing_lost(second)
    # What has arrived is not held back: the same button finds it, and its mailbox is open.
    first.page = before
    first.press()
    assert first.groups() == groups
    first.enter(" ".join(groups))
    assert "Your message was sent." in first.press("send", form="/answers", text="More.").text


def test_messages_beyond_the_pace_keep_their_text_and_files(mechanism):
    busy = Site(mechanism, sends_a_minute=1)
    visit = busy.visit()
    ready(visit)
    visit.press()
    visit.enter(" ".join(visit.groups()))
    page = visit.press("send", form="/answers", text="More.", files=[("b.jpg", b"y" * 300)])
    assert visit.answer.status_code == 429
    assert "at 14:46 (UTC)" in page.text
    assert page.value("/answers", "text") == "More."
    assert "b.jpg" in page.text
    assert len(visit.answer.get_data()) == 16384
    busy.now += 60
    assert "Your message was sent." in visit.press("send", form="/answers").text


def question_on(page):
    """The number that stands in the line that is asked for, and the others."""
    numbers = page.html.partition("written_number-hint")[2].partition("</ol>")[0]
    line = int(numbers.partition("in line ")[2].partition("?")[0])
    listed = [part.partition("</li>")[0] for part in numbers.split("<li>")[1:]]
    return listed[line - 1], listed


def test_while_too_much_arrives_a_question_lets_people_through(mechanism):
    busy = Site(mechanism, sends_a_minute=1, question="busy")
    first, second = busy.visit(), busy.visit()
    ready(first)
    assert "One more question" not in first.page.text
    first.press()
    ready(second)
    second.press()
    assert second.answer.status_code == 429
    assert "One more question" in second.page.text
    assert_nothing_lost(second)
    right, listed = question_on(second.page)
    wrong = next(number for number in listed if number != right)
    second.press(written_number=wrong)
    assert "Please write the number" in second.page.text
    assert_nothing_lost(second)
    right, _ = question_on(second.page)
    second.press(written_number=f" {right} ")
    assert len(second.groups()) == 12


def test_a_question_that_is_always_asked_stands_on_the_page_that_sends(mechanism):
    asking = Site(mechanism, question="always")
    visit = asking.visit()
    ready(visit)
    assert "One more question" in visit.page.text
    visit.press()
    assert visit.answer.status_code == 200
    assert_nothing_lost(visit)
    right, _ = question_on(visit.page)
    visit.press(written_number=right)
    visit.enter(" ".join(visit.groups()))
    right, _ = question_on(visit.page)
    page = visit.press("send", form="/answers", text="More.", written_number=right)
    assert "Your message was sent." in page.text


def test_an_answer_does_not_open_another_form(mechanism):
    asking = Site(mechanism, question="always")
    first, second = asking.visit(), asking.visit()
    ready(first)
    ready(second)
    right, _ = question_on(first.page)
    sealed = first.page.value("/questions", "asked_number")
    second.press(written_number=right, asked_number=sealed)
    assert_nothing_lost(second)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_question_is_asked_in_the_language_and_digits_of_the_page(mechanism, language):
    visit = Site(mechanism, question="always").visit(language=language)
    visit.start()
    visit.press()
    visit.press("skip", text="x")
    page = visit.press()
    assert ("One more question" in page.text) is (language == "en")
    assert 'inputmode="numeric"' in page.html
    assert "<img" not in page.html


def test_one_circuit_that_asks_too_much_waits_and_others_do_not(mechanism):
    busy = Site(mechanism, tor=True, circuit_requests_a_minute=10)
    greedy, calm = busy.visit(1), busy.visit(2)
    ready(greedy)
    for _ in range(6):
        greedy.client.get("/en/")
    page = greedy.press()
    assert greedy.answer.status_code == 429
    assert_nothing_lost(greedy)
    assert "in 1 minute" in page.text
    assert greedy.client.get("/en/").status_code == 429
    assert "New Tor Circuit" in greedy.get("/en/").text
    assert "Please try again in 1 minute" in greedy.page.text
    assert int(greedy.answer.headers["Retry-After"]) > 0
    # The way out, its calendar and the style of pages are always there.
    assert greedy.client.get("/en/calendar").status_code == 200
    assert greedy.client.get("/static/style.css").status_code == 200
    greedy.page = page
    greedy.press(form="/leave")
    assert greedy.answer.status_code == 303
    ready(calm)
    calm.press()
    assert len(calm.groups()) == 12
    busy.now += 60
    greedy.page = page
    assert "Check and send" in page.text


def test_a_circuit_far_beyond_its_pace_is_refused_before_its_form_is_read(mechanism):
    busy = Site(mechanism, tor=True, circuit_requests_a_minute=10)
    visit = busy.visit(1)
    ready(visit)
    page = visit.page
    for _ in range(20):
        visit.client.get("/en/")
    visit.page = page
    visit.press(files=[("b.jpg", b"x" * 100)])
    assert visit.answer.status_code == 429
    assert "New Tor Circuit" in visit.page.text


def test_circuits_are_not_looked_at_unless_tor_tells_them(mechanism):
    free = Site(mechanism, circuit_requests_a_minute=1)
    visit = free.visit(1)
    assert [visit.client.get("/en/").status_code for _ in range(5)] == [200] * 5


def test_programs_reports_are_under_the_same_quota(mechanism):
    full = Site(mechanism, reports_an_hour=1)
    full.app.register_blueprint(program.blueprint(mechanism, NONCES, full.app.extensions[site.PACE]))
    first = full.visit()
    ready(first)
    first.press()
    assert len(first.groups()) == 12
    client, request = full.app.test_client(), signed_report(mechanism, None)[0]
    events = submission(*request.events, payloads=request.payloads)
    refused = client.post("/api/events", json=events)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "900"
    full.now += 900
    assert client.post("/api/events", json=events).status_code == 200
    # What has arrived is found again, also beyond the quota.
    assert client.post("/api/events", json=events).status_code == 200


def test_programs_are_told_to_wait_by_a_problem(mechanism):
    busy = Site(mechanism, sends_a_minute=1)
    busy.app.register_blueprint(program.blueprint(mechanism, NONCES))
    client = busy.app.test_client()
    assert client.post("/api/events", json={}).status_code == 400
    refused = client.post("/api/events", json={})
    assert refused.status_code == 429
    assert refused.mimetype == "application/problem+json"
    assert refused.headers["Retry-After"] == "60"
    assert "60 seconds" in refused.get_json()["detail"]


@pytest.mark.parametrize("hours", [11, 12])
def test_a_page_works_for_twelve_hours_says_so_and_each_button_gives_it_twelve_more(mechanism, hours):
    slow = Site(mechanism)
    visit = slow.visit()
    visit.start()
    assert "A page works for 12 hours" in visit.page.text
    visit.press()
    for _ in range(3):
        slow.now += hours * 3600
        visit.press("stay", text="Written slowly.")
    visit.press("skip", text="Written slowly.")
    visit.press()
    assert "Written slowly." in visit.page.text


def test_files_that_were_sealed_elsewhere_are_under_the_same_quota(mechanism):
    full = Site(mechanism, reports_an_hour=1)
    first, second = full.visit(), full.visit()
    ready(first)
    first.press()
    assert len(first.groups()) == 12
    incoming = mechanism.directory / "incoming"
    before = set(incoming.iterdir())
    page = second.post("/en/envelope", [], files=[("report.sealed", b"sealed elsewhere")])
    assert second.answer.status_code == 429
    assert set(incoming.iterdir()) == before
    assert second.answer.headers["Retry-After"] == "900"
    assert "Please try again in 15 minutes, at 15:00 (UTC)." in page.text
    full.now += 900
    page = second.post("/en/envelope", [], files=[("report.sealed", b"sealed elsewhere")])
    assert second.answer.status_code == 200
    assert "not a file that the saved page made" in page.text
