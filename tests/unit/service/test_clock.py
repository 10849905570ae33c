from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from meyasubako.service import clock, shown
from meyasubako.service.clock import ClockState, tick
from meyasubako.service.errors import AlreadyRunningError
from meyasubako.service.exclusive import only_one
from meyasubako.service.mechanism import Mechanism
from tests.system.box import Box
from tests.unit.service.doors import report

DAY = timedelta(days=1)


class _Time:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(hour=12, minute=30, second=0, microsecond=0)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> _Time:
    return _Time()


@pytest.fixture
def timed(mechanism: Mechanism, time: _Time) -> Iterator[Mechanism]:
    mechanism.clock = time
    return mechanism


def _size(mechanism: Mechanism) -> int:
    published = mechanism.store.published()
    assert published is not None
    return published.size


def _state(time: _Time) -> ClockState:
    return ClockState(published=time.now)


def test_a_slot_is_closed_at_its_end_and_not_before(timed: Mechanism, time: _Time) -> None:
    state, size = _state(time), _size(timed)
    time.now = time.now.replace(hour=23, minute=59)
    tick(timed, state)
    assert _size(timed) == size
    time.now += timedelta(minutes=1)
    tick(timed, state)
    assert _size(timed) == size + 64
    tick(timed, state)
    assert _size(timed) == size + 64


def test_slots_that_were_missed_are_closed_as_one(timed: Mechanism, time: _Time) -> None:
    state, size = _state(time), _size(timed)
    time.now += 5 * DAY
    tick(timed, state)
    tick(timed, state)
    assert _size(timed) == size + 64


def test_a_slot_is_closed_at_once_when_a_door_asks(timed: Mechanism, time: _Time) -> None:
    state, size = _state(time), _size(timed)
    clock.request_publication(timed.directory)
    tick(timed, state)
    assert _size(timed) == size + 64
    assert not (timed.directory / clock.REQUEST_NAME).exists()


def test_what_was_asked_is_tried_again_when_it_fails(
    timed: Mechanism, time: _Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, size = _state(time), _size(timed)
    clock.request_publication(timed.directory)

    def fails() -> bytes:
        raise OSError("no room")

    with monkeypatch.context() as broken:
        broken.setattr(timed, "publish", fails)
        with pytest.raises(OSError, match="no room"):
            tick(timed, state)
    tick(timed, state)
    assert _size(timed) == size + 64


def test_covers_come_at_random_moments_and_leave_room_for_the_marker(timed: Mechanism, time: _Time) -> None:
    state = _state(time)
    sizes = []
    while time.now.hour < 23:
        tick(timed, state)
        sizes.append(timed.store.head().size - _size(timed))
        time.now += timedelta(minutes=10)
    assert sizes == sorted(sizes)
    assert 0 < sizes[-1] <= 32
    assert len(set(sizes)) > 3
    time.now += timedelta(hours=2)
    size = _size(timed)
    tick(timed, state)
    assert _size(timed) == size + 64


def test_covers_never_push_a_slot_over_its_step(timed: Mechanism, box: Box, time: _Time) -> None:
    state, size = _state(time), _size(timed)
    for _ in range(21):
        report(timed, box)
    assert timed.store.head().size == size + 63
    while time.now.hour < 23:
        tick(timed, state)
        time.now += timedelta(hours=1)
    assert timed.store.head().size == size + 63


def test_what_reporters_wrote_is_noted_as_shown_at_the_full_hour(
    timed: Mechanism, box: Box, time: _Time
) -> None:
    state = _state(time)
    tick(timed, state)
    report(timed, box)
    time.now += timedelta(minutes=29)
    tick(timed, state)
    assert shown.shown_size(timed) == _size(timed)
    time.now += timedelta(minutes=1)
    tick(timed, state)
    assert shown.shown_size(timed) == timed.store.head().size


def test_a_restart_within_the_hour_shows_nothing_earlier(timed: Mechanism, box: Box, time: _Time) -> None:
    report(timed, box)
    tick(timed, _state(time))
    assert shown.shown_size(timed) == _size(timed)


def test_a_damaged_note_of_what_is_shown_hides_rather_than_shows(timed: Mechanism, box: Box) -> None:
    report(timed, box)
    (timed.directory / shown.FILE_NAME).write_text("many")
    assert shown.shown_size(timed) == _size(timed)


def test_uploads_that_were_never_sent_are_swept_after_a_day(timed: Mechanism, time: _Time, box: Box) -> None:
    state = _state(time)
    arriving = timed.store.receive(time.now.date())
    arriving.write(b"x" * 1000)
    arriving.pause()
    tick(timed, state)
    time.now += DAY
    tick(timed, state)
    assert list((box.directory / "incoming").iterdir()) != []
    time.now += DAY
    tick(timed, state)
    assert list((box.directory / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    ("hours", "begins"),
    [(24, "2026-11-22T00:00"), (1, "2026-11-22T13:00"), (6, "2026-11-22T12:00"), (168, "2026-11-19T00:00")],
)
def test_slots_lie_on_a_grid_in_utc(hours: int, begins: str) -> None:
    now = datetime(2026, 11, 22, 13, 45, tzinfo=UTC)
    assert clock.slot_start(now, hours).isoformat(timespec="minutes").removesuffix("+00:00") == begins


def test_after_a_restart_the_kept_checkpoint_tells_when_the_last_slot_was_closed(
    timed: Mechanism,
) -> None:
    written = (timed.directory / "checkpoint").stat().st_mtime
    assert clock.last_publication(timed, by_test_clock=False).timestamp() == pytest.approx(written)
    marker = timed.ledger().mechanism.last_marker
    assert marker is not None
    assert clock.last_publication(timed, by_test_clock=True).date() == marker.day


def test_a_second_clock_is_refused(box: Box) -> None:

    lock = box.directory / clock.LOCK_NAME
    with (
        only_one(lock, "clock"),
        pytest.raises(AlreadyRunningError, match="another clock"),
        only_one(lock, "clock"),
    ):
        pass


def test_a_date_that_passed_is_put_down_once_before_the_slot_closes(
    timed: Mechanism, box: Box, time: _Time
) -> None:
    state, reported = _state(time), report(timed, box)
    case = timed.ledger().cases[reported.case]
    time.now += timedelta(days=8)
    for _ in range(3):
        tick(timed, state)
        time.now += timedelta(hours=1)
    kinds = [row.kind for row in timed.store.stream(reported.case)]
    assert kinds == ["report.submitted", "deadline.missed"]
    assert timed.ledger().cases[reported.case].missed == (case.next_date,)
    assert box.findings() == []
