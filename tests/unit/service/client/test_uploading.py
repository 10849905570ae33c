"""What the client makes of answers on its way up; with our doors it is tested in tests/system."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from meyasubako.service.client import uploading
from meyasubako.service.client.http import Http
from meyasubako.service.errors import BadAnswerError, RefusedError, UnreachableError

TUS = {"Tus-Resumable": "1.0.0"}
Answers = list[tuple[int, dict[str, str]]]


@pytest.fixture
def fake_door(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answers], tuple[str, list[str]]]]:
    """A stand-in for a door outside, which gives answers in turn; parts have four bytes."""
    monkeypatch.setattr(uploading, "PART", 4)
    servers: list[ThreadingHTTPServer] = []

    def serve(answers: Answers) -> tuple[str, list[str]]:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked.append(
                    f"{self.command} {self.headers.get('Upload-Offset', '')} {body.decode()}".strip()
                )
                status, headers = answers.pop(0)
                told = b"{}" if status >= 400 and self.command != "HEAD" else b""
                self.send_response(status)
                self.send_header("Content-Type", "application/problem+json")
                for name, value in {"Content-Length": str(len(told)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(told)

            do_PATCH = do_HEAD = do_POST  # noqa: N815 (the library looks for these names)

            def log_message(self, *_: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return f"http://127.0.0.1:{server.server_port}", asked

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def begun(offset: int) -> tuple[int, dict[str, str]]:
    return 201, {"Location": "/up/a", "Upload-Offset": str(offset), **TUS}


def at(offset: int, status: int = 204) -> tuple[int, dict[str, str]]:
    return status, {"Upload-Offset": str(offset), **TUS}


def sent(address: str, data: bytes, waited: list[float] | None = None) -> None:
    with Http(address) as http:
        chunks = (data[start : start + 3] for start in range(0, len(data), 3))
        uploading.upload(http, "/up", chunks, len(data), (waited if waited is not None else []).append)


def test_parts_go_one_after_the_other(fake_door: Callable[[Answers], tuple[str, list[str]]]) -> None:
    address, asked = fake_door([begun(4), at(8), at(10)])
    sent(address, b"0123456789")
    assert asked == ["POST  0123", "PATCH 4 4567", "PATCH 8 89"]


def test_a_part_that_the_service_has_is_not_sent_again(
    fake_door: Callable[[Answers], tuple[str, list[str]]],
) -> None:
    # The first answer to a part breaks off before the field that every answer has.
    address, asked = fake_door([begun(4), (204, {"Upload-Offset": "8"}), at(8, 200)])
    waited: list[float] = []
    sent(address, b"01234567", waited)
    assert asked == ["POST  0123", "PATCH 4 4567", "HEAD"]
    assert waited == [1]


@pytest.mark.parametrize("status", [409, 423, 460, 503])
def test_what_may_pass_is_tried_again(
    fake_door: Callable[[Answers], tuple[str, list[str]]], status: int
) -> None:
    address, asked = fake_door([begun(4), (status, TUS), at(4, 200), at(8)])
    sent(address, b"01234567")
    assert asked == ["POST  0123", "PATCH 4 4567", "HEAD", "PATCH 4 4567"]


@pytest.mark.parametrize(
    "answers",
    [
        [(201, {"Upload-Offset": "4", **TUS})],
        [(201, {"Location": "http://127.0.0.1:9/elsewhere", "Upload-Offset": "4", **TUS})],
        [begun(3)],
        [begun(4), at(7)],
        [begun(4), (204, TUS)],
        [begun(4), (204, {"Upload-Offset": "eight", **TUS})],
    ],
)
def test_an_answer_of_another_form_is_refused(
    fake_door: Callable[[Answers], tuple[str, list[str]]], answers: Answers
) -> None:
    with pytest.raises(BadAnswerError):
        sent(fake_door(answers)[0], b"01234567")


def test_what_is_refused_for_good_is_not_tried_again(
    fake_door: Callable[[Answers], tuple[str, list[str]]],
) -> None:
    address, asked = fake_door([begun(4), (404, TUS)])
    with pytest.raises(RefusedError):
        sent(address, b"01234567")
    assert asked == ["POST  0123", "PATCH 4 4567"]


def test_nobody_who_answers_is_given_up_after_some_minutes() -> None:
    waited: list[float] = []
    with pytest.raises(UnreachableError):
        sent("http://127.0.0.1:1", b"01234567", waited)
    assert 120 < sum(waited) < 600
