import json
import re
import tomllib
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meyasubako.domain import kinds, profiles
from meyasubako.domain.errors import BadProfileError

SOURCED = 'source = "our own word"\nreviewed_on = 2026-11-22\nstatus = "verified"\n'
HEAD = 'name = "own"\ntitle = "Our own"\njurisdiction = "here"\n'
DEADLINE = f'[[deadline]]\nstep = "acknowledge"\ndays = 5\n{SOURCED}'
OUTSIDE = (
    '[[outside]]\nname = "役所"\nlanguage = "ja"\nenglish = "An office"\npurpose = "labour"\n'
    f'phone = "03-1234-5678"\nweb = "office.example/help"\nlanguages = ["ja", "pt-BR"]\n{SOURCED}'
)
# What turns the direction of everything that follows.
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
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


def test_a_profile_may_only_name_whom_one_may_turn_to():
    found = profiles.parse(HEAD + OUTSIDE)
    assert found.verified
    assert found.outside[0].addresses == ("03-1234-5678", "office.example/help")
    body = found.body("main", "ab" * 32)
    kinds.check_body("profile.adopted", 1, body)
    assert (body["deadlines"], body["retention"]) == ([], [])
    assert not profiles.parse(HEAD + DEADLINE + OUTSIDE.replace("verified", "unverified")).verified


def test_bodies_are_listed_by_what_they_are_for_and_each_once():
    second = OUTSIDE.replace("役所", "Office").replace('"labour"', '"emergency"')
    one = profiles.parse(HEAD + OUTSIDE + second)
    other = profiles.parse(HEAD + OUTSIDE.replace("5678", "9999") + OUTSIDE.replace("役所", "Third"))
    listed = profiles.by_purpose([one, other])
    assert [(purpose, [body.name for body in bodies]) for purpose, bodies in listed] == [
        ("emergency", ["Office"]),
        ("labour", ["役所", "Third"]),
    ]
    assert listed[1][1][0].phone == "03-1234-5678"
    assert profiles.by_purpose([]) == ()


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('"03-1234-5678"', '"call us"'),
        ('"03-1234-5678"', '"03-1234-5678\\n"'),
        ('"03-1234-5678"', '"-3"'),
        ('"office.example/help"', '"https://office.example/help"'),
        ('"office.example/help"', '"office.example/?from=box"'),
        ('"office.example/help"', '"0ffice@example"'),
        ('"office.example/help"', '"оffice.example"'),  # noqa: RUF001 - the first letter is Cyrillic
        ('"office.example/help"', '"localhost"'),
        ('"役所"', '"\\u202eoffice"'),
        ('"役所"', '"two\\nlines"'),
        ('"役所"', '""'),
        ('"役所"', f'"{"x" * 121}"'),
        ('"ja"\n', '"ja\\" onclick="\n'),
        ('"labour"', '"lunch"'),
        ('"pt-BR"', '"Portuguese!"'),
        ('phone = "03-1234-5678"\nweb = "office.example/help"\n', ""),
        ('source = "our own word"\n', ""),
        (SOURCED, f"{SOURCED}fax = 1\n"),
    ],
)
def test_what_is_no_address_in_plain_text_is_refused(good, bad):
    assert good in OUTSIDE
    with pytest.raises(BadProfileError):
        profiles.parse(HEAD + OUTSIDE.replace(good, bad, 1))


def test_a_list_that_nobody_would_read_is_refused():
    each = [OUTSIDE.replace("役所", f"Office {number}") for number in range(9)]
    assert len(profiles.parse(HEAD + "".join(each[:8])).outside) == 8
    with pytest.raises(BadProfileError):
        profiles.parse(HEAD + "".join(each))


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


def written(fields):
    return HEAD + "[[outside]]\n" + "".join(f"{name} = {json.dumps(text)}\n" for name, text in fields.items())


@given(
    st.one_of(
        st.text(),
        st.text().map(lambda text: HEAD + DEADLINE + text),
        st.text().map(lambda text: HEAD + OUTSIDE + text),
    )
)
@example("a = [")
@example(HEAD + "outside = 1")
@example(HEAD + "[deadline]")
def test_any_text_is_a_profile_or_is_refused(text):
    try:
        found = profiles.parse(text)
    except BadProfileError:
        return
    assert tomllib.loads(text)["name"] == found.name
    kinds.check_body("profile.adopted", 1, found.body("main"))


WORDS = st.one_of(st.just("Amt"), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
NUMBERS = st.one_of(st.just("110"), st.text("+0123456789 ()/#*-x", max_size=34))
HOSTS = st.one_of(st.just("amt.example"), st.text("abcz019.-/_~%@:?#A", max_size=40))


@given(WORDS, st.sampled_from(["ja", "pt-BR", "x", "en\n"]), WORDS, NUMBERS, HOSTS, WORDS)
@example("役所", "ja", "An office", "0 806 000 126", "office.example/help", "1 Street, 12345 Town")
def test_whatever_is_taken_as_a_body_outside_is_plain_text_that_shows_what_it_is(
    name, language, english, phone, web, post
):
    fields = {"name": name, "language": language, "english": english, "purpose": "labour", "phone": phone}
    try:
        (body,) = profiles.parse(written({**fields, "web": web, "post": post}) + SOURCED).outside
    except BadProfileError:
        return
    assert (body.name, body.phone, body.web, body.post) == (name, phone, web, post)
    for text in (body.name, body.english, *body.addresses):
        assert not any(unicodedata.category(each) == "Cc" for each in text)
        assert not any(unicodedata.bidirectional(each) in TURNING for each in text)
    assert body.web is not None
    assert body.phone is not None
    assert re.fullmatch(r"[0-9+#*][0-9 ()/#*-]*", body.phone)
    assert not set(body.web) & set("@:?#")
    assert "." in body.web.partition("/")[0]
