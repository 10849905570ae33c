import hashlib
import json
from datetime import timedelta

import pytest
from flask import Flask
from werkzeug.test import Client

from meyasubako.crypto.cosignature import verifier_of
from meyasubako.crypto.note import open_note
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import acts, envelope
from meyasubako.service.client import answers, roster
from meyasubako.service.clocks import system_clock
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.nonces import Nonces
from meyasubako.service.reporter import program
from meyasubako.service.signatures import PREFIX_FIELD, sign_request
from tests.system.box import ORIGIN, Box
from tests.unit.service.doors import (
    BASE,
    Caller,
    Reported,
    begin,
    problem,
    program_door,
    report,
    report_request,
    submission,
)


@pytest.fixture
def app(mechanism: Mechanism) -> Flask:
    return program_door(mechanism)


@pytest.fixture
def client(app: Flask) -> Client:
    return Client(app)


@pytest.fixture
def reported(mechanism: Mechanism, box: Box) -> Reported:
    return report(mechanism, box)


def test_the_channel_names_its_readers_and_brings_what_proves_them(
    mechanism: Mechanism, box: Box, client: Client
) -> None:
    shown = answers.read(client.get("/api/channel").get_json(), answers.Channels)
    readers = {person.key_id for person in shown.channels["main"].readers}
    assert readers == {box.key_id("Keiko Sato"), box.key_id("Omar Haddad")}

    def fetch(seq: int) -> answers.MechanismPage:
        page = client.get(f"/api/channel?from={seq}").get_json()
        return answers.read(page, answers.Channels).mechanism

    verified = roster.verify(fetch, mechanism.clock().date(), fingerprint=shown.fingerprint)
    assert verified.marker.leaf == shown.marker
    assert {person.key_id for person in verified.mechanism.intake("main", verified.marker.slot)} == readers
    card = json.loads(shown.cards[verified.mechanism.people[box.key_id("Keiko Sato")].card])
    assert card["name"] == "Keiko Sato"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_key_that_nothing_can_be_sealed_to_is_refused(
    mechanism: Mechanism, box: Box, client: Client, place: int
) -> None:
    made, reported = report_request(mechanism, box)
    request = begin(mechanism, reported.key)
    for number, event in enumerate(made.events):
        recipient = "age1pq1" + "q" * 1952 if number == place else event.text("recipient")
        request.add(event.kind, event.stream, {**event.body, "recipient": recipient})
    answer = client.post("/api/events", json=submission(*request.events, payloads=made.payloads))
    assert (answer.status_code, problem(answer)) == (400, "bad-request")
    assert not mechanism.ledger().cases


def test_a_report_is_accepted_with_promises_and_without_places(
    mechanism: Mechanism, box: Box, client: Client
) -> None:
    request, reported = report_request(mechanism, box)
    body = submission(*request.events, payloads=request.payloads)
    answer = client.post("/api/events", json=body)
    assert answer.status_code == 200
    accepted = answer.get_json()["accepted"]
    assert [each["leaf"] for each in accepted] == [event.leaf for event in request.events]
    assert all(each.keys() == {"leaf", "promise"} for each in accepted)
    open_note(accepted[0]["promise"].encode(), [verifier_of(mechanism.keys.promise.key)])
    assert reported.case in mechanism.ledger().cases
    assert client.post("/api/events", json=body).get_json() == answer.get_json()


def test_people_of_the_roster_do_not_come_in_by_the_reporters_door(
    mechanism: Mechanism, box: Box, client: Client, reported: Reported
) -> None:
    request = begin(mechanism, box.people["Keiko Sato"].signing)
    revoked = request.add("access.revoked", reported.dialogue, {"reader": box.key_id("Omar Haddad")})
    answer = client.post("/api/events", json=submission(revoked))
    assert (answer.status_code, problem(answer)) == (422, "not-a-reporters")


def test_two_reporters_do_not_write_in_one_request(mechanism: Mechanism, box: Box, client: Client) -> None:
    one, _ = report_request(mechanism, box)
    two, _ = report_request(mechanism, box)
    payloads = one.payloads | two.payloads
    answer = client.post("/api/events", json=submission(*one.events, *two.events, payloads=payloads))
    assert (answer.status_code, problem(answer)) == (422, "not-a-reporters")


def test_a_report_that_the_rules_do_not_allow_is_refused_by_name(
    mechanism: Mechanism, box: Box, client: Client
) -> None:
    request, _ = report_request(mechanism, box)
    body = submission(request.events[0], payloads={})
    answer = client.post("/api/events", json=body)
    assert answer.status_code == 422
    assert problem(answer) in {"submission-opens-its-rooms", "missing-payload"}


def test_a_receipt_opens_its_mailbox(mechanism: Mechanism, app: Flask, reported: Reported) -> None:
    answer = Caller(app, reported.key).get("/api/mailbox")
    assert answer.status_code == 200
    mailbox = answers.read(answer.get_json(), answers.Mailbox)
    assert (mailbox.case.stream, mailbox.case.state) == (reported.case, "submitted")
    rooms = {room.room: room for room in mailbox.rooms}
    dialogue = [row.data for row in mechanism.store.stream(reported.dialogue)]
    assert list(rooms["dialogue"].events) == dialogue
    assert rooms["report"].head.leaf == mechanism.ledger().head(reported.report).leaf


