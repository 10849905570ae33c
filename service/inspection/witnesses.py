"""Witnesses: whose cosignatures stand on the checkpoints, and whether they are the quorum of that time.

- A policy's witness whose line does not verify refuses the checkpoint: it was moved there, or forged.
- The newest checkpoint below its quorum is a finding, since one shown to nobody else looks just like it;
  whoever knows that the witnesses were away may accept it. Older ones are covered by any later one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.cosignature import verifier_of
from meyasubako.crypto.errors import BadKeyError, BadNoteError, BadPolicyError
from meyasubako.crypto.note import Note, NoteKey, open_note
from meyasubako.crypto.policy import Policy
from meyasubako.domain.audit import Finding, Replay
from meyasubako.service.inspection.source import Kept, Source

WRONG: Final = (BadNoteError, BadKeyError, BadPolicyError)


@dataclass(frozen=True, slots=True)
class Witnessed:
    """How the newest checkpoint stands: who of the policy's witnesses cosigned, who did not, and whether that
    is a quorum. `asked` is False where the mechanism has no witnesses.
    """

    asked: bool = False
    cosigned: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    quorum_met: bool = False


def check(source: Source, replay: Replay, *, since: int = 0, accept: bool = False) -> Iterator[Finding]:
    """The cosignatures on every checkpoint from a size on, and the quorum of the newest."""
    newest = newest_checkpoint(source)
    for kept in [*source.published(), *([newest] if newest else [])]:
        try:
            size = Checkpoint.parse(Note.parse(kept.note).text).size
            if size >= since:
                witnessed(kept, replay)
        except WRONG as error:
            yield Finding("cosignatures-fit", f"the checkpoint{_of(kept)}: {error}")
            return
    found = witnessed(newest, replay) if newest else Witnessed()
    if found.asked and not found.quorum_met and not accept:
        away = ", ".join(found.missing)
        sentence = f"the newest checkpoint is below its witnesses' quorum: nothing yet from {away}"
        yield Finding("witnesses-have-seen-it", sentence)


def witnessed(kept: Kept, replay: Replay) -> Witnessed:
    """Read off a checkpoint who has cosigned it, by the policy at its size; BadNoteError for a wrong line."""
    size = Checkpoint.parse(Note.parse(kept.note).text).size
    lines = replay.policies.get(size, replay.ledger.mechanism.witness_policy)
    if not lines:
        return Witnessed()
    policy = Policy.parse("".join(f"{line}\n" for line in lines))
    keys = [*(log.key for log in policy.logs), *(witness.key for witness in policy.witnesses)]
    mechanism = replay.ledger.mechanism
    log_keys = {NoteKey.parse(text) for text in replay.log_keys.get(size, mechanism.log_keys)}
    verifiers = [verifier_of(key) for key in dict.fromkeys([*keys, *log_keys])]
    signed = open_note(kept.note, verifiers).signed
    return Witnessed(
        asked=policy.quorum != "none",
        cosigned=tuple(each.name for each in policy.witnesses if each.key in signed),
        missing=tuple(each.name for each in policy.witnesses if each.key not in signed),
        quorum_met=policy.is_met_by(signed),
    )


def newest_checkpoint(source: Source) -> Kept | None:
    """The last published checkpoint, which gains its cosignatures, or the one kept apart."""
    published = source.published()
    return published[-1] if published else source.kept_apart()


def _of(kept: Kept) -> str:
    return f" of {kept.size} entries" if kept.size is not None else ""
