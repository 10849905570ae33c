"""Uploads in parts: what the protocol asks for, status by status, and what stays on the disk."""

import hashlib
import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import ClientDisconnected
from werkzeug.test import Client

from meyasubako.crypto import age
from meyasubako.service import incoming
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.uploads import Uploads
from tests.system.box import Box
from tests.unit.service.conftest import LIMITS
from tests.unit.service.doors import Usage, problem, program_door
from tests.unit.service.parts import PART, PATH, SIZE, TUS, arrived, begun, checksum, left, objects, patch


@pytest.fixture
def client(mechanism: Mechanism) -> Client:
    return Client(program_door(mechanism))


@pytest.fixture
def sealed(box: Box) -> bytes:
    return age.seal(os.urandom(SIZE), box.people["Keiko Sato"].identity.recipient)


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
    location = begun(client, len(sealed))
    for offset in range(0, len(sealed), 20_000):
        part = sealed[offset : offset + 20_000]
        assert arrived(client, location) == offset
        answer = patch(client, location, offset, part, Upload_Checksum=checksum(part))
        assert (answer.status_code, answer.data) == (204, b"")
        assert answer.headers["Upload-Offset"] == str(offset + len(part))
        assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert objects(box) == [hashlib.sha256(sealed).hexdigest()]


def test_a_finished_upload_goes_on_telling_that_it_is(client: Client, sealed: bytes) -> None:
    location = begun(client, len(sealed))
    assert patch(client, location, 0, sealed).status_code == 204
    answer = client.head(location, headers=TUS)
    assert answer.headers["Upload-Offset"] == answer.headers["Upload-Length"] == str(len(sealed))
    assert patch(client, location, len(sealed), b"").status_code == 204
    assert patch(client, location, len(sealed), b"x").status_code == 413
    assert problem(patch(client, location, 0, sealed)) == "offset"


def test_a_first_part_may_come_with_the_creation(box: Box, client: Client, sealed: bytes) -> None:
    fields = TUS | PART | {"Upload-Length": str(len(sealed)), "Upload-Checksum": checksum(sealed, "sha1")}
    answer = client.post(PATH, data=sealed, headers=fields)
    assert answer.status_code == 201
    assert answer.headers["Upload-Offset"] == str(len(sealed))
    assert objects(box) == [hashlib.sha256(sealed).hexdigest()]


def test_answers_are_kept_by_nobody_and_tell_a_day(
    client: Client, sealed: bytes, mechanism: Mechanism, box: Box
) -> None:
    location = begun(client, len(sealed))
    answer = client.head(location, headers=TUS)
    assert answer.headers["Cache-Control"] == "no-store"
    midnight = mechanism.clock().date() + timedelta(days=2)
    assert answer.headers["Upload-Expires"] == f"{midnight:%a, %d %b %Y} 00:00:00 GMT"
    assert all(path.stat().st_mtime % 86400 == 0 for path in (box.directory / "incoming").iterdir())


def test_while_one_request_writes_others_are_told_to_wait(
    client: Client, mechanism: Mechanism, sealed: bytes
) -> None:
    location = begun(client, len(sealed))
    with mechanism.store.resume(location[-32:]) as writing:
        assert client.head(location, headers=TUS).status_code == 423
        assert client.delete(location, headers=TUS).status_code == 423
        answer = patch(client, location, 0, sealed)
        assert (answer.status_code, problem(answer)) == (423, "upload-busy")
        writing.pause()
    assert patch(client, location, 0, sealed).status_code == 204


@pytest.mark.parametrize("arrived", [0, 20_000, SIZE * 2])
def test_a_deleted_upload_is_gone(box: Box, client: Client, sealed: bytes, arrived: int) -> None:
    location = begun(client, len(sealed))
    if arrived:
        assert patch(client, location, 0, sealed[:arrived]).status_code == 204
    answer = client.delete(location, headers=TUS)
    assert (answer.status_code, answer.headers["Tus-Resumable"]) == (204, "1.0.0")
    assert client.head(location, headers=TUS).status_code == 404
    assert left(box) == []


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
    location = begun(client, len(sealed))
    arriving = Uploads(mechanism)
    with pytest.raises(ClientDisconnected):
        arriving.take(location[-32:], 0, _Cut(sealed[:1000]))
    assert arrived(client, location) == 0, "the header was not complete"
    with pytest.raises(ClientDisconnected):
        arriving.take(location[-32:], 0, _Cut(sealed[:30_000]))
    assert arrived(client, location) == 30_000
    assert patch(client, location, 30_000, sealed[30_000:]).status_code == 204
    assert objects(box) == [hashlib.sha256(sealed).hexdigest()]


