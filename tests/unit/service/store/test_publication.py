import sqlite3
from contextlib import closing

import pytest

from meyasubako.crypto.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from meyasubako.crypto.merkle import (
    consistency_path,
    inclusion_path,
    leaf_hash,
    leaf_hashes,
    root_of,
    split_hashes,
    verify_consistency,
    verify_inclusion,
)
from meyasubako.crypto.note import NoteSigner, NoteVerifier
from meyasubako.crypto.tiles import TileReader, decode_bundle, tiles_for
from meyasubako.service.store.errors import DamagedStoreError, RolledBackError
from meyasubako.service.store.sqlite import Store
from tests.unit.service.store.made import LOG_KEY, ORIGIN, append_some, event, new_stream, sign, together


def must_not_sign(_size, _root):
    raise AssertionError("nothing may be signed here")


def tamper(directory, statement, *values):
    """Change a database as somebody does who drops the triggers first."""
    with closing(sqlite3.connect(directory / "log.db")) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement, values)
        connection.commit()


def test_a_checkpoint_states_the_tree_and_is_kept_in_the_database_and_beside_it(store, tmp_path):
    assert store.published() is None
    entries = append_some(store, 5)
    note = store.publish(5, sign)
    opened = open_checkpoint(note, ORIGIN, [NoteVerifier(LOG_KEY.key)])
    root = root_of(leaf_hashes(entry.data for entry in entries))
    assert opened.checkpoint == Checkpoint(ORIGIN, 5, root)
    assert store.published() == (5, root, note)
    assert (tmp_path / "checkpoint").read_bytes() == note
    append_some(store, 3)
    second = store.publish(7, sign)
    assert [published.note for published in store.checkpoints()] == [note, second]
    assert (tmp_path / "checkpoint").read_bytes() == second


def test_publishing_a_size_again_gives_the_same_note_and_signs_nothing(store):
    append_some(store, 5)
    note = store.publish(5, sign)
    assert store.publish(5, must_not_sign) == note


def test_a_smaller_tree_than_the_published_one_is_not_signed(store):
    append_some(store, 5)
    store.publish(5, sign)
    with pytest.raises(RolledBackError):
        store.publish(4, must_not_sign)


@pytest.mark.parametrize("size", [0, -1, 6])
def test_a_tree_that_is_not_there_is_not_signed(store, size):
    append_some(store, 5)
    with pytest.raises(ValueError, match="has 5 leaves"):
        store.publish(size, must_not_sign)


