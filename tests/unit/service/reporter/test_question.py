import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.service.reporter.question import LINES, answered, ask
from meyasubako.service.reporter.state import FormSeal

SEAL = FormSeal(bytes(32), "box.example.org", lambda: 1_800_000_000.0)


def right(question):
    return str(question.numbers[question.line - 1])


def test_the_number_in_the_line_that_is_asked_for_is_the_answer_and_no_other_is():
    for _ in range(20):
        question = ask(SEAL, "token")
        assert len(set(question.numbers)) == LINES
        found = [str(n) for n in question.numbers if answered(SEAL, "token", question.sealed, str(n))]
        assert found == [right(question)]


def test_every_line_is_asked_for():
    assert {ask(SEAL, "token").line for _ in range(300)} == set(range(1, LINES + 1))


@pytest.mark.parametrize("zero", ["\u0660", "\u0966", "\u1040", "\uff10"])
def test_digits_of_every_script_and_space_around_them_are_taken(zero):
    question = ask(SEAL, "token")
    written = "".join(chr(ord(zero) + int(digit)) for digit in right(question))
    assert answered(SEAL, "token", question.sealed, f" {written}\n")


def test_an_answer_counts_on_its_own_form_only():
    question = ask(SEAL, "token")
    assert not answered(SEAL, "another", question.sealed, right(question))


def test_the_answer_cannot_be_read_out_of_the_page():
    question = ask(SEAL, "token")
    assert right(question) not in repr(SEAL).partition(" at 0x")[0]
    assert question.sealed != ask(SEAL, "token").sealed


@given(st.text(), st.text())
def test_anything_else_is_no_answer(sealed, written):
    assert not answered(SEAL, "token", sealed, written)
    assert not answered(SEAL, "token", ask(SEAL, "token").sealed, "x" + written)
