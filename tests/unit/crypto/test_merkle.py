import hashlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto.errors import BadProofError, BadTileError
from meyasubako.crypto.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    Frontier,
    consistency_path,
    inclusion_path,
    leaf_hash,
    leaf_hashes,
    node_hash,
    perfect_root,
    root_of,
    split_hashes,
    verify_consistency,
    verify_inclusion,
)

# The entries and roots that certificate transparency's own tests use, for 1 to 8 leaves.
REFERENCE_ENTRIES = [
    bytes.fromhex(each)
    for each in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
REFERENCE_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(number.to_bytes(2, "big")) for number in range(70)]


def plain_root(leaves):
    """RFC 6962 section 2.1 to the letter."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + plain_root(leaves[:half]) + plain_root(leaves[half:])).digest()


def plain_path(index, leaves):
    """RFC 6962 section 2.1.1 to the letter."""
    if len(leaves) == 1:
        return []
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    if index < half:
        return [*plain_path(index, leaves[:half]), plain_root(leaves[half:])]
    return [*plain_path(index - half, leaves[half:]), plain_root(leaves[:half])]


def plain_subproof(old, leaves, whole):
    """RFC 6962 section 2.1.2 to the letter."""
    if old == len(leaves):
        return [] if whole else [plain_root(leaves)]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    if old <= half:
        return [*plain_subproof(old, leaves[:half], whole), plain_root(leaves[half:])]
    return [*plain_subproof(old - half, leaves[half:], False), plain_root(leaves[:half])]


def read(level, index):
    assert (index + 1) << level <= len(LEAVES)
    return plain_root(LEAVES[index << level : (index + 1) << level])


def test_the_roots_are_those_of_certificate_transparency():
    for size, root in enumerate(REFERENCE_ROOTS, 1):
        assert root_of(leaf_hashes(REFERENCE_ENTRIES[:size])).hex() == root


def test_the_empty_tree_has_the_digest_of_nothing():
    assert root_of([]) == Frontier().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 255, 256, 257, 511, 512, 513, 1000])
def test_tilewise_hashing_gives_the_root_of_the_definition(size):
    leaves = [leaf_hash(number.to_bytes(2, "big")) for number in range(size)]
    assert root_of(leaves) == plain_root(leaves)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 600), max_size=4))
def test_an_edge_extended_in_pieces_equals_one_that_was_appended_to(pieces):
    edge = single = Frontier()
    number = 0
    for piece in pieces:
        leaves = [leaf_hash((number + each).to_bytes(4, "big")) for each in range(piece)]
        edge, number = edge.extend(leaves), number + piece
        for leaf in leaves:
            single = single.append(leaf)
    assert edge == single
    assert edge.size == number


def test_a_perfect_tree_needs_a_power_of_two():
    assert perfect_root(LEAVES[:8]) == plain_root(LEAVES[:8])
    for count in (0, 3, 6):
        with pytest.raises(ValueError, match="power of two"):
            perfect_root(LEAVES[:count])


def test_a_node_hash_is_prefixed_with_one():
    assert node_hash(LEAVES[0], LEAVES[1]) == hashlib.sha256(b"\x01" + LEAVES[0] + LEAVES[1]).digest()


def test_an_edge_reads_back_from_its_bytes():
    for size in range(len(LEAVES)):
        edge = Frontier().extend(LEAVES[:size])
        assert Frontier.decode(edge.encode()) == edge


@given(st.binary(max_size=80))
def test_whatever_edge_is_read_would_be_written_as_the_same_bytes(data):
    try:
        edge = Frontier.decode(data)
    except BadTileError:
        return
    assert edge.encode() == data


@pytest.mark.parametrize(
    ("size", "hashes"),
    [
        (0, (bytes(32),)),
        (1, ()),
        (3, (bytes(32),)),
        (1, (bytes(31),)),
        (-1, ()),
        (MAX_SIZE + 1, (bytes(32),)),
    ],
)
def test_an_edge_that_does_not_fit_its_size_is_refused(size, hashes):
    with pytest.raises(BadTileError):
        Frontier(size, tuple(hashes))


def test_a_row_of_hashes_has_no_bytes_left_over():
    assert split_hashes(bytes(64)) == (bytes(32), bytes(32))
    with pytest.raises(BadTileError):
        split_hashes(bytes(65))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 70])
def test_every_leaf_has_the_inclusion_path_of_the_definition_and_it_verifies(size):
    root = plain_root(LEAVES[:size])
    for index in range(size):
        path = inclusion_path(index, size, read)
        assert path == plain_path(index, LEAVES[:size])
        verify_inclusion(index, size, LEAVES[index], path, root)


def test_every_pair_of_sizes_has_the_consistency_path_of_the_definition_and_it_verifies():
    roots = [plain_root(LEAVES[:size]) for size in range(41)]
    for new in range(41):
        for old in range(new + 1):
            path = consistency_path(old, new, read)
            assert path == (plain_subproof(old, LEAVES[:new], True) if old else [])
            verify_consistency(old, new, roots[old], roots[new], path)


SIZES = st.integers(1, len(LEAVES)).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size)))
TAMPERINGS = st.sampled_from(["flip", "drop", "add", "swap", "shorten"])


def tampered(path, how, place):
    path = list(path)
    place = place % len(path) if path else 0
    if how == "add" or not path:
        path.insert(place, bytes(32))
    elif how == "flip":
        path[place] = bytes([path[place][0] ^ 1]) + path[place][1:]
    elif how == "drop":
        del path[place]
    elif how == "shorten":
        path[place] = path[place][1:]
    elif len(path) > 1:
        path[place - 1], path[place] = path[place], path[place - 1]
    else:
        path *= 2
    return path


@given(SIZES, TAMPERINGS, st.integers(0, 7))
def test_a_tampered_inclusion_proof_is_refused(place, how, at):
    index, size = place
    path, root = inclusion_path(index, size, read), plain_root(LEAVES[:size])
    with pytest.raises(BadProofError):
        verify_inclusion(index, size, LEAVES[index], tampered(path, how, at), root)
    with pytest.raises(BadProofError):
        verify_inclusion(index, size, LEAVES[index - 1 if index else 69], path, root)
    with pytest.raises(BadProofError):
        verify_inclusion(index, size, LEAVES[index], path, bytes(32))


@given(SIZES, TAMPERINGS, st.integers(0, 7))
def test_a_tampered_consistency_proof_is_refused(sizes, how, at):
    old, new = sizes
    path = consistency_path(old, new, read)
    roots = plain_root(LEAVES[:old]), plain_root(LEAVES[:new])
    with pytest.raises(BadProofError):
        verify_consistency(old, new, *roots, tampered(path, how, at))
    # From the empty tree on, nothing is proved about the newer root.
    for wrong in ((bytes(32), roots[1]), (roots[0], bytes(32)))[: 2 if old else 1]:
        with pytest.raises(BadProofError):
            verify_consistency(old, new, *wrong, path)


@given(SIZES, st.integers(0, 80))
def test_an_inclusion_proof_fits_no_other_place(place, other):
    index, size = place
    if other != index:
        path = inclusion_path(index, size, read)
        with pytest.raises(BadProofError):
            verify_inclusion(other, size, LEAVES[index], path, plain_root(LEAVES[:size]))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (5, 2), (0, MAX_SIZE + 1)])
def test_a_leaf_outside_of_the_tree_has_no_proof(index, size):
    with pytest.raises(BadProofError):
        verify_inclusion(index, size, LEAVES[0], [], LEAVES[0])
    if size <= MAX_SIZE:
        with pytest.raises(BadProofError):
            inclusion_path(index, size, read)


def test_a_tree_is_never_consistent_with_a_smaller_one():
    for old, new in ((2, 1), (-1, 1)):
        with pytest.raises(BadProofError):
            consistency_path(old, new, read)
        with pytest.raises(BadProofError):
            verify_consistency(old, new, LEAVES[0], LEAVES[0], [])


def test_every_tree_extends_the_empty_one_with_an_empty_proof_only():
    verify_consistency(0, 3, EMPTY_ROOT, plain_root(LEAVES[:3]), [])
    with pytest.raises(BadProofError):
        verify_consistency(0, 3, LEAVES[0], plain_root(LEAVES[:3]), [])
    with pytest.raises(BadProofError):
        verify_consistency(0, 3, EMPTY_ROOT, plain_root(LEAVES[:3]), [LEAVES[0]])


def test_growing_one_leaf_at_a_time_keeps_every_earlier_tree_a_prefix():
    edges = [Frontier()]
    for leaf in LEAVES[:20]:
        edges.append(edges[-1].append(leaf))
    for older, newer in pairwise(edges):
        path = consistency_path(older.size, newer.size, read)
        verify_consistency(older.size, newer.size, older.root(), newer.root(), path)
