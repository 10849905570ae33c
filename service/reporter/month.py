"""The neutral page that quick exit ends on: this month, as any calendar shows it."""

from calendar import Calendar
from dataclasses import dataclass
from datetime import date

from babel import Locale
from babel.dates import format_skeleton, get_day_names

_SUNDAY = 6


@dataclass(frozen=True, slots=True)
class Month:
    """A month to print: title, the names of the days, weeks of days (0 outside the month), and today."""

    title: str
    day_names: tuple[str, ...]
    weeks: tuple[tuple[int, ...], ...]
    today: int


def month_of(day: date, language: str) -> Month:
    """The month around a day, in the words and with the first weekday of a language."""
    locale = Locale.parse(language)
    # A language without a country has no first weekday in CLDR; most readers of ours begin with Sunday.
    first = locale.first_week_day if locale.territory else _SUNDAY
    names = get_day_names("abbreviated", "stand-alone", locale)
    order = [(first + offset) % 7 for offset in range(7)]
    weeks = Calendar(first).monthdayscalendar(day.year, day.month)
    return Month(
        title=format_skeleton("yMMMM", day, locale=locale),
        day_names=tuple(names[index] for index in order),
        weeks=tuple(tuple(week) for week in weeks),
        today=day.day,
    )
