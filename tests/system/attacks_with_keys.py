"""What the server's own keys can do to history, and a backup to everything; and people past the rules."""

import shutil
from datetime import timedelta

from meyasubako.crypto import age, canonical
from meyasubako.crypto.age import HybridIdentity
from meyasubako.domain import acts, envelope
from meyasubako.domain.sealing import sealed
from meyasubako.service.mechanism import Mechanism
from tests.system import tampering
from tests.system.attacks import (
    REMEMBERED,
    WITH_SERVER_KEYS,
    Told,
    attack,
)

# With the server's own keys: the tree, the markers and the checkpoints fit again.


def _rewritten(scene, kind, **changes):
    place = scene.find(kind)
    fields = canonical.decode(scene.events()[place].data)
    changed = {name: change(fields[name]) for name, change in changes.items()}
    tampering.rewrite(scene.lived, place, canonical.encode({**fields, **changed}))
    return place


def _day_before(day):
    return f"{day[:-2]}{int(day[-2:]) - 1:02d}" if int(day[-2:]) > 1 else f"{day[:-2]}02"


@attack(WITH_SERVER_KEYS)
def a_report_rewritten(scene):
    return Told("signature-fits", _rewritten(scene, "report.submitted", at=_day_before))


@attack(WITH_SERVER_KEYS)
def a_message_rewritten(scene):
    place = _rewritten(
        scene, "message.posted", body=lambda body: {**body, "message": {**body["message"], "size": 1}}
    )
    return Told("signature-fits", place)


@attack(WITH_SERVER_KEYS)
def a_suspension_rewritten_to_another_person(scene):
    other = scene.lived.id("hal")
    return Told("signature-fits", _rewritten(scene, "person.suspended", body=lambda _: {"person": other}))


@attack(WITH_SERVER_KEYS)
def a_closing_of_a_mailbox_rewritten(scene):
    place = _rewritten(scene, "mailbox.closed_to_reading", body=lambda _: {"sealed_by": "server"})
    return Told("signature-fits", place)


@attack(WITH_SERVER_KEYS)
def the_founding_rewritten_with_another_roster(scene):
    place = _rewritten(scene, "mechanism.founded", body=lambda body: {**body, "people": body["people"][:-1]})
    return Told("signature-fits", place)


@attack(WITH_SERVER_KEYS)
def an_event_replaced_by_a_cover(scene):
    place = scene.find("message.posted", 1)
    event = scene.events()[place]
    cover = envelope.write(
        "cover.written", {}, at=event.at, log=event.log, stream=Mechanism.fresh_id(),
        head=envelope.Head(), key=scene.keys().service,
    )  # fmt: skip
    tampering.rewrite(scene.lived, place, cover.data)
    scene.sql(
        "UPDATE stored_events SET originator_id = ?, originator_version = 1, topic = ? WHERE leaf_index = ?",
        *(cover.stream, cover.kind, place),
    )
    return Told("kind-fits-stream", place)


def _signed_anew(scene, place, body=None, at=None):
    """An event of the service's own, written otherwise and signed with its key."""
    event = scene.events()[place]
    head = envelope.Head(event.seq - 1, event.prev)
    return envelope.write(
        event.kind, body or dict(event.body), at=at or event.at, log=event.log, stream=event.stream,
        head=head, key=scene.keys().service,
    )  # fmt: skip


@attack(WITH_SERVER_KEYS)
def a_roster_rewritten_in_a_marker(scene):
    place = scene.find("slot.marked", 0)
    body = {**scene.events()[place].body, "roster": "ab" * 32}
    tampering.rewrite(scene.lived, place, _signed_anew(scene, place, body).data)
    return Told("marker-names-roster", place)


@attack(WITH_SERVER_KEYS)
def a_slot_counted_twice(scene):
    place = scene.find("slot.marked", 0)
    body = {**scene.events()[place].body, "slot": 3}
    tampering.rewrite(scene.lived, place, _signed_anew(scene, place, body).data)
    return Told("marker-in-order", place)


@attack(WITH_SERVER_KEYS)
def a_clock_that_ran_backwards(scene):
    place = scene.find("slot.marked", 0)
    day = scene.events()[place].at - timedelta(days=30)
    tampering.rewrite(scene.lived, place, _signed_anew(scene, place, at=day).data)
    return Told("day-after-marker", place, "before")


@attack(WITH_SERVER_KEYS)
def a_clock_that_ran_ahead(scene):
    place = scene.find("slot.marked", 0)
    day = scene.events()[place].at + timedelta(days=30)
    tampering.rewrite(scene.lived, place, _signed_anew(scene, place, at=day).data)
    return Told("day-after-marker", place + 1)


