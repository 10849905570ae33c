"""The log's witnesses at each slot: asked after publication, which never waits for them.

- A checkpoint is published at once and gains its cosignatures as they come.
- A witness that was away for three slots in a row is put down in the log as `witness.dropped`; that changes
  no policy. One whose answer says that this log was set back or forked is an alarm, not a failure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from meyasubako.crypto.cosignature import verifier_of
from meyasubako.crypto.note import open_note
from meyasubako.crypto.policy import Policy
from meyasubako.domain.people import Mechanism as Roster
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.web import LOGGER
from meyasubako.service.witness.asking import Collected, collect, tile_reader
from meyasubako.service.witness.transport import Post, poster

# So many slots in a row without a cosignature are put down in the log.
PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """How a checkpoint stands with the policy: who cosigned, who did not, and whether that is a quorum."""

    cosigned: tuple[str, ...]
    missing: tuple[str, ...]
    quorum_met: bool


def policy_of(state: Roster) -> Policy | None:
    """The mechanism's witness policy, or None where it has no witnesses."""
    if not state.witness_policy:
        return None
    return Policy.parse("".join(f"{line}\n" for line in state.witness_policy))


def seen(note: bytes, policy: Policy) -> Seen:
    """Read off a note who of the policy's witnesses has cosigned it; BadNoteError for a wrong signature."""
    keys = [*(log.key for log in policy.logs), *(witness.key for witness in policy.witnesses)]
    signed = open_note(note, [verifier_of(key) for key in keys]).signed
    cosigned = tuple(witness.name for witness in policy.witnesses if witness.key in signed)
    missing = tuple(witness.name for witness in policy.witnesses if witness.key not in signed)
    return Seen(cosigned, missing, policy.is_met_by(signed))


def cosign(mechanism: Mechanism, post: Post | None = None) -> Collected | None:
    """Ask the policy's witnesses for the last published checkpoint and keep what they sign.

    None where there are no witnesses. Their failures raise nothing; they are written to the service's log.
    """
    policy, published = policy_of(mechanism.ledger().mechanism), mechanism.store.published()
    if policy is None or published is None:
        return None
    sizes = [each.size for each in mechanism.store.checkpoints()]
    collected = collect(
        published.note,
        policy,
        tile_reader(mechanism.store, published.size),
        post or poster(mechanism.config.witnessing.proxy or None),
        assumed_size=sizes[-2] if len(sizes) > 1 else 0,
    )
    if collected.note != published.note:
        mechanism.store.keep_cosignatures(published.size, collected.note)
    for each in collected.missing:
        LOGGER.warning("witness %s: %s", each.name, each.sentence)
    if not collected.quorum_met:
        LOGGER.warning("the checkpoint of %d entries has no quorum of witnesses yet", published.size)
    return collected


def put_down_absent(mechanism: Mechanism) -> tuple[str, ...]:
    """Write `witness.dropped` for each witness that was away for PATIENCE slots; gives their names."""
    state, checkpoints = mechanism.ledger().mechanism, mechanism.store.checkpoints()[-PATIENCE:]
    policy = policy_of(state)
    if policy is None or len(checkpoints) < PATIENCE:
        return ()
    slots: Mapping[int, int] = {marker.index + 1: marker.slot for marker in state.markers[-PATIENCE:]}
    away = set.intersection(*(set(seen(each.note, policy).missing) for each in checkpoints))
    first, last = slots.get(checkpoints[0].size, 0), slots.get(checkpoints[-1].size, 0)
    dropped = []
    for witness in policy.witnesses:
        # Put down once, and again only after it has come back meanwhile.
        if witness.name in away and state.away.get(witness.key.text, -1) < first:
            mechanism.write_own("witness.dropped", {"witness": witness.key.text, "slot": last})
            dropped.append(witness.name)
    return tuple(dropped)
