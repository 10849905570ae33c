"""A large upload pauses, breaks off and goes on at any byte, and never twice under one nonce."""

import hashlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto.layer import LAYERED_PIECE, PIECE
from meyasubako.service.store.errors import UnknownUploadError
from meyasubako.service.store.port import Entry
from meyasubako.service.store.sqlite import Store
from tests.unit.service.store.made import new_stream

DATA = os.urandom(5 * PIECE)
SIZES = st.integers(1, 3) | st.integers(PIECE - 1, PIECE + 1) | st.integers(1, 2 * PIECE)
# What a crash may have left behind what was acknowledged: nothing, a torn piece, a whole one of another key.
TORN = st.sampled_from([0, 1, PIECE, LAYERED_PIECE, LAYERED_PIECE + 7])


@given(parts=st.lists(st.tuples(SIZES, TORN), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_whatever_was_durable_is_there_and_the_rest_can_be_sent_again(parts):
    with tempfile.TemporaryDirectory() as folder, Store.create(Path(folder)) as store:
        receiving, sent, seen = store.receive(), 0, set()
        for size, torn in parts:
            taken = DATA[sent : sent + size]
            receiving.write(taken)
            sent += len(taken)
            assert receiving.size == sent
            receiving.pause()
            seen |= nonces(Path(folder) / "incoming", receiving.name, seen)
            with (Path(folder) / "incoming" / receiving.name).open("ab") as file:
                file.write(os.urandom(torn))
            receiving = store.resume(receiving.name)
            assert receiving.size == sent
        digest, size = receiving.commit()
        assert (digest, size) == (hashlib.sha256(DATA[:sent]).hexdigest(), sent)
        assert list((Path(folder) / "incoming").iterdir()) == []
        store.append([Entry(new_stream(), 1, "k", b"data", ((digest, size),))], {}, {})
        with store.open_payload(digest) as opened:
            assert opened.read() == DATA[:sent]


def nonces(incoming, name, seen):
    """(nonce, piece) of every piece on the disk; the same nonce is never there with two pieces."""
    data = (incoming / name).read_bytes()
    found = {
        (data[at : at + 24], hashlib.sha256(data[at : at + LAYERED_PIECE]).digest())
        for at in range(0, len(data), LAYERED_PIECE)
    }
    tail = incoming / f"{name}.tail"
    if tail.exists():
        found.add((tail.read_bytes()[:24], hashlib.sha256(tail.read_bytes()).digest()))
    both = seen | found
    assert len({nonce for nonce, _ in both}) == len(both)
    return found


def test_an_upload_whose_key_is_gone_is_none(store, tmp_path):
    receiving = store.receive()
    receiving.write(b"part")
    receiving.pause()
    (tmp_path / "erasure" / f"upload-{receiving.name}").unlink()
    with pytest.raises(UnknownUploadError):
        store.resume(receiving.name)


def test_an_upload_that_is_given_up_takes_its_key_with_it(store, tmp_path):
    with store.receive() as receiving:
        receiving.write(DATA)
    other = store.receive()
    other.write(b"part")
    other.pause()
    store.resume(other.name).abort()
    for folder in ("erasure", "incoming", "objects"):
        assert list((tmp_path / folder).iterdir()) == []