@attack(WITH_SERVER_KEYS)
def a_cover_written_with_another_day(scene):
    place = scene.find("cover.written", 10)
    day = scene.events()[place].at + timedelta(days=30)
    tampering.rewrite(scene.lived, place, _signed_anew(scene, place, at=day).data)
    return Told("day-before-marker", scene.find("slot.marked", 0))


@attack(WITH_SERVER_KEYS)
def a_cover_signed_by_another_key(scene):
    place = scene.find("cover.written", 10)
    event = scene.events()[place]
    forged = envelope.write(
        "cover.written", {}, at=event.at, log=event.log, stream=event.stream,
        head=envelope.Head(event.seq - 1, event.prev), key=scene.lived.people["ann"].signing,
    )  # fmt: skip
    tampering.rewrite(scene.lived, place, forged.data)
    return Told("signature-fits", place)


# Found by whoever remembers: everything fits again, with the server's keys or with a backup.


@attack(REMEMBERED)
def a_cover_entry_replaced_by_another(scene):
    # The last of the published: nothing after it but its marker depends on it.
    place = scene.find("cover.written", -1)
    event = scene.events()[place]
    other = envelope.write(
        "cover.written", {}, at=event.at - timedelta(days=1), log=event.log, stream=event.stream,
        head=envelope.Head(event.seq - 1, event.prev), key=scene.keys().service,
    )  # fmt: skip
    tampering.rewrite(scene.lived, place, other.data)
    return Told("log-only-grows", words="are not those that were published")


@attack(REMEMBERED)
def rolled_back_to_last_weeks_backup_with_its_checkpoint(scene):
    shutil.rmtree(scene.directory)
    shutil.copytree(scene.backup.directory, scene.directory)
    return Told("log-only-grows", 321, "384 entries")


@attack(REMEMBERED)
def a_forked_history_shown_to_another_auditor(scene):
    shutil.rmtree(scene.directory)
    shutil.copytree(scene.backup.directory, scene.directory)
    with scene.lived.open() as box:
        box.write("ira", "message.posted", scene.lived.reporters["gravel"].dialogue, "another branch")
        box.publish()
    return Told("log-only-grows", words="the first 384 entries")


@attack(REMEMBERED)
def another_mechanism_under_the_same_name(scene):
    shutil.rmtree(scene.directory)
    shutil.copytree(scene.other.directory, scene.directory)
    with scene.lived.open() as box:
        box.mechanism.publish()
    return Told("log-only-grows", words="another log by the same name")


# Acts of people with their own keys, or of the server, past the rules.


def act(kind, rule, who="ann", body=None, stream=None):
    """An act that is correctly signed and not allowed."""

    def slip(scene):
        with scene.lived.open() as box:
            request = box.request(who)
            event = request.add(kind, stream(box) if stream else box.ledger.mechanism.stream, body(box))
            place = tampering.slip_in(box, event, payloads=request.payloads)[0]
        return Told(rule, place)

    slip.__name__ = f"{kind.replace('.', '_')}_by_{who}_breaks_{rule.replace('-', '_')}"
    WITH_SERVER_KEYS.append(slip)


act("role.granted", "two-people", body=lambda box: {"person": box.lived.id("otto"), "role": "intake:main"})
act("person.suspended", "stewards-act", "ira", body=lambda box: {"person": box.lived.id("ken")})
act(
    "case.closed",
    "assigned-people-act",
    "hal",
    body=lambda _: {"class": "ended", "message": "ab" * 32},
    stream=lambda box: box.lived.reporters["gravel"].case,
)
act(
    "payload.fetched",
    "fetch-what-one-may-read",
    "max",
    body=lambda box: {"case": box.lived.reporters["gravel"].case, "payloads": [box.lived.photo]},
    stream=lambda _: Mechanism.fresh_id(),
)


@attack(WITH_SERVER_KEYS)
def a_payload_sealed_to_two(scene):
    return _posted(scene, lambda room: age.seal(b"hello", room, HybridIdentity.generate().recipient))


@attack(WITH_SERVER_KEYS)
def a_payload_in_the_clear(scene):
    return _posted(scene, lambda _: b"in the clear" * 1000)


def _posted(scene, seal):
    dialogue = scene.lived.reporters["gravel"].dialogue
    with scene.lived.open() as box:
        state = box.ledger.rooms[dialogue]
        text = sealed(seal(acts.HybridRecipient.parse(state.recipient)))
        request = box.request("ira")
        body = {"epoch": state.epoch, "message": text.reference, "files": []}
        event = request.add("message.posted", dialogue, body)
        place = tampering.slip_in(box, event, payloads={text.digest: text.data})[0]
    return Told("payload-is-sealed", place, text.digest)
