import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.cosignature import Cosigner, verifier_of
from meyasubako.crypto.errors import BadNoteError, BadProofError, QuorumError
from meyasubako.crypto.merkle import (
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
)
from meyasubako.crypto.note import NoteSigner, sign_note
from meyasubako.crypto.policy import Policy
from meyasubako.crypto.proof import MAX_EXTRA, LogProof, Promise, open_promise, promise_key_name
from meyasubako.crypto.tiles import TileReader, encode_bundle, tile_path
from meyasubako.crypto.witness import AddCheckpoint

EXAMPLE = json.loads((Path(__file__).parents[2] / "vectors/log/worked-example.json").read_text("utf-8"))
ORIGIN = EXAMPLE["origin"]
POLICY = Policy.parse(f"log {EXAMPLE['log_vkey']}\nwitness w {EXAMPLE['witness_vkey']}\nquorum w\n")
PROOF = EXAMPLE["proof_of_2"].encode()
LEAVES = [leaf_hash(entry.encode()) for entry in EXAMPLE["entries"]]
TILE = b"".join(LEAVES)


def read(size):
    return TileReader(size, lambda _level, _n, width: TILE[: 32 * width])


def test_the_worked_example_is_made_byte_for_byte():
    log = NoteSigner(ORIGIN, bytes.fromhex(EXAMPLE["log_seed"]))
    witness = Cosigner.ed25519("witness.example.org/w", bytes.fromhex(EXAMPLE["witness_seed"]))
    entries = [entry.encode() for entry in EXAMPLE["entries"]]
    assert log.key.text == EXAMPLE["log_vkey"]
    assert log.reveal() == EXAMPLE["log_private"]
    assert [leaf.hex() for leaf in LEAVES] == EXAMPLE["leaf_hashes"]
    assert node_hash(*LEAVES[:2]).hex() == EXAMPLE["node_0_1"]
    assert root_of(LEAVES).hex() == EXAMPLE["root"]
    assert encode_bundle(entries).hex() == EXAMPLE["bundle"]
    assert (tile_path("entries", 0, 3), tile_path(0, 0, 3)) == (EXAMPLE["bundle_path"], EXAMPLE["tile_path"])
    checkpoint = sign_checkpoint(Checkpoint(ORIGIN, 3, root_of(LEAVES)), [log, witness], EXAMPLE["time"])
    assert checkpoint.decode() == EXAMPLE["checkpoint"]
    assert LogProof(2, tuple(inclusion_path(2, 3, read(3))), checkpoint).encode() == PROOF
    asked = AddCheckpoint(2, tuple(consistency_path(2, 3, read(3))), checkpoint)
    assert asked.encode().decode() == EXAMPLE["add_checkpoint_2_to_3"]


def test_the_worked_examples_witness_request_verifies():
    asked = AddCheckpoint.parse(EXAMPLE["add_checkpoint_2_to_3"].encode())
    tree = POLICY.open(asked.checkpoint).checkpoint
    verify_consistency(asked.old_size, tree.size, root_of(LEAVES[:2]), tree.root, asked.proof)


def test_the_worked_examples_proof_verifies_for_its_leaf_only():
    proof = LogProof.parse(PROOF)
    assert proof.verify(LEAVES[2], POLICY).checkpoint.size == 3
    for leaf in (*LEAVES[:2], bytes(32), b""):
        with pytest.raises(BadProofError):
            proof.verify(leaf, POLICY)


def test_a_proof_needs_the_policys_quorum_and_its_log():
    proof = LogProof.parse(PROOF)
    other = NoteSigner(ORIGIN, bytes(32)).key.text
    witness = EXAMPLE["ml_dsa_vkey"]
    with pytest.raises(QuorumError):
        proof.verify(LEAVES[2], Policy.parse(f"log {EXAMPLE['log_vkey']}\nwitness w {witness}\nquorum w\n"))
    with pytest.raises(BadNoteError):
        proof.verify(LEAVES[2], Policy.parse(f"log {other}\nquorum none\n"))


@given(
    st.integers(0, 2**62),
    st.lists(st.binary(min_size=32, max_size=32), max_size=5),
    st.binary(max_size=40),
    st.none() | st.binary(max_size=20),
)
def test_a_proof_reads_back(index, path, checkpoint, extra):
    proof = LogProof(index, tuple(path), checkpoint, extra)
    assert LogProof.parse(proof.encode()) == proof


