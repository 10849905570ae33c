"""The whole way through Tor, to the addresses that `deploy/tor` makes: a browser, and the commands."""

import hashlib
import os

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import browsers, walk
from tests.system.town import texts
from tests.tor.network import wait_until

LARGE = 20 * 1024 * 1024


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "recording.mp4"
    path.write_bytes(os.urandom(LARGE))
    return path


def digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_the_handlers_address_is_found_only_with_their_key(remote):
    listing = remote.town.cases("list")
    without = remote.town.command(*listing)
    assert without.returncode != 0
    assert "does not answer" in without.stderr
    remote.key.put()
    remote.client.reload()
    wait_until(lambda: remote.town.command(*listing).returncode == 0, "the handlers' address answers")


def test_a_whole_case_in_a_browser_through_tor(remote, recording, tmp_path):
    town, kind = remote.town, browsers.FIREFOX_SAFEST
    with sync_playwright() as playwright, browsers.launched(playwright, kind, remote.socks) as browser:
        page = browsers.context_in(browser, kind, town.at("reporter")).new_page()
        receipt = walk.report(page, "my", excluded="Omar Haddad", files=[recording])
        case = town.box.cases_of([receipt])[receipt]
        opened = town.facts(*town.cases("open", case, "--save-to", tmp_path))
        assert walk.TEXT["my"] in texts(opened, "report")[0]
        assert digest(tmp_path / recording.name) == digest(recording)
        town.facts(*town.cases("acknowledge", case, "--text", walk.QUESTION["my"]))

        back = browsers.context_in(browser, kind, town.at("reporter")).new_page()
        walk.enter(back, "my", receipt)
        assert back.locator(".messages .told").all_inner_texts() == [walk.QUESTION["my"]]
        walk.write(back, walk.ANSWER["my"])
        walk.leave(back)
        assert back.url.endswith(".onion/my/calendar")
        assert back.context.cookies() == []
    opened = town.facts(*town.cases("open", case))
    assert texts(opened, "dialogue")[-1] == walk.ANSWER["my"]


def test_a_whole_case_by_the_reporters_own_tool_through_tor(remote, recording, tmp_path):
    town = remote.town
    words = town.reporter("report", "--text", walk.TEXT["ja"], "--file", recording)
    receipt = str(town.facts(*words)["receipt"])
    case = town.box.cases_of([receipt])[receipt]
    opened = town.facts(*town.cases("open", case, "--save-to", tmp_path))
    assert texts(opened, "report") == [walk.TEXT["ja"]]
    assert digest(tmp_path / recording.name) == digest(recording)
    town.facts(*town.cases("acknowledge", case, "--text", walk.QUESTION["ja"]))
    visit = town.facts(*town.reporter("mailbox"), typed=f"{receipt}\n")
    assert texts(visit, "messages") == [walk.QUESTION["ja"]]
    town.facts(*town.reporter("mailbox", "--say", walk.ANSWER["ja"]), typed=f"{receipt}\n")
    opened = town.facts(*town.cases("open", case))
    assert texts(opened, "dialogue")[-1] == walk.ANSWER["ja"]
