import hashlib
import re
import unicodedata

import pyrage
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meyasubako.crypto import keyfile
from meyasubako.crypto.age import HybridIdentity, ScryptRecipient, seal, unseal
from meyasubako.crypto.age.text import parse_identities
from meyasubako.crypto.errors import (
    BadKeyError,
    BadKeyFileError,
    BadSignatureError,
    CryptoError,
    WorkFactorTooHighError,
    WrongKeyError,
)
from meyasubako.crypto.keyfile import (
    KeyPair,
    Person,
    change_passphrase,
    digest_fingerprint,
    fingerprint,
    generate_passphrase,
    parse_public_line,
    read_keyfile,
    write_keyfile,
)
from meyasubako.crypto.signing import SigningKey, verify_statement
from meyasubako.crypto.wordlists import LANGUAGES

CHEAP = 2  # log2 of scrypt's N
PAIR = KeyPair("Ada Lovelace", HybridIdentity.from_seed(b"a" * 32), SigningKey.from_seed(b"s" * 32))
OTHER = KeyPair("Eve", HybridIdentity.from_seed(b"b" * 32), SigningKey.from_seed(b"t" * 32))
TEXT = unseal(write_keyfile(PAIR, "Ada", "pass", CHEAP), keyfile.ScryptIdentity("pass")).decode()
NAME_LINE, SIGN_LINE, AGE_LINE = TEXT.splitlines()
printable = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=50)


def same(one: KeyPair, other: KeyPair) -> bool:
    return (one.identity.reveal(), one.signing.reveal_seed()) == (
        other.identity.reveal(),
        other.signing.reveal_seed(),
    )


def sealed(text: str | bytes) -> bytes:
    return seal(text.encode() if isinstance(text, str) else text, ScryptRecipient("pass", CHEAP))


@given(printable, printable)
@settings(max_examples=25)
def test_a_key_file_gives_its_keys_and_name_back(name, passphrase):
    pair = read_keyfile(write_keyfile(PAIR, name, passphrase, CHEAP), passphrase)
    assert same(pair, PAIR)
    assert pair.name == name


def test_the_default_work_factor_is_that_of_the_standard():
    assert re.search(rb"\n-> scrypt \S+ 18\n", write_keyfile(PAIR, "Ada", "pass"))


def test_another_tool_opens_a_key_file_and_finds_one_age_identity():
    text = pyrage.passphrase.decrypt(write_keyfile(PAIR, "Ada", "pass", CHEAP), "pass").decode()
    assert [identity.reveal() for identity in parse_identities(text)] == [PAIR.identity.reveal()]
    assert re.fullmatch(
        r"# name: Ada\n# meyasubako-sign-1 MEYASUBAKO-SIGN-1[A-Z0-9]{58}\nAGE-SECRET-KEY-PQ-1[A-Z0-9]{58}\n",
        text,
    )


def test_a_key_file_of_another_tool_is_read_with_its_comments():
    text = f"# created: 2026-11-22\r\n\r\n{AGE_LINE}\r\n# public key: age1pq1\r\n{SIGN_LINE}\r\n{NAME_LINE}"
    assert same(read_keyfile(pyrage.passphrase.encrypt(text.encode(), "pass"), "pass"), PAIR)


def test_a_wrong_pass_phrase_is_named():
    with pytest.raises(WrongKeyError):
        read_keyfile(write_keyfile(PAIR, "Ada", "pass", CHEAP), "other")


def test_a_pass_phrase_may_be_typed_composed_or_decomposed():
    data = write_keyfile(PAIR, "Ada", unicodedata.normalize("NFD", "café crème"), CHEAP)
    assert same(read_keyfile(data, unicodedata.normalize("NFC", "café crème")), PAIR)
    assert pyrage.passphrase.decrypt(data, unicodedata.normalize("NFC", "café crème"))


def test_changing_the_pass_phrase_keeps_keys_and_comments_and_shuts_out_the_old_one():
    text = f"# kept\n{TEXT}"
    data = change_passphrase(sealed(text), "pass", "new", CHEAP)
    assert same(read_keyfile(data, "new"), PAIR)
    assert pyrage.passphrase.decrypt(data, "new").decode() == text
    with pytest.raises(WrongKeyError):
        read_keyfile(data, "pass")
    with pytest.raises(WrongKeyError):
        change_passphrase(data, "pass", "newer", CHEAP)


def test_an_empty_pass_phrase_is_refused():
    with pytest.raises(BadKeyError):
        write_keyfile(PAIR, "Ada", "", CHEAP)


