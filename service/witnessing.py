"""The log's witnesses at each slot: asked after publication, which never waits for them.

- A checkpoint is published at once and gains its cosignatures as they come.
- A witness that was away for three slots in a row is put down in the log as `witness.dropped`; that changes
  no policy. One whose answer says that this log was set back or forked is an alarm, not a failure.
"""

from collections.abc import Mapping

from meyasubako.service.mechanism import Mechanism
from meyasubako.service.web import LOGGER
from meyasubako.service.witness.asking import Collected, collect, tile_reader
from meyasubako.service.witness.transport import Post, poster
from meyasubako.service.witnessed import Seen, policy_of, seen

__all__ = ["Seen", "cosign", "policy_of", "put_down_absent", "seen"]

# So many slots in a row without a cosignature are put down in the log.
PATIENCE = 3


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
