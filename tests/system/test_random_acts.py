"""Random acts by many people: what the server took, the blind audit takes; what it refused changed nothing.

The server decides on the streams that an act touches; the audit replays all of them from their bytes alone.
Both ask the same rules, so what is tested is that they ask them of the same state.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from meyasubako.crypto.keyfile import KeyPair
from meyasubako.domain import acts, kinds
from meyasubako.domain.acts import Request
from meyasubako.domain.audit import Replay
from meyasubako.domain.errors import DomainError
from meyasubako.domain.people import Person
from meyasubako.service.config import Config
from meyasubako.service.errors import ServiceError
from meyasubako.service.founding import Appointed, Founder, Settings, found
from meyasubako.service.inspection import audit
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.errors import StoreError
from tests.system.box import ANYWHERE
from tests.system.errands import ERRANDS, new_room, report_with_identity
from tests.system.plausible import OTHERWISE, Scene, Somebody, attempt, author

ORIGIN = "random.example.org/log"
ROLES = {
    "Ada": ("steward",),
    "Jonas": ("steward",),
    "Keiko": ("handler:main", "intake:main"),
    "Omar": ("handler:main", "intake:main"),
    "Mia": ("mediator:main",),
    "Cem": ("custodian:main", "recovery:main", "outsider"),
    "Dora": ("custodian:main", "recovery:main", "records"),
    "Ana": ("auditor",),
}
BEGIN = datetime(2026, 11, 22, 12, tzinfo=UTC)
# Kinds that a person may write, in the sorts of stream in which they stand.
TRIED = [kind for kind in kinds.KINDS.values() if kind.name not in kinds.SERVICE]
SORTS = (kinds.MECHANISM, kinds.CASE, kinds.CASE, kinds.ROOM)
# How often somebody sees to what another proposed.
SECONDED = 0.2
# After these less can happen, so they are tried seldom.
ENDS = (
    "person.suspended",
    "person.retired",
    "mailbox.closed_to_reading",
    "withdrawal.requested",
    "case.erased",
)
RARELY = 0.1
# What a short run must have seen the server take at least, or the test would prove little.
SEEN_AT_LEAST = 18
seen: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A mechanism to begin each run from."""
    place = tmp_path_factory.mktemp("random")
    people = [Somebody(name, KeyPair.generate(name)) for name in ROLES]
    founders = [Founder(each.pair.person(), ROLES[each.name]) for each in people]
    holders = tuple(each.id for each in people if each.name in ("Cem", "Dora"))
    told = Settings(
        name="Random",
        channel_name="Main",
        step=8,
        waiting_hours=0,
        test=True,
        appointed=Appointed(custodians=holders, recovery=holders),
    )
    found(place / "box", Config(origin=ORIGIN, doors=ANYWHERE), told, founders, people[0].pair)
    RandomActs.template, RandomActs.founders = place / "box", people
    yield
    assert len(seen) >= SEEN_AT_LEAST, seen


