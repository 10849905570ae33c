"""The examples in the docstrings of the public functions run as they stand."""

import doctest
import importlib

import pytest

MODULES = ["ascii_armor", "blocks", "chunks", "flow", "header", "hybrid", "hybrid_file", "keys", "opening"]
MODULES += ["ranges", "scrypt", "sealing", "text", "x25519"]


@pytest.mark.parametrize("name", ["age", *(f"age.{module}" for module in MODULES), "bech32"])
def test_the_examples_of_a_module_give_what_they_say(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"meyasubako.crypto.{name}"))
    assert result.failed == 0
