import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from meyasubako.crypto.signing import SigningKey
from meyasubako.service.client import http as client_http
from meyasubako.service.client.http import Http
from meyasubako.service.clocks import system_clock
from meyasubako.service.errors import (
    BadAnswerError,
    BadRequestError,
    ConflictError,
    RefusedError,
    UnreachableError,
)
from meyasubako.service.signatures import PREFIX_FIELD, check_body, verify_request

KEY = SigningKey.from_seed(bytes(32))
Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def fake_door() -> Iterator[Callable[[Answer], str]]:
    """A stand-in for a door outside, which answers anything; what our doors answer is tested with ours."""
    servers: list[HTTPServer] = []

    def serve(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            do_POST = do_PATCH = do_HEAD = do_GET  # noqa: N815 (the library looks for these names)

            def log_message(self, *_: object) -> None:
                return

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def _says(status: int, body: bytes, kind: str = "application/json", **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def _problem(status: int, **fields: Any) -> Answer:
    return _says(status, json.dumps(fields).encode(), "application/problem+json")


def test_what_is_sent_is_what_was_signed(fake_door: Callable[[Answer], str]) -> None:
    seen: list[tuple[str, str]] = []

    def verify(handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        url = f"http://{handler.headers['Host']}{handler.path}"
        headers = dict(handler.headers.items())
        signed = verify_request(
            handler.command, url, headers, now=system_clock(), key_of=lambda _: KEY.verify_key
        )
        check_body(body, signed.digest)
        seen.append((handler.command, handler.path))
        del handler.headers["Content-Length"]
        _says(200, b"{}")(handler)

    with Http(fake_door(verify), key=KEY) as http:
        http.get_json("/v1/streams/a", {"from": 3})
        http.post_json("/v1/events", {"events": ["é"]})
        http.exchange("PATCH", "/v1/uploads/a", {"Upload-Offset": "0"}, b"something")
        http.exchange("HEAD", "/v1/uploads/a", {})
        http.get_bytes("/with%20space")
    assert seen == [
        ("GET", "/v1/streams/a?from=3"),
        ("POST", "/v1/events"),
        ("PATCH", "/v1/uploads/a"),
        ("HEAD", "/v1/uploads/a"),
        ("GET", "/with%20space"),
    ]


def test_each_sending_is_signed_anew_and_begins_as_the_door_asks(
    fake_door: Callable[[Answer], str],
) -> None:
    seen: list[str] = []

    def ask_for_a_prefix(handler: BaseHTTPRequestHandler) -> None:
        nonce = handler.headers["Signature-Input"].partition('nonce="')[2].partition('"')[0]
        seen.append(nonce)
        if nonce.startswith("since-this-start"):
            _says(200, b"{}")(handler)
        else:
            _says(401, b"", **{PREFIX_FIELD: "since-this-start"})(handler)

    with Http(fake_door(ask_for_a_prefix), key=KEY) as http:
        http.exchange("HEAD", "/v1/uploads/a", {})
        http.post_json("/v1/events", {})
        http.post_json("/v1/events", {})
    assert [nonce.startswith("since-this-start") for nonce in seen] == [False, True, True, True]
    assert len(set(seen)) == 4


def test_a_door_that_goes_on_asking_is_not_asked_for_ever(fake_door: Callable[[Answer], str]) -> None:
    body = json.dumps({"type": "urn:meyasubako:problem:nonce-prefix"}).encode()
    refusing = _says(401, body, "application/problem+json", **{PREFIX_FIELD: "always"})
    with Http(fake_door(refusing), key=KEY) as http, pytest.raises(RefusedError) as caught:
        http.get_json("/v1/me")
    assert caught.value.name == "nonce-prefix"
    injecting = _says(401, body, "application/problem+json", **{PREFIX_FIELD: 'x";tag="other'})
    with Http(fake_door(injecting), key=KEY) as http, pytest.raises(RefusedError):
        http.get_json("/v1/me")


def test_a_problem_comes_back_with_its_name_and_sentence(fake_door: Callable[[Answer], str]) -> None:
    address = fake_door(_problem(422, type="urn:meyasubako:problem:some-rule", detail="It may not be."))
    with Http(address) as http, pytest.raises(RefusedError, match=r"It may not be\.") as caught:
        http.get_json("/")
    assert (caught.value.status, caught.value.name) == (422, "some-rule")


def test_what_a_door_does_not_show_is_told_from_what_it_does_not_know(
    fake_door: Callable[[Answer], str],
) -> None:
    hidden = fake_door(_problem(404, type="urn:meyasubako:problem:not-found", detail="Nothing for you."))
    with Http(hidden) as http, pytest.raises(RefusedError, match="Nothing for you"):
        http.get_json("/")
    other = fake_door(_problem(404, type="urn:meyasubako:problem:not_found", detail="Check your spelling."))
    with Http(other) as http, pytest.raises(BadAnswerError, match="status 404: nothing here knows"):
        http.get_json("/")


def test_a_conflict_comes_back_as_one(fake_door: Callable[[Answer], str]) -> None:
    head = {"stream": "s", "seq": 4, "leaf": "ab"}
    address = fake_door(_problem(409, type="urn:meyasubako:problem:conflict", detail="Too late.", head=head))
    with Http(address) as http, pytest.raises(ConflictError) as caught:
        http.get_json("/")
    assert caught.value.extra["head"] == head
    assert caught.value.events == ()


@pytest.mark.parametrize(
    "answer",
    [
        _says(200, b"no json"),
        _says(200, b"[]"),
        _says(200, b"[" * 100_000),
        _says(502, b"<html>", "text/html"),
        _says(302, b"", Location="http://127.0.0.1:9/"),
        _problem(409, type="urn:meyasubako:problem:conflict", head={"stream": "s"}, events=[{"index": "x"}]),
        _problem(404, type="urn:meyasubako:problem:not_found", detail="The requested URL was not found."),
        _problem(405, type="urn:meyasubako:problem:method_not_allowed", detail="The method is not allowed."),
        _says(500, b"no json", "application/problem+json"),
    ],
)
def test_an_answer_of_another_form_is_refused(fake_door: Callable[[Answer], str], answer: Answer) -> None:
    with Http(fake_door(answer)) as http, pytest.raises(BadAnswerError):
        http.get_json("/")


def test_an_answer_that_never_ends_is_given_up(
    fake_door: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_http, "JSON_LIMIT", 1000)
    with Http(fake_door(_says(200, b" " * 2000))) as http, pytest.raises(BadAnswerError, match="longer"):
        http.get_json("/")


def test_a_connection_that_breaks_is_told_in_words(fake_door: Callable[[Answer], str]) -> None:
    def breaks(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"some")

    with Http(fake_door(breaks)) as http, pytest.raises(UnreachableError, match="broke"):
        http.get_bytes("/")


def test_nobody_there_is_told_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Http(f"http://127.0.0.1:{port}") as http, pytest.raises(UnreachableError, match="does not answer"):
        http.get_json("/")


def test_a_dead_proxy_is_never_gone_around() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = "http://127.0.0.1:1"
    with (
        Http(address, proxy=f"socks5h://127.0.0.1:{port}") as http,
        pytest.raises(UnreachableError) as caught,
    ):
        http.get_json("/")
    assert ":x@" not in str(caught.value)


def test_nothing_in_the_environment_is_used(
    fake_door: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with Http(fake_door(_says(200, b"{}"))) as http:
        assert http.get_json("/") == {}


@pytest.mark.parametrize("address", ["", "box.example.org", "ftp://box.example.org", "http://"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        Http(address)
    # Which port a command needs depends on the command.
    assert not re.search("[0-9]", str(caught.value))


@pytest.mark.parametrize("proxy", ["127.0.0.1:9050", "http://127.0.0.1:9050", "socks5://127.0.0.1:9050"])
def test_a_proxy_that_would_not_resolve_names_itself_is_refused(proxy: str) -> None:
    with pytest.raises(BadRequestError, match="socks5h"):
        Http("http://127.0.0.1:1", proxy=proxy)


def test_a_refusal_without_a_body_has_its_status(fake_door: Callable[[Answer], str]) -> None:
    with Http(fake_door(_says(404, b"", "application/problem+json"))) as http:
        with pytest.raises(RefusedError) as caught:
            http.exchange("HEAD", "/", {})
        assert caught.value.status == 404


def _breaks_off(times: int, asked: list[str]) -> Answer:
    """Ends so many connections before an answer, and remembers the signature of each request."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.headers["Signature"])
        if len(asked) > times:
            _says(200, b"{}")(handler)
        else:
            handler.close_connection = True

    return answer


def test_a_question_whose_connection_breaks_is_asked_once_more_and_signed_anew(
    fake_door: Callable[[Answer], str],
) -> None:
    asked: list[str] = []
    with Http(fake_door(_breaks_off(1, asked)), key=KEY) as http:
        assert http.get_json("/v1/me") == {}
    assert len(set(asked)) == 2


def test_a_door_that_breaks_off_each_time_does_not_answer(fake_door: Callable[[Answer], str]) -> None:
    asked: list[str] = []
    with (
        Http(fake_door(_breaks_off(9, asked)), key=KEY) as http,
        pytest.raises(UnreachableError, match="does not answer"),
    ):
        http.get_json("/v1/me")
    assert len(asked) == 2


def test_what_changes_something_is_not_sent_again_by_itself(fake_door: Callable[[Answer], str]) -> None:
    asked: list[str] = []
    with Http(fake_door(_breaks_off(1, asked)), key=KEY) as http, pytest.raises(UnreachableError):
        http.post_json("/v1/events", {})
    assert len(asked) == 1
