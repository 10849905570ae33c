import pytest

from meyasubako.service.store.errors import DamagedStoreError
from meyasubako.service.store.port import SMALL_PAYLOAD
from tests.unit.service.store.made import append_some, event, new_stream, payload, sign, upload
from tests.unit.service.store.test_publication import tamper


@pytest.fixture
def filled(store):
    """A store with full and partial tiles, two checkpoints, and a payload of every place."""
    references = []
    for size in (5000, SMALL_PAYLOAD + 1, 6000):
        sealed, reference = payload(size)
        small = {reference[0]: sealed} if size <= SMALL_PAYLOAD else {}
        if not small:
            upload(store, sealed)
        store.append([event(new_stream(), 1, owns=[reference])], small, {})
        references.append(reference[0])
    append_some(store, 297)
    store.publish(290, sign)
    store.publish(300, sign)
    append_some(store, 5)
    store.forget_payload(references[2])
    return references


def test_a_whole_store_passes(store, filled):
    assert len(filled) == 3
    store.verify()


def test_an_empty_store_passes(store):
    store.verify()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stored_events SET state = x'00' WHERE leaf_index = 17",
        "UPDATE stored_events SET state = x'00' WHERE leaf_index = 304",
        "DELETE FROM stored_events WHERE leaf_index = 304",
        "UPDATE tiles SET hashes = zeroblob(8192) WHERE level = 0 AND n = 0",
        "UPDATE tiles SET hashes = zeroblob(32) WHERE level = 1",
        "INSERT INTO tiles VALUES (2, 0, zeroblob(32))",
        "UPDATE checkpoints SET root = zeroblob(32) WHERE size = 290",
        "UPDATE small_payloads SET sealed = x'00'",
        "DELETE FROM small_payloads",
        "UPDATE payloads SET place = 'object' WHERE place = 'table'",
        "INSERT INTO small_payloads SELECT id, x'00' FROM payloads WHERE place = 'gone'",
    ],
)
def test_whatever_is_changed_in_the_database_is_found(store, filled, tmp_path, statement):
    assert len(filled) == 3
    tamper(tmp_path, statement)
    with pytest.raises(DamagedStoreError):
        store.verify()


def test_an_object_that_was_changed_removed_or_came_back_is_found(store, filled, tmp_path):
    _, large, gone = filled
    path = tmp_path / "objects" / large
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DamagedStoreError, match="other bytes"):
        store.verify()
    path.unlink()
    with pytest.raises(DamagedStoreError, match="not in the vault"):
        store.verify()
    path.write_bytes(content)
    (tmp_path / "objects" / gone).write_bytes(b"back")
    with pytest.raises(DamagedStoreError, match="yet it is there"):
        store.verify()
