"""Every way in which the store refuses, one sentence each.

Streams are uuids and digests are SHA-256 of sealed bytes: both may stand in a message, contents never do.
"""

import errno
import sqlite3
from typing import Final

# A quota or a size limit shows as a failed write, a full disk as "full".
_FULL_CODES: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
_FULL_ERRNOS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class StoreError(Exception):
    """The base of every refusal of the store."""


class SeqConflictError(StoreError):
    """The stream has moved: another event stands at this place, or the one before it is missing.

    `head_seq` and `head_leaf` (hex, empty for a stream without events) are what the next event builds on.
    """

    def __init__(self, stream: str, head_seq: int, head_leaf: str) -> None:
        super().__init__(f"stream {stream} is at {head_seq}")
        self.stream, self.head_seq, self.head_leaf = stream, head_seq, head_leaf


class StaleReadError(StoreError):
    """A stream that the decision was built on has moved meanwhile: decide again on the same events."""

    def __init__(self, streams: tuple[str, ...]) -> None:
        super().__init__(f"moved since they were read: {', '.join(streams)}")
        self.streams = streams


class DigestTakenError(StoreError):
    """Another event has named this payload as its own; a digest is owned once, ever."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"payload {digest} belongs to another event")
        self.digest = digest


class MissingPayloadError(StoreError):
    """A payload is not in the vault: it never came, or it is gone."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"payload {digest} is not in the vault")
        self.digest = digest


class PayloadMismatchError(StoreError):
    """A payload's bytes do not have the digest or the size by which an event names them."""


class UnknownUploadError(StoreError):
    """No upload of this name is arriving."""


class UnknownRowError(StoreError):
    """The log has no event at this index."""


class UploadBusyError(StoreError):
    """Another request is writing to this upload."""


class StoreFullError(StoreError):
    """The disk is full: nothing was stored, and nothing that was stored is lost."""


class StorageError(StoreError):
    """The disk or the database refused: what was asked is not acknowledged, and may be asked again."""


class DamagedStoreError(StoreError):
    """What is stored contradicts itself: the events do not give the tree that was written beside them."""


class RolledBackError(StoreError):
    """The stored tree is smaller than, or does not extend, the last published checkpoint."""


class NewerVersionError(StoreError):
    """The store was written by a newer release than this one."""


class OlderVersionError(StoreError):
    """The store was written by a release from before the first one, whose stores are not read any more."""


class ErasureKeyError(StoreError):
    """The key of the layer under which a payload lies is missing or damaged: `name` is its file's."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"the erasure key {name} {what}")
        self.name = name


class MissingErasureKeyError(ErasureKeyError):
    """The key was destroyed, or never came along: what lies under it cannot be opened by anybody."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "is not there")


class DamagedErasureKeyError(ErasureKeyError):
    """The key's file does not hold what was written into it."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "is damaged")


class ErasedScopeError(StoreError):
    """What this belongs to was erased: no payload is taken for it any more."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"{scope} was erased")
        self.scope = scope


class NotAStoreError(StoreError):
    """The directory does not hold an event store."""


class StoreExistsError(StoreError):
    """The directory holds an event store already."""


class ReadOnlyStoreError(StoreError):
    """The store was opened for reading only."""


class StoreClosedError(StoreError):
    """The store is closed, or was opened in another process, before a fork."""


def translated(error: Exception) -> Exception:
    """The store's own error for what SQLite or the operating system said; any other error as it is."""
    named: StoreError
    if isinstance(error, sqlite3.Error):
        full = getattr(error, "sqlite_errorcode", None) in _FULL_CODES
        named = StorageError(f"the database refused: {error}")
    elif isinstance(error, OSError):
        full = error.errno in _FULL_ERRNOS
        named = StorageError(f"the disk refused: {error.strerror}")
    else:
        return error
    if full:
        named = StoreFullError("the disk is full: nothing of this was stored")
    named.__cause__ = error
    return named
