from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from meyasubako.domain.deadlines import ACKNOWLEDGE, after, clocks_of, earliest
from meyasubako.domain.people import Deadline

DAYS = st.dates(date(2020, 1, 1), date(2090, 1, 1))


def test_without_a_profile_a_report_is_acknowledged_within_seven_days():
    assert clocks_of(None) == (ACKNOWLEDGE,)
    assert earliest(clocks_of(None), "acknowledge", date(2026, 11, 22)) == date(2026, 11, 29)


def test_what_no_profile_asks_for_is_due_never():
    assert earliest((ACKNOWLEDGE,), "feedback", date(2026, 11, 22)) is None


def test_only_a_deadline_that_may_be_extended_is():
    clocks = (Deadline("feedback", 90, extended=180), Deadline("feedback", 100))
    start = date(2026, 1, 1)
    assert earliest(clocks, "feedback", start, extended=True) == start + timedelta(days=100)


@given(DAYS, st.integers(1, 400))
def test_working_days_are_counted_one_by_one(start, days):
    end = after(start, days, working=True)
    between = (start + timedelta(days=day) for day in range(1, (end - start).days + 1))
    assert sum(day.weekday() < 5 for day in between) == days
    assert end.weekday() < 5
