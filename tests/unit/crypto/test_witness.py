import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.cosignature import Cosigner
from meyasubako.crypto.errors import BadNoteError
from meyasubako.crypto.witness import AddCheckpoint, parse_answer

HASH = "A" * 43 + "="
SIGNATURE = Cosigner.ed25519("witness.example.org/w", bytes(32)).sign(Checkpoint("a", 0, bytes(32)).text, 5)


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=5),
    st.binary(max_size=40),
)
def test_a_request_reads_back(old, proof, checkpoint):
    asked = AddCheckpoint(old, tuple(proof), checkpoint)
    assert AddCheckpoint.parse(asked.encode()) == asked


PIECES = ["old 0", "old 7", "old 07", "old ", HASH, "AA==", "", "x"]


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("\n".join).map(str.encode) | st.binary(max_size=20))
def test_whatever_request_is_read_would_be_written_as_the_same_bytes(data):
    try:
        asked = AddCheckpoint.parse(data)
    except BadNoteError:
        return
    assert asked.encode() == data


@pytest.mark.parametrize(
    "text",
    [
        "",
        "old 0\n",
        "\n\nrest",
        "old 00\n\nrest",
        "old -1\n\nrest",
        f"old {2**63}\n\nrest",
        "old 1 \n\nrest",
        "old 1\nAA==\n\nrest",
        "old 1\n" + f"{HASH}\n" * 64 + "\nrest",
        "old 1\né\n\nrest",
        "old 1\r\n\r\nrest",
    ],
)
def test_a_malformed_request_is_refused(text):
    with pytest.raises(BadNoteError):
        AddCheckpoint.parse(text.encode())


def test_a_request_that_could_not_be_read_is_not_made():
    for old, proof in ((-1, ()), (0, (b"",)), (0, (bytes(32),) * 64)):
        with pytest.raises(BadNoteError):
            AddCheckpoint(old, proof, b"")


def test_an_answer_is_signature_lines():
    assert parse_answer(SIGNATURE.line.encode() * 2) == (SIGNATURE, SIGNATURE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"hello\n",
        b"\xff\n",
        SIGNATURE.line.encode().rstrip(),
        SIGNATURE.line.encode() + b"\n",
        SIGNATURE.line.encode() * 101,
        b"a" * (2**20 + 1),
    ],
)
def test_any_other_answer_is_refused(data):
    with pytest.raises(BadNoteError):
        parse_answer(data)
