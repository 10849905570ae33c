"""Sealed payloads on their way out: whole, or one range of bytes (RFC 9110, section 14)."""

from collections.abc import Iterator
from typing import BinaryIO, Final

from flask import Request, Response
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from meyasubako.service.store.errors import MissingPayloadError
from meyasubako.service.store.sqlite import Store
from meyasubako.service.web import Problem

_CHUNK: Final = 256 * 1024


def not_found() -> Problem:
    """The one answer for what does not exist and for what the caller may not have."""
    return Problem(404, "not-found", "there is nothing here that you may have")


def payload_answer(store: Store, digest: str, request: Request) -> Response:
    """A payload's sealed bytes; who may have them is decided before. 404 if they are gone."""
    try:
        size = store.payload_size(digest)
        file = store.open_payload(digest)
    except MissingPayloadError:
        raise not_found() from None
    start, stop, status = 0, size, 200
    headers = {"Accept-Ranges": "bytes"}
    if request.range is not None:
        found = request.range.range_for_length(size)
        if found is None:
            file.close()
            raise RequestedRangeNotSatisfiable(length=size)
        start, stop = found
        status = 206
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    answer = Response(
        _part(file, start, stop), status=status, headers=headers, mimetype="application/octet-stream"
    )
    answer.content_length = stop - start
    answer.call_on_close(file.close)
    return answer


def _part(file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    file.seek(start)
    left = stop - start
    while left and (data := file.read(min(_CHUNK, left))):
        left -= len(data)
        yield data
