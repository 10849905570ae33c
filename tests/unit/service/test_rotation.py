import pytest

from meyasubako.crypto.checkpoint import open_checkpoint
from meyasubako.crypto.cosignature import parse_verifier
from meyasubako.domain.audit import Replay
from meyasubako.service import rotation
from meyasubako.service.errors import KeysError
from meyasubako.service.keys import ServerKeys
from meyasubako.service.mechanism import Mechanism
from tests.system.box import ORIGIN, Box
from tests.unit.service.doors import rotate


def _findings(mechanism: Mechanism) -> list[str]:
    replay = Replay()
    return [finding.rule for finding in replay.feed(row.data for row in mechanism.store.rows())]


def _opens(note: bytes, keys: tuple[str, ...]) -> bool:
    return bool(open_checkpoint(note, ORIGIN, [parse_verifier(key) for key in keys]))


def test_a_tree_that_ends_before_a_rotation_is_signed_by_the_keys_that_it_names(
    mechanism: Mechanism, box: Box
) -> None:
    old = mechanism.keys.public.log
    size = mechanism.store.head().size
    # As after a crash between a marker and its signature, before which somebody replaced the key.
    indices = mechanism.store.append(mechanism._slot(size), {}, {}, at_size=size)
    new = rotation.draw(box.directory, "log")
    rotate(mechanism, box, "log", new)
    mechanism.publish()
    notes = {each.size: each.note for each in mechanism.store.checkpoints()}
    assert _opens(notes[indices[-1] + 1], old)
    assert _opens(notes[max(notes)], new)
    assert ServerKeys.load(box.directory).public.log == new
    assert _findings(mechanism) == []


def test_a_successor_that_the_log_names_is_not_drawn_over(mechanism: Mechanism, box: Box) -> None:
    first = rotation.draw(box.directory, "service")
    second = rotation.draw(box.directory, "service")
    assert first != second
    rotate(mechanism, box, "service", second)
    with pytest.raises(KeysError, match="publish it first"):
        rotation.draw(box.directory, "service")
    mechanism.write_covers(3)
    mechanism.publish()
    assert rotation.draw(box.directory, "service") != second
    assert _findings(mechanism) == []


def test_a_log_that_names_a_key_which_nobody_has_is_not_signed(mechanism: Mechanism, box: Box) -> None:
    first = rotation.draw(box.directory, "promise")
    rotation.draw(box.directory, "promise")
    rotate(mechanism, box, "promise", first)
    with pytest.raises(KeysError, match="promise"):
        mechanism.publish()


def test_there_are_three_keys(mechanism: Mechanism, box: Box) -> None:
    assert mechanism.keys
    with pytest.raises(KeysError, match="log, promise, service"):
        rotation.draw(box.directory, "other")


def test_keys_are_compared_by_six_groups_of_digits() -> None:
    first = rotation.keys_fingerprint(["a", "b"])
    assert [len(group) for group in first.split()] == [4] * 6
    assert first != rotation.keys_fingerprint(["ab"]) != rotation.keys_fingerprint(["b", "a"])
