"""Chromium without scripts, as in Tor Browser's strictest setting, against a real server."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

from tests.integration.reporter_box import found_box
from tests.integration.reporter_server import Server


@pytest.fixture(scope="session")
def box(tmp_path_factory):
    return found_box(tmp_path_factory.mktemp("browser") / "box")


@pytest.fixture(scope="session")
def server(box, tmp_path_factory):
    server = Server(box.directory, tmp_path_factory.mktemp("temporary"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium():
    program = shutil.which("chromium")
    assert program, "these tests need Debian's chromium (and fonts-noto-cjk)"
    # Chromium has no sandbox of its own for root, as in a container.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium, server):
    context = chromium.new_context(
        java_script_enabled=False, viewport={"width": 360, "height": 740}, base_url=server.base
    )
    yield context
    context.close()


@pytest.fixture
def page(context):
    page = context.new_page()
    page.set_default_timeout(20_000)
    return page
