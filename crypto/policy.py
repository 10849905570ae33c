"""Trust policies: whose checkpoints count, and how many witnesses must have seen them.

Rules upheld here (C2SP tlog-policy; decision 0024):

- ``log <vkey> [url]``, ``witness <name> <vkey> [url]``, ``group <name> all|any|<k> <member>…`` and exactly
  one ``quorum <name>|none``. Names are defined before they are used, once, and counted in one group at most;
  no public key stands twice among the logs or among the witnesses.
- A checkpoint is valid if any listed log of its origin signed it and the quorum's witnesses did. A known
  key's wrong signature refuses it. Nothing is assumed where the policy is silent: it fails closed.
- Names are opaque: they are compared as the bytes that they are.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from meyasubako.crypto.checkpoint import Checkpoint, OpenedCheckpoint
from meyasubako.crypto.cosignature import ED25519_COSIGNATURE, ML_DSA_44, verifier_of
from meyasubako.crypto.errors import BadKeyError, BadNoteError, BadPolicyError, QuorumError
from meyasubako.crypto.note import ED25519, NoteKey, open_note

# Eight times what implementations should support at least.
MAX_LINES: Final = 1024
MAX_BYTES: Final = 2**20

_NONE = "none"
_LOG_KINDS = (ED25519, ML_DSA_44)
_WITNESS_KINDS = (ED25519_COSIGNATURE, ML_DSA_44)
_is_number = re.compile(r"[1-9][0-9]{0,3}").fullmatch
_find_control = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]").search
_split = re.compile(r"[ \t]+").split


@dataclass(frozen=True, slots=True)
class Log:
    """A log whose checkpoints count."""

    key: NoteKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Witness:
    """A cosigner, under the name that the policy gives it."""

    name: str
    key: NoteKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group that counts as having witnessed if at least `threshold` of its members have."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs, witnesses, groups in the order of their definition, and the name of the quorum or ``none``."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str

    def __post_init__(self) -> None:
        _check_keys([log.key for log in self.logs], _LOG_KINDS)
        _check_keys([witness.key for witness in self.witnesses], _WITNESS_KINDS)
        names = [_NONE, *(each.name for each in self.witnesses), *(each.name for each in self.groups)]
        if "" in names or len(set(names)) != len(names):
            raise BadPolicyError("a name is empty or defined twice")
        self._check_groups()

    def _check_groups(self) -> None:
        free = {witness.name for witness in self.witnesses}
        defined = set(free)
        for group in self.groups:
            if not 1 <= group.threshold <= len(group.members):
                raise BadPolicyError("a group's threshold lies between one and its members' number")
            for member in group.members:
                if member not in free:
                    raise BadPolicyError("a group's member is not defined before, or counted twice")
                free.remove(member)
            free.add(group.name)
            defined.add(group.name)
        if self.quorum != _NONE and self.quorum not in defined:
            raise BadPolicyError("the quorum is not defined")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The policy that a text states line by line; `BadPolicyError` if it does not."""
        lines = text.split("\n")
        if len(text) > MAX_BYTES or len(lines) > MAX_LINES or _find_control(text):
            raise BadPolicyError("the policy is too long, or holds control characters")
        draft = _Draft()
        for line in lines:
            words = _split(line.strip(" \t"))
            if words[0] and not words[0].startswith("#"):
                draft.read(words)
        if draft.quorum is None:
            raise BadPolicyError("the policy states no quorum")
        return cls(tuple(draft.logs), tuple(draft.witnesses), tuple(draft.groups), draft.quorum)

    @property
    def lines(self) -> list[str]:
        """The policy in its shortest spelling, a line each, without comments."""
        return [
            *(f"log {log.key.text} {log.url}".rstrip() for log in self.logs),
            *(f"witness {each.name} {each.key.text} {each.url}".rstrip() for each in self.witnesses),
            *(f"group {each.name} {each.threshold} {' '.join(each.members)}" for each in self.groups),
            f"quorum {self.quorum}",
        ]

    def is_met_by(self, signed: Iterable[NoteKey]) -> bool:
        """Whether these keys' cosignatures are a quorum."""
        keys = set(signed)
        witnessed = {witness.name for witness in self.witnesses if witness.key in keys} | {_NONE}
        for group in self.groups:
            if sum(member in witnessed for member in group.members) >= group.threshold:
                witnessed.add(group.name)
        return self.quorum in witnessed

    def open(self, data: bytes) -> OpenedCheckpoint:
        """The checkpoint of a signed note, if this policy holds it valid.

        Raises `BadNoteError` if no listed log of its origin signed it or a known key's signature is wrong,
        `QuorumError` if too few witnesses have cosigned it.
        """
        keys = [*(log.key for log in self.logs), *(witness.key for witness in self.witnesses)]
        opened = open_note(data, [verifier_of(key) for key in keys])
        checkpoint = Checkpoint.parse(opened.note.text)
        if not any(log.key in opened.signed and log.key.name == checkpoint.origin for log in self.logs):
            raise BadNoteError("the checkpoint is not signed by a log of the policy")
        if not self.is_met_by(opened.signed):
            raise QuorumError("too few witnesses have cosigned the checkpoint")
        return OpenedCheckpoint(checkpoint, opened.note, opened.signed)


class _Draft:
    """What the lines have said so far; names are looked up where they stand, so order matters."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self._names = {_NONE}

    def read(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self.logs.append(Log(_parse_key(vkey), *url))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self.witnesses.append(Witness(name, _parse_key(vkey), *url))
                self._names.add(name)
            case ["group", name, threshold, *members]:
                if not self._names.issuperset(members):
                    raise BadPolicyError("a group's member is not defined before it")
                self.groups.append(Group(name, _parse_threshold(threshold, members), tuple(members)))
                self._names.add(name)
            case ["quorum", name] if self.quorum is None and name in self._names:
                self.quorum = name
            case _:
                raise BadPolicyError(
                    "a line of the policy is malformed, or states a second or undefined quorum"
                )


def _parse_key(vkey: str) -> NoteKey:
    try:
        return NoteKey.parse(vkey)
    except BadNoteError as error:
        raise BadPolicyError("a key of the policy is not a verifier key") from error


def _parse_threshold(text: str, members: list[str]) -> int:
    if text in ("all", "any"):
        return len(members) if text == "all" else 1
    if not _is_number(text):
        raise BadPolicyError("a group's threshold is all, any or a number")
    return int(text)


def _check_keys(keys: list[NoteKey], kinds: tuple[int, ...]) -> None:
    if len({key.public for key in keys}) != len(keys):
        raise BadPolicyError("a public key stands twice in the policy")
    for key in keys:
        try:
            verifier_of(key)
        except BadKeyError as error:
            raise BadPolicyError("a key of the policy is unsafe or of an unknown type") from error
        if key.kind not in kinds:
            raise BadPolicyError("a key of the policy is of the wrong type for a log or a witness")
