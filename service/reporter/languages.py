"""The languages of the reporter's site, by the names that their own readers use. Never flags.

A language is listed here only when every sentence of the site has been translated into it; a test compares.
"""

from typing import Final

# URL prefix, which is also the BCP 47 tag in the page, to autonym. The order is the order on the first page.
AUTONYMS: Final[dict[str, str]] = {"en": "English", "ja": "日本語"}
# The word "Language" in each, for the page that is in all of them at once.
WORDS: Final[dict[str, str]] = {"en": "Language", "ja": "言語"}
DEFAULT: Final = "en"
