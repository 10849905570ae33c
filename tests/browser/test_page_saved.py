"""The saved page: it seals without a connection, into one file that is sent later, without scripts."""

import hashlib
import os

import pytest

from meyasubako.service.reporter.envelope_pages import READERS_LINE
from tests.browser import browsers, page_walk, walk
from tests.browser.test_there_and_back import digest
from tests.system.town import texts


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "photo.jpg"
    path.write_bytes(os.urandom(400_000))
    return path


def save(page_in, town, language, place):
    """The page, saved by somebody without scripts."""
    page = page_in(browsers.CHROMIUM_WITHOUT_SCRIPTS, town.at("reporter"))
    page.goto(f"/{language}/envelope")
    page.click("summary >> nth=0")
    with page.expect_download() as download:
        page.click("a[download]")
    assert download.value.suggested_filename == "questions.html"
    download.value.save_as(place / "questions.html")
    return place / "questions.html"


def sealed(page_in, saved, language, place, files=()):
    """What the saved page seals, with nothing to connect to: the file, and the receipt."""
    page = page_in(browsers.CHROMIUM, "http://127.0.0.1:9")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(saved.as_uri())
    page_walk.write(page, language, excluded=["Omar Haddad"], text=walk.TEXT[language], files=files)
    with page.expect_download() as download:
        page_walk.go(page, "review", "send")
    page_walk.at(page, "receipt")
    download.value.save_as(place / "sealed")
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    return place / "sealed", walk.shown(page, ".code")


def send(page_in, town, language, path):
    """The answer to a sealed file that is sent without scripts."""
    page = page_in(browsers.CHROMIUM_WITHOUT_SCRIPTS, town.at("reporter"))
    page.goto(f"/{language}/envelope")
    page.set_input_files("#files", path)
    walk.press(page, ".moves button.go")
    return page


def test_a_report_is_sealed_without_a_connection_and_sent_from_elsewhere(town, page_in, photo, tmp_path):
    saved = save(page_in, town, "ar", tmp_path)
    path, receipt = sealed(page_in, saved, "ar", tmp_path, [photo])
    for story in (walk.TEXT["ar"].encode(), b"photo.jpg", receipt.encode()):
        assert story not in path.read_bytes()
    for _ in range(2):  # twice arrives once
        page = send(page_in, town, "ar", path)
        assert page.locator(".problem, .summary").count() == 0
        assert "meyasubako/promise/v1" in page.inner_text("pre")
    case = town.box.cases_of([receipt])[receipt]
    opened = town.facts(*town.cases("open", case, "--save-to", tmp_path))
    assert walk.TEXT["ar"] in texts(opened, "report")[0]
    assert digest(tmp_path / "photo.jpg") == digest(photo)
    assert town.command(*town.cases("open", case, name="Omar Haddad")).returncode != 0
    back = page_in(browsers.CHROMIUM, town.at("reporter"))
    page_walk.enter(back, "ar", receipt)


@pytest.mark.parametrize("damage", ["cut", "changed", "longer", "other"])
def test_a_damaged_file_is_refused_and_nothing_of_it_stays(town, page_in, tmp_path, photo, damage):
    saved = save(page_in, town, "en", tmp_path)
    path, _ = sealed(page_in, saved, "en", tmp_path, [photo])
    data = bytearray(path.read_bytes())
    if damage == "changed":
        data[-1000] ^= 1
    path.write_bytes(
        {"cut": data[:-1], "changed": data, "longer": data + b"x", "other": b"PK\3\4" * 99}[damage]
    )
    before = len(town.box.ledger().cases)
    page = send(page_in, town, "en", path)
    assert "not a file that the saved page made" in page.inner_text(".summary")
    assert len(town.box.ledger().cases) == before


def test_the_saved_page_is_the_one_whose_digest_is_told(town, page_in, tmp_path):
    saved = save(page_in, town, "my", tmp_path).read_text("utf-8")
    page = page_in(browsers.CHROMIUM_WITHOUT_SCRIPTS, town.at("reporter"))
    page.goto("/page-sums.txt")
    sums = dict(reversed(line.split("  ")) for line in page.inner_text("pre").splitlines())
    # As `grep -v` and `sha256sum` would have it.
    kept = "".join(line + "\n" for line in saved.split("\n")[:-1] if not line.startswith(READERS_LINE))
    assert sums["my/questions.html"] == hashlib.sha256(kept.encode()).hexdigest()
    assert len(sums) == 19


def test_a_saved_page_that_was_changed_starts_nothing(town, page_in, tmp_path):
    saved = save(page_in, town, "en", tmp_path)
    text = saved.read_text("utf-8")
    for changed in (
        text.replace('"use strict"', '"use strict" ', 1),
        text.replace('"origin":"', '"origin":"x', 1),
    ):
        assert changed != text
        saved.write_text(changed, "utf-8")
        page = page_in(browsers.CHROMIUM, "http://127.0.0.1:9")
        page.goto(saved.as_uri())
        assert "did not start" in page.inner_text("main")
        assert page.locator("textarea:visible, input:visible").count() == 0
