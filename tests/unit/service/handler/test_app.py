import hashlib
import json
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple

import msgspec
import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridRecipient
from meyasubako.crypto.canonical import decode_base64
from meyasubako.crypto.cosignature import verifier_of
from meyasubako.crypto.note import open_note
from meyasubako.crypto.signing import SigningKey
from meyasubako.domain import acts, wishes
from meyasubako.domain.envelope import Head
from meyasubako.service import clock, incoming, shown
from meyasubako.service.clocks import system_clock
from meyasubako.service.config import Doors, IntakeSettings
from meyasubako.service.errors import NoncesFullError
from meyasubako.service.handler import app as handler_app
from meyasubako.service.handler.app import create_app
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.nonces import Nonces
from meyasubako.service.reporter import program
from meyasubako.service.signatures import SignedRequest, sign_request
from tests.system.box import Box
from tests.unit.service.doors import NONCES, Caller, begin, fetched, report, submission

PROBLEM = "urn:meyasubako:problem:"
TUS = {"Tus-Resumable": "1.0.0"}


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def app(mechanism: Mechanism) -> Flask:
    return create_app(mechanism, NONCES)


@pytest.fixture
def keiko(app: Flask, box: Box) -> Caller:
    return Caller(app, box.people["Keiko Sato"].signing)


@pytest.fixture
def ada(app: Flask, box: Box) -> Caller:
    return Caller(app, box.people["Ada Berg"].signing)


def _problem(answer: Any) -> str:
    assert answer.mimetype == "application/problem+json"
    return str(answer.get_json()["type"]).removeprefix(PROBLEM)


def _program(mechanism: Mechanism) -> Flask:
    door = Flask("reporter")
    door.register_blueprint(program.blueprint(mechanism, NONCES))
    return door


def _sealed(box: Box, size: int = 1000) -> bytes:
    return age.seal(bytes(size), box.people["Omar Haddad"].identity.recipient)


def test_a_handler_is_shown_the_streams_of_a_report(mechanism: Mechanism, box: Box, keiko: Caller) -> None:
    reported = report(mechanism, box)
    me = keiko.get("/v1/me").get_json()
    assert me["person"]["roles"] == ["handler:main", "intake:main"]
    assert me["person"]["key_id"] == box.key_id("Keiko Sato")
    assert {(each["sort"], each["room"]) for each in me["streams"]} == {
        ("mechanism", ""),
        ("case", ""),
        ("room", "report"),
        ("room", "dialogue"),
    }
    heads = {each["stream"]: each["head"] for each in me["streams"]}
    head = mechanism.ledger().head(reported.case)
    assert heads[reported.case] == {"seq": head.seq, "leaf": head.leaf}
    published = mechanism.store.published()
    assert published is not None
    assert me["checkpoint"] == published.note.decode()
    assert me["day"] == mechanism.clock().date().isoformat()


def test_a_steward_is_shown_the_mechanism_and_no_case(mechanism: Mechanism, box: Box, ada: Caller) -> None:
    reported = report(mechanism, box)
    assert [each["sort"] for each in ada.get("/v1/me").get_json()["streams"]] == ["mechanism"]
    assert ada.get(f"/v1/streams/{reported.case}").status_code == 404


def test_what_one_is_not_shown_is_answered_like_what_does_not_exist(
    mechanism: Mechanism, box: Box, ada: Caller
) -> None:
    reported = report(mechanism, box)
    hidden = ada.get(f"/v1/streams/{reported.case}")
    missing = ada.get(f"/v1/streams/{mechanism.fresh_id()}")
    assert hidden.data == missing.data
    assert ada.get(f"/v1/payloads/{reported.digest}").data == ada.get(f"/v1/payloads/{'0' * 64}").data


def test_the_mechanism_says_what_it_is_and_shows_its_cards(mechanism: Mechanism, keiko: Caller) -> None:
    found = keiko.get("/v1/mechanism").get_json()
    assert found["origin"] == "box.example.org"
    assert found["founded"] == mechanism.ledger().mechanism.founded
    names = {json.loads(decode_base64(card)).get("name") for card in found["cards"].values()}
    assert {"Keiko Sato", "Test box", "Main channel"} <= names


