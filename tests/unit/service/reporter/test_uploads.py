from contextlib import contextmanager
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity
from meyasubako.service.incoming import IncomingFile
from meyasubako.service.reporter.uploads import Gate, Refused, Sink, plain_name
from meyasubako.service.store.errors import StoreFullError

DAY = date(2026, 11, 22)


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def gate(folder, *, largest=1_000_000, receive=None):
    @contextmanager
    def opened(ticket):
        with (folder / f"form-{ticket.id}").open("rb") as file:
            yield age.Unsealer(file, HybridIdentity.from_seed(bytes.fromhex(ticket.seed_hex)))

    def discard(ids):
        for each in ids:
            (folder / f"form-{each}").unlink()

    receive = receive or (lambda: IncomingFile(folder, DAY))
    return Gate(receive, opened, discard, largest, 3, (StoreFullError, OSError))


def test_a_file_is_sealed_while_it_arrives(folder):
    sink = Sink(gate(folder), "a.jpg", "image/jpeg", wanted=True)
    for _ in range(10):
        sink.write(b"plain words " * 1000)
        assert all(b"plain words" not in path.read_bytes() for path in folder.iterdir())
    sink.seek(0)
    held = sink.held
    assert (held.size, held.name, held.media_type) == (120_000, "a.jpg", "image/jpeg")
    identity = HybridIdentity.from_seed(bytes.fromhex(held.seed_hex))
    assert age.unseal(next(folder.iterdir()).read_bytes(), identity) == b"plain words " * 10_000


def test_closing_after_the_end_keeps_the_file(folder):
    sink = Sink(gate(folder), "a", "b/c", wanted=True)
    sink.write(b"x")
    sink.seek(0)
    sink.seek(0)
    sink.close()
    assert len(list(folder.iterdir())) == 1


def test_a_part_that_broke_off_leaves_nothing(folder):
    sink = Sink(gate(folder), "a", "b/c", wanted=True)
    sink.write(b"x" * 100_000)
    sink.close()
    sink.close()
    assert list(folder.iterdir()) == []
    assert sink.held is None


def test_a_file_that_is_too_large_is_swallowed_to_its_end(folder):
    sink = Sink(gate(folder, largest=100_000), "a", "b/c", wanted=True)
    assert sink.write(b"x" * 100_000) == 100_000
    assert len(list(folder.iterdir())) == 1
    assert sink.write(b"x") == 1
    assert sink.write(b"x" * 1000) == 1000
    sink.seek(0)
    assert (sink.held, sink.refused) == (None, Refused.TOO_LARGE)
    assert list(folder.iterdir()) == []


def test_an_unwanted_file_is_never_begun(folder):
    sink = Sink(gate(folder), "a", "b/c", wanted=False)
    sink.write(b"x" * 10)
    sink.seek(0)
    assert (sink.held, sink.refused) == (None, Refused.TOO_MANY)
    assert list(folder.iterdir()) == []


def test_an_empty_part_is_not_a_file(folder):
    sink = Sink(gate(folder), "", "application/octet-stream", wanted=True)
    sink.seek(0)
    assert (sink.held, sink.refused) == (None, Refused.EMPTY)
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_told_and_not_raised(folder):
    def receive():
        raise StoreFullError("no room")

    sink = Sink(gate(folder, receive=receive), "a", "b/c", wanted=True)
    assert sink.write(b"x" * 10) == 10
    sink.seek(0)
    assert (sink.held, sink.refused) == (None, Refused.NO_ROOM)


@given(st.text())
def test_a_name_is_one_printable_line_without_a_path(name):
    plain = plain_name(name)
    assert len(plain) <= 200
    assert not set(plain) & set("/\\\n\r\0")
    assert plain_name(plain) == plain


def test_a_name_keeps_its_script():
    assert plain_name("C:\\Users\\x\\写真 1.jpg") == "写真 1.jpg"


OWN = age.seal(b"photo" * 20_000, HybridIdentity.generate().recipient)


@pytest.mark.parametrize("name", ["photo.age", "photo.AGE", "photo.jpg"])
@pytest.mark.parametrize("data", [OWN, age.armor(OWN), b"\r\n\n" + age.armor(OWN).replace(b"\n", b"\r\n")])
def test_a_file_that_its_sender_sealed_is_told_by_its_type(folder, name, data):
    sink = Sink(gate(folder), name, "image/jpeg", wanted=True)
    for start in range(0, len(data), 50):
        sink.write(data[start : start + 50])
    sink.seek(0)
    assert (sink.held.media_type, sink.held.size) == ("application/age-encryption", len(data))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("photo.age", b"\xff\xd8\xff\xe0 not sealed at all"),
        ("photo.age", OWN[:1000]),
        ("photo.jpg", OWN.replace(b"mlkem768x25519 ", b"mlkem768x25519  ")),
        ("photo.jpg", age.armor(OWN)[:-20]),
        ("photo.jpg", b"age-encryption.org/v2\n-> X25519\n"),
    ],
)
def test_what_should_be_sealed_and_is_damaged_is_refused_and_leaves_nothing(folder, name, data):
    sink = Sink(gate(folder), name, "image/jpeg", wanted=True)
    sink.write(data)
    sink.seek(0)
    sink.close()
    assert (sink.held, sink.refused) == (None, Refused.DAMAGED_SEAL)
    assert list(folder.iterdir()) == []
