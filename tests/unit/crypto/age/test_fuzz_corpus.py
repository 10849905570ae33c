"""Every seed of the fuzz targets passes its target: the corpus stays alive, and old findings stay found."""

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parents[3] / "fuzz" / "corpus"
SEEDS = sorted(CORPUS.glob("*/*"))


def test_every_target_has_seeds() -> None:
    assert {seed.parent.name for seed in SEEDS} == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_passes_its_target(name: str) -> None:
    for seed in SEEDS:
        if seed.parent.name == name:
            TARGETS[name](seed.read_bytes())
