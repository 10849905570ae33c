import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.crypto.tar import MESSAGE_FLOOR, REPORT_FLOOR, padded_size

SIZES_PAGE = Path(__file__).parents[3] / "docs" / "what-sizes-tell.md"

# How much a size tells. An observer of the vault sees padded sizes only (sealing adds a known amount).

sizes = st.integers(0, 1 << 45)
floors = st.sampled_from([MESSAGE_FLOOR, REPORT_FLOOR])


@given(sizes, floors)
def test_padding_never_shortens_is_whole_blocks_and_is_its_own_padding(size, floor):
    padded = padded_size(size, floor)
    assert padded >= max(size, floor)
    assert padded % 512 == 0
    assert padded_size(padded, floor) == padded


@given(sizes, sizes, floors)
def test_a_longer_content_never_has_a_smaller_padded_size(first, second, floor):
    small, large = sorted([first, second])
    assert padded_size(small, floor) <= padded_size(large, floor)


@given(sizes.filter(lambda n: n > REPORT_FLOOR), floors)
def test_padding_above_the_floors_costs_at_most_a_sixteenth(size, floor):
    assert padded_size(size, floor) - size <= size / 16


def classes(floor: int, limit: int) -> int:
    """How many padded sizes there are up to `limit`."""
    count, size = 1, floor
    while (size := padded_size(size + 1, floor)) <= limit:
        count += 1
    return count


@pytest.mark.parametrize(
    ("what", "floor", "limit"),
    [
        ("messages, 128 KiB", MESSAGE_FLOOR, 128 << 10),
        ("reports, 128 KiB", REPORT_FLOOR, 128 << 10),
        ("files, 1 MiB", REPORT_FLOOR, 1 << 20),
        ("files, 1 GiB", REPORT_FLOOR, 1 << 30),
        ("files, 1 TiB", REPORT_FLOOR, 1 << 40),
    ],
)
def test_a_size_tells_the_bits_that_the_documentation_states(what, floor, limit):
    count = classes(floor, limit)
    assert f"| {what} | {count:,} | {math.log2(count):.1f} |" in SIZES_PAGE.read_text()


@given(st.integers(REPORT_FLOOR + 1, 1 << 45))
def test_every_observed_size_stands_for_at_least_a_hundred_and_thirtieth_of_it(size):
    """So an observer who sees it knows the true size no better than to 0.7 percent, up to 32 TiB."""
    padded = padded_size(size, REPORT_FLOOR)
    assert padded_size(padded - padded // 130 + 1, REPORT_FLOOR) == padded
