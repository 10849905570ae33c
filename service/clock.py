"""The clock of a mechanism: one process that closes its slots and does what time alone brings about.

Rules upheld here:

- One a mechanism, by a file lock. It alone writes covers and markers, publishes, and sweeps what was never
  sent.
- A slot ends at a multiple of the slot length, counted in UTC from 1970, and at once when a door asks for it
  by the file `publish.request`: on a steward's word, or because somebody was suspended.
- Half a step of covers is written at random moments of the slot, the rest at its end, so that positions in
  the log do not tell what came in when.
- At each full hour it notes how far handlers see what reporters wrote.
- With each new day, and before each slot closes, it puts down which dates cases have missed.
- Witnesses are asked beside all this: no tick waits for one or fails by one.
- A publication that fails is tried again; what failed is written down by its class only.
"""

import argparse
import os
import random
import signal
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from meyasubako.domain.rules.slots import slot_entries
from meyasubako.service import incoming, shown, witnessing
from meyasubako.service.exclusive import only_one
from meyasubako.service.faults import record
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.process import follow_supervisor
from meyasubako.service.store import key_copies
from meyasubako.service.store.errors import StoreError

LOCK_NAME: Final = "clock.lock"
REQUEST_NAME: Final = "publish.request"
TICK_SECONDS: Final = 0.2
RETRY_SECONDS: Final = 5.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)
_STOP: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


def main(arguments: list[str] | None = None) -> None:
    """Run until SIGTERM; what the supervisor runs as `python -m meyasubako.service.clock`."""
    parser = argparse.ArgumentParser(prog="meyasubako.service.clock")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--supervisor", type=int, required=True)
    parser.add_argument("--test-clock", type=Path)
    options = parser.parse_args(arguments)
    follow_supervisor(options.supervisor)
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    try:
        with only_one(options.directory / LOCK_NAME, "clock"):
            mechanism = Mechanism.open(options.directory, test_clock=options.test_clock)
            try:
                run(mechanism, by_test_clock=options.test_clock is not None)
            finally:
                mechanism.close()
    except Exception as error:  # noqa: BLE001 (its text may quote what is stored)
        record(error)
        sys.exit(1)


def request_publication(directory: Path) -> None:
    """Ask the clock to close the slot now; it answers by publishing."""
    os.close(os.open(directory / REQUEST_NAME, os.O_WRONLY | os.O_CREAT, 0o600))


def run(mechanism: Mechanism, *, by_test_clock: bool) -> None:
    """Tick until a signal asks to stop. A tick that fails is tried again after a while."""
    state = ClockState(last_publication(mechanism, by_test_clock=by_test_clock))
    pause = 0.0
    while signal.sigtimedwait(_STOP, pause) is None:
        try:
            tick(mechanism, state)
            pause = TICK_SECONDS
        except (StoreError, OSError) as error:
            record(error)
            pause = RETRY_SECONDS


@dataclass(slots=True)
class ClockState:
    """What the clock remembers between two ticks; all of it can be lost."""

    published: datetime
    asked: bool = False
    hour: datetime = _EPOCH
    swept: date = date.min
    covers_for: datetime = _EPOCH
    covers: list[datetime] = field(default_factory=list)
    asking: witnessing.Asking = field(default_factory=witnessing.Asking)


def tick(mechanism: Mechanism, state: ClockState) -> None:
    """Do whatever is due now."""
    now = mechanism.clock()
    period = slot_start(now, mechanism.ledger().mechanism.slot_hours)
    state.asked = _asked(mechanism.directory) or state.asked
    if state.asked or state.published < period:
        mechanism.publish()
        state.published, state.asked = now, False
        state.asking.begin_anew()
    witnessing.go_on(mechanism, state.asking, now)
    _write_covers(mechanism, state, now, period)
    hour = _floor(now, _HOUR)
    if hour != state.hour:
        # The first tick after a start is not a full hour: what was noted before the start stays.
        if state.hour != _EPOCH:
            shown.note_size(mechanism.directory, mechanism.store.size())
        state.hour = hour
    if now.date() != state.swept:
        mechanism.record_missed()
        mechanism.store.sweep_uploads(now.date() - timedelta(days=1))
        incoming.sweep(mechanism.directory / "incoming", now.date() - timedelta(days=1))
        key_copies.roll(
            mechanism.directory, mechanism.store.keys, now.date(), mechanism.config.erasure.backup_days
        )
        state.swept = now.date()


def slot_start(now: datetime, slot_hours: int) -> datetime:
    """When the slot of this moment began, by the grid of slots."""
    return _floor(now, timedelta(hours=slot_hours))


def last_publication(mechanism: Mechanism, *, by_test_clock: bool) -> datetime:
    """The best that is known of when the last checkpoint was published.

    The log holds days only; the kept checkpoint's file was written then. A test clock tells nothing of files.
    """
    if not by_test_clock:
        return datetime.fromtimestamp((mechanism.directory / "checkpoint").stat().st_mtime, UTC)
    marker = mechanism.ledger().mechanism.last_marker
    day = marker.day if marker else date.min
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _asked(directory: Path) -> bool:
    try:
        # Removed first: whoever asks while we publish is answered by another publication.
        (directory / REQUEST_NAME).unlink()
    except FileNotFoundError:
        return False
    return True


def _write_covers(mechanism: Mechanism, state: ClockState, now: datetime, period: datetime) -> None:
    ledger = mechanism.ledger()
    marker, step = ledger.mechanism.last_marker, ledger.mechanism.step
    if state.covers_for != period:
        length = timedelta(hours=ledger.mechanism.slot_hours)
        rest = (period + length - now) / length
        count = round(step // 2 * rest)
        draw = random.SystemRandom()
        state.covers_for = period
        state.covers = sorted(now + (period + length - now) * draw.random() for _ in range(count))
    due = [moment for moment in state.covers if moment <= now]
    if not due:
        return
    state.covers = state.covers[len(due) :]
    entries = mechanism.store.size() - (marker.index + 1 if marker else 0)
    # Never so many that the marker itself would need another step.
    room = slot_entries(entries + 1, step) - entries - 1
    if room > 0:
        mechanism.write_covers(min(room, len(due)))


def _floor(now: datetime, step: timedelta) -> datetime:
    return now - (now - _EPOCH) % step


if __name__ == "__main__":
    main()
