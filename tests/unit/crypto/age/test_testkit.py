"""C2SP CCTV's age testkit, all of it: every vector fails in the way in which it says that it must, or opens.

Nothing is left out. Where the testkit says "header failure", a file that we understand but refuse (a later
version, too much scrypt work) counts, because the specification leaves it to an implementation to tell these
apart.
"""

import hashlib
import io
from collections.abc import Callable

import pytest

from meyasubako.crypto import errors
from meyasubako.crypto.age import (
    ArmorReader,
    Identity,
    ScryptIdentity,
    Source,
    Unsealer,
    armor,
    dearmor,
    open_range,
    parse_identity,
    unseal,
)
from tests.unit.crypto.age.conftest import Vector

COUNTS = {
    "success": 26,
    "header failure": 62,
    "armor failure": 22,
    "payload failure": 19,
    "no match": 13,
    "HMAC failure": 1,
}


def outcome_of(error: errors.CryptoError) -> str:
    match error:
        case errors.HeaderMacError():
            return "HMAC failure"
        case errors.DamagedHeaderError() | errors.UnsupportedError():
            return "header failure"
        case errors.DamagedPayloadError():
            return "payload failure"
        case errors.DamagedArmorError():
            return "armor failure"
        case errors.WrongKeyError():
            return "no match"
    return type(error).__name__


class Trickle:
    """A source that gives few bytes at a time, as a slow socket does."""

    def __init__(self, data: bytes, step: int) -> None:
        self._file = io.BytesIO(data)
        self._step = step

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, self._step))


def identities(vector: Vector) -> list[Identity]:
    spelt = vector.fields.get("identity", [])
    return [*map(parse_identity, spelt), *map(ScryptIdentity, vector.fields.get("passphrase", []))]


def open_as_stream(vector: Vector, source: Source) -> tuple[str, bytes]:
    released = []
    try:
        if vector.one("armored"):
            source = ArmorReader(source)
        released.extend(Unsealer(source, *identities(vector)))
    except errors.CryptoError as error:
        return outcome_of(error), b"".join(released)
    return "success", b"".join(released)


def check(vectors: dict[str, Vector], opened: Callable[[Vector], tuple[str, bytes]]) -> None:
    wrong = []
    for vector in vectors.values():
        outcome, released = opened(vector)
        # Whatever the outcome, exactly the authentic bytes came out: none where the testkit names no payload.
        expected = vector.one("payload") or hashlib.sha256(b"").hexdigest()
        if (outcome, hashlib.sha256(released).hexdigest()) != (vector.one("expect"), expected):
            wrong.append(f"{vector.name}: {outcome}, not {vector.one('expect')}")
    assert wrong == []


def test_the_testkit_is_whole(vectors: dict[str, Vector]) -> None:
    expectations = [vector.one("expect") for vector in vectors.values()]
    assert {name: expectations.count(name) for name in expectations} == COUNTS


def test_every_vector_ends_as_it_says_when_read_as_a_stream(vectors: dict[str, Vector]) -> None:
    check(vectors, lambda vector: open_as_stream(vector, io.BytesIO(vector.file)))


@pytest.mark.parametrize("step", [7, 65_552])
def test_every_vector_ends_as_it_says_when_it_trickles_in(vectors: dict[str, Vector], step: int) -> None:
    small = {name: vector for name, vector in vectors.items() if len(vector.file) < 10_000 * step}
    check(small, lambda vector: open_as_stream(vector, Trickle(vector.file, step)))


def test_every_vector_ends_as_it_says_when_opened_whole(vectors: dict[str, Vector]) -> None:
    def opened(vector: Vector) -> tuple[str, bytes]:
        try:
            sealed = dearmor(vector.file) if vector.one("armored") else vector.file
            return "success", unseal(sealed, *identities(vector))
        except errors.CryptoError as error:
            return outcome_of(error), b""

    check({name: v for name, v in vectors.items() if v.one("expect") != "payload failure"}, opened)
    for vector in vectors.values():
        # Opened whole, a file with a fault gives its name and nothing of what was authentic before it.
        if vector.one("expect") == "payload failure":
            assert opened(vector) == ("payload failure", b""), vector.name


def test_a_range_of_every_good_vector_is_that_part_of_it(vectors: dict[str, Vector]) -> None:
    for vector in vectors.values():
        if vector.one("expect") == "success" and not vector.one("armored"):
            keys = tuple(identities(vector))
            whole = unseal(vector.file, *keys)
            assert open_range(io.BytesIO(vector.file), keys, 3, 70_000) == whole[3:70_003], vector.name


def test_no_range_of_a_file_without_its_end_is_read(vectors: dict[str, Vector]) -> None:
    for vector in vectors.values():
        if vector.name.startswith("stream_no_final"):
            with pytest.raises(errors.DamagedPayloadError):
                open_range(io.BytesIO(vector.file), tuple(identities(vector)), 0, 1)


def test_good_armor_is_written_as_it_was_read(vectors: dict[str, Vector]) -> None:
    for vector in vectors.values():
        if vector.one("armored") and vector.one("expect") in ("success", "no match"):
            text = vector.file.replace(b"\r\n", b"\n").strip(b" \t\r\n") + b"\n"
            assert armor(dearmor(vector.file)) == text, vector.name
