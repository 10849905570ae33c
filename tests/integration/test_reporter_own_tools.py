"""Files that reporters sealed with a tool of their own, on the site without scripts."""

import re
import secrets
from pathlib import Path

import pytest

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.service.intake import Intake
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.reporter import app as site
from tests.integration.reporter_visit import OURS, Visit
from tests.system.box import Box, found_box
from tests.system.conftest import SMALL

PHOTO = b"\xff\xd8\xff\xe0 a photo" * 1000


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return found_box(tmp_path / "box", SMALL)


@pytest.fixture
def app(box: Box):
    mechanism = Mechanism.open(box.directory)
    yield site.create_app(Intake(mechanism, secrets.token_bytes(32)), mechanism.config)
    mechanism.close()


def at_files(app, language: str = "en", **readers) -> Visit:
    visit = Visit(app.test_client(), language)
    visit.start()
    visit.press(**readers)
    visit.press("skip", text="Something happened.")
    return visit


def keys(visit: Visit):
    chosen = visit.page.value("/questions/readers", "chosen")
    return visit.client.post(f"/{visit.language}/questions/readers", data={"chosen": chosen}, headers=OURS)


def recipients(text: str) -> list[HybridRecipient]:
    return [HybridRecipient.parse(line) for line in text.splitlines() if line and not line.startswith("#")]


def recipient(box: Box, name: str) -> HybridRecipient:
    return box.people[name].identity.recipient


def test_the_keys_are_those_of_the_people_who_will_read(app, box: Box) -> None:
    answer = keys(at_files(app))
    assert answer.headers["Content-Disposition"] == "attachment; filename=readers.txt"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.mimetype == "text/plain"
    text = answer.get_data(as_text=True)
    assert set(recipients(text)) == {recipient(box, name) for name in ("Keiko Sato", "Omar Haddad")}
    assert re.search(r"^# .*(\d{4} ){5}\d{4}$", text, re.MULTILINE)
    assert "# Keiko Sato" in text


def test_somebody_who_was_left_out_is_not_among_them(app, box: Box) -> None:
    text = keys(at_files(app, excluded=[box.key_id("Omar Haddad")])).get_data(as_text=True)
    assert recipients(text) == [recipient(box, "Keiko Sato")]
    assert "Omar" not in text


def test_keys_of_a_page_that_is_not_known_are_not_given(app) -> None:
    for chosen in ("", "AAAA"):
        answer = app.test_client().post("/en/questions/readers", data={"chosen": chosen}, headers=OURS)
        assert answer.status_code == 404
        assert answer.mimetype == "text/html"


def test_a_file_that_was_sealed_at_home_is_sealed_once_more(app, box: Box) -> None:
    visit = at_files(app, excluded=[box.key_id("Omar Haddad")])
    sealed = age.seal(PHOTO, *recipients(keys(visit).get_data(as_text=True)))
    page = visit.press("add", files=[("photo.jpg.age", sealed)])
    assert "(sealed by you)" in page.text
    visit.press()
    visit.press()
    assert len(visit.groups()) == 12
    (opened,) = box.opened("Keiko Sato").values()
    assert opened[0].document is not None
    (file,) = opened[0].document.files
    assert (file.name, file.media_type) == ("photo.jpg.age", "application/age-encryption")
    assert file.size == len(sealed)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_damaged_file_is_told_and_nothing_typed_is_lost(app, box: Box, language: str) -> None:
    visit = at_files(app, language)
    sealed = age.seal(PHOTO, HybridIdentity.generate().recipient)
    page = visit.press(files=[("photo.age", sealed[:1000]), ("good.age", sealed), ("plan.pdf", b"%PDF")])
    assert 'role="alert"' in page.html
    assert "photo.age" in page.text
    assert page.html.count('value="remove:') == 2
    review = visit.press()
    assert "Something happened." in review.text
    assert "photo.age" not in review.text
    assert "good.age" in review.text


def test_an_open_file_in_the_field_for_sealed_ones_is_not_taken(app, box: Box) -> None:
    visit = at_files(app)
    fields = [(name, value) for name, values in visit.page.fields("/questions").items() for value in values]
    sealed = age.armor(age.seal(PHOTO, HybridIdentity.generate().recipient))
    given = [("photo.jpg", PHOTO), ("photo.txt", sealed)]
    page = visit.post("/en/questions", [*fields, ("go", "add")], given, field="sealed")
    assert "“photo.jpg” was not added: it is not sealed." in page.text
    assert page.html.count('value="remove:') == 1
    assert len([path for path in (box.directory / "incoming").iterdir() if path.is_file()]) == 1
