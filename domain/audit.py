"""The blind audit: replay a log from its entries alone, without any key, and name every event that is wrong.

- The very rules that the server asks are asked again, in the log's order.
- A finding names index, stream, rule and what it means; after one, the replay goes on as well as it can, so
  the first finding is the one to trust.
- What cannot be seen blindly is said in docs/auditors.md: whether a wrap opens, whether `sealed_by` is true.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from meyasubako.crypto import merkle
from meyasubako.crypto.errors import CryptoError
from meyasubako.domain import envelope, keeping, requests, rules
from meyasubako.domain.case import Case
from meyasubako.domain.chronicle import Chronicle
from meyasubako.domain.envelope import Event, read
from meyasubako.domain.errors import BadEventError, DomainError, RefusedError
from meyasubako.domain.ledger import Ledger, Verify
from meyasubako.domain.rooms import Room
from meyasubako.domain.rules.order import ONE_DAY

# Folds and rules rely on the rules before them; in a log that broke those, they may find nothing to stand on,
# or a field of another kind's.
_BEYOND_RULES = (LookupError, ValueError, TypeError, CryptoError)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `index` and `stream` where it stands in the log, else None and empty."""

    rule: str
    sentence: str
    index: int | None = None
    stream: str = ""


def _lost(error: Exception) -> str:
    return f"what went wrong before leaves this event nothing to stand on ({type(error).__name__})"


class Replay:
    """A log replayed entry by entry: its tree, its folded streams, and what was found wrong.

    By the size of each tree that ends with a slot marker, that is, of those that were published, it knows
    `roots` (hex), `log_keys`, the log's verifier keys of that time, and `policies`, its witness policy.
    `verify` may put signatures off, see `Ledger`; `tree` is kept by `feed` alone.
    """

    def __init__(self, verify: Verify = envelope.verify) -> None:
        self.tree = merkle.Frontier()
        self.roots: dict[int, str] = {0: merkle.EMPTY_ROOT.hex()}
        self.log_keys: dict[int, tuple[str, ...]] = {}
        self.policies: dict[int, tuple[str, ...]] = {}
        self.ledger = Ledger(lambda size: self.roots.get(size, ""), verify)

    def feed(self, entries: Iterable[bytes]) -> Iterator[Finding]:
        """Take the next entries of the log, exactly as stored; yields findings as they appear."""
        for data in entries:
            index = self.tree.size
            self.tree = self.tree.append(merkle.leaf_hash(data))
            try:
                event = read(data)
            except BadEventError as error:
                yield Finding("event-is-well-formed", str(error), index)
                continue
            yield from self.judge(event, index)
            if event.kind == "slot.marked":
                self.mark(self.tree.size, self.tree.root())

    def judge(self, event: Event, index: int) -> list[Finding]:
        """Ask every rule about the event at this index, fold it, and say what is wrong with it."""
        found = []
        try:
            rules.check(self.ledger, event, index)
        except RefusedError as error:
            found.append(Finding(error.rule, error.sentence, index, event.stream))
        except _BEYOND_RULES as error:
            found.append(Finding("event-can-be-judged", _lost(error), index, event.stream))
        try:
            self.ledger.apply(event, index)
        except _BEYOND_RULES as error:
            found.append(Finding("event-can-be-folded", _lost(error), index, event.stream))
        return found

    def mark(self, size: int, root: bytes) -> None:
        """Say that the tree of this size and root ends with the marker that was judged last."""
        self.roots[size] = root.hex()
        self.log_keys[size] = self.ledger.mechanism.log_keys
        self.policies[size] = self.ledger.mechanism.witness_policy

    def finish(self) -> Iterator[Finding]:
        """What is wrong at the end of the log."""
        try:
            rules.settle(self.ledger)
        except RefusedError as error:
            yield Finding(error.rule, error.sentence, self.ledger.size)
        yield from kept_too_long(self.ledger)
        yield from out_too_long(self.ledger)


def kept_too_long(ledger: Ledger) -> Iterator[Finding]:
    """Cases whose window of retention was over at the newest marker, with a fortnight's grace, and no hold.

    Not a rule, since no event breaks it: it is broken by what does not happen.
    """
    last = ledger.mechanism.last_marker
    for case in tuple(ledger.cases.values()):
        if last is not None and keeping.overdue(case.keeping, last.day):
            sentence = f"the case was to be erased by {case.keeping.latest}, and is not"
            yield Finding("kept-past-its-time", sentence, last.index, case.stream)


