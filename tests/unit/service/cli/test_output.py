import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from meyasubako.service.cli.output import emit, plain


# A backslash at the very end is doubled, so that what follows in the same line stays markup.
@given(st.text().map(lambda text: text.rstrip("\\")))
def test_a_strangers_text_never_steers_the_terminal(text: str) -> None:
    shown = Text.from_markup(plain(text)).plain
    assert len(shown) == len(text)
    controls = set(map(chr, [*range(32), *range(127, 160)])) - {"\n", "\t"}
    assert not controls & set(shown)


def test_marks_that_turn_a_line_around_are_shown_as_such() -> None:
    assert plain("\u202eevil") == "\N{REPLACEMENT CHARACTER}evil"


def test_markup_in_a_text_is_shown_and_not_obeyed() -> None:
    assert Text.from_markup(plain("[bold]x[/bold]")).plain == "[bold]x[/bold]"


def test_facts_are_one_line_of_json_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"name": "佐藤\x9b", "readers": ["a"]}, as_json=True)
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert printed.isascii()
    assert json.loads(printed) == {"name": "佐藤\x9b", "readers": ["a"]}


def test_facts_are_names_and_values_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"next_date": "2026-11-29", "readers": ["Keiko", "Omar"], "good": True}, as_json=False)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["next date  2026-11-29", "readers    Keiko", "           Omar", "good       yes"]
