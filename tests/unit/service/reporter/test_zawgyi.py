import re
from pathlib import Path
from unicodedata import normalize

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.service.reporter import zawgyi

BURMESE = Path(zawgyi.__file__).parent / "translations/my/LC_MESSAGES/messages.po"
# Zawgyi's own shapes of the stacks in those sentences, and what it writes for Unicode's signs.
STACKS = {stack: shape for shape, stack in zawgyi._SHAPES.items() if len(stack) == 2 and stack[0] == "\u1039"}
SIGNS = str.maketrans("\u103a\u103b\u103d\u103e", "\u1039\u103a\u103c\u103d")
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
    ("ကြ်န္ုပ္ကို အရင္ေမးပါ", "ကျွန်ုပ်ကို အရင်မေးပါ"),
    ("မေျပာလိုပါ", "မပြောလိုပါ"),
    ("လူအမ်ား", "လူအများ"),
    ("အျခားသူ", "အခြားသူ"),
    ("ခြင့္ျပဳပါ", "ခွင့်ပြုပါ"),
]


@pytest.mark.parametrize(("typed", "meant"), PAIRS)
def test_zawgyi_is_recognised_and_copied_into_unicode(typed, meant):
    assert normalize("NFC", zawgyi.converted(typed)) == normalize("NFC", meant)


@pytest.mark.parametrize(("_typed", "meant"), PAIRS)
def test_unicode_is_left_alone(_typed, meant):
    assert zawgyi.converted(meant) is None


def sentences():
    with BURMESE.open("rb") as file:
        texts = [message.string for message in read_po(file, locale="my") if message.id]
    return [text for each in texts for text in (each if isinstance(each, tuple) else (each,))]


def as_zawgyi(text):
    """What a phone with Zawgyi would have made of it: e and r first, then the letter, its stack, the rest."""

    def typed(found):
        kinzi, letter, marks = found.groups()
        stacked = "".join(STACKS[each] for each in re.findall("\u1039.", marks))
        rest = re.sub("\u1039.", "", marks)
        first = ("\u1031" if "\u1031" in rest else "") + ("\u103b" if "\u103c" in rest else "")
        after = re.sub("[\u1031\u103c]", "", rest).translate(SIGNS)
        return first + letter + stacked + ("\u1064" if kinzi else "") + after

    letter = "[\u1000-\u102a\u103f]"
    return re.sub(
        f"(\u1004\u103a\u1039)?({letter})((?:\u1039{letter}|[\u102b-\u1032\u1036-\u1038\u103a-\u103e])*)",
        typed,
        text,
    )


def test_every_sentence_of_our_own_catalogue_is_left_alone():
    assert len(sentences()) > 200
    assert [text for text in sentences() if zawgyi.converted(text) is not None] == []


def test_every_sentence_of_our_own_catalogue_comes_back_from_zawgyi():
    for text in sentences():
        assert normalize("NFC", zawgyi.to_unicode(as_zawgyi(text))) == normalize("NFC", text)
    missed = [text for text in sentences() if not zawgyi.is_zawgyi(as_zawgyi(text))]
    assert len(missed) <= 5
    assert max(map(len, missed)) < 20  # Too short to tell.


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
