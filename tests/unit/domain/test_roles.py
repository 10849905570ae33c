import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.domain import roles


@pytest.mark.parametrize("role", ["steward", "auditor", "intake:main", "custodian:a-1"])
def test_roles_are_closed_words_with_a_channel_where_they_have_one(role):
    assert roles.is_role(role)


@given(st.text(max_size=20))
def test_other_texts_are_no_roles(text):
    known = text in roles.GENERAL or text.partition(":")[0] in roles.ON_CHANNEL
    assert known or not roles.is_role(text)


@pytest.mark.parametrize("text", ["steward:main", "intake", "intake:", "intake:Main", "intake:main\n", ""])
def test_near_misses_are_no_roles(text):
    assert not roles.is_role(text)


def test_an_auditor_has_no_other_role():
    assert roles.clash(["auditor", "publisher"])
    assert roles.clash(["auditor"]) is None


@pytest.mark.parametrize(
    "role", ["intake:main", "handler:main", "mediator:main", "custodian:main", "recovery:main"]
)
def test_a_steward_reads_nothing_and_holds_nothing(role):
    assert roles.clash(["steward", role])


def test_a_custodian_may_read_on_another_channel():
    assert roles.clash(["custodian:main", "intake:main"])
    assert roles.clash(["custodian:main", "handler:main"])
    assert roles.clash(["custodian:main", "intake:second"]) is None


def test_only_roles_that_give_no_power_are_given_by_one():
    alone = {role for role in (*roles.GENERAL, *roles.ON_CHANNEL) if not roles.needs_two_people([role])}
    assert alone == {"auditor", "publisher"}
    assert roles.needs_two_people(["auditor", "intake:main"])