def test_a_signer_that_states_another_tree_publishes_nothing(store, tmp_path):
    append_some(store, 5)
    with pytest.raises(ValueError, match="another tree"):
        store.publish(5, lambda size, root: sign(size - 1, root))
    assert store.published() is None
    assert not (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize("changed", [260, 20, 299])
def test_an_event_that_was_changed_after_it_was_hashed_is_found_before_signing(store, tmp_path, changed):
    append_some(store, 300)
    tamper(tmp_path, "UPDATE stored_events SET state = x'00' WHERE leaf_index = ?", changed)
    with pytest.raises(DamagedStoreError):
        store.publish(300, must_not_sign)


def test_an_event_that_is_missing_is_found_before_signing(store, tmp_path):
    append_some(store, 300)
    tamper(tmp_path, "DELETE FROM stored_events WHERE leaf_index = 270")
    with pytest.raises(DamagedStoreError, match="missing"):
        store.publish(300, must_not_sign)


def test_a_change_past_the_size_to_be_signed_is_found_as_well(store, tmp_path):
    append_some(store, 20)
    tamper(tmp_path, "UPDATE stored_events SET state = x'00' WHERE leaf_index = 15")
    with pytest.raises(DamagedStoreError):
        store.publish(10, must_not_sign)


@pytest.mark.parametrize(("level", "n"), [(0, 1), (1, 0)])
def test_an_edge_that_was_changed_since_it_was_published_is_found_before_signing(store, tmp_path, level, n):
    append_some(store, 300)
    store.publish(300, sign)
    append_some(store, 10)
    tamper(tmp_path, "UPDATE tiles SET hashes = zeroblob(length(hashes)) WHERE level = ? AND n = ?", level, n)
    with pytest.raises(RolledBackError, match="extend"):
        store.publish(310, must_not_sign)


def test_a_restored_older_database_does_not_open_beside_a_newer_checkpoint(store, tmp_path):
    append_some(store, 5)
    store.close()
    backup = (tmp_path / "log.db").read_bytes()
    with Store.open(tmp_path) as later:
        append_some(later, 5)
        later.publish(10, sign)
    (tmp_path / "log.db").write_bytes(backup)
    with pytest.raises(RolledBackError, match="smaller"):
        Store.open(tmp_path)
    with Store.open(tmp_path, read_only=True) as reading:
        assert reading.head().size == 5


def test_a_restored_database_that_grew_differently_does_not_open(store, tmp_path):
    append_some(store, 5)
    store.close()
    backup = (tmp_path / "log.db").read_bytes()
    with Store.open(tmp_path) as later:
        append_some(later, 5)
        later.publish(10, sign)
    checkpoint = (tmp_path / "checkpoint").read_bytes()
    (tmp_path / "log.db").write_bytes(backup)
    (tmp_path / "checkpoint").unlink()
    with Store.open(tmp_path) as forked:
        append_some(forked, 8)
    (tmp_path / "checkpoint").write_bytes(checkpoint)
    with pytest.raises(RolledBackError, match="extend"):
        Store.open(tmp_path)


def test_a_store_that_has_published_does_not_open_without_its_checkpoint(store, tmp_path):
    append_some(store, 5)
    store.publish(5, sign)
    store.close()
    (tmp_path / "checkpoint").unlink()
    with pytest.raises(RolledBackError, match="missing"):
        Store.open(tmp_path)
    (tmp_path / "checkpoint").write_bytes(b"not a note")
    with pytest.raises(RolledBackError, match="does not hold"):
        Store.open(tmp_path)


def test_a_checkpoint_that_a_crash_kept_from_the_database_is_adopted(store, tmp_path):
    append_some(store, 300)
    store.publish(270, sign)
    store.close()
    database = (tmp_path / "log.db").read_bytes()
    with Store.open(tmp_path) as later:
        note = later.publish(290, sign)
    (tmp_path / "log.db").write_bytes(database)
    with Store.open(tmp_path) as again:
        assert [published.size for published in again.checkpoints()] == [270, 290]
        assert again.publish(290, must_not_sign) == note
        assert len(again.tile(0, 1, 34)) == 34 * 32


def test_a_checkpoint_file_that_lags_behind_is_brought_up_to_date(store, tmp_path):
    append_some(store, 9)
    first = store.publish(5, sign)
    second = store.publish(9, sign)
    store.close()
    (tmp_path / "checkpoint").write_bytes(first)
    Store.open(tmp_path).close()
    assert (tmp_path / "checkpoint").read_bytes() == second


def test_tiles_and_bundles_are_those_of_every_published_tree_and_prove_it(store):
    sizes = (1, 5, 255, 256, 257, 700)
    entries = append_some(store, 710)
    leaves = leaf_hashes(entry.data for entry in entries)
    for size in sizes:
        store.publish(size, sign)
    for size in sizes:
        assert {
            (level, n, width) for level, n, width in tiles_for(0, size) if not store.tile(level, n, width)
        } == set()
        for level, n, width in tiles_for(0, size):
            if level == 0:
                assert split_hashes(store.tile(0, n, width)) == tuple(leaves[256 * n : 256 * n + width])
                bundle = decode_bundle(store.tile("entries", n, width))
                assert bundle == [entry.data for entry in entries[256 * n : 256 * n + width]]
    published = {each.size: each.root for each in store.checkpoints()}
    read = TileReader(700, store.tile)
    for index in (0, 255, 256, 699):
        path = inclusion_path(index, 700, read)
        verify_inclusion(index, 700, leaf_hash(entries[index].data), path, published[700])
    for size in sizes:
        path = consistency_path(size, 700, read)
        verify_consistency(size, 700, published[size], published[700], path)


def test_nothing_past_the_published_tree_is_shown(store):
    append_some(store, 600)
    for tile in ((0, 0, 1), (0, 0, 256), ("entries", 0, 1), (1, 0, 1)):
        assert store.tile(*tile) is None
    store.publish(300, sign)
    assert store.tile(0, 0, 256) is not None
    assert store.tile("entries", 1, 44) is not None
    assert store.tile(1, 0, 1) is not None
    for tile in (
        (0, 1, 45),
        (0, 1, 256),
        ("entries", 1, 45),
        (1, 0, 2),
        (0, 2, 1),
        (2, 0, 1),
        (0, -1, 1),
        (0, 0, 0),
    ):
        assert store.tile(*tile) is None


def test_full_tiles_are_stored_when_they_fill_and_partial_ones_when_they_are_published(store, tmp_path):
    append_some(store, 520)

    def stored():
        with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
            return connection.execute(
                "SELECT level, n, length(hashes) / 32 FROM tiles ORDER BY level, n"
            ).fetchall()

    assert stored() == [(0, 0, 256), (0, 1, 256)]
    store.publish(515, sign)
    assert stored() == [(0, 0, 256), (0, 1, 256), (0, 2, 3), (1, 0, 2)]
    append_some(store, 260)
    assert stored() == [(0, 0, 256), (0, 1, 256), (0, 2, 256), (1, 0, 2)]


def test_cosignatures_are_added_to_a_kept_checkpoint_and_nothing_else_is(store, tmp_path):
    append_some(store, 6)
    first, second = store.publish(5, sign), store.publish(6, sign)
    witness = NoteSigner("witness.example.net/w", bytes(32))
    published = store.published()

    def cosigned(size, root):
        return sign_checkpoint(Checkpoint(ORIGIN, size, root), [LOG_KEY, witness], 0)

    for size, note in ((6, cosigned(6, bytes(32))), (7, second), (6, first)):
        with pytest.raises(ValueError, match="does not add signatures"):
            store.keep_cosignatures(size, note)
    store.keep_cosignatures(6, cosigned(6, published.root))
    assert store.published().note == cosigned(6, published.root) == (tmp_path / "checkpoint").read_bytes()
    with pytest.raises(ValueError, match="does not add signatures"):
        store.keep_cosignatures(6, second)
    store.keep_cosignatures(5, cosigned(5, store.checkpoints()[0].root))
    assert (tmp_path / "checkpoint").read_bytes() == store.published().note


def test_publication_goes_on_while_others_append_and_takes_turns(store, tmp_path):
    append_some(store, 8)
    with Store.open(tmp_path) as other:

        def publish(publisher):
            for _ in range(6):
                try:
                    publisher.publish(publisher.head().size, sign)
                except RolledBackError:
                    continue  # the other one has published a larger tree meanwhile

        def append(appender):
            for _ in range(40):
                appender.append([event(new_stream(), 1)], {}, {})

        together(
            [lambda: publish(store), lambda: publish(other), lambda: append(store), lambda: append(other)]
        )
        sizes = [published.size for published in store.checkpoints()]
        assert sizes == sorted(set(sizes))
        leaves = leaf_hashes(row.data for row in store.rows())
        for size, root, _ in store.checkpoints():
            assert root == root_of(leaves[:size])
