import string

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.crypto.canonical import (
    MAX_DEPTH,
    MAX_INTEGER,
    decode,
    decode_base64,
    decode_document,
    encode,
    encode_base64,
    encode_document,
)
from meyasubako.crypto.errors import NotCanonicalError

ALPHABET = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in '"\\')
KEYS = st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=8)


def values(strings, keys, smallest):
    leaves = st.booleans() | st.integers(smallest, MAX_INTEGER) | strings
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=12)


def objects(strings, keys, smallest):
    return st.dictionaries(keys, values(strings, keys, smallest), max_size=6)


EVENTS = objects(st.text(ALPHABET), KEYS, 0)
UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
DOCUMENTS = objects(UNICODE, UNICODE, -MAX_INTEGER)


def nested(depth):
    value = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


@given(EVENTS)
def test_an_event_is_encoded_as_rfc_8785_says_and_reads_back(event):
    data = encode(event)
    assert data == rfc8785.dumps(event)
    assert decode(data) == event


@given(DOCUMENTS)
def test_a_document_is_encoded_as_rfc_8785_says_and_reads_back(document):
    data = encode_document(document)
    assert data == rfc8785.dumps(document)
    assert decode_document(data) == document


@given(DOCUMENTS)
def test_an_event_is_either_refused_or_the_same_as_the_document(document):
    try:
        data = encode(document)
    except NotCanonicalError:
        with pytest.raises(NotCanonicalError):
            decode(encode_document(document))
    else:
        assert data == encode_document(document)


@given(st.binary(max_size=40) | st.text(' {}[]",:\\au0159.-etrufalsn\x00é', max_size=30).map(str.encode))
def test_whatever_is_read_would_be_written_as_the_same_bytes(data):
    for read, write in ((decode, encode), (decode_document, encode_document)):
        try:
            value = read(data)
        except NotCanonicalError:
            continue
        assert write(value) == data == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":null}',
        b'{"a":NaN}',
        b'{"a":9007199254740992}',
        b'{"a":123456789012345678901234567890}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"a":1',
        b'{"a":1}{}',
        b"[1]",
        b'"a"',
        b"1",
        b"",
        b"{",
    ],
)
def test_other_spellings_and_foreign_values_are_refused_in_events_and_documents(data):
    for read in (decode, decode_document):
        with pytest.raises(NotCanonicalError):
            read(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":"\\""}',
        b'{"a":"\\\\"}',
        b'{"a":"\\n"}',
        b'{"a":"\x7f"}',
        '{"a":"é"}'.encode(),
        b'{"A":1}',
        b'{"":1}',
        b'{"a-b":1}',
        b'{"a":-1}',
        '{"é":1}'.encode(),
    ],
)
def test_documents_may_hold_what_events_may_not(data):
    assert encode_document(decode_document(data)) == data
    with pytest.raises(NotCanonicalError):
        decode(data)


@pytest.mark.parametrize(
    "value",
    [1.0, None, b"x", ("a",), {"a": {1, 2}}, {1: "a"}, -(2**53), 2**53, "\ud800", {"\ud800": 1}, [None]],
)
def test_values_outside_of_json_of_ours_are_refused(value):
    for write in (encode, encode_document):
        with pytest.raises(NotCanonicalError):
            write(value)


def test_subclasses_of_plain_types_are_refused():
    class Loud(str):
        __slots__ = ()

    class Row(dict):
        pass

    for value in (Loud("a"), Row(a=1)):
        with pytest.raises(NotCanonicalError):
            encode(value)


def test_keys_of_a_document_are_sorted_by_utf_16_code_units():
    # U+FB33 sorts before U+1F600 as a code point, after its surrogates as UTF-16.
    data = encode_document({"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3})
    assert data == '{"\u20ac":3,"\U0001f600":2,"\ufb33":1}'.encode()


def test_nesting_is_accepted_to_the_limit_and_no_further():
    data = encode(nested(MAX_DEPTH))
    assert decode(data) == nested(MAX_DEPTH)
    too_deep = b'{"a":' * MAX_DEPTH + b"{}" + b"}" * MAX_DEPTH
    for read in (decode, decode_document):
        with pytest.raises(NotCanonicalError):
            read(too_deep)
        with pytest.raises(NotCanonicalError):
            read(b'{"a":' + b"[" * 200_000)


def test_the_largest_integer_is_written_in_full():
    assert encode({"a": MAX_INTEGER}) == b'{"a":9007199254740991}'


@given(st.binary(max_size=80))
def test_base64_reads_back(data):
    assert decode_base64(encode_base64(data), len(data)) == data


@given(st.text("AQgw=+/-_ \n", max_size=9))
def test_base64_has_one_spelling(text):
    try:
        data = decode_base64(text)
    except NotCanonicalError:
        return
    assert encode_base64(data) == text


@pytest.mark.parametrize("text", ["AB==", "AA", "AA=", "A A=", "AA==\n", "_w==", "é", "AA==AA=="])
def test_other_spellings_of_base64_are_refused(text):
    with pytest.raises(NotCanonicalError):
        decode_base64(text)


def test_base64_of_another_length_is_refused():
    with pytest.raises(NotCanonicalError):
        decode_base64("AA==", 2)
