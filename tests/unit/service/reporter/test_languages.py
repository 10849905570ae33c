from datetime import date

import pytest

from meyasubako.service.reporter import languages
from meyasubako.service.reporter.languages import AUTONYMS, is_signed_off, locale_of, offered, shown_date


def test_only_what_is_answered_is_offered_in_the_sites_order():
    assert offered(frozenset({"my", "en", "PT-br", "km"})) == ("en", "pt-BR", "my")


def test_somebody_who_answers_in_no_language_of_ours_still_has_a_page():
    assert offered(frozenset({"km"})) == offered(frozenset()) == ("en",)


@pytest.mark.parametrize(
    ("beginning", "signed"),
    [
        ('# The site in X.\n# X-Reviewed-By: Maria, 2026-11-22\nmsgid ""\n', True),
        ('# The site in X.\n# X-Reviewed-By:\nmsgid ""\n', False),
        ('# The site in X.\n# X-Reviewed-By: \nmsgid ""\n', False),
        ('# The site in X.\nmsgid ""\n# X-Reviewed-By: Maria\n', False),
    ],
)
def test_a_catalogue_is_signed_off_by_a_name_at_its_head(beginning, signed):
    assert is_signed_off(beginning) is signed


def test_every_catalogue_has_a_line_to_sign():
    for tag in AUTONYMS:
        if tag != languages.DEFAULT:
            folder = languages._CATALOGUES / languages.locale_identifier(tag)
            assert "# X-Reviewed-By:" in (folder / "LC_MESSAGES/messages.po").read_text("utf-8")[:400], tag


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        ("en", "November 22, 2026"),
        ("ja-simple", "2026年11月22日"),
        ("vi", "22 tháng 11, 2026"),
        ("my", "၂၀၂၆ နိုဝင်ဘာ ၂၂"),
        ("ne", "२०२६ नोभेम्बर २२"),
        ("ar", "٢٢ نوفمبر ٢٠٢٦"),
        ("th", "22 พฤศจิกายน ค.ศ. 2026"),
    ],
)
def test_a_day_is_written_as_its_reader_writes_it(tag, shown):
    assert shown_date(date(2026, 11, 22), tag) == shown


def test_numbers_are_written_as_their_reader_writes_them():
    assert languages.shown_number(2048, "de") == "2.048"
    assert languages.shown_number(2.5, "my") == "၂.၅"
    assert languages.digits("12 / 3", "ar") == "١٢ / ٣"


def test_only_arabic_runs_from_right_to_left():
    assert [tag for tag in AUTONYMS if locale_of(tag).text_direction == "rtl"] == ["ar"]
