"""Scenario 1: a Burmese phone without scripts reports, comes back after nine days, reads and answers."""

from datetime import UTC, datetime, timedelta

import pytest

from meyasubako.service.config import Limits
from tests.browser import browsers, walk
from tests.browser.meter import metered
from tests.system import callers
from tests.system.box import found_box
from tests.system.town import settled, texts

AWAY = timedelta(days=9)
PHOTO = b"\xff\xd8" + bytes(range(256)) * 1600  # 400 KiB
# What an old phone types: the same words in the encoding Zawgyi, and in Unicode.
ZAWGYI, UNICODE = "အလုပ္ရွင္က ပတ္စပို႔ ယူထားတယ္။", "အလုပ်ရှင်က ပတ်စပို့ ယူထားတယ်။"
PAGE_BYTES = 25_000
ALL_BYTES = 150_000


def in_burmese_digits(text):
    return text.translate({ord("0") + value: 0x1040 + value for value in range(10)})


@pytest.fixture
def clock(tmp_path):
    path = tmp_path / "clock"
    set_clock(path)
    return path


def set_clock(path, later=timedelta()):
    path.write_text((datetime.now(UTC) + later).isoformat())


@pytest.fixture
def town(tmp_path, clock):
    limits = Limits(workers=1, threads=16)
    box = found_box(tmp_path / "box", limits, languages=("my", "ja", "en"))
    with settled(box, tmp_path, test_clock=clock) as town:
        yield town


@pytest.mark.parametrize("kind", browsers.WITHOUT_SCRIPTS, ids=str)
def test_scenario_1_no_script(kind, town, clock, page_in, tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(PHOTO)
    with metered(town.at("reporter")) as line:
        receipt, case = first_visit(town, page_in(kind, line.base), photo)
        town.facts(*town.cases("acknowledge", case, "--text", walk.QUESTION["my"]))
        set_clock(clock, AWAY)
        second_visit(page_in(kind, line.base), receipt)
        # All that has to come to the phone, headers included: 24 seconds at 50 kbit/s.
        assert line.got < ALL_BYTES
        assert line.sent - len(PHOTO) < ALL_BYTES // 5
    reader = callers.desk(town.box, town.served, "Keiko Sato", AWAY)
    opened = reader.open(case)
    assert opened.dialogue[-1].document.text.strip() == walk.ANSWER["my"]


def first_visit(town, page, photo):
    page.on("response", small)
    receipt = report(page, photo)
    assert page.context.cookies() == []
    case = town.box.cases_of([receipt])[receipt]
    (told,) = texts(town.facts(*town.cases("open", case, "--save-to", photo.parent / "opened")), "report")
    # Whoever reads has a font for one of the two only.
    assert ZAWGYI in told
    assert UNICODE in told
    assert (photo.parent / "opened" / photo.name).read_bytes() == PHOTO
    return receipt, case


def report(page, photo):
    page.goto("/")
    walk.press(page, ".languages a[lang=my]")
    walk.press(page, ".moves a.go")
    walk.forward(page)
    page.fill("#text", ZAWGYI)
    walk.press(page, "button[value=skip]")
    walk.attach(page, [photo])
    walk.forward(page)
    walk.forward(page)
    return walk.shown(page, ".code")


def second_visit(page, receipt):
    page.on("response", small)
    walk.enter(page, "my", in_burmese_digits(receipt))
    assert page.locator(".messages .told").all_inner_texts() == [walk.QUESTION["my"]]
    walk.write(page, walk.ANSWER["my"])
    assert page.locator(".messages .mine .told").all_inner_texts() == [walk.ANSWER["my"]]
    assert page.context.cookies() == []


def small(response):
    assert int(response.headers.get("content-length", 0)) < PAGE_BYTES, response.url
