"""A mailbox in which much was written: what one answer shows, what it costs, how much a day takes."""

import secrets
from collections import Counter
from datetime import UTC, datetime, time, timedelta

import msgspec
import pytest

from meyasubako.crypto import age
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import acts
from meyasubako.service import mailbox
from meyasubako.service.config import NO_ABUSE_LIMITS, Abuse
from meyasubako.service.intake import Intake
from meyasubako.service.reporter import app as site
from meyasubako.service.reporter import program
from tests.integration.reporter_box import answer
from tests.integration.reporter_visit import OURS, Visit
from tests.unit.service.doors import NONCES, begin, submission

MORE = 5
NOBODYS = "0000 " * 11 + "0003"


@pytest.fixture
def app(mechanism):
    """The site, and beside it the door for programs.

    At noon (UTC): in the day's last hour it says in how many minutes to come again.
    """
    noon = datetime.combine(mechanism.clock().date(), time(12), UTC).timestamp()
    app = site.create_app(Intake(mechanism, secrets.token_bytes(32)), mechanism.config, now=lambda: noon)
    app.register_blueprint(program.blueprint(mechanism, NONCES))
    return app


@pytest.fixture
def receipt(visit):
    return " ".join(visit.write_report("The alarm is switched off."))


@pytest.fixture
def many(receipt, mechanism, box):
    """More answers than one page shows, the first with a file."""
    for number in range(mailbox.SHOWN + MORE):
        files = {"first.txt": b"the first file"} if number == 0 else None
        answer(mechanism, box, "Sato Keiko", f"Answer number {number}.", files)
    return mailbox.SHOWN + MORE


def numbers(page):
    """Which of the answers a page shows, in its order."""
    parts = page.text.split("Answer number ")[1:]
    return [int(part.partition(".")[0]) for part in parts]


def button(page, label):
    """What the button of this label posts."""
    before = page.html.partition(label)[0]
    return before.rpartition('name="go" value="')[2].partition('"')[0]


def press(visit, label, **fields):
    return visit.press(button(visit.page, label), form="/answers", **fields)


@pytest.fixture
def opened(monkeypatch):
    """How many sealed payloads were opened."""
    counted = Counter()
    real = age.unseal

    def counting(*args, **kwargs):
        counted["opened"] += 1
        return real(*args, **kwargs)

    monkeypatch.setattr(age, "unseal", counting)
    return counted


def test_a_page_shows_the_newest_messages_and_a_button_the_earlier_ones(visit, receipt, many):
    page = visit.enter(receipt)
    assert numbers(page) == list(range(MORE, many))
    assert "Show the newest messages" not in page.text
    page = press(visit, "Show earlier messages")
    assert numbers(page) == list(range(MORE))
    assert "Show earlier messages" not in page.text
    page = press(visit, "Show the newest messages")
    assert numbers(page) == list(range(MORE, many))


def test_looking_at_earlier_messages_loses_nothing_typed_and_no_file(visit, receipt, many):
    visit.enter(receipt)
    go = button(visit.page, "Show earlier messages")
    page = visit.press(go, form="/answers", text="Half written.", files=[("a.jpg", b"x" * 3000)])
    assert page.value("/answers", "text") == "Half written."
    assert "a.jpg" in page.text
    page = visit.press("send", form="/answers", text="Half written, and sent.")
    assert "Your message was sent." in page.text
    assert page.text.index(f"Answer number {many - 1}.") < page.text.index("Half written, and sent.")
    assert "a.jpg" in page.text


def test_a_short_mailbox_has_no_such_buttons(visit, receipt, mechanism, box):
    answer(mechanism, box, "Sato Keiko", "Yes.")
    page = visit.enter(receipt)
    assert "Show earlier messages" not in page.text
    assert "Show the newest messages" not in page.text


def test_large_messages_are_shown_few_at_a_time(visit, receipt, mechanism, box, monkeypatch):
    monkeypatch.setattr(mailbox, "SHOWN_BYTES", 100_000)
    for number in range(3):
        answer(mechanism, box, "Sato Keiko", f"Answer number {number}." + " x" * 20_000)
    assert numbers(visit.enter(receipt)) == [1, 2]
    assert numbers(press(visit, "Show earlier messages")) == [0]


def test_one_answer_opens_no_more_than_a_page_whatever_the_mailbox_holds(
    visit, receipt, mechanism, box, many, opened
):
    opened.clear()
    visit.enter(receipt)
    most = opened["opened"]
    assert mailbox.SHOWN < most <= mailbox.SHOWN + 4
    for number in range(mailbox.SHOWN):
        answer(mechanism, box, "Sato Keiko", f"Answer number {many + number}.")
    opened.clear()
    visit.enter(receipt)
    assert opened["opened"] == most
    opened.clear()
    press(visit, "Show earlier messages")
    assert opened["opened"] == most
    # Nothing of this is done for a code that opens no mailbox.
    opened.clear()
    visit.enter(NOBODYS)
    assert opened["opened"] == 4


def test_a_file_of_an_earlier_message_opens_that_message_only(visit, receipt, many, opened):
    visit.enter(receipt)
    page = press(visit, "Show earlier messages")
    assert "first.txt" in page.text
    digest = page.html.partition('name="get" value="')[2].partition('"')[0]
    opened.clear()
    state = page.value("/answers/file", "state")
    download = visit.client.post("/en/answers/file", data={"state": state, "get": digest}, headers=OURS)
    assert download.get_data() == b"the first file"
    assert opened["opened"] == 2


