import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.service.witness.errors import MemoryLostError
from meyasubako.service.witness.journal import Seen

ORIGINS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
TREES = st.builds(
    Seen, ORIGINS, st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32), st.integers(0, 2**40)
)


@given(TREES)
def test_a_line_reads_back(seen):
    assert Seen.parse(seen.line) == seen


PIECES = ["1", "07", " ", "  ", "ab" * 32, "AB" * 32, "log", "\n", "-1", "9" * 20]


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join).map(str.encode) | st.binary(max_size=30))
def test_whatever_line_is_read_would_be_written_as_the_same_bytes(data):
    try:
        seen = Seen.parse(data)
    except MemoryLostError:
        return
    assert seen.line == data


@pytest.mark.parametrize("line", [b"", b"\n", b"1 2 " + b"ab" * 32 + b" \n", b"\xff\n"])
def test_a_line_that_was_never_written_is_refused(line):
    with pytest.raises(MemoryLostError):
        Seen.parse(line)
