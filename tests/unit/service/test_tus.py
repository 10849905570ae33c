"""Uploads in parts: what the protocol asks for, status by status, and what stays on the disk."""

import hashlib
import json
import os
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import ClientDisconnected
from werkzeug.test import Client, TestResponse

from meyasubako.crypto import age
from meyasubako.service import incoming, tus, uploads, web
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.reporter import program
from meyasubako.service.uploads import Uploads
from tests.system.box import Box
from tests.unit.service.conftest import LIMITS
from tests.unit.service.doors import NONCES

PATH = "/api/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
PART = {"Content-Type": tus.PART_TYPE}
SIZE = 50_000


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def app(mechanism: Mechanism) -> Flask:
    app = Flask("test")
    app.register_blueprint(program.blueprint(mechanism, NONCES))
    web.harden(app, csp=web.API_CSP)
    return app


@pytest.fixture
def client(app: Flask) -> Client:
    return Client(app)


@pytest.fixture
def sealed(box: Box) -> bytes:
    return age.seal(os.urandom(SIZE), box.people["Keiko Sato"].identity.recipient)


def _begun(client: Client, length: int) -> str:
    answer = client.post(PATH, headers=TUS | {"Upload-Length": str(length)})
    assert answer.status_code == 201
    assert (answer.headers["Upload-Offset"], answer.data) == ("0", b"")
    location = answer.headers["Location"]
    assert location.startswith(f"{PATH}/")
    assert len(location) == len(PATH) + 33
    return location


def _patch(client: Client, location: str, offset: int, data: bytes, **headers: str) -> TestResponse:
    fields = TUS | PART | {"Upload-Offset": str(offset)}
    return client.patch(
        location, data=data, headers=fields | {k.replace("_", "-"): v for k, v in headers.items()}
    )


def _arrived(client: Client, location: str) -> int:
    answer = client.head(location, headers=TUS)
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