@pytest.mark.parametrize(
    "go",
    ["show", "show:dialogue", "show:dialogue:x", "show:report:3", "show:dialogue:" + "9" * 400, "show::1"],
)
def test_a_button_that_nobody_made_shows_the_newest_messages(visit, receipt, many, go):
    visit.enter(receipt)
    page = visit.press(go, form="/answers", text="Kept.")
    assert visit.answer.status_code == 200
    assert numbers(page) == list(range(MORE, many))
    assert page.value("/answers", "text") == "Kept."


def limited(mechanism, **limits):
    abuse = msgspec.structs.replace(NO_ABUSE_LIMITS, **limits)
    mechanism.config = msgspec.structs.replace(mechanism.config, abuse=abuse)


def send(visit, text, **more):
    return visit.press("send", form="/answers", text=text, **more)


def test_a_day_takes_so_many_messages_of_a_receipt_and_keeps_what_is_more(
    visit, receipt, mechanism, monkeypatch
):
    limited(mechanism, additions_a_day=2)
    visit.enter(receipt)
    before = send(visit, "One.")
    assert "Your message was sent." in before.text
    assert "Your message was sent." in send(visit, "Two.").text
    page = send(visit, "Three.", files=[("a.jpg", b"x" * 3000)])
    assert visit.answer.status_code == 429
    assert int(visit.answer.headers["Retry-After"]) <= 24 * 3600
    assert "as much as one code can add in a day" in page.text
    assert "Nothing is lost" in page.text
    assert "from 00:00 (UTC) on" in page.text
    assert page.value("/answers", "text") == "Three."
    assert "a.jpg" in page.text
    tomorrow = mechanism.clock() + timedelta(days=1)
    monkeypatch.setattr(mechanism, "clock", lambda: tomorrow)
    page = send(visit, "Three.")
    assert "Your message was sent." in page.text
    assert "a.jpg" in page.text


def test_what_arrived_is_found_again_beyond_the_limit(visit, receipt, mechanism):
    limited(mechanism, additions_a_day=1)
    before = visit.enter(receipt)
    send(visit, "Only once.")
    visit.page = before
    assert "had arrived already" in send(visit, "Only once.").text


def test_one_receipts_limit_is_nobody_elses_and_staff_have_none(app, visit, receipt, mechanism, box):
    limited(mechanism, additions_a_day=1)
    visit.enter(receipt)
    send(visit, "One.")
    for _ in range(3):
        answer(mechanism, box, "Sato Keiko", "Yes.")
    other = Visit(app.test_client())
    second = " ".join(other.write_report("Something else."))
    other.enter(second)
    assert "Your message was sent." in send(other, "One.").text
    assert send(visit, "Two.").text.count("as much as one code can add in a day") >= 1


def test_a_day_takes_so_many_sealed_bytes_of_a_receipt(visit, receipt, mechanism):
    limited(mechanism, addition_bytes_a_day=400_000)
    visit.enter(receipt)
    assert "Your message was sent." in send(visit, "One.", files=[("a.jpg", b"x" * 250_000)]).text
    page = send(visit, "Two.", files=[("b.jpg", b"y" * 250_000)])
    assert "as much as one code can add in a day" in page.text
    assert page.value("/answers", "text") == "Two."
    assert "b.jpg" in page.text
    # Words alone still fit.
    file_id = page.html.partition('value="remove:')[2].partition('"')[0]
    visit.press(f"remove:{file_id}", form="/answers", text="Two.")
    assert "Your message was sent." in send(visit, "Two.").text


def test_it_is_said_in_japanese_too(app, receipt, mechanism):
    limited(mechanism, additions_a_day=1)
    visit = Visit(app.test_client(), "ja")
    visit.enter(receipt)
    send(visit, "一つ目。")
    assert "1つの受付コードで1日に送れるのは、ここまでです。" in send(visit, "二つ目。").text


def test_programs_are_under_the_same_limit_and_told_by_name(app, visit, receipt, mechanism):
    limited(mechanism, additions_a_day=1)
    client, origin = app.test_client(), mechanism.config.origin
    secret = Receipt.parse(receipt)
    key = secret.signing_key(origin)

    def on_the_case():
        ledger = mechanism.ledger()
        case = ledger.cases[ledger.reporters[key.verify_key.key_id]]
        return begin(mechanism, key), ledger.rooms[case.rooms["dialogue"]]

    def saying(text):
        request, room = on_the_case()
        roster, own = mechanism.ledger().mechanism, secret.identity(origin).recipient
        epoch = acts.current_epoch(request, room, roster, own, "reporter_tool")
        document = {"text": text, "v": 1}
        acts.post(request, "message.posted", room.stream, epoch, document, (), "reporter_tool")
        return submission(*request.events, payloads=request.payloads)

    first = saying("One.")
    assert client.post("/api/events", json=first).status_code == 200
    # The very same is found again, and what comes on top is not taken.
    assert client.post("/api/events", json=first).status_code == 200
    refused = client.post("/api/events", json=saying("Two."))
    assert refused.status_code == 422
    assert refused.get_json()["type"].endswith(":enough-for-today")
    assert "one receipt can add in a day" in refused.get_json()["detail"]
    # Whoever found the receipt cannot keep its owner from closing the mailbox.
    request, room = on_the_case()
    request.add("mailbox.closed_to_reading", room.stream, {"sealed_by": "reporter_tool"})
    assert client.post("/api/events", json=submission(*request.events)).status_code == 200


def test_a_mechanism_is_founded_with_a_limit_that_nobody_reaches_by_writing():
    assert Abuse().additions_a_day >= 50
    # More than every file of a few full messages.
    assert Abuse().addition_bytes_a_day >= 4 * 2 * 1024**3
