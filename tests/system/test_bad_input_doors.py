"""What programs send that is wrong, at the reporters' and the handlers' doors: each is refused by a sentence
that says what is wrong, nothing of it is stored, and nothing is written to the service's output.
"""

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
import requests

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity, X25519Identity
from meyasubako.crypto.canonical import encode_base64
from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import acts
from meyasubako.domain.acts import Request
from meyasubako.domain.envelope import Event
from meyasubako.service.client import life, sealed_report
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.client.mailbox import NoMailboxError
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.client.sealed_report import Prepared
from meyasubako.service.clocks import system_clock
from meyasubako.service.errors import ConflictError, RefusedError
from meyasubako.service.signatures import PREFIX_FIELD, sign_request
from tests.system.box import ORIGIN, Box
from tests.system.callers import desk, handler_door, letters, prepared, reporter_door
from tests.system.conftest import SMALL, nothing_changes
from tests.system.served import Served
from tests.system.visitor import Visitor

HOUR, DAYS = timedelta(hours=1), timedelta(days=3)
Shared = tuple[Box, Served]


def sent(served: Served, report: Prepared) -> None:
    sealed_report.send(ReporterClient(reporter_door(served)), report)


def refused(act: Callable[[], object]) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        act()
    assert "Traceback" not in str(caught.value)
    return caught.value


# Sealed bytes that are not what they should be