def test_an_upload_is_finished_although_the_server_ended_before_it_could_say_so(
    box: Box, mechanism: Mechanism, client: Client, sealed: bytes
) -> None:
    location = begun(client, len(sealed))
    with mechanism.store.resume(location[-32:]) as writing:
        writing.write(sealed)
        writing.pause()
    assert arrived(client, location) == len(sealed)
    assert objects(box) == [hashlib.sha256(sealed).hexdigest()]


def test_a_full_disk_is_told_and_what_arrived_stays(
    client: Client, sealed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = begun(client, len(sealed))
    assert patch(client, location, 0, sealed[:20_000]).status_code == 204
    with monkeypatch.context() as full:
        full.setattr(incoming.shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - 10**6, 10**6))
        answer = patch(client, location, 20_000, sealed[20_000:])
        assert (answer.status_code, problem(answer)) == (507, "disk-full")
        answer = client.post(PATH, headers=TUS | {"Upload-Length": "3000"})
        assert (answer.status_code, problem(answer)) == (507, "disk-full")
    assert arrived(client, location) == 20_000


def test_what_is_never_finished_or_never_sent_is_swept_with_its_slip(
    box: Box, mechanism: Mechanism, client: Client, sealed: bytes
) -> None:
    halfway, finished = begun(client, len(sealed)), begun(client, len(sealed))
    assert patch(client, halfway, 0, sealed[:20_000]).status_code == 204
    assert patch(client, finished, 0, sealed).status_code == 204
    today = mechanism.clock().date()
    for day, stays in ((today, True), (today + timedelta(days=1), False)):
        mechanism.store.sweep_uploads(day)
        incoming.sweep(box.directory / "incoming", day)
        assert bool(left(box)) == stays
    for location in (halfway, finished):
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
    location, kept = begun(client, len(sealed)), 0
    for act, size, off in steps:
        part = sealed[kept : kept + size]
        if act == "head":
            assert arrived(client, location) == kept
        elif act == "delete":
            assert client.delete(location, headers=TUS).status_code == 204
            location, kept = begun(client, len(sealed)), 0
        elif act == "damaged" and part:
            answer = patch(client, location, kept, part, Upload_Checksum=checksum(part + b"x"))
            assert answer.status_code == 460
        elif act == "cut" and part:
            with pytest.raises(ClientDisconnected):
                Uploads(mechanism).take(location[-32:], kept, _Cut(part))
            kept += len(part) if kept or len(part) >= age.HYBRID_HEADER_SIZE else 0
        elif act == "patch":
            answer = patch(client, location, max(0, kept + off), part, Upload_Checksum=checksum(part))
            if max(0, kept + off) != kept:
                assert answer.status_code in {409, 413}
            elif kept == 0 and 0 < len(part) < age.HYBRID_HEADER_SIZE:
                assert problem(answer) == "bad-payload"
                location = begun(client, len(sealed))
            else:
                assert answer.status_code == 204
                kept += len(part)
    assert arrived(client, location) == kept
    assert patch(client, location, kept, sealed[kept:]).status_code == 204
    assert hashlib.sha256(sealed).hexdigest() in objects(box)


def test_slips_that_are_damaged_are_no_uploads(box: Box, client: Client) -> None:
    name = "a" * 32
    slip = Path(box.directory / "incoming" / f"{incoming.SLIP_PREFIX}{name}")
    for text in ("", "12", "x\n", "12 ab\n", json.dumps({})):
        slip.write_text(text)
        assert client.head(f"{PATH}/{name}", headers=TUS).status_code == 404
