"""Keys: their spellings, what is unsafe about some of them, who may stand together, and what never shows."""

import dataclasses
import hashlib
import inspect

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto import age, bech32, errors
from meyasubako.crypto.age import (
    HYBRID_HEADER_SIZE,
    IDENTITY_TEXT_SIZE,
    WRAP_SIZE,
    HybridIdentity,
    HybridRecipient,
    ScryptIdentity,
    ScryptRecipient,
    X25519Identity,
    X25519Recipient,
    check_single_hybrid,
    parse_identities,
    parse_identity,
    parse_recipient,
    parse_recipients,
    seal,
    unseal,
)
from meyasubako.crypto.age.header import Stanza, encode_base64, parse_header, write_header

HYBRID = HybridIdentity.from_seed(bytes(range(32)))
CLASSIC = X25519Identity.from_seed(bytes(range(32)))

# The points of small order on Curve25519 and its twist, in every encoding: RFC 7748, section 6.1, and the
# list that Wycheproof tests ("low order public"). Each makes every shared secret zero.
LOW_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


def raw_recipient() -> bytes:
    return bech32.decode(HYBRID.recipient.text)[1]


def coefficient(value: int) -> bytes:
    """The first two 12-bit coefficients of an encapsulation key, the first of them as given."""
    return bytes([value & 255, value >> 8])


def reseal(*stanzas: Stanza) -> bytes:
    return write_header(stanzas, bytes(16)) + bytes(32)


@pytest.mark.parametrize("point", LOW_ORDER)
def test_a_recipient_of_low_order_is_refused(point: str) -> None:
    with pytest.raises(errors.BadKeyError):
        X25519Recipient.parse(bech32.encode("age", bytes.fromhex(point)))
    with pytest.raises(errors.BadKeyError):
        HybridRecipient.parse(bech32.encode("age1pq", raw_recipient()[:1184] + bytes.fromhex(point)))


@pytest.mark.parametrize("point", LOW_ORDER)
def test_a_share_of_low_order_damages_the_header(point: str) -> None:
    share = encode_base64(bytes.fromhex(point)).decode()
    with pytest.raises(errors.DamagedHeaderError):
        unseal(reseal(Stanza(("X25519", share), bytes(32))), CLASSIC)
    hybrid = encode_base64(bytes(1088) + bytes.fromhex(point)).decode()
    with pytest.raises(errors.DamagedHeaderError):
        unseal(reseal(Stanza(("mlkem768x25519", hybrid), bytes(32))), HYBRID)


@pytest.mark.parametrize("value", [3329, 3330, 4095])
def test_an_encapsulation_key_that_is_not_reduced_is_refused(value: int) -> None:
    raw = bytearray(raw_recipient())
    raw[:2] = coefficient(value)
    with pytest.raises(errors.BadKeyError):
        HybridRecipient.parse(bech32.encode("age1pq", bytes(raw)))


@pytest.mark.parametrize("size", [0, 32, 1184, 1215, 1217, 1600])
def test_a_hybrid_recipient_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(errors.BadKeyError):
        HybridRecipient.parse(bech32.encode("age1pq", (raw_recipient() * 2)[:size]))


@pytest.mark.parametrize("size", [0, 1, 1087, 1088, 1119, 1121])
def test_an_encapsulation_of_another_length_damages_the_header(size: int) -> None:
    share = encode_base64(b"\7" * size).decode() or "-"
    with pytest.raises(errors.DamagedHeaderError):
        unseal(reseal(Stanza(("mlkem768x25519", share), bytes(32))), HYBRID)
    with pytest.raises(errors.DamagedHeaderError):
        check_single_hybrid(reseal(Stanza(("mlkem768x25519", share), bytes(32))))


