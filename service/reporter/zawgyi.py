"""Burmese text in the Zawgyi encoding: recognised, and copied into Unicode for those who read it.

Many phones in Myanmar still write Zawgyi, a font encoding that uses the code points of Unicode's Myanmar
block (Unicode Standard, chapter 16.3; Unicode Technical Note 11) in another way: in the order in which a hand
writes, with a code point for each shape. The letters arrive, and are nonsense to whoever has a Unicode font.

Rules upheld here:

- The original is never replaced: a wrong guess must cost nothing, so `converted` gives a copy beside it.
- Recognition counts what only one of the two encodings can hold. Without more signs for Zawgyi than for
  Unicode a text is left alone: Shan, Karen and Mon use the same block, in Unicode.
"""

import re
from typing import Final

_CONSONANT: Final = "\u1000-\u102a\u103f"
_VOWEL: Final = "\u102b-\u1030\u1032\u1036-\u1038"
# Letters of one place of the mouth; stacks are made within a row.
_ROWS: Final = ("\u1000-\u1004", "\u1005-\u100a", "\u100b-\u100f", "\u1010-\u1014", "\u1015-\u1019")
_NO_STACK: Final = "|".join(rf"(?<=[{row}])\u1039(?=[^{row}\W])" for row in _ROWS)
_MYANMAR: Final = re.compile("[\u1000-\u109f]")
_ONLY_ZAWGYI: Final = re.compile(
    # The sign that silences a letter where no stack can be; Unicode has \u103a for it.
    rf"\u1039(?![{_CONSONANT}])|{_NO_STACK}"
    # The vowel e, or the medial r, written before its letter.
    rf"|(?:^|(?<=[\s{_VOWEL}\u1039]))[\u1031\u103b\u107e-\u1084](?=[{_CONSONANT}\u103b\u107e-\u1084])"
    # The medial y, which is that silencing sign in Unicode, before a vowel; the medial r behind the vowel e.
    r"|\u103a(?=[\u102b-\u102e\u1030\u1032])|\u1031(?=[\u103b\u107e-\u1084])|\u1021\u103b"
    # Shapes of stacked letters and of vowels.
    r"|[\u1033\u1034\u105a\u1060-\u1074]"
)
_ONLY_UNICODE: Final = re.compile(
    # The vowel e after its letter, with no letter behind it.
    rf"\u1031(?![{_CONSONANT}\u103b\u107e-\u1084])"
    # The sign that silences a letter: after a vowel, at an end, or before a tone.
    rf"|(?<=[\u102b-\u1032])\u103a|(?<=[{_CONSONANT}])\u103a(?=[\s\u1037\u1038\u104a\u104b]|$)"
    r"|\u103e|\u1037\u103a"
)

