from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meyasubako.domain import audit, envelope
from meyasubako.domain.chronicle import Chronicle
from meyasubako.domain.envelope import Head
from meyasubako.domain.errors import BadEventError, RefusedError
from tests.unit.domain.bodies import Bodies

fuzzed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def random_event(random, world, case, log):
    """An event of any kind by anybody in any stream, or None where its form is bad."""
    bodies = Bodies(random, world, case)
    kind = bodies.kind()
    authors = [*world.someone.values(), case.reporter, world.service]
    heads = {event.stream: Head(event.seq, event.leaf) for event in log}
    stream = random.choice([*heads, world.fresh()])
    head = heads.get(stream, Head()) if random.random() < 0.9 else Head(2, "ab" * 32)
    try:
        return world.event(random.choice(authors), kind.name, stream, bodies.body(kind), head=head)
    except BadEventError:
        return None


def test_a_log_that_kept_the_rules_has_no_findings(world, case):
    world.mark()
    assert world.audit() == []


@settings(fuzzed, max_examples=60)
@given(random=st.randoms(use_true_random=False))
def test_an_audit_ends_whatever_the_log_holds(shared, random):
    world, case = shared
    log = list(world.log[: random.randint(0, len(world.log))])
    for _ in range(12):
        event = random_event(random, world, case, log)
        if event:
            log.insert(random.choice([len(log), random.randint(0, len(log))]), event)
    replay = audit.Replay()
    list(replay.feed(event.data for event in log))
    list(replay.finish())
    assert replay.tree.size == len(log)


@settings(fuzzed, max_examples=150)
@given(random=st.randoms(use_true_random=False))
def test_the_server_refuses_by_name_whatever_is_sent(shared, random):
    world, case = shared
    event = random_event(random, world, case, world.log)
    if event is None:
        return
    try:
        world.check(event)
    except RefusedError:
        assert world.audit(event)
    else:
        assert world.audit(event) == []


@settings(fuzzed, max_examples=40)
@given(entries=st.lists(st.binary(max_size=40), min_size=1, max_size=4))
def test_entries_that_are_no_events_are_found(entries):
    replay = audit.Replay()
    found = [finding.index for finding in replay.feed(entries)]
    assert found == list(range(len(entries)))


def test_the_first_finding_names_index_stream_and_rule(world, case, someone):
    at = len(world.log)
    world.write(world.event(someone("stranger"), "person.suspended", world.stream, {"person": world.ira.id}))
    world.write(world.event(world.ann, "person.suspended", world.stream, {"person": world.ken.id}))
    first = world.audit()[0]
    assert (first.index, first.stream, first.rule) == (at, world.stream, "signature-fits")


def test_an_event_in_a_stream_of_another_sort_is_found_and_the_audit_goes_on(world, case, someone):
    """A message in the case's own stream: there `message` names a payload, and not an event."""
    body = {"epoch": 1, "message": {"sha256": "ab" * 32, "size": 500}, "files": []}
    world.write(world.event(world.ira, "message.posted", case.stream, body))
    world.write(world.event(someone("stranger"), "person.suspended", world.stream, {"person": world.ira.id}))
    rules = [finding.rule for finding in world.audit()]
    assert rules[0] == "kind-fits-stream"
    assert "signature-fits" in rules


def test_a_replay_goes_on_from_where_it_stands(world, case):
    replay = audit.Replay()
    data = [event.data for event in world.log]
    assert not list(replay.feed(data[:10]))
    assert not list(replay.feed(data[10:]))
    assert replay.tree == world.tree
    assert replay.ledger.heads == world.ledger.heads


def test_the_reporters_wraps_of_a_closed_mailbox_must_be_absent(world, case):
    assert audit.must_be_absent(world.ledger) == frozenset()
    claim = {"sealed_by": "server"}
    world.act(case.reporter, "mailbox.closed_to_reading", case.dialogue.stream, claim)
    dialogue = envelope.read(case.events[2].data)
    theirs = {wrap["sha256"] for wrap in dialogue.records("wraps") if wrap["reader"] == case.reporter.id}
    assert audit.must_be_absent(world.ledger) == theirs


def test_cards_are_told_from_sealed_payloads(world, case):
    assert audit.is_card(world.ledger, world.cards["channel"].digest)
    assert not audit.is_card(world.ledger, case.events[0].body["report"]["sha256"])
    assert not audit.is_card(world.ledger, "ab" * 32)


def test_a_summary_counts_what_an_auditor_reads_first(world, case):
    counts = audit.summary(world.ledger, Chronicle(covers=3))
    assert counts["entries"] == len(world.log)
    assert (counts["cases"], counts["open_cases"], counts["rooms"], counts["slots"]) == (1, 1, 2, 1)
    assert counts["streams"] == len(world.ledger.sorts) - 1, "covers say nothing, so theirs is not counted"


def test_a_reporter_who_reads_the_report_closes_that_too(world, someone):
    world.someone["asker"] = reporter = someone("asker")
    case = world.submit(("ira", "asker"), reporter=reporter)
    claim = {"sealed_by": "server"}
    for room in (case.report, case.dialogue):
        world.act(reporter, "mailbox.closed_to_reading", room.stream, claim)
    wraps = [wrap for event in case.events[1:] for wrap in event.records("wraps")]
    mine = {wrap["sha256"] for wrap in wraps if wrap["reader"] == reporter.id}
    assert len(mine) == 2
    assert audit.must_be_absent(world.ledger) == mine
    assert world.audit() == []
