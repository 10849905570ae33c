import base64
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity, ScryptRecipient, X25519Identity, begins_sealed, check_sealed
from meyasubako.crypto.errors import CryptoError, DamagedHeaderError, TruncatedError, UnsupportedError

HYBRID, CLASSIC = HybridIdentity.generate().recipient, X25519Identity.generate().recipient
PHRASE = ScryptRecipient("a phrase", 10)
FILE = age.seal(b"a word", HYBRID)
GREASE = b"-> some-grease with words\n\n"


def with_stanza(stanza: bytes, data: bytes = FILE) -> bytes:
    """The file with one stanza more: its MAC does not fit, which only a key tells."""
    return data.replace(b"\n--- ", b"\n" + stanza + b"--- ", 1)


@pytest.mark.parametrize(
    ("data", "types"),
    [
        (FILE, ("mlkem768x25519",)),
        (age.seal(b"", HYBRID, HYBRID), ("mlkem768x25519", "mlkem768x25519")),
        (age.seal(bytes(65_536), CLASSIC), ("X25519",)),
        (age.seal(bytes(65_537), PHRASE), ("scrypt",)),
        (with_stanza(GREASE), ("mlkem768x25519", "some-grease")),
    ],
)
def test_a_whole_file_tells_its_stanzas_binary_or_armored(data: bytes, types: tuple[str, ...]) -> None:
    for given_file in (data, age.armor(data), b"\r\n " + age.armor(data).replace(b"\n", b"\r\n")):
        assert begins_sealed(given_file[: age.BEGINNING])
        assert check_sealed(io.BytesIO(given_file)) == types


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", DamagedHeaderError),
        (b"%PDF-1.7 and so on", DamagedHeaderError),
        (FILE[:500], DamagedHeaderError),
        (b"age-encryption.org/v2\n", UnsupportedError),
        (with_stanza(b"-> X25519 short\n\n"), DamagedHeaderError),
        (with_stanza(b"-> mlkem768x25519 AAAA\n\n"), DamagedHeaderError),
        (with_stanza(b"-> scrypt " + base64.b64encode(bytes(15)) + b" x\n\n"), DamagedHeaderError),
        (with_stanza(GREASE, age.seal(b"", PHRASE)), DamagedHeaderError),
        (with_stanza(b"->  two-spaces\n\n"), DamagedHeaderError),
        (FILE[:-10], TruncatedError),
        (age.seal(bytes(65_536), HYBRID) + bytes(16), TruncatedError),
        (age.armor(FILE)[:-10], CryptoError),
        (age.armor(FILE) + b"more", CryptoError),
    ],
)
def test_what_deviates_is_refused(data: bytes, error: type[CryptoError]) -> None:
    with pytest.raises(error):
        check_sealed(io.BytesIO(data))


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused_by_our_own_error_or_told_by_a_key_alone(place: int, by: int) -> None:
    data = bytearray(FILE)
    data[place] ^= by
    try:
        assert check_sealed(io.BytesIO(bytes(data)))
    except CryptoError:
        return


@given(st.binary(max_size=300))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(CryptoError):
        check_sealed(io.BytesIO(noise))
