"""Opening sealed payloads, and refusing those that do not say what the event that names them says."""

from collections.abc import Sequence
from dataclasses import dataclass

from meyasubako.crypto import age, archive, canonical
from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.errors import BadArchiveError, CryptoError, NotCanonicalError
from meyasubako.crypto.shares import Share, combine
from meyasubako.domain.envelope import Event
from meyasubako.domain.errors import BadDocumentError, WrongShareError
from meyasubako.domain.sealing import SealedFile


@dataclass(frozen=True, slots=True)
class Document:
    """An opened text: its JSON, its exact time where given, and the files that came with it."""

    fields: dict[str, JsonValue]
    text: str
    time: str
    files: tuple[SealedFile, ...]


def unwrap(sealed: bytes, reader: HybridIdentity, room_recipient: str) -> HybridIdentity:
    """The room's identity from a wrap; BadDocumentError where it is not that of the room's recipient."""
    plain = age.unseal(sealed, reader)
    try:
        identity = HybridIdentity.parse(plain.decode("ascii").removesuffix("\n"))
    except (UnicodeDecodeError, CryptoError) as error:
        raise BadDocumentError("the wrap does not hold a room's key") from error
    if not plain.endswith(b"\n") or identity.recipient.text != room_recipient:
        raise BadDocumentError("the wrap holds a key that is not this room's: do not trust what it opens")
    return identity


def open_share(sealed: bytes, holder: HybridIdentity, promised: str | None = None) -> Share:
    """A share as its holder opens it; `promised` is the SHA-256 of its 33 bytes, as the room's event says.

    Raises WrongShareError.
    """
    try:
        share = Share.decode(age.unseal(sealed, holder))
    except CryptoError as error:
        raise WrongShareError("the share does not open, or is none") from error
    if promised is not None and share.digest() != promised:
        raise WrongShareError("the share is not the one that its room promised")
    return share


def rebuild(shares: Sequence[Share], recipient: str) -> HybridIdentity:
    """The key of the epoch with this recipient out of enough of its shares; WrongShareError otherwise."""
    try:
        identity = HybridIdentity.from_seed(combine(shares))
    except CryptoError as error:
        raise WrongShareError("these shares cannot be combined") from error
    if identity.recipient.text != recipient:
        raise WrongShareError("these shares do not lead to the room's key: too few, or one is wrong")
    return identity


def open_identity(event: Event, sealed: bytes, identity: HybridIdentity) -> dict[str, JsonValue]:
    """What a reporter told of themselves, as `event` names it; CryptoError or BadDocumentError otherwise."""
    try:
        members = archive.unpack(age.unseal(sealed, identity))
        check_about(members["about.json"], event)
        return canonical.decode_document(members["identity.json"])
    except (KeyError, NotCanonicalError, BadArchiveError) as error:
        raise BadDocumentError("the payload does not hold the documents that it should") from error


def check_about(data: bytes, event: Event, kind: str | None = None) -> dict[str, JsonValue]:
    """Refuse an about.json that speaks of another event than the one that names the payload."""
    try:
        about = canonical.decode_document(data)
    except NotCanonicalError as error:
        raise BadDocumentError("about.json is malformed") from error
    expected = {"log": event.log, "stream": event.stream, "author": event.by, "kind": kind or event.kind}
    if any(about.get(name) != value for name, value in expected.items()):
        raise BadDocumentError("the payload was made for another event than the one that names it")
    return about


def open_document(event: Event, sealed: bytes, identity: HybridIdentity) -> Document:
    """Open the report, message or note that an event names; CryptoError or BadDocumentError otherwise."""
    try:
        members = archive.unpack(age.unseal(sealed, identity))
        main = "report.json" if "report.json" in members else "message.json"
        about = check_about(members["about.json"], event)
        fields = canonical.decode_document(members[main])
        files = _files(members["files.json"], event)
    except (KeyError, NotCanonicalError, BadArchiveError) as error:
        raise BadDocumentError("the payload does not hold the documents that it should") from error
    text = (
        members["report.txt"].decode(errors="replace")
        if "report.txt" in members
        else str(fields.get("text", ""))
    )
    return Document(fields, text, str(about.get("time", "")), files)


def _files(data: bytes, event: Event) -> tuple[SealedFile, ...]:
    listed = canonical.decode_document(data).get("files")
    named = {payload.digest: payload for payload in event.payloads() if payload.use == "files"}
    files = []
    for row in listed if isinstance(listed, list) else []:
        if not isinstance(row, dict) or str(row.get("digest")) not in named:
            raise BadDocumentError("files.json lists a file that the event does not name")
        payload = named[str(row["digest"])]
        size = row.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= payload.size:
            raise BadDocumentError("files.json tells a size that the file cannot have")
        name, media_type = str(row.get("name", "")), str(row.get("type", ""))
        files.append(SealedFile(payload.digest, payload.size, name, media_type, size))
    return tuple(files)
