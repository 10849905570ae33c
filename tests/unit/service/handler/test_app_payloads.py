import hashlib

import pytest
from werkzeug.test import TestResponse

from meyasubako.crypto import age
from meyasubako.crypto.signing import SigningKey
from meyasubako.service import incoming
from meyasubako.service.mechanism import Mechanism
from tests.system.box import Box
from tests.unit.service.doors import (
    Caller,
    Usage,
    begin,
    fetched,
    problem,
    report,
)

TUS = {"Tus-Resumable": "1.0.0"}


def _sealed(box: Box, size: int = 1000) -> bytes:
    return age.seal(bytes(size), box.people["Omar Haddad"].identity.recipient)


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
        assert (wrong.status_code, problem(wrong)) == (400, "bad-digest")
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
        assert (answer.status_code, problem(answer)) == (400, "bad-payload")
    assert _left(box) == []


def test_an_upload_with_another_digest_than_was_signed_leaves_nothing(box: Box, keiko: Caller) -> None:
    answer = _upload(keiko, _sealed(box), signed=_sealed(box))
    assert (answer.status_code, problem(answer)) == (400, "bad-digest")
    assert _left(box) == []


def test_an_upload_over_the_limit_leaves_nothing(box: Box, keiko: Caller) -> None:
    assert _upload(keiko, _sealed(box, 400_000)).status_code == 413
    assert _left(box) == []


def test_an_upload_that_would_fill_the_disk_is_refused(
    box: Box, keiko: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming.shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - 10**6, 10**6))
    answer = _upload(keiko, _sealed(box))
    assert (answer.status_code, problem(answer)) == (507, "disk-full")
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
