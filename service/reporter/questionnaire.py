"""Reads the questionnaire's data file: pages of optional questions, beside the one that is required.

The wording in the file is English and is the key of each translation; `sentences()` hands every one of them
to the translators' tool and to the test that looks for a missing one.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import msgspec

from meyasubako.service.reporter.errors import QuestionnaireError

_FILE = Path(__file__).with_name("questionnaire.toml")


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to choose: `code` is stored for ever, `label` is shown."""

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `identifying` means that an honest answer can point at the writer."""

    id: str
    kind: Literal["line", "one", "many"]
    label: str
    hint: str = ""
    identifying: bool = False
    options: tuple[Option, ...] = ()

    @property
    def codes(self) -> frozenset[str]:
        """The codes that may be stored as an answer."""
        return frozenset(option.code for option in self.options)


@dataclass(frozen=True, slots=True)
class QuestionPage:
    """A few questions that belong together and fit one screen."""

    id: str
    title: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """A questionnaire in one version; both are stored with every report."""

    id: str
    version: int
    pages: tuple[QuestionPage, ...]

    def page(self, page_id: str) -> QuestionPage | None:
        """The page of that id, if there is one."""
        return next((page for page in self.pages if page.id == page_id), None)

    def questions(self) -> Iterator[Question]:
        """All questions, in the order of the pages."""
        for page in self.pages:
            yield from page.questions

    def sentences(self) -> Iterator[str]:
        """Every sentence that a translator has to translate."""
        for page in self.pages:
            yield page.title
            for question in page.questions:
                yield question.label
                if question.hint:
                    yield question.hint
                yield from (option.label for option in question.options)


def read_questionnaire(text: str) -> Questionnaire:
    """The questionnaire in a data file; `QuestionnaireError` says what is wrong with it."""
    try:
        found = msgspec.convert(tomllib.loads(text), Questionnaire)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise QuestionnaireError(f"the questionnaire cannot be read: {error}") from error
    ids = [question.id for question in found.questions()] + [page.id for page in found.pages]
    if len(set(ids)) != len(ids):
        raise QuestionnaireError("an id stands twice in the questionnaire")
    for question in found.questions():
        codes = [option.code for option in question.options]
        if (question.kind == "line") == bool(codes) or len(set(codes)) != len(codes):
            raise QuestionnaireError(f"the options of {question.id} do not fit its kind")
    return found


def standard() -> Questionnaire:
    """The questionnaire that comes with the software."""
    return read_questionnaire(_FILE.read_text("utf-8"))


def extract(
    file: IO[bytes],
    _keywords: Mapping[str, Any],
    _comment_tags: Sequence[str],
    options: Mapping[str, Any],  # noqa: ARG001 - Babel passes it by this name
) -> Iterator[tuple[int, None, str, list[str]]]:
    """The sentences of a data file for Babel, by Babel's protocol: line, function, message, comments."""
    for sentence in read_questionnaire(file.read().decode()).sentences():
        yield 0, None, sentence, []
