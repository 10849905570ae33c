"""The own examples of C2SP's specifications, as tests/vectors/c2sp has them: signed-note, tlog-checkpoint,
tlog-cosignature, tlog-tiles, tlog-witness, tlog-proof, tlog-policy.
"""

import hashlib
from itertools import combinations
from pathlib import Path

import pytest

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.cosignature import (
    ML_DSA_44,
    ML_DSA_PUBLIC_SIZE,
    Cosigner,
    cosignature_message,
    parse_verifier,
    subtree_message,
    verifier_of,
)
from meyasubako.crypto.errors import BadNoteError, BadProofError, QuorumError
from meyasubako.crypto.merkle import verify_inclusion
from meyasubako.crypto.note import Note, NoteKey, NoteSigner, open_note
from meyasubako.crypto.policy import Policy
from meyasubako.crypto.proof import LogProof
from meyasubako.crypto.tiles import parse_tile_path, tile_path, tile_width, tiles_for
from meyasubako.crypto.witness import AddCheckpoint, parse_answer

EXAMPLES = Path(__file__).parents[2] / "vectors/c2sp"
SOFA = "example.com/behind-the-sofa"
ROOT = "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
# What a witness signed at, in the example of tlog-cosignature.
TIME = 1679315147
# The key of Go's checksum database, as every copy of Go carries it.
CHECKSUM_DATABASE = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"


def example(name):
    return (EXAMPLES / f"{name}.txt").read_bytes()


def test_the_note_of_signed_note_is_parted_at_its_last_empty_line():
    note = Note.parse(example("signed-note"))
    assert note.text.split("\n") == [
        "Ognuno sta solo sul cuor della terra",
        "trafitto da un raggio di sole:",
        "",
        "ed è subito sera.",
        "",
    ]
    (signature,) = note.signatures
    assert (signature.name, signature.key_id.hex()) == ("quasimodo.example/salvatore", "367ba04b")
    assert len(signature.data) == 64
    assert note.encode() == example("signed-note")


def test_a_note_that_only_unknown_keys_have_signed_is_refused():
    known = NoteSigner("quasimodo.example/salvatore", bytes(32)).key
    with pytest.raises(BadNoteError):
        open_note(example("signed-note"), [verifier_of(known)])


