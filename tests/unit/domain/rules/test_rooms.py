import pytest

from meyasubako.crypto.age import HybridIdentity
from meyasubako.domain import acts, rooms
from tests.unit.domain.steps import assessed, chosen, joined, notified, opened

CLAIM = {"sealed_by": "server"}


def text(digest="ab" * 32):
    return {"sha256": digest, "size": 6000}


def message(world, who, room, epoch=1, **also):
    body = {"epoch": epoch, "message": text(), "files": [], **also}
    return world.event(who, "message.posted", room.stream, body)


def revoke(world, who, room, reader):
    return world.event(who, "access.revoked", room.stream, {"reader": reader.id})


def advance(world, who, room, readers, epoch=2, **also):
    """An advance of the room to these readers, with real wraps."""
    identity = HybridIdentity.generate()
    request = world.request(who)
    probe = acts.NewRoom(world.fresh(), identity)
    recipients = {each.id: each.recipient for each in readers}
    opened = acts.open_room(request, probe, case=world.fresh(), name="team", readers=recipients)
    body = {"epoch": epoch, "recipient": identity.recipient.text, "wraps": list(opened.body["wraps"]), **also}
    return world.event(who, "room.advanced", room.stream, body)


@pytest.mark.parametrize("name", ["ann", "hal", "mia", "cid", "rita", "otto"])
def test_only_readers_write_in_a_room(world, case, name):
    world.refuse("room-writer", message(world, getattr(world, name), case.dialogue))


def test_somebody_who_lost_access_does_not_write(world, case):
    world.accept(revoke(world, world.ira, case.dialogue, world.ken))
    world.refuse("room-writer", message(world, world.ken, case.dialogue))


def test_somebody_suspended_does_not_write(world, case):
    world.act(world.ann, "person.suspended", world.stream, {"person": world.ken.id})
    world.refuse("room-writer", message(world, world.ken, case.dialogue))


def test_a_reader_who_was_left_out_does_not_write(world):
    case = world.submit(readers=("ira",))
    world.refuse("room-writer", message(world, world.ken, case.dialogue))


def test_each_kind_has_its_room(world, case):
    world.refuse("room-writer", message(world, world.ira, case.report))
    note = {"epoch": 1, "note": text(), "files": []}
    world.refuse("room-writer", world.event(world.ira, "note.added", case.dialogue.stream, note))
    addition = {"epoch": 1, "addition": text(), "files": [], **CLAIM}
    world.refuse("room-writer", world.event(case.reporter, "report.added", case.dialogue.stream, addition))


def test_staff_do_not_add_to_the_report(world, case):
    addition = {"epoch": 1, "addition": text(), "files": []}
    world.refuse("room-writer", world.event(world.ira, "report.added", case.report.stream, addition))


def test_the_reporter_does_not_write_in_the_team_room(world, case):
    team = world.open_team(world.ira, case, ("ira", "ken"))
    note = {"epoch": 1, "note": text(), "files": []}
    world.refuse("room-writer", world.event(case.reporter, "note.added", team.stream, note))


def test_only_the_reporter_closes_the_mailbox(world, case):
    event = world.event(world.ira, "mailbox.closed_to_reading", case.dialogue.stream, CLAIM)
    world.refuse("room-writer", event)


def test_a_steward_gives_nobody_access(world, case):
    grant, _ = world.granting(world.ann, case.report.stream, [case.report.identity], world.hal)
    world.refuse("room-writer", grant)


def test_a_reporter_gives_nobody_access(world, case):
    grant, _ = world.granting(case.reporter, case.dialogue.stream, [case.dialogue.identity], world.hal)
    world.refuse("room-writer", grant)


def test_a_reporter_says_where_it_was_sealed(world, case):
    world.refuse("sealed-by-is-the-reporters", message(world, case.reporter, case.dialogue))


def test_staff_claim_nothing_about_a_reporters_sealing(world, case):
    world.refuse("sealed-by-is-the-reporters", message(world, world.ira, case.dialogue, **CLAIM))


def test_nothing_is_written_in_an_epoch_that_is_not_the_rooms(world, case):
    world.refuse("epoch-is-fresh", message(world, world.ira, case.dialogue, epoch=2))


@pytest.mark.parametrize("author", ["ira", "reporter"])
@pytest.mark.parametrize("how", ["revoked", "suspended"])
def test_nothing_is_written_in_an_epoch_that_somebody_excluded_can_open(world, case, author, how):
    if how == "revoked":
        world.accept(revoke(world, world.ira, case.dialogue, world.ken))
    else:
        world.act(world.ann, "person.suspended", world.stream, {"person": world.ken.id})
    who, claim = (case.reporter, CLAIM) if author == "reporter" else (world.ira, {})
    world.refuse("epoch-is-fresh", message(world, who, case.dialogue, **claim))


def test_nothing_is_written_for_a_mailbox_that_is_closed_to_reading(world, case):
    world.act(case.reporter, "mailbox.closed_to_reading", case.dialogue.stream, CLAIM)
    world.refuse("epoch-is-fresh", message(world, world.ira, case.dialogue))


