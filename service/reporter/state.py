"""What a reporter has entered so far, carried by the page itself in one sealed hidden field.

Rules upheld here:

- The server keeps nothing between two pages: no cookie, no session, no draft. Everything travels in the
  form, sealed with a key that lives only in the memory of this door and its supervisor, so a restart ends it.
- A field sealed for one purpose opens for that purpose only, in the mechanism that sealed it, and for at
  most `MAX_AGE` seconds. Whatever else arrives is one error, `LostStateError`, without a reason that could
  help somebody who tries.
- What is sealed never shows in a `repr`: it holds the report, the keys of uploads, in a mailbox the receipt.

AEAD: ChaCha20-Poly1305 (RFC 8439) under HKDF-SHA256 (RFC 5869) of the form key; nonces are random.
"""

import binascii
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meyasubako.service.reporter.errors import LostStateError

# Writing on a borrowed phone takes breaks; a page left open overnight should not work in the morning.
MAX_AGE = 12 * 3600
_NONCE = 12
_LABEL = b"meyasubako reporter form v1"

Answer = str | tuple[str, ...]
State = TypeVar("State")


@dataclass(frozen=True, slots=True, repr=False)
class HeldFile:
    """A file that already lies sealed in `incoming/`; only this record can open it.

    `id` names it there, `seed_hex` is its key, `size` counts plain bytes, `sha256_hex` is of the plain bytes;
    `name` and `media_type` are as the browser sent them.
    """

    id: str
    seed_hex: str
    size: int
    sha256_hex: str
    name: str
    media_type: str


@dataclass(frozen=True, slots=True, repr=False)
class Writing:
    """A report being written.

    `token` is single-use; `marker` names the roster that the reporter was shown, `shown` the key ids of the
    readers and the fallback on it; `checking` says that the review page was reached, so that a correction
    leads back there; `begun` is the second since the epoch at which the form was given out; `identity` is
    who they say they are, if they do.
    """

    token: str
    channel: str
    marker: str
    shown: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    rather_not_say: bool = False
    text: str = ""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    files: tuple[HeldFile, ...] = ()
    checking: bool = False
    begun: int = 0
    identity: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Visit:
    """An open mailbox: the receipt as digits; token, files and second of beginning of the next message.

    `before` are the messages, by room and seq, before which is shown what is earlier.
    """

    receipt: str
    token: str
    files: tuple[HeldFile, ...] = ()
    begun: int = 0
    before: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Leaving:
    """What quick exit has to delete: ids in `incoming/`, without the keys that open them."""

    files: tuple[str, ...] = ()


class FormSeal:
    """Seals and opens the hidden field. `now` returns seconds since the epoch."""

    def __init__(self, form_key: bytes, origin: str, now: Callable[[], float]) -> None:
        derived = HKDF(SHA256(), 32, salt=None, info=_LABEL).derive(form_key)
        self._aead = ChaCha20Poly1305(derived)
        self._origin = origin.encode()
        self._now = now

    def seal(self, purpose: str, state: object) -> str:
        """The sealed field for `purpose`, as unpadded base64url text."""
        nonce = os.urandom(_NONCE)
        plain = int(self._now()).to_bytes(8, "big") + msgspec.json.encode(state)
        sealed = nonce + self._aead.encrypt(nonce, plain, self._bound_to(purpose))
        return urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, purpose: str, text: str, shape: type[State]) -> State:
        """The state sealed for `purpose`; `LostStateError` for everything else."""
        try:
            sealed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            plain = self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._bound_to(purpose))
            age = self._now() - int.from_bytes(plain[:8], "big")
            if not -MAX_AGE <= age <= MAX_AGE:
                raise LostStateError("this page is too old")
            return msgspec.json.decode(plain[8:], type=shape)
        except (UnicodeEncodeError, binascii.Error, ValueError, InvalidTag, msgspec.MsgspecError):
            raise LostStateError("this page is not known here") from None

    def _bound_to(self, purpose: str) -> bytes:
        return _LABEL + b"\n" + self._origin + b"\n" + purpose.encode()
