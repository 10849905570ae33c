import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.cosignature import (
    ED25519_COSIGNATURE,
    MAX_TIME,
    ML_DSA_44,
    CosignatureVerifier,
    Cosigner,
    cosignature_message,
    parse_signer,
    parse_verifier,
    subtree_message,
    verifier_of,
)
from meyasubako.crypto.errors import BadKeyError, BadNoteError
from meyasubako.crypto.note import NoteKey, NoteSignature, NoteSigner

EXAMPLE = json.loads((Path(__file__).parents[2] / "vectors/log/worked-example.json").read_text("utf-8"))
TIME = EXAMPLE["time"]
HEAD = Checkpoint(EXAMPLE["origin"], 3, bytes.fromhex(EXAMPLE["root"]))
CLASSIC = Cosigner.ed25519("witness.example.org/w", bytes.fromhex(EXAMPLE["witness_seed"]))
POST_QUANTUM = Cosigner.ml_dsa(EXAMPLE["ml_dsa_name"], bytes.fromhex(EXAMPLE["ml_dsa_seed"]))
BOTH = pytest.mark.parametrize("cosigner", [CLASSIC, POST_QUANTUM], ids=["classic", "post-quantum"])


def test_keys_and_messages_are_those_of_the_worked_example():
    assert CLASSIC.key.text == EXAMPLE["witness_vkey"]
    assert POST_QUANTUM.key.text == EXAMPLE["ml_dsa_vkey"]
    assert POST_QUANTUM.key.key_id.hex() == EXAMPLE["ml_dsa_key_id"]
    assert subtree_message(EXAMPLE["ml_dsa_name"], TIME, HEAD).hex() == EXAMPLE["ml_dsa_message"]
    assert cosignature_message("a\n", 5) == b"cosignature/v1\ntime 5\na\n"


def test_the_ed25519_cosignature_is_that_of_the_worked_example():
    assert EXAMPLE["checkpoint"].endswith(CLASSIC.sign(HEAD.text, TIME).line)


def test_the_ml_dsa_cosignature_of_the_worked_example_verifies():
    signature = NoteSignature.parse(EXAMPLE["ml_dsa_line"])
    assert parse_verifier(EXAMPLE["ml_dsa_vkey"]).verify(HEAD.text, signature.data) == TIME


@BOTH
@settings(max_examples=10)
@given(time=st.integers(0, MAX_TIME), size=st.integers(0, 2**63 - 1))
def test_a_cosignature_tells_its_time(cosigner, time, size):
    text = Checkpoint("log.example.org", size, bytes(32)).text
    assert verifier_of(cosigner.key).verify(text, cosigner.sign(text, time).data) == time


@BOTH
def test_a_cosignature_holds_for_no_other_tree_time_or_log(cosigner):
    data, verifier = cosigner.sign(HEAD.text, TIME).data, verifier_of(cosigner.key)
    for other in (
        Checkpoint(HEAD.origin, 4, HEAD.root),
        Checkpoint(HEAD.origin, 3, bytes(32)),
        Checkpoint("log.example.org/other", 3, HEAD.root),
    ):
        with pytest.raises(BadNoteError):
            verifier.verify(other.text, data)
    with pytest.raises(BadNoteError):
        verifier.verify(HEAD.text, (TIME + 1).to_bytes(8, "big") + data[8:])


def test_an_ml_dsa_cosignature_commits_to_the_cosigners_name():
    renamed = NoteKey("witness.example.org/other", ML_DSA_44, POST_QUANTUM.key.public)
    with pytest.raises(BadNoteError):
        verifier_of(renamed).verify(HEAD.text, POST_QUANTUM.sign(HEAD.text, TIME).data)


def test_an_ed25519_cosignature_covers_extension_lines_and_an_ml_dsa_one_does_not():
    extended = Checkpoint(HEAD.origin, HEAD.size, HEAD.root, ("more",)).text
    verifier_of(POST_QUANTUM.key).verify(extended, POST_QUANTUM.sign(HEAD.text, TIME).data)
    with pytest.raises(BadNoteError):
        verifier_of(CLASSIC.key).verify(extended, CLASSIC.sign(HEAD.text, TIME).data)


@BOTH
@pytest.mark.parametrize("change", ["empty", "short", "long", "late"])
def test_a_malformed_cosignature_is_refused(cosigner, change):
    data = cosigner.sign(HEAD.text, TIME).data
    changed = {"empty": b"", "short": data[:-1], "long": data + b"\0", "late": b"\x80" + bytes(7) + data[8:]}
    with pytest.raises(BadNoteError):
        verifier_of(cosigner.key).verify(HEAD.text, changed[change])


@BOTH
def test_only_a_checkpoint_is_cosigned_and_only_at_a_possible_time(cosigner):
    for text, time in (("hello\n", TIME), (HEAD.text, -1), (HEAD.text, MAX_TIME + 1)):
        with pytest.raises(BadNoteError):
            cosigner.sign(text, time)


def test_a_text_that_is_no_checkpoint_has_no_ml_dsa_cosignature():
    with pytest.raises(BadNoteError):
        verifier_of(POST_QUANTUM.key).verify("hello\n", POST_QUANTUM.sign(HEAD.text, TIME).data)


def test_names_beyond_255_bytes_are_not_cosigned_by_ml_dsa():
    with pytest.raises(BadNoteError):
        subtree_message("a" * 256, TIME, HEAD)
    with pytest.raises(BadNoteError):
        POST_QUANTUM.sign(Checkpoint("a" * 256, 3, HEAD.root).text, TIME)


@pytest.mark.parametrize(
    "key",
    [
        NoteKey("a", ED25519_COSIGNATURE, bytes(32)),
        NoteKey("a", ML_DSA_44, bytes(1311)),
        NoteKey("a", 2, bytes(32)),
        NoteKey("a", 255, bytes(32)),
    ],
)
def test_unsafe_keys_and_unknown_types_are_refused(key):
    with pytest.raises(BadKeyError):
        verifier_of(key)


def test_a_plain_note_key_does_not_cosign():
    with pytest.raises(BadKeyError):
        CosignatureVerifier(NoteSigner("a", bytes(32)).key)
    with pytest.raises(BadKeyError):
        Cosigner("a", 1, bytes(32))
    with pytest.raises(BadKeyError):
        Cosigner.ml_dsa("a", bytes(31))


@pytest.mark.parametrize(
    "signer",
    [NoteSigner("log.example.org", bytes(32)), CLASSIC, POST_QUANTUM],
    ids=["note", "classic", "post-quantum"],
)
def test_a_signer_reads_back_from_its_private_text_and_never_shows_it(signer):
    assert parse_signer(signer.reveal()).key == signer.key
    assert repr(signer) == f"{type(signer).__name__}({signer.key.text})"


def test_a_private_text_whose_id_is_not_its_keys_is_refused():
    with pytest.raises(BadKeyError):
        parse_signer(CLASSIC.reveal().replace("example.org", "example.net"))
