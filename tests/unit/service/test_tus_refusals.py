import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from meyasubako.crypto import age
from meyasubako.service import tus, uploads
from meyasubako.service.mechanism import Mechanism
from tests.system.box import Box
from tests.unit.service.conftest import LIMITS
from tests.unit.service.doors import problem, program_door
from tests.unit.service.parts import PART, PATH, SIZE, TUS, arrived, begun, checksum, left, patch


@pytest.fixture
def client(mechanism: Mechanism) -> Client:
    return Client(program_door(mechanism))


@pytest.fixture
def sealed(box: Box) -> bytes:
    return age.seal(os.urandom(SIZE), box.people["Keiko Sato"].identity.recipient)


@pytest.mark.parametrize("version", [{}, {"Tus-Resumable": "0.2.2"}, {"Tus-Resumable": "1.0.1"}])
def test_another_version_of_the_protocol_is_refused(
    box: Box, client: Client, sealed: bytes, version: dict[str, str]
) -> None:
    location = begun(client, len(sealed))
    requests = [
        client.post(PATH, headers=version | {"Upload-Length": "3000"}),
        client.head(location, headers=version),
        client.patch(location, data=sealed, headers=version | PART | {"Upload-Offset": "0"}),
        client.delete(location, headers=version),
    ]
    for answer in requests:
        assert answer.status_code == 412
        assert answer.headers["Tus-Version"] == "1.0.0"
    assert arrived(client, location) == 0


@pytest.mark.parametrize("length", ["", "-1", "1e3", "3.5", "١٢", "9" * 16])
def test_a_length_that_is_none_is_refused(box: Box, client: Client, length: str) -> None:
    answer = client.post(PATH, headers=TUS | {"Upload-Length": length})
    assert (answer.status_code, problem(answer)) == (400, "bad-request")
    assert left(box) == []


@pytest.mark.parametrize("header", ["Upload-Defer-Length", "Upload-Metadata", "Upload-Concat"])
def test_what_would_tell_of_the_file_is_refused(box: Box, client: Client, header: str) -> None:
    answer = client.post(PATH, headers=TUS | {"Upload-Length": "3000", header: "filename cGxhbi5wZGY="})
    assert (answer.status_code, problem(answer)) == (400, "bad-request")
    assert left(box) == []


@pytest.mark.parametrize("length", [0, 1, age.HYBRID_HEADER_SIZE])
def test_a_length_that_no_sealed_file_has_is_refused(box: Box, client: Client, length: int) -> None:
    answer = client.post(PATH, headers=TUS | {"Upload-Length": str(length)})
    assert (answer.status_code, problem(answer)) == (400, "bad-payload")
    assert left(box) == []


def test_more_than_the_limit_is_refused_before_anything_arrives(box: Box, client: Client) -> None:
    answer = client.post(PATH, headers=TUS | {"Upload-Length": str(LIMITS.upload_bytes + 1)})
    assert answer.status_code == 413
    assert str(LIMITS.upload_bytes) in answer.get_json()["detail"]
    assert left(box) == []


def test_more_than_the_length_is_refused(client: Client, sealed: bytes) -> None:
    location = begun(client, len(sealed) - 1)
    assert patch(client, location, 0, sealed).status_code == 413
    assert patch(client, location, 0, sealed, Upload_Checksum=checksum(sealed)).status_code == 413
    assert arrived(client, location) == 0


def test_a_part_that_is_to_be_checked_has_a_limit_of_its_own(
    client: Client, sealed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tus, "PART_LIMIT", 20_000)
    location = begun(client, len(sealed))
    assert patch(client, location, 0, sealed, Upload_Checksum=checksum(sealed)).status_code == 413
    assert arrived(client, location) == 0
    assert patch(client, location, 0, sealed).status_code == 204


