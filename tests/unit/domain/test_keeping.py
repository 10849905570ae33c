from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from meyasubako.domain.keeping import LONGEST, window
from meyasubako.domain.people import Profile, Retention

SUBMITTED, CLOSED = date(2026, 3, 1), date(2026, 11, 22)


def profile(name, **days):
    return Profile(name, (), (Retention("report", **days),))


def test_without_rules_a_case_may_be_erased_at_once_and_is_kept_no_longer_than_any_law_allows():
    assert (window((), SUBMITTED, CLOSED).earliest, window((), SUBMITTED, CLOSED).latest) == (
        CLOSED,
        CLOSED + LONGEST,
    )


def test_a_calendar_years_end_begins_the_time_where_a_law_says_so():
    found = window([profile("poland", trigger="closing_year_ended", most=1095)], SUBMITTED, CLOSED)
    assert found.latest == date(2026, 12, 31) + timedelta(days=1095)


def test_another_items_rule_does_not_bound_the_report():
    audio = Profile("germany", (), (Retention("audio", "closed", 0, 1),))
    assert not window([audio], SUBMITTED, CLOSED).latest_by


RULES = st.builds(
    Retention,
    st.just("report"),
    st.sampled_from(["submitted", "closed", "closing_year_ended"]),
    st.integers(0, 4000),
    st.integers(0, 4000),
)


@given(st.lists(RULES, max_size=6))
def test_a_day_in_the_window_keeps_every_rule_and_none_outside_of_it_does(rules):
    profiles = [Profile(str(number), (), (rule,)) for number, rule in enumerate(rules)]
    found = window(profiles, SUBMITTED, CLOSED)
    begins = {"submitted": SUBMITTED, "closed": CLOSED, "closing_year_ended": date(2026, 12, 31)}

    def kept(day):
        return day >= CLOSED and all(
            (not rule.least or day >= begins[rule.trigger] + timedelta(days=rule.least))
            and (not rule.most or day <= begins[rule.trigger] + timedelta(days=rule.most))
            for rule in rules
        )

    for day in (found.earliest, found.latest):
        assert kept(day) != found.conflict
    assert not kept(found.earliest - timedelta(days=1))
    if found.latest_by:
        assert not kept(found.latest + timedelta(days=1))


def test_a_rule_that_wants_a_case_kept_long_conflicts_with_none_where_no_other_ends_it():
    found = window([profile("long", trigger="closed", least=5000)], SUBMITTED, CLOSED)
    assert (found.earliest, found.latest) == (CLOSED + timedelta(days=5000),) * 2
    assert not found.conflict
