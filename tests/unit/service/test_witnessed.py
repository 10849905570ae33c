from dataclasses import replace

import pytest

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.cosignature import Cosigner
from meyasubako.crypto.errors import BadNoteError
from meyasubako.crypto.note import Note, NoteSigner
from meyasubako.domain.people import Mechanism
from meyasubako.service.witnessed import Seen, policy_of, seen

ORIGIN = "log.example.org"
LOG = NoteSigner(ORIGIN, bytes([1]) * 32)
SECOND = Cosigner.ml_dsa(ORIGIN, bytes([2]) * 32)
NEXT = NoteSigner(ORIGIN, bytes([3]) * 32)
WITNESSES = [Cosigner.ed25519(f"{name}.example.org", bytes([n]) * 32) for n, name in enumerate("abc", 10)]
LINES = (
    f"log {LOG.key.text} https://log.example.org",
    *(f"witness {n} {witness.key.text}" for n, witness in enumerate(WITNESSES)),
    "group most 2 0 1 2",
    "quorum most",
)
STATE = Mechanism(origin=ORIGIN, witness_policy=LINES, log_keys=(LOG.key.text, SECOND.key.text))


def cosigned(*who: int) -> bytes:
    note = Note.parse(sign_checkpoint(Checkpoint(ORIGIN, 5, bytes(32)), [LOG, SECOND], 100))
    return note.with_signatures([WITNESSES[n].sign(note.text, 200) for n in who]).encode()


def test_a_mechanism_without_witnesses_has_no_policy() -> None:
    assert policy_of(Mechanism(origin=ORIGIN, log_keys=(LOG.key.text,))) is None


@pytest.mark.parametrize("who", [(), (1,), (0, 2), (0, 1, 2)])
def test_who_cosigned_is_read_off_the_note(who: tuple[int, ...]) -> None:
    policy = policy_of(STATE)
    assert policy is not None
    missing = tuple(str(n) for n in range(3) if n not in who)
    assert seen(cosigned(*who), policy) == Seen(tuple(map(str, who)), missing, quorum_met=len(who) >= 2)


def test_a_wrong_cosignature_is_not_one_that_is_missing() -> None:
    policy = policy_of(STATE)
    assert policy is not None
    note = Note.parse(cosigned(0))
    line = note.signatures[-1]
    forged = replace(line, data=line.data[:-1] + bytes([line.data[-1] ^ 1]))
    with pytest.raises(BadNoteError):
        seen(replace(note, signatures=(*note.signatures[:-1], forged)).encode(), policy)


def test_the_policy_follows_the_logs_keys_and_keeps_their_kinds() -> None:
    rotated = policy_of(replace(STATE, log_keys=(NEXT.key.text, SECOND.key.text)))
    assert rotated is not None
    assert [(log.key, log.url) for log in rotated.logs] == [(NEXT.key, "https://log.example.org")]
    assert seen(cosigned(0, 1), rotated).quorum_met
