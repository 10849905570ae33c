"""Reads what a person typed as a receipt: twelve groups of four digits, or twelve words of one list.

Rules upheld here:

- Forgiving of everything that carries no meaning: spaces, dashes and other punctuation, line breaks,
  invisible format characters, case, compatibility forms, the script of the digits, missing spaces between
  digits or between Chinese characters.
- Nothing is guessed or corrected. A group that can be in no receipt is named by its place, 1 to 12; if every
  group could be, but the check bits do not fit, nobody can tell which is wrong and the answer is "one group
  does not fit".
- No refusal repeats what was typed.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from meyasubako.crypto.errors import BadReceiptError
from meyasubako.crypto.wordlists import LANGUAGES, folded, library, places

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUPS: Final = 12
DIGITS: Final = 4
LIST_LENGTH: Final = 2048

_LONGEST_TEXT: Final = 1000
_MINUS: Final = "\u2212"
_IDEOGRAPHS: Final = re.compile("[\u3400-\u9fff]+")


def read_entropy(text: str) -> bytearray:
    """The 16 bytes that the text spells; `BadReceiptError` if it spells none, or could mean two."""
    if len(text) > _LONGEST_TEXT:
        raise BadReceiptError("the text is too long for a receipt")
    tokens = _tokens(text)
    if any(character.isdecimal() for token in tokens for character in token):
        readings = [_read_digits(tokens)]
    else:
        readings = _read_words(tokens)
    found = [entropy for indices in readings if (entropy := _checked(indices)) is not None]
    if not found:
        raise BadReceiptError("one group does not fit")
    if any(entropy != found[0] for entropy in found):
        raise BadReceiptError("these words are a receipt in more than one language; the digits are not")
    return found[0]


def _tokens(text: str) -> list[str]:
    """The runs of characters that carry meaning, as they are compared."""
    kept = []
    for character in folded(text):
        category = unicodedata.category(character)
        if category[0] in "ZP" or category == "Cc" or character == _MINUS:
            kept.append(" ")
        elif category != "Cf":
            kept.append(character)
    return "".join(kept).split()


def _read_digits(tokens: Sequence[str]) -> list[int]:
    """The twelve indices, from 48 digits however they are spaced; else an impossible group is named."""
    together = "".join(tokens)
    if len(together) == GROUPS * DIGITS:
        tokens = [together[start : start + DIGITS] for start in range(0, len(together), DIGITS)]
    _check_count(tokens)
    indices = []
    for place, token in enumerate(tokens, 1):
        if len(token) != DIGITS or not token.isdecimal() or int(token) >= LIST_LENGTH:
            raise _impossible(place)
        indices.append(int(token))
    return indices


def _read_words(tokens: Sequence[str]) -> list[list[int]]:
    """The twelve indices in every list that holds all twelve words."""
    tokens = [word for token in tokens for word in (token if _IDEOGRAPHS.fullmatch(token) else (token,))]
    _check_count(tokens)
    readings = [[places(language).get(token, -1) for token in tokens] for language in LANGUAGES]
    complete = [indices for indices in readings if -1 not in indices]
    if not complete:
        # The list that holds the most of them is the one that the person meant.
        raise _impossible(min(readings, key=lambda indices: indices.count(-1)).index(-1) + 1)
    return complete


def _check_count(tokens: Sequence[str]) -> None:
    if len(tokens) != GROUPS:
        raise BadReceiptError("a receipt has twelve groups of four digits, or twelve words")


def _checked(indices: Sequence[int]) -> bytearray | None:
    """The entropy, or nothing if the four check bits do not fit."""
    english = library("english")
    try:
        entropy: bytearray = english.to_entropy([english.wordlist[index] for index in indices])
    except ValueError:
        return None
    return entropy


def _impossible(place: int) -> BadReceiptError:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(place, "th")
    return BadReceiptError(f"the {place}{ending} group is not one of ours", place)
