import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest

from meyasubako.crypto.merkle import leaf_hash, leaf_hashes, root_of
from meyasubako.service.store.errors import (
    DigestTakenError,
    MissingPayloadError,
    PayloadMismatchError,
    SeqConflictError,
    StaleReadError,
)
from meyasubako.service.store.port import MAX_EVENT, SMALL_PAYLOAD
from tests.unit.service.store.made import append_some, event, new_stream, payload, together, upload


def test_leaf_indices_are_dense_from_zero_and_the_tree_is_that_of_the_events(store):
    entries = append_some(store, 300)
    rows = list(store.rows())
    assert [row.index for row in rows] == list(range(300))
    assert [row.data for row in rows] == [entry.data for entry in entries]
    assert store.head().size == 300
    assert store.head().root == root_of(leaf_hashes(entry.data for entry in entries))


def test_events_of_several_streams_are_stored_together_in_their_order(store):
    one, other = new_stream(), new_stream()
    entries = [event(one, 1), event(other, 1), event(one, 2)]
    assert store.append(entries, {}, {}) == [0, 1, 2]
    assert [row.data for row in store.stream(one)] == [entries[0].data, entries[2].data]
    assert store.stream_head(one) == (2, leaf_hash(entries[2].data).hex())


def test_the_same_bytes_again_are_success_even_if_what_was_read_has_moved(store):
    stream, read = new_stream(), new_stream()
    sealed, reference = payload()
    entries = [event(stream, 1, owns=[reference]), event(stream, 2)]
    assert store.append(entries, {reference[0]: sealed}, {read: 0}) == [0, 1]
    store.append([event(read, 1)], {}, {})
    assert store.append(entries, {reference[0]: sealed}, {read: 0}) == [0, 1]
    assert store.append(entries, {}, {}) == [0, 1]
    assert store.head().size == 3


def test_other_bytes_at_a_taken_place_are_a_conflict_that_tells_the_streams_head(store):
    stream = new_stream()
    first = event(stream, 1)
    store.append([first], {}, {})
    with pytest.raises(SeqConflictError) as refusal:
        store.append([event(stream, 1)], {}, {})
    assert (refusal.value.stream, refusal.value.head_seq) == (stream, 1)
    assert refusal.value.head_leaf == leaf_hash(first.data).hex()


def test_the_same_bytes_under_another_kind_are_a_conflict(store):
    stream = new_stream()
    store.append([event(stream, 1, b"same", kind="one")], {}, {})
    with pytest.raises(SeqConflictError):
        store.append([event(stream, 1, b"same", kind="other")], {}, {})


def test_a_request_that_was_stored_in_part_is_a_conflict(store):
    stream = new_stream()
    first = event(stream, 1)
    store.append([first], {}, {})
    with pytest.raises(SeqConflictError):
        store.append([first, event(stream, 2)], {}, {})
    assert store.head().size == 1


@pytest.mark.parametrize("seq", [0, 2, 7])
def test_a_stream_begins_with_one(store, seq):
    with pytest.raises(SeqConflictError) as refusal:
        store.append([event(new_stream(), seq)], {}, {})
    assert (refusal.value.head_seq, refusal.value.head_leaf) == (0, "")


def test_a_gap_in_a_stream_is_a_conflict(store):
    stream = new_stream()
    with pytest.raises(SeqConflictError):
        store.append([event(stream, 1), event(stream, 3)], {}, {})
    assert store.head().size == 0


def test_a_decision_on_a_stream_that_moved_is_stale_and_names_the_streams(store):
    read, other, mine = new_stream(), new_stream(), new_stream()
    store.append([event(read, 1)], {}, {})
    with pytest.raises(StaleReadError) as refusal:
        store.append([event(mine, 1)], {}, {read: 0, other: 0})
    assert refusal.value.streams == (read,)
    assert store.append([event(mine, 1)], {}, {read: 1, other: 0, mine: 0}) == [1]


