"""Stock browsers against real servers."""

from contextlib import ExitStack

import pytest
from playwright.sync_api import sync_playwright

from meyasubako.service.config import Limits
from tests.browser import browsers
from tests.browser.walk import LANGUAGES
from tests.integration.reporter_box import found_box as found_plain_box
from tests.integration.reporter_server import Server
from tests.system.box import found_box
from tests.system.town import settled

MEGABYTE = 1024 * 1024


def pytest_collection_modifyitems(items):
    # The driver's pipes are closed by its own process, some time after it was told to.
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("default::ResourceWarning"))


@pytest.fixture(scope="session")
def playwright():
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser_of(playwright):
    """Gives the browser of a kind, which stays open for the tests that follow."""
    running = {}
    with ExitStack() as stack:

        def browser_of(kind):
            if kind.name not in running:
                running[kind.name] = stack.enter_context(browsers.launched(playwright, kind))
            return running[kind.name]

        yield browser_of


@pytest.fixture
def page_in(browser_of):
    """Gives an empty page of a fresh profile in a browser of a kind, at an address."""
    with ExitStack() as stack:

        def page_in(kind, base, size=browsers.PHONE, scheme="light"):
            context = browsers.context_in(browser_of(kind), kind, base, size, scheme)
            stack.callback(context.close)
            return context.new_page()

        yield page_in


@pytest.fixture(scope="session")
def town(tmp_path_factory):
    """A served mechanism whose people have their key files at hand; its limits let large files in."""
    place = tmp_path_factory.mktemp("town")
    limits = Limits(workers=1, threads=16, upload_bytes=64 * MEGABYTE, files=3)
    with settled(found_box(place / "box", limits, languages=LANGUAGES), place) as town:
        yield town


@pytest.fixture(scope="session")
def box(tmp_path_factory):
    place = tmp_path_factory.mktemp("browser") / "box"
    return found_plain_box(place, languages=LANGUAGES, profiles=("jp-wpa", "ungp-practice"))


@pytest.fixture(scope="session")
def server(box, tmp_path_factory):
    server = Server(box.directory, tmp_path_factory.mktemp("temporary"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium(browser_of):
    return browser_of(browsers.CHROMIUM_WITHOUT_SCRIPTS)


@pytest.fixture
def page(page_in, server):
    """A phone's page in Chromium without scripts."""
    page = page_in(browsers.CHROMIUM_WITHOUT_SCRIPTS, server.base)
    page.set_default_timeout(20_000)
    return page


@pytest.fixture
def context(page):
    return page.context
