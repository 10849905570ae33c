import pytest

from meyasubako.service.store.sqlite import Store


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path) as store:
        yield store