def test_a_conflict_counts_before_a_stale_read(store):
    stream, read = new_stream(), new_stream()
    store.append([event(stream, 1), event(read, 1)], {}, {})
    with pytest.raises(SeqConflictError):
        store.append([event(stream, 1)], {}, {read: 0})


def test_a_required_stream_that_another_store_moved_is_seen(store, tmp_path):
    read, mine = new_stream(), new_stream()
    store.append([event(read, 1)], {}, {read: 0})
    with type(store).open(tmp_path) as other:
        other.append([event(read, 2)], {}, {read: 1})
    with pytest.raises(StaleReadError):
        store.append([event(mine, 1)], {}, {read: 1})
    assert store.append([event(mine, 1)], {}, {read: 2}) == [2]


def test_an_append_made_for_a_size_of_the_log_is_refused_at_any_other(store):
    store.append([event(new_stream(), 1)], {}, {}, at_size=0)
    for _ in range(2):
        with pytest.raises(StaleReadError):
            store.append([event(new_stream(), 1)], {}, {}, at_size=0)
    assert store.append([event(new_stream(), 1), event(new_stream(), 1)], {}, {}, at_size=1) == [1, 2]


def test_an_append_made_for_a_size_counts_what_shares_its_commit(store):
    """Writers that arrive together share a transaction: the size is that at its own place in it."""
    barrier = threading.Barrier(9)

    def count():
        barrier.wait()
        for _ in range(30):
            size = store.head().size
            with suppress(StaleReadError):
                assert store.append([event(new_stream(), 1)], {}, {}, at_size=size) == [size]

    def write():
        barrier.wait()
        for _ in range(30):
            store.append([event(new_stream(), 1)], {}, {})

    with ThreadPoolExecutor(9) as threads:
        running = [threads.submit(count), *(threads.submit(write) for _ in range(8))]
        for each in running:
            each.result()


def test_a_digest_is_owned_once_ever(store):
    sealed, reference = payload()
    store.append([event(new_stream(), 1, owns=[reference])], {reference[0]: sealed}, {})
    for _ in range(2):
        with pytest.raises(DigestTakenError) as refusal:
            store.append([event(new_stream(), 1, owns=[reference])], {reference[0]: sealed}, {})
        assert refusal.value.digest == reference[0]
        store.forget_payload(reference[0])
    assert store.head().size == 1


def test_two_events_of_a_request_cannot_own_the_same_payload(store):
    sealed, reference = payload()
    stream = new_stream()
    with pytest.raises(DigestTakenError):
        store.append(
            [event(stream, 1, owns=[reference]), event(stream, 2, owns=[reference])],
            {reference[0]: sealed},
            {},
        )


def test_a_payload_that_never_came_refuses_the_whole_append(store):
    sealed, small = payload()
    _, missing = payload()
    stream = new_stream()
    with pytest.raises(MissingPayloadError) as refusal:
        store.append(
            [event(stream, 1, owns=[small]), event(stream, 2, owns=[missing])], {small[0]: sealed}, {}
        )
    assert refusal.value.digest == missing[0]
    assert store.head().size == 0
    assert not store.has_payload(small[0])


def test_a_small_payload_with_other_bytes_than_its_digest_is_refused(store):
    sealed, (digest, size) = payload()
    changed = bytes([sealed[0] ^ 1]) + sealed[1:]
    with pytest.raises(PayloadMismatchError):
        store.append([event(new_stream(), 1, owns=[(digest, size)])], {digest: changed}, {})


@pytest.mark.parametrize("wrong", [4999, 5001, 0, -1])
def test_a_payload_of_another_size_than_its_reference_is_refused(store, wrong):
    sealed, (digest, _) = payload(5000)
    with pytest.raises(PayloadMismatchError):
        store.append([event(new_stream(), 1, owns=[(digest, wrong)])], {digest: sealed}, {})
    upload(store, sealed)
    with pytest.raises(PayloadMismatchError):
        store.append([event(new_stream(), 1, owns=[(digest, wrong)])], {}, {})