def test_whoever_writes_next_advances_first(world, case):
    world.accept(revoke(world, world.ira, case.dialogue, world.ken))
    world.post(case.reporter, "message.posted", case.dialogue.stream, {"text": "still here"}, "server")
    assert world.ledger.rooms[case.dialogue.stream].epoch == 2
    assert world.audit() == []


def test_an_advance_leaves_nobody_out(world, case):
    world.refuse(
        "advance-wraps-exactly", advance(world, world.ira, case.dialogue, [world.ira, case.reporter])
    )


def test_an_advance_slips_nobody_in(world, case, someone):
    for extra in (world.hal, someone("eve")):
        readers = [world.ira, world.ken, case.reporter, extra]
        world.refuse("advance-wraps-exactly", advance(world, world.ira, case.dialogue, readers))


def test_an_advance_wraps_to_nobody_who_lost_access(world, case):
    world.accept(revoke(world, world.ira, case.dialogue, world.ken))
    readers = [world.ira, world.ken, case.reporter]
    world.refuse("advance-wraps-exactly", advance(world, world.ira, case.dialogue, readers))


def test_an_advance_counts_up_by_one(world, case):
    readers = [world.ira, world.ken, case.reporter]
    world.refuse("advance-wraps-exactly", advance(world, world.ira, case.dialogue, readers, epoch=3))


def test_an_epoch_has_a_key_of_its_own(world, case):
    readers = [world.ira, world.ken, case.reporter]
    recipient = case.dialogue.recipient.text
    event = advance(world, world.ira, case.dialogue, readers, recipient=recipient)
    world.refuse("advance-wraps-exactly", event)


@pytest.mark.parametrize(
    ("opener", "readers"),
    [("hal", ["hal"]), ("ann", ["ann"]), ("ira", ["ken"]), ("ira", ["ira", "hal"]), ("ira", ["ira", "ann"])],
)
def test_the_team_room_is_for_people_who_read_the_report(world, case, opener, readers):
    who = getattr(world, opener)
    room = acts.NewRoom(world.fresh(), HybridIdentity.generate())
    request = world.request(who)
    recipients = {getattr(world, name).id: getattr(world, name).recipient for name in readers}
    event = acts.open_room(request, room, case=case.stream, name="team", readers=recipients)
    world.refuse("team-opened-by-staff", event)


@pytest.mark.parametrize("name", ["ann", "mia", "cid", "rita", "otto"])
def test_access_is_not_given_to_people_without_the_role(world, case, name):
    reader = getattr(world, name)
    grant, _ = world.granting(world.ira, case.report.stream, [case.report.identity], reader)
    world.refuse("grant-to-waited-handler", grant)


def test_access_is_not_given_to_a_key_off_the_roster(world, case, someone):
    grant, _ = world.granting(world.ira, case.report.stream, [case.report.identity], someone("eve"))
    world.refuse("grant-to-waited-handler", grant)


def test_access_is_not_given_before_the_waiting_time_is_over(world, case, someone):
    nia = someone("nia")
    world.enrol(nia, "handler:main")
    for _ in range(2):
        grant, _ = world.granting(world.ira, case.report.stream, [case.report.identity], nia)
        world.refuse("grant-to-waited-handler", grant)
        world.mark()
    world.mark()
    _, request = world.granting(world.ira, case.report.stream, [case.report.identity], nia)
    world.send(request)


def test_access_is_not_given_twice(world, case):
    grant, _ = world.granting(world.ira, case.report.stream, [case.report.identity], world.ken)
    world.refuse("grant-to-waited-handler", grant)


def test_a_handler_is_given_every_epoch(world, case):
    world.accept(revoke(world, world.ira, case.dialogue, world.ken))
    world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "two"})
    grant, _ = world.granting(world.ira, case.dialogue.stream, [case.dialogue.identity], world.hal)
    world.refuse("grant-to-waited-handler", grant)


def test_the_team_room_is_granted_only_to_people_who_read_the_report(world, case):
    team = world.open_team(world.ira, case, ("ira",))
    grant, _ = world.granting(world.ira, team.stream, [team.identity], world.hal)
    world.refuse("grant-to-waited-handler", grant)


@pytest.mark.parametrize("name", ["hal", "rita", "otto", "reporter"])
def test_access_is_taken_away_by_readers_and_stewards_only(world, case, name):
    who = case.reporter if name == "reporter" else getattr(world, name)
    world.refuse("revoke-a-reader", revoke(world, who, case.dialogue, world.ken))


def test_a_steward_takes_access_away(world, case):
    world.check(revoke(world, world.ann, case.report, world.ken))


def test_nobody_loses_access_that_they_do_not_have(world, case):
    world.refuse("revoke-a-reader", revoke(world, world.ira, case.report, world.hal))


def test_the_reporter_is_not_shut_out_of_the_dialogue(world, case):
    world.refuse("revoke-a-reader", revoke(world, world.ira, case.dialogue, case.reporter))


