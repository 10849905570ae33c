"""A large payload under its layer as a file of sealed bytes: any range, in constant memory.

Rules upheld here:

- Nothing is given out before its piece authenticates; a piece is read at once, and kept until another is.
- The size that an event names decides where the file ends: one that was cut or made longer is not opened.
"""

import io
from typing import TYPE_CHECKING, BinaryIO

from meyasubako.crypto.errors import DamagedLayerError
from meyasubako.crypto.layer import LAYERED_PIECE, PIECE, layered_size, open_piece

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def opened(file: BinaryIO, key: bytes, size: int) -> BinaryIO:
    """The sealed bytes of a payload of a known size, seekable; closing it closes the file.

    Raises `DamagedLayerError`, here and when it is read, for anything that is not what was written.
    """
    if file.seek(0, io.SEEK_END) != layered_size(size):
        file.close()
        raise DamagedLayerError("what lies under the layer has another size")
    return io.BufferedReader(_Unlayered(file, key, size), PIECE)


class _Unlayered(io.RawIOBase):
    def __init__(self, file: BinaryIO, key: bytes, size: int) -> None:
        self._file, self._key, self._size = file, key, size
        self._at = 0
        self._number, self._piece = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("a place before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        if self._at >= self._size:
            return 0
        view = memoryview(buffer).cast("B")
        number, offset = divmod(self._at, PIECE)
        if number != self._number:
            self._file.seek(number * LAYERED_PIECE)
            self._piece = open_piece(self._key, number, self._file.read(LAYERED_PIECE))
            self._number = number
        part = self._piece[offset : offset + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        self._file.close()
        super().close()
