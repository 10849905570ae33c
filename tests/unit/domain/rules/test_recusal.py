from tests.unit.domain.steps import acknowledged, acting, later, opening, plainly, state


def revoked(world, who, case, *rooms):
    for room in rooms:
        world.act(who, "access.revoked", room.stream, {"reader": who.id})


def test_whoever_steps_back_has_lost_every_room_before(world, case):
    team = world.open_team(world.ira, case, ("ira", "ken"))
    event = world.event(world.ken, "handler.recused", case.stream, {})
    world.refuse("recusal-takes-access-away", event)
    revoked(world, world.ken, case, case.report, case.dialogue)
    event = world.event(world.ken, "handler.recused", case.stream, {})
    world.refuse("recusal-takes-access-away", event)
    revoked(world, world.ken, case, team)
    plainly(world, world.ken, case, "handler.recused")
    assert world.ken.id in state(world, case).recused
    assert world.ken.id not in state(world, case).assigned
    assert world.audit() == []


def test_whoever_stepped_back_is_given_nothing_again(world, case):
    revoked(world, world.ken, case, case.report, case.dialogue)
    plainly(world, world.ken, case, "handler.recused")
    grant, _ = world.granting(world.ira, case.report.stream, [case.report.identity], world.ken)
    world.refuse("who-stepped-back-stays-out", grant)
    event = world.event(world.ira, "handler.assigned", case.stream, {"person": world.ken.id})
    world.refuse("who-stepped-back-stays-out", event)


def test_whoever_declared_a_conflict_is_not_in_a_room_that_is_opened_later(world, case):
    plainly(world, world.ken, case, "conflict.declared")
    event, _ = opening(world, world.ira, case, "team", [world.ira, world.ken])
    world.refuse("who-stepped-back-stays-out", event)


def test_whoever_declared_a_conflict_does_nothing_but_step_back(world, case):
    acknowledged(world, case)
    move = acting(world, world.ken, case, "deadline.extended", next=later(world))
    plainly(world, world.ken, case, "conflict.declared")
    note = world.writing(world.ken, "message.posted", case.dialogue.stream, {"text": "still here"})
    world.refuse("conflict-stops-work", *note.events)
    move = world.event(world.ken, "deadline.extended", case.stream, dict(move.body))
    world.refuse("conflict-stops-work", move)
    other = world.event(world.ken, "access.revoked", case.report.stream, {"reader": world.ira.id})
    world.refuse("conflict-stops-work", other)
    world.refuse("conflict-stops-work", world.event(world.ken, "conflict.cleared", case.stream, {}))
    revoked(world, world.ken, case, case.report, case.dialogue)
    plainly(world, world.ken, case, "handler.recused")
    again = world.event(world.ken, "handler.recused", case.stream, {})
    world.refuse("conflict-stops-work", again)


def test_somebody_who_was_never_in_the_case_does_not_step_back_from_it(world, case):
    world.refuse("assigned-people-act", world.event(world.hal, "handler.recused", case.stream, {}))


def test_whoever_has_no_conflict_says_so_and_goes_on(world, case):
    plainly(world, world.ken, case, "conflict.cleared")
    assert state(world, case).cleared == {world.ken.id}
    acknowledged(world, case)
