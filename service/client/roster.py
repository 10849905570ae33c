"""Who a mechanism's people are, verified from its public stream: whoever wraps a key does this first.

Rules upheld here:

- Leaf 0 is the founding whose hash gives the fingerprint. The checkpoint is signed by every log key that the
  stream names at its end.
- Every event of the stream, from the founding to the newest marker, stands in the tree of that checkpoint,
  follows the one before it without a gap, and is allowed by the very rules that the server and the audit ask.
- The tree ends with the newest marker, and the marker names the digest of exactly the roster that the events
  give.
- A checkpoint older than two slots is refused, unless the caller says otherwise: it may be an old list of
  readers. So is one that is dated more than a day ahead, since it would not grow old for as long, and one
  that too few witnesses of the mechanism's policy have cosigned.
- Where a tree was seen before (a pin), this one is not smaller, and the mechanism's markers name that very
  tree as one that they grew from.
- Whoever fetches a log to judge all of it must come by a log that breaks a rule, too: for them it is enough
  that a key of the log, exchanged by nothing that the rules do not allow, has signed the checkpoint.

What this does not see: whether others are shown the same tree. That is what witnesses are for, and where a
mechanism has none, nobody but its auditors. docs/rosters.md says what is known at the moment of sealing.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from meyasubako.crypto.checkpoint import Checkpoint, OpenedCheckpoint, open_checkpoint
from meyasubako.crypto.cosignature import parse_verifier
from meyasubako.crypto.errors import BadNoteError, BadProofError, CryptoError
from meyasubako.crypto.keyfile import digest_fingerprint
from meyasubako.crypto.merkle import leaf_hash, verify_inclusion
from meyasubako.crypto.note import Note
from meyasubako.domain import envelope, rules
from meyasubako.domain.envelope import Event
from meyasubako.domain.errors import DomainError
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.people import Marker, Mechanism
from meyasubako.service.client import answers
from meyasubako.service.client.answers import MechanismPage, ProvenEvent
from meyasubako.service.client.http import Http
from meyasubako.service.errors import (
    RosterError,
    StaleRosterError,
    UnwitnessedRosterError,
    WrongMechanismError,
)
from meyasubako.service.witnessed import Seen, policy_of, seen

# Gives the page of the mechanism's public stream that begins at a seq; an empty one ends the stream.
Fetch = Callable[[int], MechanismPage]
SLOTS_OLD: Final = 2
# Of two clocks that are nearly right, one may have begun the next day.
MOST_AHEAD: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pin:
    """What somebody remembers of a mechanism: its fingerprint, and the newest tree seen (root in hex)."""

    fingerprint: str
    size: int
    root: str


@dataclass(frozen=True, slots=True)
class VerifiedMechanism:
    """The mechanism's state up to its newest published marker, and what proves it."""

    mechanism: Mechanism
    marker: Marker
    fingerprint: str
    checkpoint: OpenedCheckpoint
    head: envelope.Head
    # None where the mechanism has no witnesses.
    seen: Seen | None

    @property
    def pin(self) -> Pin:
        """What to remember of this."""
        tree = self.checkpoint.checkpoint
        return Pin(self.fingerprint, tree.size, tree.root.hex())

    @property
    def seen_by(self) -> str:
        """How many witnesses have seen the checkpoint, in words."""
        if self.seen is None:
            return "no witness: this mechanism has none"
        count = len(self.seen.cosigned) + len(self.seen.missing)
        enough = "enough" if self.seen.quorum_met else "too few"
        return f"{len(self.seen.cosigned)} of {count} witnesses, which is {enough}"


def from_log(http: Http) -> Fetch:
    """Pages from the log's door."""
    return lambda seq: answers.read(http.get_json("/mechanism", {"from": seq}), MechanismPage)