def test_of_the_reports_room_the_reporter_sees_only_what_an_addition_needs(
    mechanism: Mechanism, box: Box, app: Flask, reported: Reported
) -> None:
    keiko = begin(mechanism, box.people["Keiko Sato"].signing)
    keiko.add("access.revoked", reported.report, {"reader": box.key_id("Omar Haddad")})
    mechanism.accept([keiko.events[0].data], {})
    mailbox = answers.read(Caller(app, reported.key).get("/api/mailbox").get_json(), answers.Mailbox)
    room = next(room for room in mailbox.rooms if room.room == "report")
    assert [envelope.read(data).kind for data in room.events] == ["room.opened", "access.revoked"]


def test_every_answer_about_a_mailbox_is_of_one_size_class(app: Flask, reported: Reported) -> None:
    found = Caller(app, reported.key).get("/api/mailbox")
    missing = Caller(app, Receipt.generate().signing_key(ORIGIN)).get("/api/mailbox")
    assert (missing.status_code, problem(missing)) == (404, "no-mailbox")
    for answer in (found, missing):
        assert len(answer.data) % program.MAILBOX_CLASS == 0


def test_a_repeated_request_and_an_early_one_are_refused_in_the_size_class(
    mechanism: Mechanism, app: Flask, reported: Reported
) -> None:
    url, nothing = BASE + "/api/mailbox", hashlib.sha256(b"").digest()
    headers = sign_request("GET", url, nothing, reported.key, system_clock())
    answers = [Client(app).get("/api/mailbox", headers=headers) for _ in range(2)]
    opened = Flask("opened a moment ago")
    opened.register_blueprint(program.blueprint(mechanism, Nonces.begin(system_clock())))
    answers.append(Caller(opened, reported.key).get("/api/mailbox"))
    assert [answer.status_code for answer in answers] == [200, 401, 401]
    assert [problem(answer) for answer in answers[1:]] == ["repeated", "nonce-prefix"]
    assert len(answers[2].headers[PREFIX_FIELD]) == 16
    assert {len(answer.data) % program.MAILBOX_CLASS for answer in answers} == {0}
    # Nobody without the receipt's key is told more than that there is no mailbox.
    assert problem(Caller(opened, Receipt.generate().signing_key(ORIGIN)).get("/api/mailbox")) == "no-mailbox"


def test_an_unsigned_request_has_no_mailbox(client: Client) -> None:
    assert client.get("/api/mailbox").status_code == 404


def test_a_person_of_the_roster_has_no_mailbox(app: Flask, box: Box, reported: Reported) -> None:
    assert Caller(app, box.people["Keiko Sato"].signing).get("/api/mailbox").status_code == 404
    assert reported.case


def test_the_reporter_gets_the_dialogues_payloads_and_their_own_wrap_only(
    mechanism: Mechanism, box: Box, app: Flask, reported: Reported
) -> None:
    caller = Caller(app, reported.key)
    owners = mechanism.ledger().owners
    for digest, owner in owners.items():
        if owner.case != reported.case:
            continue
        answer = caller.get(f"/api/payloads/{digest}")
        mine = owner.use == "wraps" and owner.reader == reported.key.verify_key.key_id
        assert answer.status_code == (200 if mine else 404), owner
    other = report(mechanism, box)
    theirs = [digest for digest, owner in mechanism.ledger().owners.items() if owner.case == other.case]
    assert {caller.get(f"/api/payloads/{digest}").status_code for digest in theirs} == {404}


def test_a_message_of_a_handler_is_read_by_the_reporter(
    mechanism: Mechanism, box: Box, app: Flask, reported: Reported
) -> None:
    request = begin(mechanism, box.people["Keiko Sato"].signing)
    ledger = mechanism.ledger()
    room = ledger.rooms[reported.dialogue]
    recipient = reported.receipt.identity(ORIGIN).recipient
    epoch = acts.current_epoch(request, room, ledger.mechanism, recipient)
    event = acts.post(request, "message.posted", reported.dialogue, epoch, {"text": "thank you", "v": 1})
    mechanism.accept([each.data for each in request.events], request.payloads)
    digest = event.payloads()[0].digest
    answer = Caller(app, reported.key).get(f"/api/payloads/{digest}")
    assert hashlib.sha256(answer.data).hexdigest() == digest


def test_a_wrong_clock_is_told_so_and_not_that_there_is_no_mailbox(
    mechanism: Mechanism, app: Flask, reported: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = mechanism.clock()
    monkeypatch.setattr(mechanism, "clock", lambda: now + timedelta(days=365))
    answer = Caller(app, reported.key).get("/api/mailbox")
    assert (answer.status_code, problem(answer)) == (401, "bad-signature")


def test_what_goes_wrong_here_is_answered_to_programs(client: Client) -> None:
    assert client.post("/api/events", data=b"{").status_code == 400
    assert problem(client.post("/api/events", data=b"{")) == "bad-request"
