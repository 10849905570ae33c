import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.crypto.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from meyasubako.crypto.cosignature import Cosigner, verifier_of
from meyasubako.crypto.errors import BadNoteError
from meyasubako.crypto.merkle import MAX_SIZE
from meyasubako.crypto.note import Note, NoteSigner, sign_note

ORIGIN = "log.example.org/demo"
CLASSIC = NoteSigner(ORIGIN, bytes(range(32)))
POST_QUANTUM = Cosigner.ml_dsa(ORIGIN, bytes(range(32, 64)))
WITNESS = Cosigner.ed25519("witness.example.org/w", bytes(range(64, 96)))
LOG = [verifier_of(CLASSIC.key), verifier_of(POST_QUANTUM.key)]
HEAD = Checkpoint(ORIGIN, 3, bytes(32))
TIME = 1790000000

LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=10)


def test_a_checkpoint_signed_with_the_logs_keys_opens():
    opened = open_checkpoint(sign_checkpoint(HEAD, [CLASSIC, POST_QUANTUM], TIME), ORIGIN, LOG)
    assert opened.checkpoint == HEAD
    assert opened.signed == {CLASSIC.key: 0, POST_QUANTUM.key: TIME}
    assert [each.key_id for each in opened.note.signatures] == [CLASSIC.key.key_id, POST_QUANTUM.key.key_id]


@pytest.mark.parametrize("signers", [[CLASSIC], [POST_QUANTUM]], ids=["classic", "post-quantum"])
def test_a_checkpoint_that_lacks_one_of_the_logs_keys_is_refused(signers):
    with pytest.raises(BadNoteError):
        open_checkpoint(sign_checkpoint(HEAD, signers, TIME), ORIGIN, LOG)


def test_a_checkpoint_is_never_opened_by_witnesses_alone():
    data = sign_checkpoint(HEAD, [WITNESS], TIME)
    with pytest.raises(BadNoteError):
        open_checkpoint(data, ORIGIN, [], [verifier_of(WITNESS.key)])


def test_a_witnesss_time_is_told_and_its_wrong_signature_refuses():
    note = Note.parse(sign_checkpoint(HEAD, [CLASSIC, POST_QUANTUM], TIME))
    witnesses = [verifier_of(WITNESS.key)]
    first, again = WITNESS.sign(HEAD.text, TIME + 5), WITNESS.sign(HEAD.text, TIME)
    opened = open_checkpoint(note.with_signatures([first, again]).encode(), ORIGIN, LOG, witnesses)
    assert opened.signed[WITNESS.key] == TIME + 5
    wrong = note.with_signatures([WITNESS.sign(Checkpoint(ORIGIN, 4, bytes(32)).text, TIME)])
    with pytest.raises(BadNoteError):
        open_checkpoint(wrong.encode(), ORIGIN, LOG, witnesses)


def test_another_logs_checkpoint_is_refused():
    data = sign_checkpoint(Checkpoint("log.example.org/other", 3, bytes(32)), [CLASSIC, POST_QUANTUM], TIME)
    with pytest.raises(BadNoteError):
        open_checkpoint(data, ORIGIN, LOG)


def test_a_signed_text_that_is_no_checkpoint_is_refused():
    with pytest.raises(BadNoteError):
        open_checkpoint(sign_note("hello\n", [CLASSIC]), ORIGIN, LOG[:1])


@given(LINES, st.integers(0, MAX_SIZE), st.binary(min_size=32, max_size=32), st.lists(LINES, max_size=2))
def test_a_checkpoint_reads_back(origin, size, root, extensions):
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    assert Checkpoint.parse(checkpoint.text) == checkpoint


PIECES = [ORIGIN, "0", "3", "03", "-1", " 3", "A" * 43 + "=", "A" * 42 + "B=", "", "more", "\t"]


@given(st.lists(st.sampled_from(PIECES), max_size=5), st.sampled_from(["", "\n"]))
def test_whatever_checkpoint_is_read_would_be_written_the_same(lines, end):
    text = "\n".join(lines) + end
    try:
        checkpoint = Checkpoint.parse(text)
    except BadNoteError:
        return
    assert checkpoint.text == text


ROOT = "A" * 43 + "="


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{ORIGIN}\n3\n",
        f"{ORIGIN}\n3\n{ROOT}",
        f"\n3\n{ROOT}\n",
        f"{ORIGIN}\n03\n{ROOT}\n",
        f"{ORIGIN}\n+3\n{ROOT}\n",
        f"{ORIGIN}\n\u0663\n{ROOT}\n",
        f"{ORIGIN}\n{MAX_SIZE + 1}\n{ROOT}\n",
        f"{ORIGIN}\n{'9' * 5000}\n{ROOT}\n",
        f"{ORIGIN}\n3\nAAAA\n",
        f"{ORIGIN}\n3\n{ROOT}\n\n",
        f"{ORIGIN}\n3\n{ROOT}\n\nmore\n",
        f"{ORIGIN}\t\n3\n{ROOT}\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text):
    with pytest.raises(BadNoteError):
        Checkpoint.parse(text)


def test_a_checkpoint_out_of_range_is_refused():
    for size, root in ((-1, bytes(32)), (MAX_SIZE + 1, bytes(32)), (0, bytes(31))):
        with pytest.raises(BadNoteError):
            Checkpoint(ORIGIN, size, root)
