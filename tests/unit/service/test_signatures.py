import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageSigner
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.crypto.signing import SigningKey, VerifyKey
from meyasubako.service import signatures
from meyasubako.service.errors import ContentDigestError, RequestSignatureError
from meyasubako.service.signatures import SignedRequest, sign_request, verify_request

KEY = SigningKey.from_seed(bytes(range(32)))
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
URL = "http://box.example.org:8012/v1/streams/abc?from=3"
BODY = b'{"events":[]}'
DIGEST = hashlib.sha256(BODY).digest()


def _key_of(key_id: str) -> VerifyKey | None:
    return KEY.verify_key if key_id == KEY.verify_key.key_id else None


def _verify(
    headers: dict[str, str], method: str = "POST", url: str = URL, now: datetime = NOW
) -> SignedRequest:
    return verify_request(method, url, headers, now=now, key_of=_key_of)


def _signed() -> dict[str, str]:
    return sign_request("POST", URL, DIGEST, KEY, NOW)


def _signed_otherwise(**changes: object) -> dict[str, str]:
    """Signed with the same key, but in another form than ours."""
    headers = {"Content-Digest": signatures.content_digest(DIGEST), "Date": "today"}
    message = signatures._Message("POST", URL, headers)
    signer = HTTPMessageSigner(
        signature_algorithm=signatures._Ed25519, key_resolver=signatures._OneKey(private=KEY)
    )
    form: dict[str, object] = {
        "key_id": KEY.verify_key.key_id,
        "created": NOW,
        "nonce": "n" * 24,
        "tag": signatures.TAG,
        "covered_component_ids": signatures.COMPONENTS,
        "use_existing_digest": True,
    }
    signer.sign(message, **(form | changes))
    return message.headers


def test_a_signed_request_verifies_and_says_whose_it_is() -> None:
    signed = _verify(_signed())
    assert signed.key_id == KEY.verify_key.key_id
    assert signed.digest == DIGEST
    assert signed.created == NOW
    assert len(signed.nonce) >= 16


def test_what_is_signed_is_what_the_standard_says() -> None:
    """RFC 9421, section 2.5, put together by hand and verified with another library than ours."""
    headers = _signed()
    parameters = headers["Signature-Input"].removeprefix("m=")
    names = '"@method" "@authority" "@path" "@query" "content-digest"'
    assert parameters.startswith(f"({names});created={int(NOW.timestamp())};")
    base = "\n".join(
        [
            '"@method": POST',
            '"@authority": box.example.org:8012',
            '"@path": /v1/streams/abc',
            '"@query": ?from=3',
            f'"content-digest": sha-256=:{base64.b64encode(DIGEST).decode()}:',
            f'"@signature-params": {parameters}',
        ]
    )
    signature = base64.b64decode(headers["Signature"].removeprefix("m=:").removesuffix(":"))
    Ed25519PublicKey.from_public_bytes(KEY.verify_key.raw).verify(signature, base.encode())
    for part in ('alg="ed25519"', 'tag="meyasubako-1"', f'keyid="{KEY.verify_key.key_id}"', 'nonce="'):
        assert part in parameters


def test_two_requests_never_have_the_same_nonce() -> None:
    assert _verify(_signed()).nonce != _verify(_signed()).nonce


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", URL),
        ("POST", URL.replace("box", "other")),
        ("POST", URL.replace("8012", "8013")),
        ("POST", URL.replace("abc", "abd")),
        ("POST", URL.replace("from=3", "from=1")),
        ("POST", URL.partition("?")[0]),
    ],
)
def test_a_signature_is_for_one_method_and_address(method: str, url: str) -> None:
    with pytest.raises(RequestSignatureError, match="does not verify"):
        _verify(_signed(), method, url)


def test_another_digest_than_the_signed_one_is_refused() -> None:
    headers = _signed() | {"Content-Digest": signatures.content_digest(bytes(32))}
    with pytest.raises(RequestSignatureError, match="does not verify"):
        _verify(headers)


