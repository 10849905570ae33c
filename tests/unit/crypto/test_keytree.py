import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto.errors import BadKeyError, DestroyedKeyError
from meyasubako.crypto.keytree import KeyTree

NAMES = st.binary(min_size=1, max_size=4)
TREE = KeyTree(bytes(range(32)), {(0, 0): bytes(range(32, 64))})


def test_a_key_is_the_one_that_the_construction_gives():
    """Computed here anew, so that a change of the construction is a change of this test."""
    leaf = hashlib.blake2b(b"name", key=bytes(range(32)), digest_size=8).digest()
    seed = bytes(range(32, 64))
    for bit in f"{int.from_bytes(leaf):064b}":
        seed = hashlib.blake2b(bytes([int(bit)]), key=seed, digest_size=32, person=b"meya-ek1").digest()
    assert TREE.key(b"name") == seed


@given(gone=st.lists(NAMES, max_size=5), kept=st.lists(NAMES, max_size=5))
@settings(max_examples=60, deadline=None)
def test_destroying_keys_leaves_every_other_key_as_it_was(gone, kept):
    left = KeyTree.decode(TREE.without(*gone).encode())
    for name in gone:
        assert not left.holds(name)
        with pytest.raises(DestroyedKeyError):
            left.key(name)
    for name in set(kept) - set(gone):
        assert left.holds(name)
        assert left.key(name) == TREE.key(name)


@given(gone=st.lists(NAMES, min_size=1, max_size=4, unique=True))
@settings(max_examples=30, deadline=None)
def test_nothing_that_is_left_is_on_the_way_to_a_destroyed_key(gone):
    left = TREE.without(*gone)
    for name in gone:
        leaf = int.from_bytes(hashlib.blake2b(name, key=TREE.placing, digest_size=8).digest())
        assert not any((depth, leaf >> (64 - depth)) in left.nodes for depth in range(65))
    assert left == TREE.without(*reversed(gone))
    assert left.without(*gone) == left


def test_two_trees_have_different_keys():
    assert KeyTree.generate().key(b"name") != KeyTree.generate().key(b"name")


@given(place=st.integers(0, 112), bit=st.integers(0, 7))
@settings(max_examples=60)
def test_any_damage_to_the_bytes_shows(place, bit):
    data = bytearray(TREE.encode())
    data[place] ^= 1 << bit
    with pytest.raises(BadKeyError):
        KeyTree.decode(bytes(data))


@given(data=st.binary(max_size=300))
@settings(max_examples=60)
def test_whatever_is_no_tree_is_refused(data):
    for wrong in (data, TREE.encode() + data[:1], TREE.encode()[: len(data) % 113]):
        if wrong != TREE.encode():
            with pytest.raises(BadKeyError):
                KeyTree.decode(wrong)


@pytest.mark.parametrize(
    "nodes",
    [
        {(0, 0): bytes(32), (1, 1): bytes(32)},
        {(65, 0): bytes(32)},
        {(1, 2): bytes(32)},
    ],
    ids=["one above another", "below the leaves", "nowhere"],
)
def test_nodes_that_cannot_be_are_refused(nodes):
    with pytest.raises(BadKeyError):
        KeyTree.decode(KeyTree(bytes(32), nodes).encode())


def test_neither_secret_is_shown():
    assert repr(TREE) == "KeyTree()"
