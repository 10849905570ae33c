"""Every way in which `meyasubako.crypto` refuses, one sentence each.

Verification raises one of these and returns nothing. No message holds a secret, a plaintext or a receipt.
"""


class CryptoError(Exception):
    """The base of every refusal of this layer."""


class NotCanonicalError(CryptoError):
    """The bytes are not the one canonical JSON encoding of their value."""


class WrongKeyError(CryptoError):
    """No identity that was given opens this file."""


class DamagedHeaderError(CryptoError):
    """The age header is malformed, or its MAC does not fit."""


class HeaderMacError(DamagedHeaderError):
    """The header was opened with the right key, but its MAC does not fit: it was changed."""


class DamagedPayloadError(CryptoError):
    """A chunk of the age payload does not authenticate."""


class TruncatedError(DamagedPayloadError):
    """The sealed file ends before its last chunk."""


class TrailingDataError(DamagedPayloadError):
    """There is data after the sealed file's last chunk."""


class DamagedArmorError(CryptoError):
    """The ASCII armor is malformed."""


class UnsupportedError(CryptoError):
    """The file is well formed, but uses something that is not supported or not allowed here."""


class WorkFactorTooHighError(UnsupportedError):
    """Opening the file would cost more scrypt work than we do for a stranger."""


class BadKeyError(CryptoError):
    """A key, recipient or identity is malformed or unsafe."""


class BadKeyFileError(CryptoError):
    """The key file does not hold what a person's key file holds."""


class BadSignatureError(CryptoError):
    """A signature does not verify."""


class BadReceiptError(CryptoError):
    """The text is not a receipt; `group` tells which group (1-12) is impossible, or is None."""

    def __init__(self, message: str, group: int | None = None) -> None:
        super().__init__(message)
        self.group = group


class BadArchiveError(CryptoError):
    """The archive is outside the closed tar profile."""


class BadShareError(CryptoError):
    """The shares cannot be combined."""


class BadNoteError(CryptoError):
    """The signed note, checkpoint or verifier key is malformed, or a known key's signature is wrong."""


class QuorumError(BadNoteError):
    """Too few witnesses have cosigned the checkpoint."""


class BadPolicyError(CryptoError):
    """The trust policy is malformed."""


class BadProofError(CryptoError):
    """The inclusion or consistency proof does not lead to the root."""


class BadTileError(CryptoError):
    """The tile or entry bundle is malformed, or does not fit the tree."""


class DestroyedKeyError(CryptoError):
    """The key was destroyed, so that what it closed stays closed."""


class DamagedLayerError(DamagedPayloadError):
    """A piece of the layer that payloads have at rest does not authenticate."""
