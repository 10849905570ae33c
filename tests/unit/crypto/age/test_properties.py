"""What must hold for every plaintext, every way of cutting it, and every change to what was sealed."""

import io
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto import errors
from meyasubako.crypto.age import (
    ArmorReader,
    ArmorWriter,
    HybridIdentity,
    SealedFile,
    Sealer,
    Unsealer,
    X25519Identity,
    armor,
    dearmor,
    seal,
    seal_into,
    sealed_size,
    unseal,
    unseal_into,
)

# The sizes are large for a property test, and this machine may be busy: no clock decides here.
quick = settings(deadline=None, max_examples=60)

HYBRID = HybridIdentity.from_seed(bytes(range(32)))
CLASSIC = X25519Identity.from_seed(bytes(range(32)))
CHUNK = 65_536

# Sizes at the edges of chunks and of the blocks that they are worked in, where off-by-ones live.
EDGES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 8 * CHUNK - 1, 8 * CHUNK, 8 * CHUNK + 1, 17 * CHUNK]
sizes = st.one_of(st.sampled_from(EDGES), st.integers(0, 3 * CHUNK))
steps = st.lists(
    st.sampled_from([1, 5, 4095, 4096, CHUNK - 1, CHUNK, CHUNK + 17, 600_000]), min_size=1, max_size=6
).map(lambda lengths: [*lengths, CHUNK])


def pattern(size: int) -> bytes:
    """Bytes of which no two chunks are alike, so that an exchange of chunks would show."""
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


def cut(data: bytes, lengths: Iterable[int]) -> Iterable[bytes]:
    lengths = list(lengths)
    place = turn = 0
    while place < len(data):
        yield data[place : place + lengths[turn % len(lengths)]]
        place += lengths[turn % len(lengths)]
        turn += 1


class InPieces:
    """A source that gives at each call no more than the next of its lengths."""

    def __init__(self, data: bytes, lengths: list[int]) -> None:
        self._file = io.BytesIO(data)
        self._lengths = lengths
        self._turn = 0

    def read(self, size: int, /) -> bytes:
        self._turn += 1
        return self._file.read(min(size, max(40, self._lengths[self._turn % len(self._lengths)])))


