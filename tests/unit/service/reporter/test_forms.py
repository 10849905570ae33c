import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from meyasubako.service.reporter import forms
from meyasubako.service.reporter.questionnaire import standard
from meyasubako.service.reporter.state import HeldFile, Writing
from meyasubako.service.reporter.uploads import Arrived, Refused

EMPTY = Writing("token", "main", "marker")
PAGES = standard().pages
NAMES = [question.id for question in standard().questions()]
TYPED = st.lists(
    st.tuples(st.sampled_from(NAMES), st.text(max_size=20) | st.sampled_from(["yes", "wages", "me"]))
)


@given(st.text())
def test_cleaning_a_text_twice_changes_nothing_more(text):
    assert forms.clean(forms.clean(text)) == forms.clean(text)


def test_line_ends_of_every_system_become_one():
    assert forms.clean(" a\r\nb\rc\n ") == "a\nb\nc"


def test_a_text_is_composed():
    assert forms.clean("e\u0301") == "\u00e9"


@given(TYPED)
def test_only_codes_of_the_questionnaire_are_stored(typed):
    fields = MultiDict(typed)
    for page in PAGES:
        answers = forms.read_answers(EMPTY, fields, page).answers
        assert set(answers) <= {question.id for question in page.questions}
        for question in page.questions:
            answer = answers.get(question.id, "")
            if question.kind == "one":
                assert answer in question.codes | {""}
            if question.kind == "many":
                assert set(answer) <= question.codes


def test_an_emptied_answer_is_no_answer():
    page = next(page for page in PAGES if page.id == "circumstances")
    filled = forms.read_answers(EMPTY, MultiDict({"place": " Osaka \n bay "}), page)
    assert filled.answers == {"place": "Osaka bay"}
    assert forms.read_answers(filled, MultiDict(), page).answers == {}


def test_other_pages_answers_stay():
    state = Writing("t", "main", "m", answers={"about": "advice"})
    page = next(page for page in PAGES if page.id == "circumstances")
    assert forms.read_answers(state, MultiDict({"ongoing": "yes"}), page).answers == {
        "about": "advice",
        "ongoing": "yes",
    }


def test_nobody_outside_the_list_can_be_left_out():
    fields = MultiDict([("excluded", "b"), ("excluded", "stranger"), ("excluded", "a")])
    assert forms.read_readers(EMPTY, fields, ["a", "b", "c"]).excluded == ("a", "b")


def test_another_channel_forgets_who_was_left_out():
    state = Writing("t", "main", "m", excluded=("a",))
    markers = {"main": "m", "other": "n"}
    assert forms.read_channel(state, MultiDict({"channel": "main"}), markers) is state
    moved = forms.read_channel(state, MultiDict({"channel": "other"}), markers)
    assert (moved.channel, moved.marker, moved.excluded) == ("other", "n", ())
    assert forms.read_channel(state, MultiDict({"channel": "none"}), markers) is state


@pytest.mark.usefixtures("english")
def test_an_empty_text_and_a_long_text_are_told_apart():
    assert "One sentence is enough" in forms.text_problems("", 10)[0].sentence
    assert "12" in forms.text_problems("x" * 12, 10)[0].sentence
    assert forms.text_problems("x" * 10, 10) == ()


@pytest.mark.usefixtures("english")
def test_a_long_answer_is_named_by_its_field():
    page = next(page for page in PAGES if page.id == "circumstances")
    assert [p.field for p in forms.answer_problems({"place": "x" * 1001, "time": "x"}, page)] == ["place"]


@pytest.mark.usefixtures("english")
def test_every_refused_file_is_named():
    refused = tuple((f"file {why.value}", why) for why in Refused)
    problems = forms.file_problems(Arrived((), refused), largest=5 * 1024**2, most=3)
    assert len(problems) == len(Refused)
    for problem, (name, _) in zip(problems, refused, strict=True):
        assert name in problem.sentence
    assert "5 MB" in problems[0].sentence


def test_a_removed_file_is_gone_and_the_others_stay():
    files = tuple(HeldFile(name, "", 0, "", name, "") for name in "abc")
    assert [file.id for file in forms.without(files, "b")] == ["a", "c"]
