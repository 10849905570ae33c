"""Requests signed with HTTP Message Signatures (RFC 9421) and Content-Digest (RFC 9530).

Rules upheld here:

- A signature covers exactly `@method`, `@authority`, `@path`, `@query` and `content-digest`, and has exactly
  the parameters `created`, `keyid`, `nonce`, `alg="ed25519"` and `tag="meyasubako-1"`. There is one of that
  tag.
- `created` lies within five minutes of the server's time; a refusal says what the server's time is.
- A door takes each signed request once, by its nonce (`meyasubako.service.nonces`).
- The digest is one SHA-256 of the body as it is sent, also when the body is empty. Whoever reads a body
  compares.
- The bytes that are signed are made by the `http-message-signatures` library; the signature itself is
  verified by the one function that verifies events, with libsodium's strict rules.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    HTTPSignatureKeyResolver,
    InvalidSignature,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from meyasubako.crypto.canonical import decode_base64, encode_base64
from meyasubako.crypto.errors import CryptoError
from meyasubako.crypto.signing import SigningKey, VerifyKey
from meyasubako.service.errors import ContentDigestError, RequestSignatureError

TAG: Final = "meyasubako-1"
ALGORITHM: Final = "ed25519"
LABEL: Final = "m"
COMPONENTS: Final = ("@method", "@authority", "@path", "@query", "content-digest")
PARAMETERS: Final = frozenset({"created", "keyid", "nonce", "alg", "tag"})
SKEW: Final = timedelta(minutes=5)
# The field of a refusal that says how nonces have to begin while a door cannot know what was taken before.
PREFIX_FIELD: Final = "Nonce-Prefix"
EMPTY_DIGEST: Final = hashlib.sha256(b"").digest()

_is_nonce = re.compile(r"[A-Za-z0-9_-]{16,64}").fullmatch
_read_digest = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):").fullmatch


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a verified signature says: whose it is, its nonce, its time, and the digest that the body must
    have.
    """

    key_id: str
    nonce: str
    created: datetime
    digest: bytes


@dataclass(frozen=True, slots=True)
class _Message:
    """A request as the library wants to see it: method, absolute URL, header fields."""

    method: str
    url: str
    headers: dict[str, str]


def sign_request(
    method: str, url: str, digest: bytes, key: SigningKey, now: datetime, prefix: str = ""
) -> dict[str, str]:
    """The headers to add to a request: Content-Digest, Signature-Input, Signature. They are good once.

    `url` is absolute, as it will be sent; `digest` is the SHA-256 of the body; the nonce begins with
    `prefix`.
    """
    message = _Message(method.upper(), url, {"Content-Digest": content_digest(digest)})
    signer = HTTPMessageSigner(signature_algorithm=_Ed25519, key_resolver=_OneKey(private=key))
    signer.sign(
        message,
        key_id=key.verify_key.key_id,
        created=now,
        nonce=prefix + secrets.token_urlsafe(18),
        label=LABEL,
        tag=TAG,
        covered_component_ids=COMPONENTS,
        use_existing_digest=True,
    )
    return message.headers


def verify_request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    now: datetime,
    key_of: Callable[[str], VerifyKey | None],
) -> SignedRequest:
    """Verify a request's signature; `key_of` gives the key of a key id, or None for one that is not known.

    Raises `RequestSignatureError`, whose sentence may be shown to whoever sent the request. The body is still
    to be compared with `digest`.
    """
    message = _Message(method, url, dict(headers))
    resolver = _OneKey(public=key_of)
    verifier = _Verifier(now, signature_algorithm=_Ed25519, key_resolver=resolver)
    try:
        results = verifier.verify(message, max_age=SKEW, expect_tag=TAG, require_components=COMPONENTS)
    except RequestSignatureError:
        raise
    except (HTTPMessageSignaturesException, CryptoError) as error:
        raise RequestSignatureError(_sentence(error)) from error
    if len(results) != 1:
        raise RequestSignatureError("a request has one signature with our tag")
    result = results[0]
    parameters = dict(result.parameters)
    covered = [name.strip('"') for name in result.covered_components if name != '"@signature-params"']
    if set(parameters) != PARAMETERS or sorted(covered) != sorted(COMPONENTS):
        raise RequestSignatureError(
            f"the signature covers exactly {', '.join(COMPONENTS)}, and has exactly the parameters "
            f"{', '.join(sorted(PARAMETERS))}"
        )
    if not _is_nonce(str(parameters["nonce"])):
        raise RequestSignatureError("the nonce is 16 to 64 letters, digits, - or _")
    return SignedRequest(
        key_id=str(parameters["keyid"]),
        nonce=str(parameters["nonce"]),
        created=datetime.fromtimestamp(int(parameters["created"]), UTC),
        digest=_digest_of(message.headers),
    )


def content_digest(digest: bytes) -> str:
    """The Content-Digest field for a SHA-256."""
    return f"sha-256=:{encode_base64(digest)}:"


def check_body(body: bytes, digest: bytes) -> None:
    """Raise `ContentDigestError` unless the body has this SHA-256."""
    if not hmac.compare_digest(hashlib.sha256(body).digest(), digest):
        raise ContentDigestError("the body is not the one whose digest was signed")


class _Ed25519(HTTPSignatureAlgorithm):
    """Section 3.3.6, with our keys."""

    algorithm_id = ALGORITHM

    def __init__(self, public_key: VerifyKey | None = None, private_key: SigningKey | None = None) -> None:
        self._public, self._private = public_key, private_key

    def sign(self, message: bytes) -> bytes:
        if self._private is None:
            raise RequestSignatureError("there is no key to sign with")
        return self._private.sign(message)

    def verify(self, signature: bytes, message: bytes) -> None:
        if self._public is None:
            raise RequestSignatureError("there is no key to verify with")
        self._public.verify(message, signature)


class _OneKey(HTTPSignatureKeyResolver):
    def __init__(
        self,
        *,
        public: Callable[[str], VerifyKey | None] | None = None,
        private: SigningKey | None = None,
    ) -> None:
        self._public, self._private = public, private

    def resolve_public_key(self, key_id: str) -> VerifyKey | None:
        return self._public(key_id) if self._public else None

    def resolve_private_key(self, key_id: str) -> SigningKey | None:  # noqa: ARG002 (the library's signature)
        return self._private


class _Verifier(HTTPMessageVerifier):
    """Compares `created` with the time that it is given, in both directions alike."""

    def __init__(self, now: datetime, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._now = now

    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:
        created = sig_input.params.get("created")
        if type(created) is not int:
            raise RequestSignatureError("the signature does not say when it was created")
        if max_age is None or abs(self._now.timestamp() - created) > max_age.total_seconds():
            raise RequestSignatureError(
                "the request was not signed within five minutes of the server's time, which is "
                f"{self._now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}: please set the clock of this machine"
            )


def _digest_of(headers: Mapping[str, str]) -> bytes:
    value = next(value for name, value in headers.items() if name.lower() == "content-digest")
    match = _read_digest(value.strip())
    if match is None:
        raise RequestSignatureError("Content-Digest is exactly one SHA-256")
    try:
        return decode_base64(match[1], 32)
    except CryptoError as error:
        raise RequestSignatureError("Content-Digest is not canonical base64") from error


def _sentence(error: Exception) -> str:
    if isinstance(error, InvalidSignature) and "Unable to resolve" in str(error):
        return "the request's key is not known here"
    return "the request's signature is missing, incomplete, or does not verify"
