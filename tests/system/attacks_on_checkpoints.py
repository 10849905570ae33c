"""What can be done to checkpoints, to witnesses' lines, and to an export."""

import shutil

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.cosignature import ED25519_COSIGNATURE, Cosigner
from meyasubako.crypto.merkle import EMPTY_ROOT
from meyasubako.crypto.note import Note, NoteSigner
from meyasubako.crypto.tiles import decode_bundle, encode_bundle
from tests.system import tampering
from tests.system.attacks import CHECKPOINTS, EXPORT, Told, attack, erased
from tests.system.lived import ORIGIN

# Checkpoints.


def _publish_file(scene, note):
    (scene.directory / "checkpoint").write_bytes(note)


@attack(CHECKPOINTS)
def the_checkpoint_outside_the_database_removed(scene):
    (scene.directory / "checkpoint").unlink()
    return Told("checkpoint-is-kept-apart", words="missing")


@attack(CHECKPOINTS)
def the_checkpoint_outside_the_database_set_back(scene):
    _publish_file(scene, scene.sql("SELECT note FROM checkpoints ORDER BY size LIMIT 1")[0][0])
    return Told("checkpoint-is-kept-apart", words="not the last one")


@attack(CHECKPOINTS)
def a_checkpoint_of_another_log(scene):
    _publish_file(scene, (scene.other.directory / "checkpoint").read_bytes())
    return Told("checkpoint-is-signed")


@attack(CHECKPOINTS)
def a_checkpoint_by_another_key(scene):
    tree = scene.published()
    _publish_file(scene, sign_checkpoint(tree, [NoteSigner(ORIGIN, bytes(32))], 0))
    return Told("checkpoint-is-signed")


@attack(CHECKPOINTS)
def a_checkpoint_without_its_second_signature(scene):
    note = Note.parse((scene.directory / "checkpoint").read_bytes())
    _publish_file(scene, Note(note.text, note.signatures[:1]).encode())
    return Told("checkpoint-is-signed", words="every key")


@attack(CHECKPOINTS)
def a_checkpoint_row_of_another_size(scene):
    scene.sql("UPDATE checkpoints SET size = 300 WHERE size = 320")
    return Told("checkpoint-is-signed", words="another tree than was signed")


@attack(CHECKPOINTS)
def a_checkpoint_row_with_another_note(scene):
    old = scene.sql("SELECT note FROM checkpoints ORDER BY size LIMIT 1")[0][0]
    scene.sql("UPDATE checkpoints SET note = ? WHERE size = 320", old)
    return Told("checkpoint-is-signed", words="another tree than was signed")


@attack(CHECKPOINTS)
def an_older_checkpoint_removed(scene):
    scene.sql("DELETE FROM checkpoints WHERE size = (SELECT min(size) FROM checkpoints)")
    return Told("checkpoint-is-kept", words="not kept any more", anywhere=True)


@attack(CHECKPOINTS)
def every_checkpoint_removed(scene):
    scene.sql("DELETE FROM checkpoints")
    (scene.directory / "checkpoint").unlink()
    return Told("checkpoint-is-published")


@attack(CHECKPOINTS)
def last_weeks_database_beside_todays_checkpoint(scene):
    with scene.lived.open() as box:
        box.publish()
    shutil.copy(scene.backup.directory / "log.db", scene.directory / "log.db")
    return Told("log-only-grows", 321, "384 entries were published", anywhere=True)


@attack(CHECKPOINTS)
def a_checkpoint_signed_within_a_slot(scene):
    with scene.lived.open() as box:
        keys = scene.keys().log
        box.store.publish(321, lambda size, root: sign_checkpoint(Checkpoint(ORIGIN, size, root), keys, 0))
    return Told("checkpoint-ends-a-slot", 320)


@attack(CHECKPOINTS)
def a_checkpoint_signed_over_a_tree_that_never_was(scene):
    note = sign_checkpoint(Checkpoint(ORIGIN, 320, EMPTY_ROOT), scene.keys().log, 0)
    scene.sql("UPDATE checkpoints SET root = ?, note = ? WHERE size = 320", EMPTY_ROOT, note)
    _publish_file(scene, note)
    return Told("root-is-published", words="the first 320 entries")


# Witnesses.


def witnessed(scene):
    """Admit two witnesses, both needed, who cosign two checkpoints; gives the cosigners and both notes."""
    cosigners = [Cosigner(f"w{n}.example.org", ED25519_COSIGNATURE, bytes([n + 1]) * 32) for n in range(2)]
    notes = []
    with scene.lived.open() as box:
        stream = box.ledger.mechanism.stream
        lines = [f"log {box.ledger.mechanism.log_keys[0]}"]
        lines += [f"witness w{n} {each.key.text}" for n, each in enumerate(cosigners)]
        body = {"policy": [*lines, "group both all w0 w1", "quorum both"]}
        proposal = box.act("ann", "act.proposed", stream, {"kind": "witness.admitted", "v": 1, "body": body})
        box.act("bob", "witness.admitted", stream, {**body, "proposal": proposal.leaf})
        for time in (1_790_000_000, 1_790_086_400):
            note = Note.parse(box.publish())
            note = note.with_signatures([each.sign(note.text, time) for each in cosigners])
            box.store.keep_cosignatures(box.store.published().size, note.encode())
            notes.append(note)
    return cosigners, notes