class RandomActs(RuleBasedStateMachine):
    """One mechanism in which anybody tries anything."""

    template: Path
    founders: list[Somebody]

    @initialize(seed=st.integers(0, 2**64 - 1))
    def begin(self, seed: int) -> None:
        self.place = TemporaryDirectory(prefix="random-acts-")
        self.box = Path(self.place.name) / "box"
        shutil.copytree(self.template, self.box)
        self.now, self.clock = BEGIN, Path(self.place.name) / "clock"
        self._tick(timedelta())
        self.mechanism = Mechanism.open(self.box, test_clock=self.clock)
        self.random, self.everybody = (
            Random(seed),
            [*self.founders, Somebody("stranger", KeyPair.generate("stranger"))],
        )
        self.replay, self.audited = Replay(), 0
        self._audit()
        self.report()

    def _tick(self, passed: timedelta) -> None:
        self.now += passed
        self.clock.write_text(self.now.isoformat(), encoding="ascii")

    def _audit(self) -> None:
        """Replay what is new, from its bytes."""
        rows = list(self.mechanism.store.rows(self.audited))
        assert list(self.replay.feed(row.data for row in rows)) == []
        self.audited += len(rows)

    def _send(self, request: Request) -> bool:
        """Whether the server took it; refused, it changed nothing."""
        before = self.mechanism.store.head()
        try:
            self.mechanism.accept([event.data for event in request.events], request.payloads)
        except (DomainError, ServiceError, StoreError):
            assert self.mechanism.store.head() == before
            return False
        seen.update(event.kind for event in request.events)
        self._audit()
        return True

    def _request(self, who: Somebody) -> Request:
        heads = dict(self.mechanism.ledger().heads)
        return Request(ORIGIN, who.pair.signing, self.now, heads)

    @rule()
    def something_happens(self) -> None:
        """Mostly somebody tries something; sometimes somebody reports, or a slot ends."""
        chance = self.random.random()
        if chance < 0.02:
            self.report()
        elif chance < 0.06:
            self.a_slot_ends()
        elif chance < 0.3:
            self.errand()
        else:
            self.anything()

    def report(self) -> None:
        """Somebody reports, to some of the people."""
        reporter = Somebody("reporter", KeyPair.generate("reporter"), reporter=True)
        state = self.mechanism.ledger().mechanism
        assert state.last_marker is not None
        readers = self._some(list(state.intake("main", state.last_marker.slot)))
        rooms = new_room(), new_room()
        request = self._request(reporter)
        acts.submit(
            request,
            report_with_identity(self._scene(), frozenset(readers)),
            case=Mechanism.fresh_id(),
            rooms=rooms,
            reporter=reporter.pair.identity.recipient,
            channel=state.channels["main"],
            marker=state.last_marker.leaf,
            readers={key: acts.HybridRecipient.parse(person.recipient) for key, person in readers.items()},
            sealed_by="reporter_tool",
        )
        if self._send(request):
            self.everybody = [*self.everybody, reporter]

    def _some(self, people: list[Person]) -> dict[str, Person]:
        chosen = self.random.sample(people, self.random.randint(min(1, len(people)), len(people)))
        return {person.key_id: person for person in chosen}

    def _scene(self) -> Scene:
        return Scene(self.random, self.mechanism.ledger(), self.now.date(), self.everybody)

    def errand(self) -> None:
        """Somebody tries something that takes several events, in some case."""
        scene = self._scene()
        if not scene.cases():
            return
        run = self.random.choice(list(ERRANDS))
        fitting = [each for each in self.founders if set(ERRANDS[run]) & set(ROLES[each.name])]
        who = self.random.choice(fitting if self.random.random() >= OTHERWISE else self.everybody)
        request = self._request(who)
        run(scene, request, self.random.choice(scene.cases()))
        if request.events:
            self._send(request)

    def anything(self) -> None:
        """Somebody tries something, somewhere."""
        scene = self._scene()
        ledger = scene.ledger
        sorts = [sort for sort in SORTS if sort in ledger.sorts.values()]
        sort = self.random.choice(sorts)
        stream = self.random.choice([each for each, of in ledger.sorts.items() if of == sort])
        tried = [each for each in TRIED if sort in each.streams]
        begun = {proposal.kind for proposal in scene.proposals(stream).values()}
        if begun and self.random.random() < SECONDED:
            tried = [each for each in tried if each.name in begun]
        elif self.random.random() >= RARELY:
            tried = [each for each in tried if each.name not in ENDS]
        kind = self.random.choice(tried)
        if kind.name in kinds.OPENING:
            stream = Mechanism.fresh_id()
        request = self._request(author(scene, kind, stream))
        try:
            attempt(scene, request, kind, stream)
        except (DomainError, LookupError):
            return  # not even well formed
        self._send(request)

    def a_slot_ends(self) -> None:
        """Days pass; the clock closes the slot."""
        self._tick(timedelta(days=self.random.choice([0, 0, 1, 1, 1, 3, 3, 8, 40, 400])))
        self.mechanism.publish()
        self._audit()

    def teardown(self) -> None:
        if not hasattr(self, "mechanism"):
            return
        self.mechanism.publish()
        self.mechanism.close()
        found = [finding for finding in audit(self.box).findings if finding.rule not in LATE]
        self.place.cleanup()
        assert found == []


# What is found of things that nobody did in time: acts cannot break these, and nobody here is in time.
LATE = frozenset({"kept-past-its-time", "break-glass-is-reviewed", "ended-on-its-day"})

ONCE = settings(
    max_examples=8,
    stateful_step_count=250,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
TestRandomActs = RandomActs.TestCase
TestRandomActs.settings = ONCE


@pytest.mark.long
def test_a_hundred_thousand_random_acts() -> None:
    long = settings(ONCE, max_examples=400, stateful_step_count=250)
    run_state_machine_as_test(RandomActs, settings=long)  # type: ignore[no-untyped-call]
