"""The neutral page that quick exit ends on: this month, as any calendar shows it."""

from calendar import Calendar
from dataclasses import dataclass
from datetime import date

from babel.dates import format_skeleton, get_day_names

from meyasubako.service.reporter.languages import digits, locale_of, regional


@dataclass(frozen=True, slots=True)
class Month:
    """A month to print: title, the names of the days, weeks of days (empty outside the month), and today."""

    title: str
    day_names: tuple[str, ...]
    weeks: tuple[tuple[str, ...], ...]
    today: str


def month_of(day: date, language: str) -> Month:
    """The month around a day, in the words and with the first weekday of a language."""
    locale, first = locale_of(language), regional(language).first_week_day
    # Of some languages the abbreviated names are too long for a phone's column.
    names = get_day_names("short", "stand-alone", locale)
    order = [(first + offset) % 7 for offset in range(7)]
    weeks = Calendar(first).monthdayscalendar(day.year, day.month)
    return Month(
        title=digits(format_skeleton("yMMMM", day, locale=locale), language),
        day_names=tuple(names[index] for index in order),
        weeks=tuple(tuple(digits(str(n), language) if n else "" for n in week) for week in weeks),
        today=digits(str(day.day), language),
    )
