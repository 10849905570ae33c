"""What can be done to rows of the log, to the tree beside it, and to the vault."""

import os

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.keytree import KeyTree
from meyasubako.domain.sealing import sealed
from tests.system import tampering
from tests.system.attacks import (
    DATABASE,
    VAULT,
    Told,
    attack,
    erased,
)

# Rows of the log.


@attack(DATABASE)
def an_event_changed(scene):
    place = scene.find("message.posted")
    tampering.set_event(scene.lived, place, tampering.flipped(scene.events()[place].data, 200))
    return Told("leaf-is-what-was-hashed", place)


@attack(DATABASE)
def an_event_spelled_otherwise(scene):
    place = scene.find("report.submitted")
    tampering.set_event(scene.lived, place, scene.events()[place].data.replace(b'{"at"', b'{ "at"'))
    return Told("event-is-well-formed", place, anywhere=True)


@attack(DATABASE)
def an_event_removed(scene):
    place = scene.find("access.revoked")
    scene.sql("DELETE FROM stored_events WHERE leaf_index = ?", place)
    return Told("rows-are-dense", place, f"comes entry {place + 1}")


@attack(DATABASE)
def the_last_published_event_removed(scene):
    size = scene.published().size
    scene.sql("DELETE FROM stored_events WHERE leaf_index = ?", size - 1)
    return Told("rows-are-dense", size - 1)


@attack(DATABASE)
def everything_after_a_slot_removed(scene):
    scene.sql("DELETE FROM stored_events WHERE leaf_index >= 256")
    return Told("log-only-grows", 256, "320 entries were published", anywhere=True)


@attack(DATABASE)
def an_accepted_event_removed_before_its_slot(scene):
    scene.sql("DELETE FROM stored_events WHERE leaf_index >= 320")
    return Told("root-is-kept", 320, "321 entries were written")


@attack(DATABASE)
def an_event_doubled(scene):
    place = scene.find("message.posted")
    scene.sql(
        "INSERT INTO stored_events SELECT 321, originator_id, originator_version + 1000, topic, state"
        " FROM stored_events WHERE leaf_index = ?",
        place,
    )
    return Told("stream-is-whole", 321, anywhere=True)


@attack(DATABASE)
def two_events_reordered(scene):
    first, second = sorted((scene.find("message.posted"), scene.find("access.revoked")))
    for at, to in ((first, -1), (second, first), (-1, second)):
        scene.sql("UPDATE stored_events SET leaf_index = ? WHERE leaf_index = ?", to, at)
    return Told("leaf-is-what-was-hashed", first)


@attack(DATABASE)
def an_event_hidden_before_the_first(scene):
    scene.sql(
        "INSERT INTO stored_events SELECT -1, originator_id, originator_version + 1000, topic, state"
        " FROM stored_events WHERE leaf_index = 9"
    )
    return Told("rows-are-dense", 0, "before the first")


@attack(DATABASE)
def the_stream_beside_an_event_changed(scene):
    place = scene.find("message.posted")
    scene.sql("UPDATE stored_events SET originator_id = 'x' WHERE leaf_index = ?", place)
    return Told("row-is-its-event", place)


@attack(DATABASE)
def the_sequence_beside_an_event_changed(scene):
    place = scene.find("message.posted")
    scene.sql("UPDATE stored_events SET originator_version = 999 WHERE leaf_index = ?", place)
    return Told("row-is-its-event", place)


@attack(DATABASE)
def the_kind_beside_an_event_changed(scene):
    place = scene.find("person.suspended")
    scene.sql("UPDATE stored_events SET topic = 'cover.written' WHERE leaf_index = ?", place)
    return Told("row-is-its-event", place)


# The tree beside the log.


@attack(DATABASE)
def a_tile_changed(scene):
    hashes = scene.sql("SELECT hashes FROM tiles WHERE level = 0 AND n = 0")[0][0]
    changed = hashes[: 70 * 32] + bytes(32) + hashes[71 * 32 :]
    scene.sql("UPDATE tiles SET hashes = ? WHERE level = 0 AND n = 0", changed)
    return Told("leaf-is-what-was-hashed", 70)


@attack(DATABASE)
def an_upper_tile_changed(scene):
    scene.sql("UPDATE tiles SET hashes = ? WHERE level = 1 AND n = 0", bytes(32))
    return Told("leaf-is-what-was-hashed", 0, "level 1 hashes another tile")