def test_a_stream_is_given_as_its_exact_bytes_from_any_seq(
    mechanism: Mechanism, keiko: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler_app, "PAGE", 3)
    stream = mechanism.ledger().mechanism.stream
    stored = mechanism.store.stream(stream)
    first = keiko.get(f"/v1/streams/{stream}").get_json()
    assert [decode_base64(each["event"]) for each in first["events"]] == [row.data for row in stored[:3]]
    assert [each["index"] for each in first["events"]] == [row.index for row in stored[:3]]
    assert first["more"]
    last = keiko.get(f"/v1/streams/{stream}?from={len(stored)}").get_json()
    assert [decode_base64(each["event"]) for each in last["events"]] == [stored[-1].data]
    assert not last["more"]
    for seq in ("0", "-1", str(2**70)):
        assert keiko.get(f"/v1/streams/{stream}?from={seq}").status_code == 404


def test_a_request_without_a_signature_is_refused(app: Flask) -> None:
    answer = Client(app).get("/v1/me")
    assert answer.status_code == 401
    assert _problem(answer) == "bad-signature"


def test_somebody_who_is_not_on_the_roster_is_refused(app: Flask) -> None:
    answer = Caller(app, SigningKey.generate()).get("/v1/me")
    assert answer.status_code == 401
    assert "not known" in answer.get_json()["detail"]


def test_what_was_signed_for_another_mechanism_is_not_good_here(app: Flask, keiko: Caller) -> None:
    # Whoever runs a mechanism at that address, where Keiko has the same key, repeats what she sent there.
    elsewhere = Caller(app, keiko.key, base="http://another.onion:8012")
    for answer in (elsewhere.get("/v1/me"), elsewhere.post("/v1/events", {"events": []})):
        assert (answer.status_code, _problem(answer)) == (401, "bad-signature")
        assert "names" in answer.get_json()["detail"]
    assert Client(app).get("/v1/me", headers={"Host": "[::1"}).status_code == 401


def test_a_door_is_reached_under_the_names_that_its_settings_list(
    mechanism: Mechanism, keiko: Caller
) -> None:
    mechanism.config = msgspec.structs.replace(mechanism.config, doors=Doors(names=("box.onion",)))
    app = create_app(mechanism, NONCES)
    assert Caller(app, keiko.key, base="http://Box.onion").get("/v1/me").status_code == 200


def test_only_a_request_whose_signature_verified_is_remembered(app: Flask, keiko: Caller) -> None:
    nothing = hashlib.sha256(b"").digest()
    headers = sign_request("GET", keiko.base + "/v1/me", nothing, keiko.key, system_clock())
    stranger = sign_request("GET", keiko.base + "/v1/me", nothing, SigningKey.generate(), system_clock())
    client = Client(app)
    forged = client.get("/v1/me", headers=headers | {"Signature": stranger["Signature"]})
    assert _problem(forged) == "bad-signature"
    assert client.get("/v1/me", headers=headers).status_code == 200
    again = client.get("/v1/me", headers=headers)
    assert (again.status_code, _problem(again)) == (401, "repeated")


def test_a_door_that_remembers_no_more_refuses(mechanism: Mechanism, keiko: Caller) -> None:
    table = Nonces.begin(datetime(2020, 1, 1, tzinfo=UTC), buckets=1)
    with suppress(NoncesFullError):
        for number in count():
            table.take(SignedRequest("somebody", str(number), system_clock(), b""))
    full = Caller(create_app(mechanism, table), keiko.key)
    answers = {_problem(answer) for _ in range(4) if (answer := full.get("/v1/me")).status_code == 503}
    assert answers == {"too-many-signed"}


def test_a_body_that_was_not_signed_is_refused(keiko: Caller) -> None:
    answer = keiko.send("POST", "/v1/events", b'{"events":[]}', {}, signed=b"another")
    assert (answer.status_code, _problem(answer)) == (400, "bad-digest")
    assert keiko.send("GET", "/v1/me", b"unsigned", {}, signed=b"").status_code == 400


