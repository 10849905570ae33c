"""A whole case between a reporter in a stock browser and a handler at the command line."""

import hashlib
import os

import pytest

from tests.browser import browsers, walk
from tests.system.town import texts

# Every browser, and every language in one of them at least that runs scripts and in one that does not.
WAYS = [
    (browsers.CHROMIUM_WITHOUT_SCRIPTS, "my"),
    (browsers.CHROMIUM, "ja"),
    (browsers.CHROMIUM_UNCOMPILED, "ar"),
    (browsers.FIREFOX_SAFEST, "ar"),
    (browsers.FIREFOX_SAFEST, "ja"),
    (browsers.FIREFOX_SAFER, "en"),
    (browsers.FIREFOX, "my"),
]
LARGE = 50 * 1024 * 1024


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two files as they lie on a phone: a photo with a Japanese name, and a recording of 50 MB."""
    place = tmp_path_factory.mktemp("photos")
    small, large = place / "写真 1.jpg", place / "recording.mp4"
    small.write_bytes(b"\xff\xd8" + os.urandom(300_000))
    large.write_bytes(os.urandom(LARGE))
    return small, large


def digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def reported(town, page, language, files, place):
    """A report, and what its reader opens of it: the case, and the receipt."""
    receipt = walk.report(page, language, excluded="Omar Haddad", files=files)
    case = town.box.cases_of([receipt])[receipt]
    opened = town.facts(*town.cases("open", case, "--save-to", place))
    assert walk.TEXT[language] in texts(opened, "report")[0]
    for path in files:
        assert digest(place / path.name) == digest(path)
    assert town.command(*town.cases("open", case, name="Omar Haddad")).returncode != 0
    return case, receipt


@pytest.mark.parametrize(("kind", "language"), WAYS, ids=str)
def test_a_case_goes_there_and_back(kind, language, town, page_in, photos, tmp_path):
    page = page_in(kind, town.at("reporter"))
    case, receipt = reported(town, page, language, photos[:1], tmp_path)
    said = ["--text", walk.QUESTION[language], "--file", photos[0]]
    town.facts(*town.cases("acknowledge", case, "--text", walk.QUESTION[language]))
    town.facts(*town.cases("say", case, *said))

    back = page_in(kind, town.at("reporter"))
    walk.enter(back, language, receipt)
    assert back.locator(".messages .told").all_inner_texts() == [walk.QUESTION[language]] * 2
    with back.expect_download() as download:
        back.click(".messages button.small")
    assert download.value.suggested_filename == photos[0].name
    download.value.save_as(tmp_path / "downloaded")
    assert digest(tmp_path / "downloaded") == digest(photos[0])
    walk.write(back, walk.ANSWER[language])
    assert back.locator(".messages .mine .told").all_inner_texts() == [walk.ANSWER[language]]
    assert back.context.cookies() == []

    opened = town.facts(*town.cases("open", case))
    assert texts(opened, "dialogue")[-1] == walk.ANSWER[language]


@pytest.mark.parametrize("kind", [browsers.CHROMIUM_WITHOUT_SCRIPTS, browsers.FIREFOX_SAFEST], ids=str)
def test_a_file_of_50_megabytes_arrives_byte_for_byte(kind, town, page_in, photos, tmp_path):
    page = page_in(kind, town.at("reporter"))
    reported(town, page, "ja", photos, tmp_path)
