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
from functools import lru_cache
from typing import TypeAlias

import msgspec

from meyasubako.crypto.errors import NotCanonicalError

JsonValue: TypeAlias = "str | int | bool | list[JsonValue] | dict[str, JsonValue]"

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 32

_is_key_text = re.compile(r"[a-z_0-9]*").fullmatch
# msgspec sorts by code points: RFC 8785's UTF-16 order on ASCII keys. Documents are sorted below.
_sorted_encoder = msgspec.json.Encoder(order="sorted")
_plain_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def encode(value: JsonValue) -> bytes:
    r"""The one encoding of a value in the alphabet of events, or `NotCanonicalError`.

    >>> encode({"v": 1, "kind": "report.submitted"})
    b'{"kind":"report.submitted","v":1}'
    """
    _check(value, 0, _are_event_keys)
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
    _check(value, -MAX_INTEGER, _are_strings)
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


def _are_event_keys(keys: Iterable[str]) -> bool:
    # The same few sets of names come again and again.
    return _are_names(tuple(keys))


@lru_cache(maxsize=1024)
def _are_names(keys: tuple[str, ...]) -> bool:
    # One look at all of them; join refuses what is no string.
    return _is_key_text("".join(keys)) is not None and "" not in keys


def _are_strings(keys: Iterable[str]) -> bool:
    return all(type(key) is str for key in keys)


def _check(value: JsonValue, smallest: int, are_keys: Callable[[dict[str, JsonValue]], bool]) -> None:
    """Refuse what is no value of ours; what a string may hold is seen from the encoded bytes."""
    try:
        _check_items((value,), MAX_DEPTH, smallest, are_keys)
    except TypeError as error:
        raise NotCanonicalError("a key is not a string") from error


def _check_items(
    items: Iterable[JsonValue],
    depth: int,
    smallest: int,
    are_keys: Callable[[dict[str, JsonValue]], bool],
) -> None:
    # Exact types: bool is an int to isinstance, and a subclass may encode as something else.
    for item in items:
        if type(item) is str or type(item) is bool:
            continue
        if type(item) is int:
            if not smallest <= item <= MAX_INTEGER:
                raise NotCanonicalError("an integer is out of range")
            continue
        if depth == 0:
            raise NotCanonicalError(f"the value is nested more than {MAX_DEPTH} deep")
        if type(item) is dict:
            if not are_keys(item):
                raise NotCanonicalError("a key is not of the form [a-z_0-9]+")
            _check_items(item.values(), depth - 1, smallest, are_keys)
        elif type(item) is list:
            _check_items(item, depth - 1, smallest, are_keys)
        else:
            raise NotCanonicalError("the value holds what is no string, integer, boolean, list or object")


def _in_utf16_order(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        # "surrogatepass" leaves a lone surrogate to the encoder, which refuses it in keys and values alike.
        ordered = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be", "surrogatepass"))
        return {key: _in_utf16_order(item) for key, item in ordered}
    if isinstance(value, list):
        return [_in_utf16_order(item) for item in value]
    return value
