import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.service.reporter.errors import QuestionnaireError
from meyasubako.service.reporter.questionnaire import read_questionnaire, standard

HEAD = 'id = "q"\nversion = 1\n'
PAGE = '[[pages]]\nid = "p"\ntitle = "T"\n'


def question(**fields):
    return "[[pages.questions]]\n" + "".join(f"{name} = {value}\n" for name, value in fields.items())


LINE = question(id='"a"', kind='"line"', label='"A?"')
OPTION = '{ code = "x", label = "X" }'


def test_the_standard_one_can_be_read_and_fits_a_few_screens():
    found = standard()
    assert found.id == "general"
    assert len(found.pages) == 3
    assert all(len(page.questions) <= 7 for page in found.pages)


def test_only_free_questions_about_people_and_places_are_marked():
    assert {question.id for question in standard().questions() if question.identifying} == {"place", "actor"}


def test_a_small_one_is_read_as_it_stands():
    found = read_questionnaire(HEAD + PAGE + LINE)
    assert found.page("p").questions[0].label == "A?"
    assert found.page("none") is None
    assert list(found.sentences()) == ["T", "A?"]


@pytest.mark.parametrize(
    "broken",
    [
        HEAD,
        "version = 'one'",
        HEAD + PAGE + LINE + LINE,
        HEAD + PAGE + question(id='"a"', kind='"line"', label='"A?"', options=f"[{OPTION}]"),
        HEAD + PAGE + question(id='"a"', kind='"one"', label='"A?"'),
        HEAD + PAGE + question(id='"a"', kind='"many"', label='"A?"', options=f"[{OPTION}, {OPTION}]"),
        HEAD + PAGE + question(id='"a"', kind='"drawing"', label='"A?"'),
    ],
    ids=["no pages", "wrong type", "id twice", "line with options", "choice without", "code twice", "kind"],
)
def test_a_broken_one_is_refused(broken):
    with pytest.raises(QuestionnaireError):
        read_questionnaire(broken)


@given(st.text())
def test_no_text_breaks_the_reader(text):
    with pytest.raises(QuestionnaireError):
        read_questionnaire(text)
