"""The log's witnesses at each slot: asked after publication, which never waits for them.

Rules upheld here (decision 0081):

- A checkpoint is published at once and gains its cosignatures as they come. Those that the newest one lacks
  are asked for after a start, after each publication, and again and again, with pauses that grow up to a
  bound. It is done in a thread, so that no witness holds up whatever else is due.
- A checkpoint is judged by the policy and the log's keys at its size, whatever has been changed since.
- Nothing that goes wrong here ends the clock, or keeps it from closing slots.
- A witness that was away for three whole slots in a row is put down in the log as `witness.dropped`; that
  changes no policy. One that refuses is there, and is not put down.
- An answer that says that this log was set back or forked is an alarm: told in words of its own, and again at
  each start and each slot until that witness cosigns.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from meyasubako.crypto.policy import Policy
from meyasubako.domain import envelope, people
from meyasubako.domain.errors import RefusedError
from meyasubako.service.faults import LOGGER, record
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.errors import SeqConflictError, StaleReadError
from meyasubako.service.store.port import Published
from meyasubako.service.witness import attendance
from meyasubako.service.witness.asking import Collected, collect, tile_reader
from meyasubako.service.witness.attendance import PATIENCE, Alarm
from meyasubako.service.witnessed import policy_of

FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(minutes=10)

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
# All that decides who is asked, and by which keys: what happens to people is left out.
_TERMS: Final = frozenset({"mechanism.founded", "key.rotated", "witness.admitted"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A published checkpoint to be cosigned, the policy at its size, and the size published before it."""

    published: Published
    policy: Policy
    size_before: int


@dataclass(slots=True)
class Asking:
    """What the clock remembers of asking; all of it can be lost.

    `fresh`: a checkpoint may stand for which nobody was asked. `complete`: nothing more can come for the
    newest one. `running` is what they are asked at this moment, and what will come of it. `told` are the
    lines that were written to the service's log about the newest one.
    """

    fresh: bool = True
    complete: bool = False
    last: datetime = _NEVER
    pause: timedelta = timedelta(0)
    running: tuple[Wanted, Future[Collected]] | None = None
    told: set[str] = field(default_factory=set)

    def begin_anew(self) -> None:
        """A checkpoint was published: ask for it at once."""
        self.fresh, self.complete, self.pause = True, False, timedelta(0)

    def is_due(self, now: datetime) -> bool:
        """Whether to ask now; a clock that was set back does not make the pause longer."""
        waits = self.last <= now < self.last + self.pause
        return self.running is None and not self.complete and not waits

    def note_asked(self, now: datetime) -> None:
        """They are asked now, and not again before the next, longer pause is over."""
        self.last, self.pause = now, min(max(FIRST_PAUSE, 2 * self.pause), LONGEST_PAUSE)


def go_on(mechanism: Mechanism, asking: Asking, now: datetime) -> None:
    """Keep what was answered, and ask again if it is time. Waits for nobody, and raises nothing."""
    try:
        _take(mechanism, asking)
        if asking.is_due(now):
            _start(mechanism, asking, now)
    except Exception as error:  # noqa: BLE001 (slots are closed whatever happens with witnesses)
        record(error)


def _take(mechanism: Mechanism, asking: Asking) -> None:
    if asking.running is None or not asking.running[1].done():
        return
    (asked, future), asking.running = asking.running, None
    collected = future.result()
    keep(mechanism, asked, collected, asking.told)
    if not asking.fresh:
        asking.complete = collected.complete


def _start(mechanism: Mechanism, asking: Asking, now: datetime) -> None:
    asking.note_asked(now)
    fresh, asking.fresh = asking.fresh, False
    asked = wanted(mechanism)
    if asked is None:
        asking.complete = True
    else:
        asking.running = asked, _in_a_thread(partial(ask, mechanism, asked))
    if fresh:
        asking.told.clear()
        _tell_again(mechanism)
        put_down_absent(mechanism)


def _in_a_thread(work: Callable[[], Collected]) -> Future[Collected]:
    future: Future[Collected] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 (raised again for whoever takes the result)
            future.set_exception(error)

    # A daemon, since a witness that hangs must not hold up the end of the process.
    threading.Thread(target=run, daemon=True).start()
    return future


def wanted(mechanism: Mechanism) -> Wanted | None:
    """The newest checkpoint, to be cosigned; None where its policy names no witnesses."""
    published = mechanism.store.published()
    policy = policy_at(mechanism, published.size) if published else None
    if policy is None or published is None:
        return None
    return Wanted(published, policy, max(_slots_before(mechanism, published.size), default=0))


