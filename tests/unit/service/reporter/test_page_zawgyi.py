"""Text in Zawgyi is recognised and copied in the page as at the server: the same result for the same text."""

import sys

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from meyasubako.service.reporter import zawgyi
from tests.unit.service.reporter.page_library import Library
from tests.unit.service.reporter.test_zawgyi import PAIRS, as_zawgyi, sentences

MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# What the signs are made of, often; and now and then anything that a text can hold.
burmese = st.characters(min_codepoint=0x1000, max_codepoint=0x109F)
signs = st.sampled_from(
    "\u1021\u1025\u102b\u102d\u102f\u1031\u1033\u1037\u1038\u1039\u103a\u103b\u103c\u103e"
    "\u1040\u1044\u1047\u104e\u1060\u1064\u107e\u108b\ue000 \n"
)
anything = st.characters(exclude_categories=["Cs"], exclude_characters="$")
texts = st.text(st.one_of(burmese, signs, signs, anything), max_size=40)
SPACES = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace() or code == 0xFEFF]


def alike(page: Library, given: list[str]) -> None:
    """Every text has the same copy, or none, and the same meaning if it is read as Zawgyi."""
    asked = [[text] for text in given]
    assert page("extra.each", "zawgyi.converted", asked) == [zawgyi.converted(text) for text in given]
    assert page("extra.each", "zawgyi.toUnicode", asked) == [zawgyi.to_unicode(text) for text in given]
    assert page("extra.each", "zawgyi.isZawgyi", asked) == [zawgyi.is_zawgyi(text) for text in given]


def test_what_phones_send_is_copied_as_at_the_server(page: Library) -> None:
    alike(page, [text for pair in PAIRS for text in pair])
    assert page("zawgyi.converted", PAIRS[0][0]) == PAIRS[0][1]


def test_every_sentence_of_our_own_catalogue_is_read_as_at_the_server_in_both_encodings(
    page: Library,
) -> None:
    alike(page, sentences())
    alike(page, [as_zawgyi(text) for text in sentences()])


@MANY
@example(several=["\u1021\u103b", "\u1037\u103a", "\u1039", "\u1031", " \u1031\u1000", "\ue000\u1000"])
@given(several=st.lists(texts, min_size=1, max_size=40))
def test_any_text_is_read_as_at_the_server(page: Library, several: list[str]) -> None:
    alike(page, several)


def test_every_sign_is_read_as_at_the_server_between_any_two_of_its_neighbours(page: Library) -> None:
    block = [chr(code) for code in range(0x1021, 0x1098)]
    near = ["", "\u1000", "\u1010", "\u1021", "\u102d", "\u1031", "\u1037", "\u1039", "\u103b", "\u107e", "x"]
    alike(page, [before + sign + after for sign in block for before in near for after in near])


@pytest.mark.parametrize("place", ["before", "behind"])
def test_white_space_is_what_the_server_calls_so(page: Library, place: str) -> None:
    assert len(SPACES) > 25
    told = [f"{space}\u1031\u1000" if place == "before" else f"\u1000\u103a{space}\u1000" for space in SPACES]
    alike(page, [f"\u1000{text}" for text in told])
