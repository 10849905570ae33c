import pytest

from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.domain import acts, envelope, rooms, sealing
from meyasubako.domain.acts import Request
from meyasubako.domain.envelope import Event
from meyasubako.domain.errors import BadDocumentError
from meyasubako.service.client import casefile
from meyasubako.service.mechanism import Mechanism
from tests.system.box import Box
from tests.unit.service.doors import Reported, begin, report


@pytest.fixture
def reported(mechanism: Mechanism, box: Box) -> Reported:
    return report(mechanism, box)


def shown(mechanism: Mechanism, reported: Reported, *beside: Event) -> rooms.Room:
    """The dialogue as somebody folds it whom the service shows these events besides those in the log."""
    streams = [
        tuple(envelope.read(row.data) for row in mechanism.store.stream(stream))
        for stream in (reported.case, reported.report, reported.dialogue)
    ]
    ledger = casefile.fold(mechanism.ledger().mechanism, [*streams[:2], streams[2] + beside])
    return ledger.rooms[reported.dialogue]


def advanced(mechanism: Mechanism, reported: Reported, request: Request, *left_out: str) -> Event:
    """A new epoch whose key its author knows, wrapped to everybody who reads."""
    people, case = mechanism.ledger().mechanism.people, mechanism.ledger().cases[reported.case]
    identity = HybridIdentity.generate()
    readers = {
        reader: HybridRecipient.parse(
            case.reporter_recipient if reader == case.reporter else people[reader].recipient
        )
        for reader in mechanism.ledger().rooms[reported.dialogue].readers - set(left_out)
    }
    wraps = [{"reader": key, **sealing.wrap(identity, to).reference} for key, to in readers.items()]
    body = {"epoch": 2, "recipient": identity.recipient.text, "wraps": wraps}
    return request.add("room.advanced", reported.dialogue, body)


@pytest.mark.parametrize("name", ["Ada Berg", "Ana Silva"])
def test_nobody_begins_an_epoch_of_a_room_that_they_do_not_read(
    mechanism: Mechanism, box: Box, reported: Reported, name: str
) -> None:
    forged = advanced(mechanism, reported, begin(mechanism, box.people[name].signing))
    with pytest.raises(BadDocumentError, match="no say"):
        shown(mechanism, reported, forged)


@pytest.mark.parametrize("kind", ["access.granted", "access.revoked"])
def test_nobody_gives_or_takes_access_to_a_room_that_they_do_not_read(
    mechanism: Mechanism, box: Box, reported: Reported, kind: str
) -> None:
    auditor, keiko = box.people["Ana Silva"], box.key_id("Keiko Sato")
    wrap = sealing.wrap(HybridIdentity.generate(), auditor.identity.recipient)
    given = {"reader": box.key_id("Ana Silva"), "wraps": [{"epoch": 1, **wrap.reference}]}
    body = given if kind == "access.granted" else {"reader": keiko}
    forged = begin(mechanism, auditor.signing).add(kind, reported.dialogue, body)
    with pytest.raises(BadDocumentError, match="no say"):
        shown(mechanism, reported, forged)


def test_a_reader_gives_no_access_to_somebody_whose_roles_read_nothing(
    mechanism: Mechanism, box: Box, reported: Reported
) -> None:
    keiko, steward = box.people["Keiko Sato"], box.people["Ada Berg"]
    wrap = sealing.wrap(HybridIdentity.generate(), steward.identity.recipient)
    body = {"reader": box.key_id("Ada Berg"), "wraps": [{"epoch": 1, **wrap.reference}]}
    with pytest.raises(BadDocumentError, match="no say"):
        shown(
            mechanism,
            reported,
            begin(mechanism, keiko.signing).add("access.granted", reported.dialogue, body),
        )


def test_a_steward_takes_access_away_and_a_reader_begins_an_epoch(
    mechanism: Mechanism, box: Box, reported: Reported
) -> None:
    omar = box.key_id("Omar Haddad")
    revoked = begin(mechanism, box.people["Ada Berg"].signing).add(
        "access.revoked", reported.dialogue, {"reader": omar}
    )
    request = begin(mechanism, box.people["Keiko Sato"].signing)
    request.heads[reported.dialogue] = envelope.Head(revoked.seq, revoked.leaf)
    room = shown(mechanism, reported, revoked, advanced(mechanism, reported, request, omar))
    assert not rooms.stale(room, mechanism.ledger().mechanism)


def test_nobody_writes_in_an_epoch_that_was_begun_by_somebody_who_reads_no_more(
    mechanism: Mechanism, box: Box, reported: Reported
) -> None:
    # The service shows an epoch that somebody who was suspended begins now, wrapped to everybody but them.
    state, omar = mechanism.ledger().mechanism, box.key_id("Omar Haddad")
    request = begin(mechanism, box.people["Omar Haddad"].signing)
    room = shown(mechanism, reported, advanced(mechanism, reported, request, omar))
    ledger = mechanism.ledger().branch()
    suspended = begin(mechanism, box.people["Ada Berg"].signing).add(
        "person.suspended", state.stream, {"person": omar}
    )
    ledger.apply(suspended, ledger.size)
    mine = begin(mechanism, reported.key)
    to = reported.receipt.identity("box.example.org").recipient
    epoch = acts.current_epoch(mine, room, ledger.mechanism, to, "reporter_tool")
    assert epoch.number == 3


def case_shown(mechanism: Mechanism, reported: Reported, *beside: Event) -> None:
    """Fold the case as somebody does whom the service shows these events besides those in the log."""
    streams = [
        tuple(envelope.read(row.data) for row in mechanism.store.stream(stream))
        for stream in (reported.case, reported.report, reported.dialogue)
    ]
    casefile.fold(mechanism.ledger().mechanism, [streams[0], *streams[1:], *[(each,) for each in beside]])


@pytest.mark.parametrize("kind", ["withdrawal.requested", "referral.consented"])
def test_nobody_but_the_reporter_withdraws_or_consents(
    mechanism: Mechanism, box: Box, reported: Reported, kind: str
) -> None:
    body = {"message": "ab" * 32, "sealed_by": "server"}
    if kind == "referral.consented":
        body["referral"] = "cd" * 32
    forged = begin(mechanism, box.people["Keiko Sato"].signing).add(kind, reported.case, body)
    with pytest.raises(BadDocumentError, match="no say"):
        case_shown(mechanism, reported, forged)


def test_a_reporter_decides_nothing_that_is_the_staffs(mechanism: Mechanism, reported: Reported) -> None:
    body = {"outcome": "eligible", "message": "ab" * 32}
    forged = begin(mechanism, reported.key).add("eligibility.decided", reported.case, body)
    with pytest.raises(BadDocumentError, match="no say"):
        case_shown(mechanism, reported, forged)


@pytest.mark.parametrize(
    ("name", "room"),
    [
        ("Ada Berg", "mediation"),
        ("Keiko Sato", "mediation"),
        ("Ana Silva", "respondent"),
        ("Ada Berg", "team"),
    ],
)
def test_a_room_that_somebody_without_a_say_opens_is_not_believed(
    mechanism: Mechanism, box: Box, reported: Reported, name: str, room: str
) -> None:
    pair = box.people[name]
    request = begin(mechanism, pair.signing)
    made = acts.NewRoom(mechanism.fresh_id(), HybridIdentity.generate())
    readers = {box.key_id(name): pair.identity.recipient}
    forged = acts.open_room(request, made, case=reported.case, name=room, readers=readers)
    with pytest.raises(BadDocumentError, match="no say"):
        case_shown(mechanism, reported, forged)
