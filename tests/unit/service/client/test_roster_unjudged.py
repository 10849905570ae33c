"""A stream that is read for its keys alone: rules are not asked, and everything else must still fit."""

from dataclasses import replace
from datetime import date

import msgspec
import pytest

from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.cosignature import Cosigner
from meyasubako.crypto.note import Note, NoteSigner
from meyasubako.service.client import answers, roster
from meyasubako.service.client.answers import MechanismPage
from meyasubako.service.client.roster import VerifiedMechanism
from meyasubako.service.errors import RosterError, WrongMechanismError
from meyasubako.service.log.proofs import public_stream
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.port import Entry
from tests.system.box import ORIGIN, Box
from tests.unit.service.doors import begin


def _page(mechanism: Mechanism) -> MechanismPage:
    return answers.read(public_stream(mechanism, 1), MechanismPage)


def _read(page: MechanismPage, *, judge: bool = False, fingerprint: str | None = None) -> VerifiedMechanism:
    def fetch(seq: int) -> MechanismPage:
        return page if seq == 1 else MechanismPage((), page.checkpoint)

    return roster.verify(fetch, date.max, fingerprint=fingerprint, accept_stale=True, judge=judge)


def _slip_in(mechanism: Mechanism, box: Box, kind: str, body: dict[str, JsonValue]) -> None:
    """One steward does alone what takes two, past the rules, and the slot is published."""
    event = begin(mechanism, box.people["Ada Berg"].signing).add(
        kind, mechanism.ledger().mechanism.stream, body
    )
    mechanism.store.append([Entry(event.stream, event.seq, event.kind, event.data)], {}, {})
    mechanism.publish()


def test_what_the_rules_do_not_allow_changes_nothing_and_hinders_nothing(
    mechanism: Mechanism, box: Box
) -> None:
    omar = box.key_id("Omar Haddad")
    _slip_in(mechanism, box, "role.granted", {"person": omar, "role": "steward"})
    page = _page(mechanism)
    with pytest.raises(RosterError, match="breaks its own rules"):
        _read(page, judge=True)
    verified = _read(page)
    assert verified.marker == mechanism.ledger().mechanism.last_marker
    assert mechanism.ledger().mechanism.people[omar].has("steward")
    assert not verified.mechanism.people[omar].has("steward")


def test_a_good_stream_gives_what_it_gives_whoever_judges(mechanism: Mechanism) -> None:
    page = _page(mechanism)
    judged, unjudged = _read(page, judge=True), _read(page)
    assert unjudged == replace(judged, checkpoint=unjudged.checkpoint)


def test_the_fingerprint_is_compared_all_the_same(mechanism: Mechanism) -> None:
    with pytest.raises(WrongMechanismError):
        _read(_page(mechanism), fingerprint="0000 " * 5 + "0000")


def test_events_are_in_the_tree_and_in_order_all_the_same(mechanism: Mechanism) -> None:
    page = _page(mechanism)
    first, second, third, *rest = page.events
    moved = msgspec.structs.replace(second, index=second.index + 1)
    for events in ((first, moved, third, *rest), (first, third, second, *rest), (second, third, *rest)):
        with pytest.raises(RosterError):
            _read(MechanismPage(events, page.checkpoint))


def test_a_key_of_the_log_has_signed_all_the_same(mechanism: Mechanism) -> None:
    page = _page(mechanism)
    note = Note.parse(page.checkpoint.encode())
    for kept in note.signatures:
        one = replace(note, signatures=(kept,)).encode().decode()
        with pytest.raises(RosterError):
            _read(MechanismPage(page.events, one), judge=True)
        assert len(_read(MechanismPage(page.events, one)).checkpoint.signed) == 1
    others = [NoteSigner(ORIGIN, bytes(32)), Cosigner.ml_dsa(ORIGIN, bytes(32))]
    forged = sign_checkpoint(Checkpoint.parse(note.text), others, 0).decode()
    with pytest.raises(RosterError, match="not signed by"):
        _read(MechanismPage(page.events, forged))
