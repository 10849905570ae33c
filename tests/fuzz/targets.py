"""What is fuzzed: each target takes bytes of a stranger, and may end only in silence or in one of our named
errors.

Beyond not crashing, each checks what must hold of whatever was accepted: it has one spelling, and reading it
in pieces makes no difference.
"""

import io
from collections.abc import Callable
from functools import partial
from typing import Final

from meyasubako.crypto import bech32, keyfile
from meyasubako.crypto.age import (
    ArmorReader,
    HybridIdentity,
    ScryptIdentity,
    Unsealer,
    X25519Identity,
    armor,
    check_single_hybrid,
    dearmor,
    parse_identities,
    parse_recipients,
    unseal,
)
from meyasubako.crypto.age.blocks import read_header
from meyasubako.crypto.age.header import parse_header, write_header
from meyasubako.crypto.archive import ArchiveReader, pack, unpack
from meyasubako.crypto.errors import CryptoError
from meyasubako.crypto.merkle import leaf_hash
from meyasubako.crypto.person import parse_public_line
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import envelope, profiles
from meyasubako.domain.errors import BadEventError, BadProfileError

HYBRID: Final = HybridIdentity.from_seed(bytes(range(32)))
CLASSIC: Final = X25519Identity.from_seed(bytes(range(32)))
PHRASE: Final = ScryptIdentity("horse", max_work_factor=4)
_MAC_LINE: Final = 44


class InPieces:
    """A source that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._file = io.BytesIO(data)
        self._step = step

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, self._step))


def outcome(work: Callable[[], object]) -> object:
    """What came out, or the class of the named error; anything else is a finding."""
    try:
        return work()
    except CryptoError as error:
        return type(error)


def header(data: bytes) -> None:
    """The age header: whatever parses is written back the same, and reads the same from a stream."""
    whole = outcome(lambda: parse_header(data).covered)
    assert outcome(lambda: read_header(InPieces(data, 7))[0].covered) == whole
    if isinstance(whole, bytes):
        parsed = parse_header(data)
        assert read_header(InPieces(data, 7))[0] == parsed
        assert write_header(parsed.stanzas, bytes(16))[:-_MAC_LINE] == data[: parsed.size - _MAC_LINE]
    outcome(partial(check_single_hybrid, data))


def sealed(data: bytes) -> None:
    """A whole age file: opened whole or in pieces, it gives the same plaintext or the same error."""
    identities = (HYBRID, CLASSIC, PHRASE)
    whole = outcome(lambda: unseal(data, *identities))
    assert outcome(lambda: Unsealer(InPieces(data, 501), *identities).read()) == whole


def armored(data: bytes) -> None:
    """ASCII armor: whatever is read has one spelling, and reads the same in pieces."""

    def read_in_pieces() -> bytes:
        reader = ArmorReader(InPieces(data, 11))
        return b"".join(iter(lambda: reader.read(5), b""))

    whole = outcome(partial(dearmor, data))
    assert outcome(read_in_pieces) == whole
    if isinstance(whole, bytes):
        spelt = data.replace(b"\r\n", b"\n").strip(b" \t\r\n")
        assert armor(whole).strip() == spelt


def keys(data: bytes) -> None:
    """What stands in key files, identity files, recipients files and public lines."""
    text = data.decode("utf-8", "replace")
    outcome(partial(keyfile._parse, data))  # what stands inside, without the pass phrase's cost
    outcome(partial(parse_public_line, text))
    try:
        prefix, raw = bech32.decode(text)
    except CryptoError:
        pass
    else:
        assert bech32.encode(prefix, raw) == text
    for parse in (parse_identities, parse_recipients):
        try:
            found = parse(text)
        except CryptoError:
            continue
        assert found


def receipt(data: bytes) -> None:
    """A receipt as somebody types it: whatever is accepted is spelt back to the same receipt."""
    try:
        read = Receipt.parse(data.decode("utf-8", "replace"))
    except CryptoError:
        return
    assert Receipt.parse(read.digits()) == read
    assert Receipt.parse(read.words()) == read


def archive(data: bytes) -> None:
    """The padded tar of a stranger: what is accepted is what we would write, and reads the same in pieces."""

    def read_in_pieces() -> bytes:
        return b"".join(member.read() for _, _, member in ArchiveReader(InPieces(data, 511)))

    whole = outcome(lambda: b"".join(unpack(data).values()))
    assert outcome(read_in_pieces) == whole
    if isinstance(whole, bytes):
        members = unpack(data)
        assert any(
            outcome(lambda floor=floor: pack(list(members.items()), floor)) == data
            for floor in (4096, 16_384)
        )


def event(data: bytes) -> None:
    """An event: taken at one look or read field by field, it is the same event, or no event."""

    def read(how: Callable[[bytes], object]) -> object:
        try:
            return how(data)
        except BadEventError as error:
            return str(error)

    assert read(envelope.read) == read(lambda data: envelope.read_by_fields(data, leaf_hash(data)))


def profile(data: bytes) -> None:
    """A profile of a stranger: what it names outside is one line each, and is reached somehow."""
    try:
        found = profiles.parse(data.decode("utf-8", "replace"))
    except BadProfileError:
        return
    for body in found.outside:
        assert body.addresses
        assert all(len(text.splitlines()) == 1 for text in (body.name, body.english, *body.addresses))
    assert sum(len(bodies) for _, bodies in profiles.by_purpose([found])) <= len(found.outside)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "header": header,
    "sealed": sealed,
    "armored": armored,
    "keys": keys,
    "receipt": receipt,
    "archive": archive,
    "event": event,
    "profile": profile,
}
