import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto.merkle import Frontier, leaf_hashes
from meyasubako.service.store import schema, tree


@pytest.fixture(scope="module")
def connection():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.create(connection, Frontier().encode())
        yield connection


def fill(connection, size):
    """Let the log have so many events; gives their leaf hashes."""
    have = connection.execute("SELECT coalesce(max(leaf_index) + 1, 0) FROM stored_events").fetchone()[0]
    rows = [(index, "stream", index + 1, "k", b"%d" % index) for index in range(have, size)]
    schema.insert_many(connection, "stored_events", 5, rows)
    return leaf_hashes(b"%d" % index for index in range(size))


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.integers(1, 700), min_size=1, max_size=5), full_only=st.booleans())
def test_the_edge_at_any_size_is_that_of_the_events_whatever_tiles_are_stored(steps, full_only):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.create(connection, Frontier().encode())
        size = 0
        for step in steps:
            leaves = fill(connection, size + step)
            tree.keep_tiles(connection, size, size + step, full_only=full_only)
            size += step
        for at in {0, 1, size // 2, max(0, size - 1), size}:
            assert tree.edge_at(connection, at) == Frontier().extend(leaves[:at])
            assert tree.reread(connection, tree.edge_at(connection, at), size) == Frontier().extend(leaves)


def test_a_tile_of_the_second_level_is_stored_when_65536_events_fill_it(connection):
    size = 65_536 + 300
    leaves = fill(connection, size)
    for start in range(0, size, 1000):
        tree.keep_tiles(connection, start, min(size, start + 1000), full_only=True)
    assert len(tree.stored_tile(connection, 1, 0)) == 8192
    assert tree.stored_tile(connection, 2, 0) == b""
    for at in (65_535, 65_536, 65_537, size):
        assert tree.edge_at(connection, at) == Frontier().extend(leaves[:at])
    assert tree.tile(connection, 2, 0, 1) == Frontier().extend(leaves[:65_536]).root()
