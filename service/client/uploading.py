"""Sealed files sent ahead in parts (tus 1.0.0): a connection that breaks costs one part, not the file.

Rules upheld here:

- Each part has a checksum, is acknowledged when it is durable, and only then forgotten here: nothing is put
  into a file on this machine, and no more than one part is in memory.
- Where an answer is missing, the service is asked how far it came; it is tried again for about three minutes
  a part, which is long enough for a service that restarts and for Tor to find another way.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeVar

from meyasubako.crypto.canonical import encode_base64
from meyasubako.service.client.http import Http
from meyasubako.service.errors import BadAnswerError, RefusedError, UnreachableError

# The service holds so much in memory until it is checked, and no more.
PART: Final = 4 * 1024**2
_WAITS: Final = (1, 2, 4, 8, 15, 30, 30, 30, 30, 30)
# Another request of ours may not have ended there; a part was damaged; it is busy or is being restarted.
_PASSING: Final = frozenset({409, 423, 460, 502, 503, 504})
_TUS: Final = {"Tus-Resumable": "1.0.0"}

T = TypeVar("T")
Wait = Callable[[float], None]


def upload(http: Http, path: str, chunks: Iterable[bytes], size: int, wait: Wait = time.sleep) -> None:
    """Send so many sealed bytes, in chunks of any size, to the uploads at a path.

    Raises what `chunks` raises, `RefusedError`, and `UnreachableError` where the service stays away.
    """
    parts = _parts(chunks)
    first = next(parts, b"")
    location = _begun(http, path, first, size, wait)
    offset = len(first)
    for part in parts:
        _put(http, location, part, offset, wait)
        offset += len(part)
    if offset != size:
        raise BadAnswerError("the file is not as long as it was said to be")


def _begun(http: Http, path: str, first: bytes, size: int, wait: Wait) -> str:
    """The path of a new upload, which holds the first part already."""
    headers = {**_TUS, "Upload-Length": str(size), **_part_headers(first)}
    answer = _insisting(lambda: _exchange(http, "POST", path, headers, first), wait)
    location = answer.get("Location", "")
    if not location.startswith(f"{path}/") or _offset(answer) != len(first):
        raise BadAnswerError("the service did not say where the upload goes on")
    return location


def _put(http: Http, location: str, part: bytes, offset: int, wait: Wait) -> None:
    """One part more. It is sent again only if the service says that it does not have it."""
    headers = {**_TUS, "Upload-Offset": str(offset), **_part_headers(part)}
    tried = False

    def put() -> int:
        nonlocal tried
        if tried and (arrived := _offset(_exchange(http, "HEAD", location, _TUS))) != offset:
            return arrived
        tried = True
        return _offset(_exchange(http, "PATCH", location, headers, part))

    if _insisting(put, wait) != offset + len(part):
        raise BadAnswerError("the service has another part of the file than was sent")


def _exchange(
    http: Http, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
) -> Mapping[str, str]:
    answer = http.exchange(method, path, headers, body)
    # Every answer has it, behind the fields that tell something: header fields that break off look complete.
    if answer.get("Tus-Resumable") != _TUS["Tus-Resumable"]:
        raise UnreachableError("the connection broke before the answer was complete")
    return answer


def _insisting(act: Callable[[], T], wait: Wait) -> T:
    """What `act` gives, tried again after a while where what is wrong may pass."""
    for seconds in _WAITS:
        try:
            return act()
        except UnreachableError:
            pass
        except RefusedError as refused:
            if refused.status not in _PASSING:
                raise
        wait(seconds)
    return act()


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in parts of one size, the last one shorter."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= PART:
            part = bytes(held[:PART])
            del held[:PART]
            yield part
    if held:
        yield bytes(held)


def _part_headers(part: bytes) -> dict[str, str]:
    return {
        "Content-Type": "application/offset+octet-stream",
        "Upload-Checksum": f"sha256 {encode_base64(hashlib.sha256(part).digest())}",
    }


def _offset(answer: Mapping[str, str]) -> int:
    text = answer.get("Upload-Offset", "")
    if not (text.isascii() and text.isdigit()):
        raise BadAnswerError("the service did not say how far the upload has come")
    return int(text)
