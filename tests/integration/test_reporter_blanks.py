"""Pages that are made once for everybody: nobody can tell, and nothing of anybody comes to somebody else."""

import random
import re
import secrets

import pytest

from meyasubako.service.intake import Intake
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.reporter import app as site
from meyasubako.service.reporter.questionnaire import standard
from tests.integration.reporter_box import appoint_custodians, found_box, open_second_channel, suspend
from tests.integration.reporter_visit import Visit

SEALED = re.compile(r'(name="state"|name="leaving"|name="chosen"|remove:)[^>]*')
LANGUAGES = ("en", "ja")
WORDS = ("", "the press of hall four", "<b>7</b>", "လက်", "%(steps)s")


@pytest.fixture
def box(tmp_path):
    keepers = dict.fromkeys(("Ngozi Eze", "Paul Roy"), ("custodian:main",))
    return found_box(tmp_path / "box", also=keepers)


@pytest.fixture
def mechanism(box):
    mechanism = Mechanism.open(box.directory)
    yield mechanism
    mechanism.close()


class NeverTheSame(Intake):
    """Gives the channels as new ones each time, so that no page is remembered."""

    def channels(self):
        return (*list(super().channels()),)


@pytest.fixture
def sites(mechanism):
    """A site, and another that knows the same forms and makes every page anew."""
    key = secrets.token_bytes(32)
    return [site.create_app(each(mechanism, key), mechanism.config) for each in (Intake, NeverTheSame)]


def plain(html):
    return SEALED.sub(r"\1", html)


def some_fields(page, chance):
    """What somebody may fill in on a page, sensibly or not."""
    fields = {}
    for name in set(re.findall(r'name="([a-z_]+)"', page.html)):
        offered = re.findall(rf'name="{name}" value="([^"]*)"', page.html)
        if name in ("excluded", "rather_not_say") or (offered and chance.random() < 0.7):
            fields[name] = [each for each in offered if chance.random() < 0.3]
        elif name in (
            "text",
            "identity",
            *(question.id for each in standard().pages for question in each.questions),
        ):
            fields[name] = chance.choice(WORDS)
    return {
        name: value
        for name, value in fields.items()
        if name not in ("state", "page", "go", "leaving", "subject")
    }


@pytest.mark.parametrize("seed", range(2, 6))
def test_no_page_differs_from_one_that_is_made_for_a_single_visitor(sites, box, mechanism, seed):
    chance = random.Random(seed)
    if seed % 2:
        appoint_custodians(mechanism, box, ["Ngozi Eze", "Paul Roy"])
    if seed % 3 == 2:
        open_second_channel(box)
    remembering, forgetting = sites
    visits = [Visit(remembering.test_client(), chance.choice(LANGUAGES)) for _ in range(3)]
    for visit in visits:
        visit.start()
    for _ in range(80):
        visit = chance.choice(visits)
        if "/questions" not in "".join(visit.page.actions) or chance.random() < 0.05:
            visit.start()
        alone = Visit(forgetting.test_client(), visit.language)
        alone.page = visit.page
        buttons = set(re.findall(r'name="go" value="([^"]+)"', visit.page.html)) - {"stay"}
        go = "next" if chance.random() < 0.4 else chance.choice(sorted(buttons | {"stay"}))
        if 'id="send"' in visit.page.html and go == "next":
            go = "back"
        fields = some_fields(visit.page, chance)
        files = [("photo.jpg", b"a photo")] if 'id="files"' in visit.page.html and go == "add" else []
        assert plain(visit.press(go, files=files, **fields).html) == plain(
            alone.press(go, files=files, **fields).html
        )
        visit.language = chance.choice(LANGUAGES)


def test_whoever_comes_next_sees_nothing_of_what_was_filled_in(sites):
    app, _ = sites
    first, second = Visit(app.test_client()), Visit(app.test_client())
    first.start()
    for fields in ({}, {"text": "canary one"}, {}, {"place": "canary two"}, {}, {}):
        first.press(**fields)
    for _ in range(5):
        first.press("back")
    second.start()
    for fields in ({}, {"text": "something else"}, {}, {}, {}):
        assert "canary" not in second.page.html
        assert " checked" not in second.page.html
        second.press(**fields)


def test_pages_follow_when_somebody_who_reads_is_suspended(sites, box, mechanism):
    visit = Visit(sites[0].test_client())
    before = plain(visit.start().html)
    assert plain(visit.start().html) == before
    assert "Sato Keiko" in before
    suspend(mechanism, box, "Sato Keiko")
    assert "Sato Keiko" not in visit.start().html


def test_everybody_gets_their_own_code_and_promise(sites):
    remembering, forgetting = sites
    sent = []
    for text in ("the press", "the saw"):
        visit = Visit(remembering.test_client())
        visit.start()
        for fields in ({}, {"text": text}, {}, {}, {}, {}):
            visit.press(**fields)
        sent.append((visit.page, visit.press().html))
    for review, receipt in sent:
        again = []
        for app in (remembering, forgetting):
            repeated = Visit(app.test_client())
            repeated.page = review
            again.append(repeated.press().html)
        assert plain(again[0]) == plain(again[1])
        assert [own(page) for page in again] == [own(receipt)] * 2
        assert "had arrived already" in again[0]
        assert "had arrived already" not in receipt
    assert not set(own(sent[0][1])) & set(own(sent[1][1]))


def own(receipt):
    """The code, the code as words, and the promise."""
    code = re.search(r'<p class="digits code"[^>]*>(.*?)</p>', receipt)[1]
    words = re.findall(r'<p class="[a-z ]*words"[^>]*>(.*?)</p>', receipt)
    promise = re.search(r"<pre[^>]*>(.*?)</pre>", receipt, re.DOTALL)[1]
    assert len(re.findall(r"<span>\d{4}</span>", code)) == 12
    assert {len(each.split()) for each in words} == {12}
    assert "sha256" in promise or len(promise) > 80
    return code, *words, promise
