"""The languages of the reporter's site, by the names that their own readers use. Never flags.

Rules upheld here:

- A language is listed only when every sentence of the site has been translated into it; a test compares.
- A mechanism offers those of them in which somebody can answer, as its log says.
- A translation counts as made by a machine until a person signs it off, with the line
  `# X-Reviewed-By: name, day` among the first lines of its catalogue. English is the original.
- Dates and numbers are shown with the digits that the reader writes. The receipt is not: people copy it from
  the page, poster and paper must look alike, and every keypad has 0 to 9. It is read in the digits of any
  script.

Plain Japanese carries the registered BCP 47 variant `simple`. It is written in kana with spaces between
words, so that it needs no ruby. Babel takes no variant without data of its own: there it is a modifier.
"""

import re
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from babel import Locale
from babel.core import get_global
from babel.dates import format_date
from babel.numbers import format_decimal
from flask import g

# URL prefix, which is also the BCP 47 tag in the page, to autonym. The order is the order on the first page.
AUTONYMS: Final[dict[str, str]] = {
    "en": "English",
    "ja": "日本語",
    "ja-simple": "やさしい にほんご",
    "vi": "Tiếng Việt",
    "zh-Hans": "简体中文",
    "zh-Hant": "繁體中文",
    "fil": "Filipino",
    "ne": "नेपाली",
    "id": "Bahasa Indonesia",
    "pt-BR": "Português (Brasil)",
    "my": "မြန်မာဘာသာ",
    "ko": "한국어",
    "th": "ไทย",
    "es": "Español",
    "fr": "Français",
    "de": "Deutsch",
    "ar": "العربية",
}
# The word "Language" in each, for the page that is in all of them at once.
WORDS: Final[dict[str, str]] = {
    "en": "Language",
    "ja": "言語",
    "ja-simple": "ことば",
    "vi": "Ngôn ngữ",
    "zh-Hans": "语言",
    "zh-Hant": "語言",
    "fil": "Wika",
    "ne": "भाषा",
    "id": "Bahasa",
    "pt-BR": "Idioma",
    "my": "ဘာသာစကား",
    "ko": "언어",
    "th": "ภาษา",
    "es": "Idioma",
    "fr": "Langue",
    "de": "Sprache",
    "ar": "اللغة",
}
DEFAULT: Final = "en"

_CATALOGUES: Final = Path(__file__).with_name("translations")
_REVIEWED: Final = re.compile(r"^# X-Reviewed-By:[ \t]*\S", re.MULTILINE)
_HEADER_BYTES: Final = 2048
# Languages whose readers write other digits than 0 to 9: the first of the ten in Unicode.
_ZEROS: Final = {"ar": "\u0660", "my": "\u1040", "ne": "\u0966"}


def current() -> str:
    """The language of the page that is being answered, from its address."""
    return str(g.get("language", DEFAULT))


def locale_identifier(tag: str) -> str:
    """What Babel calls a language: the name of its folder of sentences and the key of its formats."""
    return "ja@simple" if tag == "ja-simple" else tag.replace("-", "_")


@cache
def locale_of(tag: str) -> Locale:
    """The words and formats of a language."""
    return Locale.parse(locale_identifier(tag))


@cache
def regional(tag: str) -> Locale:
    """The same with the country where most of its readers are from, for what differs between countries."""
    identifier = str(locale_of(tag)).partition("@")[0]
    return Locale.parse(get_global("likely_subtags").get(identifier, identifier))


@lru_cache(maxsize=64)
def offered(answered: frozenset[str]) -> tuple[str, ...]:
    """The site's languages among those in which somebody answers; the default if there is none."""
    known = {tag.lower() for tag in answered}
    return tuple(tag for tag in AUTONYMS if tag.lower() in known) or (DEFAULT,)


@cache
def reviewed(tag: str) -> bool:
    """Whether a person has signed off what a machine translated."""
    if tag == DEFAULT:
        return True
    catalogue = _CATALOGUES / locale_identifier(tag) / "LC_MESSAGES" / "messages.po"
    with catalogue.open("rb") as file:
        return is_signed_off(file.read(_HEADER_BYTES).decode("utf-8", "ignore"))


def is_signed_off(beginning: str) -> bool:
    """Whether the first lines of a catalogue name somebody who reviewed it."""
    return _REVIEWED.search(beginning.partition("msgid ")[0]) is not None


def digits(text: str, tag: str) -> str:
    """A text with its numbers in the digits of a language."""
    if tag not in _ZEROS:
        return text
    zero = ord(_ZEROS[tag])
    return text.translate({ord("0") + value: zero + value for value in range(10)})


def digits_locale(tag: str) -> str:
    """A language as scripts name it (BCP 47, extension u), with the digits and calendar of our own pages."""
    script = {"ar": "arab", "my": "mymr", "ne": "deva"}.get(tag, "latn")
    return f"{tag}-u-ca-gregory-nu-{script}"


def language_rule(path: str) -> str:
    """The rule of addresses that begin with the language of the page."""
    return f"/<any({','.join(f'{chr(34)}{tag}{chr(34)}' for tag in AUTONYMS)}):language>/{path}"


def shown_date(day: date, tag: str) -> str:
    """A day in full, as its reader writes it."""
    return digits(format_date(day, "long", locale_of(tag)), tag)


@lru_cache(maxsize=256)
def shown_number(value: float, tag: str, pattern: str | None = None) -> str:
    """A count or a size, as its reader writes it; `pattern` is one of CLDR, else the language's own."""
    return digits(format_decimal(value, pattern, locale_of(tag)), tag)
