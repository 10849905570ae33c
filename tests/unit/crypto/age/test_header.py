"""The header: one spelling, told from anything else as soon as possible, in bounded memory."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto.age import HybridIdentity, ScryptIdentity, Unsealer, X25519Identity, seal, unseal
from meyasubako.crypto.age.header import MAX_HEADER, Stanza, parse_header, write_header
from meyasubako.crypto.errors import CryptoError, DamagedHeaderError, UnsupportedError, WrongKeyError

KEY = bytes(16)
words = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=80)
stanzas = st.lists(
    st.builds(Stanza, st.lists(words, min_size=1, max_size=4).map(tuple), st.binary(max_size=200)),
    min_size=1,
    max_size=4,
).map(tuple)


class Endless:
    """A source that never ends, and counts what was asked of it."""

    def __init__(self, start: bytes) -> None:
        self._start = start
        self.given = 0

    def read(self, size: int, /) -> bytes:
        part = self._start[:size] or b"A" * 63 + b"\n"
        self._start = self._start[size:]
        self.given += len(part)
        return part


@settings(deadline=None)
@given(written=stanzas, after=st.binary(max_size=100))
def test_what_is_written_is_read_as_it_was(written: tuple[Stanza, ...], after: bytes) -> None:
    data = write_header(written, KEY)
    header = parse_header(data + after)
    assert (header.stanzas, header.size) == (written, len(data))
    assert data.startswith(header.covered)


@settings(deadline=None)
@given(written=stanzas, data=st.data())
def test_a_header_has_one_spelling(written: tuple[Stanza, ...], data: st.DataObject) -> None:
    right = write_header(written, KEY)
    place = data.draw(st.integers(0, len(right) - 1))
    other = bytearray(right)
    other[place] = data.draw(st.integers(0, 255))
    try:
        header = parse_header(bytes(other))
    except (DamagedHeaderError, UnsupportedError):
        return
    # Whatever still parses is written back to the very same bytes, but for the MAC, which is another's.
    assert write_header(header.stanzas, KEY)[:-44] == bytes(other[: header.size])[:-44]


@settings(deadline=None)
@given(noise=st.binary(max_size=300))
def test_noise_after_the_first_line_is_refused_by_name_or_parsed(noise: bytes) -> None:
    try:
        parse_header(b"age-encryption.org/v1\n" + noise)
    except CryptoError as error:
        assert isinstance(error, DamagedHeaderError)  # noqa: PT017  # the absence of an error is fine too


@pytest.mark.parametrize(
    "start", [b"", b"age-encryption.org/v1\n", b"age-encryption.org/v1\n-> X25519 abc\n"]
)
def test_a_stranger_s_endless_header_ends(start: bytes) -> None:
    source = Endless(start)
    with pytest.raises((DamagedHeaderError, UnsupportedError)):
        Unsealer(source, X25519Identity.generate())
    assert source.given <= MAX_HEADER + 4096


def test_a_file_that_is_no_age_file_is_told_by_its_first_bytes() -> None:
    source = Endless(b"\x7fELF")
    with pytest.raises(DamagedHeaderError):
        Unsealer(source, X25519Identity.generate())
    assert source.given < 100


@pytest.mark.parametrize(
    "line", [b"age-encryption.org/v2\n", b"age-encryption.org/v11\n", b"age-encryption.org/v21\n"]
)
def test_another_version_of_age_is_named_as_such(line: bytes) -> None:
    sealed = seal(b"", X25519Identity.generate().recipient)
    with pytest.raises(UnsupportedError):
        unseal(line + sealed.partition(b"\n")[2], X25519Identity.generate())


def test_every_beginning_of_a_file_is_cut_short() -> None:
    identity = HybridIdentity.from_seed(bytes(32))
    sealed = seal(b"a word", identity.recipient)
    for length in range(0, 1627 + 16, 13):
        with pytest.raises(DamagedHeaderError):
            unseal(sealed[:length], identity)
        with pytest.raises(DamagedHeaderError):
            Unsealer(io.BytesIO(sealed[:length]), identity)


def test_more_recipients_than_a_header_holds_are_refused_when_writing() -> None:
    recipient = HybridIdentity.from_seed(bytes(32)).recipient
    with pytest.raises(UnsupportedError):
        seal(b"", *[recipient] * 700)


def test_unknown_stanzas_are_skipped() -> None:
    identity = X25519Identity.generate()
    header = parse_header(seal(b"", identity.recipient))
    strange = Stanza(("hardware-token", "of", "somebody"), b"\0" * 100)
    data = write_header((strange, *header.stanzas), KEY)
    # The MAC is under another file key, so the right identity says that the header was changed, not that it
    # is another's.
    with pytest.raises(DamagedHeaderError):
        unseal(data + bytes(32), identity)
    with pytest.raises(WrongKeyError):
        unseal(data + bytes(32), ScryptIdentity("a"))
