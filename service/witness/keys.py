"""The witness's own keys: one of each type, under one name.

Rules upheld here (C2SP tlog-cosignature):

- Ed25519 (0x04) for the whole witness network, ML-DSA-44 (0x06) beside it. Each has its own seed: a key never
  serves two types or two names.
- They are drawn when the witness's directory is made, in a 0700 folder and 0600 files. Keys that others could
  have read are refused, not repaired.
"""

import os
import re
import secrets
from pathlib import Path
from typing import Final

from meyasubako.crypto.cosignature import ED25519_COSIGNATURE, ML_DSA_44, Cosigner, parse_signer
from meyasubako.crypto.errors import CryptoError
from meyasubako.crypto.note import Signer
from meyasubako.crypto.signing import SEED_SIZE
from meyasubako.service.errors import KeysError
from meyasubako.service.store.locks import sync_directory
from meyasubako.service.witness.errors import WitnessNameError

FOLDER: Final = "keys"
FILES: Final = (("witness.ed25519", ED25519_COSIGNATURE), ("witness.mldsa44", ML_DSA_44))

_is_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/~-]{0,199}").fullmatch


def create(directory: Path, name: str) -> tuple[Signer, ...]:
    """Draw and write fresh keys for a name; `WitnessNameError`, or `KeysError` if there are keys already."""
    if not _is_name(name):
        raise WitnessNameError("a witness's name is 1 to 200 letters, digits and . _ : / ~ - without spaces")
    folder = directory / FOLDER
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise KeysError(f"{folder} exists already") from None
    for file, kind in FILES:
        descriptor = os.open(folder / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as target:
            target.write(Cosigner(name, kind, secrets.token_bytes(SEED_SIZE)).reveal() + "\n")
            target.flush()
            os.fsync(target.fileno())
    sync_directory(folder)
    return load(directory)


def load(directory: Path) -> tuple[Signer, ...]:
    """The keys, Ed25519 first; `KeysError` names the file that is missing, damaged or open to others."""
    folder = directory / FOLDER
    _refuse_open(folder)
    signers = tuple(_read(folder / file, kind) for file, kind in FILES)
    if len({signer.key.name for signer in signers}) != 1:
        raise KeysError(f"the keys in {folder} belong to different witnesses")
    return signers


def _read(path: Path, kind: int) -> Signer:
    _refuse_open(path)
    try:
        signer = parse_signer(path.read_text(encoding="utf-8").removesuffix("\n"))
    except (OSError, UnicodeDecodeError, CryptoError):
        # Without the cause: it may quote what was read.
        raise KeysError(f"{path} does not hold the key that it should") from None
    if signer.key.kind != kind:
        raise KeysError(f"{path} holds a key of another type")
    return signer


def _refuse_open(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        raise KeysError(f"{path} is missing or cannot be read") from None
    if mode & 0o077:
        raise KeysError(f"{path} is open to others: after finding out who could read it, chmod go= {path}")
