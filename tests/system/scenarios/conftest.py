"""One served mechanism with holders for all scenarios in which no time passes: each adds cases of its own."""

from collections.abc import Iterator

import pytest

from tests.system.scenarios.holding import Place, held


@pytest.fixture(scope="session")
def served_with_holders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The mechanism, started once."""
    with held(tmp_path_factory.mktemp("holders")) as place:
        yield place


@pytest.fixture
def place(served_with_holders: Place) -> Place:
    """The same mechanism for a test that has sent no report yet."""
    return Place(served_with_holders.town, served_with_holders.clock, [])
