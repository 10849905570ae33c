"""The one pass over the entries: hashed and read on every core, folded in order here.

- Form and signatures of an event do not depend on other events once the author's key is known: those are
  asked of every core. Who may do what when depends on everything before: that is folded in one place.
- An event's key is the one that the log gives its author at that place. Signatures come back later than the
  rules' answers and are sorted in before them.
"""

import gc
import sys
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import chain, pairwise
from pathlib import Path
from typing import Final, TypeVar

from meyasubako.crypto.signing import VerifyKey
from meyasubako.domain import audit as blind
from meyasubako.domain import envelope
from meyasubako.domain.audit import Finding, Replay
from meyasubako.domain.chronicle import Chronicle
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Owner
from meyasubako.service.inspection.examine import Examined, examine, examine_source, wrong_signatures
from meyasubako.service.inspection.folds import Folds
from meyasubako.service.inspection.source import Progress, Source
from meyasubako.service.inspection.tree import TileTree
from meyasubako.service.inspection.workers import Here, in_order

T = TypeVar("T")

# Of each step so many findings are kept; whoever has more has a different problem than their number.
MOST: Final = 100
# Entries of one task, sixteen tiles: handing over fewer and larger ones costs less.
CHUNK: Final = 4096
# Seconds that a thread may go on while another one waits for its turn.
_TURN: Final = 0.0003


class Walk:
    """A log as it is walked through: its tree, its folds, its chronicle, and what is wrong with it."""

    def __init__(self, source: Source, path: Path, progress: Progress, executor: Here) -> None:
        self.source, self._path, self.progress = source, path, progress
        self._executor = executor
        self.replay = Replay(self._put_off)
        self.chronicle = Chronicle()
        self.tree = TileTree(source)
        # Roots (32 bytes) at sizes that somebody asked for.
        self.roots: dict[int, bytes] = {}
        self.rows: list[Finding] = []
        self.signatures: list[Finding] = []
        self.rules: list[Finding] = []
        # Payloads of which an earlier audit found that they must be absent.
        self.absent: frozenset[str] = frozenset()
        # How many entries were written meanwhile, and what must be absent by them.
        self._meanwhile: tuple[int, frozenset[str]] = (0, frozenset())
        # Whether something was missing that entries explain which only the next audit verifies.
        self.excused = False
        self._index = 0
        self._signed: list[tuple[int, bytes, VerifyKey]] = []
        self._asked: deque[Future[list[Finding]]] = deque()

    def run(self, stop: int, wanted: Collection[int] = ()) -> None:
        """Walk from where the tree ends up to, not including, an index; note the roots at wanted sizes."""
        start = self.tree.size
        if start in wanted:
            self.roots[start] = self.tree.root()
        with _at_full_speed():
            for chunk in self._examined(start, stop):
                self._take(chunk, wanted)
                self.progress("replaying the log", min(chunk.start + CHUNK, stop), stop)
                if chunk.broken is not None:
                    break
            self._ask(least=1)
        self.replay.tree = self.tree.frontier

    def finish(self) -> None:
        """See what is wrong at the end of the log, and wait for every signature's answer."""
        _keep(self.rules, list(self.replay.finish()))
        while self._asked:
            self._answer()
        self.signatures.sort(key=lambda finding: finding.index or 0)

    def named(self) -> Mapping[str, Owner]:
        """The payloads that the entries of this walk name."""
        return _walked(self.replay.ledger.owners)

    def must_be_absent(self) -> frozenset[str]:
        """The payloads that were destroyed; what an earlier audit found does not change."""
        ledger = self.replay.ledger
        cases, rooms = _walked(ledger.cases), _walked(ledger.rooms)
        return self.absent | blind.must_be_absent(ledger, cases.values(), rooms.values())

    def destroyed_meanwhile(self) -> frozenset[str]:
        """The payloads that must be absent by entries that were written meanwhile and keep the rules."""
        entries = list(self.source.meanwhile())
        if len(entries) > self._meanwhile[0]:
            self._meanwhile = len(entries), blind.absent_after(self.replay, self.tree.frontier, entries)
        return self._meanwhile[1]

    def _examined(self, start: int, stop: int) -> Iterator[Examined]:
        # One by one: how many there are, only a checkpoint says that nobody has verified.
        places = chain([start], range(start - start % CHUNK + CHUNK, stop, CHUNK), [stop])
        # An audit waits for its last signatures at the end; a task for no entries would wait for them here.
        tasks = pairwise(places) if start < stop else ()
        return in_order(self._look, tasks, lambda: self._executor.ahead)

    def _look(self, start: int, stop: int) -> Future[Examined]:
        if self._executor.ahead > 1:
            return self._executor.submit(examine, self._path, start, stop)
        return Here().submit(examine_source, self.source, start, stop)

    def _take(self, chunk: Examined, wanted: Collection[int]) -> None:
        _keep(self.rows, chunk.rows)
        hashed = 0
        for place, (data, leaf) in enumerate(zip(chunk.entries, chunk.leaves, strict=True)):
            index = self._index = chunk.start + place
            if chunk.bad and index in chunk.bad:
                _keep(self.signatures, [Finding("event-is-well-formed", chunk.bad[index], index)])
                if index + 1 in wanted:
                    hashed = self._note_root(chunk, hashed, place)
                continue
            event = envelope.recall(data, leaf.hex())
            found = self.replay.judge(event, index)
            if found:
                for finding in found:
                    _keep(self.signatures if finding.rule == "signature-fits" else self.rules, [finding])
            else:
                self.chronicle.note(event, index, self.replay.ledger)
            if event.kind == "slot.marked" or index + 1 in wanted:
                hashed = self._note_root(chunk, hashed, place)
                if event.kind == "slot.marked":
                    self.replay.mark(index + 1, self.roots[index + 1])
        self.tree.extend(chunk.leaves[hashed:])
        if chunk.broken is not None:
            _keep(self.rows, [chunk.broken])
        self._ask(least=CHUNK)

    def _note_root(self, chunk: Examined, hashed: int, place: int) -> int:
        """Note the root behind a place of a chunk; takes and gives how many of its leaves were hashed."""
        self.tree.extend(chunk.leaves[hashed : place + 1])
        self.roots[self.tree.size] = self.tree.root()
        return place + 1

    def _put_off(self, event: Event, key: VerifyKey) -> None:
        # That `by` names the key, the rule has seen.
        self._signed.append((self._index, event.data, key))

    def _ask(self, least: int) -> None:
        if len(self._signed) < least:
            return
        self._asked.append(self._executor.submit(wrong_signatures, self._signed))
        self._signed = []
        while len(self._asked) > self._executor.ahead:
            self._answer()

    def _answer(self) -> None:
        _keep(self.signatures, self._asked.popleft().result())


def _walked(table: Mapping[str, T]) -> Mapping[str, T]:
    """Of a table that an earlier audit began what changed since."""
    return table.changes() if isinstance(table, Folds) else table


def _keep(kept: list[Finding], more: list[Finding]) -> None:
    kept.extend(more[: max(0, MOST - len(kept))])


@contextmanager
def _at_full_speed() -> Iterator[None]:
    """Without collecting: folds make no cycles, and looking for some among millions of them takes as long as
    folding. And with short turns for the threads that hand tasks to other processes, which idle until then.
    """
    collecting, turn = gc.isenabled(), sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(turn)
        if collecting:
            gc.enable()