class Grudging:
    """A sink that takes at most a few thousand bytes at a time, as a raw socket may."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def write(self, data: memoryview, /) -> int:
        self.taken += data[:5000]
        return min(len(data), 5000)


@quick
@given(size=sizes, lengths=steps)
def test_any_split_of_the_plaintext_is_opened_as_a_whole(size: int, lengths: list[int]) -> None:
    plain, sink = pattern(size), io.BytesIO()
    with Sealer(sink, CLASSIC.recipient) as sealer:
        for piece in cut(plain, lengths):
            assert sealer.write(piece) == len(piece)
    assert sealer.sealed_size == len(sink.getvalue()) == sealed_size(size, 168)
    assert unseal(sink.getvalue(), CLASSIC) == plain


@quick
@given(size=sizes, lengths=steps, threads=st.integers(1, 3))
def test_any_split_of_the_source_gives_the_same(size: int, lengths: list[int], threads: int) -> None:
    plain, sink, back = pattern(size), io.BytesIO(), Grudging()
    sealer = Sealer(sink, HYBRID.recipient)
    assert sealer.write(plain[:10]) + sealer.copy_from(InPieces(plain[10:], lengths), threads=threads) == size
    unsealer = Unsealer(InPieces(sink.getvalue(), lengths), HYBRID)
    begun = unsealer.read(7)
    assert unsealer.copy_to(back, threads=threads) == size - len(begun)
    assert begun + back.taken == plain


@quick
@given(size=sizes, lengths=steps)
def test_any_way_of_reading_gives_the_same(size: int, lengths: list[int]) -> None:
    plain = pattern(size)
    sealed = seal(plain, CLASSIC.recipient)
    by_read, by_readinto = io.BytesIO(), io.BytesIO()
    unsealer, other = Unsealer(io.BytesIO(sealed), CLASSIC), Unsealer(io.BytesIO(sealed), CLASSIC)
    turn = 0
    while by_read.tell() < size or turn == 0:
        by_read.write(unsealer.read(lengths[turn % len(lengths)]))
        target = bytearray(lengths[turn % len(lengths)])
        by_readinto.write(memoryview(target)[: other.readinto(target)])
        turn += 1
    while count := other.readinto(target := bytearray(1000)):
        by_readinto.write(target[:count])
    assert by_read.getvalue() == by_readinto.getvalue() == plain
    assert unsealer.read(1) == b""
    assert b"".join(Unsealer(io.BytesIO(sealed), CLASSIC)) == plain


@quick
@given(size=sizes, threads=st.integers(1, 4))
def test_threads_and_reused_memory_never_show(size: int, threads: int) -> None:
    plain = pattern(size)
    room, back = bytearray(sealed_size(size, 168) + 100), bytearray(size + 100)
    length = seal_into(room, plain, CLASSIC.recipient, threads=threads)
    assert unseal(room[:length], CLASSIC) == plain
    assert unseal_into(back, memoryview(room)[:length], CLASSIC, threads=threads) == size
    assert back[:size] == plain
    assert unseal(seal(plain, CLASSIC.recipient, threads=threads), CLASSIC, threads=threads) == plain


@quick
@given(size=sizes, start=st.integers(0, 4 * CHUNK), length=st.one_of(sizes, st.integers(0, 100)))
def test_a_range_is_that_part_of_the_whole(size: int, start: int, length: int) -> None:
    plain = pattern(size)
    sealed = SealedFile(io.BytesIO(seal(plain, CLASSIC.recipient)), CLASSIC)
    assert sealed.size == size
    assert sealed.read_range(start, length) == plain[start : start + length]


SMALL = seal(pattern(200), HYBRID.recipient)
LARGE = seal(pattern(2 * CHUNK + 100), CLASSIC.recipient)


@quick
@given(data=st.data(), large=st.booleans())
def test_any_change_to_a_sealed_file_fails_by_name_and_frees_nothing_false(
    data: st.DataObject, large: bool
) -> None:
    sealed, plain = (LARGE, pattern(2 * CHUNK + 100)) if large else (SMALL, pattern(200))
    changed = change(data, sealed)
    released = bytearray()
    with pytest.raises(errors.CryptoError) as streamed:
        drain(io.BytesIO(changed), released)
    # Whatever came out before the fault is a true beginning of what was sealed, in whole chunks.
    assert plain.startswith(released)
    assert len(released) % CHUNK == 0 or len(released) == len(plain)
    with pytest.raises(errors.CryptoError) as whole:
        unseal(changed, HYBRID, CLASSIC)
    assert type(streamed.value) is type(whole.value)
    room = bytearray(b"\xaa" * (len(plain) + 2 * CHUNK))
    with pytest.raises(type(whole.value)):
        unseal_into(room, changed, HYBRID, CLASSIC)
    assert not room.strip(b"\0\xaa")


@quick
@given(data=st.data())
def test_a_target_that_is_filled_directly_never_holds_what_is_not_authentic(data: st.DataObject) -> None:
    plain = pattern(3 * CHUNK)
    sealed = bytearray(seal(plain, CLASSIC.recipient))
    place = data.draw(st.integers(168 + 16, len(sealed) - 1))
    sealed[place] ^= 1 << data.draw(st.integers(0, 7))
    damaged = (place - 184) // (CHUNK + 16)
    target = bytearray(8 * CHUNK)
    unsealer = Unsealer(io.BytesIO(sealed), CLASSIC)
    if damaged:
        assert unsealer.readinto(target) == damaged * CHUNK
    for _ in range(2):
        with pytest.raises(errors.DamagedPayloadError):
            unsealer.readinto(target)
    assert target[: damaged * CHUNK] == plain[: damaged * CHUNK]
    assert not any(target[damaged * CHUNK :])


def drain(source: io.BytesIO, released: bytearray) -> None:
    for piece in Unsealer(source, HYBRID, CLASSIC):
        released += piece


def change(data: st.DataObject, sealed: bytes) -> bytes:
    place = data.draw(st.integers(0, len(sealed) - 1))
    match data.draw(st.sampled_from(["flip", "cut", "drop", "insert", "append"])):
        case "flip":
            flipped = sealed[place] ^ 1 << data.draw(st.integers(0, 7))
            return sealed[:place] + bytes([flipped]) + sealed[place + 1 :]
        case "cut":
            return sealed[:place]
        case "drop":
            return sealed[:place] + sealed[place + 1 :]
        case "insert":
            return sealed[:place] + data.draw(st.binary(min_size=1, max_size=3)) + sealed[place:] + b"."
    return sealed + data.draw(st.binary(min_size=1, max_size=20))


@quick
@given(data=st.binary(max_size=300), lengths=steps)
def test_armor_gives_back_what_went_in(data: bytes, lengths: list[int]) -> None:
    sink = io.BytesIO()
    with ArmorWriter(sink) as writer:
        for piece in cut(data, lengths):
            writer.write(piece)
    assert sink.getvalue() == armor(data)
    assert dearmor(armor(data).replace(b"\n", b"\r\n")) == data
    reader = ArmorReader(InPieces(armor(data), lengths))
    assert b"".join(iter(lambda: reader.read(10), b"")) == data


@quick
@given(data=st.binary(min_size=1, max_size=200), place=st.integers(0, 400), value=st.integers(0, 255))
def test_armor_has_one_spelling(data: bytes, place: int, value: int) -> None:
    text = bytearray(armor(data))
    text[place % len(text)] = value
    try:
        read = dearmor(bytes(text))
    except errors.DamagedArmorError:
        return
    # What is still read is either another file, or differs in the whitespace outside only.
    assert read != data or text.strip() == armor(data).strip()


@quick
@given(noise=st.binary(max_size=400), armored=st.booleans())
def test_noise_is_refused_by_name(noise: bytes, armored: bool) -> None:
    with pytest.raises(errors.CryptoError):
        unseal(dearmor(noise) if armored else b"age-encryption.org/v1\n" + noise, HYBRID)
