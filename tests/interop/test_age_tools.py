"""Debian's age, pyrage and npm's age-encryption read and write what our commands do, also at 100 MB.

These fail, rather than skip, where a tool is absent: `make test-interop` installs or names what is missing.
"""

import hashlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyrage
import pytest

from meyasubako.crypto.age import HybridIdentity, ScryptIdentity, X25519Identity, unseal

BIN = Path(sys.executable).parent
MEYASUBAKO = BIN / "meyasubako"
PEER = Path(__file__).parents[1] / "unit/crypto/age/age_encryption.mjs"
# age-encryption holds a file and its armor in memory many times over: 6 GB for 100 MB.
ROOM = "--max-old-space-size=8192"
SIZES = [0, 1, 65_535, 65_536, 65_537, 100_000_000]
CLASSIC = X25519Identity.from_seed(bytes(range(32)))
HYBRID = HybridIdentity.from_seed(bytes(range(32)))


def run(*command: str | Path) -> None:
    subprocess.run(list(map(str, command)), check=True, timeout=300, stdin=subprocess.DEVNULL)


def age_opens(back: Path, open_it: Callable[[], None]) -> None:
    """Let Debian's age write `back`, which it makes at the first byte: of an empty file there is none."""
    back.unlink(missing_ok=True)
    open_it()
    back.touch()


def typing(phrase: str, *command: str | Path) -> None:
    """Run a command that asks for a pass phrase at its terminal."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(str(command[0]), list(map(str, command)))  # noqa: S606  # no shell is wanted
    try:
        while part := os.read(terminal, 4096):
            if b":" in part:
                os.write(terminal, phrase.encode() + b"\n")
    except OSError:
        pass  # the terminal is gone with the child: its end
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("age")
    (made / "classic.txt").write_text(f"{CLASSIC.reveal()}\n")
    (made / "hybrid.txt").write_text(f"{HYBRID.reveal()}\n")
    (made / "phrase").write_text("horse\n")
    yield made
    for path in made.iterdir():
        path.unlink()


@pytest.fixture(scope="module", params=SIZES)
def plain(request: pytest.FixtureRequest, folder: Path) -> Path:
    path = folder / f"plain{request.param}"
    with path.open("wb") as file:
        for start in range(0, request.param, 1_000_000):
            file.write(os.urandom(min(1_000_000, request.param - start)))
    return path


@pytest.mark.parametrize("flags", [(), ("-a",)])
def test_debian_s_age_opens_ours_and_we_open_theirs(
    folder: Path, plain: Path, flags: tuple[str, ...]
) -> None:
    sealed, back, key = folder / "sealed", folder / "back", folder / "classic.txt"
    run(MEYASUBAKO, "seal", *flags, "-r", CLASSIC.recipient.text, "-o", sealed, plain)
    age_opens(back, lambda: run("age", "-d", "-i", key, "-o", back, sealed))
    assert digest(back) == digest(plain)
    run("age", *flags, "-r", CLASSIC.recipient.text, "-o", sealed, plain)
    run(MEYASUBAKO, "open", "-i", key, "-o", back, sealed)
    assert digest(back) == digest(plain)


@pytest.mark.parametrize("flags", [(), ("-a",)])
def test_debian_s_age_and_we_share_pass_phrases(folder: Path, plain: Path, flags: tuple[str, ...]) -> None:
    sealed, back, phrase = folder / "sealed", folder / "back", folder / "phrase"
    run(MEYASUBAKO, "seal", *flags, "-p", "--passphrase-file", phrase, "-o", sealed, plain)
    age_opens(back, lambda: typing("horse", "age", "-d", "-o", back, sealed))
    assert digest(back) == digest(plain)
    sealed.unlink()
    typing("horse", "age", *flags, "-p", "-o", sealed, plain)
    run(MEYASUBAKO, "open", "--passphrase-file", phrase, "-o", back, sealed)
    assert digest(back) == digest(plain)


def test_an_identity_file_sealed_by_debian_s_age_opens_here(folder: Path) -> None:
    sealed, plain, back, key = (folder / name for name in ("for-us", "text", "text-back", "sealed-key"))
    plain.write_text("a word")
    typing("horse", "age", "-p", "-a", "-o", key, folder / "hybrid.txt")
    run(MEYASUBAKO, "seal", "-r", HYBRID.recipient.text, "-o", sealed, plain)
    run(MEYASUBAKO, "open", "-i", key, "--passphrase-file", folder / "phrase", "-o", back, sealed)
    assert back.read_text() == "a word"


def test_pyrage_opens_ours_and_we_open_theirs(folder: Path, plain: Path) -> None:
    sealed, back, key = folder / "sealed", folder / "back", folder / "classic.txt"
    identity = pyrage.x25519.Identity.from_str(CLASSIC.reveal())
    run(MEYASUBAKO, "seal", "-r", CLASSIC.recipient.text, "-o", sealed, plain)
    assert pyrage.decrypt(sealed.read_bytes(), [identity]) == plain.read_bytes()
    sealed.write_bytes(pyrage.encrypt(plain.read_bytes(), [identity.to_public()]))
    run(MEYASUBAKO, "open", "-i", key, "-o", back, sealed)
    assert digest(back) == digest(plain)


def test_a_pass_phrase_of_pyrage_opens_here() -> None:
    # It chooses its own work factor, so this costs seconds.
    assert unseal(pyrage.passphrase.encrypt(b"a word", "horse"), ScryptIdentity("horse")) == b"a word"


@pytest.mark.parametrize("flags", [(), ("-a",)])
@pytest.mark.parametrize("kind", ["classic", "hybrid"])
def test_age_encryption_opens_ours_and_we_open_theirs(
    folder: Path, plain: Path, kind: str, flags: tuple[str, ...]
) -> None:
    identity = CLASSIC if kind == "classic" else HYBRID
    ours, theirs, back, jobs = (folder / name for name in ("ours", "theirs", "back", "jobs.json"))
    run(MEYASUBAKO, "seal", *flags, "-r", identity.recipient.text, "-o", ours, plain)
    common = {
        "recipients": [identity.recipient.text],
        "identities": [identity.reveal()],
        "passphrase": "",
        "armored": bool(flags),
    }
    work = [
        {**common, "op": "encrypt", "from": str(plain), "to": str(theirs)},
        {**common, "op": "decrypt", "from": str(ours), "to": str(back)},
    ]
    jobs.write_text(json.dumps(work))
    run(BIN / "node", ROOM, PEER, jobs)
    assert digest(back) == digest(plain)
    run(MEYASUBAKO, "open", "-i", folder / f"{kind}.txt", "-o", back, theirs)
    assert digest(back) == digest(plain)
