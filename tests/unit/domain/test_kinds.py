import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meyasubako.domain import kinds
from meyasubako.domain.errors import BadEventError
from meyasubako.domain.schema import Count, Owned, Record
from tests.unit.domain.bodies import Bodies

EVERY_KIND = pytest.mark.parametrize("kind", kinds.KINDS.values(), ids=lambda kind: kind.name)
quick = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def bodies_of(shared):
    world, case = shared
    return lambda random: Bodies(random, world, case)


@EVERY_KIND
@quick
@given(random=st.randoms(use_true_random=False))
def test_a_body_has_every_field_and_no_other(bodies_of, kind, random):
    body = bodies_of(random).body(kind)
    kinds.check_body(kind.name, kind.version, body)
    with pytest.raises(BadEventError, match="unknown field"):
        kinds.check_body(kind.name, kind.version, {**body, "name": "Aiko"})
    for name in body.keys() - kind.body.optional:
        rest = {other: value for other, value in body.items() if other != name}
        with pytest.raises(BadEventError, match="missing field"):
            kinds.check_body(kind.name, kind.version, rest)


@EVERY_KIND
@quick
@given(
    random=st.randoms(use_true_random=False), wrong=st.sampled_from(["", "some words", -1, [[]], {"a": 1}])
)
def test_no_field_takes_free_text_or_another_type(bodies_of, kind, random, wrong):
    body = bodies_of(random).body(kind)
    for name, field in kind.body.fields.items():
        if name not in body or (type(field).__name__ in ("Setting", "AnyBody")):
            continue
        with pytest.raises(BadEventError):
            kinds.check_body(kind.name, kind.version, {**body, name: wrong})


@EVERY_KIND
def test_only_the_mechanisms_own_stream_holds_settings(kind):
    # Elsewhere a body has no place for a text that a person typed (section 5).
    if kind.streams != (kinds.MECHANISM,) and kind.name != "act.proposed":
        assert "Setting" not in repr(kind.body)


@EVERY_KIND
def test_a_stream_of_every_sort_can_begin(kind):
    assert set(kind.streams) <= set(kinds.OPENING.values())


def test_an_unknown_kind_or_version_is_refused():
    for kind, version in (("report.burnt", 1), ("report.submitted", 2)):
        with pytest.raises(BadEventError, match="unknown kind"):
            kinds.check_body(kind, version, {})


def test_only_acts_of_two_people_are_proposed():
    body = {"kind": "cover.written", "v": 1, "body": {}}
    with pytest.raises(BadEventError, match="not an act that is proposed"):
        kinds.check_body("act.proposed", 1, body)


def test_a_proposal_is_as_strict_as_the_act():
    body = {"kind": "fallback.appointed", "v": 1, "body": {"channel": "main", "person": "me"}}
    with pytest.raises(BadEventError, match="key id"):
        kinds.check_body("act.proposed", 1, body)


def test_a_proposal_owns_nothing(shared):
    world, _ = shared
    assert not kinds.owned("act.proposed", 1, {"kind": "channel.opened", "v": 1, "body": {}})
    card = world.cards["channel"]
    owned = kinds.owned("card.published", 1, {"card": card.reference})
    assert [(each.digest, each.use) for each in owned] == [(card.digest, "card")]


def test_a_reference_owns_nothing(shared):
    world, _ = shared
    assert not kinds.owned("channel.opened", 1, world.channel_body("main"))


def test_a_payload_is_owned_with_its_size():
    body = Record({"wraps": Owned({"epoch": Count(1)})})
    with pytest.raises(BadEventError, match="size"):
        body.check({"wraps": {"sha256": "ab" * 32, "size": 0, "epoch": 1}}, "x")
