"""Whom a reporter may turn to outside, on the site of a mechanism that adopted profiles which say so."""

import re
import secrets
from html import unescape

import pytest

from meyasubako.domain import profiles as files
from meyasubako.domain.sealing import sealed
from meyasubako.service import profiles
from meyasubako.service.founding import card
from meyasubako.service.intake import Intake
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.outside import OutsideList
from meyasubako.service.reporter import app as site
from meyasubako.service.reporter.languages import AUTONYMS
from tests.integration.reporter_box import adopt, agree, found_box, open_second_channel
from tests.integration.reporter_visit import Visit
from tests.integration.test_reporter_languages import sentence, walk

ANY_TIME = "nothing that is said or signed here can forbid it"
APART = "These places do not belong to us"
SIZE_CLASS, ROOM = 16 * 1024, 4 * 1024
PAGE_BYTES, ALL_BYTES = 25_000, 150_000
JAPANESE = {body.name for body in profiles.load("jp-wpa").outside}
EUROPEAN = {body.name for each in ("eu-2019-1937", "de-hinschg") for body in profiles.load(each).outside}


@pytest.fixture
def opened(tmp_path):
    """Gives a mechanism that was founded with these profiles, and a visit to its site."""
    running = []

    def opened(*adopted, languages=("en", "ja")):
        box = found_box(tmp_path / f"box{len(running)}", languages=languages, profiles=adopted)
        mechanism = Mechanism.open(box.directory)
        running.append(mechanism)
        return box, mechanism, Visit(client(mechanism))

    yield opened
    for each in running:
        each.close()


def client(mechanism):
    return site.create_app(Intake(mechanism, secrets.token_bytes(32)), mechanism.config).test_client()


def shown(visit):
    """The HTML of every page that tells to whom else one may turn: before a report, after it, later."""
    tag = visit.language
    pages = {path: visit.client.get(f"/{tag}/{path}").text for path in ("", "answers", "form", "replies")}
    receipt = " ".join(visit.write_report())
    pages["receipt"] = visit.page.html
    pages["mailbox"] = visit.enter(receipt).html
    return {name: unescape(html) for name, html in pages.items()}


def names(html):
    """The bodies outside that a page names."""
    return set(re.findall(r'<li><b><bdi lang="[\w-]+">(.+?)</bdi></b>', html))


def first_page(visit):
    return unescape(visit.get("/en/").html)


def test_the_adopted_law_says_whom_one_may_turn_to_before_and_after(opened):
    _, _, visit = opened("jp-wpa")
    for name, page in shown(visit).items():
        assert names(page) == JAPANESE, name
        assert ANY_TIME in page, name
        assert APART in page, name
        assert "03-3507-9262" in page, name


def test_several_laws_are_shown_together_under_what_a_body_is_for(opened):
    _, _, visit = opened("eu-2019-1937", "de-hinschg")
    for name, page in shown(visit).items():
        assert names(page) == EUROPEAN, name
    labels = re.findall(r'<summary>(.+?)</summary>\n<ul class="outside"', page)
    assert labels == [
        "Human rights, unequal treatment",
        "Breaking a law, protection for whoever reports it",
        "Banks, insurance, stock market",
    ]


def test_who_adopted_none_shows_the_general_text(opened):
    _, _, visit = opened()
    for name, page in shown(visit).items():
        assert names(page) == set(), name
        assert ANY_TIME in page, name
        assert APART not in page, name


def test_a_profile_that_is_adopted_or_dropped_while_it_is_served_changes_the_pages(opened):
    box, mechanism, visit = opened("jp-wpa")
    assert names(first_page(visit)) == JAPANESE
    adopt(mechanism, box, "eu-2019-1937")
    both = names(first_page(visit))
    assert both > JAPANESE
    assert "European Anti-Fraud Office (OLAF)" in both
    adopt(mechanism, box, "jp-wpa", dropped=True)
    assert names(first_page(visit)) == both - JAPANESE


def test_a_closed_channel_says_nothing_while_another_is_open(opened):
    box, mechanism, visit = opened("jp-wpa")
    open_second_channel(box)
    assert names(first_page(visit)) == JAPANESE
    agree(mechanism, box, "channel.closed", {"channel": "main"})
    assert names(first_page(visit)) == set()
    agree(mechanism, box, "channel.closed", {"channel": "outside"})
    assert {body.name for _, bodies in OutsideList(mechanism).view() for body in bodies} == JAPANESE


def test_a_mechanism_adds_bodies_of_its_own_without_any_days(opened):
    box, mechanism, visit = opened()
    text = 'name = "ours"\ntitle = "Ours"\njurisdiction = "here"\n[[outside]]\nname = "Union <1>"\n'
    text += 'language = "en"\nenglish = "Union <1>"\npurpose = "labour"\npost = "1 Street"\n'
    text += 'source = "we asked"\nreviewed_on = 2026-11-30\nstatus = "unverified"\n'
    adopt(mechanism, box, "ours", text)
    page = visit.get("/en/")
    assert names(unescape(page.html)) == {"Union <1>"}
    assert "<1>" not in page.html
    assert "Contact not checked" in page.text
    assert mechanism.ledger().mechanism.channels["main"].profiles["ours"].deadlines == ()


