"""How a checkpoint stands with a mechanism's witness policy: asked by the clock, the audit and every client.

- The policy's `log` lines are read as the log's keys of now: who rotates the log key need not change the
  policy in the same moment, and a checkpoint of before is judged by who cosigned it all the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from meyasubako.crypto.cosignature import verifier_of
from meyasubako.crypto.note import Note, NoteKey
from meyasubako.crypto.policy import Log, Policy
from meyasubako.domain.people import Mechanism


@dataclass(frozen=True, slots=True)
class Seen:
    """How a checkpoint stands with the policy: who cosigned, who did not, and whether that is a quorum."""

    cosigned: tuple[str, ...]
    missing: tuple[str, ...]
    quorum_met: bool


def policy_of(state: Mechanism) -> Policy | None:
    """The mechanism's witness policy, or None where it has no witnesses."""
    if not state.witness_policy:
        return None
    policy = Policy.parse("".join(f"{line}\n" for line in state.witness_policy))
    kinds = {log.key.kind: log.url for log in policy.logs}
    keys = [NoteKey.parse(text) for text in state.log_keys]
    logs = [Log(key, kinds[key.kind]) for key in keys if key.kind in kinds] or [Log(keys[0])]
    return replace(policy, logs=tuple(logs))


def seen(note: bytes, policy: Policy) -> Seen:
    """Read off a note who of the policy's witnesses has cosigned it; BadNoteError for a wrong signature."""
    signed = _signed(note, (witness.key for witness in policy.witnesses))
    cosigned = tuple(witness.name for witness in policy.witnesses if witness.key in signed)
    missing = tuple(witness.name for witness in policy.witnesses if witness.key not in signed)
    return Seen(cosigned, missing, policy.is_met_by(signed))


def _signed(note: bytes, keys: Iterable[NoteKey]) -> set[NoteKey]:
    # Unlike a note that is opened, one that none of these keys signed is an answer here.
    parsed, known = Note.parse(note), {(key.name, key.key_id): key for key in keys}
    signed = set()
    for signature in parsed.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is not None:
            verifier_of(key).verify(parsed.text, signature.data)
            signed.add(key)
    return signed
