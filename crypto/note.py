"""Signed notes: text with signature lines by named keys.

Rules upheld here (C2SP signed-note; decision 0022):

- A note is UTF-8 without control characters but newlines; the text and its signatures are parted by the last
  empty line. A signature line is ``— <key name> base64(key id ‖ signature)``, spelled in one way.
- A key id is the first four bytes of SHA-256(name ‖ newline ‖ type ‖ public key). Verifier keys and private
  keys are read only if the id that stands in them is theirs.
- Signatures of unknown keys are ignored, even if they share a name or an id with a known one. A known key's
  wrong signature refuses the whole note, and so does a note without any known key's.
- 100 signatures and one mebibyte at most: a bound, far above the sixteen that every reader must accept.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self

from meyasubako.crypto.canonical import decode_base64, encode_base64
from meyasubako.crypto.errors import BadKeyError, BadNoteError, BadSignatureError, NotCanonicalError
from meyasubako.crypto.signing import SEED_SIZE, SigningKey, VerifyKey

ED25519: Final = 0x01
MAX_SIGNATURES: Final = 100
MAX_NOTE: Final = 2**20

_KEY_ID_SIZE = 4
_PRIVATE = "PRIVATE+KEY+"
_find_control = re.compile(r"[\x00-\x09\x0b-\x1f]").search


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A named public key of some signature type, as verifier keys (vkeys) spell it."""

    name: str
    kind: int
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if not 0 <= self.kind <= 0xFF:
            raise BadNoteError("a signature type is one byte")

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before this key's signatures."""
        head = self.name.encode() + b"\n" + bytes([self.kind])
        return hashlib.sha256(head + self.public).digest()[:_KEY_ID_SIZE]

    @property
    def text(self) -> str:
        """The verifier key: name, id in hex and base64 of type and key, parted by plus signs."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key whose `text` is exactly this; `BadNoteError` for anything else.

        >>> key = NoteKey.parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
        >>> key.name, key.kind, key.key_id.hex()
        ('example.com/foo', 1, '530d903a')
        """
        name, key_id, kind, public = _split_key(text)
        key = cls(name, kind, public)
        if key.key_id.hex() != key_id:
            raise BadNoteError("the verifier key's id is not that of its key")
        return key


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: who signed, by name and key id, and the bytes of the signature."""

    name: str
    key_id: bytes
    data: bytes

    @property
    def line(self) -> str:
        """The line, with its newline."""
        return f"— {self.name} {encode_base64(self.key_id + self.data)}\n"

    @classmethod
    def parse(cls, line: str) -> Self:
        """The signature whose `line` is exactly this; `BadNoteError` for anything else."""
        dash, name, encoded, *rest = [*line.removesuffix("\n").split(" "), "", ""]
        if dash != "—" or any(rest) or not line.endswith("\n"):
            raise BadNoteError("the line is not a signature line")
        _check_name(name)
        data = _decode(encoded)
        signature = cls(name, data[:_KEY_ID_SIZE], data[_KEY_ID_SIZE:])
        if not signature.data or signature.line != line:
            raise BadNoteError("the line is not a signature line")
        return signature


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures, none of them verified yet."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def encode(self) -> bytes:
        """The note's bytes."""
        return f"{self.text}\n{''.join(each.line for each in self.signatures)}".encode()

    def with_signatures(self, more: Iterable[NoteSignature]) -> Self:
        """The note with further signature lines at its end; lines that it has already are left out."""
        added = dict.fromkeys(each for each in more if each not in self.signatures)
        return type(self)(self.text, (*self.signatures, *added))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The note whose `encode` is exactly `data`; `BadNoteError` for anything else."""
        if len(data) > MAX_NOTE:
            raise BadNoteError("the note is longer than we read")
        try:
            whole = data.decode()
        except UnicodeDecodeError as error:
            raise BadNoteError("the note is not UTF-8") from error
        if _find_control(whole):
            raise BadNoteError("the note holds control characters")
        end = whole.rfind("\n\n")
        lines = whole[end + 2 :].split("\n")
        if end < 0 or lines.pop() or not lines:
            raise BadNoteError("the note has no signatures, or does not end in a newline")
        if len(lines) > MAX_SIGNATURES:
            raise BadNoteError("the note has more signatures than we read")
        return cls(whole[: end + 1], tuple(NoteSignature.parse(f"{line}\n") for line in lines))


class Verifier(Protocol):
    """A known key that can verify its signatures on a text."""

    @property
    def key(self) -> NoteKey:
        """The public key."""

    def verify(self, text: str, signature: bytes, /) -> int:
        """When it was signed, in POSIX seconds, or 0 if it does not say; `BadNoteError` if it is wrong."""


class Signer(Protocol):
    """A private key that signs texts."""

    @property
    def key(self) -> NoteKey:
        """The public key."""

    def sign(self, text: str, time: int, /) -> NoteSignature:
        """The signature at a time in POSIX seconds, which not every type of signature says."""


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note of which at least one signature has been verified."""

    note: Note
    # The known keys that signed, with the newest time that each of them states.
    signed: dict[NoteKey, int]


