import os
import shutil

import pytest

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.note import Note
from meyasubako.service.store.errors import DamagedStoreError, RolledBackError
from meyasubako.service.store.port import Entry
from meyasubako.service.store.sqlite import Store
from tests.unit.service.store.made import append_some, event, new_stream, payload, sign, upload


def published(store):
    found = store.published()
    assert found is not None
    return found


def entries_from(store, start, owns=None):
    return [
        Entry(row.stream, row.seq, row.kind, row.data, (owns or {}).get(row.index, ()))
        for row in store.rows(start)
    ]


@pytest.fixture
def backup(store, tmp_path):
    """A copy of a store of 300 events, 300 of which were published, that has gone on since."""
    append_some(store, 300)
    store.publish(300, sign)
    return shutil.copytree(
        tmp_path, tmp_path.with_name(f"{tmp_path.name}-backup"), ignore=shutil.ignore_patterns("*.lock")
    )


def test_a_backup_is_brought_forward_to_the_published_tree(store, backup):
    append_some(store, 500)
    store.publish(800, sign)
    lost = Store.bring_forward(backup, entries_from(store, 300), published(store), ())
    assert lost == []
    with Store.open(backup) as restored:
        assert restored.head() == store.head()
        assert restored.published() == published(store)
        assert [each.size for each in restored.checkpoints()] == [300, 800]
        restored.verify()
        append_some(restored, 1)
    with Store.open(backup, read_only=True) as restored:
        assert restored.tile(0, 2, 256) == store.tile(0, 2, 256)


def test_what_the_new_entries_own_is_lost_gone_or_still_there(store, backup, tmp_path):
    sealed, small = payload()
    destroyed, forgotten = payload()
    large = upload(store, os.urandom(200_000))
    added = event(new_stream(), 1, owns=[small, forgotten, large])
    store.append([added], {small[0]: sealed, forgotten[0]: destroyed}, {})
    store.publish(301, sign)
    shutil.copy(tmp_path / "objects" / large[0], backup / "objects")
    shutil.copy(tmp_path / "erasure" / f"object-{large[0]}", backup / "erasure")
    owned = {300: (small, forgotten, large)}
    lost = Store.bring_forward(
        backup, entries_from(store, 300, owned), published(store), frozenset({forgotten[0]})
    )
    assert [(each.digest, each.leaf_index) for each in lost] == [(small[0], 300)]
    with Store.open(backup) as restored:
        places = {each.digest: each.place for each in restored.all_payloads()}
        assert places == {small[0]: "lost", forgotten[0]: "gone", large[0]: "object"}
        assert [restored.has_payload(each) for each in places] == [
            place == "object" for place in places.values()
        ]
        restored.verify()


def test_entries_that_do_not_give_the_tree_leave_nothing_behind(store, backup):
    append_some(store, 20)
    store.publish(320, sign)
    whole = entries_from(store, 300)
    for wrong in (whole[:-1], [*whole[:-2], whole[-1]], []):
        with pytest.raises(DamagedStoreError):
            Store.bring_forward(backup, wrong, published(store), ())
        with Store.open(backup) as untouched:
            assert untouched.head().size == 300
            assert published(untouched).size == 300


def test_a_tree_that_does_not_extend_the_kept_checkpoint_is_not_taken_over(store, backup, tmp_path):
    append_some(store, 20)
    store.publish(320, sign)
    other = Checkpoint("log.example.org", 310, bytes(32))
    note = Note.parse(published(store).note)
    (backup / "checkpoint").write_bytes(Note(other.text, note.signatures).encode())
    with pytest.raises(RolledBackError, match="does not extend"):
        Store.bring_forward(backup, entries_from(store, 300), published(store), ())


def test_a_kept_checkpoint_that_the_backup_lost_is_written_again(store, backup):
    (backup / "checkpoint").unlink()
    Store.bring_forward(backup, [], published(store), ())
    with Store.open(backup) as restored:
        assert restored.published() == published(store)
