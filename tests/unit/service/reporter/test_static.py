import re
from pathlib import Path

from meyasubako.service.reporter import app

STATIC = Path(app.__file__).parent / "static"
STYLE = (STATIC / "style.css").read_text("utf-8")


def test_the_style_sheet_is_small():
    assert len(STYLE.encode()) < 11_500


def test_nothing_is_fetched_from_anywhere():
    assert not re.search(r"url\(|@import|@font-face|//", STYLE)


def test_directions_are_logical_so_that_every_script_mirrors():
    physical = r"(margin|padding|border)-(left|right|top|bottom)|[\s;{](left|right|top|bottom|width|height):"
    assert not re.search(physical, STYLE)
    assert not re.search(r"text-align:\s*(left|right)", STYLE)


def test_there_is_no_file_that_is_not_needed():
    files = ["icon.png", "offline.js", "page.js", "style.css", "words.txt"]
    assert sorted(path.name for path in STATIC.iterdir()) == files