def ask(mechanism: Mechanism, asked: Wanted) -> Collected:
    """Ask for the cosignatures that a checkpoint lacks: it takes as long as the witnesses do, and changes
    nothing here.
    """
    from meyasubako.service.witness.transport import poster  # noqa: PLC0415 (needed only where witnesses are)

    return collect(
        asked.published.note,
        asked.policy,
        tile_reader(mechanism.store, asked.published.size),
        poster(mechanism.config.witnessing.proxy or None),
        assumed_size=asked.size_before,
    )


def policy_at(mechanism: Mechanism, size: int) -> Policy | None:
    """The witness policy and the log's keys as the tree of this size names them; None without witnesses."""
    then = people.Mechanism()
    for row in mechanism.store.stream(mechanism.ledger().mechanism.stream):
        if row.index < size and row.kind in _TERMS:
            event = envelope.read(row.data)
            if event.body.get("of") != "person":
                then = people.fold(then, event, row.index)
    return policy_of(then)


def keep(mechanism: Mechanism, asked: Wanted, collected: Collected, told: set[str]) -> None:
    """Add what witnesses signed to the checkpoint, remember how each answered, and write down what is new.

    Lines in `told` are not written again; those that are written are added.
    """
    size = asked.published.size
    if collected.note != asked.published.note:
        mechanism.store.keep_cosignatures(size, collected.note)
    for fault in collected.faults:
        record(fault)
    before = attendance.read(mechanism.directory)
    after = attendance.after(before, asked.policy, collected, size, mechanism.clock().date())
    if after != before:
        attendance.keep(mechanism.directory, after)
    for key, kept in after.items():
        if kept.alarm and (key not in before or before[key].alarm is None):
            _sound(kept.alarm)
    lines = [f"witness {each.name}: {each.sentence}" for each in collected.missing if not each.alarming]
    if not collected.quorum_met:
        lines.append(f"the checkpoint of {size} entries has no quorum of witnesses yet")
    for line in lines:
        if line not in told:
            LOGGER.warning("%s", line)
    told.update(lines)


def put_down_absent(mechanism: Mechanism) -> tuple[str, ...]:
    """Write `witness.dropped` for each witness that was away for PATIENCE whole slots; gives their names.

    The newest slot is not over: its witnesses are still being asked. Each is put down once, and again only
    after it has come back meanwhile.
    """
    state, published = mechanism.ledger().mechanism, mechanism.store.published()
    policy, records = policy_of(state), attendance.read(mechanism.directory)
    slots = _slots_before(mechanism, published.size) if published else {}
    window = sorted(slots)[-PATIENCE:]
    dropped = []
    for witness in policy.witnesses if policy and len(window) == PATIENCE else ():
        key = witness.key.text
        record = records.get(key, attendance.Record())
        back = key not in state.away or slots.get(record.answered, -1) > state.away[key]
        if back and set(window) <= set(record.away):
            try:
                mechanism.write_own("witness.dropped", {"witness": key, "slot": slots[window[-1]]})
            except (SeqConflictError, StaleReadError, RefusedError):
                # What somebody writes at this very moment comes first; the next slot looks again.
                break
            dropped.append(witness.name)
            LOGGER.warning(
                "witness %s gave no answer for %d slots: this stands in the log", witness.name, PATIENCE
            )
    return tuple(dropped)


def _slots_before(mechanism: Mechanism, size: int) -> dict[int, int]:
    """The slots whose trees were published before the one of this size: tree size to slot."""
    markers = mechanism.ledger().mechanism.markers
    return {marker.index + 1: marker.slot for marker in markers if marker.index + 1 < size}


def _tell_again(mechanism: Mechanism) -> None:
    policy = policy_of(mechanism.ledger().mechanism)
    named = {witness.key.text for witness in policy.witnesses} if policy else set()
    for key, kept in attendance.read(mechanism.directory).items():
        if key in named and kept.alarm:
            _sound(kept.alarm)


def _sound(alarm: Alarm) -> None:
    LOGGER.error(
        "ALARM of a witness: %s has seen another history of this log. On %s, of the checkpoint of %d entries:"
        " %s. Either this log was set back or forked, or somebody else signs with its key. Stop the service,"
        ' change nothing in its directory, and go by "When a witness raises an alarm" in docs/operators.md.',
        alarm.name,
        alarm.day,
        alarm.size,
        alarm.sentence,
    )