def verify(
    fetch: Fetch,
    today: date,
    *,
    fingerprint: str | None = None,
    pin: Pin | None = None,
    accept_stale: bool = False,
    accept_unwitnessed: bool = False,
    judge: bool = True,
) -> VerifiedMechanism:
    """Verify a mechanism's public stream; `today` is the UTC day here.

    Raises `WrongMechanismError` if `fingerprint` (six groups of four digits) or the pin's differs,
    `StaleRosterError` and `UnwitnessedRosterError` unless accepted, `RosterError` for everything else that
    does not verify, and what `fetch` raises. Only an auditor who asks the rules about the whole log later
    goes without `judge`: what comes of that is nobody to wrap a key to.
    """
    kind = _Replay if judge else _Unjudged
    replay = kind([each for each in (fingerprint, pin.fingerprint if pin else None) if each is not None])
    while page := fetch(replay.next_seq):
        if not page.events:
            break
        replay.add(page)
    if replay.marker is None:
        raise RosterError("the mechanism shows no founding")
    checkpoint = replay.checkpoint()
    if judge and replay.marker.index + 1 != checkpoint.checkpoint.size:
        raise RosterError("the newest marker is not the end of the published log: something was left out")
    if pin is not None:
        replay.check_pin(pin, checkpoint.checkpoint)
    mechanism = replay.ledger.mechanism
    verified = VerifiedMechanism(
        mechanism=mechanism,
        marker=replay.marker,
        fingerprint=replay.fingerprint,
        checkpoint=checkpoint,
        head=replay.ledger.head(mechanism.stream),
        seen=_seen(mechanism, checkpoint, judge=judge),
    )
    if not accept_stale:
        _check_age(replay.marker.day, today, mechanism.slot_hours)
    if not accept_unwitnessed and verified.seen is not None and not verified.seen.quorum_met:
        raise UnwitnessedRosterError(f"the list of readers was seen by {verified.seen_by}")
    return verified


def _check_age(day: date, today: date, slot_hours: int) -> None:
    if today - day > timedelta(hours=SLOTS_OLD * slot_hours, days=1):
        raise StaleRosterError(
            f"the newest published list of readers is from {day}, which is too old to rely on"
        )
    if day - today > MOST_AHEAD:
        raise StaleRosterError(
            f"the newest slot is dated in the future, {day}, and here it is {today}: the clock here or there "
            "is wrong, so nobody can tell how old the list of readers is"
        )


def _seen(mechanism: Mechanism, checkpoint: OpenedCheckpoint, *, judge: bool) -> Seen | None:
    try:
        policy = policy_of(mechanism)
        return None if policy is None else seen(checkpoint.note.encode(), policy)
    except CryptoError as error:
        if not judge:
            return Seen((), (), quorum_met=False)
        raise RosterError(f"a witness's signature on the published log is wrong: {error}") from error


