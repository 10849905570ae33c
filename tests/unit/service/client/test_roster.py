from dataclasses import replace
from datetime import date, timedelta

import msgspec
import pytest

from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.cosignature import Cosigner
from meyasubako.crypto.note import Note, NoteSigner
from meyasubako.service.client import answers, roster
from meyasubako.service.client.answers import MechanismPage, ProvenEvent
from meyasubako.service.errors import (
    RosterError,
    StaleRosterError,
    UnwitnessedRosterError,
    WrongMechanismError,
)
from meyasubako.service.log.proofs import public_stream
from meyasubako.service.mechanism import Mechanism
from tests.system.box import ORIGIN, Box
from tests.unit.service.doors import begin


@pytest.fixture
def page(mechanism: Mechanism) -> MechanismPage:
    return answers.read(public_stream(mechanism, 1), MechanismPage)


def _today(mechanism: Mechanism) -> date:
    """The log's own: midnight may have passed since."""
    marker = mechanism.ledger().mechanism.last_marker
    assert marker is not None
    return marker.day


def _fetch(page: MechanismPage) -> roster.Fetch:
    """Gives this page first and then nothing, as a log whose stream ends there."""
    return lambda seq: page if seq == 1 else MechanismPage((), page.checkpoint)


def _with(page: MechanismPage, *events: ProvenEvent, checkpoint: str | None = None) -> MechanismPage:
    return MechanismPage(events or page.events, page.checkpoint if checkpoint is None else checkpoint)


def test_the_public_stream_gives_the_mechanism_as_the_server_has_it(
    mechanism: Mechanism, page: MechanismPage
) -> None:
    verified = roster.verify(_fetch(page), _today(mechanism))
    state = mechanism.ledger().mechanism
    assert verified.mechanism == state
    assert verified.marker == state.last_marker
    assert verified.head == mechanism.ledger().head(state.stream)
    assert len(verified.checkpoint.signed) == 2


def test_the_stream_may_come_in_pages_and_under_later_checkpoints(
    mechanism: Mechanism, box: Box, page: MechanismPage
) -> None:
    first = _with(page, *page.events[:3])
    request = begin(mechanism, box.people["Ada Berg"].signing)
    stream = mechanism.ledger().mechanism.stream
    request.add("person.suspended", stream, {"person": box.key_id("Omar Haddad")})
    mechanism.accept([request.events[0].data], {})
    mechanism.publish()

    def fetch(seq: int) -> MechanismPage:
        return first if seq == 1 else answers.read(public_stream(mechanism, seq), MechanismPage)

    verified = roster.verify(fetch, _today(mechanism))
    assert verified.mechanism == mechanism.ledger().mechanism
    assert verified.mechanism.people[box.key_id("Omar Haddad")].state == "suspended"


def test_the_fingerprint_on_the_poster_is_compared(mechanism: Mechanism, page: MechanismPage) -> None:
    right = roster.verify(_fetch(page), _today(mechanism)).fingerprint
    assert (
        roster.verify(_fetch(page), _today(mechanism), fingerprint=right.replace(" ", "")).fingerprint
        == right
    )
    wrong = ("1" if right[0] != "1" else "2") + right[1:]
    with pytest.raises(WrongMechanismError, match=right):
        roster.verify(_fetch(page), _today(mechanism), fingerprint=wrong)


@pytest.mark.parametrize("left_out", [0, 1, 2, -2, -1])
def test_an_event_that_is_left_out_is_noticed(
    mechanism: Mechanism, page: MechanismPage, left_out: int
) -> None:
    kept = list(page.events)
    del kept[left_out]
    with pytest.raises(RosterError):
        roster.verify(_fetch(_with(page, *kept)), _today(mechanism))


def test_events_in_another_order_are_noticed(mechanism: Mechanism, page: MechanismPage) -> None:
    one, two, three, *rest = page.events
    with pytest.raises(RosterError):
        roster.verify(_fetch(_with(page, one, three, two, *rest)), _today(mechanism))


def test_an_event_that_is_not_in_the_tree_is_noticed(mechanism: Mechanism, page: MechanismPage) -> None:
    first, second, *rest = page.events
    with pytest.raises(RosterError, match="not in its published log"):
        roster.verify(
            _fetch(_with(page, first, msgspec.structs.replace(second, proof=first.proof), *rest)),
            _today(mechanism),
        )
    with pytest.raises(RosterError):
        roster.verify(
            _fetch(_with(page, first, msgspec.structs.replace(second, event=first.event), *rest)),
            _today(mechanism),
        )


def test_a_place_in_the_log_that_is_not_the_events_is_noticed(
    mechanism: Mechanism, page: MechanismPage
) -> None:
    first, second, *rest = page.events
    moved = msgspec.structs.replace(second, index=second.index + 1)
    with pytest.raises(RosterError, match="not in its published log"):
        roster.verify(_fetch(_with(page, first, moved, *rest)), _today(mechanism))


