"""The erasure keys, under which every payload lies at rest, and which are destroyed to erase it.

Rules upheld here:

- They lie in `erasure/` (0700, files 0600) beside the database and never in it, one file each: `scope-…` the
  tree of keys for the small payloads of a case, `object-…` the key of a large one, `upload-…` of one that is
  arriving. A copy of the database, its write-ahead log or the objects holds none of them.
- A key is durable, file and name, before the commit or the first byte that needs it.
- Destroying is overwriting, removing, and making that durable; a tree from which keys are taken is written
  anew in one step, and the former bytes are overwritten. Both may be repeated after a crash anywhere.
- Any number of processes read at any time; what changes a file takes the lock first. Whoever only reads
  writes nothing, not even the lock.
- Modification times show a day, never a moment; access times show nothing (`quiet`). Names are made of
  digests and ids alone.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Final

from meyasubako.crypto.errors import BadKeyError, DestroyedKeyError
from meyasubako.crypto.keytree import KeyTree
from meyasubako.service.store.errors import (
    DamagedErasureKeyError,
    MissingErasureKeyError,
    StoreError,
    translated,
)
from meyasubako.service.store.locks import FileLock, sync_directory
from meyasubako.service.store.quiet import read_quietly

FOLDER: Final = "erasure"
_LOCK: Final = "erasure.lock"
_NAME: Final = re.compile(r"scope-[0-9a-zA-Z-]{1,64}|object-[0-9a-f]{64}|upload-[0-9a-f]{32}")
_FRESH: Final = ".new"
# Objects and uploads have one key, the leaf of a name that means just that.
_WHOLE: Final = b"object"
_DAY: Final = 24 * 60 * 60
# How many trees are remembered; what was destroyed meanwhile is noticed by its file.
_MOST: Final = 1024
_Signature = tuple[int, int, int]


class ErasureKeys:
    """The keys in a store's directory; every method may be called by any thread."""

    def __init__(self, directory: Path) -> None:
        self.folder = directory / FOLDER
        self._lock = FileLock(directory / _LOCK)
        self._gate = Lock()
        self._known: dict[str, tuple[_Signature, KeyTree]] = {}

    def create(self) -> None:
        """Make the folder, for this account only."""
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def close(self) -> None:
        """Let go of the lock's file and of what is remembered."""
        self._lock.close()
        with self._gate:
            self._known.clear()

    # Small payloads: a tree of keys for each scope.

    def small(self, scope: str, digest: str) -> bytes:
        """The key of a small payload; `MissingErasureKeyError`, also where it alone was destroyed."""
        try:
            return self._tree(_scope(scope)).key(bytes.fromhex(digest))
        except DestroyedKeyError:
            raise MissingErasureKeyError(_scope(scope)) from None

    def draw(self, scope: str, used: Callable[[], bool]) -> KeyTree:
        """A scope's tree, drawn if it has none yet, durable.

        Raises `MissingErasureKeyError` where payloads lie under one (`used`) that is not there any more.
        """
        name = _scope(scope)
        found = self._remembered(name)
        if found is not None:
            return found
        path = self.folder / name
        try:
            with self._lock:
                if not path.exists() or path.stat().st_size == 0:
                    if used():
                        raise MissingErasureKeyError(name)
                    tree = KeyTree.generate()
                    _write(path, tree.encode())
                    self._remember(name, _signature(path), tree)
            _sync(path)
            sync_directory(self.folder)
        except OSError as error:
            raise translated(error) from error
        return self._tree(name)

    def remove(self, scope: str, *digests: str) -> None:
        """Destroy the keys of single small payloads of a scope."""
        path = self.folder / _scope(scope)
        with self._lock:
            try:
                tree = _read(path)
            except (MissingErasureKeyError, DamagedErasureKeyError):
                # Nothing opens with it as it is; if a copy of it comes back, `serve` looks again.
                return
            left = tree.without(*map(bytes.fromhex, digests))
            if left.nodes != tree.nodes:
                _replace(path, left.encode())

    # Large payloads: a key for each.

    def begin(self, upload: str) -> bytes:
        """Draw the key of an upload, durable."""
        path = self.folder / _upload(upload)
        try:
            _write(path, KeyTree.generate().encode())
            _sync(path)
            sync_directory(self.folder)
        except OSError as error:
            raise translated(error) from error
        return self.arriving(upload)

    def arriving(self, upload: str) -> bytes:
        """The key of an upload; `MissingErasureKeyError`."""
        return _read(self.folder / _upload(upload)).key(_WHOLE)

    def large(self, digest: str) -> bytes:
        """The key of an object; `MissingErasureKeyError`."""
        return _read(self.folder / _object(digest)).key(_WHOLE)

    def has_large(self, digest: str) -> bool:
        """Whether an object's key is there."""
        return (self.folder / _object(digest)).exists()

    def move(self, upload: Path, target: Path) -> bool:
        """Hand an upload's key on to its object, and the object to its place, while nobody else does so.

        Gives False, and moves nothing, where the same object has come already, with its key.
        """
        with self._lock:
            if target.exists():
                if self.has_large(target.name):
                    return False
                target.unlink()
            (self.folder / _upload(upload.name)).rename(self.folder / _object(target.name))
            sync_directory(self.folder)
            upload.rename(target)
            sync_directory(target.parent)
        return True

    # Destroying.

    def destroy_scope(self, scope: str) -> None:
        """Destroy the keys of all small payloads of a scope."""
        self._destroy(_scope(scope))

    def destroy_large(self, *digests: str) -> None:
        """Destroy the keys of objects."""
        self._destroy(*map(_object, digests))

    def destroy_upload(self, upload: str) -> None:
        """Destroy the key of an upload that is given up."""
        self._destroy(_upload(upload))

    def _destroy(self, *names: str) -> None:
        try:
            with self._lock:
                for name in names:
                    shred(self.folder / f"{name}{_FRESH}")
                    shred(self.folder / name)
                    with self._gate:
                        self._known.pop(name, None)
                sync_directory(self.folder)
        except OSError as error:
            raise translated(error) from error

    # What an audit and a backup ask.

    def opens(self, scope: str, digest: str) -> bool:
        """Whether a key is left that would open a payload, wherever a copy of it may lie."""
        if self.has_large(digest):
            return True
        try:
            self.small(scope, digest)
        except StoreError:
            return False
        return True

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of every key of a scope or an object; what is destroyed meanwhile is left out."""
        for name in sorted(entry.name for entry in os.scandir(self.folder)):
            if _NAME.fullmatch(name) is None or name.startswith("upload-"):
                continue
            try:
                data = read_quietly(self.folder / name)
            except FileNotFoundError:
                continue
            yield name, data

    def put_back(self, name: str, data: bytes) -> None:
        """Write a key out of a backup; `DamagedErasureKeyError` for what is none."""
        if _NAME.fullmatch(name) is None:
            raise DamagedErasureKeyError(name[:80])
        _parsed(name, data)
        _write(self.folder / name, data)

    def uploads(self, before: float) -> list[str]:
        """The uploads whose keys were drawn on an earlier day than this moment's."""
        found = (entry for entry in os.scandir(self.folder) if entry.name.startswith("upload-"))
        return [entry.name.removeprefix("upload-") for entry in found if entry.stat().st_mtime < before]

    def scopes(self) -> frozenset[str]:
        """The scopes that have a tree of keys."""
        names = (entry.name for entry in os.scandir(self.folder))
        return frozenset(
            name.removeprefix("scope-")
            for name in names
            if name.startswith("scope-") and not name.endswith(_FRESH)
        )

    def _tree(self, name: str) -> KeyTree:
        found = self._remembered(name)
        if found is not None:
            return found
        path = self.folder / name
        signature = _signature(path)
        tree = _read(path)
        # Where it was replaced between the two looks, the next one reads it again.
        self._remember(name, signature, tree)
        return tree

    def _remember(self, name: str, signature: _Signature | None, tree: KeyTree) -> None:
        with self._gate:
            if len(self._known) >= _MOST:
                self._known.clear()
            if signature is not None:
                self._known[name] = (signature, tree)

    def _remembered(self, name: str) -> KeyTree | None:
        with self._gate:
            known = self._known.get(name)
        if known is None or _signature(self.folder / name) != known[0]:
            return None
        return known[1]


