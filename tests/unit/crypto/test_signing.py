import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto.canonical import decode, encode, encode_base64
from meyasubako.crypto.errors import BadKeyError, BadSignatureError, NotCanonicalError
from meyasubako.crypto.signing import (
    EVENT_CONTEXT,
    SigningKey,
    VerifyKey,
    key_id,
    sign_event,
    sign_statement,
    verify_encoded,
    verify_event,
    verify_statement,
)

KEY = SigningKey.from_seed(bytes(range(32)))
OTHER = SigningKey.from_seed(bytes(range(32, 64)))
FIELDS = {"by": KEY.verify_key.key_id, "kind": "report.submitted", "seq": 1, "body": {"ok": True}}
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493

SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]
NOT_KEYS = {
    "a second spelling of the identity": "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "off the curve": "0200000000000000000000000000000000000000000000000000000000000000",
    "too short": "00" * 31,
    "too long": "00" * 33,
}


def test_a_key_signs_as_rfc_8032_says():
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = SigningKey.from_seed(seed)
    assert key.verify_key.raw.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert key.sign(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )
    assert key.reveal_seed() == seed


def test_generated_keys_differ_and_their_repr_shows_nothing():
    first, second = SigningKey.generate(), SigningKey.generate()
    assert first.verify_key != second.verify_key
    assert repr(first) == str(first) == "SigningKey(…)"


def test_a_seed_of_another_length_is_refused():
    with pytest.raises(BadKeyError):
        SigningKey.from_seed(bytes(31))


def test_a_verify_key_reads_back_from_its_text():
    assert VerifyKey.parse(KEY.verify_key.text) == KEY.verify_key
    assert len({KEY.verify_key, VerifyKey.parse(KEY.verify_key.text)}) == 1


@pytest.mark.parametrize(
    "text", ["", "A", "AAAA", KEY.verify_key.text + "\n", KEY.verify_key.text.rstrip("=")]
)
def test_a_malformed_key_text_is_refused(text):
    with pytest.raises(BadKeyError):
        VerifyKey.parse(text)


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_small_order_key_is_refused(key):
    with pytest.raises(BadKeyError):
        VerifyKey(bytes.fromhex(key))


@pytest.mark.parametrize("key", NOT_KEYS.values(), ids=NOT_KEYS)
def test_what_is_no_key_is_refused(key):
    with pytest.raises(BadKeyError):
        VerifyKey(bytes.fromhex(key))


def test_a_key_id_is_the_digest_of_the_type_byte_and_the_key():
    raw = KEY.verify_key.raw
    assert len(key_id(raw)) == 43
    padded = encode_base64(hashlib.sha256(b"\x01" + raw).digest())
    assert key_id(raw) == padded.rstrip("=").replace("+", "-").replace("/", "_") == KEY.verify_key.key_id


def test_a_signed_event_verifies_and_is_canonical():
    data = sign_event(FIELDS, KEY)
    event = decode(data)
    verify_event(event, KEY.verify_key)
    assert {name: value for name, value in event.items() if name != "sig"} == FIELDS


def test_an_event_is_signed_over_its_context_line_and_its_canonical_bytes():
    event = decode(sign_event(FIELDS, KEY))
    assert event["sig"] == encode_base64(KEY.sign(b"meyasubako/event/v1\n" + encode(FIELDS)))


@pytest.mark.parametrize(
    "change", [{"seq": 2}, {"body": {}}, {"more": 1}, {"sig": "AAAA"}, {"sig": 1}, {"kind": "é"}]
)
def test_a_changed_event_does_not_verify(change):
    event = {**decode(sign_event(FIELDS, KEY)), **change}
    with pytest.raises(BadSignatureError):
        verify_event(event, KEY.verify_key)


@pytest.mark.parametrize("body", [{}, {"sig": "AAAA"}, {"a": [{"at": 1, "sig": "", "stream": "x"}]}])
def test_an_events_exact_bytes_verify_as_its_fields_do(body):
    data = sign_event({**FIELDS, "body": body}, KEY)
    verify_encoded(data, KEY.verify_key)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(BadSignatureError):
            verify_encoded(bytes(changed), KEY.verify_key)
    for other in (encode({**FIELDS, "body": body}), b"", data.replace(b"sig", b"gis")):
        with pytest.raises(BadSignatureError):
            verify_encoded(other, KEY.verify_key)


def test_an_event_without_a_signature_does_not_verify():
    with pytest.raises(BadSignatureError):
        verify_event(FIELDS, KEY.verify_key)


def test_an_event_verifies_only_with_the_key_that_it_names():
    event = decode(sign_event(FIELDS, KEY))
    with pytest.raises(BadSignatureError):
        verify_event(event, OTHER.verify_key)
    with pytest.raises(BadKeyError):
        sign_event(FIELDS, OTHER)


def test_an_event_that_has_a_signature_is_not_signed_again():
    with pytest.raises(NotCanonicalError):
        sign_event({**FIELDS, "sig": ""}, KEY)


def test_a_signature_with_the_group_order_added_to_its_scalar_is_refused():
    signature = KEY.sign(b"message")
    scalar = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    with pytest.raises(BadSignatureError):
        KEY.verify_key.verify(b"message", signature[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_refused(length):
    signature = (KEY.sign(b"message") + b"m")[:length]
    with pytest.raises(BadSignatureError):
        KEY.verify_key.verify(b"essage", signature)


LINES = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=6), max_size=4
)


@settings(max_examples=50)
@given(LINES, LINES)
def test_a_statement_verifies_for_its_own_lines_only(lines, others):
    signature = sign_statement("meyasubako/person/v1", lines, KEY)
    verify_statement("meyasubako/person/v1", lines, signature, KEY.verify_key)
    with pytest.raises(BadSignatureError):
        verify_statement("meyasubako/other/v1", lines, signature, KEY.verify_key)
    if lines != others:
        with pytest.raises(BadSignatureError):
            verify_statement("meyasubako/person/v1", others, signature, KEY.verify_key)


@pytest.mark.parametrize(
    ("context", "lines"), [("", []), (EVENT_CONTEXT, ["{}"]), ("a\nb", []), ("a", ["b\nc"])]
)
def test_a_statement_that_could_mean_something_else_is_never_signed_or_verified(context, lines):
    with pytest.raises(ValueError, match="context of its own"):
        sign_statement(context, lines, KEY)
    signature = encode_base64(KEY.sign("\n".join((context, *lines, "")).encode()))
    with pytest.raises(BadSignatureError):
        verify_statement(context, lines, signature, KEY.verify_key)


@pytest.mark.parametrize("signature", ["", "AAAA", "é"])
def test_a_malformed_statement_signature_is_refused(signature):
    with pytest.raises(BadSignatureError):
        verify_statement("a", [], signature, KEY.verify_key)
