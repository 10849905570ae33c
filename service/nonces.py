"""Which signed requests a door has taken already: none is taken a second time (RFC 9421, section 7.2.2).

Rules upheld here:

- All processes of a door share one table in memory, which their supervisor made: whichever of them a repeated
  request reaches knows it, also after another one died. It is no file on any disk, and nobody reads it.
- The table holds keyed hashes of key id and nonce, in four parts of five minutes each. A part is emptied when
  no signature of its minutes is good any more, within a minute of that, whether anybody comes or not: of who
  signed something, or when, nothing is left.
- A part that is full refuses and forgets nothing.
- What was signed before the table was made may have been taken by whoever served the mechanism before. Where
  `created` does not show that it was not, the nonce has to: by a beginning that was drawn with the table.

The kernel lets go of a dead process's lock, and an entry that it was at is no other request's.
"""

import fcntl
import hashlib
import mmap
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from meyasubako.service.errors import (
    NoncesFullError,
    RepeatedRequestError,
    UnknownPrefixError,
)

if TYPE_CHECKING:
    from meyasubako.service.signatures import SignedRequest

# Whoever serves last may still be at a request that began before this table was made.
OVERLAP: Final = timedelta(minutes=1)
# As long as a signature is good, before and after the moment that it names.
PERIOD: Final = 300
# Signatures of three periods are good at once: of this one, the last one and the next.
_PARTS: Final = 4
TAG: Final = 16
BUCKET: Final = 64
# Half a million requests in five minutes; memory is taken when it is written to.
BUCKETS: Final = 8192

_FREE: Final = bytes(TAG)
_PREFIX: Final = slice(0, 16)
_SINCE: Final = slice(16, 24)
_KEY: Final = slice(24, 56)
_PERIODS: Final = 56
_HEAD: Final = mmap.PAGESIZE


class Nonces:
    """The table of one door, in this process; for all of its threads."""

    def __init__(self, descriptor: int) -> None:
        """`descriptor` is that of a table which `begin` made, here or in a parent of this process."""
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, 0)
        self._turn = threading.Lock()
        self._size = (len(self._memory) - _HEAD) // _PARTS
        self._key = self._memory[_KEY]
        self.prefix = self._memory[_PREFIX].decode("ascii")
        self._trusted = int.from_bytes(self._memory[_SINCE]) + PERIOD + int(OVERLAP.total_seconds())

    @classmethod
    def begin(cls, now: datetime, buckets: int = BUCKETS) -> Self:
        """A new table, for a door that opens now. It lasts as long as a process holds its descriptor."""
        part = -(-buckets * BUCKET * TAG // mmap.PAGESIZE) * mmap.PAGESIZE
        descriptor = os.memfd_create("nonces")
        os.ftruncate(descriptor, _HEAD + _PARTS * part)
        with mmap.mmap(descriptor, 0) as memory:
            memory[_PREFIX] = secrets.token_urlsafe(12).encode("ascii")
            memory[_SINCE] = int(now.timestamp()).to_bytes(8)
            memory[_KEY] = secrets.token_bytes(32)
        return cls(descriptor)

    def take(self, signed: "SignedRequest") -> None:
        """Take a request whose signature verified, and whose time is right.

        Raises `RepeatedRequestError` for one that was taken, `UnknownPrefixError` for one that may have been
        before this table was made, and `NoncesFullError` where no more can be remembered.
        """
        created = int(signed.created.timestamp())
        if created <= self._trusted and not signed.nonce.startswith(self.prefix):
            raise UnknownPrefixError(self.prefix)
        text = f"{signed.key_id}\n{signed.nonce}".encode()
        tag = hashlib.blake2b(text, digest_size=TAG, key=self._key).digest()
        with self._locked():
            self._put(self._part(created // PERIOD), tag)

    def forget(self, now: datetime) -> None:
        """Empty the parts of which no signature is good any more, unless another process is at the table."""
        current = int(now.timestamp()) // PERIOD
        try:
            with self._locked(fcntl.LOCK_NB):
                for number in range(_PARTS):
                    if self._period(number) and abs(self._period(number) - current) > 1:
                        self._empty(number, 0)
        except BlockingIOError:
            return

    def _put(self, start: int, tag: bytes) -> None:
        buckets = self._size // (BUCKET * TAG)
        start += int.from_bytes(tag[:8]) % buckets * BUCKET * TAG
        for place in range(start, start + BUCKET * TAG, TAG):
            held = self._memory[place : place + TAG]
            if held == tag:
                raise RepeatedRequestError("this very request was taken before: sign it anew to repeat it")
            if held == _FREE:
                self._memory[place : place + TAG] = tag
                return
        raise NoncesFullError("too many signed requests came in the last minutes: please try again")

    def _part(self, period: int) -> int:
        """Where the part of a period begins; it is emptied for it where it held an earlier one."""
        number = period % _PARTS
        held = self._period(number)
        if held > period:
            # The clock was set back, or this request waited for minutes.
            raise NoncesFullError("the service's clock has changed: please try again in a minute")
        if held < period:
            self._empty(number, period)
        return _HEAD + number * self._size

    def _period(self, number: int) -> int:
        return int.from_bytes(self._memory[_PERIODS + 8 * number : _PERIODS + 8 * (number + 1)])

    def _empty(self, number: int, period: int) -> None:
        # Named last: a part whose emptying broke off is emptied again.
        self._memory.madvise(mmap.MADV_REMOVE, _HEAD + number * self._size, self._size)
        self._memory[_PERIODS + 8 * number : _PERIODS + 8 * (number + 1)] = period.to_bytes(8)

    @contextmanager
    def _locked(self, how: int = 0) -> Iterator[None]:
        with self._turn:
            fcntl.lockf(self.descriptor, fcntl.LOCK_EX | how)
            try:
                yield
            finally:
                fcntl.lockf(self.descriptor, fcntl.LOCK_UN)