_KINZI: Final = "\ue000"
_KINZI_SPELT: Final = "\u1004\u103a\u1039"
# Shapes to letters. Of ranges, every shape stands for the same.
_SHAPES: Final[dict[str, str]] = {
    "\u1033": "\u102f", "\u1034": "\u1030", "\u1039": "\u103a", "\u103a": "\u103b", "\u103b": "\u103c",
    "\u103c": "\u103d", "\u103d": "\u103e", "\u105a": "\u102b\u103a", "\u1060": "\u1039\u1000",
    "\u1061": "\u1039\u1001", "\u1062": "\u1039\u1002", "\u1063": "\u1039\u1003", "\u1064": _KINZI,
    "\u1065": "\u1039\u1005", "\u1066": "\u1039\u1006", "\u1067": "\u1039\u1006", "\u1068": "\u1039\u1007",
    "\u1069": "\u1039\u1008", "\u106a": "\u1009", "\u106b": "\u100a", "\u106c": "\u1039\u100b",
    "\u106d": "\u1039\u100c", "\u106e": "\u100d\u1039\u100d", "\u106f": "\u100d\u1039\u100e",
    "\u1070": "\u1039\u100f", "\u1071": "\u1039\u1010", "\u1072": "\u1039\u1010", "\u1073": "\u1039\u1011",
    "\u1074": "\u1039\u1011", "\u1075": "\u1039\u1012", "\u1076": "\u1039\u1013", "\u1077": "\u1039\u1014",
    "\u1078": "\u1039\u1015", "\u1079": "\u1039\u1016", "\u107a": "\u1039\u1017", "\u107b": "\u1039\u1018",
    "\u107c": "\u1039\u1019", "\u107d": "\u103b", **dict.fromkeys(map(chr, range(0x107E, 0x1085)), "\u103c"),
    "\u1085": "\u1039\u101c", "\u1086": "\u103f", "\u1087": "\u103e", "\u1088": "\u103e\u102f",
    "\u1089": "\u103e\u1030", "\u108a": "\u103d\u103e", "\u108b": _KINZI + "\u102d",
    "\u108c": _KINZI + "\u102e", "\u108d": _KINZI + "\u1036", "\u108e": "\u102d\u1036", "\u108f": "\u1014",
    "\u1090": "\u101b", "\u1091": "\u100f\u1039\u100d", "\u1092": "\u100b\u1039\u100c",
    "\u1093": "\u1039\u1018", "\u1094": "\u1037", "\u1095": "\u1037", "\u1096": "\u1039\u1010\u103d",
    "\u1097": "\u100b\u1039\u100b",
}  # fmt: skip
_TO_LETTERS: Final = str.maketrans(_SHAPES)
# The order of Unicode within a syllable; a stacked letter comes first.
_ORDER: Final = {
    mark: place
    for place, marks in enumerate(
        ("\u103b", "\u103c", "\u103d", "\u103e", "\u1031", "\u102d\u102e\u1032", "\u102f\u1030",
         "\u102b\u102c", "\u1036", "\u1037", "\u103a", "\u1038"), 1
    )
    for mark in marks
}  # fmt: skip
# A silenced letter carries its sign before its vowels, but behind the long a, which only e and o have.
_ASAT: Final = "\u103a"
_LONG_A: Final = frozenset("\u102b\u102c")
_MARK: Final = rf"\u1039[{_CONSONANT}]|[\u102b-\u1030\u1032\u1036-\u1038\u103a\u103b\u103d\u103e{_KINZI}]"
_SYLLABLE: Final = re.compile(rf"(?P<before>[\u1031\u103c]*)(?P<base>[{_CONSONANT}])(?P<after>(?:{_MARK})*)")
_MARKS: Final = re.compile(rf"{_MARK}|[\u1031\u103c]")
# Signs that look alike are typed for each other: the digits 0 and 7 for the letters w and r.
_ZERO_AS_LETTER: Final = re.compile(rf"(?<=[\u1031\u103c])\u1040|\u1040(?={_MARK})")
_SEVEN_AS_LETTER: Final = re.compile(rf"(?<=[\u1031\u103c])\u1047|\u1047(?={_MARK})")
_ABBREVIATED: Final = re.compile(r"\u104e(?!\u1004)|\u1044(?=\u1004\u103a\u1038)")


def is_zawgyi(text: str) -> bool:
    """Whether more of a text can only be Zawgyi than can only be Unicode."""
    if _MYANMAR.search(text) is None:
        return False
    return len(_ONLY_ZAWGYI.findall(text)) > len(_ONLY_UNICODE.findall(text))


def converted(text: str) -> str | None:
    """A copy in Unicode of a text in Zawgyi; None for a text that is not."""
    return to_unicode(text) if is_zawgyi(text) else None


def to_unicode(text: str) -> str:
    """What a text means if it is read as Zawgyi; other scripts stay as they are."""
    letters = text.translate(_TO_LETTERS)
    letters = _ZERO_AS_LETTER.sub("\u101d", letters)
    letters = _SEVEN_AS_LETTER.sub("\u101b", letters)
    letters = _ABBREVIATED.sub(_spelt_out, letters)
    letters = _SYLLABLE.sub(_in_order, letters).replace(_KINZI, _KINZI_SPELT)
    # Two letters that Zawgyi writes as one and a sign, or that share a shape.
    return letters.replace("\u1025\u102e", "\u1026").replace("\u1025\u103a", "\u1009\u103a")


def _spelt_out(found: re.Match[str]) -> str:
    return "\u104e" if found[0] == "\u1044" else "\u104e\u1004\u103a\u1038"


def _in_order(found: re.Match[str]) -> str:
    marks = list(dict.fromkeys(_MARKS.findall(found["before"] + found["after"])))
    kinzi = _KINZI_SPELT if _KINZI in marks else ""
    order = _ORDER if _LONG_A.intersection(marks) else _ORDER | {_ASAT: _ORDER["\u1031"]}
    rest = sorted((mark for mark in marks if mark != _KINZI), key=lambda mark: order.get(mark, 0))
    return kinzi + found["base"] + "".join(rest)