HASH = "A" * 43 + "="
PIECES = [
    "c2sp.org/tlog-proof@v1",
    "index 0",
    "index 01",
    "index ",
    "extra AA==",
    "extra ",
    HASH,
    "AA==",
    "",
    "x",
]


@given(st.lists(st.sampled_from(PIECES), max_size=7).map("\n".join).map(str.encode) | st.binary(max_size=30))
def test_whatever_proof_is_read_would_be_written_as_the_same_bytes(data):
    try:
        proof = LogProof.parse(data)
    except BadProofError:
        return
    assert proof.encode() == data


HEAD = "c2sp.org/tlog-proof@v1\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD,
        f"{HEAD}\nrest",
        f"c2sp.org/tlog-proof@v2\nindex 0\n\n{EXAMPLE['checkpoint']}",
        f"{HEAD}index 00\n\nrest",
        f"{HEAD}index -1\n\nrest",
        f"{HEAD}index {2**63}\n\nrest",
        f"{HEAD}index 0",
        f"{HEAD}index 0\n",
        f"{HEAD}index 0\nextra AA==\n\nrest",
        f"{HEAD}extra AA==\nextra AA==\nindex 0\n\nrest",
        f"{HEAD}extra AB==\nindex 0\n\nrest",
        f"{HEAD}index 0\nAA==\n\nrest",
        f"{HEAD}index 0\n{HASH} \n\nrest",
        HEAD + "index 0\n" + f"{HASH}\n" * 64 + "\nrest",
        f"{HEAD}index 0\né\n\nrest",
        f"{HEAD}index 0\r\n\r\nrest",
    ],
)
def test_a_malformed_proof_is_refused(text):
    with pytest.raises(BadProofError):
        LogProof.parse(text.encode())


def test_a_proof_that_could_not_be_read_is_not_made():
    for index, path, extra in ((-1, (), None), (0, (b"",), None), (0, (bytes(32),) * 64, None)):
        with pytest.raises(BadProofError):
            LogProof(index, path, b"", extra)
    with pytest.raises(BadProofError):
        LogProof(0, (), b"", bytes(MAX_EXTRA + 1))
    largest = LogProof(0, (bytes(32),) * 63, b"", bytes(MAX_EXTRA))
    assert LogProof.parse(largest.encode()) == largest


KEEPER = NoteSigner(promise_key_name(ORIGIN), bytes(range(32)))
PROMISE = Promise(ORIGIN, LEAVES[0], 7)


def test_a_promise_opens_with_the_promise_key():
    data = PROMISE.sign(KEEPER)
    assert open_promise(data, verifier_of(KEEPER.key)) == PROMISE
    hash_line = "KhWNiv1I4/iMtBld/bKp5IF9lfpX/TREDZP5quXE+Cs="
    assert data.decode().startswith(f"meyasubako/promise/v1\n{ORIGIN}\n{hash_line}\n7\n\n— {ORIGIN}/promise ")


def test_a_promise_by_another_key_is_neither_made_nor_believed():
    log_key = NoteSigner(ORIGIN, bytes(range(32)))
    with pytest.raises(BadNoteError):
        PROMISE.sign(log_key)
    with pytest.raises(BadNoteError):
        open_promise(sign_note(PROMISE.text, [log_key]), verifier_of(log_key.key))
    with pytest.raises(BadNoteError):
        open_promise(PROMISE.sign(KEEPER), verifier_of(log_key.key))


LINES = ["meyasubako/promise/v1", ORIGIN, HASH, "7", "07", "", "more"]


@given(st.lists(st.sampled_from(LINES), max_size=6), st.sampled_from(["", "\n"]))
def test_whatever_promise_is_opened_would_be_signed_the_same(lines, end):
    text = "\n".join(lines) + end
    try:
        promise = open_promise(sign_note(text, [KEEPER]), verifier_of(KEEPER.key))
    except BadNoteError:
        return
    assert promise.text == text


@pytest.mark.parametrize(
    ("origin", "leaf", "slot"), [("", bytes(32), 1), ("a\nb", bytes(32), 1), ("a", b"", 1)]
)
def test_a_promise_about_nothing_is_refused(origin, leaf, slot):
    with pytest.raises(BadNoteError):
        Promise(origin, leaf, slot)
    with pytest.raises(BadNoteError):
        Promise("a", bytes(32), -slot)
