"""The public half of a person, as one line, and fingerprints for comparison by voice.

Rules upheld here:

- A person's line is ``NAME age1pq1… <Ed25519 key, base64> <proof, base64>`` with single spaces, read from its
  end, for a name may hold spaces. The proof is the key's own signature over the statement
  ``meyasubako/person/v1`` with the recipient and the key as its lines, so nobody is enrolled with another's
  key; the name is not part of it, for the roster decides names.
- A person without a valid proof cannot be made.
- Fingerprint: SHA-256(recipient ‖ newline ‖ key id ‖ newline), as a big-endian integer modulo 10^24, in six
  groups of four digits.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import Final

from meyasubako.crypto.age import HybridRecipient
from meyasubako.crypto.errors import BadKeyError
from meyasubako.crypto.signing import SigningKey, VerifyKey, sign_statement, verify_statement

PERSON_CONTEXT: Final = "meyasubako/person/v1"
LONGEST_NAME: Final = 100

_FINGERPRINT_DIGITS: Final = 24
# Controls, surrogates, line and paragraph separators, unassigned and private characters.
_BARE_CATEGORIES: Final = {"Cc", "Cs", "Cn", "Co", "Zl", "Zp"}
# What turns the direction of the text around it can make one line look like another.
_TURNING: Final = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@dataclass(frozen=True, slots=True)
class Person:
    """A name, an age recipient, an Ed25519 key, and the key's proof that they belong together.

    Raises `BadKeyError` for a name that is not printable, `BadSignatureError` for a proof that does not
    verify.
    """

    name: str
    recipient: HybridRecipient
    key: VerifyKey
    proof: str

    def __post_init__(self) -> None:
        check_name(self.name)
        verify_statement(PERSON_CONTEXT, (self.recipient.text, self.key.text), self.proof, self.key)

    def public_line(self) -> str:
        """The line to hand to whoever enrols the person; `parse_public_line` reads it."""
        return f"{self.name} {self.recipient.text} {self.key.text} {self.proof}"

    @property
    def fingerprint(self) -> str:
        """Six groups of four digits to read to each other before enrolling."""
        return fingerprint(self.recipient.text, self.key.key_id)


def parse_public_line(line: str) -> Person:
    """The person of one line, with or without a line break at its end.

    Raises `BadKeyError` if the line is malformed or a key unsafe, `BadSignatureError` if the proof does not
    verify.
    """
    parts = line.rstrip("\r\n").rsplit(" ", 3)
    if len(parts) != 4:
        raise BadKeyError("a person's line is a name, a recipient, a key and a proof")
    name, recipient, key, proof = parts
    return Person(name, HybridRecipient.parse(recipient), VerifyKey.parse(key), proof)


def prove(recipient: HybridRecipient, key: SigningKey) -> str:
    """The proof of possession that a `Person` carries."""
    return sign_statement(PERSON_CONTEXT, (recipient.text, key.verify_key.text), key)


def check_name(name: str) -> None:
    """Raise `BadKeyError` unless this is a name of 1 to 100 characters that shows what it is."""
    if not 1 <= len(name) <= LONGEST_NAME or name != name.strip():
        raise BadKeyError("a name has 1 to 100 characters and does not begin or end with a space")
    if any(
        unicodedata.category(character) in _BARE_CATEGORIES
        or unicodedata.bidirectional(character) in _TURNING
        for character in name
    ):
        raise BadKeyError("a name holds no line breaks, controls or marks that turn the text's direction")


def fingerprint(recipient: str, key_id: str) -> str:
    """The fingerprint of a person's recipient (``age1pq1…``) and key id.

    >>> fingerprint("age1pq1example", "Gn396v_u2sSJKH6Fvl6cBJov9kcPVc8wJg9VOVrBsVk")
    '0572 8345 5039 2930 9204 5099'
    """
    return digest_fingerprint(hashlib.sha256(f"{recipient}\n{key_id}\n".encode()).digest())


def digest_fingerprint(digest: bytes) -> str:
    r"""The same form of a SHA-256 digest, for example of a mechanism's founding leaf.

    >>> digest_fingerprint(bytes(31) + b"\x07")
    '0000 0000 0000 0000 0000 0007'
    """
    digits = f"{int.from_bytes(digest) % 10**_FINGERPRINT_DIGITS:0{_FINGERPRINT_DIGITS}}"
    return " ".join(digits[start : start + 4] for start in range(0, _FINGERPRINT_DIGITS, 4))