def sign_note(text: str, signers: Sequence[Signer], time: int = 0) -> bytes:
    """The note with a text and everybody's signature on it; the text ends in a newline."""
    if not text.endswith("\n") or _find_control(text):
        raise BadNoteError("a note's text ends in a newline, and holds no other control characters")
    return Note(text, tuple(signer.sign(text, time) for signer in signers)).encode()


def open_note(data: bytes, verifiers: Iterable[Verifier]) -> OpenedNote:
    """The note, if a known key signed it and no known key's signature is wrong; or `BadNoteError`."""
    note = Note.parse(data)
    known = {(each.key.name, each.key.key_id): each for each in verifiers}
    signed: dict[NoteKey, int] = {}
    for signature in note.signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is not None:
            time = verifier.verify(note.text, signature.data)
            signed[verifier.key] = max(time, signed.get(verifier.key, 0))
    if not signed:
        raise BadNoteError("none of the known keys signed the note")
    return OpenedNote(note, signed)


class NoteVerifier:
    """The plain Ed25519 type (0x01) of `Verifier`: a signature over the text, without a time."""

    __slots__ = ("_ed25519", "key")

    def __init__(self, key: NoteKey) -> None:
        if key.kind != ED25519:
            raise BadKeyError("the key is not a plain Ed25519 note key")
        self.key: Final = key
        self._ed25519 = VerifyKey(key.public)

    def verify(self, text: str, signature: bytes, /) -> int:
        """Raise `BadNoteError` unless the signature is right; it says no time, so the answer is 0."""
        try:
            self._ed25519.verify(text.encode(), signature)
        except BadSignatureError as error:
            raise BadNoteError("a known key's signature on the note is wrong") from error
        return 0


class NoteSigner:
    """The plain Ed25519 type (0x01) of `Signer`. Its repr shows the public half only."""

    __slots__ = ("_ed25519", "key")

    def __init__(self, name: str, seed: bytes) -> None:
        self._ed25519 = SigningKey.from_seed(seed)
        self.key: Final = NoteKey(name, ED25519, self._ed25519.verify_key.raw)

    def sign(self, text: str, _time: int = 0, /) -> NoteSignature:
        """The signature over the text; the time is not stated."""
        return NoteSignature(self.key.name, self.key.key_id, self._ed25519.sign(text.encode()))

    def reveal(self) -> str:
        """The private key as Go's tools write it, see `private_text`."""
        return private_text(self.key, self._ed25519.reveal_seed())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.key.text})"


def private_text(key: NoteKey, seed: bytes) -> str:
    """``PRIVATE+KEY+<name>+<id in hex>+<base64 of type and seed>``, the form that Go's note tools read."""
    return f"{_PRIVATE}{key.name}+{key.key_id.hex()}+{encode_base64(bytes([key.kind]) + seed)}"


def parse_private(text: str) -> tuple[str, bytes, int, bytes]:
    """The name, key id, type and seed out of `private_text`; whether they fit is the caller's to check."""
    if not text.startswith(_PRIVATE):
        raise BadKeyError("the text is not a private note key")
    try:
        name, key_id, kind, seed = _split_key(text.removeprefix(_PRIVATE))
    except BadNoteError:
        # Without the cause: it is about a secret's text.
        raise BadKeyError("the text is not a private note key") from None
    if len(seed) != SEED_SIZE:
        raise BadKeyError("the private note key's seed is not 32 bytes long")
    return name, bytes.fromhex(key_id), kind, seed


def _split_key(text: str) -> tuple[str, str, int, bytes]:
    # Names hold no plus sign, base64 may.
    name, key_id, encoded = [*text.split("+", 2), "", ""][:3]
    _check_name(name)
    if len(key_id) != 2 * _KEY_ID_SIZE or not set(key_id) <= set("0123456789abcdef"):
        raise BadNoteError("a key id is eight lower-case hexadecimal digits")
    data = _decode(encoded)
    if not data[1:]:
        raise BadNoteError("the text is not a verifier key")
    return name, key_id, data[0], data[1:]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise BadNoteError("a key name is not empty, and has no spaces, plus signs or control characters")


def _decode(text: str) -> bytes:
    try:
        return decode_base64(text)
    except NotCanonicalError as error:
        raise BadNoteError("a note's key or signature is not base64") from error
