from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.cosignature import parse_verifier
from meyasubako.crypto.merkle import EMPTY_ROOT
from meyasubako.crypto.note import Note, NoteSignature, open_note
from meyasubako.crypto.witness import AddCheckpoint, parse_answer
from meyasubako.service.witness.errors import MemoryLostError
from meyasubako.service.witness.memory import Memory
from meyasubako.service.witness.protocol import FRESH_SECONDS, Witness
from tests.unit.service.witness.made_log import MadeLog, entries


def _hash(log):
    return sha256(log.origin.encode()).hexdigest()


def _state(witness, log):
    last = witness.memory.last(log.origin)
    return (last.seen.size, last.seen.root) if last else None


def test_a_consistent_checkpoint_is_cosigned_by_both_keys(witness, log):
    reply = witness.add_checkpoint(log.request(0, 70))
    assert (reply.status, reply.content_type) == (200, "text/plain; charset=utf-8")
    lines = parse_answer(reply.body)
    verifiers = [parse_verifier(vkey) for vkey in witness.vkeys]
    signed = open_note(Note.parse(log.note(70)).with_signatures(lines).encode(), verifiers).signed
    assert len(lines) == 2
    assert [key.kind for key in signed] == [4, 6]
    assert min(signed.values()) > 1_700_000_000
    assert witness.add_checkpoint(log.request(70, 300)).status == 200


def test_the_same_tree_is_signed_again_at_the_time_of_asking(directory, log):
    times = []
    for now in (1_800_000_000, 1_800_003_600, 1_799_999_000):
        witness = Witness.open(directory, _fixed(now))
        first = witness.add_checkpoint(log.request(0 if not times else 70, 70))
        times.append(int.from_bytes(parse_answer(first.body)[0].data[:8], "big"))
        witness.memory.close()
    # A clock that was set back does not date a cosignature before the tree that it vouches for.
    assert times == [1_800_000_000, 1_800_003_600, 1_800_000_000]


def test_an_empty_tree_may_be_witnessed_and_grown_from(witness, log):
    assert witness.add_checkpoint(log.request(0, 0)).status == 200
    assert witness.add_checkpoint(log.request(0, 5)).status == 200


def test_another_old_size_than_the_last_is_answered_with_the_last(witness, log):
    assert witness.add_checkpoint(log.request(3, 70)).body == b"0\n"
    witness.add_checkpoint(log.request(0, 70))
    for old, size in [(0, 70), (0, 300), (69, 300), (71, 300), (0, 0), (10, 20)]:
        reply = witness.add_checkpoint(log.request(old, size))
        assert (reply.status, reply.body, reply.content_type) == (409, b"70\n", "text/x.tlog.size")
    assert _state(witness, log)[0] == 70


def test_a_smaller_tree_is_never_cosigned(witness, log):
    witness.add_checkpoint(log.request(0, 70))
    body = AddCheckpoint(70, (), log.note(60)).encode()
    assert witness.add_checkpoint(body).status == 400


def _with_proof(log, old, size, proof):
    return AddCheckpoint(old, tuple(proof), log.note(size)).encode()


def test_what_does_not_extend_the_last_tree_is_refused_and_kept(witness, log):
    witness.add_checkpoint(log.request(0, 70))
    before = _state(witness, log)
    fork = log.fork(50, entries(100, "other"))
    same_size = log.fork(0, entries(300, "another"))
    for body in (
        fork.request(70, 130),
        same_size.request(70, 70),
        _with_proof(log, 70, 300, []),
        _with_proof(log, 70, 70, [bytes(32)]),
        _with_proof(log, 70, 300, [bytes(32)] * 63),
    ):
        reply = witness.add_checkpoint(body)
        assert reply.status == 422
    assert _state(witness, log) == before
    kept = [Checkpoint.parse(Note.parse(note).text) for note in witness.memory.refused(log.origin)]
    assert fork.checkpoint(130) in kept
    assert same_size.checkpoint(70) in kept


def test_a_proof_from_nothing_has_to_be_empty_and_the_empty_tree_has_one_root(witness, log):
    assert witness.add_checkpoint(_with_proof(log, 0, 70, [bytes(32)])).status == 422
    odd = sign_checkpoint(Checkpoint(log.origin, 0, bytes(32)), log.signers, 5)
    assert witness.add_checkpoint(AddCheckpoint(0, (), odd).encode()).status == 422
    even = sign_checkpoint(Checkpoint(log.origin, 0, EMPTY_ROOT), log.signers, 5)
    assert witness.add_checkpoint(AddCheckpoint(0, (), even).encode()).status == 200


def test_an_unknown_origin_is_not_found(witness):
    assert witness.add_checkpoint(MadeLog("other.example.org", entries(3)).request(0, 3)).status == 404


def test_a_checkpoint_needs_a_trusted_signature_and_no_wrong_one(witness, log):
    note = Note.parse(log.note(70))
    ed25519, ml_dsa = note.signatures
    wrong = NoteSignature(ml_dsa.name, ml_dsa.key_id, ml_dsa.data[:-1] + bytes([ml_dsa.data[-1] ^ 1]))
    stranger = NoteSignature("stranger.example.org", b"1234", b"5678")

    def status(*signatures):
        return witness.add_checkpoint(
            AddCheckpoint(0, (), Note(note.text, signatures).encode()).encode()
        ).status

    assert status(stranger) == 403
    assert status(ed25519, wrong) == 403
    assert status(wrong, stranger) == 403
    assert _state(witness, log) is None
    assert status(ed25519, stranger) == 200


