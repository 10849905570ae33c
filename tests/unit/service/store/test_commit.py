import errno
import sqlite3

import pytest

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.merkle import leaf_hashes, root_of
from meyasubako.crypto.note import NoteSigner
from meyasubako.service.store.errors import StorageError, StoreFullError, translated
from meyasubako.service.store.port import SMALL_PAYLOAD
from tests.unit.service.store.made import (
    LOG_KEY,
    ORIGIN,
    append_some,
    event,
    new_stream,
    payload,
    sign,
    together,
)


def limit_pages(store, more):
    """Let the database grow by so many pages only, as long as this writing connection lives."""
    append_some(store, 1)
    writing = store._leader._connection
    pages = writing.execute("PRAGMA page_count").fetchone()[0] + more
    writing.execute(f"PRAGMA max_page_count={pages}")
    return pages


def whole(store):
    rows, head = list(store.rows()), store.head()
    return head.size == len(rows) and head.root == root_of(leaf_hashes(row.data for row in rows))


def test_a_full_disk_is_told_and_leaves_nothing_behind(store):
    limit_pages(store, 8)
    sealed, reference = payload(SMALL_PAYLOAD)
    stream = new_stream()
    entries = [event(stream, 1), event(stream, 2, owns=[reference])]
    with pytest.raises(StoreFullError, match="disk is full"):
        store.append(entries, {reference[0]: sealed}, {})
    assert store.head().size == 1
    assert store.stream(stream) == []
    assert not store.has_payload(reference[0])
    assert list(store.all_payloads()) == []
    assert whole(store)


def test_what_still_fits_is_stored_beside_what_does_not(store, monkeypatch):
    pages = limit_pages(store, 24)
    connect = store._leader._connect

    def limited():
        connection = connect()
        connection.execute(f"PRAGMA max_page_count={pages}")
        return connection

    monkeypatch.setattr(store._leader, "_connect", limited)

    def too_much():
        sealed, reference = payload(SMALL_PAYLOAD)
        with pytest.raises(StoreFullError):
            store.append([event(new_stream(), 1, owns=[reference])], {reference[0]: sealed}, {})

    together([too_much, lambda: append_some(store, 8)] * 6)
    assert store.head().size == 1 + 6 * 8
    assert list(store.all_payloads()) == []
    assert whole(store)


def test_a_publication_that_found_no_room_is_made_good_later(store):
    cosigners = [NoteSigner(f"witness.example.net/{number}", bytes(32)) for number in range(90)]
    append_some(store, 599)
    limit_pages(store, 0)
    with pytest.raises(StoreFullError):
        store.publish(
            600, lambda size, root: sign_checkpoint(Checkpoint(ORIGIN, size, root), [LOG_KEY, *cosigners], 0)
        )
    assert store.published() is None
    store._leader._connection.execute("PRAGMA max_page_count=100000")
    append_some(store, 1)
    store.publish(601, sign)
    assert [published.size for published in store.checkpoints()] == [600, 601]


def test_a_commit_that_fails_answers_everybody_in_it_and_the_next_one_works(store, monkeypatch):
    append_some(store, 1)
    answers = []

    def fail(_transaction):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("meyasubako.service.store.transaction.Transaction.finish", fail)

    def write():
        with pytest.raises(StorageError, match="disk I/O error"):
            store.append([event(new_stream(), 1)], {}, {})
        answers.append(1)

    together([write] * 8)
    monkeypatch.undo()
    assert len(answers) == 8
    assert store.head().size == 1
    append_some(store, 1)
    assert whole(store)


def test_a_work_that_fails_is_taken_back_and_told_its_own_error(store):
    append_some(store, 1)

    def work(transaction):
        transaction.connection.execute("UPDATE head SET frontier = x'00'")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        store._leader.run(work)
    assert whole(store)


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), StoreFullError),
        (OSError(errno.EDQUOT, "Quota exceeded"), StoreFullError),
        (OSError(errno.EIO, "Input/output error"), StorageError),
        (sqlite3.OperationalError("database is locked"), StorageError),
        (ValueError("not ours"), ValueError),
    ],
)
def test_what_the_system_says_gets_the_stores_own_name(error, named):
    assert type(translated(error)) is named


def test_an_interrupted_writer_still_wakes_the_next(store):
    from meyasubako.service.store.commit import _Waiting

    interrupted, following = _Waiting(lambda _: None), _Waiting(lambda _: None)
    interrupted.following = following

    class InterruptedLock:
        calls = 0

        def acquire(self):
            self.calls += 1
            if self.calls == 1:
                raise KeyboardInterrupt

    interrupted.done = InterruptedLock()
    with pytest.raises(KeyboardInterrupt):
        interrupted.outcome()
    following.outcome()
