"""What a page's fields mean: pure functions from posted fields to what the page's state becomes.

Rules upheld here:

- Only "What happened" is required. An answer outside the questionnaire's codes is dropped, not stored.
- A field is never emptied by a mistake in it: what was typed stays, the problem stands beside it.
- Text is NFC with plain line ends; nothing else about it is changed.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flask_babel import gettext, ngettext
from werkzeug.datastructures import MultiDict

from meyasubako.domain.sealing import identity_fits
from meyasubako.service.reporter.languages import current, shown_number
from meyasubako.service.reporter.questionnaire import Question, QuestionPage
from meyasubako.service.reporter.state import Answer, HeldFile, Writing
from meyasubako.service.reporter.uploads import Arrived, Refused

LINE_LIMIT: Final = 1000
_MEBIBYTE: Final = 1024 * 1024


Fields = MultiDict[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to put right: the id of the field, and a sentence in the reader's language."""

    field: str
    sentence: str


def clean(text: str) -> str:
    """A typed text: NFC, line ends as one newline, no space around."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", lines).strip()


def read_channel(state: Writing, fields: Fields, markers: Mapping[str, str]) -> Writing:
    """Where the report is to go (`markers`: channel to slot marker). Another channel has other readers."""
    chosen = fields.get("channel", "")
    if chosen not in markers or chosen == state.channel:
        return state
    return replace(state, channel=chosen, marker=markers[chosen], excluded=())


def read_readers(state: Writing, fields: Fields, known: Sequence[str]) -> Writing:
    """Who is to be left out. Only people who were listed can be."""
    ticked = set(fields.getlist("excluded"))
    return replace(
        state,
        excluded=tuple(key_id for key_id in known if key_id in ticked),
        rather_not_say=fields.get("rather_not_say", "") == "yes",
    )


def read_story(state: Writing, fields: Fields) -> Writing:
    """The account itself."""
    return replace(state, text=clean(fields.get("text", "")))


def read_identity(state: Writing, fields: Fields) -> Writing:
    """Who the reporter says they are."""
    return replace(state, identity=clean(fields.get("identity", "")))


def identity_problems(text: str) -> tuple[Problem, ...]:
    """Refuse what does not fit into the one size that everything told of oneself has."""
    if identity_fits(text):
        return ()
    return (Problem("identity", gettext("This is too long. A name and one way to reach you are enough.")),)


def read_answers(state: Writing, fields: Fields, page: QuestionPage) -> Writing:
    """The answers of one page of questions; an empty answer is no answer."""
    answers = dict(state.answers)
    for question in page.questions:
        answer = _answer(question, fields)
        if answer:
            answers[question.id] = answer
        else:
            answers.pop(question.id, None)
    return replace(state, answers=answers)


def text_problems(text: str, limit: int, *, field: str = "text") -> tuple[Problem, ...]:
    """Why this text cannot be sent as it is."""
    if not text:
        return (Problem(field, gettext("Write something in this field. One sentence is enough.")),)
    if len(text) > limit:
        sentence = gettext(
            "This text is too long: it has %(count)s characters, and %(limit)s fit. "
            "Shorten it, or send the rest as a file.",
            count=shown(len(text)),
            limit=shown(limit),
        )
        return (Problem(field, sentence),)
    return ()


def answer_problems(answers: Mapping[str, Answer], page: QuestionPage) -> tuple[Problem, ...]:
    """Answers of one page that are too long."""
    lines = [question.id for question in page.questions if question.kind == "line"]
    too_long = [line for line in lines if len(answers.get(line, "")) > LINE_LIMIT]
    if not too_long:
        return ()
    sentence = gettext("This answer is too long. %(limit)s characters fit.", limit=shown(LINE_LIMIT))
    return tuple(Problem(line, sentence) for line in too_long)


def file_problems(arrived: Arrived, *, largest: int, most: int) -> tuple[Problem, ...]:
    """One sentence for each file that was not kept."""
    return tuple(
        Problem("files", _refusal(name, why, largest=largest, most=most)) for name, why in arrived.refused
    )


def shown(value: int) -> str:
    """A count in a sentence, as the reader of this page writes it."""
    return shown_number(value, current())


def without(files: Sequence[HeldFile], file_id: str) -> tuple[HeldFile, ...]:
    """The files that stay when one is removed."""
    return tuple(file for file in files if file.id != file_id)


def _answer(question: Question, fields: Fields) -> Answer:
    match question.kind:
        case "line":
            return " ".join(clean(fields.get(question.id, "")).split())
        case "one":
            chosen = fields.get(question.id, "")
            return chosen if chosen in question.codes else ""
        case "many":
            ticked = set(fields.getlist(question.id))
            return tuple(option.code for option in question.options if option.code in ticked)


def _refusal(name: str, why: Refused, *, largest: int, most: int) -> str:
    match why:
        case Refused.TOO_LARGE:
            return str(
                gettext(
                    "“%(name)s” is too large. One file may have %(size)s MB. It was not added.",
                    name=name,
                    size=shown(max(1, largest // _MEBIBYTE)),
                )
            )
        case Refused.TOO_MANY:
            sentence = ngettext(
                "“%(name)s” was not added: %(num)s file fits in one message.",
                "“%(name)s” was not added: %(num)s files fit in one message.",
                most,
                name=name,
            )
            return str(sentence)
        case Refused.NO_ROOM:
            return str(
                gettext(
                    "“%(name)s” was not added: there is no room here now. Your text can still be sent.",
                    name=name,
                )
            )
        case Refused.DAMAGED_SEAL:
            return str(
                gettext(
                    "“%(name)s” was not added: it should be a file sealed with age, but it is none, or it is "
                    "damaged. Please seal it again.",
                    name=name,
                )
            )
        case Refused.NOT_SEALED:
            return str(
                gettext(
                    "“%(name)s” was not added: it is not sealed. Choose the file that your tool wrote.",
                    name=name,
                )
            )
        case Refused.EMPTY:
            return str(gettext("“%(name)s” is empty. It was not added.", name=name))
