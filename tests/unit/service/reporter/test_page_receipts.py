"""Receipts in the page: the same keys, read in the same spellings and refused for the same reasons."""

import unicodedata

import pytest

from meyasubako.crypto.errors import BadReceiptError
from meyasubako.crypto.receipt import Receipt
from meyasubako.crypto.wordlists import LANGUAGES, word
from tests.system.box import ORIGIN
from tests.unit.service.reporter.page_library import Library, PageError, ref


def test_keys_come_out_of_a_receipt_alike(page: Library) -> None:
    for entropy in (bytes(16), bytes(range(16)), b"\xff" * 16):
        receipt = Receipt.from_entropy(entropy)
        assert page("receipt.digits", entropy) == receipt.digits()
        assert page("receipt.parseDigits", receipt.digits()) == entropy
        for label in ("age", "sign"):
            page("keys.derive", entropy, label, ORIGIN)
            made = page("keys.identity" if label == "age" else "keys.signingKey", ref(page.number))
            if label == "age":
                assert made["secret"] == receipt.identity(ORIGIN).reveal()
                assert made["recipient"] == receipt.identity(ORIGIN).recipient.text
            else:
                assert made["id"] == receipt.signing_key(ORIGIN).verify_key.key_id


def test_receipts_are_read_in_the_digits_of_every_script(page: Library) -> None:
    receipt = Receipt.from_entropy(bytes(range(16)))
    zeros = [code for code in range(0x110000) if unicodedata.decimal(chr(code), None) == 0]
    assert len(zeros) > 50
    spellings = [receipt.digits().translate({48 + n: zero + n for n in range(10)}) for zero in zeros]
    spellings += [
        "\u2066" + receipt.digits().replace(" ", "\u2013") + "\n",
        receipt.digits().replace(" ", ""),
    ]
    assert page("extra.each", "receipt.parseDigits", [[each] for each in spellings]) == [
        bytes(range(16))
    ] * len(spellings)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "1 2 3",
        "0000 " * 11,
        "0000 " * 11 + "0004",
        "0000 " * 4 + "2048 " + "0000 " * 7,
        "0000 " * 11 + "000",
        "abandon " * 12,
        "abandon " * 11 + "zzz",
    ],
)
def test_what_is_no_receipt_is_refused_for_the_same_reason(page: Library, typed: str) -> None:
    lists = [[word(language, index) for index in range(2048)] for language in LANGUAGES]
    with pytest.raises(BadReceiptError) as refused:
        Receipt.parse(typed)
    call = (
        ["receipt.parseDigits", typed]
        if page("receipt.hasDigits", typed)
        else ["receipt.parseWords", typed, lists]
    )
    with pytest.raises(PageError) as thrown:
        page(*call)
    if refused.value.group:
        assert str(thrown.value).startswith(f"group{refused.value.group} ")
    else:
        assert str(thrown.value).split()[0] in ("count", "check")


def test_receipts_are_read_in_the_words_of_every_list(page: Library) -> None:
    lists = [[word(language, index) for index in range(2048)] for language in LANGUAGES]
    entropy = bytes(range(16))
    for number, language in enumerate(LANGUAGES):
        spelt = Receipt.from_entropy(entropy).words(language)
        assert page("receipt.words", entropy, lists[number]) == spelt
        assert page("receipt.parseWords", spelt.upper(), lists) == entropy
