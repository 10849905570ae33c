"""What an auditor saw of a log before: it is remembered or brought, and the log must begin with it."""

import re

import pytest

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.merkle import leaf_hashes, root_of
from meyasubako.crypto.tiles import encode_bundle, tile_path, tile_root, tiles_for
from meyasubako.service.config import Config, Doors
from meyasubako.service.founding import Founder, Settings, found
from meyasubako.service.inspection import (
    Demands,
    Memory,
    UnreadableSourceError,
    audit,
)
from meyasubako.service.keys import ServerKeys
from tests.system import tampering
from tests.system.lived import ROLES, Lived

DOORS = Doors(reporter="127.0.0.1:0", handler="127.0.0.1:0", log="127.0.0.1:0")


@pytest.fixture
def lived(original, tmp_path):
    """The same mechanism, which has lived on."""
    return original.lived_on(tmp_path / "box")


def test_a_good_audit_is_remembered_and_a_log_must_extend_what_was_seen(original, lived, tmp_path):
    memory = Memory(tmp_path / "memory")
    first = audit(lived.directory, Demands(memory=memory))
    assert first.first_use
    assert first.good
    second = audit(lived.directory, Demands(memory=memory))
    assert ([each.size for each in second.seen], second.good) == ([384], True)
    back = audit(original.directory, Demands(memory=memory))
    assert [each.rule for each in back.findings] == ["log-only-grows"]
    assert memory.recall(first.origin) == first.note, "a log that was set back is not remembered"


def test_what_was_seen_is_remembered_also_where_other_things_are_wrong(original, lived, tmp_path):
    """Whoever makes one finding stay in a log would else rewrite its past unseen from then on."""
    memory = Memory(tmp_path / "memory")
    with tampering.guards_off(lived) as connection:
        connection.execute("DELETE FROM small_payloads")
    found = audit(lived.directory, Demands(memory=memory))
    assert not found.good
    assert memory.recall(found.origin) == found.note
    back = audit(original.directory, Demands(memory=memory))
    assert [each.rule for each in back.findings] == ["log-only-grows"]
    assert back.seen[0].note == found.note, "the evidence is at hand"


def test_a_log_under_another_name_on_the_poster_is_not_remembered(lived, tmp_path):
    memory = Memory(tmp_path / "memory")
    result = audit(lived.directory, Demands(memory=memory, fingerprint="1234 " * 6))
    assert [each.rule for each in result.findings] == ["fingerprint-is-the-posters"]
    assert memory.recall(result.origin) is None


@pytest.mark.parametrize("left", [b"", b"cut off"])
def test_a_damaged_memory_is_named_and_never_taken_for_a_first_audit(lived, tmp_path, left):
    memory = Memory(tmp_path / "memory")
    place = memory.place(audit(lived.directory, Demands(memory=memory)).origin)
    place.write_bytes(left)
    with pytest.raises(UnreadableSourceError, match=re.escape(str(place))):
        audit(lived.directory, Demands(memory=memory))


def test_a_pin_that_the_log_never_signed_accuses_nobody(lived, tmp_path):
    keys = ServerKeys.create(tmp_path, "box.example.org/lived")
    for size in (64, 10_000):
        pin = sign_checkpoint(Checkpoint("box.example.org/lived", size, bytes(32)), keys.log, 0)
        findings = audit(lived.directory, Demands(pins=[pin])).findings
        assert [each.rule for each in findings] == ["pin-is-the-logs"]
    own = ServerKeys.load(lived.directory)
    pin = sign_checkpoint(Checkpoint("box.example.org/lived", 64, bytes(32)), own.log, 0)
    assert [each.rule for each in audit(lived.directory, Demands(pins=[pin])).findings] == ["log-only-grows"]


def test_a_pin_of_another_log_is_not_compared(lived, tmp_path):
    keys = ServerKeys.create(tmp_path, "box.example.org/other")
    pin = sign_checkpoint(Checkpoint("box.example.org/other", 64, bytes(32)), keys.log, 0)
    (finding,) = audit(lived.directory, Demands(pins=[pin])).findings
    assert finding.rule == "pin-is-the-logs"
    assert "box.example.org/other" in finding.sentence