def _checksum(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm} {b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def _problem(answer: Any) -> str:
    assert answer.mimetype == "application/problem+json"
    return str(answer.get_json()["type"]).removeprefix("urn:meyasubako:problem:")


def _objects(box: Box) -> list[str]:
    """The digests of what is stored, each of the bytes that arrived."""
    return [path.name for path in (box.directory / "objects").iterdir()]


def _left(box: Box) -> list[str]:
    folders = (box.directory / "objects", box.directory / "incoming")
    return [path.name for folder in folders for path in folder.iterdir()]


def test_options_tell_what_this_server_can_do(client: Client) -> None:
    for path in (PATH, f"{PATH}/{'0' * 32}"):
        answer = client.options(path)
        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
        assert answer.headers["Tus-Max-Size"] == str(LIMITS.upload_bytes)
        assert set(answer.headers["Tus-Extension"].split(",")) == {
            "creation",
            "creation-with-upload",
            "checksum",
            "termination",
            "expiration",
        }
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha256,sha1"


def test_parts_become_one_stored_file(box: Box, client: Client, sealed: bytes) -> None:
    location = _begun(client, len(sealed))
    for offset in range(0, len(sealed), 20_000):
        part = sealed[offset : offset + 20_000]
        assert _arrived(client, location) == offset
        answer = _patch(client, location, offset, part, Upload_Checksum=_checksum(part))
        assert (answer.status_code, answer.data) == (204, b"")
        assert answer.headers["Upload-Offset"] == str(offset + len(part))
        assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert _objects(box) == [hashlib.sha256(sealed).hexdigest()]


def test_a_finished_upload_goes_on_telling_that_it_is(client: Client, sealed: bytes) -> None:
    location = _begun(client, len(sealed))
    assert _patch(client, location, 0, sealed).status_code == 204
    answer = client.head(location, headers=TUS)
    assert answer.headers["Upload-Offset"] == answer.headers["Upload-Length"] == str(len(sealed))
    assert _patch(client, location, len(sealed), b"").status_code == 204
    assert _patch(client, location, len(sealed), b"x").status_code == 413
    assert _problem(_patch(client, location, 0, sealed)) == "offset"


def test_a_first_part_may_come_with_the_creation(box: Box, client: Client, sealed: bytes) -> None:
    fields = TUS | PART | {"Upload-Length": str(len(sealed)), "Upload-Checksum": _checksum(sealed, "sha1")}
    answer = client.post(PATH, data=sealed, headers=fields)
    assert answer.status_code == 201
    assert answer.headers["Upload-Offset"] == str(len(sealed))
    assert _objects(box) == [hashlib.sha256(sealed).hexdigest()]


def test_answers_are_kept_by_nobody_and_tell_a_day(
    client: Client, sealed: bytes, mechanism: Mechanism, box: Box
) -> None:
    location = _begun(client, len(sealed))
    answer = client.head(location, headers=TUS)
    assert answer.headers["Cache-Control"] == "no-store"
    midnight = mechanism.clock().date() + timedelta(days=2)
    assert answer.headers["Upload-Expires"] == f"{midnight:%a, %d %b %Y} 00:00:00 GMT"
    assert all(path.stat().st_mtime % 86400 == 0 for path in (box.directory / "incoming").iterdir())


@pytest.mark.parametrize("version", [{}, {"Tus-Resumable": "0.2.2"}, {"Tus-Resumable": "1.0.1"}])
def test_another_version_of_the_protocol_is_refused(
    box: Box, client: Client, sealed: bytes, version: dict[str, str]
) -> None:
    location = _begun(client, len(sealed))
    requests = [
        client.post(PATH, headers=version | {"Upload-Length": "3000"}),
        client.head(location, headers=version),
        client.patch(location, data=sealed, headers=version | PART | {"Upload-Offset": "0"}),
        client.delete(location, headers=version),
    ]
    for answer in requests:
        assert answer.status_code == 412
        assert answer.headers["Tus-Version"] == "1.0.0"
    assert _arrived(client, location) == 0


@pytest.mark.parametrize("length", ["", "-1", "1e3", "3.5", "١٢", "9" * 16])
def test_a_length_that_is_none_is_refused(box: Box, client: Client, length: str) -> None:
    answer = client.post(PATH, headers=TUS | {"Upload-Length": length})
    assert (answer.status_code, _problem(answer)) == (400, "bad-request")
    assert _left(box) == []


@pytest.mark.parametrize("header", ["Upload-Defer-Length", "Upload-Metadata", "Upload-Concat"])
def test_what_would_tell_of_the_file_is_refused(box: Box, client: Client, header: str) -> None:
    answer = client.post(PATH, headers=TUS | {"Upload-Length": "3000", header: "filename cGxhbi5wZGY="})
    assert (answer.status_code, _problem(answer)) == (400, "bad-request")
    assert _left(box) == []


@pytest.mark.parametrize("length", [0, 1, age.HYBRID_HEADER_SIZE])
def test_a_length_that_no_sealed_file_has_is_refused(box: Box, client: Client, length: int) -> None:
    answer = client.post(PATH, headers=TUS | {"Upload-Length": str(length)})
    assert (answer.status_code, _problem(answer)) == (400, "bad-payload")
    assert _left(box) == []


def test_more_than_the_limit_is_refused_before_anything_arrives(box: Box, client: Client) -> None:
    answer = client.post(PATH, headers=TUS | {"Upload-Length": str(LIMITS.upload_bytes + 1)})
    assert answer.status_code == 413
    assert str(LIMITS.upload_bytes) in answer.get_json()["detail"]
    assert _left(box) == []


def test_more_than_the_length_is_refused(client: Client, sealed: bytes) -> None:
    location = _begun(client, len(sealed) - 1)
    assert _patch(client, location, 0, sealed).status_code == 413
    assert _patch(client, location, 0, sealed, Upload_Checksum=_checksum(sealed)).status_code == 413
    assert _arrived(client, location) == 0


def test_a_part_that_is_to_be_checked_has_a_limit_of_its_own(
    client: Client, sealed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tus, "PART_LIMIT", 20_000)
    location = _begun(client, len(sealed))
    assert _patch(client, location, 0, sealed, Upload_Checksum=_checksum(sealed)).status_code == 413
    assert _arrived(client, location) == 0
    assert _patch(client, location, 0, sealed).status_code == 204


@pytest.mark.parametrize("offset", [0, 19_999, 20_001, 10**9])
def test_another_offset_is_refused(client: Client, sealed: bytes, offset: int) -> None:
    location = _begun(client, len(sealed))
    assert _patch(client, location, 0, sealed[:20_000]).status_code == 204
    answer = _patch(client, location, offset, sealed[20_000:30_000])
    assert (answer.status_code, _problem(answer)) == (409, "offset")
    assert answer.get_json()["offset"] == 20_000
    assert _arrived(client, location) == 20_000


@pytest.mark.parametrize("kind", ["application/octet-stream", "multipart/form-data", ""])
def test_another_content_type_is_refused(client: Client, sealed: bytes, kind: str) -> None:
    location = _begun(client, len(sealed))
    assert _patch(client, location, 0, sealed, Content_Type=kind).status_code == 415
    fields = TUS | {"Upload-Length": str(len(sealed)), "Content-Type": kind}
    assert client.post(PATH, data=sealed, headers=fields).status_code == 415
    assert _arrived(client, location) == 0


@pytest.mark.parametrize("name", ["0" * 32, "short", "%2e%2e", "tus-" + "0" * 32, "0" * 31 + "G"])
def test_an_upload_that_nobody_began_is_not_known(client: Client, sealed: bytes, name: str) -> None:
    location = f"{PATH}/{name}"
    assert client.head(location, headers=TUS).status_code == 404
    assert client.delete(location, headers=TUS).status_code == 404
    answer = _patch(client, location, 0, sealed)
    assert (answer.status_code, _problem(answer)) == (404, "no-upload")
    assert client.get(location, headers=TUS).status_code == 405


def test_of_a_damaged_part_nothing_is_kept(client: Client, sealed: bytes) -> None:
    location = _begun(client, len(sealed))
    first, rest = sealed[:20_000], sealed[20_000:]
    assert _patch(client, location, 0, first, Upload_Checksum=_checksum(first)).status_code == 204
    answer = _patch(client, location, 20_000, rest[:-1] + b"?", Upload_Checksum=_checksum(rest))
    assert (answer.status_code, _problem(answer)) == (460, "checksum")
    assert _arrived(client, location) == 20_000
    assert _patch(client, location, 20_000, rest, Upload_Checksum=_checksum(rest)).status_code == 204


@pytest.mark.parametrize("checksum", ["", "md5 AAAA", "sha256", "sha256 no base64!", "sha256 é"])
def test_a_checksum_that_cannot_be_read_is_refused(client: Client, sealed: bytes, checksum: str) -> None:
    location = _begun(client, len(sealed))
    answer = _patch(client, location, 0, sealed, Upload_Checksum=checksum)
    assert answer.status_code in {400, 460}
    assert _arrived(client, location) == 0


@pytest.mark.parametrize("wrong", ["plain", "two readers", "cut in the header", "armored"])
def test_bytes_that_are_not_sealed_to_one_reader_leave_nothing(box: Box, client: Client, wrong: str) -> None:
    ours, other = (box.people[name].identity.recipient for name in ("Omar Haddad", "Keiko Sato"))
    data = {
        "plain": b"in the clear" * 1000,
        "two readers": age.seal(b"x" * 5000, ours, other),
        "cut in the header": age.seal(b"x" * 5000, ours)[:100],
        "armored": age.armor(age.seal(b"x" * 5000, ours)),
    }[wrong]
    location = _begun(client, 20_000)
    answer = _patch(client, location, 0, data)
    assert (answer.status_code, _problem(answer)) == (400, "bad-payload")
    assert _left(box) == []
    assert client.head(location, headers=TUS).status_code == 404
    fields = TUS | PART | {"Upload-Length": "20000"}
    assert _problem(client.post(PATH, data=data, headers=fields)) == "bad-payload"
    assert _left(box) == []


def test_while_one_request_writes_others_are_told_to_wait(
    client: Client, mechanism: Mechanism, sealed: bytes
) -> None:
    location = _begun(client, len(sealed))
    with mechanism.store.resume(location[-32:]) as writing:
        assert client.head(location, headers=TUS).status_code == 423
        assert client.delete(location, headers=TUS).status_code == 423
        answer = _patch(client, location, 0, sealed)
        assert (answer.status_code, _problem(answer)) == (423, "upload-busy")
        writing.pause()
    assert _patch(client, location, 0, sealed).status_code == 204


@pytest.mark.parametrize("arrived", [0, 20_000, SIZE * 2])
def test_a_deleted_upload_is_gone(box: Box, client: Client, sealed: bytes, arrived: int) -> None:
    location = _begun(client, len(sealed))
    if arrived:
        assert _patch(client, location, 0, sealed[:arrived]).status_code == 204
    answer = client.delete(location, headers=TUS)
    assert (answer.status_code, answer.headers["Tus-Resumable"]) == (204, "1.0.0")
    assert client.head(location, headers=TUS).status_code == 404
    assert _left(box) == []


class _Cut:
    """A body whose connection breaks after some bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int, /) -> bytes:
        if not self._data:
            raise ClientDisconnected("cut")
        data, self._data = self._data[:size], self._data[size:]
        return data


def test_what_arrived_before_a_connection_broke_is_kept(
    box: Box, mechanism: Mechanism, client: Client, sealed: bytes
) -> None:
    location = _begun(client, len(sealed))
    arriving = Uploads(mechanism)
    with pytest.raises(ClientDisconnected):
        arriving.take(location[-32:], 0, _Cut(sealed[:1000]))
    assert _arrived(client, location) == 0, "the header was not complete"
    with pytest.raises(ClientDisconnected):
        arriving.take(location[-32:], 0, _Cut(sealed[:30_000]))
    assert _arrived(client, location) == 30_000
    assert _patch(client, location, 30_000, sealed[30_000:]).status_code == 204
    assert _objects(box) == [hashlib.sha256(sealed).hexdigest()]


def test_an_upload_is_finished_although_the_server_ended_before_it_could_say_so(
    box: Box, mechanism: Mechanism, client: Client, sealed: bytes
) -> None:
    location = _begun(client, len(sealed))
    with mechanism.store.resume(location[-32:]) as writing:
        writing.write(sealed)
        writing.pause()
    assert _arrived(client, location) == len(sealed)
    assert _objects(box) == [hashlib.sha256(sealed).hexdigest()]


def test_a_full_disk_is_told_and_what_arrived_stays(
    client: Client, sealed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = _begun(client, len(sealed))
    assert _patch(client, location, 0, sealed[:20_000]).status_code == 204
    with monkeypatch.context() as full:
        full.setattr(incoming.shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - 10**6, 10**6))
        answer = _patch(client, location, 20_000, sealed[20_000:])
        assert (answer.status_code, _problem(answer)) == (507, "disk-full")
        answer = client.post(PATH, headers=TUS | {"Upload-Length": "3000"})
        assert (answer.status_code, _problem(answer)) == (507, "disk-full")
    assert _arrived(client, location) == 20_000


def test_what_is_never_finished_or_never_sent_is_swept_with_its_slip(
    box: Box, mechanism: Mechanism, client: Client, sealed: bytes
) -> None:
    begun, finished = _begun(client, len(sealed)), _begun(client, len(sealed))
    assert _patch(client, begun, 0, sealed[:20_000]).status_code == 204
    assert _patch(client, finished, 0, sealed).status_code == 204
    today = mechanism.clock().date()
    for day, left in ((today, True), (today + timedelta(days=1), False)):
        mechanism.store.sweep_uploads(day)
        incoming.sweep(box.directory / "incoming", day)
        assert bool(_left(box)) == left
    for location in (begun, finished):
        assert client.head(location, headers=TUS).status_code == 404


# Whatever a client does, the file that is stored in the end is the one that was sent.

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("patch"), st.integers(0, 6000), st.sampled_from([0, 0, 0, -1, 5])),
        st.tuples(st.just("cut"), st.integers(0, 6000), st.just(0)),
        st.tuples(st.just("damaged"), st.integers(1, 6000), st.just(0)),
        st.tuples(st.just("head"), st.just(0), st.just(0)),
        st.tuples(st.just("delete"), st.just(0), st.just(0)),
    ),
    max_size=20,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=_STEPS, data=st.data())
def test_any_sequence_of_requests_ends_in_the_file_that_was_sent(
    mechanism: Mechanism, client: Client, box: Box, steps: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    plain = data.draw(st.binary(max_size=10_000))
    sealed = age.seal(plain, box.people["Keiko Sato"].identity.recipient)
    location, kept = _begun(client, len(sealed)), 0
    for act, size, off in steps:
        part = sealed[kept : kept + size]
        if act == "head":
            assert _arrived(client, location) == kept
        elif act == "delete":
            assert client.delete(location, headers=TUS).status_code == 204
            location, kept = _begun(client, len(sealed)), 0
        elif act == "damaged" and part:
            answer = _patch(client, location, kept, part, Upload_Checksum=_checksum(part + b"x"))
            assert answer.status_code == 460
        elif act == "cut" and part:
            with pytest.raises(ClientDisconnected):
                Uploads(mechanism).take(location[-32:], kept, _Cut(part))
            kept += len(part) if kept or len(part) >= age.HYBRID_HEADER_SIZE else 0
        elif act == "patch":
            answer = _patch(client, location, max(0, kept + off), part, Upload_Checksum=_checksum(part))
            if max(0, kept + off) != kept:
                assert answer.status_code in {409, 413}
            elif kept == 0 and 0 < len(part) < age.HYBRID_HEADER_SIZE:
                assert _problem(answer) == "bad-payload"
                location = _begun(client, len(sealed))
            else:
                assert answer.status_code == 204
                kept += len(part)
    assert _arrived(client, location) == kept
    assert _patch(client, location, kept, sealed[kept:]).status_code == 204
    assert hashlib.sha256(sealed).hexdigest() in _objects(box)


@given(st.text(max_size=60))
def test_any_name_that_is_none_is_not_known(name: str) -> None:
    assert not uploads._is_name(name) or len(name) == 32


def test_slips_that_are_damaged_are_no_uploads(box: Box, client: Client) -> None:
    name = "a" * 32
    slip = Path(box.directory / "incoming" / f"{incoming.SLIP_PREFIX}{name}")
    for text in ("", "12", "x\n", "12 ab\n", json.dumps({})):
        slip.write_text(text)
        assert client.head(f"{PATH}/{name}", headers=TUS).status_code == 404