@pytest.mark.parametrize(("kind", "size"), [(0x01, 32), (0x04, 32), (ML_DSA_44, ML_DSA_PUBLIC_SIZE)])
def test_a_key_id_is_what_signed_note_and_tlog_cosignature_say(kind, size):
    public = bytes(range(32)) * (size // 32)
    hashed = hashlib.sha256(SOFA.encode() + b"\x0a" + bytes([kind]) + public).digest()
    assert NoteKey(SOFA, kind, public).key_id == hashed[:4]


@pytest.mark.parametrize("name", ["tlog-checkpoint", "tlog-cosignature"])
def test_the_checkpoint_of_tlog_checkpoint_reads_as_it_says(name):
    note = Note.parse(example(name))
    assert Checkpoint.parse(note.text) == Checkpoint(SOFA, 20852163, bytes.fromhex(ROOT))
    assert Checkpoint.parse(note.text).text == note.text
    assert note.encode() == example(name)
    assert note.signatures[0].name == SOFA


def test_the_signature_of_tlog_checkpoint_is_that_of_gos_checksum_database():
    printed = example("tlog-checkpoint").decode()
    text, signature = printed.split("\n\n")
    original = text.replace(SOFA, "go.sum database tree") + "\n\n" + signature.replace(SOFA, "sum.golang.org")
    verifier = parse_verifier(CHECKSUM_DATABASE)
    opened = open_note(original.encode(), [verifier])
    assert opened.signed == {verifier.key: 0}
    assert Checkpoint.parse(opened.note.text).size == 20852163
    with pytest.raises(BadNoteError):
        open_note(printed.replace(f"— {SOFA}", "— sum.golang.org").encode(), [verifier])


def test_the_cosignature_of_tlog_cosignature_states_its_time_and_its_message():
    note = Note.parse(example("tlog-cosignature"))
    cosignature = note.signatures[1]
    assert (cosignature.name, cosignature.key_id.hex()) == ("witness.example.com/w1", "8d66cf3f")
    assert len(cosignature.data) == 8 + 64
    assert int.from_bytes(cosignature.data[:8], "big") == TIME
    assert cosignature_message(note.text, TIME) == example("tlog-cosignature-message")


def test_a_witness_of_ours_cosigns_that_very_message_and_the_checkpoint_opens_with_both():
    witness = Cosigner.ed25519("witness.example.com/w1", bytes(32))
    note = Note.parse(example("tlog-cosignature"))
    line = witness.sign(note.text, TIME)
    assert line.data[:8] == note.signatures[1].data[:8]
    opened = open_note(note.with_signatures([line]).encode(), [verifier_of(witness.key)])
    assert opened.signed == {witness.key: TIME}


def test_the_ml_dsa_message_of_tlog_cosignature_is_laid_out_as_its_struct():
    cosigner = "witness.example.com/w1"
    message = subtree_message(cosigner, TIME, Checkpoint(SOFA, 20852163, bytes.fromhex(ROOT)))
    assert message == (
        b"subtree/v1\n\0"
        + bytes([len(cosigner)])
        + cosigner.encode()
        + TIME.to_bytes(8, "big")
        + bytes([len(SOFA)])
        + SOFA.encode()
        + bytes(8)
        + (20852163).to_bytes(8, "big")
        + bytes.fromhex(ROOT)
    )


def test_the_tile_of_tlog_tiles_has_the_path_that_it_says():
    path = "tile/0/x001/x234/067"
    assert tile_path(0, 1234067) == path
    assert parse_tile_path(path) == (0, 1234067, 256)


def test_the_trees_of_tlog_tiles_have_the_tiles_that_it_says():
    size = 70_000
    tiles = [each for each in tiles_for(0, size) if each[2] < 256 or each[0]]
    assert tiles == [(0, 273, 112), (1, 0, 256), (1, 1, 17), (2, 0, 1)]
    assert [tile_width(0, n, size) for n in (272, 273, 274)] == [256, 112, 0]
    assert list(tiles_for(0, 256)) == [(0, 0, 256), (1, 0, 1)]


def test_the_request_of_tlog_witness_reads_as_it_says():
    asked = AddCheckpoint.parse(example("tlog-witness-request"))
    assert asked.old_size == 20852014
    assert [each.hex()[:8] for each in asked.proof] == ["3e544d0a", "8eb2590e", "e7ea4a95", "ffa59584"]
    note = Note.parse(asked.checkpoint)
    assert [each.name for each in note.signatures] == [SOFA, SOFA]
    assert note.text == Note.parse(example("tlog-checkpoint")).text
    assert asked.encode() == example("tlog-witness-request")


def test_the_answer_of_tlog_witness_is_three_lines_of_two_witnesses():
    answer = parse_answer(example("tlog-witness-answer"))
    assert [each.name for each in answer] == [
        "witness.example/w1",
        "witness.example/w1",
        "witness.example/w2",
    ]
    assert [each.key_id.hex() for each in answer] == ["08ca7ee8", "23bac4a6", "016ba2f1"]
    assert {len(each.data) for each in answer} == {8 + 64}
    assert "".join(each.line for each in answer).encode() == example("tlog-witness-answer")
    note = Note.parse(example("tlog-checkpoint"))
    assert len(Note.parse(note.encode() + example("tlog-witness-answer")).signatures) == 4


def test_the_proof_of_tlog_proof_reads_as_it_says():
    proof = LogProof.parse(example("tlog-proof"))
    assert (proof.index, len(proof.path)) == (73894, 5)
    assert proof.path[0].hex()[:8] == "8122b25e"
    assert proof.extra is not None
    assert proof.extra.startswith(b"age-v1.2.1-darwin-arm64.tar.gz")
    assert proof.encode() == example("tlog-proof")
    text = proof.checkpoint.decode().partition("\n\n")[0] + "\n"
    tree = Checkpoint.parse(text)
    assert (tree.origin, tree.size) == ("example.com/fancylog", 109482)


def test_the_proof_of_tlog_proof_proves_nothing_since_much_of_it_is_left_out():
    proof = LogProof.parse(example("tlog-proof"))
    with pytest.raises(BadNoteError):
        proof.verify(bytes(32), Policy.parse(f"log {CHECKSUM_DATABASE}\nquorum none\n"))
    tree = Checkpoint.parse(proof.checkpoint.decode().partition("\n\n")[0] + "\n")
    with pytest.raises(BadProofError):
        verify_inclusion(proof.index, tree.size, bytes(32), proof.path, tree.root)


def test_the_policy_of_tlog_policy_asks_for_two_of_one_group_and_any_of_the_other():
    log = NoteSigner(SOFA, bytes(32))
    witnesses = [Cosigner.ed25519(f"witness.example/{n}", bytes([n]) * 32) for n in range(6)]
    text = example("tlog-policy").decode()
    for signer in (log, *witnesses):
        text = text.replace("<vkey>", signer.key.text, 1)
    policy = Policy.parse(text)
    assert [each.name for each in policy.witnesses] == ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    assert [each.name for each in policy.groups] == ["X-witnesses", "Y-witnesses", "X-and-Y"]
    tree = Checkpoint(SOFA, 20852163, bytes.fromhex(ROOT))
    for count in range(7):
        for chosen in combinations(range(6), count):
            note = sign_checkpoint(tree, [log, *(witnesses[each] for each in chosen)], TIME)
            if len({0, 1, 2} & set(chosen)) >= 2 and {3, 4, 5} & set(chosen):
                assert policy.open(note).checkpoint == tree
                continue
            with pytest.raises(QuorumError):
                policy.open(note)
