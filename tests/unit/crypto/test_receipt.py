import copy
import hmac
import pickle
import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mnemonic import Mnemonic

from meyasubako.crypto.errors import BadReceiptError
from meyasubako.crypto.receipt import Receipt
from meyasubako.crypto.wordlists import LANGUAGES, places

ORIGIN = "box.example/log"
entropies = st.binary(min_size=16, max_size=16)
# The zeros of ASCII, Arabic, Persian, Devanagari, Bengali, Thai, Burmese, Shan, Khmer, full width, and bold.
ZEROS = [
    chr(code) for code in (0x30, 0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0x1040, 0x1090, 0x17E0, 0xFF10, 0x1D7CE)
]
SPACES = [" ", "\u00a0", "\u3000", "\n", "\r\n", "\t", "\u200b "]
DASHES = ["-", "\u2013", "\u2014", "\u2212", " - ", ". ", ", ", "\u3001"]
SEPARATORS = SPACES + DASHES
INVISIBLE = ["", "\u200b", "\u200e", "\u200f", "\ufeff", "\u00ad"]


def parsed_or_refused(text: str) -> Receipt | BadReceiptError:
    try:
        return Receipt.parse(text)
    except BadReceiptError as refusal:
        return refusal


def in_script(digits: str, zero: str) -> str:
    return "".join(chr(ord(zero) + int(d)) if d.isdigit() else d for d in digits)


@given(entropies, st.data())
def test_digits_of_any_script_with_any_separators_give_the_receipt_back(entropy, data):
    receipt = Receipt.from_entropy(entropy)
    text = data.draw(st.sampled_from(INVISIBLE))
    for group in receipt.digits().split():
        text += in_script(group, data.draw(st.sampled_from(ZEROS)))
        text += data.draw(st.sampled_from([*SEPARATORS, *INVISIBLE]))
    assert Receipt.parse(text) == receipt


