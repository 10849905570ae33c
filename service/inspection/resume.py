"""Where an audit ended: enough to go on with what is new, without verifying again what was.

- It is the auditor's own memory, made only by an audit that found nothing, and bound to the checkpoint up to
  which it was made. Whoever could write it could as well have written the answer: keep it where only you do.
- It is read by one release: another one begins anew.
"""

from collections import Counter
from datetime import date
from typing import Final

import msgspec

from meyasubako.domain import case, envelope, ledger, people, rooms
from meyasubako.domain.chronicle import Deadline
from meyasubako.service.inspection.errors import UnreadableSourceError
from meyasubako.service.inspection.tree import TileTree
from meyasubako.service.inspection.walk import Walk

FORMAT: Final = 2


class _State(msgspec.Struct):
    format: int
    origin: str
    size: int
    edge: list[tuple[int, list[bytes]]]
    root: bytes
    mechanism: people.Mechanism
    sorts: dict[str, str]
    heads: dict[str, envelope.Head]
    cases: dict[str, case.Case]
    rooms: dict[str, rooms.Room]
    reads: dict[str, ledger.Reads]
    owners: dict[str, ledger.Owner]
    reporters: dict[str, str]
    fetched: list[tuple[str, str, frozenset[str]]]
    kinds: list[tuple[date, str, int]]
    covers: int
    handed_out: list[tuple[str, str, int]]
    moves: list[tuple[date, int]]
    waiting: dict[str, Deadline]
    met: list[Deadline]


_decoder = msgspec.msgpack.Decoder(_State)


def encode(walk: Walk) -> bytes:
    """The walk as it stands; it ends with a slot's marker."""
    state, chronicle = walk.replay.ledger, walk.chronicle
    return msgspec.msgpack.encode(
        _State(
            format=FORMAT,
            origin=state.mechanism.origin,
            size=walk.tree.size,
            edge=walk.tree.edge,
            root=walk.tree.root(),
            mechanism=state.mechanism,
            sorts=dict(state.sorts),
            heads=dict(state.heads),
            cases=dict(state.cases),
            rooms=dict(state.rooms),
            reads=dict(state.reads),
            owners=dict(state.owners),
            reporters=dict(state.reporters),
            fetched=[(*who, payloads) for who, payloads in state.fetched.items()],
            kinds=[(*what, count) for what, count in chronicle.kinds.items()],
            covers=chronicle.covers,
            handed_out=[(*what, count) for what, count in chronicle.reads.items()],
            moves=list(chronicle.moves.items()),
            waiting=chronicle.waiting,
            met=chronicle.met,
        )
    )


class Ended:
    """Where an earlier audit ended, as its state says; UnreadableSourceError if it cannot be read."""

    def __init__(self, data: bytes) -> None:
        try:
            self._state = _decoder.decode(data)
        except (msgspec.MsgspecError, ValueError) as error:
            raise UnreadableSourceError(f"the state of the last audit cannot be read: {error}") from error
        if self._state.format != FORMAT:
            raise UnreadableSourceError("the state of the last audit is another release's: begin anew")

    @property
    def origin(self) -> str:
        """Which log it is of."""
        return self._state.origin

    @property
    def size(self) -> int:
        """How many entries were verified."""
        return self._state.size

    @property
    def root(self) -> bytes:
        """The root of their tree."""
        return self._state.root

    def set(self, walk: Walk) -> None:
        """Set a fresh walk to where the audit ended."""
        _set(self._state, walk)


def _set(state: _State, walk: Walk) -> None:
    to, chronicle = walk.replay.ledger, walk.chronicle
    to.mechanism = state.mechanism
    to.sorts, to.heads, to.cases, to.rooms = state.sorts, state.heads, state.cases, state.rooms
    to.reads, to.owners, to.reporters = state.reads, state.owners, state.reporters
    to.fetched = {(person, of): payloads for person, of, payloads in state.fetched}
    to.size = state.size
    walk.replay.mark(state.size, state.root)
    chronicle.kinds = Counter({(day, kind): count for day, kind, count in state.kinds})
    chronicle.covers = state.covers
    chronicle.reads = Counter({(person, of): count for person, of, count in state.handed_out})
    chronicle.moves = Counter(dict(state.moves))
    chronicle.waiting, chronicle.met = state.waiting, state.met
    walk.tree = TileTree(walk.source, state.edge)
