"""Proofs and promises as their holders check them, on a real mechanism's log served by its real door."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from meyasubako.crypto.cosignature import Cosigner
from meyasubako.crypto.errors import BadNoteError, BadProofError, QuorumError
from meyasubako.crypto.merkle import leaf_hash
from meyasubako.crypto.note import NoteSigner
from meyasubako.crypto.policy import Policy
from meyasubako.crypto.proof import LogProof, Promise
from meyasubako.crypto.tiles import TILE, tile_path, tile_width
from meyasubako.service.client import proofs, roster
from meyasubako.service.client.http import Http
from meyasubako.service.client.roster import VerifiedMechanism
from meyasubako.service.log.app import create_app
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.proofs import evidence, promise
from tests.system.box import ORIGIN, Box
from tests.unit.service.doors import NONCES, Reported, report

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name for it
        del format, args


@pytest.fixture
def reported(mechanism: Mechanism, box: Box) -> Reported:
    return report(mechanism, box)


@pytest.fixture
def leaf(mechanism: Mechanism, reported: Reported) -> str:
    return leaf_hash(mechanism.store.stream(reported.case)[0].data).hex()


@pytest.fixture
def asked() -> list[str]:
    """Every path that the log's door was asked for, in order."""
    return []


@pytest.fixture
def log(mechanism: Mechanism, asked: list[str]) -> Iterator[Http]:
    """The log's door on a loopback port."""
    door = create_app(mechanism, NONCES)

    def listening(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        asked.append(environ["PATH_INFO"])
        return door(environ, start)

    server = make_server("127.0.0.1", 0, listening, handler_class=_Quiet)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with Http(f"http://127.0.0.1:{server.server_port}") as http:
        yield http
    server.shutdown()
    server.server_close()
    thread.join()


def _verified(mechanism: Mechanism, log: Http) -> VerifiedMechanism:
    return roster.verify(roster.from_log(log), mechanism.clock().date())


def test_a_proof_verifies_under_every_key_of_the_log_and_says_when(
    mechanism: Mechanism, reported: Reported, leaf: str
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    mechanism.publish()
    found = evidence(mechanism, reported.case, 1)
    proven = proofs.verify_proof(found.data, keys=mechanism.ledger().mechanism.log_keys, leaf=leaf)
    assert (proven.leaf, proven.checkpoint.origin) == (leaf, ORIGIN)
    time = proven.signed[ORIGIN]
    assert time is not None
    assert time >= before
    assert proofs.verify_own_proof(found.data, mechanism.ledger().mechanism, leaf) == proven


def test_a_proof_of_another_entry_or_under_another_key_is_refused(
    mechanism: Mechanism, reported: Reported, leaf: str
) -> None:
    mechanism.publish()
    data = evidence(mechanism, reported.case, 1).data
    keys = mechanism.ledger().mechanism.log_keys
    stranger = NoteSigner(ORIGIN, bytes(32)).key.text
    with pytest.raises(BadProofError, match="another entry"):
        proofs.verify_proof(data, keys=keys, leaf="00" * 32)
    with pytest.raises(BadProofError):
        proofs.verify_proof(replace(LogProof.parse(data), extra=bytes(32)).encode(), keys=keys)
    with pytest.raises(BadProofError, match="of which entry"):
        proofs.verify_proof(replace(LogProof.parse(data), extra=None).encode(), keys=keys)
    for wrong in ((stranger,), (*keys, stranger), ()):
        with pytest.raises(BadNoteError):
            proofs.verify_proof(data, keys=wrong)


def test_a_proof_verifies_by_a_policy_and_fails_without_its_quorum(
    mechanism: Mechanism, reported: Reported
) -> None:
    mechanism.publish()
    data = evidence(mechanism, reported.case, 1).data
    log_line = f"log {mechanism.ledger().mechanism.log_keys[0]}\n"
    assert proofs.verify_proof(data, policy=Policy.parse(f"{log_line}quorum none\n")).index > 0
    witness = Cosigner.ed25519("witness.example.org", bytes(32)).key.text
    with pytest.raises(QuorumError):
        proofs.verify_proof(data, policy=Policy.parse(f"{log_line}witness w {witness}\nquorum w\n"))


def test_a_promise_is_exchanged_for_a_proof_after_its_slot(
    mechanism: Mechanism, leaf: str, log: Http
) -> None:
    given = proofs.verify_promise(promise(mechanism, leaf), [mechanism.ledger().mechanism.promise_key], leaf)
    assert proofs.exchange(log, given, _verified(mechanism, log)) is None
    mechanism.publish()
    mechanism.publish()
    exchanged = proofs.exchange(log, given, _verified(mechanism, log))
    assert exchanged is not None
    assert exchanged.on_time
    assert exchanged.proof is not None
    assert proofs.verify_proof(exchanged.proof, keys=mechanism.ledger().mechanism.log_keys).leaf == leaf


def test_a_promise_of_an_entry_that_the_log_does_not_hold_is_shown_to_be_broken(
    mechanism: Mechanism, log: Http
) -> None:
    given = promise(mechanism, "11" * 32)
    kept = proofs.verify_promise(given, proofs.promise_keys(mechanism.ledger().mechanism))
    mechanism.publish()
    exchanged = proofs.exchange(log, kept, _verified(mechanism, log))
    assert exchanged is not None
    assert exchanged.proof is None
    published = mechanism.store.published()
    assert published is not None
    assert exchanged.checkpoint == published.note


def test_an_entry_that_came_after_the_promised_slot_is_late(
    mechanism: Mechanism, reported: Reported, leaf: str, log: Http
) -> None:
    mechanism.publish()
    earlier = Promise(ORIGIN, bytes.fromhex(leaf), 0)
    exchanged = proofs.exchange(log, earlier, _verified(mechanism, log))
    assert exchanged is not None
    assert exchanged.proof is not None
    assert not exchanged.on_time


def test_a_promise_by_a_key_that_was_replaced_is_good(mechanism: Mechanism, leaf: str) -> None:
    given = promise(mechanism, leaf)
    state = mechanism.ledger().mechanism
    replaced = replace(state, promise_key="another+0+a", spent_keys=frozenset({state.promise_key}))
    assert proofs.verify_promise(given, proofs.promise_keys(replaced)[1:], leaf).leaf.hex() == leaf
    with pytest.raises(BadNoteError):
        proofs.verify_promise(given, [NoteSigner(f"{ORIGIN}/promise", bytes(32)).key.text])
    with pytest.raises(BadNoteError, match="another entry"):
        proofs.verify_promise(given, [state.promise_key], "00" * 32)


def test_tiles_that_do_not_give_the_signed_root_prove_nothing(
    mechanism: Mechanism, leaf: str, log: Http
) -> None:
    given = Promise(ORIGIN, bytes.fromhex(leaf), 0)
    verified = _verified(mechanism, log)
    opened = verified.checkpoint
    other = replace(
        verified, checkpoint=replace(opened, checkpoint=replace(opened.checkpoint, root=bytes(32)))
    )
    with pytest.raises(BadProofError, match="not those of the checkpoint"):
        proofs.exchange(log, given, other)
    with pytest.raises(BadNoteError, match="another log"):
        proofs.exchange(log, replace(given, origin="other.example.org"), verified)


def test_the_log_is_asked_for_the_same_tiles_whatever_was_promised(
    mechanism: Mechanism, log: Http, asked: list[str]
) -> None:
    while mechanism.ledger().size <= 2 * TILE:
        mechanism.publish()
    verified = _verified(mechanism, log)
    size = verified.checkpoint.checkpoint.size
    every = [f"/{tile_path(0, n, tile_width(0, n, size))}" for n in range(-(-size // TILE))]
    assert len(every) > 2
    held = [0, 1, TILE - 1, TILE, 2 * TILE - 1, 2 * TILE, size - 1]
    leaves = [leaf_hash(mechanism.store.row(index).data) for index in held]
    for leaf in leaves:
        asked.clear()
        exchanged = proofs.exchange(log, Promise(ORIGIN, leaf, 0), verified)
        assert exchanged is not None
        assert exchanged.proof is not None
        assert proofs.verify_proof(exchanged.proof, keys=verified.mechanism.log_keys).leaf == leaf.hex()
        assert asked == every
    for leaf, slot in [(bytes(32), 0), (leaves[0], verified.marker.slot + 1)]:
        asked.clear()
        proofs.exchange(log, Promise(ORIGIN, leaf, slot), verified)
        assert asked == every
