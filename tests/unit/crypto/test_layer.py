import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto.errors import DamagedLayerError
from meyasubako.crypto.layer import (
    LAYERED_PIECE,
    PIECE,
    add_layer,
    layered_size,
    open_piece,
    remove_layer,
    seal_piece,
)

KEY = bytes(range(32))
SIZES = st.integers(0, 3) | st.integers(PIECE - 2, PIECE + 2) | st.integers(2 * PIECE - 1, 2 * PIECE + 1)


@given(size=SIZES)
@settings(max_examples=25, deadline=None)
def test_what_gets_the_layer_loses_it_again(size):
    data = os.urandom(size)
    layered = add_layer(KEY, data)
    assert len(layered) == layered_size(size)
    assert remove_layer(KEY, size, layered) == data
    assert size < 4 or data not in layered


@given(size=SIZES.filter(bool), place=st.integers(0), bit=st.integers(0, 7))
@settings(max_examples=25, deadline=None)
def test_any_changed_bit_is_refused(size, place, bit):
    layered = bytearray(add_layer(KEY, os.urandom(size)))
    layered[place % len(layered)] ^= 1 << bit
    with pytest.raises(DamagedLayerError):
        remove_layer(KEY, size, bytes(layered))


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda _: b""])
def test_what_was_cut_or_made_longer_is_refused(change):
    with pytest.raises(DamagedLayerError):
        remove_layer(KEY, PIECE + 5, change(add_layer(KEY, bytes(PIECE + 5))))


def test_pieces_that_changed_places_are_refused():
    layered = add_layer(KEY, os.urandom(2 * PIECE))
    with pytest.raises(DamagedLayerError):
        remove_layer(KEY, 2 * PIECE, layered[LAYERED_PIECE:] + layered[:LAYERED_PIECE])


def test_another_key_or_number_opens_nothing():
    piece = seal_piece(KEY, 3, b"data")
    assert open_piece(KEY, 3, piece) == b"data"
    for key, number in ((bytes(32), 3), (KEY, 4)):
        with pytest.raises(DamagedLayerError):
            open_piece(key, number, piece)


def test_the_same_piece_never_looks_the_same_twice():
    assert len({seal_piece(KEY, 0, b"data")[:24] for _ in range(100)}) == 100


@pytest.mark.parametrize("size", [0, PIECE + 1])
def test_a_piece_of_no_allowed_size_is_not_made(size):
    with pytest.raises(ValueError, match="65,536"):
        seal_piece(KEY, 0, bytes(size))
