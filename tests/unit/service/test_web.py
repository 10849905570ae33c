import io
import json
from collections.abc import Iterator

import pytest
from flask import Flask, Response, request
from werkzeug.exceptions import ClientDisconnected, HTTPException
from werkzeug.test import Client

from meyasubako.service import web

SECRET = "what a person wrote"


def _app() -> Flask:
    app = Flask("test")
    app.config["MAX_CONTENT_LENGTH"] = 100

    @app.get("/seen")
    def seen() -> dict[str, str]:
        return {
            name: str(value)
            for name, value in request.environ.items()
            if name.startswith(("HTTP_", "REMOTE"))
        }

    @app.get("/fails")
    def fails() -> str:
        raise ValueError(SECRET)

    @app.get("/fails-later")
    def fails_later() -> Response:
        def body() -> Iterator[bytes]:
            yield b"some"
            raise ValueError(SECRET)

        return Response(body())

    @app.get("/tagged")
    def tagged() -> Response:
        answer = Response("x", headers={"Server": "us", "Cache-Control": "max-age=5"})
        answer.set_etag("abc")
        return answer

    @app.get("/refuses")
    def refuses() -> str:
        raise web.Problem(409, "conflict", "Somebody else wrote first.", head={"seq": 3})

    @app.post("/body")
    def body() -> str:
        return str(len(request.get_data()))

    return app


@pytest.fixture
def client() -> Client:
    app = _app()
    web.harden(app, csp=web.API_CSP)
    return Client(app)


@pytest.mark.parametrize("path", ["/seen", "/fails", "/refuses", "/nowhere"])
def test_every_answer_has_the_headers(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"] == web.API_CSP
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Server" not in headers


def test_a_view_may_set_a_header_itself_but_no_tag_and_no_server(client: Client) -> None:
    headers = client.get("/tagged").headers
    assert headers.getlist("Cache-Control") == ["max-age=5"]
    assert "ETag" not in headers
    assert "Server" not in headers


@pytest.mark.parametrize(
    "name",
    [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Real-IP",
        "Forwarded",
        "Via",
        "CF-Connecting-IP",
        "True-Client-IP",
        "X-Client-IP",
        "X-HTTP-Method-Override",
        "X-Original-URL",
        "User-Agent",
    ],
)
def test_no_view_sees_who_the_client_claims_to_be(client: Client, name: str) -> None:
    seen = client.get(
        "/seen", headers={name: "192.0.2.7"}, environ_base={"REMOTE_ADDR": "192.0.2.7"}
    ).get_json()
    assert "192.0.2.7" not in seen.values()
    assert not [key for key in seen if key.startswith("REMOTE")]


def test_an_unexpected_exception_is_written_down_without_its_text(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get("/fails")
    assert answer.status_code == 500
    event = json.loads(answer.data)["event"]
    assert event in caplog.text
    assert "ValueError" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET not in answer.text


def test_an_exception_while_an_answer_is_sent_cuts_it_and_is_written_down_without_its_text(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(web.AbortedResponseError) as caught:
        client.get("/fails-later", buffered=True)
    assert "ValueError" in caplog.text
    assert SECRET not in caplog.text + str(caught.value)
    assert caught.value.__suppress_context__


def test_an_exception_outside_of_the_application_is_caught_too(caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> list[bytes]:
        raise ValueError(SECRET)

    answer = Client(web.Shield(broken, web.API_CSP)).get("/")
    assert answer.status_code == 500
    assert answer.headers["Cache-Control"] == "no-store"
    assert SECRET not in caplog.text + answer.text


def test_a_problem_says_its_name_and_sentence(client: Client) -> None:
    answer = client.get("/refuses")
    assert answer.status_code == 409
    assert answer.mimetype == "application/problem+json"
    assert json.loads(answer.data) == {
        "type": "urn:meyasubako:problem:conflict",
        "status": 409,
        "title": "conflict",
        "detail": "Somebody else wrote first.",
        "head": {"seq": 3},
    }


def test_a_body_over_the_limit_is_refused(client: Client) -> None:
    assert client.post("/body", data=b"x" * 100).text == "100"
    assert client.post("/body", data=b"x" * 101).status_code == 413


def test_an_application_without_a_limit_gets_one() -> None:
    app = Flask("test")
    web.harden(app, csp=web.API_CSP)
    assert app.config["MAX_CONTENT_LENGTH"] == web.DEFAULT_BODY_LIMIT


def test_an_application_may_give_its_own_error_pages() -> None:
    app = _app()

    def page(error: HTTPException, event_id: str | None) -> Response:
        return Response(f"page {error.code} {event_id is not None}", status=error.code)

    web.harden(app, csp=web.API_CSP, error_page=page)
    client = Client(app)
    assert client.get("/nowhere").text == "page 404 False"
    assert client.get("/fails").text == "page 500 True"


def test_a_body_that_arrives_too_slowly_is_given_up() -> None:
    times = iter([0.0, web.GRACE_SECONDS - 1, web.GRACE_SECONDS + 1])
    paced = web.PacedInput(io.BytesIO(b"ab"), clock=lambda: next(times))
    assert paced.read(1) == b"a"
    with pytest.raises(TimeoutError):
        paced.read(1)


@pytest.mark.parametrize(
    "read",
    [
        lambda body: body.read(),
        lambda body: [body.read(2) for _ in range(3)],
        list,
        lambda body: [body.readline() for _ in range(2)],
    ],
)
def test_a_body_that_ends_before_its_announced_length_is_not_taken_for_the_whole(read) -> None:
    assert read(web.PacedInput(io.BytesIO(b"abc"), length=3))
    with pytest.raises(ClientDisconnected):
        read(web.PacedInput(io.BytesIO(b"abc"), length=4))


def test_a_body_that_keeps_the_pace_is_read_to_its_end() -> None:
    size = int(web.LEAST_BYTES_PER_SECOND)
    times = iter([0.0, *(web.GRACE_SECONDS + second for second in range(5))])
    paced = web.PacedInput(io.BytesIO(b"x" * size * 3), clock=lambda: next(times))
    assert [len(paced.read(size)) for _ in range(4)] == [size, size, size, 0]
