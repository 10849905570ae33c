import pytest
from flask import Flask

from meyasubako.service.handler.app import create_app
from meyasubako.service.mechanism import Mechanism
from tests.system.box import Box
from tests.unit.service.doors import NONCES, Caller


@pytest.fixture
def app(mechanism: Mechanism) -> Flask:
    return create_app(mechanism, NONCES)


@pytest.fixture
def keiko(app: Flask, box: Box) -> Caller:
    return Caller(app, box.people["Keiko Sato"].signing)


@pytest.fixture
def ada(app: Flask, box: Box) -> Caller:
    return Caller(app, box.people["Ada Berg"].signing)
