import hashlib
import json
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
import pytest
from flask import Flask
from werkzeug.test import Client

from meyasubako.crypto.canonical import decode_base64
from meyasubako.crypto.cosignature import verifier_of
from meyasubako.crypto.note import open_note
from meyasubako.crypto.signing import SigningKey
from meyasubako.service import clock
from meyasubako.service.clocks import system_clock
from meyasubako.service.config import Doors
from meyasubako.service.errors import NoncesFullError
from meyasubako.service.handler import app as handler_app
from meyasubako.service.handler.app import create_app
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.nonces import Nonces
from meyasubako.service.signatures import SignedRequest, sign_request
from tests.system.box import Box
from tests.unit.service.doors import (
    NONCES,
    Caller,
    begin,
    fetched,
    problem,
    report,
)


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
    assert problem(answer) == "bad-signature"


def test_somebody_who_is_not_on_the_roster_is_refused(app: Flask) -> None:
    answer = Caller(app, SigningKey.generate()).get("/v1/me")
    assert answer.status_code == 401
    assert "not known" in answer.get_json()["detail"]


def test_what_was_signed_for_another_mechanism_is_not_good_here(app: Flask, keiko: Caller) -> None:
    # Whoever runs a mechanism at that address, where Keiko has the same key, repeats what she sent there.
    elsewhere = Caller(app, keiko.key, base="http://another.onion:8012")
    for answer in (elsewhere.get("/v1/me"), elsewhere.post("/v1/events", {"events": []})):
        assert (answer.status_code, problem(answer)) == (401, "bad-signature")
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
    assert problem(forged) == "bad-signature"
    assert client.get("/v1/me", headers=headers).status_code == 200
    again = client.get("/v1/me", headers=headers)
    assert (again.status_code, problem(again)) == (401, "repeated")


def test_a_door_that_remembers_no_more_refuses(mechanism: Mechanism, keiko: Caller) -> None:
    table = Nonces.begin(datetime(2020, 1, 1, tzinfo=UTC), buckets=1)
    for number in range(4000):
        with suppress(NoncesFullError):
            table.take(SignedRequest("somebody", str(number), system_clock(), b""))
    answer = Caller(create_app(mechanism, table), keiko.key).get("/v1/me")
    assert (answer.status_code, problem(answer)) == (503, "too-many-signed")


def test_a_body_that_was_not_signed_is_refused(keiko: Caller) -> None:
    answer = keiko.send("POST", "/v1/events", b'{"events":[]}', {}, signed=b"another")
    assert (answer.status_code, problem(answer)) == (400, "bad-digest")
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
        assert (answer.status_code, problem(answer)) == (403, "suspended")
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
    assert (answer.status_code, problem(answer)) == (409, "conflict")
    told = answer.get_json()
    assert told["head"] == {"stream": stream, "seq": 1, "leaf": first.leaf}
    assert [decode_base64(each["event"]) for each in told["events"]] == [first.data]


def test_a_refusal_names_the_rule_and_says_it_in_plain_words(
    mechanism: Mechanism, box: Box, ada: Caller
) -> None:
    reported = report(mechanism, box)
    answer = ada.post_events(fetched(mechanism, reported, ada.key, reported.digest))
    assert (answer.status_code, problem(answer)) == (422, "fetch-what-one-may-read")
    assert answer.get_json()["detail"].endswith("may read now")


def test_nobody_posts_what_somebody_else_signed(
    mechanism: Mechanism, box: Box, ada: Caller, keiko: Caller
) -> None:
    reported = report(mechanism, box)
    answer = ada.post_events(fetched(mechanism, reported, keiko.key, reported.digest))
    assert (answer.status_code, problem(answer)) == (422, "not-yours")


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
    assert problem(answer) in {"bad-request", "bad-event"}


def test_only_a_steward_closes_a_slot(box: Box, keiko: Caller) -> None:
    answer = keiko.post("/v1/publish", b"")
    assert (answer.status_code, problem(answer)) == (403, "not-a-steward")
    assert not (box.directory / clock.REQUEST_NAME).exists()


def test_a_clock_that_does_not_answer_is_told_in_words(
    ada: Caller, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler_app, "PUBLISH_SECONDS", 0.0)
    answer = ada.post("/v1/publish", b"")
    assert (answer.status_code, problem(answer)) == (503, "clock")
    assert (box.directory / clock.REQUEST_NAME).exists()
