"""A person's secret keys, in a file that only their pass phrase opens and that stock age can use.

Rules upheld here:

- The file is an age file with one scrypt stanza, work factor 2^18. Inside is an age identity file: the
  comment ``# name: …``, the comment ``# meyasubako-sign-1 `` with the Ed25519 seed in Bech32 (prefix
  ``MEYASUBAKO-SIGN-``), and the line ``AGE-SECRET-KEY-PQ-1…``. Other comments and empty lines are kept and
  mean nothing.
- Each of the three is there once; anything else is refused, never skipped.
- A pass phrase is brought to NFC before it is used, so that two keyboards that spell one accent differently
  open one file; and a generated one is eight words of 2,048, 88 bits.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass, field
from typing import Final, Self

from meyasubako.crypto import bech32
from meyasubako.crypto.age import HybridIdentity, ScryptIdentity, ScryptRecipient, seal, unseal
from meyasubako.crypto.errors import BadKeyError, BadKeyFileError
from meyasubako.crypto.person import (
    Person,
    check_name,
    digest_fingerprint,
    fingerprint,
    parse_public_line,
    prove,
)
from meyasubako.crypto.signing import SigningKey
from meyasubako.crypto.wordlists import word

__all__ = [
    "KeyPair",
    "Person",
    "change_passphrase",
    "digest_fingerprint",
    "fingerprint",
    "generate_passphrase",
    "parse_public_line",
    "read_keyfile",
    "write_keyfile",
]

WORK_FACTOR: Final = 18
PASSPHRASE_WORDS: Final = 8

_LARGEST_FILE: Final = 65536
_NAME: Final = "# name: "
_SIGN: Final = "# meyasubako-sign-1 "
_SIGN_PREFIX: Final = "MEYASUBAKO-SIGN-"
_AGE: Final = "AGE-SECRET-KEY-PQ-1"


@dataclass(frozen=True, slots=True, eq=False)
class KeyPair:
    """A person's name and two secret keys: one to open with, one to sign with. Its repr shows the name only.

    >>> KeyPair.generate("Ada Lovelace")
    KeyPair(name='Ada Lovelace')
    """

    name: str
    identity: HybridIdentity = field(repr=False)
    signing: SigningKey = field(repr=False)

    def __post_init__(self) -> None:
        check_name(self.name)

    @classmethod
    def generate(cls, name: str) -> Self:
        """Two fresh keys; `BadKeyError` for a name that is not printable."""
        return cls(name, HybridIdentity.generate(), SigningKey.generate())

    def person(self, name: str | None = None) -> Person:
        """The public half, under this or another name.

        >>> person = KeyPair.generate("Ada Lovelace").person()
        >>> parse_public_line(person.public_line()) == person
        True
        """
        recipient = self.identity.recipient
        return Person(name or self.name, recipient, self.signing.verify_key, prove(recipient, self.signing))


def write_keyfile(pair: KeyPair, name: str, passphrase: str, work_factor: int = WORK_FACTOR) -> bytes:
    """The key file's bytes; `name` is the one that the file will carry.

    Raises `BadKeyError` for an empty pass phrase or an unprintable name. Takes 0.7 s at the default work
    factor, the logarithm of scrypt's N; lower ones are for tests.
    """
    check_name(name)
    sign = bech32.encode(_SIGN_PREFIX, pair.signing.reveal_seed())
    text = f"{_NAME}{name}\n{_SIGN}{sign}\n{pair.identity.reveal()}\n"
    return _seal(text.encode(), passphrase, work_factor)


def read_keyfile(data: bytes, passphrase: str) -> KeyPair:
    """The keys in a key file.

    Raises `WrongKeyError` for another pass phrase, `BadKeyFileError` if the opened file holds something else,
    and the age errors (`DamagedHeaderError`, `DamagedPayloadError`, `WorkFactorTooHighError` above 2^22).

    >>> data = write_keyfile(KeyPair.generate("Ada"), "Ada", "correct horse", work_factor=4)
    >>> read_keyfile(data, "correct horse")
    KeyPair(name='Ada')
    """
    return _parse(_open(data, passphrase))


def change_passphrase(data: bytes, old: str, new: str, work_factor: int = WORK_FACTOR) -> bytes:
    """The same key file, comments and all, under another pass phrase; raises what `read_keyfile` raises."""
    text = _open(data, old)
    _parse(text)
    return _seal(text, new, work_factor)


def generate_passphrase(language: str = "english", words: int = PASSPHRASE_WORDS) -> str:
    """Fresh words of one of the ten lists with dashes between, 11 bits each; `ValueError` for another
    language.

    >>> len(generate_passphrase().split("-"))
    8
    """
    return "-".join(word(language, secrets.randbelow(2048)) for _ in range(words))


def _seal(text: bytes, passphrase: str, work_factor: int) -> bytes:
    return seal(text, ScryptRecipient(unicodedata.normalize("NFC", passphrase), work_factor))


def _open(data: bytes, passphrase: str) -> bytes:
    if len(data) > _LARGEST_FILE:
        raise BadKeyFileError("the file is too large for a key file")
    return unseal(data, ScryptIdentity(unicodedata.normalize("NFC", passphrase)))


def _parse(text: bytes) -> KeyPair:
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError:
        raise BadKeyFileError("the key file does not hold text") from None
    names, seeds, identities = [], [], []
    for line in (line.removesuffix("\r") for line in lines):
        if line.startswith(_NAME):
            names.append(line.removeprefix(_NAME))
        elif line.startswith(_SIGN):
            seeds.append(line.removeprefix(_SIGN))
        elif line.startswith(_AGE):
            identities.append(line)
        elif line and not line.startswith("#"):
            raise BadKeyFileError("a line of the key file is neither a comment nor a post-quantum identity")
    if (len(names), len(seeds), len(identities)) != (1, 1, 1):
        raise BadKeyFileError("a key file holds one name, one signing key and one post-quantum identity")
    try:
        prefix, seed = bech32.decode(seeds[0])
        if prefix != _SIGN_PREFIX:
            raise BadKeyFileError("the signing key of the key file is of another kind")
        return KeyPair(names[0], HybridIdentity.parse(identities[0]), SigningKey.from_seed(seed))
    except BadKeyError as error:
        raise BadKeyFileError(f"the key file is malformed: {error}") from None
