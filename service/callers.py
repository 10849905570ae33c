"""Who sent a request: its signature verified, its body compared with the digest that was signed."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import quote, urlsplit

import msgspec
from flask import Request

from meyasubako.crypto.canonical import MAX_INTEGER, decode_base64
from meyasubako.crypto.errors import NotCanonicalError
from meyasubako.crypto.signing import VerifyKey
from meyasubako.domain import entitlement
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.service.config import Doors
from meyasubako.service.errors import BadRequestError, RequestSignatureError
from meyasubako.service.nonces import Nonces
from meyasubako.service.payloads import not_found
from meyasubako.service.signatures import SignedRequest, check_body, verify_request

# Eight events of 32 KiB and the small payloads beside them, in base64.
EVENTS_LIMIT: Final = 8 * 1024**2

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request that posts events: base64 of each event, and of each small payload by its
    digest.
    """

    events: Annotated[list[str], msgspec.Meta(min_length=1, max_length=8)]
    payloads: dict[Digest, str] = {}

    def decoded(self) -> tuple[list[bytes], dict[str, bytes]]:
        """The events and payloads as bytes; `BadRequestError` for anything but base64."""
        try:
            events = [decode_base64(text) for text in self.events]
            return events, {digest: decode_base64(text) for digest, text in self.payloads.items()}
        except NotCanonicalError as error:
            raise BadRequestError("events and payloads are sent as padded base64") from error


def signer_of(
    request: Request, nonces: Nonces, now: datetime, key_of: Callable[[str], VerifyKey | None]
) -> SignedRequest:
    """Whose request it is; `RequestSignatureError` if that is nobody we know. The body is not read yet.

    The request counts as taken from here on, whatever becomes of it; see `Nonces.take` for what that refuses.
    """
    headers = {name: value for name, value in request.headers.items() if name != "Host"}
    signed = verify_request(request.method, absolute_url(request), headers, now=now, key_of=key_of)
    nonces.take(signed)
    return signed


def refuse_other_names(request: Request, doors: Doors) -> None:
    """Refuse a request that was signed for another host than this mechanism's doors go by.

    People may have one key at several mechanisms: what they sign for one must not be good at another, where
    whoever runs the first could repeat it and be shown their streams, or an auditor's entries.
    """
    try:
        host = urlsplit(absolute_url(request)).hostname or ""
    except ValueError:
        host = ""
    if not doors.goes_by(host):
        raise RequestSignatureError(
            "the request was signed for an address that is not this service's; if it is, whoever runs the "
            "service adds it to `names` in mechanism.toml"
        )


def refuse_body(request: Request, signed: SignedRequest) -> None:
    """Compare the body of a request that has none; `ContentDigestError` if it brings one all the same."""
    check_body(request.get_data(cache=False), signed.digest)


def read_submission(request: Request, signed: SignedRequest | None) -> Submission:
    """The posted events; `ContentDigestError` or `BadRequestError`."""
    body = request.get_data(cache=False)
    if signed is not None:
        check_body(body, signed.digest)
    try:
        return msgspec.json.decode(body, type=Submission)
    except msgspec.MsgspecError as error:
        raise BadRequestError("the body is a JSON object of events and payloads") from error


def refuse_streams_of_others(ledger: Ledger, events: Sequence[Event]) -> None:
    """Answer 404 where an author has no business in a stream: conflicts and rules would tell where it ends.

    Else somebody who lost access could watch from afar how much is written in a case, and when.
    """
    if not all(entitlement.may_write(ledger, event.by, event.stream) for event in events):
        raise not_found()


def asked_seq(request: Request) -> int:
    """The `from` of a request's query, 1 if it is left out; 404 for what is no seq."""
    seq = request.args.get("from", default=1, type=int)
    if not 1 <= seq <= MAX_INTEGER:
        raise not_found()
    return seq


def absolute_url(request: Request) -> str:
    """The URL as the client wrote it, from the request's own target and Host field."""
    host = request.environ.get("HTTP_HOST", "")
    if not host:
        raise RequestSignatureError("the request has no Host field")
    target = str(request.environ.get("RAW_URI") or "")
    if not target.startswith("/"):
        query = str(request.environ.get("QUERY_STRING", ""))
        target = quote(request.path) + (f"?{query}" if query else "")
    return f"{request.scheme}://{host}{target}"