def test_a_key_that_is_not_known_is_refused_in_words() -> None:
    stranger = sign_request("POST", URL, DIGEST, SigningKey.generate(), NOW)
    with pytest.raises(RequestSignatureError, match="not known"):
        _verify(stranger)


@pytest.mark.parametrize("seconds", [-301, 301, -86400, 86400])
def test_a_request_of_another_time_is_refused_with_the_servers_time(seconds: int) -> None:
    with pytest.raises(RequestSignatureError, match=r"2026-11-2[123]T1[12]:[05][0-9]:"):
        _verify(_signed(), now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_either_way_are_allowed(seconds: int) -> None:
    _verify(_signed(), now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "changes",
    [
        {"tag": None},
        {"tag": "other"},
        {"nonce": None},
        {"nonce": "short"},
        {"nonce": "n" * 65},
        {"include_alg": False},
        {"expires": NOW + timedelta(minutes=1)},
        {"covered_component_ids": signatures.COMPONENTS[:-1]},
        {"covered_component_ids": (*signatures.COMPONENTS, "date")},
        {"covered_component_ids": ("@method", "@target-uri", "content-digest")},
    ],
)
def test_a_signature_of_another_form_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(RequestSignatureError):
        _verify(_signed_otherwise(**changes))


def test_the_form_of_the_tests_is_accepted_unchanged() -> None:
    assert _verify(_signed_otherwise()).nonce == "n" * 24


@pytest.mark.parametrize("name", ["Signature", "Signature-Input", "Content-Digest"])
def test_a_request_without_one_of_the_fields_is_refused(name: str) -> None:
    headers = _signed()
    del headers[name]
    with pytest.raises(RequestSignatureError):
        _verify(headers)


@pytest.mark.parametrize(
    "value",
    [
        "sha-512=:" + "A" * 86 + "==:",
        "sha-256=:" + "A" * 43 + "=:, sha-512=:" + "A" * 86 + "==:",
        "sha-256=:" + "A" * 42 + "B=:",
    ],
)
def test_a_digest_that_is_not_one_canonical_sha256_is_refused(value: str) -> None:
    message = signatures._Message("POST", URL, {"Content-Digest": value})
    signer = HTTPMessageSigner(
        signature_algorithm=signatures._Ed25519, key_resolver=signatures._OneKey(private=KEY)
    )
    signer.sign(
        message,
        key_id=KEY.verify_key.key_id,
        created=NOW,
        nonce="n" * 24,
        tag=signatures.TAG,
        covered_component_ids=signatures.COMPONENTS,
        use_existing_digest=True,
    )
    with pytest.raises(RequestSignatureError, match="Content-Digest"):
        _verify(message.headers)


def test_another_body_than_was_signed_is_refused() -> None:
    signatures.check_body(BODY, DIGEST)
    for other in (b"", BODY + b"more"):
        with pytest.raises(ContentDigestError):
            signatures.check_body(other, DIGEST)


@given(st.text(alphabet=st.characters(codec="latin-1", exclude_categories=["Cc"])), st.text(max_size=60))
def test_any_signature_fields_are_refused_with_our_own_error(value: str, other: str) -> None:
    headers = _signed() | {"Signature-Input": value, "Signature": other}
    with pytest.raises(RequestSignatureError):
        _verify(headers)


@given(st.integers(0, 63), st.integers(1, 255))
def test_a_signature_with_any_byte_changed_is_refused(place: int, change: int) -> None:
    headers = _signed()
    label, _, value = headers["Signature"].partition("=:")
    raw = bytearray(signatures.decode_base64(value.strip(":")))
    raw[place] ^= change
    headers["Signature"] = f"{label}=:{signatures.encode_base64(bytes(raw))}:"
    with pytest.raises(RequestSignatureError):
        _verify(headers)
