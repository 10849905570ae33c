"""Files that their senders sealed are taken and refused in the page as at the server."""

import io
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meyasubako.crypto import age
from meyasubako.crypto.age import BEGINNING, HybridIdentity, begins_sealed, check_sealed
from meyasubako.crypto.errors import CryptoError
from tests.unit.crypto.age.conftest import Vector, vectors
from tests.unit.service.reporter.page_library import Library, file

MANY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
KEY = HybridIdentity.generate()
SEALED = [age.seal(os.urandom(size), KEY.recipient) for size in (0, 1, 65_536, 65_537)]
__all__ = ["vectors"]


def whole(data: bytes) -> bool:
    try:
        check_sealed(io.BytesIO(data))
    except CryptoError:
        return False
    return True


def alike(page: Library, data: bytes) -> bool:
    """What both say, which is the same."""
    assert page("ownTools.isSealed", file(data, "a.jpg"), "a.jpg") == begins_sealed(data[:BEGINNING])
    assert page("ownTools.isSealed", file(data, "a.AGE"), "a.AGE") is True
    found = whole(data)
    assert page("ownTools.isWhole", file(data, "a.age")) == found
    return found


def test_every_file_of_the_testkit_is_judged_alike(page: Library, vectors: dict[str, Vector]) -> None:
    assert {alike(page, vector.file) for vector in vectors.values()} == {True, False}


@pytest.mark.parametrize("data", SEALED, ids=len)
def test_what_was_sealed_is_taken_binary_and_armored(page: Library, data: bytes) -> None:
    assert alike(page, data)
    assert alike(page, age.armor(data))


BEGIN = b"-----BEGIN AGE ENCRYPTED FILE"


@pytest.mark.parametrize(
    "start",
    [
        BEGIN,
        BEGIN + b"\0-----",
        b" \t\r\n" + BEGIN,
        b"\v" + BEGIN,
        b"\xef\xbb\xbf" + BEGIN,
        b"\xc2\xa0" + BEGIN,
        b"\xff" + BEGIN,
    ],
)
def test_what_begins_nearly_as_armor_does_is_judged_alike(page: Library, start: bytes) -> None:
    """Whitespace and marks before it, as editors and mail leave them, and a first line that is damaged."""
    alike(page, age.armor(SEALED[1]).replace(BEGIN, start, 1))


@MANY
@given(st.sampled_from(SEALED[:2]), st.booleans(), st.data())
def test_what_was_changed_on_the_way_is_judged_alike(
    page: Library, sealed: bytes, armored: bool, data: st.DataObject
) -> None:
    changed = bytearray(age.armor(sealed) if armored else sealed)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(changed)))
        changed[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    alike(page, bytes(changed))