def out_too_long(ledger: Ledger) -> Iterator[Finding]:
    """Released shares whose time was over at the newest marker, and openings that no custodian looked at.

    Not rules, since no event breaks them. A day's grace, for days are all that the log knows.
    """
    last = ledger.mechanism.last_marker
    for case in tuple(ledger.cases.values()) if last is not None else ():
        for request in case.requests.values():
            if last is not None and _out(request, last.day):
                sentence = f"what was released was over on {request.until}, and nobody said so"
                yield Finding("ended-on-its-day", sentence, last.index, case.stream)
            since = request.unreviewed_since
            if last is not None and since is not None and last.day - since > requests.REVIEWED_WITHIN:
                sentence = f"what was opened in danger on {since} was looked at by no custodian in 72 hours"
                yield Finding("break-glass-is-reviewed", sentence, last.index, case.stream)


def _out(request: requests.Request, day: date) -> bool:
    return requests.due(request, day) and request.until is not None and day - request.until > ONE_DAY


def erased_cases(ledger: Ledger) -> frozenset[str]:
    """The cases whose content the log says was destroyed, whole."""
    return frozenset(case.stream for case in tuple(ledger.cases.values()) if case.state == "erased")


def must_be_absent(
    ledger: Ledger, cases: Iterable[Case] | None = None, rooms: Iterable[Room] | None = None
) -> frozenset[str]:
    """Payloads that the log says were destroyed, of these cases and rooms; of all unless told.

    Those of erased cases, those that were removed one by one, the reporter's wraps of a mailbox that was
    closed to reading, and released shares whose time is over or that a holder refused. None of this is ever
    taken back.
    """
    looked_at = tuple(ledger.cases.values() if cases is None else cases)
    closed = {
        wrap.digest
        for room in tuple(ledger.rooms.values() if rooms is None else rooms)
        if room.closed_to_reading
        for wrap in room.wraps
        if wrap.reader == room.reporter
    }
    removed = {digest for case in looked_at for digest in case.keeping.removed}
    over = {
        share.digest
        for case in looked_at
        for request in case.requests.values()
        if not request.standing
        for share in request.released
    }
    erased = frozenset(case.stream for case in looked_at if case.state == "erased")
    return frozenset(closed | removed | over | _owned_by(ledger, erased))


def absent_after(replay: Replay, tree: merkle.Frontier, entries: Iterable[bytes]) -> frozenset[str]:
    """What must be absent once more entries are folded, as far as these keep the rules; `tree` ends before
    them.
    """
    ledger, roots = replay.ledger.branch(), dict(replay.roots)
    ledger.root_at, ledger.verify = (lambda size: roots.get(size, "")), envelope.verify
    with suppress(DomainError, *_BEYOND_RULES):
        for data in entries:
            event = read(data)
            rules.check(ledger, event, tree.size)
            ledger.apply(event, tree.size)
            tree = tree.append(merkle.leaf_hash(data))
            if event.kind == "slot.marked":
                roots[tree.size] = tree.root().hex()
    return must_be_absent(ledger)


def _owned_by(ledger: Ledger, cases: frozenset[str]) -> set[str]:
    if not cases:
        return set()
    return {digest for digest, owner in tuple(ledger.owners.items()) if owner.case in cases}


def is_card(ledger: Ledger, digest: str) -> bool:
    """Whether the payload is a published card, the only kind that is not sealed."""
    owner = ledger.owners.get(digest)
    return owner is not None and owner.kind == "card.published"


def summary(ledger: Ledger, chronicle: Chronicle) -> dict[str, int]:
    """Counts that an auditor reads first."""
    return {
        "entries": ledger.size,
        "slots": len(ledger.mechanism.markers),
        "people": len(ledger.mechanism.people),
        "cases": len(ledger.cases),
        "open_cases": sum(case.open for case in ledger.cases.values()),
        "rooms": len(ledger.rooms),
        "payloads": len(ledger.owners),
        "fetches": chronicle.reads.total(),
        # Covers have one stream.
        "streams": len(ledger.sorts) - (chronicle.covers > 0),
    }
