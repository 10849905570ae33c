"""A case in a `world`, led along the ways of its life by real, allowed events."""

from datetime import timedelta

from meyasubako.crypto.age import HybridIdentity
from meyasubako.domain import acts

CLAIM = {"sealed_by": "reporter_tool"}


def later(world, days=30):
    return (world.today + timedelta(days=days)).isoformat()


def told(world, who, case):
    """The leaf of a message to the reporter, or by them."""
    claim = "reporter_tool" if who is case.reporter else None
    return world.post(who, "message.posted", case.dialogue.stream, {"text": "words"}, claim).leaf


def acting(world, who, case, kind, **body):
    """An act that names a message of its author's own, not sent yet."""
    claim = CLAIM if who is case.reporter else {}
    return world.event(who, kind, case.stream, {"message": told(world, who, case), **body, **claim})


def act(world, who, case, kind, **body):
    return world.accept(acting(world, who, case, kind, **body))


def plainly(world, who, case, kind, **body):
    """An act that names no message."""
    return world.act(who, kind, case.stream, body)


def state(world, case):
    return world.ledger.cases[case.stream]


def acknowledged(world, case):
    act(world, world.ira, case, "case.acknowledged", next=later(world))
    return case


def screened(world, case):
    acknowledged(world, case)
    plainly(world, world.ira, case, "case.moved", to="screening", next=later(world))
    return case


def assessed(world, case):
    screened(world, case)
    act(world, world.ira, case, "eligibility.decided", outcome="eligible", next=later(world))
    plainly(world, world.ira, case, "case.moved", to="assessment", next=later(world))
    return case


def chosen(world, case, path):
    assessed(world, case)
    act(world, case.reporter, case, "path.chosen", path=path)
    return case


def closed(world, case, outcome="decided"):
    screened(world, case)
    act(world, world.ira, case, "case.closed", **{"class": outcome})
    return case


def told_yesterday(world, case):
    """Tell the reporter, and let a day pass."""
    message = told(world, world.ira, case)
    world.mark()
    return message


def notified(world, case):
    message = told_yesterday(world, case)
    plainly(world, world.ira, case, "respondent.notified", message=message, next=later(world))
    return case


def joined(world, someone, name, *roles):
    """Somebody new, past the waiting time."""
    person = someone(name)
    world.enrol(person, *roles)
    for _ in range(3):
        world.mark()
    return person


def opening(world, who, case, name, readers):
    """A room of a case, not opened yet, and its key."""
    room = acts.NewRoom(world.fresh(), HybridIdentity.generate())
    request = world.request(who)
    recipients = {each.id: each.recipient for each in readers}
    return acts.open_room(request, room, case=case.stream, name=name, readers=recipients), room


def opened(world, who, case, name, readers):
    event, room = opening(world, who, case, name, readers)
    world.accept(event)
    return room


def adopt(world, *deadlines, profile="test"):
    """Two people adopt a profile of these deadlines: (step, days), or with more of its fields."""
    rows = [
        {"step": step, "days": days, "working": False, **(more[0] if more else {})}
        for step, days, *more in deadlines
    ]
    body = {"channel": "main", "profile": profile, "deadlines": rows, "retention": []}
    world.together(world.ann, world.bob, "profile.adopted", body)
