from meyasubako.crypto import canonical
from meyasubako.crypto.signing import SigningKey
from meyasubako.domain import envelope


def test_a_stranger_writes_nothing(world, someone):
    stranger = someone("stranger")
    event = world.event(stranger, "person.suspended", world.stream, {"person": world.ira.id})
    world.refuse("signature-fits", event)


def test_a_signature_from_another_event_is_refused(world):
    body = {"person": world.ira.id}
    good = world.event(world.ann, "person.suspended", world.stream, body)
    other = world.event(world.ann, "person.suspended", world.stream, {"person": world.ken.id})
    forged = canonical.encode({**canonical.decode(good.data), "sig": other.sig})
    world.refuse("signature-fits", envelope.read(forged))


def test_one_person_cannot_sign_for_another(world):
    mine = world.event(world.ira, "person.suspended", world.stream, {"person": world.ken.id})
    forged = canonical.encode({**canonical.decode(mine.data), "by": world.ann.id})
    world.refuse("signature-fits", envelope.read(forged))


def test_a_reporter_writes_in_no_other_case(world, case):
    other = world.submit()
    request = world.writing(case.reporter, "message.posted", other.dialogue.stream, {"text": "hi"}, "server")
    world.refuse("signature-fits", *request.events)


def test_the_service_key_is_not_enough_to_forge_a_person(world, case):
    request = world.writing(world.ira, "message.posted", case.dialogue.stream, {"text": "hi"})
    body = dict(request.events[0].body)
    world.refuse("signature-fits", world.event(world.service, "message.posted", case.dialogue.stream, body))


def test_a_person_cannot_mark_a_slot_or_write_covers(world):
    world.refuse("signature-fits", world.event(world.ann, "cover.written", world.covers, {}))
    world.pad()
    world.refuse("signature-fits", world.event(world.ann, "slot.marked", world.stream, world.marking()))


def test_leaf_0_is_signed_by_somebody_it_lists(unfounded, someone):
    event = unfounded.event(someone("stranger"), "mechanism.founded", unfounded.stream, unfounded.founding())
    unfounded.refuse("signature-fits", event)


def test_the_keys_of_the_log_and_of_promises_sign_no_event(world, case):
    # The world's log and promise keys are made of this seed.
    key = SigningKey.from_seed(bytes(32))
    for kind, body in (("slot.marked", world.marking()), ("person.suspended", {"person": world.ira.id})):
        world.refuse("signature-fits", world.event(key, kind, world.stream, body))
