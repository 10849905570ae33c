"""The receipt: 128 random bits that a reporter keeps, and from which all of the reporter's keys come.

Rules upheld here:

- Spelt as twelve groups of four digits, the BIP-39 word indices with their checksum; as twelve BIP-39 words
  on request. `receipt_text` reads both.
- Keys: HKDF-SHA256 (RFC 5869) of the 16 bytes, salt ``meyasubako receipt v1``, info = label ‖ newline ‖
  origin, 32 bytes: label ``age`` gives the seed of the age identity, ``sign`` that of the Ed25519 key. 128
  bits need no slow derivation, and another origin gives unrelated keys.
- The receipt shows itself only when it is asked to: not in a repr, not in an exception, not in a pickle.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Final, NoReturn, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.errors import BadReceiptError
from meyasubako.crypto.receipt_text import DIGITS, read_entropy
from meyasubako.crypto.signing import SigningKey
from meyasubako.crypto.wordlists import library, places, word

if TYPE_CHECKING:
    from types import TracebackType

ENTROPY_SIZE: Final = 16
_SALT: Final = b"meyasubako receipt v1"


class Receipt:
    """Sixteen secret bytes. As a context manager it wipes its own copy of them when the block ends.

    >>> receipt = Receipt.from_entropy(bytes(16))
    >>> receipt
    Receipt(…)
    >>> receipt.digits()
    '0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0003'
    >>> Receipt.parse("0000-" * 11 + "0003") == Receipt.parse(receipt.words("french")) == receipt
    True
    """

    __slots__ = ("_entropy",)

    def __init__(self, entropy: bytes | bytearray) -> None:
        if len(entropy) != ENTROPY_SIZE:
            raise BadReceiptError("a receipt is 16 bytes")
        self._entropy = bytearray(entropy)

    @classmethod
    def generate(cls) -> Self:
        """A fresh receipt from the system's randomness."""
        return cls(secrets.token_bytes(ENTROPY_SIZE))

    @classmethod
    def from_entropy(cls, entropy: bytes) -> Self:
        """The receipt of 16 bytes that somebody derived; `BadReceiptError` for another length."""
        return cls(entropy)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The receipt that a person typed, in digits of any script or in words of any of the ten lists.

        Raises `BadReceiptError`, whose `group` is the place (1 to 12) of an impossible group, or None.
        """
        entropy = read_entropy(text)
        try:
            return cls(entropy)
        finally:
            entropy[:] = bytes(len(entropy))

    def digits(self) -> str:
        """Twelve groups of four ASCII digits with spaces between."""
        return " ".join(f"{index:0{DIGITS}}" for index in self._indices())

    def words(self, language: str = "english") -> str:
        """The same value as twelve words with spaces between, in NFC; `ValueError` for other languages."""
        return " ".join(word(language, index) for index in self._indices())

    def identity(self, origin: str) -> HybridIdentity:
        """The reporter's age identity at the mechanism whose log has this origin."""
        return HybridIdentity.from_seed(self._derive("age", origin))

    def signing_key(self, origin: str) -> SigningKey:
        """The reporter's Ed25519 key at the mechanism whose log has this origin."""
        return SigningKey.from_seed(self._derive("sign", origin))

    def wipe(self) -> None:
        """Overwrite this object's copy of the secret; every later use is refused with `ValueError`."""
        self._entropy[:] = bytes(len(self._entropy))
        del self._entropy[:]

    def _secret(self) -> bytes:
        if not self._entropy:
            raise ValueError("this receipt was wiped")
        return bytes(self._entropy)

    def _indices(self) -> list[int]:
        return [places("english")[entry] for entry in library("english").to_mnemonic(self._secret()).split()]

    def _derive(self, label: str, origin: str) -> bytes:
        info = f"{label}\n{origin}".encode()
        return HKDF(SHA256(), 32, salt=_SALT, info=info).derive(self._secret())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Receipt) and hmac.compare_digest(self._secret(), other._secret())

    __hash__ = None  # type: ignore[assignment]  # a dictionary of receipts would keep them

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a receipt is not pickled or copied")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wipe()
