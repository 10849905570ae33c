import pytest
from flask import Flask
from flask_babel import Babel


@pytest.fixture
def english():
    """A request in English, for functions that say something to a person."""
    app = Flask(__name__)
    Babel(app, locale_selector=lambda: "en")
    with app.test_request_context():
        yield
