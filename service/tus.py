"""Resumable uploads for programs: the tus protocol 1.0.0, with creation, creation-with-upload, checksum,
termination and expiration.

Rules upheld here:

- A part that comes with a checksum, or in a signed request, is held in memory until it is found to be right,
  and is kept whole or not at all; so it may have 4 MiB. Another part may have any size, streams, and what
  arrived of it before a connection broke is kept.
- Nobody else's method counts: `X-HTTP-Method-Override` is not read. Metadata is refused: a file's name and
  kind belong inside what is sealed.
- An upload's address is all that leads to it, and is written down nowhere but in the answer.

https://tus.io/protocols/resumable-upload
"""

import hashlib
import hmac
import re
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.http import http_date

from meyasubako.service.errors import BadRequestError
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.problems import too_large
from meyasubako.service.signatures import check_body
from meyasubako.service.uploads import Arriving, Body, Uploads
from meyasubako.service.web import Problem

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,checksum,termination,expiration"
PART_TYPE: Final = "application/offset+octet-stream"
# What a part may have that is held in memory until it is checked.
PART_LIMIT: Final = 4 * 1024**2

# SHA-1 is one that every server has to offer. Nothing relies on it: an event names the SHA-256 of the whole.
_ALGORITHMS: Final[dict[str, Callable[[bytes], "hashlib._Hash"]]] = {
    "sha256": hashlib.sha256,
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
}
_is_count = re.compile(r"[0-9]{1,15}").fullmatch

# Who asks: raises for those who may not, and gives the SHA-256 that a signed request's body must have.
Caller = Callable[[], bytes | None]


def anybody() -> None:
    """Let everybody in, by requests that are not signed."""


def blueprint(mechanism: Mechanism, path: str, caller: Caller = anybody) -> Blueprint:
    """The uploads at a path such as /uploads, for the application or the blueprint of a door to register."""
    views, door = Blueprint("uploads", __name__, url_prefix=path), _Door(mechanism, caller)
    views.add_url_rule("", "options", door.options, methods=["OPTIONS"])
    views.add_url_rule("", "create", door.create, methods=["POST"], provide_automatic_options=False)
    for method, view in (("HEAD", door.look), ("PATCH", door.take), ("DELETE", door.forget)):
        views.add_url_rule("/<name>", method.lower(), view, methods=[method], provide_automatic_options=False)
    views.add_url_rule("/<name>", "options_of_one", door.options, methods=["OPTIONS"])
    views.after_request(_speaks_tus)
    return views


class _Door:
    """The views, on one open mechanism."""

    def __init__(self, mechanism: Mechanism, caller: Caller) -> None:
        self._uploads, self._caller = Uploads(mechanism), caller

    def options(self, name: str = "") -> Response:
        """What this server can do."""
        del name
        self._refuse_body(self._caller())
        answer = Response(status=204)
        answer.headers["Tus-Version"] = VERSION
        answer.headers["Tus-Extension"] = EXTENSIONS
        answer.headers["Tus-Max-Size"] = str(self._uploads.largest)
        answer.headers["Tus-Checksum-Algorithm"] = ",".join(_ALGORITHMS)
        return answer

    def create(self) -> Response:
        """Begin an upload, with a first part where the request brings one."""
        signed = self._asked()
        for refused in ("Upload-Defer-Length", "Upload-Metadata", "Upload-Concat"):
            if refused in request.headers:
                raise BadRequestError(
                    f"{refused} is not taken here: names and kinds are sealed with the file"
                )
        length = _count("Upload-Length")
        with_part = bool(request.content_length) or "Transfer-Encoding" in request.headers
        request.max_content_length = self._uploads.largest
        self._uploads.check_length(length)
        part = self._part(signed, length) if with_part else None
        if part is None:
            self._refuse_body(signed)
        name = self._uploads.begin(length)
        arriving = self._uploads.take(name, 0, part) if part else self._uploads.look(name)
        answer = _told(arriving, 201)
        answer.headers["Location"] = f"{request.path}/{name}"
        return answer

    def look(self, name: str) -> Response:
        """How far an upload has come."""
        self._refuse_body(self._asked())
        arriving = self._uploads.look(name)
        answer = _told(arriving, 200)
        answer.headers["Upload-Length"] = str(arriving.length)
        return answer

    def take(self, name: str) -> Response:
        """Add a part."""
        signed = self._asked()
        offset, length = _count("Upload-Offset"), self._uploads.length(name)
        # A wrong offset is told as one, whatever comes with it.
        left = length - offset if offset <= length else self._uploads.largest
        return _told(self._uploads.take(name, offset, self._part(signed, left)), 204)

    def forget(self, name: str) -> Response:
        """Delete an upload."""
        self._refuse_body(self._asked())
        self._uploads.forget(name)
        return Response(status=204)

    def _asked(self) -> bytes | None:
        signed = self._caller()
        if request.headers.get("Tus-Resumable") != VERSION:
            raise Problem(412, "tus-version", f"uploads speak tus {VERSION}: send Tus-Resumable: {VERSION}")
        return signed

    def _refuse_body(self, signed: bytes | None) -> None:
        data = _held(0)
        if signed is not None:
            check_body(data, signed)

    def _part(self, signed: bytes | None, left: int) -> Body:
        """The part's bytes: as they arrive, or, where they can be checked, when they were."""
        if request.mimetype != PART_TYPE:
            raise UnsupportedMediaType(f"a part is sent as {PART_TYPE}")
        claimed = _checksum()
        if signed is None and claimed is None:
            _take_at_most(left)
            return request.stream
        data = _held(min(left, PART_LIMIT))
        if signed is not None:
            check_body(data, signed)
        if claimed is not None:
            algorithm, digest = claimed
            if not hmac.compare_digest(_ALGORITHMS[algorithm](data).digest(), digest):
                raise Problem(460, "checksum", "the part was damaged on the way: send it again")
        return BytesIO(data)


def _held(most: int) -> bytes:
    """The request's body, if it has no more bytes than that."""
    _take_at_most(most)
    data = request.get_data(cache=False)
    if len(data) > most:
        raise too_large(most)
    return data


def _take_at_most(most: int) -> None:
    request.max_content_length = most
    if (request.content_length or 0) > most:
        raise too_large(most)
    # Where the server ends a body, Werkzeug takes one that reaches the limit for one that goes beyond it.
    request.max_content_length = most + 1


def _told(arriving: Arriving, status: int) -> Response:
    answer = Response(status=status)
    answer.headers["Upload-Offset"] = str(arriving.offset)
    answer.headers["Upload-Expires"] = http_date(arriving.expires)
    return answer


def _speaks_tus(answer: Response) -> Response:
    answer.headers["Tus-Resumable"] = VERSION
    if answer.status_code == 412:
        answer.headers["Tus-Version"] = VERSION
    return answer


def _count(header: str) -> int:
    text = request.headers.get(header, "")
    if not _is_count(text):
        raise BadRequestError(f"{header} is a number of bytes")
    return int(text)


def _checksum() -> tuple[str, bytes] | None:
    """The algorithm and digest of the part, if the request names them."""
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _, encoded = text.partition(" ")
    if algorithm not in _ALGORITHMS:
        raise BadRequestError(f"Upload-Checksum is one of {', '.join(_ALGORITHMS)}")
    try:
        return algorithm, b64decode(encoded, validate=True)
    except ValueError as error:
        raise BadRequestError("Upload-Checksum is an algorithm, a space, and padded base64") from error
