import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meyasubako.domain import kinds, profiles
from meyasubako.domain.errors import BadProfileError

SOURCED = 'source = "our own word"\nreviewed_on = 2026-11-22\nstatus = "verified"\n'
HEAD = 'name = "own"\ntitle = "Our own"\njurisdiction = "here"\n'
DEADLINE = f'[[deadline]]\nstep = "acknowledge"\ndays = 5\n{SOURCED}'
RETENTION = f'[[retention]]\nitem = "report"\ntrigger = "closed"\nleast = 30\n{SOURCED}'


def test_a_mechanisms_own_profile_is_taken():
    found = profiles.parse(HEAD + DEADLINE + RETENTION)
    assert found.verified
    body = found.body("main", "ab" * 32)
    kinds.check_body("profile.adopted", 1, body)
    assert body["deadlines"] == [{"step": "acknowledge", "days": 5, "working": False}]
    assert body["retention"] == [{"item": "report", "trigger": "closed", "least": 30}]


def test_one_number_that_was_not_checked_makes_a_profile_unverified():
    assert not profiles.parse(HEAD + DEADLINE + RETENTION.replace("verified", "unverified")).verified


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD,
        "name = ",
        HEAD + DEADLINE.replace("source", "sauce"),
        HEAD + DEADLINE.replace('source = "our own word"\n', ""),
        HEAD + DEADLINE.replace("days = 5", "days = 0"),
        HEAD + DEADLINE.replace("days = 5", "days = 5.5"),
        HEAD + DEADLINE.replace("acknowledge", "remember"),
        HEAD + RETENTION.replace("least = 30\n", ""),
        HEAD.replace("own", "Our own!") + DEADLINE,
        HEAD + DEADLINE + "x = 1",
        HEAD + DEADLINE + "#" * profiles.LIMIT,
        "a = " + "[" * 5000,
    ],
)
def test_what_is_no_profile_is_refused(text):
    with pytest.raises(BadProfileError):
        profiles.parse(text)


@given(st.one_of(st.text(), st.text().map(lambda text: HEAD + DEADLINE + text)))
@example("a = [")
@example(HEAD + "[deadline]")
def test_any_text_is_a_profile_or_is_refused(text):
    try:
        found = profiles.parse(text)
    except BadProfileError:
        return
    assert tomllib.loads(text)["name"] == found.name
    kinds.check_body("profile.adopted", 1, found.body("main"))
