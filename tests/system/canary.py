"""Looking for what must not be anywhere: every secret in every spelling that something could leave it in."""

import base64
import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.receipt import Receipt

# So many bytes in a row are no accident in files of some megabytes.
TELLING = 12
LANGUAGES = ("english", "japanese")


@dataclass(frozen=True)
class Needle:
    """Something that must not be found, in one spelling; `what` may stand in a failure's message."""

    what: str
    spelling: str
    data: bytes


def found_in(places: Iterable[tuple[str, bytes]], needles: Iterable[Needle]) -> list[str]:
    """Which needles lie where."""
    looked_for = list(needles)
    assert all(len(needle.data) >= TELLING for needle in looked_for)
    return [
        f"{needle.what} ({needle.spelling}) in {name}"
        for name, data in places
        for needle in looked_for
        if needle.data in data
    ]


# Spellings


def of_bytes(what: str, data: bytes) -> Iterator[Needle]:
    """Bytes as they are, in hex, and in both base64 alphabets wherever they begin within a longer piece."""
    yield Needle(what, "raw", data)
    yield Needle(what, "hex", data.hex().encode())
    yield Needle(what, "upper-case hex", data.hex().upper().encode())
    for shift in range(3):
        # Only the characters that depend on nothing before or after the bytes.
        core = base64.b64encode(bytes(shift) + data)[(shift * 8 + 5) // 6 : (shift + len(data)) * 8 // 6]
        yield Needle(what, f"base64 at {shift}", core)
        yield Needle(what, f"base64url at {shift}", core.translate(bytes.maketrans(b"+/", b"-_")))


def of_text(what: str, text: str) -> Iterator[Needle]:
    """Each line of a text, as programs write text."""
    for line in text.splitlines():
        if len(line.encode()) >= TELLING:
            yield from of_bytes(what, line.encode())
            yield Needle(what, "UTF-16", line.encode("utf-16-le"))
            yield Needle(what, "JSON", json.dumps(line)[1:-1].encode())
            yield Needle(what, "in a URL", quote(line).encode())


def of_file(what: str, content: bytes) -> Iterator[Needle]:
    """Some pieces of a file: its beginning, its end, and odd places between."""
    for start in (0, 1_021, len(content) // 3 + 7, len(content) // 2 + 1, len(content) - 48):
        yield from of_bytes(f"{what} at {start}", content[start : start + 48])


def of_receipt(what: str, receipt: Receipt, origin: str) -> Iterator[Needle]:
    """A receipt in digits and words, in parts too, and everything that comes from it."""
    groups = receipt.digits().split()
    for start in range(0, 12, 3):
        for between in ("", " ", "-", "  ", "\n", "+", "%20"):
            spelt = between.join(groups[start : start + 3])
            yield Needle(what, f"digits with {between!r}", spelt.encode())
    for language in LANGUAGES:
        words = receipt.words(language).split()
        for start in range(0, 12, 4):
            for between in ("", " ", "+", "%20", "\u3000"):
                spelt = between.join(words[start : start + 4])
                yield Needle(what, f"{language} words", spelt.encode())
    yield from of_bytes(what, receipt._secret())
    yield from of_identity(f"age key of {what}", receipt.identity(origin))
    yield from of_bytes(f"signing key of {what}", receipt.signing_key(origin).reveal_seed())


def of_identity(what: str, identity: HybridIdentity) -> Iterator[Needle]:
    """An age identity as its text and as its seed."""
    yield Needle(what, "bech32", identity.reveal().encode())
    yield Needle(what, "lower-case bech32", identity.reveal().lower().encode())
    yield from of_bytes(what, identity.reveal_seed())


def of_person(what: str, pair: KeyPair) -> Iterator[Needle]:
    """A person's two secret keys."""
    yield from of_identity(f"age key of {what}", pair.identity)
    yield from of_bytes(f"signing key of {what}", pair.signing.reveal_seed())


# Places


def files_below(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, byte by byte, whatever it is; and its name."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            yield f"the name of {path}", os.fsencode(path.name)
            if path.is_file() and not path.is_symlink():
                yield str(path), path.read_bytes()


def held_by(pids: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """What others could read of a process without its memory: command line, environment, open files.

    Open files are read even where their names are gone already.
    """
    for pid in pids:
        process = Path(f"/proc/{pid}")
        for name in ("cmdline", "environ"):
            yield f"{name} of {pid}", (process / name).read_bytes()
        for descriptor in (process / "fd").iterdir():
            target = str(descriptor.readlink())
            if target.startswith("/") and not target.startswith(("/dev/", "/proc/")):
                yield f"{target}, opened by {pid}", _read(descriptor)


def _read(descriptor: Path) -> bytes:
    """What was ever written to an open file: holes, which some are made of nearly whole, hold nothing."""
    with descriptor.open("rb") as file:
        end, place, parts = file.seek(0, os.SEEK_END), 0, list[bytes]()
        while place < end:
            try:
                begin = os.lseek(file.fileno(), place, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                break  # nothing but a hole is left
            place = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
            parts.append(os.pread(file.fileno(), place - begin, begin))
        return b"".join(parts)


def open_to_others(folder: Path) -> list[str]:
    """Files and folders that another account could read, write or enter."""
    return [str(path) for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077]


def printed(outputs: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """What was printed, by name."""
    for name, text in outputs.items():
        yield name, text.encode()
