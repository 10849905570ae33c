from collections.abc import Iterator

import pytest
from flask import Flask
from flask_babel import Babel

from tests.unit.service.reporter.page_library import Library, build, running


@pytest.fixture
def english():
    """A request in English, for functions that say something to a person."""
    app = Flask(__name__)
    Babel(app, locale_selector=lambda: "en")
    with app.test_request_context():
        yield


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The page's own library, built from its sources."""
    folder = tmp_path_factory.mktemp("page")
    build(folder, folder / "library.mjs")
    with running(folder / "library.mjs") as library:
        yield library