def test_only_a_checkpoint_that_verified_is_remembered(lived, tmp_path):
    """A row that states the size of a good one, and another root that nobody signed."""
    memory = Memory(tmp_path / "memory")
    note = (lived.directory / "checkpoint").read_bytes()
    forged = Checkpoint("box.example.org/lived", 384, bytes(32)).text + "\n\N{EM DASH} nobody AAAAAAAA\n"
    with tampering.guards_off(lived) as connection:
        connection.execute(
            "INSERT INTO checkpoints (size, root, note) VALUES (383, ?, ?)", (bytes(32), forged.encode())
        )
    found = audit(lived.directory, Demands(memory=memory))
    assert "checkpoint-is-signed" in {each.rule for each in found.findings}
    assert memory.recall(found.origin) == note


def test_checkpoints_that_were_taken_back_are_missed_and_memory_goes_only_forward(original, lived, tmp_path):
    """The entries are all there, and the checkpoints end where somebody would like to write anew."""
    memory = Memory(tmp_path / "memory")
    first = audit(lived.directory, Demands(memory=memory))
    with tampering.guards_off(lived) as connection:
        connection.execute("DELETE FROM checkpoints WHERE size > 320")
    (lived.directory / "checkpoint").write_bytes((original.directory / "checkpoint").read_bytes())
    found = audit(lived.directory, Demands(memory=memory))
    assert [(each.rule, each.index) for each in found.findings] == [("log-only-grows", 320)]
    assert memory.recall(found.origin) == first.note


def founded_behind(lived, other, out):
    """An export in which another log's first entry stands before a whole log, signed with that one's keys."""
    entries = [tampering.events(other)[0].data, *(event.data for event in tampering.events(lived))]
    leaves, keys = leaf_hashes(entries), ServerKeys.load(lived.directory)
    for level, n, width in tiles_for(0, len(entries)):
        rows = leaves if level == 0 else [tile_root(b"".join(leaves[:256]))]
        write(out / tile_path(level, n, width), b"".join(rows[n * 256 : n * 256 + width]))
    for n in range(2):
        some = entries[n * 256 : (n + 1) * 256]
        write(out / tile_path("entries", n, len(some)), encode_bundle(some))
    tree = Checkpoint("box.example.org/lived", len(entries), root_of(leaves))
    write(out / "checkpoint", sign_checkpoint(tree, keys.log, 0))
    write(out / "log.vkey", f"{keys.log[0].key.text}\n".encode())
    write(out / "payloads.txt", b"")
    return out


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_what_calls_itself_by_another_logs_name_takes_no_memorys_place(lived, tmp_path):
    memory, other = Memory(tmp_path / "memory"), tmp_path / "other"
    good = audit(lived.directory, Demands(memory=memory))
    founders = [Founder(lived.people[name].person(), ROLES[name]) for name in ROLES]
    config = Config(origin="box.example.org/other", doors=DOORS)
    found(other, config, Settings(name="Other", channel_name="Main"), founders, lived.people["ann"])
    shown = founded_behind(lived, Lived(other, lived.people), tmp_path / "shown")
    result = audit(shown, Demands(memory=memory))
    assert "founded-first" in {each.rule for each in result.findings}
    assert memory.recall(good.origin) == good.note
    assert audit(lived.directory, Demands(memory=memory)).good


def test_a_fork_shown_later_is_found_by_memory(original, lived, tmp_path):
    memory = Memory(tmp_path / "memory")
    assert audit(lived.directory, Demands(memory=memory)).good
    other = original.copied(tmp_path / "other")
    with other.open() as box:
        box.publish()
        box.publish()
    assert audit(other.directory).good
    (finding,) = audit(other.directory, Demands(memory=memory)).findings
    assert finding.rule == "log-only-grows"
    assert "same name" not in finding.sentence, "its own keys have signed both"


def test_a_log_that_was_set_back_to_before_its_key_was_replaced_is_not_called_anothers(
    original, lived, tmp_path
):
    memory = Memory(tmp_path / "memory")
    lived.replace_log_key()
    seen = audit(lived.directory, Demands(memory=memory))
    assert seen.good
    (finding,) = audit(original.directory, Demands(memory=memory, fingerprint=seen.fingerprint)).findings
    assert finding.rule == "log-only-grows"
    assert "no key that this log names has signed it" in finding.sentence
    assert "set back to before its key was replaced" in finding.sentence


def test_memory_that_cannot_be_written_is_said_and_changes_nothing_else(lived, tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = audit(lived.directory, Demands(memory=Memory(tmp_path / "file" / "memory")))
    assert (result.good, result.remembered) == (True, False)