class _Replay:
    """The stream as far as it has been verified."""

    def __init__(self, expected: Sequence[str]) -> None:
        self._expected = expected
        self._claimed: dict[int, str] = {}
        self._note = b""
        # What a marker says of earlier roots is its own claim here; the audit compares it with the tree.
        self.ledger = Ledger(lambda size: self._claimed.get(size, ""))
        self.next_seq = 1
        self.fingerprint = ""

    @property
    def marker(self) -> Marker | None:
        return self.ledger.mechanism.last_marker

    def add(self, page: MechanismPage) -> None:
        """Fold a page. Its tree is believed only once `checkpoint` has verified the last page's.

        Earlier pages may have come under earlier checkpoints: what they hold is bound by `prev`, event by
        event, to what the last page proves.
        """
        self._note = page.checkpoint.encode()
        try:
            tree = Checkpoint.parse(Note.parse(self._note).text)
            if self.next_seq == 1:
                self._begin(page.events[0])
            for proven in page.events:
                self._add(proven, tree)
        except (BadNoteError, BadProofError) as error:
            raise RosterError(
                f"the mechanism's public stream is not in its published log: {error}"
            ) from error
        except (CryptoError, DomainError) as error:
            raise RosterError(f"the mechanism's public stream breaks its own rules: {error}") from error

    def checkpoint(self) -> OpenedCheckpoint:
        """The last page's checkpoint, signed by the log's keys as the stream names them at its end."""
        mechanism = self.ledger.mechanism
        try:
            verifiers = [parse_verifier(key) for key in mechanism.log_keys]
            return open_checkpoint(self._note, mechanism.origin, verifiers)
        except CryptoError as error:
            raise RosterError(f"the published log is not signed by the mechanism's keys: {error}") from error

    def check_pin(self, pin: Pin, tree: Checkpoint) -> None:
        """Refuse a tree that does not claim to have grown from the one that was seen before."""
        known = {**self._claimed, tree.size: tree.root.hex()}
        if tree.size < pin.size:
            raise RosterError(
                f"the published log has {tree.size} entries, and {pin.size} were seen here before: "
                "it was set back"
            )
        if known.get(pin.size) != pin.root:
            raise RosterError(
                f"the published log is not the one of which {pin.size} entries were seen here before: it was "
                "forked. Keep what you have and tell the mechanism's auditor"
            )

    def _begin(self, proven: ProvenEvent) -> None:
        event = envelope.read(proven.event)
        self.fingerprint = digest_fingerprint(bytes.fromhex(event.leaf))
        if any(_digits(each) != _digits(self.fingerprint) for each in self._expected):
            raise WrongMechanismError(
                f"this mechanism's fingerprint is {self.fingerprint}, not the one you were given"
            )
        if proven.index != 0 or event.kind != "mechanism.founded":
            raise RosterError("the mechanism's stream does not begin with its founding")

    def _add(self, proven: ProvenEvent, tree: Checkpoint) -> None:
        event = envelope.read(proven.event)
        verify_inclusion(proven.index, tree.size, leaf_hash(event.data), proven.proof, tree.root)
        if self.next_seq > 1 and event.stream != self.ledger.mechanism.stream:
            raise RosterError("an event of another stream stands among the mechanism's")
        if proven.index < self.ledger.size:
            raise RosterError("the mechanism's events are not in the order of the log")
        self._claim(event)
        self._fold(event, proven.index)
        self.next_seq = max(self.next_seq, event.seq) + 1

    def _fold(self, event: Event, index: int) -> None:
        rules.check(self.ledger, event, index)
        self.ledger.apply(event, index)

    def _claim(self, event: Event) -> None:
        if event.kind == "slot.marked":
            self._claimed[event.number("size")] = event.text("root")


class _Unjudged(_Replay):
    """The stream as far as it says which keys are the log's.

    What the rules do not allow changes nothing here, or one person could exchange the keys. Markers count
    whatever they say, for what comes after them depends on the days.
    """

    def __init__(self, expected: Sequence[str]) -> None:
        super().__init__(expected)
        self._trees: set[Checkpoint] = set()
        self._whole = True

    def checkpoint(self) -> OpenedCheckpoint:
        """The last page's checkpoint, signed by one of the log's keys at least."""
        if not self._whole and len(self._trees) > 1:
            # Without `prev`, only the proofs bind events to the tree, and each leads to its own page's.
            raise RosterError("the log grew while its stream, which is not whole, was read: try again")
        mechanism = self.ledger.mechanism
        for key in mechanism.log_keys:
            with suppress(CryptoError):
                return open_checkpoint(self._note, mechanism.origin, [parse_verifier(key)])
        return super().checkpoint()

    def _add(self, proven: ProvenEvent, tree: Checkpoint) -> None:
        self._trees.add(tree)
        super()._add(proven, tree)

    def _fold(self, event: Event, index: int) -> None:
        head = self.ledger.head(event.stream)
        self._whole = self._whole and (event.seq, event.prev) == (head.seq + 1, head.leaf)
        try:
            super()._fold(event, index)
        except (DomainError, CryptoError, LookupError, ValueError):
            if index == 0 or event.kind == "slot.marked":
                self.ledger.apply(event, index)
            else:
                self.ledger.heads[event.stream] = envelope.Head(event.seq, event.leaf)
                self.ledger.size = index + 1


def _digits(fingerprint: str) -> str:
    return "".join(fingerprint.split())
