import io
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto.errors import DamagedLayerError
from meyasubako.crypto.layer import PIECE, add_layer
from meyasubako.service.store.layer import opened

KEY = bytes(range(32))
DATA = os.urandom(3 * PIECE + 1000)
LAYERED = add_layer(KEY, DATA)


@given(
    reads=st.lists(
        st.tuples(st.integers(0, len(DATA) + 10), st.integers(0, 2 * PIECE)), min_size=1, max_size=6
    )
)
@settings(max_examples=40, deadline=None)
def test_any_range_is_that_of_the_sealed_bytes(reads):
    plain = io.BytesIO(DATA)
    with opened(io.BytesIO(LAYERED), KEY, len(DATA)) as file:
        for start, length in reads:
            assert file.seek(start) == plain.seek(start)
            assert file.read(length) == plain.read(length)
            assert file.tell() == plain.tell()
        assert file.seek(-5, io.SEEK_END) == len(DATA) - 5
        assert file.read() == DATA[-5:]


@given(place=st.integers(0, len(LAYERED) - 1), bit=st.integers(0, 7))
@settings(max_examples=40, deadline=None)
def test_nothing_of_a_changed_piece_is_given_out(place, bit):
    changed = bytearray(LAYERED)
    changed[place] ^= 1 << bit
    piece = place // (PIECE + 40)
    with opened(io.BytesIO(bytes(changed)), KEY, len(DATA)) as file:
        assert file.read(piece * PIECE) == DATA[: piece * PIECE]
        with pytest.raises(DamagedLayerError):
            file.read(1)


@pytest.mark.parametrize("wrong", [LAYERED[:-1], LAYERED + b"\0", LAYERED[: PIECE + 40], b""])
def test_a_file_of_another_size_is_not_opened(wrong):
    with pytest.raises(DamagedLayerError):
        opened(io.BytesIO(wrong), KEY, len(DATA))
