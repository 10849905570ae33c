"""Other people's age implementations open what we seal, and we open theirs, at every edge of a chunk."""

import json
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest

from meyasubako.crypto.age import (
    HybridIdentity,
    Identity,
    Recipient,
    ScryptIdentity,
    ScryptRecipient,
    X25519Identity,
    armor,
    dearmor,
    seal,
    unseal,
)

PEER = Path(__file__).with_name("age_encryption.mjs")
NODE = Path(sys.executable).with_name("node")
SIZES = [0, 1, 65_535, 65_536, 65_537]
HYBRID = HybridIdentity.from_seed(bytes(range(32)))
CLASSIC = X25519Identity.from_seed(bytes(range(32)))
OTHER = HybridIdentity.from_seed(bytes(32))


def plaintext(size: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


def kinds() -> dict[str, tuple[list[Recipient], Identity, dict[str, object]]]:
    """Each kind of recipient: ours to seal with, ours to open with, and what the peer is told."""
    phrase = "horse"
    return {
        "hybrid": (
            [OTHER.recipient, HYBRID.recipient],
            HYBRID,
            {
                "recipients": [OTHER.recipient.text, HYBRID.recipient.text],
                "identities": [HYBRID.reveal()],
                "passphrase": "",
            },
        ),
        "x25519": (
            [CLASSIC.recipient],
            CLASSIC,
            {"recipients": [CLASSIC.recipient.text], "identities": [CLASSIC.reveal()], "passphrase": ""},
        ),
        "scrypt": (
            [ScryptRecipient(phrase, work_factor=4)],
            ScryptIdentity(phrase),
            {"recipients": [], "identities": [], "passphrase": phrase},
        ),
    }


def run_peer(jobs: list[dict[str, object]], folder: Path) -> None:
    path = folder / "jobs.json"
    path.write_text(json.dumps(jobs))
    subprocess.run([NODE, PEER, path], check=True, timeout=120)


@pytest.mark.parametrize("armored", [False, True])
def test_age_encryption_opens_ours_and_we_open_theirs(tmp_path: Path, *, armored: bool) -> None:
    jobs: list[dict[str, object]] = []
    for name, (recipients, _, told) in kinds().items():
        for size in SIZES:
            plain, ours, theirs, back = (
                tmp_path / f"{name}{size}{end}" for end in ("", ".ours", ".theirs", ".back")
            )
            plain.write_bytes(plaintext(size))
            sealed = seal(plaintext(size), *recipients)
            ours.write_bytes(armor(sealed) if armored else sealed)
            common = {**told, "armored": armored}
            jobs.append({**common, "op": "encrypt", "from": str(plain), "to": str(theirs)})
            jobs.append({**common, "op": "decrypt", "from": str(ours), "to": str(back)})
    run_peer(jobs, tmp_path)
    for name, (_, identity, _) in kinds().items():
        for size in SIZES:
            assert (tmp_path / f"{name}{size}.back").read_bytes() == plaintext(size), (name, size)
            theirs = (tmp_path / f"{name}{size}.theirs").read_bytes()
            # Their armor does not end its last line, which the format allows.
            assert unseal(dearmor(theirs) if armored else theirs, identity) == plaintext(size), (name, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("armored", [False, True])
def test_pyrage_opens_ours_and_we_open_theirs(size: int, *, armored: bool) -> None:
    identity = pyrage.x25519.Identity.from_str(CLASSIC.reveal())
    assert str(identity.to_public()) == CLASSIC.recipient.text
    sealed = seal(plaintext(size), CLASSIC.recipient)
    assert pyrage.decrypt(armor(sealed) if armored else sealed, [identity]) == plaintext(size)
    theirs = pyrage.encrypt(plaintext(size), [identity.to_public()], armored=armored)
    assert unseal(dearmor(theirs) if armored else theirs, CLASSIC) == plaintext(size)


def test_pyrage_opens_our_pass_phrases() -> None:
    sealed = seal(plaintext(70_000), ScryptRecipient("horse", work_factor=4))
    assert pyrage.passphrase.decrypt(sealed, "horse") == plaintext(70_000)
