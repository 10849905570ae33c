"""What goes wrong on the reporter's site, in both languages: a page says it plainly, what was typed stays,
nothing of it is stored, and nothing is written to the service's output.

How disks fill up and processes die is in test_crash; what programs and handlers send is in
test_bad_input_doors; what the commands say is in test_bad_input_commands.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from meyasubako.crypto.receipt import Receipt
from tests.system.box import Box
from tests.system.conftest import SMALL, nothing_changes
from tests.system.served import Served, wait_for
from tests.system.visitor import Page, Visitor

both = pytest.mark.parametrize("language", ["en", "ja"])
MAILBOX_CLASS = 16 * 1024


@pytest.fixture
def visitor(shared: tuple[Box, Served], language: str) -> Iterator[Visitor]:
    with Visitor(shared[1].doors["reporter"], language) as visitor:
        yield visitor


@pytest.fixture
def box(shared: tuple[Box, Served]) -> Box:
    return shared[0]


def assert_told(page: Page, language: str, english: str, japanese: str) -> None:
    """The page is in the reader's language and says this."""
    assert page.language == language
    assert (english if language == "en" else japanese) in page.text
    assert "Traceback" not in page.body


# Receipts


@both
def test_a_receipt_that_nobody_was_given_finds_no_mailbox(shared, visitor: Visitor, language: str) -> None:
    with nothing_changes(shared):
        page = visitor.come_back(Receipt.generate().digits())
    assert page.where == "door"
    assert_told(page, language, "No mailbox fits this code.", "このコードに合う連絡箱がありません。")


@both
def test_an_impossible_group_of_a_receipt_is_named(shared, visitor: Visitor, language: str) -> None:
    groups = Receipt.generate().digits().split()
    typed = " ".join([*groups[:6], "9999", *groups[7:]])
    with nothing_changes(shared):
        page = visitor.come_back(typed)
    assert_told(page, language, "Group 7 is not possible.", "7 番目の組は")
    assert page.form("receipt").fields["receipt"] == typed


@both
def test_a_receipt_with_two_groups_exchanged_is_told_from_a_wrong_one(
    shared, visitor: Visitor, language: str
) -> None:
    entropy = bytes(range(16))
    groups = Receipt.from_entropy(entropy).digits().split()
    with nothing_changes(shared):
        page = visitor.come_back(" ".join([groups[1], groups[0], *groups[2:]]))
    assert_told(page, language, "One of the groups does not fit the others.", "組のどれかが合っていません。")


@both
def test_a_wrong_receipt_is_answered_by_a_page_of_the_same_size_as_a_right_one(
    visitor: Visitor, language: str
) -> None:
    right = visitor.come_back(visitor.report("The right one."))
    assert right.where == "mailbox"
    wrong = visitor.come_back(Receipt.generate().digits())
    assert len(wrong.body.encode()) == len(right.body.encode()) == MAILBOX_CLASS


# Texts


@both
def test_an_empty_report_is_asked_for_a_sentence(shared, visitor: Visitor, language: str) -> None:
    with nothing_changes(shared):
        visitor.go("questions")
        visitor.press(expect="story")
        page = visitor.press("skip", text="  \r\n\t ", expect="story")
    assert_told(page, language, "One sentence is enough.", "一文だけでもかまいません。")


@both
def test_a_text_that_is_too_long_stays_and_both_lengths_are_said(
    shared, visitor: Visitor, language: str
) -> None:
    text = "あ" * (SMALL.text_characters + 1)
    with nothing_changes(shared):
        visitor.go("questions")
        visitor.press(expect="story")
        page = visitor.press("skip", text=text, expect="story")
    assert_told(page, language, "2,001 characters, and 2,000 fit", "2,001 文字で、入るのは 2,000 文字まで")
    assert page.form("text").fields["text"] == text


@both
def test_an_empty_message_is_asked_for_a_sentence(shared, visitor: Visitor, language: str) -> None:
    visitor.come_back(visitor.report("To be followed by nothing."))
    with nothing_changes(shared):
        page = visitor.press("send", text=" ", expect="mailbox")
    assert_told(page, language, "One sentence is enough.", "一文だけでもかまいません。")


@both
def test_a_text_larger_than_any_form_is_refused_by_a_page(shared, visitor: Visitor, language: str) -> None:
    with nothing_changes(shared):
        visitor.go("questions")
        visitor.press(expect="story")
        page = visitor.press("skip", text="x" * 1_000_000)
    assert page.status == 413
    assert_told(page, language, "That was too large", "大きすぎました")


