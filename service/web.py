"""What every door has in common: headers, what is not looked at, what is not written down, how a refusal
looks.

Rules upheld here:

- Every answer, errors included, forbids caching, framing, sniffing and everything that its content security
  policy does not name; none tells the server's software or carries an ETag.
- Nothing about the client reaches a view: address, user agent, and every header that a proxy would set (RFC
  7239 and its forerunners) are dropped before the application sees them. None is trusted, since there is no
  proxy.
- An unexpected exception is written down without its text (`faults`).
- A body has a greatest length, and has to arrive at a least pace: a slow client may hold one thread, not for
  ever.
- Refusals of the programs' doors are problem details (RFC 9457); the reporter's site gives pages of its own.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias

from flask import Flask, Response, request
from werkzeug.exceptions import (
    ClientDisconnected,
    HTTPException,
    InternalServerError,
    RequestEntityTooLarge,
)
from werkzeug.wsgi import ClosingIterator

from meyasubako.service.errors import PROBLEM_TYPE
from meyasubako.service.faults import record

if TYPE_CHECKING:
    from types import TracebackType

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    ExceptionInfo: TypeAlias = (
        tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
    )

API_CSP: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
DEFAULT_BODY_LIMIT: Final = 1024**2

# A body that arrives more slowly than this, after a first grace, is given up: 2 GiB then take a week at most.
GRACE_SECONDS: Final = 300.0
LEAST_BYTES_PER_SECOND: Final = 4096.0

_HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    (
        "Permissions-Policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
)
_NEVER_SENT: Final = frozenset({"server", "etag", "last-modified", "x-powered-by"})
_NEVER_READ: Final = frozenset(
    {
        "HTTP_CF_CONNECTING_IP",
        "HTTP_CLIENT_IP",
        "HTTP_FORWARDED",
        "HTTP_PROXY",
        "HTTP_TRUE_CLIENT_IP",
        "HTTP_USER_AGENT",
        "HTTP_VIA",
        "REMOTE_ADDR",
        "REMOTE_HOST",
        "REMOTE_PORT",
    }
)
# Forwarded-For, -Host, -Proto and their like; real addresses; overrides of method and path.
_NEVER_READ_PREFIXES: Final = (
    "HTTP_X_CLIENT_",
    "HTTP_X_CLUSTER_",
    "HTTP_X_FORWARDED",
    "HTTP_X_HTTP_METHOD",
    "HTTP_X_METHOD_OVERRIDE",
    "HTTP_X_ORIGINAL_",
    "HTTP_X_REAL_",
    "HTTP_X_REWRITE_",
)

ErrorPage: TypeAlias = Callable[[HTTPException, str | None], Response]


class Problem(HTTPException):
    """A refusal with a name and a sentence, which `problem_page` writes as problem details.

    `fields` are header fields of the answer, for what has to be told where there is no body.
    """

    def __init__(self, status: int, name: str, sentence: str, **extra: object) -> None:
        super().__init__(description=sentence)
        self.code = status
        self.problem = name
        self.extra = extra
        self.fields: dict[str, str] = {}


class AbortedResponseError(Exception):
    """The rest of an answer could not be made; the event id stands in the server's log."""


class Application(Flask):
    """Flask whose views are plain functions: to ask of each whether it is takes as long as some of them."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is; Flask would look at every hook of every request."""
        return func


def harden(app: Flask, *, csp: str, error_page: ErrorPage | None = None) -> None:
    """Give an application the rules of this module; call it once, after the application's configuration.

    `csp` is the content security policy of every answer that brings none of its own. `error_page` makes the
    answer for an HTTP error, and for an unexpected exception with the id under which it was written down.
    """
    if app.config["MAX_CONTENT_LENGTH"] is None:
        app.config["MAX_CONTENT_LENGTH"] = DEFAULT_BODY_LIMIT
    app.register_error_handler(Exception, refusal(error_page or problem_page))
    # By setattr, since methods are replaced, as Flask's documentation does and type checkers refuse.
    setattr(app, "log_exception", _record_current)  # noqa: B010 (see above)
    setattr(app, "wsgi_app", Shield(app.wsgi_app, csp))  # noqa: B010 (see above)


