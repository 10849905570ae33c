"""Files that arrive slowly, and files that are very large: others do not wait, and memory does not grow."""

import http.client
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import msgspec
import pytest

from tests.system.box import Box, found_box
from tests.system.conftest import SMALL
from tests.system.served import MEGABYTE, Served, wait_for
from tests.system.visitor import Page, Visitor

UPLOADS = 40
# As a mechanism is founded: two processes with 64 threads each.
AS_FOUNDED = msgspec.structs.replace(SMALL, workers=2, threads=64)
MOST_MEMORY = 120 * MEGABYTE
BOUNDARY = "a-boundary-of-a-browser"


def form(fields: dict[str, str]) -> bytes:
    """The beginning of a form up to the content of a file."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="film.mov"\r\n\r\n'
    return ("".join(parts) + file).encode()


class SlowUpload:
    """A connection in which a file stands still in the middle."""

    def __init__(self, visitor: Visitor, content: bytes) -> None:
        site = visitor.site
        place = urlsplit(site)
        self._body = form({**visitor.page.form("page").fields, "go": "add"}) + content
        self._body += f"\r\n--{BOUNDARY}--\r\n".encode()
        self._socket = socket.create_connection((place.hostname, place.port), timeout=120)
        self._sent = len(self._body) // 2
        head = (
            f"POST {visitor.page.form('page').action} HTTP/1.1\r\nHost: {place.netloc}\r\nOrigin: {site}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
            f"Content-Length: {len(self._body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + self._body[: self._sent])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def finish(self) -> bytes:
        """Send the rest, and read the page that comes."""
        self._socket.sendall(self._body[self._sent :])
        answer = http.client.HTTPResponse(self._socket)
        answer.begin()
        assert answer.status == 200
        return answer.read()


def test_pages_and_reports_do_not_wait_for_forty_uploads_that_stand_still(
    tmp_path: Path, serving: Callable[[Box], Served]
) -> None:
    box = found_box(tmp_path / "box", AS_FOUNDED)
    served = serving(box)
    incoming = box.directory / "incoming"
    with Visitor(served.doors["reporter"]) as visitor, ExitStack() as held:
        visitor.go("questions")
        visitor.press(expect="story")
        visitor.press("skip", text="With a film.", expect="files")
        content = os.urandom(400_000)
        uploads = [held.enter_context(SlowUpload(visitor, content)) for _ in range(UPLOADS)]
        wait_for(lambda: len(list(incoming.iterdir())) == UPLOADS)
        # All forty stand still until we go on: whatever is answered now did not wait for any of them.
        for _ in range(UPLOADS):
            with Visitor(served.doors["reporter"]) as other:
                assert other.go("").status == 200
        with Visitor(served.doors["reporter"]) as other:
            other.whole_visit("Sent in the meantime.", [("small.bin", bytes(2000))])
        assert len(list(incoming.iterdir())) == UPLOADS
        for upload in uploads:
            assert b"film.mov" in upload.finish()
    assert served.complaints() == []


def test_uploads_that_are_given_up_leave_nothing(tmp_path: Path, serving: Callable[[Box], Served]) -> None:
    box = found_box(tmp_path / "box", AS_FOUNDED)
    served = serving(box)
    incoming = box.directory / "incoming"
    with Visitor(served.doors["reporter"]) as visitor, ExitStack() as held:
        visitor.go("questions")
        for _ in range(10):
            held.enter_context(SlowUpload(visitor, os.urandom(300_000)))
        wait_for(lambda: len(list(incoming.iterdir())) == 10)
    wait_for(lambda: not list(incoming.iterdir()))
    assert served.complaints() == []


class LongFile:
    """The body of a form with one large file, made as it is read."""

    def __init__(self, fields: dict[str, str], megabytes: int) -> None:
        self._pieces = self._made(form({**fields, "go": "next"}), megabytes)
        end = f"\r\n--{BOUNDARY}--\r\n".encode()
        self._end = end
        self._size = len(form({**fields, "go": "next"})) + megabytes * MEGABYTE + len(end)

    def _made(self, head: bytes, megabytes: int) -> Iterator[bytes]:
        piece = os.urandom(MEGABYTE)
        yield head
        for _ in range(megabytes):
            yield piece
        yield self._end

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def __len__(self) -> int:
        return self._size


def peak_memory(served: Served) -> int:
    """The largest resident memory that any process of the reporter's door ever had, in bytes."""
    peaks = []
    for pid in served.pids("meyasubako.service.door", "reporter"):
        status = Path(f"/proc/{pid}/status").read_text()
        peaks.append(int(status.partition("VmHWM:")[2].split()[0]) * 1024)
    return max(peaks)


@pytest.mark.parametrize("megabytes", [64, pytest.param(2047, marks=pytest.mark.long)])
def test_a_large_file_takes_no_more_memory_than_a_small_one(
    tmp_path: Path, serving: Callable[[Box], Served], megabytes: int
) -> None:
    limits = msgspec.structs.replace(SMALL, upload_bytes=2048 * MEGABYTE, disk_free_bytes=MEGABYTE)
    box = found_box(tmp_path / "box", limits)
    served = serving(box)
    site = served.doors["reporter"]
    with Visitor(site) as visitor:
        visitor.go("questions")
        visitor.press(expect="story")
        visitor.press("skip", text="With a long film.", expect="files")
        body = LongFile(visitor.page.form("page").fields, megabytes)
        headers = {"Origin": site, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        answer = visitor._session.post(
            site + visitor.page.form("page").action, data=body, headers=headers, timeout=1800
        )
        visitor.page = Page(answer)
        assert visitor.page.where == "review", visitor.page.text
        assert peak_memory(served) < MOST_MEMORY
        visitor.finish()
    print(f"{megabytes} MiB at {peak_memory(served) / MEGABYTE:.0f} MiB of memory")  # noqa: T201 (pytest -s shows it)
    assert peak_memory(served) < MOST_MEMORY
