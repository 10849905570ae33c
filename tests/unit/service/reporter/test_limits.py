from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.service.config import NO_ABUSE_LIMITS, Abuse
from meyasubako.service.reporter.limits import MOST_CIRCUITS, Bucket, Pace, Quota

NOON = datetime(2026, 11, 22, 12, 30, tzinfo=UTC).timestamp()


class Hands:
    """A clock that stands where a test puts it."""

    def __init__(self, seconds=NOON):
        self.seconds = seconds

    def __call__(self):
        return self.seconds


class Log:
    """What a log tells about reports: how many, and how many of today."""

    def __init__(self, total=0, today=0):
        self.total, self.today = total, today

    def filed(self):
        return self.total

    def filed_on(self, day):
        return self.today if day == date(2026, 11, 22) else 0


def pace(hands=None, log=None, **settings):
    given = {"sends_a_minute": 0, "circuit_requests_a_minute": 0, "reports_an_hour": 0, "reports_a_day": 0}
    return Pace(Abuse(**{**given, **settings}), log or Log(), hands or Hands())


@given(
    st.integers(min_value=1, max_value=50),
    st.lists(st.floats(min_value=0, max_value=30), max_size=200),
)
def test_no_bucket_gives_more_than_its_rate_and_one_minutes_worth(a_minute, pauses):
    bucket, now, given = Bucket(a_minute, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        given += bucket.take(now) == 0
    assert given <= a_minute + now * a_minute / 60 + 1e-6


@given(st.integers(min_value=1, max_value=50), st.integers(min_value=0, max_value=100))
def test_whoever_waits_as_long_as_they_are_told_gets_in(a_minute, asked):
    bucket = Bucket(a_minute, 0.0, debt=float(a_minute))
    waits = [bucket.take(0.0) for _ in range(asked)]
    assert bucket.take((waits or [0.0])[-1] + 1e-6) == 0 or waits[-1:] == [0.0]


def test_a_clock_that_goes_back_empties_no_bucket():
    bucket = Bucket(60, 100.0)
    assert bucket.take(0.0) == 0
    assert bucket.level == 59


def test_refusals_use_up_nothing_of_what_others_may_send():
    bucket = Bucket(60, 0.0)
    for _ in range(60):
        bucket.take(0.0)
    assert {bucket.take(0.0) for _ in range(1000)} == {1.0}
    assert bucket.take(1.0) == 0


def test_a_circuit_that_goes_on_asking_waits_longer_and_no_longer_than_two_minutes():
    hands = Hands()
    busy = pace(hands, circuit_requests_a_minute=60)
    assert {busy.request(7) for _ in range(60)} == {0.0}
    assert busy.request(7) == 2.0
    waits = [busy.request(7) for _ in range(1000)]
    assert waits[0] == 3.0
    assert waits[-1] == 61.0
    assert busy.request(8) == 0
    hands.seconds += 61
    assert busy.request(7) == 0


def test_nobody_is_counted_who_comes_without_a_circuit():
    busy = pace(circuit_requests_a_minute=1)
    assert [busy.request(None) for _ in range(10)] == [0.0] * 10


def test_the_circuits_that_were_not_seen_for_longest_are_forgotten():
    busy = pace(circuit_requests_a_minute=1)
    for circuit in range(2 * MOST_CIRCUITS):
        assert busy.request(circuit) == 0
    assert len(busy._circuits) == MOST_CIRCUITS
    assert busy.request(2 * MOST_CIRCUITS - 1) > 0
    assert busy.request(0) == 0


def test_sends_of_everybody_are_counted_together():
    hands = Hands()
    busy = pace(hands, sends_a_minute=2)
    assert [busy.send() for _ in range(3)] == [0.0, 0.0, 30.0]
    hands.seconds += 30
    assert busy.send() == 0


def test_an_hour_takes_so_many_reports_and_the_next_full_hour_takes_more():
    hands, log = Hands(), Log(total=1000)
    busy = pace(hands, log, reports_an_hour=3)
    for _ in range(3):
        assert busy.report() == 0
        log.total += 1
    # Until the next full hour, whenever the others came.
    assert busy.report() == 1800
    hands.seconds += 1800
    assert busy.report() == 0


def test_a_day_takes_so_many_reports_with_those_from_before_a_restart():
    hands, log = Hands(), Log(total=1000, today=2)
    busy = pace(hands, log, reports_a_day=3)
    assert busy.report() == 0
    log.total += 1
    assert busy.report() == 11.5 * 3600
    hands.seconds += 11.5 * 3600
    assert busy.report() == 0


def test_the_longer_of_two_waits_is_told():
    log = Log(total=9, today=9)
    busy = pace(Hands(), log, reports_an_hour=1, reports_a_day=9)
    assert busy.report() == 11.5 * 3600


@given(
    st.integers(min_value=1, max_value=20), st.lists(st.integers(min_value=0, max_value=5000), max_size=60)
)
def test_no_period_takes_more_than_its_quota(most, pauses):
    quota, now, total, taken = Quota(most, 3600), 0, 0, {}
    for pause in pauses:
        now += pause
        if not quota.wait(now, total, lambda: 0):
            total += 1
            taken[now // 3600] = taken.get(now // 3600, 0) + 1
    assert max(taken.values(), default=0) <= most


def test_without_limits_nothing_waits():
    free = Pace(NO_ABUSE_LIMITS, Log(10**6, 10**6), Hands())
    assert not any(free.request(1) or free.send() or free.report() for _ in range(1000))


@pytest.mark.parametrize(
    "field", ["reports_an_hour", "reports_a_day", "sends_a_minute", "circuit_requests_a_minute"]
)
def test_the_defaults_are_calm(field):
    assert getattr(Abuse(), field) >= 60
