from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.service.reporter import zawgyi

BURMESE = Path(zawgyi.__file__).parent / "translations/my/LC_MESSAGES/messages.po"
# What a phone with Zawgyi sends, and the same in Unicode.
PAIRS = [
    ("ျမန္မာ", "မြန်မာ"),
    ("ေကာင္းပါတယ္", "ကောင်းပါတယ်"),
    ("ကြ်န္ေတာ္", "ကျွန်တော်"),
    ("အဂၤလိပ္", "အင်္ဂလိပ်"),
    ("အလုပ္ရွင္က ပတ္စပို႔ ယူထားတယ္။", "အလုပ်ရှင်က ပတ်စပို့ ယူထားတယ်။"),
    ("လုပ္ခ မ\u1031ပးဘူး။", "လုပ်ခ မပ\u1031းဘူး။"),
    ("ၿပီးေတာ့ ၿခိမ္းေျခာက္တယ္။", "ပြီးတော့ ခြိမ်းခြောက်တယ်။"),
    ("အုပ္ခ်ဳပ္သူ", "အုပ်ချုပ်သူ"),
    ("ဒုကၡ", "ဒုက္ခ"),
    ("ပစၥည္း", "ပစ္စည်း"),
    ("ညႊန္ၾကား", "ညွှန်ကြား"),
    ("ဥပမာ ၅ ႀကိမ္", "ဥပမာ ၅ ကြိမ်"),
]


@pytest.mark.parametrize(("typed", "meant"), PAIRS)
def test_zawgyi_is_recognised_and_copied_into_unicode(typed, meant):
    assert zawgyi.converted(typed) == meant


@pytest.mark.parametrize(("_typed", "meant"), PAIRS)
def test_unicode_is_left_alone(_typed, meant):
    assert zawgyi.converted(meant) is None


def test_every_sentence_of_our_own_catalogue_is_left_alone():
    with BURMESE.open("rb") as file:
        texts = [message.string for message in read_po(file, locale="my") if message.id]
    found = [text for each in texts for text in (each if isinstance(each, tuple) else (each,))]
    assert len(found) > 200
    assert [text for text in found if zawgyi.converted(text) is not None] == []


@pytest.mark.parametrize("text", ["", "Where is my passport?", "夜のうちに", "အ", "၁၂၃၄", "ၽႃႇသႃႇတႆး"])
def test_what_holds_no_sign_of_zawgyi_is_left_alone(text):
    assert zawgyi.converted(text) is None


def test_other_scripts_inside_stay_as_they_are():
    assert zawgyi.converted("Acme 2026: ျမန္မာ (東京)") == "Acme 2026: မြန်မာ (東京)"


@given(
    st.text(
        st.one_of(st.characters(min_codepoint=0x1000, max_codepoint=0x109F), st.characters()), max_size=60
    )
)
def test_any_text_gives_a_copy_without_private_signs(text):
    assert "\ue000" not in zawgyi.to_unicode(text)