@given(entropies, st.sampled_from(LANGUAGES), st.data())
def test_words_of_every_language_in_any_case_and_form_give_the_receipt_back(entropy, language, data):
    receipt = Receipt.from_entropy(entropy)
    text = ""
    for entry in receipt.words(language).split():
        change = data.draw(st.sampled_from([str, str.upper, str.title, str.lower]))
        form = data.draw(st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
        text += unicodedata.normalize(form, change(entry)) + data.draw(st.sampled_from(SEPARATORS))
    assert Receipt.parse(text) == receipt


@pytest.mark.parametrize("language", ["chinese_simplified", "chinese_traditional"])
def test_chinese_words_need_no_spaces(language):
    receipt = Receipt.generate()
    assert Receipt.parse(receipt.words(language).replace(" ", "")) == receipt


@pytest.mark.parametrize("language", ["spanish", "french"])
@given(entropies)
@settings(max_examples=25)
def test_accents_may_be_left_out(language, entropy):
    receipt = Receipt.from_entropy(entropy)
    decomposed = unicodedata.normalize("NFD", receipt.words(language))
    assert Receipt.parse("".join(c for c in decomposed if not unicodedata.combining(c))) == receipt


def test_a_keyboard_with_dotted_capital_i_is_understood():
    receipt = Receipt.parse("abandon " * 11 + "about")
    assert Receipt.parse("ABANDON " * 11 + "ABOUT") == receipt
    vector = "legal winner thank year wave sausage worth useful legal winner thank yellow"
    assert Receipt.parse(vector.replace("i", "\u0130").upper()) == Receipt.parse(vector)


@pytest.mark.parametrize(
    ("entropy", "words"),
    [
        ("00" * 16, "abandon " * 11 + "about"),
        ("7f" * 16, "legal winner thank year wave sausage worth useful legal winner thank yellow"),
        ("80" * 16, "letter advice cage absurd amount doctor acoustic avoid letter advice cage above"),
        ("ff" * 16, "zoo " * 11 + "wrong"),
    ],
)
def test_the_published_bip39_vectors_hold(entropy, words):
    receipt = Receipt.from_entropy(bytes.fromhex(entropy))
    assert receipt.words() == words.strip()
    english = Mnemonic("english").wordlist
    assert receipt.digits() == " ".join(f"{english.index(entry):04}" for entry in words.split())


@given(entropies, st.sampled_from(LANGUAGES))
def test_the_library_accepts_our_words(entropy, language):
    words = Receipt.from_entropy(entropy).words(language)
    assert words == unicodedata.normalize("NFC", words)
    assert Mnemonic(language).check(words)
    assert bytes(Mnemonic(language).to_entropy(words.split(" "))) == entropy


def test_the_lists_are_ten_and_stay_distinct_when_folded():
    assert len(LANGUAGES) == 10
    for language in LANGUAGES:
        assert sorted(places(language).values()) == list(range(2048))


def test_a_language_without_a_list_is_refused():
    with pytest.raises(ValueError, match="no word list"):
        Receipt.generate().words("turkish")


ZERO = ["0000"] * 11 + ["0003"]


@pytest.mark.parametrize("place", range(12))
@pytest.mark.parametrize("wrong", ["2048", "9999", "O000", "00a0", "000", "00000"])
def test_an_impossible_group_is_named_by_its_place(place, wrong):
    groups = [*ZERO[:place], wrong, *ZERO[place + 1 :]]
    said = rf"^the {place + 1}(st|nd|rd|th) group is not one of ours$"
    with pytest.raises(BadReceiptError, match=said) as refusal:
        Receipt.parse(" ".join(groups))
    assert refusal.value.group == place + 1


def test_the_first_of_several_impossible_groups_is_named():
    with pytest.raises(BadReceiptError, match="the 2nd group"):
        Receipt.parse(" ".join(["0000", "4000", "5000", *ZERO[3:]]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_word_is_named_by_its_place_in_the_list_that_holds_the_others(language):
    words = Receipt.from_entropy(b"sixteen bytes ok").words(language).split()
    with pytest.raises(BadReceiptError, match="the 7th group is not one of ours") as refusal:
        Receipt.parse(" ".join([*words[:6], "qqq", *words[7:]]))
    assert refusal.value.group == 7


def test_a_word_is_never_completed_or_corrected():
    for wrong in ["aband", "abandn", "abandonn", "ab-andon"]:
        with pytest.raises(BadReceiptError):
            Receipt.parse("abandon " * 10 + wrong + " about")


def test_words_of_two_lists_are_not_mixed():
    words = [*Receipt.from_entropy(bytes(16)).words("italian").split()[:11], "zoo"]
    with pytest.raises(BadReceiptError, match="the 12th group"):
        Receipt.parse(" ".join(words))


def test_a_group_that_could_be_right_but_is_not_cannot_be_named():
    for text in ["0000 " * 12, "0001 " + "0000 " * 10 + "0003", "abandon " * 12]:
        with pytest.raises(BadReceiptError, match=r"^one group does not fit$") as refusal:
            Receipt.parse(text)
        assert refusal.value.group is None


def test_words_that_are_a_receipt_in_two_lists_are_refused():
    """Shared words with different indices exist in English and French; twelve that pass both checks are made
    here."""
    shared = [w for w in places("english") if w in places("french")]
    found = None
    for first in shared:
        for last in shared:
            words = [first] * 11 + [last]
            if Mnemonic("english").check(" ".join(words)) and Mnemonic("french").check(
                unicodedata.normalize("NFKD", " ".join(words))
            ):
                found = words
                break
        if found:
            break
    assert found
    with pytest.raises(BadReceiptError, match="more than one language"):
        Receipt.parse(" ".join(found))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " - ",
        "0",
        "0000 " * 11,
        "0000 " * 13,
        "abandon",
        "abandon " * 13,
        "1. abandon 2. ability",
        "0" * 1001,
        "।" * 12,
    ],
)
def test_another_number_of_groups_is_refused(text):
    with pytest.raises(BadReceiptError) as refusal:
        Receipt.parse(text)
    assert refusal.value.group is None


@given(entropies, st.integers(0, 47), st.integers(1, 9))
def test_a_mistyped_digit_never_gives_the_same_receipt(entropy, place, shift):
    receipt = Receipt.from_entropy(entropy)
    digits = receipt.digits().replace(" ", "")
    typed = digits[:place] + str((int(digits[place]) + shift) % 10) + digits[place + 1 :]
    parsed = parsed_or_refused(typed)
    if isinstance(parsed, BadReceiptError):
        assert parsed.group in (None, place // 4 + 1)
    else:
        assert parsed != receipt


def test_the_check_bits_catch_fifteen_of_sixteen_changes_of_a_group():
    accepted = 0
    for index in range(2048):
        try:
            Receipt.parse(" ".join([f"{index:04}", *ZERO[1:]]))
            accepted += 1
        except BadReceiptError:
            pass
    assert 2048 / 16 * 0.7 < accepted < 2048 / 16 * 1.3


@given(st.text(max_size=80))
@example("\ufdfa" * 55)
@example("\u0660" * 48)
def test_arbitrary_text_is_refused_by_name_or_is_a_receipt_and_is_never_repeated(text):
    parsed = parsed_or_refused(text)
    if isinstance(parsed, Receipt):
        assert Receipt.parse(parsed.digits()) == parsed
    else:
        assert re.sub(r"\d+(st|nd|rd|th)", "Nth", str(parsed)) in {
            "the text is too long for a receipt",
            "a receipt has twelve groups of four digits, or twelve words",
            "the Nth group is not one of ours",
            "one group does not fit",
        }


def test_keys_are_hkdf_of_the_receipt_for_label_and_origin():
    entropy = b"sixteen bytes ok"
    key = hmac.digest(b"meyasubako receipt v1", entropy, "sha256")
    age = hmac.digest(key, b"age\n" + ORIGIN.encode() + b"\x01", "sha256")
    sign = hmac.digest(key, b"sign\n" + ORIGIN.encode() + b"\x01", "sha256")
    receipt = Receipt.from_entropy(entropy)
    assert receipt.identity(ORIGIN).reveal_seed() == age
    assert receipt.signing_key(ORIGIN).reveal_seed() == sign


def test_another_origin_or_receipt_gives_other_keys():
    receipt, other = Receipt.generate(), Receipt.generate()
    ids = {r.signing_key(o).verify_key.key_id for r in (receipt, other) for o in (ORIGIN, ORIGIN + "2")}
    assert len(ids) == 4


def test_a_receipt_does_not_show_itself_and_is_not_copied():
    receipt = Receipt.from_entropy(b"sixteen bytes ok")
    assert repr(receipt) == str(receipt) == f"{receipt}" == "Receipt(…)"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, hash):
        with pytest.raises(TypeError):
            leak(receipt)
    with pytest.raises(BadReceiptError):
        Receipt.from_entropy(bytes(15))


def test_equality_is_by_value_and_only_among_receipts():
    receipt = Receipt.from_entropy(bytes(16))
    assert receipt == Receipt.from_entropy(bytes(16))
    assert receipt != Receipt.from_entropy(bytes(15) + b"\1")
    assert receipt != bytes(16)


def test_a_wiped_receipt_refuses_every_use():
    with Receipt.generate() as receipt:
        buffer = memoryview(receipt._entropy)
        assert any(buffer)
        buffer.release()
    for use in (
        receipt.digits,
        receipt.words,
        lambda: receipt.identity(ORIGIN),
        lambda: receipt == Receipt.generate(),
    ):
        with pytest.raises(ValueError, match="wiped"):
            use()
    receipt.wipe()
