"""The server's own keys: what it signs the log, its promises and the clock's events with.

Rules upheld here:

- Four files in `keys/`: `log.ed25519` and `log.mldsa44` sign checkpoints and nothing else, `promise` signs
  promises (its key name is the origin with `/promise`), `service` signs the clock's events. None of them
  opens anything.
- The folder is 0700 and the files are 0600; keys that others could have read are refused, not repaired.
- Log and promise keys are written as Go's note tools write private keys, so that stock tools can use them.
- A key is replaced by an event of two people: its successor waits in `keys/next/` until the log names it.
"""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Self, TypeVar

from meyasubako.crypto.canonical import decode_base64, encode_base64
from meyasubako.crypto.cosignature import ML_DSA_44, Cosigner, parse_signer, verifier_of
from meyasubako.crypto.errors import CryptoError
from meyasubako.crypto.note import ED25519, NoteSigner, Signer, Verifier
from meyasubako.crypto.signing import SEED_SIZE, SigningKey
from meyasubako.service.errors import KeysError

FOLDER: Final = "keys"
NEXT: Final = "next"
LOG_ED25519: Final = "log.ed25519"
LOG_MLDSA44: Final = "log.mldsa44"
PROMISE: Final = "promise"
SERVICE: Final = "service"

FILES: Final = {"log": (LOG_ED25519, LOG_MLDSA44), "promise": (PROMISE,), "service": (SERVICE,)}

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

    @property
    def public(self) -> "PublicKeys":
        """The public halves, as the log names them."""
        log = tuple(signer.key.text for signer in self.log)
        return PublicKeys(log, self.promise.key.text, self.service.verify_key.text)

    @classmethod
    def create(cls, directory: Path, origin: str) -> Self:
        """Draw fresh keys for an origin and write them; `KeysError` if the directory has keys already."""
        folder = directory / FOLDER
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            raise KeysError(f"{folder} exists already") from None
        for name in (name for names in FILES.values() for name in names):
            _write(folder / name, _drawn(name, origin))
        _sync_folder(folder)
        return cls.load(directory)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The keys of a directory; `KeysError` names the file that is missing, damaged or open to others."""
        folder = directory / FOLDER
        refuse_open(folder)
        keys = cls(_read_log(folder), _read_note(folder / PROMISE, ED25519), _read_seed(folder / SERVICE))
        name = keys.log[0].key.name
        if keys.log[1].key.name != name or keys.promise.key.name != f"{name}/promise":
            raise KeysError(f"the keys in {folder} belong to different logs")
        return keys

    @classmethod
    def fitting(cls, directory: Path, wanted: "PublicKeys") -> Self:
        """The keys that the log names now, each from `keys/` or, once it was replaced, from `keys/next/`.

        `KeysError` where the directory does not have them: whoever cannot sign as the log says does not sign.
        """
        if len(wanted.log) != len(FILES["log"]):
            raise KeysError("the log names other kinds of keys than this release signs with")
        folder = directory / FOLDER
        refuse_open(folder)
        ed25519, ml_dsa = (
            _fitting(folder, name, partial(_read_note, kind=kind), text, _note_text)
            for name, kind, text in zip(FILES["log"], (ED25519, ML_DSA_44), wanted.log, strict=True)
        )
        promise = _fitting(folder, PROMISE, partial(_read_note, kind=ED25519), wanted.promise, _note_text)
        service = _fitting(folder, SERVICE, _read_seed, wanted.service, lambda key: key.verify_key.text)
        return cls((ed25519, ml_dsa), promise, service)

    def adopt(self, directory: Path) -> None:
        """Let the keys that the log names stand in `keys/` alone; their predecessors are destroyed."""
        folder, waiting = directory / FOLDER, directory / FOLDER / NEXT
        if not waiting.is_dir():
            return
        mine = {*self.public.log, self.public.promise, self.public.service}
        for name in (name for names in FILES.values() for name in names):
            if _waiting_text(waiting, name) in mine:
                (waiting / name).replace(folder / name)
        _sync_folder(folder)


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The server's public keys as the mechanism's stream names them."""

    log: tuple[str, ...]
    promise: str
    service: str


def draw_next(directory: Path, origin: str, of: str) -> tuple[str, ...]:
    """Draw the successor of the `log`, `promise` or `service` key; gives its public texts for the event.

    It waits in `keys/next/` and signs nothing until two people have put it into the log. One that was drawn
    before is thrown away: the caller has seen that the log does not name it.
    """
    folder = directory / FOLDER / NEXT
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in FILES[of]:
        (folder / name).unlink(missing_ok=True)
        _write(folder / name, _drawn(name, origin))
    _sync_folder(folder)
    return tuple(_waiting_text(folder, name) for name in FILES[of])


def _waiting_text(folder: Path, name: str) -> str:
    """The public text of the key that waits under this name, empty where none does."""
    try:
        if name == SERVICE:
            return _read_seed(folder / name).verify_key.text
        return _note_text(_read_note(folder / name, ML_DSA_44 if name == LOG_MLDSA44 else ED25519))
    except KeysError:
        return ""


def _fitting(folder: Path, name: str, read: Callable[[Path], T], wanted: str, text: Callable[[T], str]) -> T:
    # The waiting one first: whoever takes it over meanwhile moves it to the place that is looked at next.
    for path in (folder / NEXT / name, folder / name):
        with suppress(KeysError):
            key = read(path)
            if text(key) == wanted:
                return key
    raise KeysError(f"the key {name} in {folder} is not the one that the log names")


def _drawn(name: str, origin: str) -> str:
    seed = secrets.token_bytes(SEED_SIZE)
    if name == LOG_ED25519:
        return NoteSigner(origin, seed).reveal()
    if name == LOG_MLDSA44:
        return Cosigner.ml_dsa(origin, seed).reveal()
    if name == PROMISE:
        return NoteSigner(f"{origin}/promise", seed).reveal()
    return encode_base64(seed)


def _read_log(folder: Path) -> tuple[Signer, ...]:
    return (_read_note(folder / LOG_ED25519, ED25519), _read_note(folder / LOG_MLDSA44, ML_DSA_44))


def _read_note(path: Path, kind: int) -> Signer:
    return _read(path, lambda text: _note_signer(text, kind))


def _note_text(signer: Signer) -> str:
    return signer.key.text


def _read_seed(path: Path) -> SigningKey:
    return _read(path, lambda text: SigningKey.from_seed(decode_base64(text, SEED_SIZE)))


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
    refuse_open(path)
    try:
        return parse(path.read_text(encoding="utf-8").removesuffix("\n"))
    except (OSError, UnicodeDecodeError, CryptoError, KeysError):
        # Without the cause: it may quote what was read.
        raise KeysError(f"{path} does not hold the key that it should") from None


def refuse_open(path: Path) -> None:
    """Refuse what others may read; `KeysError`."""
    try:
        mode = path.stat().st_mode
    except OSError:
        raise KeysError(f"{path} is missing or cannot be read") from None
    if mode & 0o077:
        raise KeysError(f"{path} is open to others: after finding out who could read it, chmod go= {path}")
