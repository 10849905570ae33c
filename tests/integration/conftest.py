"""What several files share: a new mechanism, its site, somebody with a browser; a mechanism with a report."""

import secrets

import pytest

from meyasubako.service.config import Limits
from meyasubako.service.intake import Intake
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.reporter import app as site
from tests.integration.reporter_box import found_box
from tests.integration.reporter_visit import Visit
from tests.integration.witness_group import Clocked
from tests.system.box import found_box as found_whole_box
from tests.unit.service.doors import report


@pytest.fixture
def box(tmp_path):
    return found_box(tmp_path / "box")


@pytest.fixture
def mechanism(box):
    mechanism = Mechanism.open(box.directory)
    yield mechanism
    mechanism.close()


@pytest.fixture
def clocked(mechanism):
    """The mechanism with a clock that the test turns."""
    return Clocked(mechanism)


@pytest.fixture
def app(mechanism):
    return site.create_app(Intake(mechanism, secrets.token_bytes(32)), mechanism.config)


@pytest.fixture
def visit(app):
    return Visit(app.test_client())


@pytest.fixture(scope="session")
def with_a_report(tmp_path_factory):
    """A mechanism with a report in it, which nobody opens: tests take copies."""
    box = found_whole_box(tmp_path_factory.mktemp("founded") / "box", Limits())
    mechanism = Mechanism.open(box.directory)
    report(mechanism, box, "before the backup")
    mechanism.publish()
    mechanism.close()
    return box
