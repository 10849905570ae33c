import io
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.errors import CryptoError
from meyasubako.crypto.signing import SigningKey
from meyasubako.domain.acts import Request
from meyasubako.domain.envelope import Event, Head, write
from meyasubako.domain.errors import BadDocumentError
from meyasubako.domain.sealing import Binding
from meyasubako.service.client.files import SMALL, LocalFile, Sealing, attach, safe_name, save
from meyasubako.service.errors import BadAnswerError

STREAM = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
KEY = SigningKey.generate()
ROOM = HybridIdentity.generate()
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def event_naming(digest: str, size: int) -> Event:
    """An event that names one file of these sealed bytes."""
    reference = {"sha256": digest, "size": size}
    body = {"epoch": 1, "note": {"sha256": "0" * 64, "size": 1}, "files": [reference]}
    return write(
        "note.added", body, at=NOW.date(), log="box.example.org", stream=STREAM, head=Head(), key=KEY
    )


def sealed(path: Path) -> tuple[bytes, Sealing]:
    """A file's payload, for `note.added` in the stream above."""
    about = Binding("box.example.org", STREAM, KEY.verify_key.key_id, "note.added", NOW)
    sealing = Sealing(LocalFile.at(path), ROOM.recipient, about)
    return b"".join(sealing), sealing


@pytest.mark.parametrize("size", [0, 1, 16384, 65536, 300_000, 1_048_576])
def test_a_file_comes_back_as_it_was_and_its_sealed_size_is_known_before(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    (tmp_path / "a.bin").write_bytes(content)
    data, sealing = sealed(tmp_path / "a.bin")
    assert len(data) == sealing.size == sealing.reference.sealed_size
    digest = sha256(data).hexdigest()
    assert sealing.reference.digest == digest
    event = event_naming(digest, len(data))
    assert save(io.BytesIO(data), digest, event, ROOM, tmp_path / "b.bin") == size
    assert (tmp_path / "b.bin").read_bytes() == content
    assert (tmp_path / "b.bin").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", [0, 1500, 1700, 30_000, -1])
def test_a_payload_with_one_changed_byte_leaves_nothing(tmp_path: Path, place: int) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(100_000))
    data, sealing = sealed(tmp_path / "a.bin")
    damaged = bytearray(data)
    damaged[place] ^= 1
    event = event_naming(sealing.reference.digest, len(data))
    with pytest.raises(CryptoError):
        save(io.BytesIO(damaged), sealing.reference.digest, event, ROOM, tmp_path / "b.bin")
    assert not (tmp_path / "b.bin").exists()


def test_another_file_of_the_same_room_is_not_taken_for_the_one_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"one")
    (tmp_path / "c.bin").write_bytes(b"two")
    wanted, other = sealed(tmp_path / "a.bin")[1], sealed(tmp_path / "c.bin")[0]
    digest = wanted.reference.digest
    with pytest.raises(BadAnswerError):
        save(io.BytesIO(other), digest, event_naming(digest, wanted.size), ROOM, tmp_path / "b.bin")
    assert not (tmp_path / "b.bin").exists()


def test_a_payload_that_was_made_for_another_event_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"one")
    about = Binding("box.example.org", STREAM, KEY.verify_key.key_id, "message.posted", NOW)
    data = b"".join(Sealing(LocalFile.at(tmp_path / "a.bin"), ROOM.recipient, about))
    digest = sha256(data).hexdigest()
    with pytest.raises(BadDocumentError):
        save(io.BytesIO(data), digest, event_naming(digest, len(data)), ROOM, tmp_path / "b.bin")
    assert not (tmp_path / "b.bin").exists()


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"one")
    data, sealing = sealed(tmp_path / "a.bin")
    digest = sealing.reference.digest
    with pytest.raises(FileExistsError):
        save(io.BytesIO(data), digest, event_naming(digest, len(data)), ROOM, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == b"one"


@pytest.mark.parametrize(("size", "ahead"), [(1000, False), (200_000, True)])
def test_large_files_are_sent_ahead_and_small_ones_go_beside_the_event(
    tmp_path: Path, size: int, *, ahead: bool
) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(size))
    request = Request("box.example.org", KEY, NOW)
    sent: list[bytes] = []

    def upload(chunks: Iterable[bytes], size: int) -> None:
        sent.append(b"".join(chunks))
        assert len(sent[0]) == size

    file = attach(
        request,
        LocalFile.at(tmp_path / "a.bin"),
        stream=STREAM,
        kind="note.added",
        recipient=ROOM.recipient,
        upload=upload,
    )
    assert bool(sent) == ahead == (file.sealed_size > SMALL)
    assert (file.digest in request.payloads) != ahead


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200))
def test_a_strangers_name_for_a_file_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    path = safe_name(name, tmp_path)
    assert path.parent == tmp_path
    assert not path.name.startswith(".")
    assert path.name.strip(" ")
    assert path.name.isprintable()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        (".bashrc", "bashrc"),
        ("..", "file"),
        ("写真 1.jpg", "写真 1.jpg"),
        ("a\nb\x1b[31m.txt", "a_b__31m.txt"),
    ],
)
def test_names_keep_what_is_harmless(tmp_path: Path, name: str, kept: str) -> None:
    assert safe_name(name, tmp_path).name == kept


def test_two_files_of_one_name_both_stay(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    (tmp_path / "photo-2.jpg").touch()
    assert safe_name("photo.jpg", tmp_path).name == "photo-3.jpg"
