from pathlib import Path

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


def test_roles_of_single_cases_wait_for_two_people_and_read_nothing_by_themselves():
    assert all(roles.is_role(f"{role}:main") for role in roles.IN_CASES)
    assert roles.needs_two_people(["translator:main"])


@pytest.mark.parametrize("role", roles.EVERY)
def test_a_respondent_has_no_other_role(role):
    other = role if role in roles.GENERAL else f"{role}:second"
    assert bool(roles.clash(["respondent:main", other])) == (role != "respondent")


def test_whoever_speaks_for_a_reporter_has_no_office_there():
    assert roles.clash(["representative:main", "handler:main"])
    assert roles.clash(["representative:main", "handler:second"]) is None


def test_the_second_person_beside_a_steward_is_no_steward():
    assert roles.clash(["steward", "outsider"])


@given(st.lists(st.sampled_from([f"{role}:main" for role in roles.EVERY[5:]] + list(roles.GENERAL))))
def test_a_set_of_roles_clashes_exactly_where_two_of_them_do(held):
    pairs = [roles.clash([one, other]) for one in held for other in held]
    assert (roles.clash(held) is None) == (not any(pairs))


def test_the_table_in_the_docs_is_the_codes_own():
    page = (Path(__file__).parents[3] / "docs" / "set-ups.md").read_text()
    assert "\n".join(roles.table()) in page, "write it anew: it is what roles.table() gives"
