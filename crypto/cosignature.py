r"""Timestamped signatures on checkpoints, by witnesses and by the log's own post-quantum key.

Rules upheld here (C2SP tlog-cosignature; decision 0023):

- The signature's bytes are the time, eight bytes of POSIX seconds, followed by the signature itself.
- Ed25519 (0x04) signs ``cosignature/v1``, a time line and the whole text. ML-DSA-44 (0x06, empty context)
  signs ``subtree/v1\n\0``, the cosigner's name, the time, the origin, the range of leaves and the root.
- It means: at that time, this was the largest consistent tree that the cosigner had seen of this log. Time 0
  states nothing.
"""

from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.errors import BadKeyError, BadNoteError, BadSignatureError
from meyasubako.crypto.note import (
    ED25519,
    NoteKey,
    NoteSignature,
    NoteSigner,
    NoteVerifier,
    Signer,
    Verifier,
    parse_private,
    private_text,
)
from meyasubako.crypto.signing import SEED_SIZE, SIGNATURE_SIZE, SigningKey, VerifyKey

ED25519_COSIGNATURE: Final = 0x04
ML_DSA_44: Final = 0x06
ML_DSA_PUBLIC_SIZE: Final = 1312
ML_DSA_SIGNATURE_SIZE: Final = 2420
MAX_TIME: Final = 2**63 - 1

_TIME_SIZE = 8
_SUBTREE_LABEL = b"subtree/v1\n\0"
_SIGNATURE_SIZES = {ED25519_COSIGNATURE: SIGNATURE_SIZE, ML_DSA_44: ML_DSA_SIGNATURE_SIZE}


def cosignature_message(text: str, time: int) -> bytes:
    r"""What an Ed25519 cosigner signs.

    >>> cosignature_message("log.example.org\n…\n", 1790000000).split(b"\n")[:2]
    [b'cosignature/v1', b'time 1790000000']
    """
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def subtree_message(cosigner: str, time: int, checkpoint: Checkpoint) -> bytes:
    """What an ML-DSA-44 cosigner of that name signs; `BadNoteError` if a name is longer than 255 bytes."""
    return b"".join(
        [
            _SUBTREE_LABEL,
            _short(cosigner),
            time.to_bytes(_TIME_SIZE, "big"),
            _short(checkpoint.origin),
            # A checkpoint is the subtree from the first leaf on.
            (0).to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        ]
    )


class CosignatureVerifier:
    """The timestamped types (0x04, 0x06) of `Verifier`."""

    __slots__ = ("_public", "key")

    def __init__(self, key: NoteKey) -> None:
        self.key: Final = key
        self._public: Final = _public_key(key)

    def verify(self, text: str, signature: bytes, /) -> int:
        """The time that the signature states; `BadNoteError` if it is wrong."""
        time, raw = int.from_bytes(signature[:_TIME_SIZE], "big"), signature[_TIME_SIZE:]
        if len(raw) != _SIGNATURE_SIZES[self.key.kind] or time > MAX_TIME:
            raise BadNoteError("a known key's signature on the checkpoint is malformed")
        try:
            if isinstance(self._public, VerifyKey):
                self._public.verify(cosignature_message(text, time), raw)
            else:
                message = subtree_message(self.key.name, time, Checkpoint.parse(text))
                self._public.verify(raw, message)
        except (BadSignatureError, InvalidSignature) as error:
            raise BadNoteError("a known key's signature on the checkpoint is wrong") from error
        return time


class Cosigner:
    """The timestamped types (0x04, 0x06) of `Signer`. Its repr shows the public half only.

    >>> Cosigner("witness.example.org/w", ED25519_COSIGNATURE, bytes(range(32, 64)))
    Cosigner(witness.example.org/w+8b632bea+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X)
    """

    __slots__ = ("_secret", "_seed", "key")

    def __init__(self, name: str, kind: int, seed: bytes) -> None:
        if len(seed) != SEED_SIZE:
            raise BadKeyError("a cosigner's seed is 32 bytes long")
        self._seed = seed
        self._secret: SigningKey | MLDSA44PrivateKey
        if kind == ED25519_COSIGNATURE:
            self._secret = SigningKey.from_seed(seed)
            public = self._secret.verify_key.raw
        elif kind == ML_DSA_44:
            self._secret = MLDSA44PrivateKey.from_seed_bytes(seed)
            public = self._secret.public_key().public_bytes_raw()
        else:
            raise BadKeyError("the key is not of a type that cosigns")
        self.key: Final = NoteKey(name, kind, public)

    @classmethod
    def ed25519(cls, name: str, seed: bytes) -> Self:
        """A witness that the whole witness network understands."""
        return cls(name, ED25519_COSIGNATURE, seed)

    @classmethod
    def ml_dsa(cls, name: str, seed: bytes) -> Self:
        """A post-quantum witness, or a log's own second key, named like its origin."""
        return cls(name, ML_DSA_44, seed)

    def sign(self, text: str, time: int, /) -> NoteSignature:
        """The cosignature on a checkpoint's text at a time in POSIX seconds; `BadNoteError` for others."""
        checkpoint = Checkpoint.parse(text)
        if not 0 <= time <= MAX_TIME:
            raise BadNoteError("a cosignature's time is out of range")
        if isinstance(self._secret, SigningKey):
            raw = self._secret.sign(cosignature_message(text, time))
        else:
            raw = self._secret.sign(subtree_message(self.key.name, time, checkpoint))
        return NoteSignature(self.key.name, self.key.key_id, time.to_bytes(_TIME_SIZE, "big") + raw)

    def reveal(self) -> str:
        """The private key, see `private_text`."""
        return private_text(self.key, self._seed)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.key.text})"


def verifier_of(key: NoteKey) -> Verifier:
    """The verifier for a key of any type that we know; `BadKeyError` for others and for unsafe keys."""
    return NoteVerifier(key) if key.kind == ED25519 else CosignatureVerifier(key)


def parse_verifier(text: str) -> Verifier:
    """The verifier for a verifier key's text (vkey)."""
    return verifier_of(NoteKey.parse(text))


def parse_signer(text: str) -> Signer:
    """The signer for a private key's text (`private_text`) of a type that we know; or `BadKeyError`."""
    name, key_id, kind, seed = parse_private(text)
    signer: NoteSigner | Cosigner = NoteSigner(name, seed) if kind == ED25519 else Cosigner(name, kind, seed)
    if signer.key.key_id != key_id:
        raise BadKeyError("the private note key's id is not that of its key")
    return signer


def _public_key(key: NoteKey) -> VerifyKey | MLDSA44PublicKey:
    if key.kind == ED25519_COSIGNATURE:
        return VerifyKey(key.public)
    if key.kind == ML_DSA_44 and len(key.public) == ML_DSA_PUBLIC_SIZE:
        return MLDSA44PublicKey.from_public_bytes(key.public)
    raise BadKeyError("the key is not of a type that cosigns")


def _short(name: str) -> bytes:
    data = name.encode()
    if not 1 <= len(data) <= 0xFF:
        raise BadNoteError("a cosigned name is at most 255 bytes long")
    return bytes([len(data)]) + data
