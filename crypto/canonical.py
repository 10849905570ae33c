r"""One spelling for every value: canonical JSON and strict base64.

Rules upheld here (RFC 8785, RFC 4648; decision 0020):

- An event is a JSON object in the closed alphabet: strings are printable ASCII without ``"`` and ``\``, keys
  are ``[a-z_0-9]+``, integers lie in 0…2^53-1; true, false, arrays and objects; no floats, no null.
- A document (what is sealed, and cards) is RFC 8785 over any Unicode string; integers lie in ±(2^53-1); still
  no floats and no null. Keys are sorted by UTF-16 code units.
- Nesting goes 32 deep at most, so that no reader's stack decides what is well formed.
- Reading refuses whatever writing would not have written, byte for byte: so duplicate keys, spaces, other
  orders and other escapes are refused. The longest input is the caller's to limit.
- Base64 is the standard alphabet, padded, with zero trailing bits.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

import msgspec

from meyasubako.crypto.errors import NotCanonicalError

JsonValue: TypeAlias = "str | int | bool | list[JsonValue] | dict[str, JsonValue]"

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 32

_is_key = re.compile(r"[a-z_0-9]+").fullmatch
# msgspec sorts by code points: RFC 8785's UTF-16 order on ASCII keys. Documents are sorted below.
_sorted_encoder = msgspec.json.Encoder(order="sorted")
_plain_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def encode(value: JsonValue) -> bytes:
    r"""The one encoding of a value in the alphabet of events, or `NotCanonicalError`.

    >>> encode({"v": 1, "kind": "report.submitted"})
    b'{"kind":"report.submitted","v":1}'
    """
    _check(value, MAX_DEPTH, 0, _is_key)
    try:
        data = _sorted_encoder.encode(value)
    except UnicodeEncodeError as error:
        raise NotCanonicalError("a string holds a lone surrogate") from error
    # Quotes, backslashes and controls have all been escaped, so one backslash anywhere tells of them.
    if not data.isascii() or b"\\" in data or b"\x7f" in data:
        raise NotCanonicalError('a string is not printable ASCII without " and \\')
    return data


def decode(data: bytes) -> dict[str, JsonValue]:
    """The object whose `encode` is exactly `data`, or `NotCanonicalError`."""
    value = _read(data)
    if encode(value) != data:
        raise NotCanonicalError("the bytes are not the canonical encoding of their value")
    return value


def encode_document(value: JsonValue) -> bytes:
    r"""RFC 8785 of a value with any Unicode strings, or `NotCanonicalError`.

    >>> encode_document({"name": "目安箱", "a": -1}).decode()
    '{"a":-1,"name":"目安箱"}'
    """
    _check(value, MAX_DEPTH, -MAX_INTEGER, _is_any_key)
    try:
        return _plain_encoder.encode(_in_utf16_order(value))
    except UnicodeEncodeError as error:
        raise NotCanonicalError("a string holds a lone surrogate") from error


def decode_document(data: bytes) -> dict[str, JsonValue]:
    """The object whose `encode_document` is exactly `data`, or `NotCanonicalError`."""
    value = _read(data)
    if encode_document(value) != data:
        raise NotCanonicalError("the bytes are not the canonical encoding of their value")
    return value


def encode_base64(data: bytes) -> str:
    """Padded standard base64."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, size: int | None = None) -> bytes:
    r"""The bytes whose `encode_base64` is exactly `text`, `size` bytes long if given, or `NotCanonicalError`.

    >>> decode_base64("AAE=", 2)
    b'\x00\x01'
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotCanonicalError("the text is not base64") from error
    # Python ignores non-zero trailing bits: two spellings of one value would pass.
    if encode_base64(data) != text:
        raise NotCanonicalError("the text is not canonical base64")
    if size is not None and len(data) != size:
        raise NotCanonicalError(f"{size} bytes of base64 were expected, not {len(data)}")
    return data


def _read(data: bytes) -> dict[str, JsonValue]:
    try:
        value = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotCanonicalError("the bytes are not JSON") from error
    if not isinstance(value, dict):
        raise NotCanonicalError("the JSON value is not an object")
    return value


def _is_any_key(_key: str) -> bool:
    return True


def _check(value: object, depth: int, smallest: int, is_key: Callable[[str], object]) -> None:
    """Refuse what is no value of ours; what a string may hold is seen from the encoded bytes."""
    # Exact types: bool is an int to isinstance, and a subclass may encode as something else.
    kind = type(value)
    if kind is str or kind is bool:
        return
    if isinstance(value, int) and kind is int:
        if not smallest <= value <= MAX_INTEGER:
            raise NotCanonicalError("an integer is out of range")
        return
    children: Iterable[object]
    if isinstance(value, dict) and kind is dict:
        for key in value:
            if type(key) is not str or not is_key(key):
                raise NotCanonicalError("a key is not of the form [a-z_0-9]+")
        children = value.values()
    elif isinstance(value, list) and kind is list:
        children = value
    else:
        raise NotCanonicalError("the value holds what is no string, integer, boolean, list or object")
    if depth == 0:
        raise NotCanonicalError(f"the value is nested more than {MAX_DEPTH} deep")
    for child in children:
        _check(child, depth - 1, smallest, is_key)


def _in_utf16_order(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        # "surrogatepass" leaves a lone surrogate to the encoder, which refuses it in keys and values alike.
        ordered = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be", "surrogatepass"))
        return {key: _in_utf16_order(item) for key, item in ordered}
    if isinstance(value, list):
        return [_in_utf16_order(item) for item in value]
    return value
