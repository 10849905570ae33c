from meyasubako.domain import staffing


def test_what_is_missing_is_said_in_plain_words(world):
    said = list(staffing.missing(world.mechanism))
    assert not any("steward" in each for each in said)
    assert (
        "main: this channel has one custodian; an identity block needs two, outside the handling team" in said
    )
    assert any("fallback" in each for each in said)
    assert any("records" in each for each in said)
    assert any("profile" in each for each in said)


def test_nothing_is_said_of_what_is_there(world):
    world.together(world.ann, world.bob, "fallback.appointed", {"channel": "main", "person": world.otto.id})
    assert not any("fallback" in each for each in staffing.missing(world.mechanism))


def test_one_steward_is_told_apart_from_one_without_a_second_person(world):
    world.act(world.ann, "person.suspended", world.stream, {"person": world.bob.id})
    assert any("one steward: if that key is lost" in each for each in staffing.missing(world.mechanism))
    world.act(world.ann, "person.suspended", world.stream, {"person": world.otto.id})
    assert any("second person beside" in each for each in staffing.missing(world.mechanism))


def test_an_empty_intake_and_a_letterbox_without_its_reader_are_said(world):
    for name in ("ira", "ken"):
        world.act(world.ann, "person.suspended", world.stream, {"person": getattr(world, name).id})
    assert any("nobody reads what is reported" in each for each in staffing.missing(world.mechanism))
    world.together(world.ann, world.bob, "fallback.appointed", {"channel": "main", "person": world.otto.id})
    world.together(world.ann, world.bob, "channel.changed", world.channel_body("main", letterbox=True))
    assert any("a letterbox" in each for each in staffing.missing(world.mechanism))
    world.act(world.ann, "person.suspended", world.stream, {"person": world.otto.id})
    assert any("nothing can be reported" in each for each in staffing.missing(world.mechanism))