@attack(DATABASE)
def a_tile_removed(scene):
    scene.sql("DELETE FROM tiles WHERE level = 0 AND n = 1")
    return Told("tile-is-there", 256)


@attack(DATABASE)
def a_tile_narrowed(scene):
    scene.sql("UPDATE tiles SET hashes = substr(hashes, 1, 320) WHERE level = 0 AND n = 1")
    return Told("tile-is-there", 256)


@attack(DATABASE)
def a_tile_of_entries_that_are_not_there(scene):
    scene.sql("INSERT INTO tiles VALUES (0, 2, ?)", bytes(32))
    return Told("leaf-is-what-was-hashed", 512)


@attack(DATABASE)
def the_right_edge_changed(scene):
    edge = scene.sql("SELECT frontier FROM head")[0][0]
    scene.sql("UPDATE head SET frontier = ?", tampering.flipped(edge, len(edge) - 1))
    return Told("root-is-kept")


@attack(DATABASE)
def a_guard_taken_off(scene):
    scene.sql("CREATE TABLE more (x TEXT) STRICT")
    return Told("database-has-its-guards", words="more")


# The vault.


@attack(VAULT)
def a_payload_changed(scene):
    place, digest, row = scene.payload()
    data = scene.sql("SELECT sealed FROM small_payloads WHERE id = ?", row)[0][0]
    scene.sql(
        "UPDATE small_payloads SET sealed = ? WHERE id = ?", tampering.flipped(data, len(data) - 9), row
    )
    return Told("payload-is-whole", place, digest)


@attack(VAULT)
def two_payloads_swapped(scene):
    place, digest, row = scene.payload(number=0)
    other = scene.payload(number=1)[2]
    one, two = (
        scene.sql("SELECT sealed FROM small_payloads WHERE id = ?", each)[0][0] for each in (row, other)
    )
    scene.sql("UPDATE small_payloads SET sealed = ? WHERE id = ?", two, row)
    scene.sql("UPDATE small_payloads SET sealed = ? WHERE id = ?", one, other)
    return Told("payload-is-whole", place, digest)


@attack(VAULT)
def a_payload_exchanged_with_its_digest(scene):
    place, digest, row = scene.payload()
    other = sealed(age.seal(b"something else", HybridIdentity.generate().recipient))
    scene.sql("UPDATE small_payloads SET sealed = ? WHERE id = ?", other.data, row)
    values = (bytes.fromhex(other.digest), len(other.data), row)
    scene.sql("UPDATE payloads SET digest = ?, size = ? WHERE id = ?", *values)
    return Told("payload-is-recorded", place, digest, anywhere=True)


@attack(VAULT)
def a_payload_removed(scene):
    place, digest, row = scene.payload()
    scene.sql("DELETE FROM small_payloads WHERE id = ?", row)
    return Told("payload-is-there", place, digest)


@attack(VAULT)
def a_payload_removed_with_its_record(scene):
    place, digest, row = scene.payload()
    scene.sql("DELETE FROM small_payloads WHERE id = ?", row)
    scene.sql("DELETE FROM payloads WHERE id = ?", row)
    return Told("payload-is-recorded", place, digest)


@attack(VAULT)
def a_payload_destroyed_though_the_log_does_not_say_why(scene):
    place, digest, row = scene.payload()
    scene.sql("DELETE FROM small_payloads WHERE id = ?", row)
    scene.sql("UPDATE payloads SET place = 'gone' WHERE id = ?", row)
    return Told("payload-is-there", place, digest)


@attack(VAULT)
def a_payload_recorded_at_another_size(scene):
    place, digest, row = scene.payload()
    scene.sql("UPDATE payloads SET size = size + 1 WHERE id = ?", row)
    return Told("payload-is-recorded", place, digest)


@attack(VAULT)
def a_payload_recorded_for_another_event(scene):
    place, digest, row = scene.payload()
    scene.sql("UPDATE payloads SET leaf_index = leaf_index + 1 WHERE id = ?", row)
    return Told("payload-is-recorded", place, digest)


