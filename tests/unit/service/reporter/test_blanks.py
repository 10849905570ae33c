import pytest

from meyasubako.service.reporter.blanks import Blanks


@pytest.fixture
def made():
    return []


@pytest.fixture
def ask(made):
    blanks = Blanks()

    def ask(of, key, **sealed):
        def make(places):
            made.append(key)
            return "<i>" + "</i><i>".join(places[name] for name in sorted(places)) + f"</i>{key}"

        return blanks.page(of, key, sealed, make)

    return ask


def test_each_visitor_gets_what_was_sealed_for_them_into_a_page_that_is_made_once(ask, made):
    channels = object()
    assert ask(channels, "story", leaving="a", sealed="b") == "<i>a</i><i>b</i>story"
    assert ask(channels, "story", leaving="c", sealed="d") == "<i>c</i><i>d</i>story"
    assert made == ["story"]


def test_pages_that_depend_on_other_things_are_made_apart(ask, made):
    channels = object()
    assert ask(channels, ("ask", "en"), leaving="a") != ask(channels, ("ask", "ja"), leaving="a")
    assert len(made) == 2


def test_when_the_channels_change_every_page_is_made_anew(ask, made):
    before, after = object(), object()
    ask(before, "readers", leaving="a")
    ask(after, "readers", leaving="a")
    assert made == ["readers", "readers"]


def test_what_is_sealed_is_put_in_as_it_is_even_if_it_looks_like_a_place(ask):
    channels = object()
    ask(channels, "story", leaving="x")
    page = ask(channels, "story", leaving="0123456789abcdef0123456789abcdef-leaving;")
    assert page == "<i>0123456789abcdef0123456789abcdef-leaving;</i>story"


def test_only_so_many_pages_are_remembered(ask, made):
    channels = object()
    for number in range(1000):
        ask(channels, number, leaving="a")
    ask(channels, 999, leaving="a")
    ask(channels, 0, leaving="a")
    assert made == [*range(1000), 999]


def test_who_saw_the_channels_before_they_changed_leaves_nothing_for_those_who_see_them_now():
    blanks, before, now = Blanks(), object(), object()

    def slowly(_places):
        # While this page is made, somebody else is shown the channels as they are now.
        blanks.page(now, "other", {}, lambda _: "made meanwhile")
        return "as it was before"

    assert blanks.page(before, "readers", {}, slowly) == "as it was before"
    assert blanks.page(now, "readers", {}, lambda _: "as it is now") == "as it is now"
