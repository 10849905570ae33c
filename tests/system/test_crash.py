"""Processes that are killed, and disks that are full: nothing acknowledged is lost, nothing half done stays,
and whoever was writing is told in their language what to do. (Killed under load: test_load.)
"""

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import requests

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity
from meyasubako.service.cli.failures import failure
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.errors import RefusedError
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.errors import StoreFullError
from tests.system.box import Box, found_box
from tests.system.callers import reporter_door
from tests.system.conftest import SMALL
from tests.system.served import Served, wait_for, wait_for_end
from tests.system.visitor import Visitor

pytestmark = pytest.mark.crash
FULL = {
    "en": "Your report could not be sent just now. Nothing is lost.",
    "ja": "今は送信できませんでした。書いたものは消えていません。",
}
MESSAGE_FULL = {
    "en": "Your message could not be sent just now. Nothing is lost.",
    "ja": "今はメッセージを送信できませんでした。書いたものは消えていません。",
}
NO_ROOM = {
    "en": "“a.pdf” was not added: there is no room here now. Your text can still be sent.",
    "ja": "「a.pdf」は追加していません。今は置き場所がいっぱいです。文章は送信できます。",
}
Serving = Callable[[Box], Served]


# Killed


def test_a_door_that_is_killed_comes_back_at_its_address_and_knows_the_forms_that_are_open(
    box: Box, serving: Serving
) -> None:
    served = serving(box)
    with Visitor(served.doors["reporter"]) as visitor:
        visitor.write("Written before.", [("a.pdf", b"text")])
        served.kill_only("meyasubako.service.door", "reporter")
        wait_for(lambda: bool(served.pids("meyasubako.service.door", "reporter")))
        receipt = visitor.finish()
        assert visitor.come_back(receipt).where == "mailbox"
    assert list(box.texts("Omar Haddad").values()) == [("Written before.",)]
    assert served.complaints() == ["reporter ended with status -9 and is started again"]


def test_a_clock_that_is_killed_comes_back_and_goes_on_publishing(box: Box, serving: Serving) -> None:
    served = serving(box)
    before = published_size(box)
    served.kill_only("meyasubako.service.clock")
    (box.directory / "publish.request").touch()
    wait_for(lambda: published_size(box) > before)
    assert box.findings() == []


def test_nothing_outlives_a_supervisor_that_is_killed(box: Box, serving: Serving) -> None:
    served = serving(box)
    others = [os.pidfd_open(pid) for pid in served.pids() if pid != served.pid]
    assert len(others) >= 4
    os.kill(served.pid, signal.SIGKILL)
    wait_for_end(others)
    served.kill()
    served.start()
    assert requests.get(served.doors["log"] + "/checkpoint", timeout=60).status_code == 200


def test_a_mailbox_opens_after_everything_was_killed_and_started_again(box: Box, serving: Serving) -> None:
    served = serving(box)
    with Visitor(served.doors["reporter"]) as visitor:
        receipt = visitor.report("Acknowledged before.")
        served.kill()
        served.start()
    with Visitor(served.doors["reporter"]) as visitor:
        assert visitor.come_back(receipt).where == "mailbox"
        visitor.press("send", text="And after.")
    assert list(box.texts("Keiko Sato", "dialogue").values()) == [("And after.",)]
    assert box.findings() == []


def published_size(box: Box) -> int:
    with box.looked_into() as mechanism:
        found = mechanism.store.published()
        assert found is not None
        return found.size


# Full


def test_a_report_on_a_full_disk_stays_on_the_page_and_goes_out_by_the_same_button_later(
    box: Box, serving: Serving
) -> None:
    served = serving(box)
    for language, told in FULL.items():
        with Visitor(served.doors["reporter"], language) as visitor:
            visitor.write(f"Nothing of this {language} may be lost.")
            before = box.contents()
            fill_up(box, served)
            page = visitor.press(expect="review")
            assert page.language == language
            assert told in page.text
            assert f"Nothing of this {language} may be lost." in page.body
            assert box.contents() == before
            served.limit_files(None)
            case = box.cases_of([receipt := visitor.finish()])[receipt]
        assert box.texts("Keiko Sato")[case] == (f"Nothing of this {language} may be lost.",)
    assert only_full(served)
    assert box.findings() == []


