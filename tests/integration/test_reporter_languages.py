"""The reporter's site in all its languages, page by page, against a real mechanism that answers in all."""

import hashlib
import json
import re
import secrets
from html import unescape
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from meyasubako.service.intake import Intake
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.reporter import app as site
from meyasubako.service.reporter.envelope_pages import fixed_part
from meyasubako.service.reporter.languages import AUTONYMS, locale_identifier
from tests.integration.reporter_box import found_box, opened_report
from tests.integration.reporter_visit import Visit

ALL = tuple(AUTONYMS)
CATALOGUES = Path(site.__file__).parent / "translations"
PAGE_BYTES = 25_000
ANOTHER = "Another language? Write in it, and tell us in your text which one you need."
BY_MACHINE = "Machine translation, not reviewed by a person."
ZAWGYI, UNICODE = "အလုပ္ရွင္က ပတ္စပို႔ ယူထားတယ္။", "အလုပ်ရှင်က ပတ်စပို့ ယူထားတယ်။"


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    return found_box(tmp_path_factory.mktemp("languages") / "box", languages=ALL)


@pytest.fixture
def mechanism(box):
    mechanism = Mechanism.open(box.directory)
    yield mechanism
    mechanism.close()


def client(mechanism):
    return site.create_app(Intake(mechanism, secrets.token_bytes(32)), mechanism.config).test_client()


def sentence(tag, english):
    if tag == "en":
        return english
    name = locale_identifier(tag)
    with (CATALOGUES / name / "LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale=name).get(english).string


def walk(visit):
    """Every page of a report with a file and a message, as its name and its HTML."""
    tag = visit.language
    for path in (f"/{tag}/", f"/{tag}/answers", f"/{tag}/calendar", f"/{tag}/nowhere"):
        yield path, visit.get(path).html
    yield "readers", visit.start().html
    yield "story", visit.press().html
    yield "story with a problem", visit.press(text="").html
    yield "topic", visit.press(text="x" * 200).html
    yield "circumstances", visit.press(about="problem").html
    yield "needs", visit.press().html
    yield "files", visit.press(danger="yes").html
    yield "files with some", visit.press("add", files=[("a.jpg", b"x" * 3000), ("b.jpg", b"")]).html
    yield "review", visit.press().html
    yield "receipt", visit.press().html
    receipt = " ".join(visit.groups())
    visit.get(f"/{tag}/answers")
    yield "wrong receipt", visit.press("", form="/answers", receipt="1234 5678").html
    yield "mailbox", visit.press("", form="/answers", receipt=receipt).html
    yield "mailbox written to", visit.press("send", form="/answers", text="More of it.").html


@pytest.mark.parametrize("tag", ALL)
def test_every_page_is_small_and_says_its_language_and_direction(tag, mechanism):
    direction = "rtl" if tag == "ar" else "ltr"
    mark = sentence(tag, BY_MACHINE)
    for name, html in walk(Visit(client(mechanism), tag)):
        assert len(html.encode()) <= PAGE_BYTES, name
        assert f'<html lang="{tag}" dir="{direction}">' in html, name
        assert (mark in unescape(html)) == (tag != "en" and not name.endswith("/calendar")), name


@pytest.mark.parametrize("tag", ["ja", "ar"])
def test_a_page_speaks_its_language_whatever_was_asked_for_before(tag, mechanism):
    site = client(mechanism)
    sums = site.get("/page-sums.txt").text
    saved = site.get(f"/{tag}/offline").data
    assert f"{hashlib.sha256(fixed_part(saved.decode())).hexdigest()}  {tag}/questions.html" in sums
    html = site.get(f"/{tag}/calendar").text
    assert f"<title>{sentence(tag, 'Calendar')}</title>" in html


def test_the_first_page_offers_every_answered_language_and_says_how_to_ask_for_another(mechanism):
    html = Visit(client(mechanism)).get("/").html
    assert re.findall(r'<a class="go" href="/([\w-]+)/" lang="([\w-]+)"', html) == [(tag, tag) for tag in ALL]
    assert all(sentence(tag, ANOTHER) in unescape(html) for tag in ALL)
    assert len(html.encode()) <= PAGE_BYTES


def test_only_languages_that_are_answered_are_offered(tmp_path):
    mechanism = Mechanism.open(found_box(tmp_path / "box", languages=("ar", "ja", "km")).directory)
    try:
        visit = Visit(client(mechanism), "ar")
        assert re.findall(r'hreflang="([\w-]+)"', visit.get("/").html) == ["ja", "ar"]
        assert re.findall(r'hreflang="([\w-]+)"', visit.get("/ar/").html) == ["ja"]
        visit.get("/vi/questions")
        assert visit.answer.headers["Location"] == "/"
        visit.start()
        visit.language = "vi"
        assert "Chuyện gì đã xảy ra?" in visit.press().text
    finally:
        mechanism.close()


@pytest.mark.parametrize(("tag", "zero"), [("ar", "\u0660"), ("my", "\u1040"), ("ne", "\u0966"), ("th", "0")])
def test_the_code_is_shown_in_plain_digits_and_read_in_those_of_the_reader(tag, zero, mechanism):
    visit = Visit(client(mechanism), tag)
    groups = visit.write_report()
    assert 'class="digits code" dir="ltr"' in visit.page.html
    assert all(re.fullmatch("[0-9]{4}", group) for group in groups)
    typed = " ".join(groups).translate({ord("0") + value: ord(zero) + value for value in range(10)})
    assert sentence(tag, "There are no messages yet.") in visit.enter(typed).text


def test_zawgyi_is_kept_and_read_in_unicode(box, mechanism):
    visit = Visit(client(mechanism), "my")
    visit.start()
    visit.press()
    visit.press(text=ZAWGYI)
    visit.press(organisation=ZAWGYI)
    visit.press()
    visit.press("skip")
    visit.press()
    visit.press()
    members = opened_report(mechanism, box, "Maria Lindqvist")
    report = json.loads(members["report.json"])
    assert report["text"] == report["answers"]["organisation"] == ZAWGYI
    assert report["answers"]["unicode:text"] == report["answers"]["unicode:organisation"] == UNICODE
    assert members["report.txt"].decode().count(ZAWGYI) == members["report.txt"].decode().count(UNICODE) == 2
    receipt = " ".join(visit.groups())
    visit.enter(receipt)
    visit.press("send", form="/answers", text=ZAWGYI)
    assert ZAWGYI in visit.page.text
    assert UNICODE in visit.page.text