def test_a_suspended_person_is_refused_at_once_and_a_slot_is_asked_for(
    mechanism: Mechanism, box: Box, ada: Caller, keiko: Caller
) -> None:
    reported = report(mechanism, box)
    assert keiko.get("/v1/me").status_code == 200
    request = begin(mechanism, ada.key)
    stream = mechanism.ledger().mechanism.stream
    suspended = request.add("person.suspended", stream, {"person": box.key_id("Keiko Sato")})
    assert ada.post_events(suspended).status_code == 200
    for path in ("/v1/me", f"/v1/streams/{reported.case}", f"/v1/payloads/{reported.digest}"):
        answer = keiko.get(path)
        assert (answer.status_code, _problem(answer)) == (403, "suspended")
    assert (box.directory / clock.REQUEST_NAME).exists()


def test_events_are_accepted_with_a_promise_and_found_again_when_sent_twice(
    mechanism: Mechanism, box: Box, keiko: Caller
) -> None:
    reported = report(mechanism, box)
    event = fetched(mechanism, reported, keiko.key, reported.digest)
    first = keiko.post_events(event)
    assert first.status_code == 200
    accepted = first.get_json()["accepted"]
    assert accepted[0]["leaf"] == event.leaf
    assert keiko.post_events(event).get_json()["accepted"] == accepted
    opened = open_note(accepted[0]["promise"].encode(), [verifier_of(mechanism.keys.promise.key)])
    marker = mechanism.ledger().mechanism.last_marker
    assert marker is not None
    lines = opened.note.text.splitlines()
    assert lines[:2] == ["meyasubako/promise/v1", "box.example.org"]
    assert decode_base64(lines[2]).hex() == event.leaf
    assert int(lines[3]) == marker.slot + 1


def test_a_conflict_shows_the_head_and_what_stands_there(
    mechanism: Mechanism, box: Box, keiko: Caller
) -> None:
    reported = report(mechanism, box)
    body = {"case": reported.case, "payloads": [reported.digest]}
    stream = mechanism.fresh_id()
    first = begin(mechanism, keiko.key).add("payload.fetched", stream, body)
    other = begin(mechanism, keiko.key).add("payload.fetched", stream, {**body, "payloads": ["0" * 64]})
    assert keiko.post_events(first).status_code == 200
    answer = keiko.post_events(other)
    assert (answer.status_code, _problem(answer)) == (409, "conflict")
    told = answer.get_json()
    assert told["head"] == {"stream": stream, "seq": 1, "leaf": first.leaf}
    assert [decode_base64(each["event"]) for each in told["events"]] == [first.data]


def test_a_refusal_names_the_rule_and_says_it_in_plain_words(
    mechanism: Mechanism, box: Box, ada: Caller
) -> None:
    reported = report(mechanism, box)
    answer = ada.post_events(fetched(mechanism, reported, ada.key, reported.digest))
    assert (answer.status_code, _problem(answer)) == (422, "fetch-what-one-may-read")
    assert answer.get_json()["detail"].endswith("may read now")


def test_nobody_posts_what_somebody_else_signed(
    mechanism: Mechanism, box: Box, ada: Caller, keiko: Caller
) -> None:
    reported = report(mechanism, box)
    answer = ada.post_events(fetched(mechanism, reported, keiko.key, reported.digest))
    assert (answer.status_code, _problem(answer)) == (422, "not-yours")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"events":[]}',
        b'{"events":["e30="],"extra":1}',
        b'{"events":["not base64"]}',
        b'{"events":["e30="]}',
        b'{"events":["e30=","e30=","e30=","e30=","e30=","e30=","e30=","e30=","e30="]}',
        b'{"events":["e30="],"payloads":{"short":""}}',
    ],
)
def test_a_malformed_request_is_refused(keiko: Caller, body: bytes) -> None:
    answer = keiko.post("/v1/events", body)
    assert answer.status_code == 400
    assert _problem(answer) in {"bad-request", "bad-event"}


def _upload(keiko: Caller, data: bytes, signed: bytes | None = None) -> TestResponse:
    fields = TUS | {"Upload-Length": str(len(data)), "Content-Type": "application/offset+octet-stream"}
    return keiko.send("POST", "/v1/uploads", data, fields, signed=signed)


