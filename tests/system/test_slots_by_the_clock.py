"""The server keeps its own rules whatever its clock does: an audit of what it wrote finds nothing."""

from datetime import UTC, datetime, timedelta
from itertools import chain, repeat

import pytest

from meyasubako.crypto.keyfile import KeyPair
from meyasubako.domain.acts import Request
from meyasubako.service.config import Config, Doors
from meyasubako.service.founding import Founder, Settings, found
from meyasubako.service.inspection import audit
from meyasubako.service.keys import ServerKeys
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.sqlite import Store

ORIGIN = "box.example.org/clock"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class HeldClock:
    """A clock that a test turns."""

    def __init__(self, now):
        self.times = repeat(now)

    def __call__(self):
        return next(self.times)

    def turn(self, *times):
        """Tell these times one after the other, and the last one from then on."""
        self.times = chain(times, repeat(times[-1]))


@pytest.fixture
def clock():
    return HeldClock(NOON)


@pytest.fixture
def founded(tmp_path, clock):
    def made(**settings):
        directory, ann = tmp_path / "box", KeyPair.generate("ann")
        anywhere = Doors(reporter="127.0.0.1:0", handler="127.0.0.1:0", log="127.0.0.1:0")
        config = Config(origin=ORIGIN, doors=anywhere)
        given = {"name": "Box", "channel_name": "Main", "test": True, **settings}
        founders = [Founder(ann.person("ann"), ("steward",))]
        found(directory, config, Settings(**given), founders, ann, clock=clock)
        mechanism = Mechanism(directory, config, ServerKeys.load(directory), Store.open(directory), clock)
        enrol_auditor(mechanism, ann)
        return mechanism

    return made


def enrol_auditor(mechanism, steward):
    """Somebody whose waiting time begins: the roster will change with the days."""
    person, ledger = KeyPair.generate("rita").person("rita"), mechanism.ledger()
    stream = ledger.mechanism.stream
    request = Request(ORIGIN, steward.signing, mechanism.clock(), {stream: ledger.head(stream)})
    body = {
        "card": {"ref": ledger.mechanism.card},
        "key": person.key.text,
        "recipient": person.recipient.text,
        "proof": person.proof,
        "roles": ["auditor"],
    }
    request.add("person.enrolled", stream, body)
    mechanism.accept([event.data for event in request.events], {})


def checked(mechanism):
    mechanism.close()
    result = audit(mechanism.directory)
    assert result.good, result.findings
    return result


def test_a_clock_that_goes_back_breaks_no_rule(founded, clock):
    mechanism = founded()
    clock.turn(NOON + timedelta(days=9))
    mechanism.publish()
    clock.turn(NOON)
    mechanism.write_covers(3)
    mechanism.publish()
    checked(mechanism)


@pytest.mark.parametrize("looks", range(1, 7))
def test_midnight_in_the_middle_of_a_slots_closing_breaks_no_rule(founded, clock, looks):
    mechanism = founded(waiting_hours=24)
    before = datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC)
    clock.turn(NOON)
    mechanism.publish()
    for day in range(-1, 3):
        late = before + timedelta(days=day)
        clock.turn(*[late] * looks, late + timedelta(seconds=1))
        mechanism.publish()
    checked(mechanism)


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_slots_of_any_step_have_one_stream_of_covers(founded, step):
    mechanism = founded(step=step)
    for covers in (0, 0, 1, 0, 2):
        if covers:
            mechanism.write_covers(covers)
        mechanism.publish()
    result = checked(mechanism)
    assert result.summary["slots"] == 6