@attack(VAULT)
def a_payload_recorded_that_nobody_names(scene):
    scene.sql("INSERT INTO payloads VALUES (900, ?, 5, 7, 'table', 'x')", b"\xab" * 32)
    scene.sql("INSERT INTO small_payloads VALUES (900, ?)", b"12345")
    return Told("payload-is-named", words="ab" * 32)


@attack(VAULT)
def a_file_changed(scene):
    scene.photo().write_bytes(tampering.flipped(scene.photo().read_bytes(), 5000))
    return Told("payload-is-whole", scene.find("report.submitted"), scene.lived.photo)


@attack(VAULT)
def a_file_cut(scene):
    scene.photo().write_bytes(scene.photo().read_bytes()[:-1])
    return Told("payload-is-whole", scene.find("report.submitted"), scene.lived.photo)


@attack(VAULT)
def a_file_made_longer(scene):
    scene.photo().write_bytes(scene.photo().read_bytes() + b"\0")
    return Told("payload-is-whole", scene.find("report.submitted"), scene.lived.photo)


@attack(VAULT)
def a_file_removed(scene):
    scene.photo().unlink()
    return Told("payload-is-there", scene.find("report.submitted"), scene.lived.photo)


@attack(VAULT)
def a_file_kept_aside(scene):
    stray = scene.directory / "objects" / ("ab" * 32)
    stray.write_bytes(b"plain text")
    os.utime(stray, (0, 0))
    return Told("vault-holds-nothing-else", words="ab" * 32)


@attack(VAULT)
def an_erased_payload_resurrected_in_the_table(scene):
    row, digest, place = erased(scene)
    scene.sql("INSERT INTO small_payloads VALUES (?, ?)", row, b"kept aside")
    scene.sql("UPDATE payloads SET place = 'table' WHERE id = ?", row)
    return Told("payload-is-destroyed", place, digest)


@attack(VAULT)
def an_erased_payload_resurrected_behind_its_record(scene):
    row, _, _ = erased(scene)
    scene.sql("INSERT INTO small_payloads VALUES (?, ?)", row, b"kept aside")
    return Told("vault-holds-nothing-else", words=f"row {row}")


@attack(VAULT)
def an_erased_payload_resurrected_as_a_file(scene):
    _, digest, _ = erased(scene)
    (scene.directory / "objects" / digest).write_bytes(b"kept aside")
    return Told("vault-holds-nothing-else", words=digest)


# The keys under which the vault lies.


@attack(VAULT)
def an_erasure_key_of_a_case_removed(scene):
    place, digest, row = scene.payload()
    (scene.directory / "erasure" / scope_of(scene, row)).unlink()
    return Told("erasure-key-is-there", place, digest, anywhere=True)


@attack(VAULT)
def an_erasure_key_of_a_case_damaged(scene):
    place, digest, row = scene.payload()
    path = scene.directory / "erasure" / scope_of(scene, row)
    path.write_bytes(tampering.flipped(path.read_bytes(), 50))
    return Told("erasure-key-is-there", place, digest, anywhere=True)


@attack(VAULT)
def an_erasure_key_of_a_file_removed(scene):
    (scene.directory / "erasure" / f"object-{scene.lived.photo}").unlink()
    return Told("erasure-key-is-there", scene.find("report.submitted"), scene.lived.photo)


@attack(VAULT)
def another_cases_erasure_key_put_in_its_place(scene):
    place, digest, row = scene.payload()
    one, other = (
        scene.directory / "erasure" / f"scope-{scope}"
        for (scope,) in scene.sql(
            "SELECT scope FROM payloads GROUP BY scope"
            " ORDER BY scope = (SELECT scope FROM payloads WHERE id = ?) DESC LIMIT 2",
            row,
        )
    )
    one.write_bytes(other.read_bytes())
    return Told("payload-is-whole", place, digest, anywhere=True)


@attack(VAULT)
def an_erasure_key_of_what_was_erased_kept(scene):
    row, digest, place = erased(scene)
    path = scene.directory / "erasure" / scope_of(scene, row)
    path.write_bytes(KeyTree.generate().encode())
    return Told("erasure-key-is-destroyed", place, digest, anywhere=True)


def scope_of(scene, row):
    """The name of the key file under which a payload lies."""
    scope = scene.sql("SELECT scope FROM payloads WHERE id = ?", row)[0][0]
    return f"scope-{scope}"