def test_a_payload_that_no_event_owns_is_refused(store):
    sealed, (digest, _) = payload()
    with pytest.raises(PayloadMismatchError):
        store.append([event(new_stream(), 1)], {digest: sealed}, {})


def test_a_payload_above_the_small_ones_size_must_be_uploaded_first(store):
    sealed, reference = payload(SMALL_PAYLOAD + 1)
    entry = event(new_stream(), 1, owns=[reference])
    with pytest.raises(PayloadMismatchError):
        store.append([entry], {reference[0]: sealed}, {})
    assert upload(store, sealed) == reference
    assert store.append([entry], {}, {}) == [0]


def test_a_digest_that_is_not_one_never_becomes_a_path(store):
    for digest in ("../log.db", "AB" * 32, "ab" * 31, "", "ab" * 32 + "\n"):
        with pytest.raises(MissingPayloadError):
            store.append([event(new_stream(), 1, owns=[(digest, 5)])], {}, {})


@pytest.mark.parametrize("data", [b"", b"x" * (MAX_EVENT + 1)])
def test_an_event_of_no_allowed_size_is_refused(store, data):
    with pytest.raises(ValueError, match=r"1 to 32,768 bytes"):
        store.append(
            [event(new_stream(), 1), type(event(new_stream(), 1))(new_stream(), 1, "k", data)], {}, {}
        )


def test_an_append_without_events_is_refused(store):
    with pytest.raises(ValueError, match=r"1 to 32,768 bytes"):
        store.append([], {}, {})


def test_a_conflict_fails_nobody_else(store):
    contested = new_stream()
    won, lost, others = [], [], []

    def contest():
        try:
            won.append(store.append([event(contested, 1)], {}, {}))
        except SeqConflictError:
            lost.append(1)

    def mind_own_stream():
        stream = new_stream()
        for seq in range(1, 9):
            others.extend(store.append([event(stream, seq)], {}, {stream: seq - 1}))

    together([contest, mind_own_stream] * 8)
    assert (len(won), len(lost)) == (1, 7)
    assert sorted(others + won[0]) == list(range(65))
    assert store.head().root == root_of(leaf_hashes(row.data for row in store.rows()))


def test_every_refused_append_of_a_crowd_is_told_its_own_reason(store):
    taken_bytes, taken = payload()
    stream = new_stream()
    store.append([event(stream, 1, owns=[taken])], {taken[0]: taken_bytes}, {})
    _, missing = payload()

    def expect(error, entry, payloads, requires):
        for _ in range(10):
            with pytest.raises(error):
                store.append([entry], payloads, requires)

    together(
        [
            partial(expect, SeqConflictError, event(stream, 1), {}, {}),
            partial(expect, StaleReadError, event(new_stream(), 1), {}, {stream: 0}),
            partial(
                expect, DigestTakenError, event(new_stream(), 1, owns=[taken]), {taken[0]: taken_bytes}, {}
            ),
            partial(expect, MissingPayloadError, event(new_stream(), 1, owns=[missing]), {}, {}),
            partial(append_some, store, 40),
        ]
    )
    assert store.head().size == 41
    assert [entry.digest for entry in store.all_payloads()] == [taken[0]]


def test_one_writer_per_version_wins_however_many_compete(store):
    stream = new_stream()
    wins = []

    def compete():
        for _ in range(25):
            seq = (store.stream_head(stream) or (0, ""))[0] + 1
            try:
                store.append([event(stream, seq)], {}, {stream: seq - 1})
            except (SeqConflictError, StaleReadError):
                continue
            wins.append(seq)

    together([compete] * 6)
    assert sorted(wins) == list(range(1, len(wins) + 1))
    assert [row.seq for row in store.stream(stream)] == sorted(wins)
