import io
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from meyasubako.domain import case, roles
from meyasubako.service.reporter import languages, wording

ROOT = Path(languages.__file__).parent
OTHERS = [tag for tag in languages.AUTONYMS if tag != languages.DEFAULT]
KEYWORDS = {"_": None, "_l": None, "gettext": None, "ngettext": (1, 2), "lazy_gettext": None}
PLACEHOLDER = re.compile(r"%\(\w+\)s")


@pytest.fixture(scope="module")
def sentences():
    with (ROOT / "translations/babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)
    found = extract_from_dir(ROOT, methods, options, keywords=KEYWORDS)
    return {message for _, _, message, _, _ in found}


def folder(tag):
    return ROOT / "translations" / languages.locale_identifier(tag) / "LC_MESSAGES"


def catalogue(tag):
    with (folder(tag) / "messages.po").open("rb") as file:
        return read_po(file, locale=languages.locale_identifier(tag))


@pytest.mark.parametrize("tag", OTHERS)
def test_every_sentence_is_translated_and_none_is_left_over(tag, sentences):
    found = {message.id: message for message in catalogue(tag) if message.id}
    assert set(found) == sentences
    for message in found.values():
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(texts), message.id
        assert not message.fuzzy, message.id


@pytest.mark.parametrize("tag", OTHERS)
def test_every_translation_keeps_the_places_for_values(tag):
    for message in catalogue(tag):
        if message.id:
            source = message.id[-1] if isinstance(message.id, tuple) else message.id
            texts = message.string if isinstance(message.string, tuple) else (message.string,)
            for text in texts:
                assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(source)), source


@pytest.mark.parametrize("tag", OTHERS)
def test_the_compiled_catalogue_is_the_one_that_is_read(tag):
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(tag))
    assert compiled.getvalue() == (folder(tag) / "messages.mo").read_bytes()


def test_the_words_for_language_are_complete():
    assert list(languages.WORDS) == list(languages.AUTONYMS)


@pytest.mark.usefixtures("english")
def test_an_unknown_code_is_a_sentence_too():
    assert str(wording.state_sentence("something new")) == "Your report is being worked on."
    assert str(wording.role_name("something new")) == "A person who works on reports"
    assert wording.room_name("something new") == "something new"


def test_every_state_and_reading_role_of_the_domain_has_plain_words():
    states = {*case.MOVES, *case.FINISHED, *(state for each in case.CLOSES.values() for state in each)}
    assert states <= set(wording.STATES)
    assert set(roles.ON_CHANNEL) <= set(wording.ROLES)
