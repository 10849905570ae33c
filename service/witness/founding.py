"""How a witness's directory is made."""

from pathlib import Path

from meyasubako.service.witness import keys
from meyasubako.service.witness.errors import WitnessExistsError
from meyasubako.service.witness.memory import Memory


def found(directory: Path, name: str) -> tuple[str, ...]:
    """Make a witness of that name in a new or empty directory; gives its verifier keys, Ed25519 first.

    Raises `WitnessExistsError` if something is there, `WitnessNameError`.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise WitnessExistsError(f"{directory} is not empty, and is left as it is")
    signers = keys.create(directory, name)
    Memory.create(directory).close()
    return tuple(signer.key.text for signer in signers)
