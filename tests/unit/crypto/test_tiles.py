import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.crypto.errors import BadTileError
from meyasubako.crypto.merkle import (
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from meyasubako.crypto.tiles import (
    MAX_ENTRY,
    TILE,
    TileReader,
    decode_bundle,
    encode_bundle,
    parse_tile_path,
    tile_path,
    tile_root,
    tile_width,
    tiles_for,
)

LEAVES = [leaf_hash(number.to_bytes(4, "big")) for number in range(66_000)]


def build(sizes):
    """Every tile that checkpoints at these sizes need, each level from the full tiles below."""
    tiles, old = {}, 0
    for size in sizes:
        for level, n, width in tiles_for(old, size):
            if level == 0:
                row = LEAVES[n * TILE : n * TILE + width]
            else:
                below = range(n * TILE, n * TILE + width)
                row = [tile_root(tiles[level - 1, each, TILE]) for each in below]
            tiles[level, n, width] = b"".join(row)
        old = size
    return tiles


TILES = build([1, 255, 256, 257, 700, 65_536, 66_000])


def fetch(level, n, width):
    return TILES[level, n, width]


@pytest.mark.parametrize(
    ("level", "n", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 0, 3, "tile/0/000.p/3"),
        (1, 999, 256, "tile/1/999"),
        (1, 1000, 255, "tile/1/x001/000.p/255"),
        (63, 1234067, 256, "tile/63/x001/x234/067"),
        ("entries", 5, 256, "tile/entries/005"),
        ("entries", 1234067, 1, "tile/entries/x001/x234/067.p/1"),
    ],
)
def test_a_tile_has_the_path_of_the_standard(level, n, width, path):
    assert tile_path(level, n, width) == path
    assert parse_tile_path(path) == (level, n, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/x000/x000/001",
        "tile/0/001/002",
        "tile/0/x01/002",
        "tile/0/x001",
        "tile/00/001",
        "tile/-1/001",
        "tile/64/001",
        "tile/100/001",
        "tile/a/001",
        "tile/data/001",
        "tile/0/001.p/0",
        "tile/0/001.p/00",
        "tile/0/001.p/01",
        "tile/0/001.p/256",
        "tile/0/001.p/999",
        "tile/0/001.p/",
        "tile/0/001.p/3/",
        "tile/0/001/",
        "tile/0/001\n",
        "/tile/0/001",
        "tile/0/x\u0660\u0660\u0661/002",
        "tile/0/../001",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
    ],
)
def test_other_spellings_of_a_path_are_refused(path):
    with pytest.raises(BadTileError):
        parse_tile_path(path)


@given(st.integers(0, 63) | st.just("entries"), st.integers(0, 2**55 - 1), st.integers(1, 256))
def test_a_tile_path_reads_back(level, n, width):
    assert parse_tile_path(tile_path(level, n, width)) == (level, n, width)


PARTS = st.sampled_from(["tile", "entries", "0", "63", "x001", "x000", "002.p", "3", "010"])


@given(st.lists(PARTS).map("/".join))
def test_whatever_path_is_read_would_be_written_the_same(path):
    try:
        parsed = parse_tile_path(path)
    except BadTileError:
        return
    assert tile_path(*parsed) == path


@pytest.mark.parametrize(
    ("level", "n", "width"), [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257), (0, 2**55, 1)]
)
def test_there_is_no_path_for_a_tile_that_cannot_be(level, n, width):
    with pytest.raises(BadTileError):
        tile_path(level, n, width)


def test_a_bundle_is_length_prefixed():
    assert encode_bundle([b"alpha", b"", b"gamma"]).hex() == "0005616c7068610000000567616d6d61"


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=256))
def test_a_bundle_reads_back(entries):
    assert decode_bundle(encode_bundle(entries), len(entries)) == entries


@given(st.binary(max_size=60) | st.lists(st.sampled_from([b"\x00", b"\x01", b"\x02"])).map(b"".join))
def test_whatever_bundle_is_read_would_be_written_as_the_same_bytes(data):
    try:
        entries = decode_bundle(data)
    except BadTileError:
        return
    assert encode_bundle(entries) == data


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x01", b"\x00\x02a", b"\x00\x00\x00", bytes(2 * 257)])
def test_a_damaged_bundle_is_refused(data):
    with pytest.raises(BadTileError):
        decode_bundle(data)


def test_a_bundle_of_another_width_is_refused():
    with pytest.raises(BadTileError):
        decode_bundle(b"\x00\x00\x00\x00", 1)


def test_entries_are_limited_in_number_and_length():
    assert len(encode_bundle([bytes(MAX_ENTRY)])) == MAX_ENTRY + 2
    for entries in ([], [b""] * 257, [bytes(MAX_ENTRY + 1)]):
        with pytest.raises(BadTileError):
            encode_bundle(entries)


def test_a_tree_of_seventy_thousand_leaves_has_the_tiles_of_the_standard():
    tiles = list(tiles_for(0, 70_000))
    assert len([each for each in tiles if each[0] == 0]) == 274
    assert (0, 273, 112) in tiles
    assert [each for each in tiles if each[0]] == [(1, 0, 256), (1, 1, 17), (2, 0, 1)]


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_tiles_for_a_checkpoint_are_those_whose_width_the_older_tree_did_not_have(old, new):
    old, new = sorted((old, new))
    expected = [
        (level, n, tile_width(level, n, new))
        for level in range(3)
        for n in range(13)
        if tile_width(level, n, new) and tile_width(level, n, new) != tile_width(level, n, old)
    ]
    assert list(tiles_for(old, new)) == expected


def test_tiles_for_a_shrinking_tree_are_refused():
    with pytest.raises(BadTileError):
        list(tiles_for(2, 1))


def test_only_a_full_tile_is_hashed_upward():
    with pytest.raises(BadTileError):
        tile_root(bytes(32 * 255))


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700, 65_536, 66_000])
def test_proofs_out_of_tiles_verify(size):
    read, root = TileReader(size, fetch), root_of(LEAVES[:size])
    for index in {0, 1, 254, 255, 256, 511, size // 2, size - 1} & set(range(size)):
        verify_inclusion(index, size, LEAVES[index], inclusion_path(index, size, read), root)
    for old in {1, 2, 255, 256, 257, 700, 65_536, size - 1, size} & set(range(1, size + 1)):
        verify_consistency(old, size, root_of(LEAVES[:old]), root, consistency_path(old, size, read))


def test_a_path_fetches_each_tile_once():
    fetched = []

    def count(level, n, width):
        fetched.append((level, n, width))
        return fetch(level, n, width)

    inclusion_path(300, 66_000, TileReader(66_000, count))
    assert len(fetched) == len(set(fetched)) <= 6


@pytest.mark.parametrize(("level", "index"), [(0, 700), (1, 350), (8, 2), (16, 0), (-1, 0), (0, -1)])
def test_a_node_outside_of_the_tree_is_not_read(level, index):
    with pytest.raises(BadTileError):
        TileReader(700, fetch)(level, index)


@pytest.mark.parametrize("tile", [b"", bytes(31), bytes(32), bytes(32 * 257)])
def test_a_tile_of_another_length_is_refused(tile):
    with pytest.raises(BadTileError):
        TileReader(700, lambda *_: tile)(0, 0)