ONE, OTHER = HybridIdentity.generate().recipient, HybridIdentity.generate().recipient
DAMAGED = {
    "not sealed at all": b"The plain text of a report, by mistake." * 100,
    "nothing": b"",
    "cut off within the header": age.seal(b"text", ONE)[:100],
    "damaged header": age.seal(b"text", ONE).replace(b"mlkem768x25519", b"mlkem768x25518", 1),
    "two recipients": age.seal(b"text", ONE, OTHER),
    "not post-quantum": age.seal(b"text", X25519Identity.generate().recipient),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_an_upload_that_is_not_sealed_as_it_should_be_is_refused(shared: Shared, data: bytes) -> None:
    _, served = shared
    with nothing_changes(shared):
        error = refused(lambda: ReporterClient(reporter_door(served)).upload([data], len(data)))
    assert (error.status, error.name) == (400, "bad-payload")
    assert "age file for exactly one post-quantum recipient" in str(error)


def test_an_upload_that_is_too_large_is_refused_by_its_limit(shared: Shared) -> None:
    _, served = shared
    data = age.seal(bytes(SMALL.upload_bytes), ONE)
    with nothing_changes(shared):
        error = refused(lambda: ReporterClient(reporter_door(served)).upload([data], len(data)))
    assert error.status == 413
    assert str(SMALL.upload_bytes) in str(error)


def test_a_checked_part_whose_connection_drops_leaves_nothing(shared: Shared) -> None:
    data = age.seal(bytes(SMALL.upload_bytes // 2), ONE)
    address = urlsplit(shared[1].doors["reporter"])
    head = (
        f"POST /api/uploads HTTP/1.1\r\nHost: {address.netloc}\r\nTus-Resumable: 1.0.0\r\n"
        f"Upload-Length: {len(data)}\r\nContent-Length: {len(data)}\r\n"
        f"Content-Type: application/offset+octet-stream\r\nUpload-Checksum: sha256 AAAA\r\n\r\n"
    )
    door = (address.hostname, address.port)
    with nothing_changes(shared), socket.create_connection(door) as connection:
        connection.sendall(head.encode() + data[: len(data) // 2])
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def test_a_signed_upload_that_was_changed_on_the_way_is_refused(shared: Shared) -> None:
    box, served = shared
    data, url = age.seal(bytes(200_000), ONE), served.doors["handler"] + "/v1/uploads"
    key, digest = box.people["Keiko Sato"].signing, sha256(data).digest()
    # A door that opened a moment ago says how nonces have to begin.
    asked = requests.post(url, headers=sign_request("POST", url, digest, key, system_clock()), timeout=60)
    prefix = asked.headers.get(PREFIX_FIELD, "")
    headers = sign_request("POST", url, digest, key, system_clock(), prefix) | {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(len(data)),
        "Content-Type": "application/offset+octet-stream",
    }
    with nothing_changes(shared):
        answer = requests.post(url, data=data[:-1] + bytes([data[-1] ^ 1]), headers=headers, timeout=60)
    assert answer.status_code == 400
    assert "not the one whose digest was signed" in answer.json()["detail"]


def test_a_payload_that_was_damaged_on_the_way_is_refused_with_its_report(shared: Shared) -> None:
    _, served = shared
    report = prepared(served)
    digest, data = next(iter(report.request.payloads.items()))
    report.request.payloads[digest] = data[:-1] + bytes([data[-1] ^ 1])
    with nothing_changes(shared):
        error = refused(lambda: sent(served, report))
    assert error.status == 400
    assert "damaged on the way" in str(error)


def test_a_report_whose_payload_never_came_is_refused(shared: Shared) -> None:
    _, served = shared
    report = prepared(served)
    report.request.payloads.popitem()
    with nothing_changes(shared):
        error = refused(lambda: sent(served, report))
    assert (error.status, error.name) == (422, "missing-payload")


# Events that are not what they should be


def post_raw(served: Served, body: object) -> requests.Response:
    return requests.post(served.doors["reporter"] + "/api/events", json=body, timeout=60)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"events": []},
        {"events": ["not base64!"]},
        {"events": [encode_base64(b"{}")]},
        {"events": [encode_base64(b"x" * 40_000)]},
        {"events": [encode_base64(b"{}")] * 9},
        {"events": [1]},
        {"events": [""], "payloads": {"no digest": ""}},
        {"events": [""], "more": 1},
    ],
    ids=str,
)
def test_what_is_no_submission_is_refused(shared: Shared, body: object) -> None:
    with nothing_changes(shared):
        answer = post_raw(shared[1], body)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_a_changed_event_is_refused_by_its_signature(shared: Shared) -> None:
    _, served = shared
    report = prepared(served)
    event = report.request.events[0]
    fields = json.loads(event.data)
    fields["body"]["channel"] = "mean"
    data = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    events = [data, *(each.data for each in report.request.events[1:])]
    with nothing_changes(shared):
        answer = post_raw(
            served,
            {
                "events": [encode_base64(each) for each in events],
                "payloads": {key: encode_base64(value) for key, value in report.request.payloads.items()},
            },
        )
    assert answer.status_code in {400, 422}
    assert "signature" in answer.json()["detail"]


def test_a_report_sealed_to_somebody_who_is_not_on_the_roster_is_refused(shared: Shared) -> None:
    box, served = shared
    offer = sealed_report.look(ReporterClient(reporter_door(served)))
    stranger, receipt = KeyPair.generate("Stranger"), Receipt.generate()
    request = Request(ORIGIN, receipt.signing_key(ORIGIN), system_clock())
    known = box.people["Keiko Sato"]
    acts.submit(
        request,
        acts.Report({"answers": {}, "excluded": [], "language": "en", "text": "x", "v": 1}, "x"),
        case="7f1f1c86-6f7e-4c7e-9b7b-0a2f4d6a1c11",
        rooms=(
            acts.NewRoom("7f1f1c86-6f7e-4c7e-9b7b-0a2f4d6a1c12", HybridIdentity.generate()),
            acts.NewRoom("7f1f1c86-6f7e-4c7e-9b7b-0a2f4d6a1c13", HybridIdentity.generate()),
        ),
        reporter=receipt.identity(ORIGIN).recipient,
        channel=offer.channel("main"),
        marker=offer.verified.marker.leaf,
        readers={pair.signing.verify_key.key_id: pair.identity.recipient for pair in (known, stranger)},
        sealed_by=sealed_report.SEALED_BY,
    )
    with nothing_changes(shared):
        error = refused(lambda: ReporterClient(reporter_door(served)).post(request.events, request.payloads))
    assert (error.status, error.name) == (422, "reader-on-roster")


def test_a_report_that_is_sent_twice_is_accepted_twice_and_stands_once(shared: Shared) -> None:
    box, served = shared
    report = prepared(served)
    sent(served, report)
    with nothing_changes(shared):
        sent(served, report)
    assert report.case in box.ledger().cases


# Clocks


@pytest.mark.parametrize("off", [-HOUR, HOUR])
def test_a_report_from_a_clock_that_is_an_hour_off_is_taken(shared: Shared, off: timedelta) -> None:
    box, served = shared
    report = prepared(served, off=off)
    sent(served, report)
    assert report.case in box.ledger().cases


@pytest.mark.parametrize("off", [-DAYS, DAYS])
def test_a_report_from_a_clock_that_is_days_off_is_told_the_day(shared: Shared, off: timedelta) -> None:
    _, served = shared
    report = prepared(served, off=off)
    with nothing_changes(shared):
        error = refused(lambda: sent(served, report))
    assert error.name == "clock-skew"
    assert f"here it is {system_clock().date().isoformat()}" in str(error)


@pytest.mark.parametrize("off", [-HOUR, HOUR, -DAYS, DAYS])
def test_a_signed_request_from_a_clock_that_is_off_is_told_the_time(shared: Shared, off: timedelta) -> None:
    box, served = shared
    receipt = Receipt.parse(Visitor(served.doors["reporter"]).report("To come back to."))
    doors = [
        lambda: HandlerClient(handler_door(served, box.people["Keiko Sato"], off)).me(),
        lambda: letters(served, receipt, off).visit(),
    ]
    for door in doors:
        before = system_clock()
        with nothing_changes(shared):
            error = refused(door)
        assert error.status == 401
        hours = {f"the server's time, which is {hour:%Y-%m-%dT%H:}" for hour in (before, system_clock())}
        assert any(hour in str(error) for hour in hours)
        assert "set the clock of this machine" in str(error)


# Keys that open nothing here


def test_a_key_that_is_not_on_the_roster_is_not_known(shared: Shared) -> None:
    with nothing_changes(shared):
        error = refused(HandlerClient(handler_door(shared[1], KeyPair.generate("Stranger"))).me)
    assert error.status == 401
    assert "key is not known here" in str(error)


def test_a_receipt_that_nobody_was_given_opens_no_mailbox(shared: Shared) -> None:
    with nothing_changes(shared), pytest.raises(NoMailboxError, match="no mailbox fits this receipt"):
        letters(shared[1], Receipt.generate()).visit()


@pytest.mark.parametrize("name", ["Ana Silva", "Ada Berg", "Omar Haddad"])
def test_whoever_is_not_assigned_is_told_of_nothing_and_given_nothing(shared: Shared, name: str) -> None:
    box, served = shared
    text = f"Not for {name}."
    receipt = Visitor(served.doors["reporter"]).report(text, excluded=[box.key_id("Omar Haddad")])
    case = box.cases_of([receipt])[receipt]
    client = HandlerClient(handler_door(served, box.people[name]))
    with nothing_changes(shared):
        assert case not in {each.case or each.stream for each in client.me().streams}
        assert refused(lambda: client.stream(case)).status == 404
        for digest in digests(box, case):
            assert refused(lambda digest=digest: client.payload(digest)).status == 404
    assert text in box.texts("Keiko Sato")[case]
    assert text not in str(box.texts(name))


def test_an_assigned_handler_gets_no_bytes_before_the_fetch_stands_in_the_log(shared: Shared) -> None:
    box, served = shared
    receipt = Visitor(served.doors["reporter"]).report("For both.")
    case = box.cases_of([receipt])[receipt]
    client = HandlerClient(handler_door(served, box.people["Keiko Sato"]))
    with nothing_changes(shared):
        for digest in digests(box, case):
            assert refused(lambda digest=digest: client.payload(digest)).status == 404
    opened = desk(box, served, "Keiko Sato").open(case)
    assert [each.document.text.strip() for each in opened.report if each.document] == ["For both."]


def digests(box: Box, case: str) -> list[str]:
    """Every payload of a case."""
    found = [digest for digest, owner in box.ledger().owners.items() if owner.case == case]
    assert found
    return found


# Two at once


def test_two_handlers_who_write_at_once_both_get_their_word_in(shared: Shared) -> None:
    box, served = shared
    receipt = Visitor(served.doors["reporter"]).report("For both.")
    case = box.cases_of([receipt])[receipt]

    def write(name: str) -> None:
        at_work = desk(box, served, name)
        for number in range(3):
            at_work.say(case, f"{name} {number}")

    names = ("Keiko Sato", "Omar Haddad")
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, names))
    said = box.texts("Keiko Sato", "dialogue")[case]
    assert sorted(said) == sorted(f"{name} {number}" for name in names for number in range(3))
    for name in names:
        assert [text for text in said if text.startswith(name)] == [f"{name} {number}" for number in range(3)]
    assert box.findings() == []


def test_of_two_events_for_the_same_place_one_is_taken_and_the_other_is_shown_it(shared: Shared) -> None:
    box, served = shared
    receipt = Visitor(served.doors["reporter"]).report("For both.")
    case = box.cases_of([receipt])[receipt]
    due = system_clock().date() + timedelta(days=7)
    life.acknowledge(desk(box, served, "Keiko Sato"), case, "Thank you.", due)

    def move(name: str) -> Event | ConflictError:
        client = HandlerClient(handler_door(served, box.people[name]))
        request = Request(ORIGIN, box.people[name].signing, system_clock(), {case: heads[case]})
        event = request.add("case.moved", case, {"to": "screening", "next": due.isoformat()})
        try:
            client.post([event], {})
        except ConflictError as error:
            return error
        return event

    heads = dict(box.ledger().heads)
    with ThreadPoolExecutor(2) as threads:
        taken, told = sorted(
            threads.map(move, ("Keiko Sato", "Omar Haddad")), key=lambda each: isinstance(each, ConflictError)
        )
    assert isinstance(taken, Event)
    assert isinstance(told, ConflictError)
    assert str(told) == "somebody else wrote to the stream first"
    assert [event.data for event in told.events] == [taken.data]
