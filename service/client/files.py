"""Files of a report or a message, sealed on their way out and opened on their way in, in constant memory.

- Each file is a payload of its own: a padded tar of `about.json` and one member `file` (formats, section 2).
- What is opened is written as it authenticates; a file that ends badly is removed again, and an existing file
  is never overwritten.
"""

import mimetypes
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from meyasubako.crypto import age, archive
from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.domain.acts import Request
from meyasubako.domain.envelope import Event
from meyasubako.domain.errors import BadDocumentError
from meyasubako.domain.opening import check_about
from meyasubako.domain.sealing import Binding, SealedFile
from meyasubako.service.errors import BadAnswerError

# Larger sealed payloads are uploaded before the event that names them; smaller ones come beside it.
SMALL: Final = 128 * 1024
_CHUNK: Final = 512 * 1024

Progress = Callable[[int], None]
# Is given sealed bytes in chunks, and how many there are in all.
Upload = Callable[[Iterable[bytes], int], None]


def no_progress(done: int) -> None:
    """Tell nobody."""
    del done


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this machine, under the name that it will carry."""

    path: Path
    name: str
    media_type: str
    size: int

    @classmethod
    def at(cls, path: Path) -> "LocalFile":
        """The file at a path; OSError where it cannot be read."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
        guessed, _ = mimetypes.guess_type(path.name)
        return cls(path, path.name, guessed or "application/octet-stream", size)


class Sealing:
    """A local file as the sealed bytes of its payload: iterate once, then `reference` says what was sealed.

    `size` is exact before the first byte is sealed. Raises OSError where the file cannot be read, or became
    shorter meanwhile.
    """

    def __init__(
        self, file: LocalFile, recipient: HybridRecipient, about: Binding, progress: Progress = no_progress
    ) -> None:
        self._file, self._recipient, self._progress = file, recipient, progress
        self._head, self._tail = archive.file_archive(about.document(), file.size)
        self._digest = sha256()
        plain = len(self._head) + file.size + len(self._tail)
        self.size = age.sealed_size(plain, age.HYBRID_HEADER_SIZE)

    def __iter__(self) -> Iterator[bytes]:
        out = _Collected()
        sealer = age.Sealer(out, self._recipient)
        sealer.write(self._head)
        with self._file.path.open("rb") as source:
            left = self._file.size
            while left:
                chunk = source.read(min(_CHUNK, left))
                if not chunk:
                    raise InterruptedError(f"{self._file.path} became shorter while it was read")
                left -= len(chunk)
                sealer.write(chunk)
                yield self._hashed(out.take())
                self._progress(len(chunk))
        for zeros in self._tail:
            sealer.write(zeros)
            yield self._hashed(out.take())
        sealer.finish()
        yield self._hashed(out.take())

    def _hashed(self, data: bytes) -> bytes:
        self._digest.update(data)
        return data

    @property
    def reference(self) -> SealedFile:
        """What events and files.json say of the file, once everything was iterated."""
        digest = self._digest.hexdigest()
        return SealedFile(digest, self.size, self._file.name, self._file.media_type, self._file.size)


class _Collected:
    """A sink that keeps what it is given until somebody takes it."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        self._held += data
        return len(data)

    def take(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        return held


def attach(
    request: Request,
    file: LocalFile,
    *,
    stream: str,
    kind: str,
    recipient: HybridRecipient,
    upload: Upload,
    progress: Progress = no_progress,
) -> SealedFile:
    """Seal a file for the event of this kind and stream that a request will hold; send it ahead if large.

    Raises OSError where the file cannot be read, and what `upload` raises.
    """
    sealing = Sealing(file, recipient, request.binding(stream, kind), progress)
    if sealing.size <= SMALL:
        data = b"".join(sealing)
        request.payloads[sealing.reference.digest] = data
    else:
        upload(sealing, sealing.size)
    return sealing.reference


def write_content(
    sealed: age.Source,
    event: Event,
    identity: HybridIdentity,
    out: BinaryIO,
    progress: Progress = no_progress,
) -> int:
    """Open a file's payload into `out`; gives its size in bytes.

    Raises CryptoError where it does not open, BadDocumentError where it was made for another event.
    """
    written = 0
    for name, _, member in archive.ArchiveReader(age.Unsealer(sealed, identity)):
        if name == "about.json":
            check_about(member.read(), event)
            continue
        if name != "file":
            raise BadDocumentError("the payload does not hold a file")
        while chunk := member.read(_CHUNK):
            out.write(chunk)
            written += len(chunk)
            progress(len(chunk))
    return written


def save(
    sealed: age.Source,
    digest: str,
    event: Event,
    identity: HybridIdentity,
    path: Path,
    progress: Progress = no_progress,
) -> int:
    """Open a file's payload as it arrives into a new file of the owner's; gives its size in bytes.

    Raises FileExistsError, BadAnswerError for other bytes than the event names, and what `write_content`
    raises; nothing is left behind then.
    """
    hashed = _HashedSource(sealed)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            size = write_content(hashed, event, identity, out, progress)
        hashed.compare(digest)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return size


def unsealed(path: Path, identity: HybridIdentity) -> Path:
    """Open a file that its sender had sealed, binary or armored, beside it; gives the new path.

    Raises what opening raises; nothing is left behind then.
    """
    with path.open("rb") as file:
        armored = age.is_armored(file.read(age.BEGINNING))
        file.seek(0)
        opening = age.Unsealer(age.ArmorReader(file) if armored else file, identity)
        inside = safe_name(path.name.removesuffix(".age"), path.parent)
        descriptor = os.open(inside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as out:
                opening.copy_to(out)
        except BaseException:
            inside.unlink(missing_ok=True)
            raise
    return inside


class _HashedSource:
    """A source that hashes what is read from it."""

    def __init__(self, source: age.Source) -> None:
        self._source = source
        self._digest = sha256()

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._digest.update(data)
        return data

    def compare(self, digest: str) -> None:
        if self._digest.hexdigest() != digest:
            raise BadAnswerError("the service sent another file than the event names")


def safe_name(name: str, folder: Path) -> Path:
    """A path in the folder for a name that a stranger chose: nothing of it leads elsewhere or hides
    itself.
    """
    kept = "".join(char if char.isalnum() or char in "-_. ()" else "_" for char in Path(name).name)
    kept = kept.lstrip(". ")[-120:] or "file"
    path = folder / kept
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{Path(kept).stem}-{number}{Path(kept).suffix}"
    return path
