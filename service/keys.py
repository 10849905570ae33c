"""The server's own keys: what it signs the log, its promises and the clock's events with.

Rules upheld here:

- Four files in `keys/`: `log.ed25519` and `log.mldsa44` sign checkpoints and nothing else, `promise` signs
  promises (its key name is the origin with `/promise`), `service` signs the clock's events. None of them
  opens anything.
- The folder is 0700 and the files are 0600; keys that others could have read are refused, not repaired.
- Log and promise keys are written as Go's note tools write private keys, so that stock tools can use them.
"""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeVar

from meyasubako.crypto.canonical import decode_base64, encode_base64
from meyasubako.crypto.cosignature import ML_DSA_44, Cosigner, parse_signer, verifier_of
from meyasubako.crypto.errors import CryptoError
from meyasubako.crypto.note import ED25519, NoteSigner, Signer, Verifier
from meyasubako.crypto.signing import SEED_SIZE, SigningKey
from meyasubako.service.errors import KeysError

FOLDER: Final = "keys"
LOG_ED25519: Final = "log.ed25519"
LOG_MLDSA44: Final = "log.mldsa44"
PROMISE: Final = "promise"
SERVICE: Final = "service"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The keys in a mechanism's directory; `log` holds the Ed25519 key first and the ML-DSA-44 key beside
    it.
    """

    log: tuple[Signer, ...]
    promise: Signer
    service: SigningKey

    @property
    def log_verifiers(self) -> tuple[Verifier, ...]:
        """What verifies this log's checkpoints."""
        return tuple(verifier_of(signer.key) for signer in self.log)

    @classmethod
    def create(cls, directory: Path, origin: str) -> Self:
        """Draw fresh keys for an origin and write them; `KeysError` if the directory has keys already."""
        folder = directory / FOLDER
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            raise KeysError(f"{folder} exists already") from None
        service = SigningKey.generate()
        texts = {
            LOG_ED25519: NoteSigner(origin, secrets.token_bytes(SEED_SIZE)).reveal(),
            LOG_MLDSA44: Cosigner.ml_dsa(origin, secrets.token_bytes(SEED_SIZE)).reveal(),
            PROMISE: NoteSigner(f"{origin}/promise", secrets.token_bytes(SEED_SIZE)).reveal(),
            SERVICE: encode_base64(service.reveal_seed()),
        }
        for name, text in texts.items():
            _write(folder / name, text)
        _sync_folder(folder)
        return cls.load(directory)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The keys of a directory; `KeysError` names the file that is missing, damaged or open to others."""
        folder = directory / FOLDER
        _refuse_open(folder)
        log = (
            _read(folder / LOG_ED25519, lambda text: _note_signer(text, ED25519)),
            _read(folder / LOG_MLDSA44, lambda text: _note_signer(text, ML_DSA_44)),
        )
        promise = _read(folder / PROMISE, lambda text: _note_signer(text, ED25519))
        service = _read(folder / SERVICE, lambda text: SigningKey.from_seed(decode_base64(text, SEED_SIZE)))
        if len({signer.key.name for signer in log}) != 1 or promise.key.name != f"{log[0].key.name}/promise":
            raise KeysError(f"the keys in {folder} belong to different logs")
        return cls(log, promise, service)


def _note_signer(text: str, kind: int) -> Signer:
    signer = parse_signer(text)
    if signer.key.kind != kind:
        raise KeysError("the key is of another type")
    return signer


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, parse: Callable[[str], T]) -> T:
    _refuse_open(path)
    try:
        return parse(path.read_text(encoding="utf-8").removesuffix("\n"))
    except (OSError, UnicodeDecodeError, CryptoError, KeysError):
        # Without the cause: it may quote what was read.
        raise KeysError(f"{path} does not hold the key that it should") from None


def _refuse_open(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        raise KeysError(f"{path} is missing or cannot be read") from None
    if mode & 0o077:
        raise KeysError(f"{path} is open to others: after finding out who could read it, chmod go= {path}")