def test_a_file_that_asks_for_too_much_work_is_refused():
    data = write_keyfile(PAIR, "Ada", "pass", CHEAP)
    with pytest.raises(WorkFactorTooHighError):
        read_keyfile(re.sub(rb"(-> scrypt \S+ )2\n", rb"\g<1>23\n", data, count=1), "pass")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        TEXT + AGE_LINE,
        TEXT + SIGN_LINE,
        TEXT + NAME_LINE,
        AGE_LINE,
        f"{NAME_LINE}\n{SIGN_LINE}\n",
        f"{NAME_LINE}\n{AGE_LINE}\n",
        f"{SIGN_LINE}\n{AGE_LINE}\n",
        TEXT + "AGE-SECRET-KEY-1" + "Q" * 58,
        TEXT + "ssh-ed25519 AAAA",
        TEXT.replace(AGE_LINE, AGE_LINE[:-1]),
        TEXT.replace(AGE_LINE, AGE_LINE + " "),
        TEXT.replace(SIGN_LINE, SIGN_LINE[:-1] + "Q" * (SIGN_LINE[-1] != "Q")),
        TEXT.replace(SIGN_LINE, SIGN_LINE.lower()),
        TEXT.replace(SIGN_LINE, "# meyasubako-sign-1 " + AGE_LINE),
        TEXT.replace(SIGN_LINE, "# meyasubako-sign-2 " + SIGN_LINE.split()[-1]),
        TEXT.replace(NAME_LINE, "# name: "),
        TEXT.replace(NAME_LINE, "# name:  Ada"),
        TEXT.replace(NAME_LINE, "# name: " + "x" * 101),
        b"\xff" + TEXT.encode(),
        TEXT + "#" * 70000,
    ],
)
def test_anything_but_one_of_each_is_refused_and_nothing_is_repeated(text):
    with pytest.raises(BadKeyFileError) as refusal:
        read_keyfile(sealed(text), "pass")
    for secret in (AGE_LINE, SIGN_LINE.split()[-1]):
        assert secret[24:40].lower() not in str(refusal.value).lower()
    assert refusal.value.__cause__ is None


@given(
    st.lists(st.sampled_from([NAME_LINE, SIGN_LINE, AGE_LINE, "", "# x", "\r", "y", AGE_LINE[:40], "\u2028"]))
)
@example([NAME_LINE, SIGN_LINE, AGE_LINE])
@settings(max_examples=60)
def test_a_text_is_a_key_file_exactly_if_it_holds_one_of_each(lines):
    good = all(lines.count(line) == 1 for line in (NAME_LINE, SIGN_LINE, AGE_LINE)) and not (
        {"y", AGE_LINE[:40], "\u2028"} & set(lines)
    )
    if good:
        assert same(keyfile._parse("\n".join(lines).encode()), PAIR)
    else:
        with pytest.raises(BadKeyFileError):
            keyfile._parse("\n".join(lines).encode())


@given(st.binary(max_size=300))
@settings(max_examples=60)
def test_arbitrary_bytes_are_refused_by_name(data):
    with pytest.raises(CryptoError):
        read_keyfile(data, "pass")
    with pytest.raises(BadKeyFileError):
        keyfile._parse(data)


def test_a_key_pair_does_not_show_itself():
    assert repr(PAIR) == str(PAIR) == "KeyPair(name='Ada Lovelace')"


@given(printable, st.text(st.sampled_from("ab "), max_size=8))
@settings(max_examples=40)
def test_a_public_line_gives_the_person_back_whatever_spaces_the_name_holds(first, rest):
    person = PAIR.person((first + rest).strip())
    for ending in ("", "\n", "\r\n"):
        assert parse_public_line(person.public_line() + ending) == person
    assert person.public_line().split(" ")[-3].startswith("age1pq1")


def test_the_proof_is_the_statement_of_the_recipient_and_the_key():
    person = PAIR.person()
    verify_statement(
        "meyasubako/person/v1",
        (person.recipient.text, person.key.text),
        person.proof,
        PAIR.signing.verify_key,
    )