def test_a_dismissed_key_is_not_found_but_its_log_is_remembered(witness, log):
    witness.add_checkpoint(log.request(0, 70))
    first, second = (signer.key for signer in log.signers)
    witness.memory.dismiss(first)
    assert witness.add_checkpoint(log.request(70, 80)).status == 200
    witness.memory.dismiss(second)
    assert witness.add_checkpoint(log.request(80, 90)).status == 404
    witness.memory.admit(log.origin, first)
    assert witness.add_checkpoint(log.request(0, 90)).body == b"80\n"


def test_only_the_trusted_signatures_are_kept(witness, log):
    note = Note.parse(log.note(70))
    stranger = NoteSignature("stranger.example.org", b"1234", b"5678")
    witness.add_checkpoint(AddCheckpoint(0, (), note.with_signatures([stranger]).encode()).encode())
    shown = Note.parse(witness.monitored(_hash(log)).body)
    assert [each.name for each in shown.signatures] == [log.origin] * 2 + ["witness.example.org/w"] * 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n\n",
        b"old 00\n\nx\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
        b"old -1\n\nx",
        b"old 0\nAAAA\n\nx",
        b"\xff",
        b"old 0\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64 + b"\nx",
    ],
)
def test_what_cannot_be_read_is_a_bad_request(witness, body):
    assert witness.add_checkpoint(body).status == 400


def test_a_checkpoint_without_signatures_or_with_a_strange_text_is_a_bad_request(witness, log):
    text = log.checkpoint(3).text
    lines = Note.parse(log.note(3)).signatures
    assert witness.add_checkpoint(f"old 0\n\n{text}\n".encode()).status == 400
    for odd in (f"{log.origin}\n3\n", f"{log.origin}\n03\n{text.splitlines()[2]}\n"):
        assert witness.add_checkpoint(b"old 0\n\n" + Note(odd, lines).encode()).status == 400


PIECES = [b"old 0\n", b"old 5\n", b"\n", b"A" * 43 + b"=\n", b"log.example.org/demo\n", b"5\n", b"\xff"]
LINE = Note.parse(MadeLog(entries=entries(5)).note(5)).signatures[0].line.encode()


@given(st.lists(st.sampled_from([*PIECES, LINE]), max_size=9).map(b"".join) | st.binary(max_size=200))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_posted_is_answered_and_nothing_unsigned_moves_the_memory(witness, log, body):
    assert witness.add_checkpoint(body).status in (400, 403, 404, 409, 422)
    assert _state(witness, log) is None


def test_monitors_get_the_last_checkpoint_with_a_fresh_signature(directory, log):
    assert Witness.open(directory).monitored(_hash(log)).status == 404
    Witness.open(directory, _fixed(1_800_000_000)).add_checkpoint(log.request(0, 70))
    later = 1_800_000_000 + 86_399
    reply = Witness.open(directory, _fixed(later)).monitored(_hash(log))
    assert (reply.status, reply.content_type) == (200, "text/plain; charset=utf-8")
    known = [parse_verifier(vkey) for vkey in (*log.vkeys, *Witness.open(directory).vkeys)]
    opened = open_note(reply.body, known)
    assert len(opened.signed) == 4
    assert Checkpoint.parse(opened.note.text) == log.checkpoint(70)
    times = [opened.signed[verifier.key] for verifier in known[2:]]
    assert all(later - FRESH_SECONDS < time <= later for time in times)
    assert Witness.open(directory).monitored("0" * 64).status == 404


def test_its_own_signature_on_a_newer_tree_halts_the_witness_for_ever(directory, witness, log, tmp_path):
    witness.add_checkpoint(log.request(0, 70))
    head = witness.memory.head()
    older = _copied(directory, tmp_path / "older")
    lines = parse_answer(witness.add_checkpoint(log.request(70, 200)).body)
    # Somebody swears that the older copy is the newest one.
    Memory.confirm_moved(older, head)
    set_back = Witness.open(older)
    shown = Note.parse(log.note(200)).with_signatures(lines).encode()
    for note in (shown, log.note(200), log.note(70)):
        with pytest.raises(MemoryLostError, match="newer tree"):
            set_back.add_checkpoint(AddCheckpoint(70, (), note).encode())
    with pytest.raises(MemoryLostError):
        set_back.monitored(_hash(log))
    with pytest.raises(MemoryLostError):
        Witness.open(older)
    with pytest.raises(MemoryLostError):
        Memory.confirm_moved(older, head)


def test_a_forged_signature_in_its_name_does_not_halt_it(witness, log):
    witness.add_checkpoint(log.request(0, 70))
    own = parse_answer(witness.add_checkpoint(log.request(70, 70)).body)[0]
    note = Note.parse(log.note(200)).with_signatures([own])
    asked = AddCheckpoint.parse(log.request(70, 200))
    assert witness.add_checkpoint(AddCheckpoint(70, asked.proof, note.encode()).encode()).status == 200


def _fixed(now):
    from datetime import UTC, datetime

    return lambda: datetime.fromtimestamp(now, UTC)


def _copied(directory, to):
    import shutil

    return shutil.copytree(directory, to)