def test_a_mailbox_closes_once(world, case):
    world.act(case.reporter, "mailbox.closed_to_reading", case.dialogue.stream, CLAIM)
    again = world.event(case.reporter, "mailbox.closed_to_reading", case.dialogue.stream, CLAIM)
    world.refuse("mailbox-closes-once", again)


def in_mediation(world, case):
    chosen(world, case, "mediation")
    return opened(world, world.mia, case, "mediation", [world.mia, case.reporter])


@pytest.mark.parametrize("name", ["ira", "hal"])
def test_nobody_who_works_on_a_case_is_given_its_mediation(world, case, name):
    room = in_mediation(world, case)
    grant, _ = world.granting(world.mia, room.stream, [room.identity], getattr(world, name))
    world.refuse("grant-to-waited-handler", grant)


def test_a_mediator_who_once_had_the_report_is_not_given_the_mediation(world, case, someone):
    both = joined(world, someone, "bea", "mediator:main", "handler:main")
    _, request = world.granting(world.ira, case.report.stream, [case.report.identity], both)
    world.send(request)
    world.act(world.ira, "access.revoked", case.report.stream, {"reader": both.id})
    room = in_mediation(world, case)
    grant, _ = world.granting(world.mia, room.stream, [room.identity], both)
    world.refuse("mediation-stays-apart", grant)


def test_a_mediator_of_the_case_is_never_given_its_report(world, case, someone):
    both = joined(world, someone, "bea", "mediator:main", "handler:main")
    room = in_mediation(world, case)
    _, request = world.granting(world.mia, room.stream, [room.identity], both)
    world.send(request)
    world.act(both, "access.revoked", room.stream, {"reader": both.id})
    for place in (case.report, case.dialogue):
        grant, _ = world.granting(world.ira, place.stream, [place.identity], both)
        world.refuse("mediation-stays-apart", grant)


@pytest.mark.parametrize("name", ["ira", "ken", "reporter"])
def test_the_mediation_is_written_by_those_in_it(world, case, name):
    chosen(world, case, "mediation")
    room = opened(world, world.mia, case, "mediation", [world.mia])
    who = case.reporter if name == "reporter" else getattr(world, name)
    claim = CLAIM if name == "reporter" else {}
    world.refuse("room-writer", message(world, who, room, **claim))


@pytest.mark.parametrize("role", ["translator", "panel"])
def test_guests_are_given_the_current_epoch_and_write_nothing_to_the_reporter(world, case, someone, role):
    guest = joined(world, someone, "gus", f"{role}:main")
    world.accept(revoke(world, world.ira, case.dialogue, world.ken))
    world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "two"})
    both = [case.dialogue.identity, case.report.identity]
    grant, _ = world.granting(world.ira, case.dialogue.stream, both, guest)
    world.refuse("grant-to-waited-handler", grant)
    body = dict(grant.body)
    world.act(world.ira, "access.granted", case.dialogue.stream, {**body, "wraps": [body["wraps"][1]]})
    assert guest.id in rooms.present(world.ledger.rooms[case.dialogue.stream], world.mechanism)
    world.refuse("room-writer", message(world, guest, case.dialogue, epoch=2))
    world.refuse("revoke-a-reader", revoke(world, guest, case.dialogue, world.ira))
    world.refuse("assigned-people-act", world.event(guest, "conflict.cleared", case.stream, {}))


def test_what_was_released_is_given_to_people_who_work_on_the_report(world, case, someone):
    answers = joined(world, someone, "rex", "respondent:main")
    notified(world, assessed(world, case))
    room = opened(world, world.ira, case, "respondent", [world.ira, answers])
    grant, _ = world.granting(world.ira, room.stream, [room.identity], world.hal)
    world.refuse("grant-to-waited-handler", grant)
    grant, _ = world.granting(answers, room.stream, [room.identity], world.ken)
    world.refuse("room-writer", grant)
    _, request = world.granting(world.ira, room.stream, [room.identity], world.ken)
    world.send(request)


def test_whoever_loses_the_role_reads_no_more(world, case, someone):
    _, request = world.granting(world.ira, case.report.stream, [case.report.identity], world.hal)
    world.send(request)
    world.enrol(someone("ned"), "handler:main")
    world.together(world.ann, world.bob, "role.withdrawn", {"person": world.hal.id, "role": "handler:main"})
    room = world.ledger.rooms[case.report.stream]
    assert world.hal.id not in rooms.present(room, world.mechanism)
    assert rooms.stale(room, world.mechanism)


def disputing(world, who, room, epoch=1):
    return world.event(who, "wrap.disputed", room.stream, {"epoch": epoch})


def test_only_whoever_was_given_a_wrap_disputes_it_and_once(world, case):
    world.refuse("room-writer", disputing(world, world.hal, case.report))
    world.refuse("disputed-wrap-is-ones-own", disputing(world, world.ira, case.report, epoch=2))
    world.accept(disputing(world, world.ira, case.report))
    world.refuse("disputed-wrap-is-ones-own", disputing(world, world.ira, case.report))


def test_somebody_gives_their_own_access_up(world, case):
    world.accept(revoke(world, world.ken, case.report, world.ken))
    assert world.ken.id not in world.ledger.rooms[case.report.stream].readers