def test_a_checkpoint_by_other_keys_is_noticed(mechanism: Mechanism, page: MechanismPage) -> None:
    text = Note.parse(page.checkpoint.encode()).text
    others = [NoteSigner(ORIGIN, bytes(32)), Cosigner.ml_dsa(ORIGIN, bytes(32))]
    forged = sign_checkpoint(Checkpoint.parse(text), others, 0).decode()
    with pytest.raises(RosterError, match=r"keys signed|signed by"):
        roster.verify(_fetch(_with(page, checkpoint=forged)), _today(mechanism))


def test_a_checkpoint_with_one_of_its_signatures_taken_away_is_noticed(
    mechanism: Mechanism, page: MechanismPage
) -> None:
    note = Note.parse(page.checkpoint.encode())
    for kept in note.signatures:
        stripped = replace(note, signatures=(kept,)).encode().decode()
        with pytest.raises(RosterError):
            roster.verify(_fetch(_with(page, checkpoint=stripped)), _today(mechanism))


def test_an_old_list_of_readers_is_refused_unless_one_says_otherwise(
    mechanism: Mechanism, page: MechanismPage
) -> None:
    later = _today(mechanism) + timedelta(days=4)
    with pytest.raises(RosterError, match="too old"):
        roster.verify(_fetch(page), later)
    assert roster.verify(_fetch(page), later, accept_stale=True).mechanism == mechanism.ledger().mechanism
    roster.verify(_fetch(page), _today(mechanism) + timedelta(days=3))


def test_a_list_that_is_dated_in_the_future_is_refused_unless_one_says_otherwise(
    mechanism: Mechanism, page: MechanismPage
) -> None:
    marker = mechanism.ledger().mechanism.last_marker
    assert marker is not None
    # The clock there may have begun a day that begins here within hours.
    roster.verify(_fetch(page), marker.day - timedelta(days=1))
    for ahead in (2, 30, 3650):
        today = marker.day - timedelta(days=ahead)
        with pytest.raises(
            StaleRosterError, match=f"dated in the future, {marker.day}, and here it is {today}"
        ):
            roster.verify(_fetch(page), today)
        assert roster.verify(_fetch(page), today, accept_stale=True).marker == marker


def test_a_log_that_shows_nothing_is_refused(mechanism: Mechanism, page: MechanismPage) -> None:
    with pytest.raises(RosterError, match="no founding"):
        roster.verify(lambda _: MechanismPage((), page.checkpoint), _today(mechanism))


def test_bytes_that_are_no_event_are_refused(mechanism: Mechanism, page: MechanismPage) -> None:
    first, *rest = page.events
    with pytest.raises(RosterError):
        roster.verify(
            _fetch(_with(page, msgspec.structs.replace(first, event=b"{}"), *rest)), _today(mechanism)
        )


def _by_two(mechanism: Mechanism, box: Box, kind: str, body: dict[str, JsonValue]) -> None:
    stream, proposed = mechanism.ledger().mechanism.stream, ""
    for name in ("Ada Berg", "Jonas Mori"):
        request = begin(mechanism, box.people[name].signing)
        if proposed:
            request.add(kind, stream, {**body, "proposal": proposed})
        else:
            proposed = request.add("act.proposed", stream, {"kind": kind, "v": 1, "body": body}).leaf
        mechanism.accept([request.events[0].data], {})


def test_a_list_that_too_few_witnesses_have_seen_is_refused_unless_one_says_otherwise(
    mechanism: Mechanism, box: Box
) -> None:
    witness = Cosigner.ed25519("witness.example.org", bytes(32))
    log = mechanism.ledger().mechanism.log_keys[0]
    policy: list[JsonValue] = [f"log {log}", f"witness one {witness.key.text}", "quorum one"]
    _by_two(mechanism, box, "witness.admitted", {"policy": policy})
    note = mechanism.publish()

    def fetch(seq: int) -> MechanismPage:
        return answers.read(public_stream(mechanism, seq), MechanismPage)

    with pytest.raises(UnwitnessedRosterError, match="0 of 1 witnesses, which is too few"):
        roster.verify(fetch, _today(mechanism))
    assert roster.verify(fetch, _today(mechanism), accept_unwitnessed=True).seen is not None
    parsed = Note.parse(note)
    cosigned = parsed.with_signatures([witness.sign(parsed.text, 1_700_000_000)])
    published = mechanism.store.published()
    assert published is not None
    mechanism.store.keep_cosignatures(published.size, cosigned.encode())
    assert roster.verify(fetch, _today(mechanism)).seen_by == "1 of 1 witnesses, which is enough"


def test_a_mechanism_without_witnesses_says_so(mechanism: Mechanism, page: MechanismPage) -> None:
    verified = roster.verify(_fetch(page), _today(mechanism))
    assert (verified.seen, verified.seen_by) == (None, "no witness: this mechanism has none")
