import pytest


def fetching(world, who, case, *digests, stream=None):
    body = {"case": case.stream, "payloads": list(digests)}
    return world.event(who, "payload.fetched", stream or world.fresh(), body)


def report_digest(case):
    return case.events[0].body["report"]["sha256"]


def wrap_of(event, who):
    return next(wrap["sha256"] for wrap in event.body["wraps"] if wrap["reader"] == who.id)


def test_a_reads_stream_is_one_persons(world, case):
    stream = world.fresh()
    world.accept(fetching(world, world.ira, case, report_digest(case), stream=stream))
    world.refuse("reads-are-ones-own", fetching(world, world.ken, case, report_digest(case), stream=stream))


def test_a_reads_stream_is_of_one_case(world, case):
    stream, other = world.fresh(), world.submit()
    world.accept(fetching(world, world.ira, case, report_digest(case), stream=stream))
    world.refuse("reads-are-ones-own", fetching(world, world.ira, other, report_digest(other), stream=stream))


def test_nothing_is_fetched_from_a_case_that_does_not_exist(world, case):
    body = {"case": world.fresh(), "payloads": [report_digest(case)]}
    world.refuse("reads-are-ones-own", world.event(world.ira, "payload.fetched", world.fresh(), body))


@pytest.mark.parametrize("name", ["ann", "hal", "mia", "cid", "rita", "otto"])
def test_only_readers_fetch(world, case, name):
    who = getattr(world, name)
    world.refuse("fetch-what-one-may-read", fetching(world, who, case, report_digest(case)))


def test_somebody_who_lost_access_fetches_nothing(world, case):
    world.act(world.ira, "access.revoked", case.report.stream, {"reader": world.ken.id})
    world.refuse("fetch-what-one-may-read", fetching(world, world.ken, case, report_digest(case)))


def test_somebody_suspended_fetches_nothing(world, case):
    world.act(world.ann, "person.suspended", world.stream, {"person": world.ken.id})
    world.refuse("fetch-what-one-may-read", fetching(world, world.ken, case, report_digest(case)))


def test_nobody_fetches_anothers_wrap(world, case):
    theirs = wrap_of(case.events[1], world.ken)
    world.refuse("fetch-what-one-may-read", fetching(world, world.ira, case, theirs))


def test_a_payload_is_of_the_case_that_the_fetch_names(world, case):
    other = world.submit()
    world.refuse("fetch-what-one-may-read", fetching(world, world.ira, case, report_digest(other)))


def test_a_payload_is_fetched_once(world, case):
    stream, digest = world.fresh(), report_digest(case)
    world.refuse("fetch-what-one-may-read", fetching(world, world.ira, case, digest, digest))
    world.accept(fetching(world, world.ira, case, digest, stream=stream))
    world.refuse("fetch-what-one-may-read", fetching(world, world.ira, case, digest, stream=stream))


def test_a_reporter_leaves_no_reads(world, case):
    digest = wrap_of(case.events[2], case.reporter)
    world.refuse("fetch-what-one-may-read", fetching(world, case.reporter, case, digest))