def _left(box: Box) -> list[str]:
    folders = (box.directory / "objects", box.directory / "incoming")
    return [path.name for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_a_sealed_upload_is_stored(box: Box, keiko: Caller) -> None:
    sealed = _sealed(box, 200_000)
    answer = _upload(keiko, sealed)
    assert answer.status_code == 201
    assert answer.headers["Upload-Offset"] == str(len(sealed))
    assert hashlib.sha256(sealed).hexdigest() in _left(box)


def test_an_upload_arrives_in_signed_parts(box: Box, keiko: Caller) -> None:
    sealed = _sealed(box, 200_000)
    length = TUS | {"Upload-Length": str(len(sealed))}
    location = keiko.send("POST", "/v1/uploads", b"", length, signed=b"").headers["Location"]
    part = TUS | {"Content-Type": "application/offset+octet-stream"}
    for offset in range(0, len(sealed), 90_000):
        arrived = keiko.send("HEAD", location, b"", TUS).headers["Upload-Offset"]
        assert arrived == str(offset)
        data = sealed[offset : offset + 90_000]
        wrong = keiko.send("PATCH", location, data, part | {"Upload-Offset": arrived}, signed=sealed)
        assert (wrong.status_code, _problem(wrong)) == (400, "bad-digest")
        assert keiko.send("PATCH", location, data, part | {"Upload-Offset": arrived}).status_code == 204
    assert hashlib.sha256(sealed).hexdigest() in _left(box)


def test_an_upload_of_nobody_we_know_is_refused(box: Box, keiko: Caller) -> None:
    stranger = Caller(keiko.app, SigningKey.generate())
    assert _upload(stranger, _sealed(box)).status_code == 401
    assert stranger.send("HEAD", "/v1/uploads/" + "0" * 32, b"", TUS).status_code == 401
    assert _left(box) == []


def test_an_upload_that_is_not_sealed_to_one_reader_leaves_nothing(box: Box, keiko: Caller) -> None:
    two = [box.people[name].identity.recipient for name in ("Omar Haddad", "Keiko Sato")]
    for wrong in (b"plain text" * 1000, age.seal(b"x", *two)):
        answer = _upload(keiko, wrong)
        assert (answer.status_code, _problem(answer)) == (400, "bad-payload")
    assert _left(box) == []


def test_an_upload_with_another_digest_than_was_signed_leaves_nothing(box: Box, keiko: Caller) -> None:
    answer = _upload(keiko, _sealed(box), signed=_sealed(box))
    assert (answer.status_code, _problem(answer)) == (400, "bad-digest")
    assert _left(box) == []


def test_an_upload_over_the_limit_leaves_nothing(box: Box, keiko: Caller) -> None:
    assert _upload(keiko, _sealed(box, 400_000)).status_code == 413
    assert _left(box) == []


def test_an_upload_that_would_fill_the_disk_is_refused(
    box: Box, keiko: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming.shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - 10**6, 10**6))
    answer = _upload(keiko, _sealed(box))
    assert (answer.status_code, _problem(answer)) == (507, "disk-full")
    assert _left(box) == []


def test_a_payload_is_given_out_after_the_fetch_is_in_the_log_and_not_before(
    mechanism: Mechanism, box: Box, keiko: Caller
) -> None:
    reported = report(mechanism, box)
    path = f"/v1/payloads/{reported.digest}"
    assert keiko.get(path).status_code == 404
    assert keiko.post_events(fetched(mechanism, reported, keiko.key, reported.digest)).status_code == 200
    answer = keiko.get(path)
    with mechanism.store.open_payload(reported.digest) as file:
        assert answer.data == file.read()
    assert answer.headers["Cache-Control"] == "no-store"
    assert Caller(keiko.app, box.people["Omar Haddad"].signing).get(path).status_code == 404


