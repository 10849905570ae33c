"""What lies in a mirror beside its own tree: checkpoints that it refused, and what interrupted runs left."""

import shutil

import pytest

from meyasubako.crypto.checkpoint import Checkpoint, open_checkpoint
from meyasubako.crypto.note import Note
from meyasubako.service.errors import ForkedLogError
from meyasubako.service.inspection import audit, export
from meyasubako.service.keys import ServerKeys
from tests.system import tampering
from tests.system.lived import ORIGIN, found_lived
from tests.unit.service.mirrors import fetch, files, served


def mirrored(lived, out):
    with served(lived) as (url, _):
        return fetch(lived, url, out)


def grown(lived, slots=1):
    with lived.open() as box:
        for _ in range(slots):
            box.publish()


def forked(lived, original, place):
    """The same mechanism with another last slot: the server keeps two histories."""
    other = original.copied(place)
    for box_of, text in ((lived, "for one"), (other, "for the other")):
        with box_of.open() as box:
            box.write("ira", "message.posted", box_of.reporters["gravel"].dialogue, text)
            box.publish()
    return other


def published(lived):
    """The newest checkpoint's note, and the name under which a mirror keeps it that refuses it."""
    note = (lived.directory / "checkpoint").read_bytes()
    tree = Checkpoint.parse(Note.parse(note).text)
    return note, tree, f"refused-{tree.size}-{tree.root.hex()[:8]}.checkpoint"


def refused(other, out, words):
    """Mirror a log that does not extend what is held; gives the sentence."""
    with served(other) as (url, _), pytest.raises(ForkedLogError, match=words) as caught:
        fetch(other, url, out)
    return str(caught.value)


# What was refused.


def test_a_log_that_was_set_back_leaves_its_checkpoint_and_changes_nothing_else(lived, original, tmp_path):
    out = tmp_path / "mirror"
    grown(lived)
    mirrored(lived, out)
    before, (note, tree, name) = files(out), published(original)
    assert name in refused(original, out, "set back: 384")
    assert files(out) == {**before, name: note}
    result = audit(out)
    assert result.good, result.findings
    # What is held begins with it: the log was set back, and nothing else was put in its place so far.
    assert audit(out, seen=[(tree.size, tree.root)]).good


@pytest.mark.parametrize("longer", [False, True], ids=["of the same size", "longer"])
def test_a_forked_log_leaves_its_checkpoint_and_changes_nothing_else(lived, original, tmp_path, longer):
    out, other = tmp_path / "mirror", forked(lived, original, tmp_path / "other")
    mirrored(lived, out)
    if longer:
        grown(other)
    before, (note, tree, name) = files(out), published(other)
    assert name in refused(other, out, r"forked|extend")
    assert files(out) == {**before, name: note}
    # Both notes were signed by the keys of the one log.
    keys = ServerKeys.load(lived.directory).log_verifiers
    for each in (before["checkpoint"], note):
        assert open_checkpoint(each, ORIGIN, keys)
    assert audit(out).good
    assert audit(out, seen=[(tree.size, tree.root)]).findings[0].rule == "log-only-grows"
    # The mirror goes on with the log that it is of.
    grown(lived)
    assert mirrored(lived, out).before == 384
    assert files(out)[name] == note


def test_what_was_kept_of_a_refused_log_is_never_written_over(lived, original, tmp_path):
    out, other = tmp_path / "mirror", forked(lived, original, tmp_path / "other")
    mirrored(lived, out)
    name = published(other)[2]
    (out / name).write_bytes(b"mine")
    assert name in refused(other, out, "forked")
    assert (out / name).read_bytes() == b"mine"


def test_a_fork_is_told_though_nothing_can_be_written(lived, original, tmp_path):
    out, other = tmp_path / "mirror", forked(lived, original, tmp_path / "other")
    mirrored(lived, out)
    name = published(other)[2]
    (out / f".{name}.new").mkdir()
    assert f"could not be kept as {name}" in refused(other, out, "forked")


def test_another_log_of_the_same_name_is_refused_and_leaves_nothing(lived, tmp_path):
    """Its keys are not this log's: what they signed says nothing about it."""
    out, other = tmp_path / "mirror", found_lived(tmp_path / "other")
    mirrored(lived, out)
    before = files(out)
    refused(other, out, "founded as")
    assert files(out) == before


