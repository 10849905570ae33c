from meyasubako.crypto import age
from meyasubako.domain import acts, opening


def test_a_submission_is_three_events_with_their_payloads(world):
    request, _ = world.submission()
    assert [event.kind for event in request.events] == ["report.submitted", "room.opened", "room.opened"]
    named = {payload.digest for event in request.events for payload in event.payloads()}
    assert named == set(request.payloads)
    world.send(request)
    assert world.audit() == []


def test_every_payload_of_an_act_has_one_stanza_and_every_wrap_one_size(world):
    request, _ = world.submission()
    for event in request.events:
        for payload in event.payloads():
            sealed = request.payloads[payload.digest]
            assert age.check_single_hybrid(sealed) == age.HYBRID_HEADER_SIZE
            assert len(sealed) == payload.size
            assert payload.use != "wraps" or len(sealed) == age.WRAP_SIZE


def test_a_report_is_opened_by_each_reader_through_their_wrap(world):
    request, case = world.submission()
    world.send(request)
    submitted, opened = case.events[:2]
    for reader in (world.ira, world.ken):
        wrap = next(each for each in opened.records("wraps") if each["reader"] == reader.id)
        room = opening.unwrap(world.payloads[wrap["sha256"]], reader.identity, opened.text("recipient"))
        sealed = world.payloads[submitted.body["report"]["sha256"]]
        document = opening.open_document(submitted, sealed, room)
        assert (document.fields, document.text) == ({"what": "gravel"}, "gravel")
        assert document.time == "2026-11-22T12:00:00Z"


def test_a_fresh_epoch_is_written_in_as_it_is(world, case):
    request = world.writing(world.ira, "message.posted", case.dialogue.stream, {"text": "hi"})
    assert [event.kind for event in request.events] == ["message.posted"]


def test_a_stale_epoch_is_advanced_in_the_same_request(world, case):
    world.act(world.ira, "access.revoked", case.dialogue.stream, {"reader": world.ken.id})
    request = world.writing(world.ira, "message.posted", case.dialogue.stream, {"text": "hi"})
    assert [event.kind for event in request.events] == ["room.advanced", "message.posted"]
    advanced, posted = request.events
    assert {wrap["reader"] for wrap in advanced.records("wraps")} == {world.ira.id, case.reporter.id}
    assert posted.number("epoch") == 2


def test_an_addition_a_note_and_a_grant_keep_the_rules(world, case):
    world.post(case.reporter, "report.added", case.report.stream, {"text": "also"}, "page_script")
    team = world.open_team(world.ira, case, ("ira", "ken"))
    world.post(world.ken, "note.added", team.stream, {"text": "look"})
    _, request = world.granting(world.ira, case.report.stream, [case.report.identity], world.hal)
    world.send(request)
    assert world.audit() == []


def test_files_are_named_beside_the_text(world):
    reporter = world.submission()[1].reporter
    room = acts.NewRoom(world.fresh(), age.HybridIdentity.generate())
    file = acts.SealedFile("ab" * 32, 20_000, "photo.jpg", "image/jpeg", 12_345)
    request = world.request(reporter)
    dialogue = acts.NewRoom(world.fresh(), age.HybridIdentity.generate())
    acts.submit(
        request,
        acts.Report({"what": "gravel"}, "gravel", [file]),
        case=world.fresh(),
        rooms=(room, dialogue),
        reporter=reporter.recipient,
        channel=world.channel,
        marker=world.marker.leaf,
        readers={world.ira.id: world.ira.recipient},
        sealed_by="reporter_tool",
    )
    submitted = request.events[0]
    assert submitted.body["files"] == [{"sha256": "ab" * 32, "size": 20_000}]
    sealed = request.payloads[submitted.body["report"]["sha256"]]
    assert opening.open_document(submitted, sealed, room.identity).files == (file,)
