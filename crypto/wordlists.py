"""The ten word lists of BIP-39, for receipts and for pass phrases.

Rules upheld here:

- Ten languages, those that BIP-39 itself publishes and that the page's library has too; the Python library's
  two further lists are left out, because a receipt must open wherever it is typed.
- Words are compared without case, without compatibility forms (NFKD) and without the accents U+0300 to
  U+036F, as BIP-39 asks for Spanish; in each list all 2,048 words stay different. Japanese voicing marks
  count.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

from mnemonic import Mnemonic

LANGUAGES: Final = (
    "english",
    "japanese",
    "korean",
    "spanish",
    "chinese_simplified",
    "chinese_traditional",
    "french",
    "italian",
    "czech",
    "portuguese",
)


@cache
def library(language: str) -> Mnemonic:
    """The BIP-39 library with the list of one of `LANGUAGES`; `ValueError` for another."""
    if language not in LANGUAGES:
        raise ValueError(f"there is no word list for this language; there is one for {', '.join(LANGUAGES)}")
    return Mnemonic(language)


def word(language: str, index: int) -> str:
    """The word with this index, 0 to 2047, composed (NFC) as people type and see it.

    >>> word("english", 2047), word("spanish", 0)
    ('zoo', 'ábaco')
    """
    return unicodedata.normalize("NFC", library(language).wordlist[index])


@cache
def places(language: str) -> dict[str, int]:
    """The index of each word, by its `folded` form."""
    return {folded(entry): index for index, entry in enumerate(library(language).wordlist)}


def folded(text: str) -> str:
    """The text as it is compared: decomposed, without case and without accents.

    >>> folded("ÁBACO") == folded("abaco") == folded("Abaco")
    True
    """
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(character for character in decomposed if not "\u0300" <= character <= "\u036f")
