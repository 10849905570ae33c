import doctest
import importlib
import pkgutil

import pytest

import meyasubako.crypto

MODULES = [module.name for module in pkgutil.walk_packages(meyasubako.crypto.__path__, "meyasubako.crypto.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
