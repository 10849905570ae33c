"""Where the time comes from: the system, or, for test mechanisms only, a file.

Time enters the program here and in nothing else; `domain` is given it as an argument.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from meyasubako.service.errors import ConfigError

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The time now, UTC, in whole seconds: nothing here needs more, and more could single somebody out."""
    return datetime.now(UTC).replace(microsecond=0)


def file_clock(path: Path) -> Clock:
    """A clock that says what a file says, an ISO 8601 time; read anew at each look."""

    def now() -> datetime:
        try:
            told = datetime.fromisoformat(path.read_text(encoding="ascii").strip())
        except (OSError, ValueError) as error:
            raise ConfigError(f"the test clock {path} does not hold a time") from error
        return told.astimezone(UTC).replace(microsecond=0)

    return now
