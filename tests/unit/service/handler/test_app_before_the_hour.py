import msgspec
import pytest
from flask import Flask

from meyasubako.crypto.age import HybridRecipient
from meyasubako.crypto.canonical import decode_base64
from meyasubako.crypto.signing import SigningKey
from meyasubako.domain import acts, wishes
from meyasubako.domain.envelope import Head
from meyasubako.service import shown
from meyasubako.service.config import IntakeSettings
from meyasubako.service.mechanism import Mechanism
from tests.system.box import Box
from tests.unit.service.doors import (
    Caller,
    begin,
    fetched,
    problem,
    program_door,
    report,
    submission,
)


@pytest.fixture
def hourly(mechanism: Mechanism) -> Mechanism:
    mechanism.config = msgspec.structs.replace(mechanism.config, intake=IntakeSettings(show="hour"))
    return mechanism


def test_a_report_is_shown_from_the_next_full_hour_on(hourly: Mechanism, box: Box, keiko: Caller) -> None:
    reported = report(hourly, box)
    assert [each["sort"] for each in keiko.get("/v1/me").get_json()["streams"]] == ["mechanism"]
    assert keiko.get(f"/v1/streams/{reported.case}").status_code == 404
    shown.note_size(box.directory, hourly.store.head().size)
    assert len(keiko.get("/v1/me").get_json()["streams"]) == 4
    assert keiko.get(f"/v1/streams/{reported.case}").status_code == 200


def test_a_reporters_message_is_shown_later_than_what_stood_before_it(
    hourly: Mechanism, box: Box, keiko: Caller
) -> None:
    reported = report(hourly, box)
    shown.note_size(box.directory, hourly.store.head().size)
    before = keiko.get(f"/v1/streams/{reported.dialogue}").get_json()
    request = begin(hourly, reported.key)
    closed = request.add("mailbox.closed_to_reading", reported.dialogue, {"sealed_by": "reporter_tool"})
    hourly.accept([closed.data], {})
    later = keiko.get(f"/v1/streams/{reported.dialogue}").get_json()
    assert (later["events"], later["head"]) == (before["events"], before["head"])
    heads = {each["stream"]: each["head"] for each in keiko.get("/v1/me").get_json()["streams"]}
    assert heads[reported.dialogue] == before["head"]


def test_what_a_reporter_asks_for_is_shown_at_the_full_hour_like_what_they_say(
    hourly: Mechanism, box: Box, keiko: Caller
) -> None:
    reported = report(hourly, box)
    shown.note_size(box.directory, hourly.store.head().size)
    streams = (reported.case, reported.dialogue)
    before = [keiko.get(f"/v1/streams/{stream}").get_json() for stream in streams]
    request, ledger = begin(hourly, reported.key), hourly.ledger()
    case, room = ledger.cases[reported.case], ledger.rooms[reported.dialogue]
    epoch = acts.Epoch(room.epoch, HybridRecipient.parse(room.recipient))
    words = acts.post(
        request, "message.posted", room.stream, epoch, {"text": "no more", "v": 1}, (), "reporter_tool"
    )
    wishes.tell(request, case, wishes.named("withdraw"), words, "reporter_tool")
    hourly.accept([event.data for event in request.events], request.payloads)
    assert hourly.ledger().cases[reported.case].withdrawn
    after = [keiko.get(f"/v1/streams/{stream}").get_json() for stream in streams]
    assert [(each["events"], each["head"]) for each in after] == [
        (each["events"], each["head"]) for each in before
    ]
    shown.note_size(box.directory, hourly.store.head().size)
    assert len(keiko.get(f"/v1/streams/{reported.case}").get_json()["events"]) == 2


def test_an_events_place_does_not_tell_how_much_others_write_before_it_is_published(
    hourly: Mechanism, box: Box, keiko: Caller
) -> None:
    reported = report(hourly, box)
    event = fetched(hourly, reported, keiko.key, reported.digest)

    def places() -> list[int]:
        posted = keiko.post_events(event).get_json()["accepted"]
        read = keiko.get(f"/v1/streams/{event.stream}").get_json()["events"]
        return [each["index"] for each in (*posted, *read)]

    assert places() == [-1, -1]
    hourly.publish()
    (place,) = set(places())
    assert hourly.store.row(place).data == event.data


@pytest.mark.parametrize("seq", [1, 2, 3, 1000])
def test_somebody_who_lost_access_is_not_told_how_much_was_written_since(
    hourly: Mechanism, app: Flask, box: Box, keiko: Caller, seq: int
) -> None:
    reported, lost = report(hourly, box), box.people["Omar Haddad"].signing
    posted = begin(hourly, keiko.key).add(
        "access.revoked", reported.dialogue, {"reader": box.key_id("Omar Haddad")}
    )
    assert keiko.post_events(posted).status_code == 200
    stranger = SigningKey.generate()
    doors = (app, lost, "/v1/events"), (program_door(hourly), stranger, "/api/events")
    for door, key, path in doors:
        probe = begin(hourly, key)
        probe.heads[reported.dialogue] = Head(seq - 1, "0" * 64 if seq > 1 else "")
        event = probe.add("mailbox.closed_to_reading", reported.dialogue, {"sealed_by": "reporter_tool"})
        answer = Caller(door, key).post(path, submission(event))
        assert (answer.status_code, problem(answer)) == (404, "not-found")


def test_a_steward_is_told_where_a_room_ends_in_which_they_take_access_away(
    mechanism: Mechanism, box: Box, ada: Caller
) -> None:
    reported = report(mechanism, box)
    request = begin(mechanism, ada.key)
    request.heads[reported.dialogue] = Head()
    event = request.add("access.revoked", reported.dialogue, {"reader": box.key_id("Omar Haddad")})
    answer = ada.post_events(event)
    assert (answer.status_code, answer.get_json()["head"]["seq"]) == (409, 1)
    assert "events" not in answer.get_json()


def test_a_conflict_shows_a_reporters_message_before_its_hour(
    hourly: Mechanism, box: Box, keiko: Caller
) -> None:
    reported = report(hourly, box)
    shown.note_size(box.directory, hourly.store.head().size)
    mine = begin(hourly, keiko.key).add(
        "access.revoked", reported.dialogue, {"reader": box.key_id("Omar Haddad")}
    )
    request = begin(hourly, reported.key)
    closed = request.add("mailbox.closed_to_reading", reported.dialogue, {"sealed_by": "reporter_tool"})
    hourly.accept([closed.data], {})
    told = keiko.post_events(mine).get_json()
    assert told["head"]["leaf"] == closed.leaf
    assert [decode_base64(each["event"]) for each in told["events"]] == [closed.data]