# Files


@both
@pytest.mark.parametrize(
    ("files", "english", "japanese"),
    [
        (
            [("film.mp4", bytes(SMALL.upload_bytes + 1))],
            "“film.mp4” is too large. One file may have 2 MB.",
            "「film.mp4」は大きすぎます。1つ 2 MB までです。",
        ),
        ([("empty.txt", b"")], "“empty.txt” is empty.", "「empty.txt」は中身が空でした。"),
    ],
    ids=["too large", "empty"],
)
def test_a_file_that_is_not_kept_is_named_and_the_text_stays(
    shared, visitor: Visitor, language: str, files: list[tuple[str, bytes]], english: str, japanese: str
) -> None:
    with nothing_changes(shared):
        visitor.go("questions")
        visitor.press(expect="story")
        visitor.press("skip", text="What I typed.", expect="files")
        page = visitor.press(files=files, expect="files")
        assert_told(page, language, english, japanese)
        page = visitor.press(expect="review")
        assert "What I typed." in page.body


@both
def test_one_file_too_many_is_named_and_the_others_are_kept(shared, visitor: Visitor, language: str) -> None:
    files = [(f"{number}.txt", b"text") for number in range(SMALL.files + 1)]
    with nothing_changes(shared):
        visitor.go("questions")
        visitor.press(expect="story")
        visitor.press("skip", text="What I typed.", expect="files")
        page = visitor.press(files=files, expect="files")
        assert_told(
            page,
            language,
            "“3.txt” was not added: 3 files fit",
            "「3.txt」は追加していません。一度に送れるのは 3 個",
        )
        visitor.leave()


@both
def test_an_upload_that_ends_too_early_is_told_as_one(shared, visitor: Visitor, language: str) -> None:
    with nothing_changes(shared):
        visitor.go("questions")
        body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nnever ends'
        answer = requests.post(
            visitor.site + visitor.page.form("page").action,
            data=body,
            headers={"Origin": visitor.site, "Content-Type": "multipart/form-data; boundary=x"},
            timeout=60,
        )
        page = Page(answer)
    assert page.status == 400
    assert_told(page, language, "It did not arrive completely", "最後まで届きませんでした")