def test_ranges_of_a_payload_are_served(mechanism: Mechanism, box: Box, keiko: Caller) -> None:
    reported = report(mechanism, box)
    keiko.post_events(fetched(mechanism, reported, keiko.key, reported.digest))
    path = f"/v1/payloads/{reported.digest}"
    whole = keiko.get(path).data
    middle = keiko.get(path, Range="bytes=100-199")
    assert (middle.status_code, middle.data) == (206, whole[100:200])
    assert middle.headers["Content-Range"] == f"bytes 100-199/{len(whole)}"
    assert keiko.get(path, Range="bytes=-10").data == whole[-10:]
    assert keiko.get(path, Range=f"bytes={len(whole) - 5}-{len(whole) + 50}").data == whole[-5:]
    beyond = keiko.get(path, Range=f"bytes={len(whole)}-")
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"] == f"bytes */{len(whole)}"


def test_a_payload_is_gone_for_somebody_whose_access_was_taken_away(
    mechanism: Mechanism, box: Box, keiko: Caller
) -> None:
    reported = report(mechanism, box)
    keiko.post_events(fetched(mechanism, reported, keiko.key, reported.digest))
    omar = Caller(keiko.app, box.people["Omar Haddad"].signing)
    request = begin(mechanism, omar.key)
    for room in (reported.report, reported.dialogue):
        request.add("access.revoked", room, {"reader": box.key_id("Keiko Sato")})
    assert omar.post_events(*request.events).status_code == 200
    assert keiko.get(f"/v1/payloads/{reported.digest}").status_code == 404
    assert keiko.get(f"/v1/streams/{reported.report}").status_code == 404


def test_a_card_is_given_to_anybody_on_the_roster(mechanism: Mechanism, keiko: Caller) -> None:
    digest = min(mechanism.ledger().mechanism.cards)
    with mechanism.store.open_payload(digest) as file:
        assert keiko.get(f"/v1/payloads/{digest}").data == file.read()


@pytest.fixture
def hourly(mechanism: Mechanism) -> Mechanism:
    mechanism.config = msgspec.structs.replace(mechanism.config, intake=IntakeSettings(show="hour"))
    return mechanism


def test_a_report_is_shown_from_the_next_full_hour_on(hourly: Mechanism, box: Box, keiko: Caller) -> None:
    reported = report(hourly, box)
    assert [each["sort"] for each in keiko.get("/v1/me").get_json()["streams"]] == ["mechanism"]
    assert keiko.get(f"/v1/streams/{reported.case}").status_code == 404
    shown.note_size(box.directory, hourly.store.head().size)
    assert len(keiko.get("/v1/me").get_json()["streams"]) == 4
    assert keiko.get(f"/v1/streams/{reported.case}").status_code == 200


def test_a_reporters_message_is_shown_later_than_what_stood_before_it(
    hourly: Mechanism, box: Box, keiko: Caller
) -> None:
    reported = report(hourly, box)
    shown.note_size(box.directory, hourly.store.head().size)
    before = keiko.get(f"/v1/streams/{reported.dialogue}").get_json()
    request = begin(hourly, reported.key)
    closed = request.add("mailbox.closed_to_reading", reported.dialogue, {"sealed_by": "reporter_tool"})
    hourly.accept([closed.data], {})
    later = keiko.get(f"/v1/streams/{reported.dialogue}").get_json()
    assert (later["events"], later["head"]) == (before["events"], before["head"])
    heads = {each["stream"]: each["head"] for each in keiko.get("/v1/me").get_json()["streams"]}
    assert heads[reported.dialogue] == before["head"]


def test_what_a_reporter_asks_for_is_shown_at_the_full_hour_like_what_they_say(
    hourly: Mechanism, box: Box, keiko: Caller
) -> None:
    reported = report(hourly, box)
    shown.note_size(box.directory, hourly.store.head().size)
    streams = (reported.case, reported.dialogue)
    before = [keiko.get(f"/v1/streams/{stream}").get_json() for stream in streams]
    request, ledger = begin(hourly, reported.key), hourly.ledger()
    case, room = ledger.cases[reported.case], ledger.rooms[reported.dialogue]
    epoch = acts.Epoch(room.epoch, HybridRecipient.parse(room.recipient))
    words = acts.post(
        request, "message.posted", room.stream, epoch, {"text": "no more", "v": 1}, (), "reporter_tool"
    )
    wishes.tell(request, case, wishes.named("withdraw"), words, "reporter_tool")
    hourly.accept([event.data for event in request.events], request.payloads)
    assert hourly.ledger().cases[reported.case].withdrawn
    after = [keiko.get(f"/v1/streams/{stream}").get_json() for stream in streams]
    assert [(each["events"], each["head"]) for each in after] == [
        (each["events"], each["head"]) for each in before
    ]
    shown.note_size(box.directory, hourly.store.head().size)
    assert len(keiko.get(f"/v1/streams/{reported.case}").get_json()["events"]) == 2


