from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.service.reporter.languages import AUTONYMS, regional
from meyasubako.service.reporter.month import month_of


@given(st.dates(), st.sampled_from(list(AUTONYMS)))
def test_every_day_stands_once_under_its_weekday(day, language):
    month = month_of(day, language)
    days = [int(each) for week in month.weeks for each in week if each]
    assert days == list(range(1, len(days) + 1))
    assert day.day == int(month.today)
    column = next(week.index(month.today) for week in month.weeks if month.today in week)
    assert column == (day.weekday() - regional(language).first_week_day) % 7
    assert len(month.day_names) == 7


@pytest.mark.parametrize(
    ("language", "title", "first"), [("en", "November 2026", "Su"), ("ja", "2026年11月", "日")]
)
def test_the_month_is_in_the_pages_language(language, title, first):
    month = month_of(date(2026, 11, 22), language)
    assert (month.title, month.day_names[0]) == (title, first)
