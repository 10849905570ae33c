"""What is inside sealed payloads: padded tars whose `about.json` binds them to the event that names them.

- A payload's plaintext is a tar, so `age -d … | tar xi` is all that anybody needs.
- `about.json` says log, stream, author, kind and, where a person needs it, the exact time; `opening` refuses
  a payload whose about.json and event disagree.
- A wrap's plaintext is exactly the room's identity and a newline.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from meyasubako.crypto import age, archive, canonical
from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.shares import Share

# Bytes of a sealed text: whoever reads a room opens its texts in memory, the reporter's site for many people
# at once. A text of 200,000 characters fits, in any script and with what stands beside it.
TEXT_LIMIT = 2 * 1024 * 1024
# Bytes of identity.json: 4 KiB without its header, about.json with its own, and the end of the tar.
_IDENTITY_DOCUMENT = archive.IDENTITY_SIZE - 5 * 512
# A file that its sender had sealed before: age's own media type.
SEALED_TYPE = "application/age-encryption"


@dataclass(frozen=True, slots=True)
class Sealed:
    """Sealed bytes under their digest."""

    digest: str
    data: bytes

    @property
    def reference(self) -> dict[str, JsonValue]:
        """The payload reference that an event carries."""
        return {"sha256": self.digest, "size": len(self.data)}


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A file's payload that is stored already: its sealed digest and size, and what only files.json tells."""

    digest: str
    sealed_size: int
    name: str
    media_type: str
    size: int

    @property
    def reference(self) -> dict[str, JsonValue]:
        """The payload reference that an event carries."""
        return {"sha256": self.digest, "size": self.sealed_size}


@dataclass(frozen=True, slots=True)
class Binding:
    """Which event will name the payload: what about.json says."""

    log: str
    stream: str
    author: str
    kind: str
    time: datetime | None = None

    def document(self) -> bytes:
        """about.json, canonical."""
        fields: dict[str, JsonValue] = {
            "author": self.author,
            "kind": self.kind,
            "log": self.log,
            "stream": self.stream,
            "v": 1,
        }
        if self.time is not None:
            fields["time"] = self.time.strftime("%Y-%m-%dT%H:%M:%SZ")
        return canonical.encode_document(fields)


def sealed(data: bytes) -> Sealed:
    """Give sealed bytes their name."""
    return Sealed(sha256(data).hexdigest(), data)


def wrap(room: HybridIdentity, reader: HybridRecipient) -> Sealed:
    """A room's identity sealed to one reader, WRAP_SIZE bytes."""
    return sealed(age.seal(f"{room.reveal()}\n".encode(), reader))


def files_document(files: Sequence[SealedFile]) -> bytes:
    """files.json: digest of each file's payload, original name, media type, plaintext size in bytes."""
    rows: list[JsonValue] = [
        {"digest": file.digest, "name": file.name, "size": file.size, "type": file.media_type}
        for file in files
    ]
    return canonical.encode_document({"files": rows, "v": 1})


def seal_report(
    recipient: HybridRecipient,
    about: Binding,
    document: Mapping[str, JsonValue],
    text: str,
    files: Sequence[SealedFile],
) -> Sealed:
    """A report or an addition: about.json, report.json, report.txt, files.json."""
    members = [
        ("about.json", about.document()),
        ("report.json", canonical.encode_document(dict(document))),
        ("report.txt", text.encode()),
        ("files.json", files_document(files)),
    ]
    return sealed(age.seal(archive.pack(members, archive.REPORT_FLOOR), recipient))


def identity_fits(text: str) -> bool:
    """Whether what somebody tells of themselves fits into its one size, with what stands beside it."""
    return len(canonical.encode_document({"text": text, "v": 1})) <= _IDENTITY_DOCUMENT


def seal_identity(recipient: HybridRecipient, about: Binding, document: Mapping[str, JsonValue]) -> Sealed:
    """What somebody tells of themselves: about.json and identity.json, in exactly one size.

    BadArchiveError where it does not fit.
    """
    members = [
        ("about.json", about.document()),
        ("identity.json", canonical.encode_document(dict(document))),
    ]
    return sealed(age.seal(archive.pack(members, archive.IDENTITY_SIZE), recipient))


def seal_share(share: Share, holder: HybridRecipient) -> Sealed:
    """One share of an epoch's seed, 33 bytes, sealed to its holder or to whom it is released."""
    return sealed(age.seal(share.encode(), holder))


def seal_message(
    recipient: HybridRecipient,
    about: Binding,
    document: Mapping[str, JsonValue],
    files: Sequence[SealedFile],
) -> Sealed:
    """A message, and every other text: about.json, message.json, files.json."""
    members = [
        ("about.json", about.document()),
        ("message.json", canonical.encode_document(dict(document))),
        ("files.json", files_document(files)),
    ]
    return sealed(age.seal(archive.pack(members, archive.MESSAGE_FLOOR), recipient))