def test_an_events_place_does_not_tell_how_much_others_write_before_it_is_published(
    hourly: Mechanism, box: Box, keiko: Caller
) -> None:
    reported = report(hourly, box)
    event = fetched(hourly, reported, keiko.key, reported.digest)

    def places() -> list[int]:
        posted = keiko.post_events(event).get_json()["accepted"]
        read = keiko.get(f"/v1/streams/{event.stream}").get_json()["events"]
        return [each["index"] for each in (*posted, *read)]

    assert places() == [-1, -1]
    hourly.publish()
    (place,) = set(places())
    assert hourly.store.row(place).data == event.data


@pytest.mark.parametrize("seq", [1, 2, 3, 1000])
def test_somebody_who_lost_access_is_not_told_how_much_was_written_since(
    hourly: Mechanism, app: Flask, box: Box, keiko: Caller, seq: int
) -> None:
    reported, lost = report(hourly, box), box.people["Omar Haddad"].signing
    posted = begin(hourly, keiko.key).add(
        "access.revoked", reported.dialogue, {"reader": box.key_id("Omar Haddad")}
    )
    assert keiko.post_events(posted).status_code == 200
    stranger = SigningKey.generate()
    doors = (app, lost, "/v1/events"), (_program(hourly), stranger, "/api/events")
    for door, key, path in doors:
        probe = begin(hourly, key)
        probe.heads[reported.dialogue] = Head(seq - 1, "0" * 64 if seq > 1 else "")
        event = probe.add("mailbox.closed_to_reading", reported.dialogue, {"sealed_by": "reporter_tool"})
        answer = Caller(door, key).post(path, submission(event))
        assert (answer.status_code, _problem(answer)) == (404, "not-found")


def test_a_steward_is_told_where_a_room_ends_in_which_they_take_access_away(
    mechanism: Mechanism, box: Box, ada: Caller
) -> None:
    reported = report(mechanism, box)
    request = begin(mechanism, ada.key)
    request.heads[reported.dialogue] = Head()
    event = request.add("access.revoked", reported.dialogue, {"reader": box.key_id("Omar Haddad")})
    answer = ada.post_events(event)
    assert (answer.status_code, answer.get_json()["head"]["seq"]) == (409, 1)
    assert "events" not in answer.get_json()


def test_a_conflict_shows_a_reporters_message_before_its_hour(
    hourly: Mechanism, box: Box, keiko: Caller
) -> None:
    reported = report(hourly, box)
    shown.note_size(box.directory, hourly.store.head().size)
    mine = begin(hourly, keiko.key).add(
        "access.revoked", reported.dialogue, {"reader": box.key_id("Omar Haddad")}
    )
    request = begin(hourly, reported.key)
    closed = request.add("mailbox.closed_to_reading", reported.dialogue, {"sealed_by": "reporter_tool"})
    hourly.accept([closed.data], {})
    told = keiko.post_events(mine).get_json()
    assert told["head"]["leaf"] == closed.leaf
    assert [decode_base64(each["event"]) for each in told["events"]] == [closed.data]


def test_only_a_steward_closes_a_slot(box: Box, keiko: Caller) -> None:
    answer = keiko.post("/v1/publish", b"")
    assert (answer.status_code, _problem(answer)) == (403, "not-a-steward")
    assert not (box.directory / clock.REQUEST_NAME).exists()


def test_a_clock_that_does_not_answer_is_told_in_words(
    ada: Caller, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler_app, "PUBLISH_SECONDS", 0.0)
    answer = ada.post("/v1/publish", b"")
    assert (answer.status_code, _problem(answer)) == (503, "clock")
    assert (box.directory / clock.REQUEST_NAME).exists()