@pytest.mark.parametrize("content", ["garbage", "another tree"])
def test_a_refused_checkpoint_that_is_not_what_its_name_says_does_not_belong_in_a_mirror(
    lived, tmp_path, content
):
    out = tmp_path / "mirror"
    mirrored(lived, out)
    note = (out / "checkpoint").read_bytes() if content == "another tree" else b"garbage"
    (out / "refused-7-00112233.checkpoint").write_bytes(note)
    (finding,) = audit(out).findings
    assert (finding.rule, "refused-7" in finding.sentence) == ("file-belongs-here", True)


def test_no_refused_checkpoint_belongs_in_an_export(lived, tmp_path):
    export(lived.directory, tmp_path / "out")
    note, _, name = published(lived)
    (tmp_path / "out" / name).write_bytes(note)
    assert [each.rule for each in audit(tmp_path / "out").findings] == ["file-belongs-here"]


# What interrupted runs left.


def narrower(directory):
    """The partial tiles and bundles of a tree."""
    return {name: data for name, data in files(directory).items() if ".p/" in name}


def laid(directory, names):
    for name, data in names.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_bytes(data)


@pytest.fixture(scope="module")
def interrupted(original, tmp_path_factory):
    """A log that grew, and a mirror of it as a run leaves it that is killed right behind the checkpoint."""
    place = tmp_path_factory.mktemp("interrupted")
    lived, out = original.copied(place / "box"), place / "mirror"
    mirrored(lived, out)
    old = narrower(out)
    grown(lived, 3)
    mirrored(lived, out)
    assert old.keys() == {"tile/0/001.p/64", "tile/entries/001.p/64", "tile/1/000.p/1"}
    assert not old.keys() & files(out).keys()
    laid(out, old)
    return lived, out


@pytest.fixture
def killed(interrupted, tmp_path):
    """Copies of both, to do to them what one likes."""
    lived, out = interrupted
    shutil.copytree(out, tmp_path / "mirror")
    return lived.copied(tmp_path / "grown"), tmp_path / "mirror"


def test_tiles_that_have_grown_are_good_beside_what_they_grew_into(killed, tmp_path):
    lived, out = killed
    assert audit(out).good
    export(lived.directory, tmp_path / "out")
    laid(tmp_path / "out", narrower(out))
    assert audit(tmp_path / "out").good


@pytest.mark.parametrize(
    ("name", "wide"),
    [
        ("tile/0/001.p/64", "tile/0/001"),
        ("tile/entries/001.p/64", "tile/entries/001"),
        ("tile/1/000.p/1", "tile/1/000.p/2"),
    ],
)
@pytest.mark.parametrize("how", ["changed", "cut", "longer", "without the wider one"])
def test_a_narrower_tile_that_the_wider_one_does_not_begin_with_is_found(killed, name, wide, how):
    _, out = killed
    data = (out / name).read_bytes()
    match how:
        case "changed":
            data = tampering.flipped(data, 30)
        case "cut":
            data = data[:-1]
        case "longer":
            data = (out / wide).read_bytes()
        case _:
            (out / wide).unlink()
    (out / name).write_bytes(data)
    found = [each.sentence for each in audit(out).findings if each.rule == "file-belongs-here"]
    assert found == [f"{name} is not the beginning of {wide}"]


@pytest.mark.parametrize("slots", [0, 1], ids=["nothing is new", "the log grew"])
def test_the_next_run_clears_away_what_an_interrupted_one_left(killed, tmp_path, slots):
    lived, out = killed
    for half in (".checkpoint.new", "tile/0/.000.new", "tile/entries/001.p/.64.new"):
        (out / half).write_bytes(b"half of")
    grown(lived, slots)
    mirrored(lived, out)
    mirrored(lived, tmp_path / "fresh")
    assert files(out) == files(tmp_path / "fresh")
    assert not list(out.rglob("001.p"))
    assert audit(out).good


def test_a_run_that_was_killed_before_its_checkpoint_is_gone_on_with(lived, tmp_path):
    """Wider tiles lie there already, the checkpoint is of before, and meanwhile the log has grown again."""
    out, later = tmp_path / "mirror", tmp_path / "later"
    mirrored(lived, out)
    grown(lived, 2)
    shutil.copytree(out, later)
    mirrored(lived, later)
    laid(out, narrower(later))
    grown(lived)
    mirrored(lived, out)
    mirrored(lived, tmp_path / "fresh")
    assert files(out) == files(tmp_path / "fresh")


def test_a_narrower_tile_that_differs_is_left_for_the_audit(killed):
    lived, out = killed
    file = out / "tile/0/001.p/64"
    file.write_bytes(tampering.flipped(file.read_bytes(), 30))
    mirrored(lived, out)
    assert {each.rule for each in audit(out).findings} == {"file-belongs-here"}
