from datetime import date
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto import canonical, merkle
from meyasubako.domain import envelope, kinds, schema, spelling
from meyasubako.domain.errors import BadEventError

# A body that somebody else's schema checks, and one that may have no field at all.
ONLY_READ = {"act.proposed", "case.erased"}
NAMES = sorted(name for name, _ in kinds.KINDS)
SPELT = sorted(set(NAMES) - ONLY_READ)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
CHARACTERS = "".join(chr(code) for code in range(32, 127) if chr(code) not in '"\\')
SAMPLES = {
    schema.DIGEST: HEX,
    schema.LEAF: HEX,
    schema.AGE_RECIPIENT: st.sampled_from(["age1pq1" + letter * 1952 for letter in "q0l"]),
}


def values(field):
    match field:
        case schema.Pattern():
            return SAMPLES[field] if field in SAMPLES else st.from_regex(field.pattern, fullmatch=True)
        case schema.Count(low=low, high=high):
            return st.integers(low, high) | st.sampled_from([low, high])
        case schema.Flag():
            return st.booleans()
        case schema.OneOf(words=words):
            return st.sampled_from(words)
        case schema.Day():
            return st.dates().map(date.isoformat)
        case schema.Setting(longest=longest):
            return st.text(CHARACTERS, min_size=1, max_size=min(longest, 24))
        case schema.Owned():
            return values(field.record)
        case schema.ListOf(item=item, least=least, most=most):
            return st.lists(values(item), min_size=least, max_size=min(most, least + 2))
        case schema.Record(fields=fields, optional=optional):
            needed = {name: values(each) for name, each in fields.items() if name not in optional}
            return st.fixed_dictionaries(needed, optional={name: values(fields[name]) for name in optional})


@cache
def bodies(kind):
    return values(kinds.KINDS[kind, 1].body)


def written(kind, body, *, at="2026-11-22", seq=5, log="box.example.org/log"):
    fields = {
        "at": at,
        "body": body,
        "by": "Gn396v_u2sSJKH6Fvl6cBJov9kcPVc8wJg9VOVrBsVk",
        "kind": kind,
        "log": log,
        "prev": "ab" * 32 if seq > 1 else "",
        "seq": seq,
        "sig": "A" * 86 + "==",
        "stream": "3f0b5a1c-7d7e-4c59-9a55-0f2a55b1f0aa",
        "v": 1,
    }
    return canonical.encode(fields)


def by_fields(data):
    return envelope.read_by_fields(data, merkle.leaf_hash(data))


def outcome(read, data):
    try:
        return read(data)
    except BadEventError as error:
        return str(error)


events = st.sampled_from(SPELT).flatmap(
    lambda kind: st.builds(
        written,
        st.just(kind),
        bodies(kind),
        at=st.dates().map(date.isoformat),
        seq=st.integers(1, schema.MAX_COUNT) | st.integers(1, 3),
        log=st.text(CHARACTERS, min_size=1, max_size=24),
    )
)


@settings(max_examples=120)
@given(events)
def test_events_are_read_alike_at_one_look_and_field_by_field(data):
    assert envelope.read(data) == by_fields(data)
    event = envelope.read(data)
    assert envelope.check(data) == (event.stream.encode(), str(event.seq).encode(), event.kind.encode())


@settings(max_examples=300)
@given(data=events, draw=st.data())
def test_what_is_taken_at_one_look_is_an_event(data, draw):
    place = draw.draw(st.integers(0, len(data)))
    cut = draw.draw(st.integers(0, 3))
    put = draw.draw(st.binary(max_size=3) | st.sampled_from([b'"', b",", b"0", b'"a":1,', b"\\u0061", b" "]))
    changed = data[:place] + put + data[place + cut :]
    assert outcome(envelope.read, changed) == outcome(by_fields, changed)


@settings(max_examples=300)
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_other_bytes_are_none(data):
    assert spelling.match(data) is None


@pytest.mark.parametrize("kind", SPELT)
def test_an_ordinary_event_of_each_kind_is_taken_at_one_look(kind):
    def ordinary(field):
        match field:
            case schema.Count(low=low, high=high):
                return min(low + 1, high)
            case schema.Day():
                return "2026-11-22"
            case schema.OneOf(words=words):
                return words[0]
            case schema.Flag():
                return True
            case schema.Setting():
                return "intake:main"
            case schema.Owned():
                return ordinary(field.record)
            case schema.ListOf(item=item, least=least, most=most):
                return [ordinary(item)] * min(max(least, 2), most)
            case schema.Record(fields=fields):
                return {name: ordinary(each) for name, each in fields.items()}
        forms = {
            schema.STREAM: "3f0b5a1c-7d7e-4c59-9a55-0f2a55b1f0aa",
            schema.PERSON: "Gn396v_u2sSJKH6Fvl6cBJov9kcPVc8wJg9VOVrBsVk",
            schema.PUBLIC_KEY: "A" * 43 + "=",
            schema.SIGNATURE: "A" * 86 + "==",
            schema.AGE_RECIPIENT: "age1pq1" + "q" * 1952,
            schema.CHANNEL_ID: "main",
            schema.LANGUAGE_TAG: "pt-BR",
        }
        return forms.get(field, "ab" * 32)

    body = kinds.KINDS[kind, 1].body
    whole, least = (
        ordinary(body),
        {name: ordinary(body.fields[name]) for name in body.fields.keys() - body.optional},
    )
    assert spelling.match(written(kind, whole))
    assert spelling.match(written(kind, least, seq=1))


@pytest.mark.parametrize(
    "data",
    [
        written("cover.written", {}, at="2028-02-29"),
        written("cover.written", {}, seq=2**53 - 1),
        written(
            "act.proposed", {"kind": "role.granted", "v": 1, "body": {"person": "A" * 43, "role": "steward"}}
        ),
    ],
    ids=["leap day", "sixteen digits", "proposal"],
)
def test_what_no_expression_spells_is_an_event_all_the_same(data):
    assert spelling.match(data) is None
    assert envelope.read(data) == by_fields(data)


@pytest.mark.parametrize(
    "day", ["2026-02-29", "2026-02-30", "2026-04-31", "0000-01-01", "2026-13-01", "2026-00-10"]
)
def test_days_that_no_year_has_are_refused(day):
    data = written("cover.written", {}, at=day)
    assert spelling.match(data) is None
    with pytest.raises(BadEventError, match="field at"):
        envelope.read(data)


def test_the_first_event_of_a_stream_has_no_prev_and_every_other_has_one():
    first, later = written("cover.written", {}, seq=1), written("cover.written", {}, seq=2)
    assert spelling.match(first)
    assert spelling.match(later)
    assert spelling.match(first.replace(b'"prev":""', b'"prev":"' + b"ab" * 32 + b'"')) is None
    assert spelling.match(later.replace(b"ab" * 32, b"")) is None