@pytest.mark.parametrize("offset", [0, 19_999, 20_001, 10**9])
def test_another_offset_is_refused(client: Client, sealed: bytes, offset: int) -> None:
    location = begun(client, len(sealed))
    assert patch(client, location, 0, sealed[:20_000]).status_code == 204
    answer = patch(client, location, offset, sealed[20_000:30_000])
    assert (answer.status_code, problem(answer)) == (409, "offset")
    assert answer.get_json()["offset"] == 20_000
    assert arrived(client, location) == 20_000


@pytest.mark.parametrize("kind", ["application/octet-stream", "multipart/form-data", ""])
def test_another_content_type_is_refused(client: Client, sealed: bytes, kind: str) -> None:
    location = begun(client, len(sealed))
    assert patch(client, location, 0, sealed, Content_Type=kind).status_code == 415
    fields = TUS | {"Upload-Length": str(len(sealed)), "Content-Type": kind}
    assert client.post(PATH, data=sealed, headers=fields).status_code == 415
    assert arrived(client, location) == 0


@pytest.mark.parametrize("name", ["0" * 32, "short", "%2e%2e", "tus-" + "0" * 32, "0" * 31 + "G"])
def test_an_upload_that_nobody_began_is_not_known(client: Client, sealed: bytes, name: str) -> None:
    location = f"{PATH}/{name}"
    assert client.head(location, headers=TUS).status_code == 404
    assert client.delete(location, headers=TUS).status_code == 404
    answer = patch(client, location, 0, sealed)
    assert (answer.status_code, problem(answer)) == (404, "no-upload")
    assert client.get(location, headers=TUS).status_code == 405


def test_of_a_damaged_part_nothing_is_kept(client: Client, sealed: bytes) -> None:
    location = begun(client, len(sealed))
    first, rest = sealed[:20_000], sealed[20_000:]
    assert patch(client, location, 0, first, Upload_Checksum=checksum(first)).status_code == 204
    damaged = rest[:-1] + bytes([rest[-1] ^ 1])
    answer = patch(client, location, 20_000, damaged, Upload_Checksum=checksum(rest))
    assert (answer.status_code, problem(answer)) == (460, "checksum")
    assert arrived(client, location) == 20_000
    assert patch(client, location, 20_000, rest, Upload_Checksum=checksum(rest)).status_code == 204


@pytest.mark.parametrize("checksum", ["", "md5 AAAA", "sha256", "sha256 no base64!", "sha256 é"])
def test_a_checksum_that_cannot_be_read_is_refused(client: Client, sealed: bytes, checksum: str) -> None:
    location = begun(client, len(sealed))
    answer = patch(client, location, 0, sealed, Upload_Checksum=checksum)
    assert answer.status_code in {400, 460}
    assert arrived(client, location) == 0


@pytest.mark.parametrize("wrong", ["plain", "two readers", "cut in the header", "armored"])
def test_bytes_that_are_not_sealed_to_one_reader_leave_nothing(box: Box, client: Client, wrong: str) -> None:
    ours, other = (box.people[name].identity.recipient for name in ("Omar Haddad", "Keiko Sato"))
    data = {
        "plain": b"in the clear" * 1000,
        "two readers": age.seal(b"x" * 5000, ours, other),
        "cut in the header": age.seal(b"x" * 5000, ours)[:100],
        "armored": age.armor(age.seal(b"x" * 5000, ours)),
    }[wrong]
    location = begun(client, 20_000)
    answer = patch(client, location, 0, data)
    assert (answer.status_code, problem(answer)) == (400, "bad-payload")
    assert left(box) == []
    assert client.head(location, headers=TUS).status_code == 404
    fields = TUS | PART | {"Upload-Length": "20000"}
    assert problem(client.post(PATH, data=data, headers=fields)) == "bad-payload"
    assert left(box) == []


@given(st.text(max_size=60))
def test_any_name_that_is_none_is_not_known(name: str) -> None:
    assert not uploads._is_name(name) or len(name) == 32