def test_a_mailbox_on_a_full_disk_is_read_and_a_message_stays_on_the_page(box: Box, serving: Serving) -> None:
    served = serving(box)
    for language, told in MESSAGE_FULL.items():
        with Visitor(served.doors["reporter"], language) as visitor:
            receipt = visitor.report("The report.")
            before = box.contents()
            fill_up(box, served)
            assert visitor.come_back(receipt).where == "mailbox"
            page = visitor.press("send", text="The message.", expect="mailbox")
            assert told in page.text
            assert page.form("text").fields["text"] == "The message."
            assert box.contents() == before
            served.limit_files(None)
            assert not visitor.press("send", expect="mailbox").warning
    assert list(box.texts("Keiko Sato", "dialogue").values()) == [("The message.",)] * 2
    assert only_full(served)


def test_a_file_for_which_the_disk_has_no_room_is_named_and_the_text_can_be_sent(
    box: Box, serving: Serving
) -> None:
    served = serving(box)
    served.limit_files(1024 * 1024)
    for language in NO_ROOM:
        refuse_file(box, served, language, bytes(1536 * 1024))
    assert served.complaints() == []


def test_files_are_refused_before_the_disk_is_full_by_the_room_that_the_settings_keep_free(
    tmp_path: Path, serving: Serving
) -> None:
    box = found_box(tmp_path / "box", msgspec.structs.replace(SMALL, disk_free_bytes=2**60))
    served = serving(box)
    for language in NO_ROOM:
        refuse_file(box, served, language, b"text")
    sealed = age.seal(b"text", HybridIdentity.generate().recipient)
    with pytest.raises(RefusedError, match="the disk of the service is full; nothing was stored"):
        ReporterClient(reporter_door(served)).upload([sealed], len(sealed))
    assert box.contents().arriving == frozenset()


def refuse_file(box: Box, served: Served, language: str, content: bytes) -> None:
    """A report whose file is refused, in words, and whose text is sent all the same."""
    with Visitor(served.doors["reporter"], language) as visitor:
        visitor.write("The text.")
        visitor.press("to:files", expect="files")
        before = box.contents()
        page = visitor.press(files=[("a.pdf", content)], expect="files")
        assert NO_ROOM[language] in page.text
        assert box.contents() == before
        visitor.press(expect="review")
        case = box.cases_of([receipt := visitor.finish()])[receipt]
    assert box.texts("Keiko Sato")[case] == ("The text.",)


def test_a_disk_that_fills_up_between_a_large_file_and_its_report_keeps_neither(
    box: Box, serving: Serving
) -> None:
    served = serving(box)
    with Visitor(served.doors["reporter"]) as visitor:
        visitor.write("With a large file.", [("film.mp4", bytes(300_000))])
        before = box.contents()
        # Enough for the file, which is sealed again first, and too little for the report.
        fill_up(box, served, at_least=400_000)
        page = visitor.press(expect="review")
        assert FULL["en"] in page.text
        assert box.contents() == before
        served.limit_files(None)
        visitor.finish()
    assert len(box.contents().objects) == 1


def fill_up(box: Box, served: Served, at_least: int = 100_000) -> None:
    """From now on the write-ahead log, and no file longer than it, can grow any more."""
    mechanism = Mechanism.open(box.directory)
    while wal(box) < at_least:
        mechanism.write_covers(64)
    mechanism.close()
    served.limit_files(wal(box))


def wal(box: Box) -> int:
    return (box.directory / "log.db-wal").stat().st_size


def only_full(served: Served) -> bool:
    """All that was written down is, once for each language, that the disk was full."""
    complaints = served.complaints()
    return len(complaints) == 2 and all("StoreFullError" in each for each in complaints)


@pytest.mark.parametrize("room", [0, 100, 5_000, 60_000, 100_000])
def test_a_founding_on_a_full_disk_is_told_as_one_and_leaves_nothing(tmp_path: Path, room: int) -> None:
    with files_no_longer_than(room), pytest.raises((StoreFullError, OSError)) as caught:
        found_box(tmp_path / "box", SMALL)
    told = failure(caught.value).message
    assert "disk is full" in told or "File too large" in told
    assert not (tmp_path / "box").exists()
    found_box(tmp_path / "box", SMALL)


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """As `Served.limit_files`, for this process."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