@both
def test_a_connection_that_drops_in_the_middle_of_an_upload_leaves_nothing(
    shared, visitor: Visitor, language: str
) -> None:
    box, _ = shared
    visitor.go("questions")
    before = box.contents()
    with nothing_changes(shared):
        with visitor.sending(bytes(SMALL.upload_bytes // 2), SMALL.upload_bytes):
            wait_for(lambda: box.contents().arriving > before.arriving)
        wait_for(lambda: box.contents() == before)


# What was damaged where it is kept


@both
def test_a_damaged_message_is_told_as_one_and_the_others_are_shown(
    box: Box, visitor: Visitor, language: str
) -> None:
    receipt = visitor.report("The report.")
    visitor.come_back(receipt)
    visitor.press("send", text="Will be damaged.")
    visitor.press("send", text="Will stay.")
    box.damage(owned(box, receipt, "message")[0])
    body = visitor.come_back(receipt).body
    told = "This message was damaged" if language == "en" else "このメッセージは、保管中に壊れたため"
    assert body.count(told) == 1
    assert "Will stay." in body


@both
def test_a_damaged_attachment_is_told_as_one(
    shared: tuple[Box, Served], visitor: Visitor, language: str
) -> None:
    box, served = shared
    receipt = visitor.report("The report.")
    visitor.come_back(receipt)
    visitor.press("send", text="With files.", files=[("large.bin", bytes(200_000)), ("small.txt", b"text")])
    for digest in owned(box, receipt, "files"):
        page = visitor.come_back(receipt)
        assert visitor.send(page.forms[1], {"get": digest}).status_code == 200
        box.damage(digest)
        page = visitor.come_back(receipt)
        printed = len(served.complaints())
        page = Page(visitor.send(page.forms[1], {"get": digest}))
        assert_told(page, language, "This file was damaged", "このファイルは、保管中に壊れたため開けません。")
        assert page.where == "mailbox"
        (complaint,) = served.complaints()[printed:]
        assert "DamagedLayerError" in complaint


def owned(box: Box, receipt: str, use: str) -> list[str]:
    """The payloads of a receipt's dialogue that serve this use, in the log's order."""
    ledger, case = box.ledger(), box.cases_of([receipt])[receipt]
    dialogue = ledger.cases[case].rooms["dialogue"]
    return [
        digest for digest, owner in ledger.owners.items() if owner.stream == dialogue and owner.use == use
    ]


# Buttons pressed twice


@both
def test_a_report_that_is_sent_twice_arrives_once_and_both_pages_show_its_receipt(
    shared, visitor: Visitor, language: str
) -> None:
    visitor.write("Sent twice.", [("proof.txt", b"text"), ("large.bin", bytes(300_000))])
    form = visitor.page.form("page")
    first = Page(visitor.send(form, {"go": "next"}))
    with nothing_changes(shared):
        second = Page(visitor.send(form, {"go": "next"}))
    assert first.code.split() == second.code.split() != []
    assert second.language == language
    told = "This report had arrived already." if language == "en" else "この内容はすでに届いています。"
    assert told in second.body
    assert told not in first.body


@both
def test_a_report_that_is_sent_many_times_at_the_same_moment_arrives_once(
    box: Box, visitor: Visitor, language: str
) -> None:
    before = len(box.ledger().cases)
    visitor.write("Sent at the same moment.", [("proof.txt", b"text"), ("large.bin", bytes(300_000))])
    codes = at_once(visitor, {"go": "next"}, lambda page: tuple(page.code.split()))
    assert len(codes) == 1
    assert all(codes)
    assert len(box.ledger().cases) == before + 1
    assert_nothing_left(box)


@both
def test_a_message_that_is_sent_many_times_at_the_same_moment_arrives_once(
    box: Box, visitor: Visitor, language: str
) -> None:
    receipt = visitor.report("To be followed by a message.")
    visitor.come_back(receipt)
    visitor.press("add", files=[("proof.txt", b"text"), ("large.bin", bytes(300_000))], expect="mailbox")
    told = at_once(visitor, {"go": "send", "text": "Once."}, lambda page: (page.where, page.warning))
    assert told == {("mailbox", "")}
    assert box.texts("Keiko Sato", "dialogue")[box.cases_of([receipt])[receipt]] == ("Once.",)
    assert_nothing_left(box)


def assert_nothing_left(box: Box) -> None:
    """No file waits any more, and every object belongs to an event."""
    held = box.contents()
    assert held.arriving == frozenset()
    assert held.objects <= held.payloads


def at_once(visitor: Visitor, typed: dict[str, str], told: Callable[[Page], object]) -> set[object]:
    """Send the visitor's form by eight connections at once; gives what the answers tell."""
    form = visitor.page.form("page")

    def send(_: int) -> object:
        with Visitor(visitor.site) as again:
            answer = again.send(form, typed)
        assert answer.status_code == 200
        return told(Page(answer))

    with ThreadPoolExecutor(8) as threads:
        return set(threads.map(send, range(8)))


# Forms that are not ours


@both
def test_a_page_from_before_a_restart_gives_back_what_was_typed(
    shared, visitor: Visitor, language: str
) -> None:
    with nothing_changes(shared):
        visitor.go("questions")
        visitor.press(expect="story")
        visitor.page.form("page").fields["state"] = "sealed by another key"
        page = visitor.press("skip", text="What I typed.")
    assert_told(page, language, "We have to ask you again", "もう一度お願いします")
    assert "What I typed." in page.body


@both
def test_a_form_from_another_site_is_not_taken(shared, visitor: Visitor, language: str) -> None:
    with nothing_changes(shared):
        visitor.go("questions")
        page = Page(visitor.send(visitor.page.form("page"), {}, origin="https://elsewhere.example"))
    assert page.status == 403
    assert_told(page, language, "This page was opened from another place", "ほかの場所から開かれたページです")


@both
def test_somebody_who_is_not_on_the_list_can_neither_be_left_out_nor_let_in(
    box: Box, visitor: Visitor, language: str
) -> None:
    receipt = visitor.report("For both.", excluded=["A" * 43, box.key_id("Ana Silva")])
    case = box.ledger().cases[box.cases_of([receipt])[receipt]]
    readers = box.ledger().rooms[case.rooms["report"]].readers
    assert set(readers) == {box.key_id("Keiko Sato"), box.key_id("Omar Haddad")}


@both
def test_everybody_left_out_is_told_before_anything_is_written(
    shared, visitor: Visitor, language: str
) -> None:
    box, _ = shared
    with nothing_changes(shared):
        visitor.go("questions")
        page = visitor.press(excluded=[box.key_id("Keiko Sato"), box.key_id("Omar Haddad")], expect="readers")
    assert_told(page, language, "Then nobody would be left", "読む人が一人もいなくなります。")
