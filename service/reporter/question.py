"""A question that stops simple machines, for times in which many of them come: a text, and no picture.

Rules upheld here:

- It is the same for eyes, ears and fingers: five numbers in a numbered list, one of which is to be copied
  (WCAG 2.2, 3.3.8: nothing to remember, to recognise or to reckon; copying and pasting works).
- An answer counts for the form that it was asked on, and for no other. The server remembers nothing between.
- Whoever writes a program for this very site answers it. It is there for the other ones.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from meyasubako.service.reporter.errors import LostStateError
from meyasubako.service.reporter.state import FormSeal

FIELD: Final = "written_number"
SEALED: Final = "asked_number"
PURPOSE: Final = "question"
LINES: Final = 5


@dataclass(frozen=True, slots=True, repr=False)
class Expected:
    """What is sealed into the page: the form's token, and the number to copy."""

    token: str
    number: int


@dataclass(frozen=True, slots=True)
class Question:
    """What is shown: numbers, the line (counted from 1) to copy, and the sealed field that goes back."""

    numbers: tuple[int, ...]
    line: int
    sealed: str


def ask(seal: FormSeal, token: str) -> Question:
    """A fresh question for the form with this token."""
    numbers = tuple(secrets.SystemRandom().sample(range(100, 1000), LINES))
    line = secrets.randbelow(LINES) + 1
    return Question(numbers, line, seal.seal(PURPOSE, Expected(token, numbers[line - 1])))


def answered(seal: FormSeal, token: str, sealed: str, written: str) -> bool:
    """Whether this is the answer to the question that was asked on this form; digits of any script count."""
    try:
        expected = seal.open(PURPOSE, sealed, Expected)
        return expected.token == token and int(written.strip()) == expected.number
    except (LostStateError, ValueError):
        return False