def test_a_proof_does_not_serve_another_recipient_or_key():
    ada, eve = PAIR.person(), OTHER.person()
    for recipient, key, proof in [
        (eve.recipient, ada.key, ada.proof),
        (ada.recipient, eve.key, ada.proof),
        (ada.recipient, ada.key, eve.proof),
        (ada.recipient, ada.key, ada.proof[:-4]),
    ]:
        with pytest.raises(BadSignatureError):
            Person("Ada", recipient, key, proof)
        with pytest.raises(BadSignatureError):
            parse_public_line(f"Ada {recipient.text} {key.text} {proof}")


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "Ada ",
        " Ada",
        "a\nb",
        "a\rb",
        "a\0b",
        "a\u2028b",
        "a\u202eb",
        "a\u2066b",
        "\ud800",
        "x" * 101,
    ],
)
def test_a_name_that_hides_something_is_refused(name):
    with pytest.raises(BadKeyError):
        Person(name, PAIR.identity.recipient, PAIR.signing.verify_key, PAIR.person().proof)
    with pytest.raises(BadKeyError):
        KeyPair(name, PAIR.identity, PAIR.signing)
    with pytest.raises(BadKeyError):
        write_keyfile(PAIR, name, "pass", CHEAP)


@pytest.mark.parametrize(
    "name", ["Ada", "उषा", "မောင်", "أمل", "نیما\u200cپور", "山田 花子", "O'Brien-Smith", "a  b"]
)
def test_names_of_many_scripts_are_accepted(name):
    assert parse_public_line(PAIR.person(name).public_line()).name == name


def damaged_lines():
    name, recipient, key, proof = PAIR.person("Ada").public_line().split(" ")
    yield "empty", ""
    yield "no name", f"{recipient} {key} {proof}"
    yield "two spaces before the key", f"{name} {recipient}  {key} {proof}"
    yield "a secret for a recipient", f"{name} {AGE_LINE} {key} {proof}"
    yield "a shorter recipient", f"{name} {recipient[:-1]} {key} {proof}"
    yield "capital letters", f"{name} {recipient.upper()} {key} {proof}"
    yield "url-safe base64", f"{name} {recipient} {'-' + key[1:]} {proof}"
    yield "a small-order key", f"{name} {recipient} {'A' * 43}= {proof}"
    yield "a space at the end", f"{name} {recipient} {key} {proof} "
    yield "a tab", f"{name}\t{recipient} {key} {proof}"


@pytest.mark.parametrize(
    "line", [line for _, line in damaged_lines()], ids=[title for title, _ in damaged_lines()]
)
def test_a_damaged_public_line_is_refused(line):
    with pytest.raises((BadKeyError, BadSignatureError)):
        parse_public_line(line)


@given(st.data())
@settings(max_examples=40)
def test_a_changed_character_of_a_public_line_changes_the_name_only_or_is_refused(data):
    person = PAIR.person("Ada")
    line = person.public_line()
    place = data.draw(st.integers(0, len(line) - 1))
    changed = line[:place] + data.draw(st.characters(codec="utf-8")) + line[place + 1 :]
    try:
        parsed = parse_public_line(changed)
    except (BadKeyError, BadSignatureError):
        return
    assert (parsed.recipient, parsed.key, parsed.proof) == (person.recipient, person.key, person.proof)


def test_the_fingerprint_is_the_one_of_the_standard():
    person = PAIR.person()
    digest = hashlib.sha256(f"{person.recipient.text}\n{person.key.key_id}\n".encode()).hexdigest()
    expected = str(int(digest, 16) % 10**24).zfill(24)
    assert person.fingerprint.replace(" ", "") == expected
    assert re.fullmatch(r"\d{4}( \d{4}){5}", person.fingerprint)
    assert person.fingerprint == fingerprint(person.recipient.text, person.key.key_id)
    assert person.fingerprint != OTHER.person().fingerprint


def test_a_digest_has_a_fingerprint_of_the_same_form():
    assert digest_fingerprint((10**24 + 42).to_bytes(32)) == "0000 0000 0000 0000 0000 0042"
    assert digest_fingerprint((10**24 - 1).to_bytes(32)) == "9999 9999 9999 9999 9999 9999"


@pytest.mark.parametrize("language", LANGUAGES)
def test_generated_pass_phrases_are_eight_composed_words_and_open_what_they_sealed(language):
    passphrase = generate_passphrase(language)
    assert len(passphrase.split("-")) == 8
    assert passphrase == unicodedata.normalize("NFC", passphrase)
    assert same(read_keyfile(write_keyfile(PAIR, "Ada", passphrase, CHEAP), passphrase), PAIR)


def test_generated_pass_phrases_differ_and_draw_on_the_whole_list():
    drawn = "-".join(generate_passphrase(words=64) for _ in range(100)).split("-")
    assert len(set(drawn)) > 1800
    with pytest.raises(ValueError, match="no word list"):
        generate_passphrase("klingon")
