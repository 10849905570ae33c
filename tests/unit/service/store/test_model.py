"""The store beside a model of it: a list of events, and what each request must be answered."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from meyasubako.crypto.merkle import leaf_hash, leaf_hashes, root_of
from meyasubako.service.store.errors import DigestTakenError, SeqConflictError, StaleReadError
from meyasubako.service.store.port import Entry
from meyasubako.service.store.sqlite import Store
from tests.unit.service.store.made import payload, sign

STREAMS = st.sampled_from(["one", "two", "three"])
PAYLOADS = [payload(40) for _ in range(4)]


class StoreBesideModel(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store.create(Path(self.folder.name))
        self.events = []
        self.owned = set()
        self.published = 0

    def teardown(self):
        self.store.close()
        self.folder.cleanup()

    def seq(self, stream):
        return sum(entry.stream == stream for entry in self.events)

    def answer(self, entries, requires):
        """What the store must answer, by the order of refusals."""
        if all(entry in self.events for entry in entries):
            return [self.events.index(entry) for entry in entries]
        ahead = {}
        for entry in entries:
            if entry.seq != ahead.get(entry.stream, self.seq(entry.stream)) + 1:
                return SeqConflictError
            ahead[entry.stream] = entry.seq
        if any(self.seq(stream) != version for stream, version in requires.items()):
            return StaleReadError
        if any(digest in self.owned for entry in entries for digest, _ in entry.owns):
            return DigestTakenError
        return list(range(len(self.events), len(self.events) + len(entries)))

    @rule(
        places=st.lists(st.tuples(STREAMS, st.integers(-1, 2)), min_size=1, max_size=4),
        owns=st.none() | st.integers(0, 3),
        requires=st.dictionaries(STREAMS, st.integers(-1, 0)),
        content=st.binary(min_size=1, max_size=4),
    )
    def append(self, places, owns, requires, content):
        sealed, reference = PAYLOADS[owns or 0]
        entries, ahead = [], {}
        for stream, jump in places:
            seq = ahead.get(stream, self.seq(stream)) + max(jump, 0) + (jump != 2)
            ahead[stream] = seq
            entries.append(Entry(stream, seq, "k", content))
        if owns is not None:
            entries[0] = Entry(entries[0].stream, entries[0].seq, "k", content, (reference,))
        small = {} if owns is None else {reference[0]: sealed}
        required = {stream: max(0, self.seq(stream) + behind) for stream, behind in requires.items()}
        self.ask(entries, small, required)

    @precondition(lambda self: self.events)
    @rule(data=st.data(), behind=st.booleans())
    def ask_again(self, data, behind):
        entries = data.draw(st.lists(st.sampled_from(self.events), min_size=1, max_size=3))
        self.ask(entries, self.small_of(entries), {entries[0].stream: 0} if behind else {})

    def small_of(self, entries):
        named = {digest for entry in entries for digest, _ in entry.owns}
        return {digest: sealed for sealed, (digest, _) in PAYLOADS if digest in named}

    def ask(self, entries, small, requires):
        if len(self.small_of(entries)) != sum(len(entry.owns) for entry in entries):
            return  # the same event twice in one request: refused before anything is decided
        expected = self.answer(entries, requires)
        if not isinstance(expected, list):
            with pytest.raises(expected):
                self.store.append(entries, small, requires)
            return
        assert self.store.append(entries, small, requires) == expected
        if expected[-1] >= len(self.events):
            self.events += entries
            self.owned |= set(small)

    @rule()
    def open_again(self):
        self.store.close()
        self.store = Store.open(Path(self.folder.name))

    @precondition(lambda self: len(self.events) > self.published)
    @rule()
    def publish(self):
        self.published = len(self.events)
        self.store.publish(self.published, sign)

    @invariant()
    def rows_head_and_streams_are_the_models(self):
        assert [(row.stream, row.seq, row.data) for row in self.store.rows()] == [
            (entry.stream, entry.seq, entry.data) for entry in self.events
        ]
        assert self.store.head().root == root_of(leaf_hashes(entry.data for entry in self.events))
        for stream in ("one", "two", "three"):
            mine = [entry for entry in self.events if entry.stream == stream]
            head = (len(mine), leaf_hash(mine[-1].data).hex()) if mine else None
            assert self.store.stream_head(stream) == head
        assert {row.digest for row in self.store.all_payloads()} == self.owned
        assert (self.store.published() or (0,))[0] == self.published


StoreBesideModel.TestCase.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
test_the_store_answers_as_its_model = StoreBesideModel.TestCase
