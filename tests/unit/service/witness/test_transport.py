import socket
import threading
from contextlib import closing, contextmanager

import pytest

from meyasubako.service.errors import BadAnswerError, UnreachableError
from meyasubako.service.witness.transport import ANSWER_LIMIT, poster


@contextmanager
def raw_server_fake(*chunks, stay=None):
    """One connection that answers these bytes whatever is asked; gives the address and what was asked."""
    asked = []

    def answer():
        connection, _ = listener.accept()
        with connection:
            asked.append(connection.recv(65536))
            for chunk in chunks:
                connection.sendall(chunk)
            if stay is not None:
                stay.wait(10)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/add-checkpoint", asked
        if stay is not None:
            stay.set()
        thread.join()


def _response(body, status="200 OK", extra=b""):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode() + extra + b"\r\n" + body


def test_the_answer_comes_with_its_status_and_exact_type():
    answer = _response(b"70\n", "409 Conflict", b"Content-Type: text/x.tlog.size\r\n")
    with raw_server_fake(answer) as (url, asked):
        got = poster()(url, b"old 0\n\n")
    assert (got.status, got.content_type, got.body) == (409, "text/x.tlog.size", b"70\n")
    assert b"User-Agent" not in asked[0]
    assert asked[0].startswith(b"POST /add-checkpoint HTTP/1.1\r\n")


def test_a_redirect_is_not_followed():
    with raw_server_fake(_response(b"", "302 Found", b"Location: http://127.0.0.1:1/\r\n")) as (url, _):
        assert poster()(url, b"").status == 302


def test_an_answer_without_end_is_given_up():
    with (
        raw_server_fake(_response(b"x" * (ANSWER_LIMIT + 1))) as (url, _),
        pytest.raises(BadAnswerError),
    ):
        poster()(url, b"")


def test_a_compressed_answer_is_not_unpacked():
    with raw_server_fake(_response(b"\x1f\x8b", extra=b"Content-Encoding: gzip\r\n")) as (url, _):
        assert poster()(url, b"").body == b"\x1f\x8b"


@pytest.mark.parametrize(
    "chunk", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", b"nonsense\r\n\r\n"]
)
def test_half_an_answer_is_none(chunk):
    with raw_server_fake(chunk) as (url, _), pytest.raises(UnreachableError):
        poster()(url, b"")


def test_a_witness_that_says_nothing_is_given_up():
    with raw_server_fake(stay=threading.Event()) as (url, _), pytest.raises(UnreachableError) as refused:
        poster(read_seconds=0.2)(url, b"")
    assert "127.0.0.1" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/add-checkpoint", "gopher://x", "http://", "x"])
def test_what_is_not_there_is_unreachable(url):
    with pytest.raises(UnreachableError):
        poster()(url, b"")


def test_a_proxy_is_used_where_one_is_given():
    with pytest.raises(UnreachableError):
        poster("socks5h://127.0.0.1:1", connect_seconds=1)("http://witness.example.onion", b"")
