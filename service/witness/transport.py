"""One request to a witness: bounded in time and size, directly or through a proxy.

Rules upheld here:

- Nothing of the environment is used (proxies, .netrc); redirects are not followed; no cookies, no user agent.
- The answer is read up to a bound, the connection has a time limit, and so does the whole.
"""

import time
from typing import Final

import requests
import urllib3
from urllib3.util import SKIP_HEADER

from meyasubako.service.errors import BadAnswerError, UnreachableError
from meyasubako.service.witness.asking import Answer, Post

ANSWER_LIMIT: Final = 64 * 1024
CONNECT_SECONDS: Final = 20.0
READ_SECONDS: Final = 30.0

_HEADERS: Final = {
    "Accept": "*/*",
    # Uncompressed, so that the bound on what is read is one on what it takes in memory.
    "Accept-Encoding": "identity",
    "Content-Type": "text/plain; charset=utf-8",
    "User-Agent": SKIP_HEADER,
}


def poster(
    proxy: str | None = None, *, connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS
) -> Post:
    """What posts a body to a URL, through a proxy such as ``socks5h://127.0.0.1:9050`` if one is given.

    It raises `UnreachableError` if there is no whole answer in time, `BadAnswerError` for one too long.
    """

    def post(url: str, body: bytes) -> Answer:
        try:
            with requests.Session() as session:
                session.trust_env = False
                session.proxies = {"http": proxy, "https": proxy} if proxy else {}
                with session.post(
                    url,
                    data=body,
                    headers=_HEADERS,
                    timeout=(connect_seconds, read_seconds),
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    return Answer(
                        response.status_code,
                        response.headers.get("Content-Type", ""),
                        _read(response, time.monotonic() + read_seconds),
                    )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            # Without its text: that repeats the address, which may be private.
            raise UnreachableError(f"it did not answer ({type(error).__name__})") from error

    return post


def _read(response: requests.Response, deadline: float) -> bytes:
    body = b""
    # As it arrives: each read waits for something, not for all of it.
    while chunk := response.raw.read1(4096, decode_content=False):
        body += chunk
        if len(body) > ANSWER_LIMIT:
            raise BadAnswerError("its answer is longer than we read")
        if time.monotonic() > deadline:
            raise UnreachableError("its answer arrived too slowly")
    return body
