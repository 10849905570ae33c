"""The HTTP client under everything that talks to a mechanism: direct, or through Tor's SOCKS port.

Rules upheld here:

- Names are resolved by the SOCKS port, never here; each client has a circuit of its own (its random SOCKS
  user).
- Nothing in the environment is read (no proxies, no netrc), no redirect is followed, nothing is kept but the
  connection.
- Requests that need it are signed over exactly the URL and body that are sent, and each time they are sent. A
  door that cannot know yet what was taken before it opened says how nonces have to begin; then they do.
- Answers are read up to a limit; problems come back as named errors whose sentence can be shown to a person.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self
from urllib.parse import urlsplit

import requests

from meyasubako.crypto.signing import SigningKey
from meyasubako.service.client.answers import EventRows, read, read_events
from meyasubako.service.clocks import Clock, system_clock
from meyasubako.service.errors import (
    PROBLEM_TYPE,
    BadAnswerError,
    BadRequestError,
    ConflictError,
    RefusedError,
    UnreachableError,
)
from meyasubako.service.signatures import EMPTY_DIGEST, PREFIX_FIELD, sign_request

CONNECT_SECONDS: Final = 60
READ_SECONDS: Final = 300
JSON_LIMIT: Final = 64 * 1024**2
_CHUNK: Final = 256 * 1024
# What a door's routing answers where it has no such path, or not for this method. Our own problems of these
# statuses have other names: a door that knows what is asked for does not answer so.
_UNROUTED: Final = frozenset({"not_found", "method_not_allowed"})
_is_prefix = re.compile(r"[A-Za-z0-9_-]{1,32}").fullmatch


class Http:
    """One door of a mechanism at an address such as http://HOST:PORT; not for several threads at once."""

    def __init__(
        self,
        address: str,
        *,
        proxy: str | None = None,
        key: SigningKey | None = None,
        clock: Clock = system_clock,
    ) -> None:
        """`proxy` is a SOCKS port such as Tor's socks5h://127.0.0.1:9050; `key` signs every request.

        Raises `BadRequestError` for addresses that are none.
        """
        if urlsplit(address).scheme not in {"http", "https"} or not urlsplit(address).hostname:
            raise BadRequestError(f"{address} is not an address like http://HOST:PORT")
        self.address = address.rstrip("/")
        self._key, self._clock, self._prefix = key, clock, ""
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update({"User-Agent": "meyasubako", "Accept-Encoding": "identity"})
        if proxy is not None:
            scheme, _, port = proxy.rpartition("://")
            if scheme != "socks5h" or not port:
                raise BadRequestError("the proxy is a SOCKS port, such as Tor's socks5h://127.0.0.1:9050")
            # Tor gives each SOCKS user circuits of their own.
            own = port if "@" in port else f"{secrets.token_hex(8)}:x@{port}"
            self._session.proxies = {"http": f"socks5h://{own}", "https": f"socks5h://{own}"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def get_json(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """The JSON object at a path. Raises `UnreachableError`, `RefusedError` or `BadAnswerError`."""
        with self._send("GET", path, query=query) as answer:
            return _json(answer)

    def get_bytes(self, path: str, limit: int = JSON_LIMIT) -> bytes:
        """The bytes at a path, at most `limit` of them."""
        with self._send("GET", path) as answer:
            return _read(answer, limit)

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str] | None = None) -> Iterator[Iterator[bytes]]:
        """The bytes at a path as they arrive."""
        with self._send("GET", path, headers=headers) as answer:
            yield _chunks(answer)

    def post_json(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Post a JSON object; gives the JSON object that answers."""
        data = json.dumps(body).encode()
        digest = hashlib.sha256(data).digest()
        headers = {"Content-Type": "application/json"}
        with self._send("POST", path, body=data, digest=digest, headers=headers) as answer:
            return _json(answer)

    def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Mapping[str, str]:
        """Send a request whose answer is in its header fields, whatever case their names are asked for in."""
        digest = hashlib.sha256(body).digest()
        with self._send(method, path, body=body, digest=digest, headers=headers) as answer:
            _read(answer, JSON_LIMIT)  # so that the connection can be used again
            return answer.headers

    @contextmanager
    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: bytes | None = None,
        digest: bytes = EMPTY_DIGEST,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[requests.Response]:
        request = requests.Request(method, self.address + path, params=query, data=body, headers=headers)
        prepared = self._session.prepare_request(request)
        answer = self._sent(prepared, digest)
        if self._learns_prefix(answer):
            _read(answer, JSON_LIMIT)  # so that the connection can be used again
            answer = self._sent(prepared, digest)
        with answer:
            if answer.status_code >= 300:
                raise _refusal(answer)
            yield answer

    def _learns_prefix(self, answer: requests.Response) -> bool:
        """Whether the door refuses only because it asks for nonces that begin in a way we did not know."""
        prefix = answer.headers.get(PREFIX_FIELD, "")
        if self._key is None or answer.status_code != 401 or prefix == self._prefix or not _is_prefix(prefix):
            return False
        self._prefix = prefix
        return True

    def _sent(self, prepared: requests.PreparedRequest, digest: bytes) -> requests.Response:
        """Sign the request where that is needed, and send it; `UnreachableError`.

        Where no answer comes to a question, it is asked once more: behind Tor a circuit may go at any moment.
        What changes something is for the caller to repeat, who knows what arrived.
        """
        for again in (prepared.method == "GET", False):
            if self._key is not None:
                method, url = str(prepared.method), str(prepared.url)
                signature = sign_request(method, url, digest, self._key, self._clock(), self._prefix)
                prepared.headers.update(signature)
            try:
                return self._session.send(
                    prepared,
                    stream=True,
                    allow_redirects=False,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    proxies=self._session.proxies,
                )
            except (requests.RequestException, OSError) as error:
                if not again:
                    # requests' own text is for programmers, and may hold the SOCKS user.
                    raise UnreachableError(f"{self.address} does not answer") from error
        raise AssertionError("unreachable: the last try returns or raises")


def _chunks(answer: requests.Response) -> Iterator[bytes]:
    try:
        yield from answer.iter_content(_CHUNK)
    except (requests.RequestException, OSError) as error:
        raise UnreachableError("the connection broke before the answer was complete") from error


def _read(answer: requests.Response, limit: int) -> bytes:
    parts, size = [], 0
    for part in _chunks(answer):
        size += len(part)
        if size > limit:
            raise BadAnswerError("the answer is longer than it may be")
        parts.append(part)
    return b"".join(parts)


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        value = json.loads(_read(answer, JSON_LIMIT))
    except (ValueError, RecursionError) as error:
        raise BadAnswerError("the answer is not JSON") from error
    if not isinstance(value, dict):
        raise BadAnswerError("the answer is not a JSON object")
    return value


def _refusal(answer: requests.Response) -> RefusedError | BadAnswerError:
    if answer.request.method == "HEAD":
        return RefusedError("the service refused", status=answer.status_code, name="", extra={})
    if not answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        return BadAnswerError(f"the answer has status {answer.status_code}, and does not say why")
    fields = _json(answer)
    name = str(fields.pop("type", "")).removeprefix(PROBLEM_TYPE)
    sentence = str(fields.pop("detail", "")) or "the service refused"
    if name in _UNROUTED:
        return BadAnswerError(
            f"the answer has status {answer.status_code}: nothing here knows what was asked for"
        )
    if name == "conflict":
        stream = str(dict(fields.get("head", {})).get("stream", ""))
        rows = read({"events": fields.pop("events", [])}, EventRows).events
        return ConflictError(sentence, extra=fields, events=read_events([row.event for row in rows], stream))
    return RefusedError(sentence, status=answer.status_code, name=name, extra=fields)