def _named(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise MissingErasureKeyError(name[:80])
    return name


def _scope(scope: str) -> str:
    return _named(f"scope-{scope}")


def _object(digest: str) -> str:
    return _named(f"object-{digest}")


def _upload(upload: str) -> str:
    return _named(f"upload-{upload}")


def _signature(path: Path) -> _Signature | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns, status.st_size


def _read(path: Path) -> KeyTree:
    try:
        data = read_quietly(path)
    except FileNotFoundError:
        raise MissingErasureKeyError(path.name) from None
    except OSError as error:
        raise translated(error) from error
    return _parsed(path.name, data)


def _parsed(name: str, data: bytes) -> KeyTree:
    try:
        return KeyTree.decode(data)
    except BadKeyError:
        raise DamagedErasureKeyError(name) from None


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        day = int(os.fstat(file.fileno()).st_mtime) // _DAY * _DAY
        os.utime(file.fileno(), (day, day))


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(f"{path.name}{_FRESH}")
    try:
        _write(fresh, data)
        _sync(fresh)
        put_in_place(fresh, path)
    except OSError as error:
        raise translated(error) from error


def put_in_place(fresh: Path, path: Path) -> None:
    """Give a file its name, durably; the bytes of one that had it before are overwritten."""
    try:
        former = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        former = None
    try:
        fresh.rename(path)
        sync_directory(path.parent)
        if former is not None:
            _overwrite(former)
    finally:
        if former is not None:
            os.close(former)


def shred(path: Path) -> None:
    """Overwrite a file, and remove it; one that is not there is none the worse."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        _overwrite(descriptor)
    finally:
        os.close(descriptor)
    path.unlink(missing_ok=True)


def _overwrite(descriptor: int) -> None:
    left, at = os.fstat(descriptor).st_size, 0
    while left > at:
        at += os.pwrite(descriptor, bytes(min(left - at, 1 << 20)), at)
    os.fsync(descriptor)
