import os
import uuid

import pytest
from eventsourcing.persistence import StoredEvent

from meyasubako.service.store.errors import ReadOnlyStoreError, StoreClosedError, UnknownRowError
from meyasubako.service.store.port import Row
from meyasubako.service.store.sqlite import Store
from tests.unit.service.store.made import append_some, event, new_stream, together


def test_rows_are_read_by_range_and_without_some_kinds(store):
    stream = new_stream()
    for seq in range(1, 1201):
        kind = "cover.written" if seq % 3 else "room.opened"
        if seq % 8 == 1:
            pending = []
        pending.append(event(stream, seq, b"%d" % seq, kind=kind))
        if seq % 8 == 0:
            store.append(pending, {}, {})
    assert [row.index for row in store.rows(5, 1100)] == list(range(5, 1100))
    assert [row.index for row in store.rows(1190)] == list(range(1190, 1200))
    kept = list(store.rows(without_kinds=["cover.written", "other"]))
    assert [row.seq for row in kept] == list(range(3, 1201, 3))
    assert list(store.rows(9, 9)) == []


def test_a_row_is_read_by_its_index_and_an_unknown_one_is_refused(store):
    [entry] = append_some(store, 1)
    assert store.row(0) == Row(0, entry.stream, 1, entry.kind, entry.data)
    for index in (1, -1):
        with pytest.raises(UnknownRowError):
            store.row(index)


def test_a_stream_is_read_from_a_seq_on_and_an_unknown_one_is_empty(store):
    stream = new_stream()
    store.append([event(stream, seq) for seq in (1, 2, 3)], {}, {})
    assert [row.seq for row in store.stream(stream, 2)] == [2, 3]
    assert store.stream(new_stream()) == []
    assert store.stream_head(new_stream()) is None


def test_the_librarys_reading_side_works_on_our_table(store):
    recorder = store._recorder
    assert recorder.max_notification_id() is None
    entries = append_some(store, 10)
    selected = recorder.select_events(entries[4].stream)
    assert selected == [StoredEvent(entries[4].stream, 1, entries[4].kind, entries[4].data)]
    notifications = recorder.select_notifications(3, 4)
    assert [each.id for each in notifications] == [3, 4, 5, 6]
    assert notifications[0].state == entries[3].data
    assert [each.id for each in recorder.select_notifications(3, 9, 5, inclusive_of_start=False)] == [4, 5]
    assert [each.id for each in recorder.select_notifications(None, 2, topics=["room.opened"])] == [0, 1]
    assert recorder.select_notifications(None, 2, topics=["other"]) == []
    assert recorder.max_notification_id() == 9


def test_the_librarys_insert_goes_through_the_same_commit_and_never_creates_tables(store):
    recorder = store._recorder
    recorder.create_table()
    stream = uuid.uuid4()
    assert recorder.insert_events([StoredEvent(stream, 1, "k", b"data")]) == [0]
    assert store.stream(str(stream)) == [Row(0, str(stream), 1, "k", b"data")]
    assert store.head().size == 1


def test_a_reader_sees_only_whole_appends_while_others_write(store):
    done = []

    def write():
        for _ in range(30):
            store.append([event(new_stream(), 1) for _ in range(8)], {}, {})
        done.append(1)

    def read():
        while len(done) < 2:
            assert store.head().size % 8 == 0
            assert len(list(store.rows())) % 8 == 0

    together([write, write, read, read])
    assert store.head().size == 480


def test_a_store_is_opened_while_others_write_to_it(store, tmp_path):
    done = []

    def write():
        for _ in range(60):
            store.append([event(new_stream(), 1)], {}, {})
        done.append(1)

    def reopen():
        while not done:
            with Store.open(tmp_path) as other:
                other.head()

    together([write, reopen, reopen])


def test_a_closed_store_refuses_everything(store):
    append_some(store, 1)
    store.close()
    store.close()
    for use in (store.head, lambda: append_some(store, 1), lambda: list(store.rows()), store.published):
        with pytest.raises(StoreClosedError):
            use()


def test_closing_answers_everybody_who_waits(tmp_path):
    store = Store.create(tmp_path)
    stored = []

    def write():
        try:
            while True:
                stored.extend(store.append([event(new_stream(), 1)], {}, {}))
                if len(stored) > 40:
                    store.close()
        except StoreClosedError:
            pass

    together([write] * 8)
    with Store.open(tmp_path) as again:
        assert again.head().size == len(stored)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_store_opened_before_a_fork_is_refused_in_the_child(store):
    append_some(store, 3)
    child = os.fork()
    if child == 0:
        try:
            store.head()
        except StoreClosedError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.head().size == 3


def test_a_store_that_is_only_to_be_read_starts_no_thread_and_refuses_to_write(store, tmp_path):
    append_some(store, 3)
    with Store.open(tmp_path, read_only=True) as reading:
        assert len(list(reading.rows())) == 3
        assert reading._leader._thread is None
        for use in (
            lambda: append_some(reading, 1),
            lambda: reading.publish(3, lambda *_: b""),
            reading.receive,
            lambda: reading.forget_payload("ab" * 32),
        ):
            with pytest.raises(ReadOnlyStoreError):
                use()
