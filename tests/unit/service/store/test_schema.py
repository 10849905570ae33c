import sqlite3
from contextlib import closing

import pytest

from meyasubako.service.store.errors import (
    NewerVersionError,
    NotAStoreError,
    OlderVersionError,
    StoreExistsError,
)
from meyasubako.service.store.sqlite import Store
from tests.unit.service.store.made import append_some, event, new_stream, payload, sign

REPLACED = "originator_id, originator_version, topic, x'00' FROM stored_events WHERE leaf_index = 3"


@pytest.fixture
def database(store, tmp_path):
    """A plain connection, as somebody with a shell has it, to a store with one event of everything."""
    sealed, reference = payload()
    store.append([event(new_stream(), 1, owns=[reference])], {reference[0]: sealed}, {})
    append_some(store, 299)
    store.publish(300, sign)
    store.erase("erased")
    with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stored_events SET state = x'00' WHERE leaf_index = 3",
        "UPDATE stored_events SET topic = 'other'",
        "DELETE FROM stored_events WHERE leaf_index = 299",
        "DELETE FROM stored_events",
        f"INSERT OR REPLACE INTO stored_events SELECT leaf_index, {REPLACED}",
        f"INSERT OR REPLACE INTO stored_events SELECT 300, {REPLACED}",
        "INSERT OR IGNORE INTO stored_events VALUES (301, 'gap', 1, 'k', x'00')",
        "INSERT INTO stored_events VALUES (300, 'gap', 2, 'k', x'00')",
        "INSERT INTO stored_events VALUES (300, 'empty', 1, 'k', x'')",
        "UPDATE tiles SET hashes = zeroblob(8192) WHERE level = 0 AND n = 0",
        "DELETE FROM tiles",
        "UPDATE checkpoints SET root = zeroblob(32)",
        "UPDATE checkpoints SET size = 299",
        "DELETE FROM checkpoints",
        "INSERT OR REPLACE INTO checkpoints SELECT size, root, x'00' FROM checkpoints",
        "INSERT INTO checkpoints VALUES (299, zeroblob(32), x'00')",
        "DELETE FROM payloads",
        "UPDATE payloads SET size = 1",
        "UPDATE payloads SET place = 'object'",
        "UPDATE payloads SET scope = 'other'",
        "UPDATE erased_scopes SET scope = 'other'",
        "DELETE FROM erased_scopes",
        "INSERT INTO payloads VALUES (900, zeroblob(32), 5, 1, 'table', 'erased')",
        "INSERT OR REPLACE INTO payloads SELECT id, digest, size, 5, place, scope FROM payloads",
        "INSERT OR REPLACE INTO payloads SELECT id + 1, digest, size, 5, place, scope FROM payloads",
    ],
)
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_the_database_itself_refuses_to_change_what_was_stored(database, statement, recursive):
    database.execute(f"PRAGMA recursive_triggers={recursive}")
    before = list(database.iterdump())
    with pytest.raises(sqlite3.IntegrityError):
        database.execute(statement)
    assert list(database.iterdump()) == before


def test_every_connection_is_durable_overwrites_and_trusts_no_schema(store):
    with store._recorder.reading() as connection:
        found = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in (
                "journal_mode",
                "synchronous",
                "foreign_keys",
                "trusted_schema",
                "recursive_triggers",
                "secure_delete",
            )
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "recursive_triggers": 1,
        "secure_delete": 1,
    }


def test_a_newer_stores_version_is_refused_with_a_sentence(store, tmp_path):
    store.close()
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute("PRAGMA user_version=3")
    for read_only in (False, True):
        with pytest.raises(NewerVersionError, match=r"version 3, and this release reads version 2"):
            Store.open(tmp_path, read_only=read_only)


def test_a_store_from_before_the_layer_is_refused_with_a_sentence(store, tmp_path):
    store.close()
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute("PRAGMA user_version=1")
    with pytest.raises(OlderVersionError, match="found the mechanism anew"):
        Store.open(tmp_path)


def test_a_directory_without_a_store_is_refused(tmp_path):
    with pytest.raises(NotAStoreError):
        Store.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"this is no database at all" * 100])
def test_a_file_that_is_no_store_is_refused(tmp_path, content):
    (tmp_path / "log.db").write_bytes(content)
    with pytest.raises(NotAStoreError):
        Store.open(tmp_path)


def test_another_programs_database_is_refused(tmp_path):
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute("CREATE TABLE other (a)")
        connection.execute("PRAGMA user_version=1")
    with pytest.raises(NotAStoreError):
        Store.open(tmp_path)


def test_a_store_is_not_made_over_another(store, tmp_path):
    with pytest.raises(StoreExistsError):
        Store.create(tmp_path)


def test_what_is_made_is_for_this_account_only(store, tmp_path):
    append_some(store, 1)
    for name in ("log.db", "log.lock", "objects", "incoming", "erasure"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0, name
