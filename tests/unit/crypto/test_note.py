from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.crypto.canonical import encode_base64
from meyasubako.crypto.cosignature import parse_verifier
from meyasubako.crypto.errors import BadKeyError, BadNoteError
from meyasubako.crypto.note import (
    MAX_NOTE,
    MAX_SIGNATURES,
    Note,
    NoteKey,
    NoteSignature,
    NoteSigner,
    NoteVerifier,
    open_note,
    parse_private,
    sign_note,
)

SEED = bytes(range(32))
SIGNER = NoteSigner("log.example.org/demo", SEED)
VERIFIER = NoteVerifier(SIGNER.key)
OTHER = NoteSigner("other.example.org", bytes(32))
HOSTILE = sorted((Path(__file__).parents[2] / "vectors/log/hostile-notes").iterdir())

# From the specification of signed notes and the test of Go's implementation.
GO_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
GO_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
""".encode()


def test_the_note_of_the_specification_opens():
    opened = open_note(GO_NOTE, [parse_verifier(GO_KEY)])
    assert opened.note.text == "This is an example message.\n"
    assert opened.signed == {NoteKey.parse(GO_KEY): 0}
    assert opened.note.encode() == GO_NOTE


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_a_hostile_note_is_refused(path):
    witness = parse_verifier("witness.example.org/w+8b632bea+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X")
    with pytest.raises(BadNoteError):
        open_note(path.read_bytes(), [VERIFIER, witness])


def test_there_are_hostile_notes():
    assert len(HOSTILE) > 20


def test_a_note_is_parted_at_its_last_empty_line():
    text = "first\n\n— second AAAAAAAA\n\n\nthird\n"
    opened = open_note(sign_note(text, [SIGNER]), [VERIFIER])
    assert opened.note.text == text
    assert len(opened.note.signatures) == 1


def test_signatures_of_unknown_keys_are_ignored_even_with_a_known_name_or_id():
    text = "hello\n"
    same_id = NoteSignature("other.example.org", SIGNER.key.key_id, bytes(64))
    same_name = NoteSignature(SIGNER.key.name, OTHER.key.key_id, bytes(64))
    note = Note(text, (same_id, OTHER.sign(text), same_name, SIGNER.sign(text)))
    assert list(open_note(note.encode(), [VERIFIER]).signed) == [SIGNER.key]


def test_a_known_key_with_a_wrong_signature_refuses_the_whole_note():
    note = Note("hello\n", (OTHER.sign("hello\n"), SIGNER.sign("other\n")))
    with pytest.raises(BadNoteError):
        open_note(note.encode(), [VERIFIER, NoteVerifier(OTHER.key)])


def test_a_note_without_a_known_key_is_refused():
    for verifiers in ([], [NoteVerifier(OTHER.key)]):
        with pytest.raises(BadNoteError):
            open_note(sign_note("hello\n", [SIGNER]), verifiers)


def test_a_hundred_signatures_are_read_and_no_more():
    others = tuple(
        NoteSignature(f"{n}.example.org", bytes(4), bytes(2428)) for n in range(MAX_SIGNATURES - 1)
    )
    note = Note("hello\n", (*others, SIGNER.sign("hello\n")))
    assert list(open_note(note.encode(), [VERIFIER]).signed) == [SIGNER.key]
    with pytest.raises(BadNoteError):
        Note.parse(note.with_signatures([OTHER.sign("hello\n")]).encode())


def test_a_note_beyond_a_mebibyte_is_not_read():
    with pytest.raises(BadNoteError):
        Note.parse(sign_note("a" * MAX_NOTE + "\n", [SIGNER]))


def test_signatures_are_added_once_each():
    note = Note.parse(sign_note("hello\n", [SIGNER]))
    extra = OTHER.sign("hello\n")
    assert note.with_signatures([extra, SIGNER.sign("hello\n"), extra]).signatures == (
        *note.signatures,
        extra,
    )


@pytest.mark.parametrize("text", ["", "hello", "a\tb\n", "a\r\n", "\x00\n"])
def test_a_text_that_no_note_may_hold_is_not_signed(text):
    with pytest.raises(BadNoteError):
        sign_note(text, [SIGNER])


PRINTABLE = st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n")


@given(st.text(PRINTABLE, max_size=40))
def test_any_text_that_is_signed_opens_as_the_same_text(text):
    assert open_note(sign_note(f"{text}\n", [SIGNER]), [VERIFIER]).note.text == f"{text}\n"


PIECES = [
    "hello\n",
    "\n",
    "— a AAAAAAA=\n",
    "— a AAAAAAB=\n",
    "— b.example.org AAAAAAAA\n",
    "—",
    " ",
    "+",
    "\r",
    "é",
]


@given(st.lists(st.sampled_from(PIECES), max_size=7).map("".join).map(str.encode) | st.binary(max_size=30))
def test_whatever_note_is_read_would_be_written_as_the_same_bytes(data):
    try:
        note = Note.parse(data)
    except BadNoteError:
        return
    assert note.encode() == data


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="+"), min_size=1, max_size=12
)


@given(NAMES, st.integers(0, 255), st.binary(min_size=1, max_size=40))
def test_a_verifier_key_reads_back(name, kind, public):
    key = NoteKey(name, kind, public)
    assert NoteKey.parse(key.text) == key


@given(
    st.lists(st.sampled_from(["example.com/foo", "+", "530d903a", GO_KEY[25:], "530D903A", "A"])).map("".join)
)
def test_whatever_verifier_key_is_read_would_be_written_the_same(text):
    try:
        key = NoteKey.parse(text)
    except BadNoteError:
        return
    assert key.text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "example.com/foo+530d903a+",
        "example.com/foo+530d903a+AQ==",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        " example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ],
)
def test_a_malformed_verifier_key_is_refused(text):
    with pytest.raises(BadNoteError):
        NoteKey.parse(text)


def test_a_key_type_is_one_byte():
    with pytest.raises(BadNoteError):
        NoteKey("a", 256, bytes(32))


def test_a_plain_verifier_takes_only_its_own_type_and_safe_keys():
    with pytest.raises(BadKeyError):
        NoteVerifier(NoteKey("a", 4, SIGNER.key.public))
    with pytest.raises(BadKeyError):
        NoteVerifier(NoteKey("a", 1, bytes(32)))


def test_a_private_key_has_the_form_of_gos_tools():
    text = SIGNER.reveal()
    assert text == "PRIVATE+KEY+log.example.org/demo+5d6f9d9f+" + encode_base64(b"\x01" + SEED)
    assert parse_private(text) == ("log.example.org/demo", SIGNER.key.key_id, 1, SEED)


@pytest.mark.parametrize(
    "text",
    ["", GO_KEY, "PRIVATE+KEY+", "PRIVATE+KEY+a+00000000+AQ==", "PRIVATE+KEY+a+00000000+" + "A" * 48],
)
def test_what_is_no_private_key_is_refused_without_repeating_it(text):
    with pytest.raises(BadKeyError) as refusal:
        parse_private(text)
    assert refusal.value.__cause__ is None
    assert "AAAA" not in str(refusal.value)


def test_a_signer_shows_its_public_half_only():
    assert repr(SIGNER) == f"NoteSigner({SIGNER.key.text})"