@settings(deadline=None, max_examples=50)
@given(place=st.integers(0, 1151), bit=st.integers(0, 7))
def test_a_changed_ciphertext_opens_for_nobody(place: int, bit: int) -> None:
    stanza = parse_header(seal(b"", HYBRID.recipient)).stanzas[0]
    whole = bytearray(bytes(1120) + stanza.body)
    whole[:1120] = age.hybrid.parse_encapsulation(stanza)
    whole[place] ^= 1 << bit
    changed = Stanza(("mlkem768x25519", encode_base64(bytes(whole[:1120])).decode()), bytes(whole[1120:]))
    # The top bit of an X25519 share is masked by X25519 itself, but bound by the combiner's hash: no
    # exception to this.
    with pytest.raises(errors.WrongKeyError):
        unseal(reseal(changed), HYBRID)


def test_an_identity_is_its_seed_expanded_as_the_standard_says() -> None:
    expanded = hashlib.shake_256(bytes(range(32))).digest(96)
    lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).public_key().public_bytes_raw()
    assert (
        raw_recipient() == lattice + bech32.decode(X25519Identity.from_seed(expanded[64:]).recipient.text)[1]
    )


@settings(deadline=None, max_examples=30)
@given(seed=st.binary(min_size=32, max_size=32))
def test_keys_come_back_from_their_texts(seed: bytes) -> None:
    for kind in (HybridIdentity, X25519Identity):
        identity = kind.from_seed(seed)
        again = parse_identity(identity.reveal())
        assert type(again) is kind
        assert (again.reveal_seed(), again.recipient) == (seed, identity.recipient)
        assert parse_recipient(identity.recipient.text) == identity.recipient
        assert hash(parse_recipient(identity.recipient.text)) == hash(identity.recipient)


@pytest.mark.parametrize("identity", [HYBRID, CLASSIC])
def test_a_key_has_one_spelling(identity: HybridIdentity | X25519Identity) -> None:
    for text in (identity.reveal(), identity.recipient.text):
        parse = parse_identity if text.isupper() else parse_recipient
        wrong = [text.swapcase(), text[:-1], text + "q", f" {text}", f"{text}\n", text[:30] + "b" + text[31:]]
        wrong += [text[:20] + text[20:].swapcase(), "", text[:-1] + ("Q" if text[-1] != "Q" else "P")]
        for other in wrong:
            with pytest.raises(errors.BadKeyError):
                parse(other)


def test_an_identity_in_a_recipient_s_place_is_refused_without_repeating_it() -> None:
    secret = HYBRID.reveal()
    for parse in (parse_recipient, parse_recipients):
        with pytest.raises(errors.BadKeyError) as caught:
            parse(secret)
        assert secret[20:40] not in str(caught.value)


def test_files_of_keys_may_hold_comments_and_empty_lines() -> None:
    text = f"# created: yesterday\r\n{CLASSIC.reveal()}\r\n\n{HYBRID.reveal()}"
    assert [key.recipient for key in parse_identities(text)] == [CLASSIC.recipient, HYBRID.recipient]
    assert parse_recipients(f"{HYBRID.recipient.text}\n#\n") == [HYBRID.recipient]


@pytest.mark.parametrize(
    "text", ["", "# nothing\n\n", "ssh-ed25519 AAAA", "age1yubikey1qqqq", "AGE-PLUGIN-X-1QQ"]
)
def test_files_without_a_key_that_we_know_are_refused(text: str) -> None:
    for parse in (parse_identities, parse_recipients):
        with pytest.raises(errors.BadKeyError):
            parse(text)


def test_the_line_of_a_wrong_key_is_named() -> None:
    with pytest.raises(errors.BadKeyError, match="line 2"):
        parse_recipients(f"{CLASSIC.recipient.text}\nage1\n")


def test_no_secret_shows_in_a_repr() -> None:
    for secret in (HYBRID, CLASSIC, ScryptRecipient("horse"), ScryptIdentity("horse")):
        assert "horse" not in repr(secret)
        assert "SECRET" not in repr(secret)
        assert HYBRID.reveal_seed().hex() not in repr(secret)


