from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto import canonical, merkle
from meyasubako.crypto.errors import BadKeyError, BadSignatureError
from meyasubako.crypto.signing import SigningKey
from meyasubako.domain import envelope
from meyasubako.domain.errors import BadEventError

KEY = SigningKey.from_seed(bytes(range(32)))
STREAM = "3f0b5a1c-7d7e-4c59-9a55-0f2a55b1f0aa"
PERSON = KEY.verify_key.key_id


def written(**changed):
    fields = {
        "at": date(2026, 11, 22),
        "log": "box.example.org/log",
        "stream": STREAM,
        "head": envelope.Head(4, "ab" * 32),
        "key": KEY,
    }
    return envelope.write("person.suspended", {"person": PERSON}, **{**fields, **changed})


EVENT = written()
FIELDS = canonical.decode(EVENT.data)


def refused_or_unsigned(data):
    try:
        event = envelope.read(data)
    except BadEventError:
        return
    with pytest.raises((BadSignatureError, BadKeyError)):
        envelope.verify(event, KEY.verify_key)


def test_what_is_written_is_read_back_with_its_exact_bytes():
    event = envelope.read(EVENT.data)
    envelope.verify(event, KEY.verify_key)
    assert event == EVENT
    assert event.leaf == merkle.leaf_hash(event.data).hex()
    assert (event.seq, event.prev, event.by) == (5, "ab" * 32, PERSON)


@settings(max_examples=400, deadline=None)
@given(place=st.integers(0, len(EVENT.data) - 1), byte=st.integers(0, 255))
def test_no_byte_can_be_changed(place, byte):
    data = bytearray(EVENT.data)
    if data[place] != byte:
        data[place] = byte
        refused_or_unsigned(bytes(data))


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, len(EVENT.data)), more=st.binary(min_size=1, max_size=3))
def test_nothing_can_be_added(place, more):
    refused_or_unsigned(EVENT.data[:place] + more + EVENT.data[place:])


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, len(EVENT.data) - 1), length=st.integers(1, 40))
def test_nothing_can_be_cut_out(place, length):
    refused_or_unsigned(EVENT.data[:place] + EVENT.data[place + length :])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_other_bytes_are_refused_by_name(data):
    with pytest.raises(BadEventError):
        envelope.read(data)


json = st.recursive(
    st.integers(0, 9) | st.text("ab-09", max_size=4) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abv", min_size=1, max_size=2), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(FIELDS)), value=json)
def test_every_field_has_its_form(name, value):
    changed = {**FIELDS, name: value}
    if changed != FIELDS:
        refused_or_unsigned(canonical.encode(changed))


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_no_field_may_be_missing(name):
    rest = {other: value for other, value in FIELDS.items() if other != name}
    with pytest.raises(BadEventError, match="exactly the fields"):
        envelope.read(canonical.encode(rest))


def test_an_unknown_field_is_refused():
    with pytest.raises(BadEventError, match="exactly the fields"):
        envelope.read(canonical.encode({**FIELDS, "note": "x"}))


@pytest.mark.parametrize(
    "changed",
    [
        {"at": "20261122"},
        {"at": "2026-W47-7"},
        {"at": "2026-11-22T10:00:00Z"},
        {"at": "2026-02-30"},
        {"seq": 0},
        {"seq": True},
        {"seq": "5"},
        {"prev": ""},
        {"prev": "AB" * 32},
        {"seq": 1},
        {"stream": STREAM.upper()},
        {"stream": "3f0b5a1c-7d7e-1c59-9a55-0f2a55b1f0aa"},
        {"by": "someone"},
        {"sig": "AAAA"},
        {"log": ""},
        {"log": 7},
        {"body": []},
        {"kind": "Person.suspended"},
        {"v": 2},
    ],
    ids=repr,
)
def test_a_malformed_field_is_refused_by_name(changed):
    with pytest.raises(BadEventError):
        envelope.read(canonical.encode({**FIELDS, **changed}))


def test_an_event_has_a_greatest_size():
    with pytest.raises(BadEventError, match="at most"):
        envelope.read(b"{" + b" " * envelope.MAX_EVENT)


def test_deep_nesting_is_refused_and_does_not_end_the_process():
    for deep in (b"[" * 16000 + b"]" * 16000, b'{"a":' * 5000 + b"1" + b"}" * 5000):
        with pytest.raises(BadEventError):
            envelope.read(b'{"at":' + deep + b"}")


def test_a_malformed_event_is_not_signed():
    with pytest.raises(BadEventError):
        envelope.write(
            "person.suspended",
            {"person": PERSON, "reason": "x"},
            at=date(2026, 11, 22),
            log="box.example.org/log",
            stream=STREAM,
            head=envelope.Head(),
            key=KEY,
        )


def test_a_signature_binds_log_stream_place_and_day():
    others = [
        written(log="other.example.org"),
        written(stream="4f0b5a1c-7d7e-4c59-9a55-0f2a55b1f0aa"),
        written(head=envelope.Head(5, "ab" * 32)),
        written(head=envelope.Head(4, "cd" * 32)),
        written(at=date(2026, 11, 23)),
    ]
    for other in others:
        moved = envelope.read(canonical.encode({**canonical.decode(other.data), "sig": EVENT.sig}))
        with pytest.raises(BadSignatureError):
            envelope.verify(moved, KEY.verify_key)


def test_another_key_does_not_verify():
    with pytest.raises(BadSignatureError):
        envelope.verify(EVENT, SigningKey.generate().verify_key)