def _exchange(scene, note):
    size = Checkpoint.parse(note.text).size
    scene.sql("UPDATE checkpoints SET note = ? WHERE size = ?", note.encode(), size)
    _publish_file(scene, note.encode())


@attack(CHECKPOINTS)
def a_cosignature_moved_to_another_checkpoint(scene):
    _, (old, new) = witnessed(scene)
    moved = [each for each in old.signatures if each.name == "w1.example.org"]
    kept = [each for each in new.signatures if each.name != "w1.example.org"]
    _exchange(scene, Note(new.text, (*kept, *moved)))
    return Told("cosignatures-fit", words="of 448 entries")


@attack(CHECKPOINTS)
def a_cosignature_removed(scene):
    _, (_, new) = witnessed(scene)
    _exchange(scene, Note(new.text, tuple(each for each in new.signatures if each.name != "w1.example.org")))
    return Told("witnesses-have-seen-it", words="w1")


@attack(CHECKPOINTS)
def a_cosignature_by_another_key_of_that_name(scene):
    _, (_, new) = witnessed(scene)
    impostor = Cosigner("w1.example.org", ED25519_COSIGNATURE, bytes(32))
    kept = tuple(each for each in new.signatures if each.name != "w1.example.org")
    _exchange(scene, Note(new.text, (*kept, impostor.sign(new.text, 1_790_086_400))))
    return Told("witnesses-have-seen-it", words="w1")


@attack(CHECKPOINTS)
def a_slot_hidden_from_the_witnesses(scene):
    witnessed(scene)
    with scene.lived.open() as box:
        box.publish()
    return Told("witnesses-have-seen-it", words="w0, w1")


# Exports.


@attack(EXPORT)
def a_bundle_changed(scene):
    file = scene.exported / "tile/entries/000"
    entries = decode_bundle(file.read_bytes())
    entries[77] = tampering.flipped(entries[77], 50)
    file.write_bytes(encode_bundle(entries))
    return Told("leaf-is-what-was-hashed", 77)


@attack(EXPORT)
def a_bundle_damaged(scene):
    file = scene.exported / "tile/entries/001.p/64"
    file.write_bytes(file.read_bytes()[:-3])
    return Told("bundle-is-well-formed", 256)


@attack(EXPORT)
def an_entry_doubled_in_its_bundle(scene):
    file = scene.exported / "tile/entries/000"
    entries = decode_bundle(file.read_bytes())
    file.write_bytes(encode_bundle([*entries[:80], *entries[79:-1]]))
    return Told("leaf-is-what-was-hashed", 80)


@attack(EXPORT)
def entries_reordered_in_their_bundle(scene):
    file = scene.exported / "tile/entries/000"
    entries = decode_bundle(file.read_bytes())
    entries[80], entries[90] = entries[90], entries[80]
    file.write_bytes(encode_bundle(entries))
    return Told("leaf-is-what-was-hashed", 80)


@attack(EXPORT)
def an_exported_tile_changed(scene):
    file = scene.exported / "tile/0/000"
    file.write_bytes(tampering.flipped(file.read_bytes(), 32 * 9))
    return Told("leaf-is-what-was-hashed", 9)


@attack(EXPORT)
def an_exported_tile_removed(scene):
    (scene.exported / "tile/1/000.p/1").unlink()
    return Told("file-is-there", words="tile/1/000.p/1")


@attack(EXPORT)
def an_exported_bundle_removed(scene):
    (scene.exported / "tile/entries/000").unlink()
    return Told("file-is-there", words="tile/entries/000")


@attack(EXPORT)
def a_tile_too_many(scene):
    (scene.exported / "tile/0/002").write_bytes(bytes(8192))
    return Told("file-belongs-here", words="tile/0/002")


@attack(EXPORT)
def a_payload_left_out_of_the_record(scene):
    record = scene.exported / "payloads.txt"
    place, digest, _ = scene.payload()
    record.write_text("".join(each for each in record.read_text().splitlines(True) if digest not in each))
    return Told("payload-is-recorded", place, digest)


@attack(EXPORT)
def a_lost_payload_recorded_as_kept(scene):
    record = scene.exported / "payloads.txt"
    record.write_text(record.read_text().replace(" gone", " table"))
    return Told("payload-is-destroyed", erased(scene)[2])


@attack(EXPORT)
def another_key_laid_beside_the_log(scene):
    (scene.exported / "log.vkey").write_text(f"{scene.keys().promise.key.text}\n")
    return Told("log-key-is-the-logs")


@attack(EXPORT)
def a_checkpoint_of_another_log_in_an_export(scene):
    shutil.copy(scene.other.directory / "checkpoint", scene.exported / "checkpoint")
    return Told("checkpoint-is-signed")


@attack(EXPORT)
def a_checkpoint_changed_in_an_export(scene):
    file = scene.exported / "checkpoint"
    file.write_bytes(file.read_bytes().replace(b"\n320\n", b"\n319\n", 1))
    return Told("checkpoint-is-signed", anywhere=True)