def test_kinds_of_recipients_are_never_mixed_in_one_file() -> None:
    phrase = ScryptRecipient("a", work_factor=1)
    for mixed in [(HYBRID, CLASSIC), (CLASSIC, HYBRID)]:
        with pytest.raises(errors.UnsupportedError):
            seal(b"", *(key.recipient for key in mixed))
    for mixed in [(phrase, CLASSIC.recipient), (HYBRID.recipient, phrase), (phrase, phrase), ()]:
        with pytest.raises(errors.UnsupportedError):
            seal(b"", *mixed)


def test_each_of_several_recipients_opens_the_file() -> None:
    for kind in (HybridIdentity, X25519Identity):
        people = [kind.generate() for _ in range(3)]
        sealed = seal(b"a word", *(person.recipient for person in people))
        for person in people:
            assert unseal(sealed, kind.generate(), person) == b"a word"
        with pytest.raises(errors.WrongKeyError):
            unseal(sealed, kind.generate(), ScryptIdentity("a"))


def test_a_pass_phrase_opens_what_it_sealed_and_nothing_else() -> None:
    sealed = seal(b"a word", ScryptRecipient("pässword", work_factor=2))
    assert unseal(sealed, ScryptIdentity("pässword")) == b"a word"
    with pytest.raises(errors.WrongKeyError):
        unseal(sealed, ScryptIdentity("password"))


@pytest.mark.parametrize("factor", ["23", "64", "99", "100", "9" * 5000])
def test_work_beyond_our_limit_is_refused_before_it_is_done(factor: str) -> None:
    salt = encode_base64(bytes(16)).decode()
    with pytest.raises(errors.WorkFactorTooHighError):
        unseal(reseal(Stanza(("scrypt", salt, factor), bytes(32))), ScryptIdentity("a", max_work_factor=64))


def test_a_lower_limit_of_work_is_kept() -> None:
    sealed = seal(b"", ScryptRecipient("a", work_factor=5))
    with pytest.raises(errors.WorkFactorTooHighError):
        unseal(sealed, ScryptIdentity("a", max_work_factor=4))


@pytest.mark.parametrize("factor", [-1, 0, 23, 64])
def test_nothing_is_sealed_with_a_work_factor_that_nobody_opens(factor: int) -> None:
    with pytest.raises(errors.WorkFactorTooHighError):
        ScryptRecipient("a", work_factor=factor)


def test_the_keyless_check_tells_a_payload_of_ours_from_others() -> None:
    sealed = seal(bytes(1000), HYBRID.recipient)
    assert (
        check_single_hybrid(sealed[:HYBRID_HEADER_SIZE]) == check_single_hybrid(sealed) == HYBRID_HEADER_SIZE
    )
    for other in (seal(b"", CLASSIC.recipient), seal(b"", HYBRID.recipient, HYBRID.recipient)):
        with pytest.raises(errors.UnsupportedError):
            check_single_hybrid(other)
    for other in (sealed[: HYBRID_HEADER_SIZE - 1], b"", age.armor(sealed)):
        with pytest.raises(errors.DamagedHeaderError):
            check_single_hybrid(other)


def test_a_wrap_has_one_size() -> None:
    assert len(HYBRID.reveal()) == IDENTITY_TEXT_SIZE
    assert len(seal(f"{HYBRID.reveal()}\n".encode(), HYBRID.recipient)) == WRAP_SIZE


def test_no_public_name_takes_or_gives_a_file_key() -> None:
    for name in age.__all__:
        public = getattr(age, name)
        methods = dict(inspect.getmembers(public)) if inspect.isclass(public) else {name: public}
        for method, function in methods.items():
            if callable(function) and not method.startswith("_") and hasattr(function, "__annotations__"):
                assert "file_key" not in function.__annotations__, f"{name}.{method}"
    fields = {field.name for kind in (HybridRecipient, ScryptRecipient) for field in dataclasses.fields(kind)}
    assert "file_key" not in fields