def refusal(page: ErrorPage) -> Callable[[Exception], Response]:
    """What answers every exception that a view raises, for an application or a blueprint to register."""

    def refuse(error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            return page(InternalServerError(), record(error))
        # A redirect that routing raises is an answer of its own.
        return error.response if isinstance(error.response, Response) else page(error, None)

    return refuse


def problem_page(error: HTTPException, event_id: str | None) -> Response:
    """An HTTP error as problem details (RFC 9457)."""
    name = error.problem if isinstance(error, Problem) else (error.name or "error").lower().replace(" ", "_")
    body: dict[str, object] = {
        "type": PROBLEM_TYPE + name,
        "status": error.code or 500,
        "title": name.replace("_", " "),
        "detail": error.description or "",
    }
    if isinstance(error, Problem):
        body |= error.extra
    if event_id is not None:
        body["event"] = event_id
    if isinstance(error, InternalServerError):
        body["detail"] = "something went wrong on the server, which has written down the event id"
    if isinstance(error, RequestEntityTooLarge) and request.max_content_length is not None:
        body["detail"] = f"at most {request.max_content_length} bytes are taken at once"
    answer = Response(json.dumps(body), status=error.code or 500, mimetype="application/problem+json")
    for header, value in error.get_headers():
        if header.lower() in {"allow", "content-range", "retry-after"}:
            answer.headers[header] = value
    if isinstance(error, Problem):
        answer.headers.update(error.fields)
    return answer


def headers(csp: str) -> list[tuple[str, str]]:
    """The headers that every answer has, unless its view set another value."""
    return [("Content-Security-Policy", csp), *_HEADERS]


class Shield:
    """The WSGI layer around an application: cleans the request, guards the answer, adds the headers."""

    def __init__(self, app: "WSGIApplication", csp: str) -> None:
        self._app = app
        self._headers = headers(csp)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request; nothing that the application raises passes."""
        for name in [
            name for name in environ if name in _NEVER_READ or name.startswith(_NEVER_READ_PREFIXES)
        ]:
            del environ[name]
        announced = str(environ.get("CONTENT_LENGTH") or "")
        length = int(announced) if announced.isdecimal() else 0
        environ["wsgi.input"] = PacedInput(environ["wsgi.input"], length=length)

        def start(
            status: str, sent: list[tuple[str, str]], exc_info: "ExceptionInfo | None" = None
        ) -> Callable[[bytes], object]:
            return start_response(status, self._cleaned(sent), exc_info)

        try:
            body = self._app(environ, start)
        except Exception as error:  # noqa: BLE001 (the last guard: whatever it is must not reach a log)
            event_id = record(error)
            start("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"Something went wrong. Event {event_id}.\n".encode()]
        return ClosingIterator(_guarded(body), getattr(body, "close", None))

    def _cleaned(self, sent: list[tuple[str, str]]) -> list[tuple[str, str]]:
        kept = [(name, value) for name, value in sent if name.lower() not in _NEVER_SENT]
        present = {name.lower() for name, _ in kept}
        return kept + [(name, value) for name, value in self._headers if name.lower() not in present]


class PacedInput:
    """A request's body that is given up, as an `OSError`, when it arrives more slowly than the least pace.

    A body that ends before the `length` that its sender announced raises `ClientDisconnected`, so that nobody
    takes the beginning of a file for the whole.
    """

    def __init__(
        self, stream: IO[bytes], clock: Callable[[], float] = time.monotonic, *, length: int = 0
    ) -> None:
        self._stream = stream
        self._length = length
        self._clock = clock
        self._start = clock()
        self._received = 0

    def read(self, size: int = -1) -> bytes:
        """As a file's `read`."""
        data = self._stream.read(size)
        return self._counted(data, ended=size < 0 or (size > 0 and not data))

    def readline(self, size: int = -1) -> bytes:
        """As a file's `readline`."""
        line = self._stream.readline(size)
        return self._counted(line, ended=not line)

    def readlines(self, hint: int = -1) -> list[bytes]:
        """As a file's `readlines`."""
        return [self._counted(line) for line in self._stream.readlines(hint)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _counted(self, data: bytes, *, ended: bool = False) -> bytes:
        self._received += len(data)
        if ended and self._received < self._length:
            raise ClientDisconnected("the connection broke before the body was complete")
        allowed = GRACE_SECONDS + self._received / LEAST_BYTES_PER_SECOND
        if self._clock() - self._start > allowed:
            raise TimeoutError("the body arrives too slowly")
        return data


def _record_current(error: "ExceptionInfo") -> None:
    if error[1] is not None:
        record(error[1])


def _guarded(body: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from body
    except Exception as error:  # noqa: BLE001 (as above; the cut connection shows that something is missing)
        raise AbortedResponseError(record(error)) from None