def test_cards_are_read_once_for_all_visits_until_the_mechanism_changes(opened, monkeypatch):
    box, mechanism, _ = opened("jp-wpa")
    listed = OutsideList(mechanism)
    first = listed.view()
    read = []
    parse = files.parse
    monkeypatch.setattr(files, "parse", lambda text: read.append(text) or parse(text))
    assert all(listed.view() is first for _ in range(20))
    assert read == []
    adopt(mechanism, box, "eu-2019-1937")
    read.clear()
    assert listed.view() is listed.view()
    assert listed.view() != first
    assert len(read) == 2


@pytest.mark.parametrize(
    "published",
    [
        b"no card at all",
        card({"kind": "channel", "name": "Something else"}).data,
        card({"kind": "profile", "name": "Of a later version", "text": "format = 9"}).data,
        card({"kind": "profile", "name": "Not TOML", "text": "["}).data,
    ],
    ids=["no card", "another card", "a later version", "not TOML"],
)
def test_a_card_that_is_no_profile_takes_away_its_bodies_and_nothing_else(opened, published):
    box, mechanism, visit = opened("jp-wpa")
    adopt(mechanism, box, "eu-2019-1937", published=sealed(published))
    assert names(first_page(visit)) == JAPANESE
    assert visit.write_report()


def test_a_card_that_was_erased_takes_away_its_bodies(opened):
    _, mechanism, _ = opened("jp-wpa")
    adopted = mechanism.ledger().mechanism.channels["main"].profiles["jp-wpa"]
    mechanism.store.forget_payload(adopted.card)
    assert names(first_page(Visit(client(mechanism)))) == set()


def test_addresses_are_text_that_runs_from_left_to_right_and_never_links(opened):
    _, _, visit = opened("jp-wpa", "fr-decret-2022-1284", languages=("ar", "en", "ja"))
    visit.language = "ar"
    for page in shown(visit).values():
        assert "tel:" not in page
        assert not re.findall(r'(?:href|src|action)="(?!/)', page)
    for address in ("0570-078377", "0 806 000 126", "Libre réponse 71120, 75342 Paris CEDEX 07"):
        assert f'<bdi class="address" dir="ltr">{address}</bdi>' in page


@pytest.mark.parametrize(
    ("tag", "english", "tongue"),
    [("ja", False, None), ("en", True, "English"), ("vi", True, "Tiếng Việt"), ("my", True, "English")],
)
def test_a_body_is_named_as_it_writes_itself_and_says_who_can_be_understood_there(
    opened, tag, english, tongue
):
    _, _, visit = opened("jp-wpa", languages=("en", "ja", "vi", "my"))
    html = unescape(visit.get(f"/{tag}/").html)
    assert '<bdi lang="ja">法テラス 多言語情報提供サービス</bdi>' in html
    entry = html.partition("法テラス 多言語")[2].partition("</li>")[0]
    assert ("multilingual</small>" in entry) == english
    assert re.findall(r'<small lang="[\w-]+">(.+?)</small>', entry) == ([tongue] if tongue else [])


def test_the_saved_page_keeps_its_sum_whatever_is_adopted(opened):
    box, mechanism, visit = opened()
    sums = visit.client.get("/page-sums.txt").text
    adopt(mechanism, box, "jp-wpa")
    assert client(mechanism).get("/page-sums.txt").text == sums
    assert "公益通報者保護制度" not in visit.client.get("/ja/offline").text
    assert ANY_TIME in visit.client.get("/en/offline").text


@pytest.mark.parametrize("tag", AUTONYMS)
def test_every_page_stays_small_and_says_it_in_its_language(opened, tag):
    _, mechanism, _ = opened("jp-wpa", "ungp-practice", languages=tuple(AUTONYMS))
    said = sentence(
        tag,
        "These places do not belong to us, and do not learn from us that you were here. "
        "Do not call or look them up with a device of your work.",
    )
    visit = Visit(client(mechanism), tag)
    for name, html in walk(visit):
        assert len(html.encode()) <= PAGE_BYTES, name
        if name in ("receipt", "mailbox", f"/{tag}/", f"/{tag}/answers"):
            assert said in unescape(html), name


def test_the_way_through_the_site_stays_small_where_its_letters_are_largest(opened):
    _, mechanism, _ = opened("jp-wpa", "ungp-practice", languages=("my", "ja", "en"))
    visit = Visit(client(mechanism), "my")
    sizes = [len(visit.get(path).html.encode()) for path in ("/", "/my/")]
    visit.start()
    for fields in ({}, {"text": "အလုပ်ရှင်" * 40}, {}, {}, {}, {}, {}):
        sizes.append(len(visit.page.html.encode()))
        visit.press(**fields)
    sizes.append(len(visit.page.html.encode()))
    receipt = " ".join(visit.groups())
    sizes.append(len(visit.get("/my/answers").html.encode()))
    sizes.append(len(visit.press("", form="/answers", receipt=receipt).html.encode()))
    assert sum(sizes) < ALL_BYTES


def test_the_length_of_an_answer_tells_nothing_about_a_receipt_there_either(opened):
    _, _, visit = opened("jp-wpa")
    receipt = " ".join(visit.write_report())
    right = visit.enter(receipt).html
    wrong = visit.enter("1234 5678").html
    assert len(right.encode()) == len(wrong.encode()) == SIZE_CLASS + ROOM
