"""A mirror over HTTP: what is fetched is verified, what is held stays, and a fork is refused by name."""

import shutil
from unittest.mock import Mock

import pytest

from meyasubako.service.client.errors import NotAnAuditorError
from meyasubako.service.errors import BadAnswerError, ForkedLogError, UnreachableError, WrongMechanismError
from meyasubako.service.inspection import UnreadableSourceError, audit, export
from meyasubako.service.store.errors import StaleReadError
from meyasubako.service.store.sqlite import Store
from tests.system import tampering
from tests.system.lived import found_lived
from tests.unit.service.mirrors import fetch, files, served


def test_a_mirror_holds_what_an_export_does_but_for_the_record_of_payloads(lived, tmp_path):
    told = []
    with served(lived) as (url, _):
        held = fetch(lived, url, tmp_path / "mirror", progress=lambda *step: told.append(step))
    export(lived.directory, tmp_path / "export")
    mirrored, exported = files(tmp_path / "mirror"), files(tmp_path / "export")
    assert mirrored.pop("mirrored.txt")
    exported.pop("payloads.txt")
    assert mirrored == exported
    assert (held.size, held.before) == (320, 0)
    assert told[-1] == ("fetching entries", 2, 2)
    result = audit(tmp_path / "mirror")
    assert result.good, result.findings
    assert result.steps[-1].about == "a log without its vault: payloads were not looked at"


def test_only_what_is_new_is_fetched_and_what_is_held_is_not_touched(lived, tmp_path):
    out = tmp_path / "mirror"
    with served(lived) as (url, counting):
        fetch(lived, url, out)
        full = out / "tile" / "entries" / "000"
        before = full.stat().st_mtime_ns, full.stat().st_ino
        counting.asked.clear()
        assert fetch(lived, url, out).before == 320
        assert not [path for path in counting.asked if path.startswith("/tile/")]
        with lived.open() as box:
            for number in range(70):
                box.write("ira", "message.posted", lived.reporters["sand"].dialogue, f"{number}")
            box.publish()
        held = fetch(lived, url, out)
        asked = [path for path in counting.asked if path.startswith("/tile/")]
    assert (held.before, held.size) == (320, 448)
    assert asked == ["/tile/0/001.p/192", "/tile/entries/001.p/192"]
    assert (full.stat().st_mtime_ns, full.stat().st_ino) == before
    assert audit(out).good
    assert sorted(path.name for path in (out / "tile" / "entries").rglob("*") if path.is_file()) == [
        "000",
        "192",
    ]


def test_an_interrupted_mirror_goes_on_with_what_it_has(lived, tmp_path):
    out = tmp_path / "mirror"
    with served(lived) as (url, counting):
        fetch(lived, url, out)
        (out / "checkpoint").unlink()
        (out / "tile" / "entries" / "001.p" / "64").unlink()
        counting.asked.clear()
        fetch(lived, url, out)
        bundles = [path for path in counting.asked if "entries" in path]
    assert bundles == ["/tile/entries/001.p/64"]
    assert audit(out).good


@pytest.mark.parametrize("name", ["ira", None])
def test_entries_are_for_auditors(lived, tmp_path, name):
    with served(lived) as (url, _), pytest.raises(NotAnAuditorError):
        fetch(lived, url, tmp_path / "mirror", name)
    assert not (tmp_path / "mirror" / "checkpoint").exists()


def test_a_door_that_refuses_for_another_reason_could_not_be_asked(lived, tmp_path, monkeypatch):
    """That it is busy is nothing that was found of the log."""
    monkeypatch.setattr(Store, "tile", Mock(side_effect=StaleReadError(())))
    with served(lived) as (url, _), pytest.raises(UnreachableError, match="too much is being written"):
        fetch(lived, url, tmp_path / "mirror")


def test_another_fingerprint_is_refused_before_anything_is_written(lived, tmp_path):
    with served(lived) as (url, _), pytest.raises(WrongMechanismError):
        fetch(lived, url, tmp_path / "mirror", fingerprint="0000 " * 5 + "0000")
    assert not (tmp_path / "mirror").exists()


def test_another_log_is_refused_as_a_slip(lived, tmp_path):
    """Two logs of two names contradict each other in nothing."""
    out = tmp_path / "mirror"
    out.mkdir()
    note = (lived.directory / "checkpoint").read_bytes()
    (out / "checkpoint").write_bytes(note.replace(b"box.example.org/lived\n", b"else\n", 1))
    before = files(out)
    with served(lived) as (url, _), pytest.raises(UnreadableSourceError, match="a mirror of else") as caught:
        fetch(lived, url, out)
    assert "choose another directory" in str(caught.value)
    assert files(out) == before


def test_a_log_of_the_same_name_that_was_founded_otherwise_contradicts_what_is_held(lived, tmp_path):
    out, other = tmp_path / "mirror", found_lived(tmp_path / "other")
    with served(lived) as (url, _):
        fetch(lived, url, out)
    before = files(out)
    with served(other) as (url, _), pytest.raises(ForkedLogError, match="founded as"):
        fetch(other, url, out)
    assert files(out) == before


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/tile/0/000", ForkedLogError),
        ("/tile/entries/000", BadAnswerError),
        ("/tile/0/001.p/64", BadAnswerError),
    ],
)
def test_what_does_not_verify_is_not_kept(lived, tmp_path, path, error):
    with served(lived) as (url, counting):
        fetch(lived, url, tmp_path / "good")
        data = (tmp_path / "good" / path[1:]).read_bytes()
        counting.instead[path] = data[:-1] if path.endswith("64") else tampering.flipped(data, 40)
        with pytest.raises(error):
            fetch(lived, url, tmp_path / "mirror")
    assert not (tmp_path / "mirror" / "checkpoint").exists()
    assert not (tmp_path / "mirror" / path[1:]).exists()
    assert not list((tmp_path / "mirror").glob("refused*"))


def test_a_damaged_mirror_is_named_and_left_as_it_is(lived, tmp_path):
    out = tmp_path / "mirror"
    with served(lived) as (url, _):
        fetch(lived, url, out)
        with lived.open() as box:
            box.publish()
        (out / "tile" / "0" / "001.p" / "64").write_bytes(bytes(2048))
        with pytest.raises(UnreadableSourceError, match="damaged"):
            fetch(lived, url, out)


@pytest.mark.parametrize("kept", [None, 0, 5000, -1], ids=["missing", "empty", "half", "all but a byte"])
@pytest.mark.parametrize(
    "name", ["tile/entries/000", "tile/entries/001.p/64", "tile/0/000", "tile/1/000.p/1"]
)
def test_a_mirror_that_lost_a_file_or_its_end_says_so_though_nothing_is_new(lived, tmp_path, name, kept):
    out = tmp_path / "mirror"
    with served(lived) as (url, _):
        fetch(lived, url, out)
        data = (out / name).read_bytes()
        (out / name).unlink()
        if kept is not None:
            (out / name).write_bytes(data[: min(kept, len(data) // 2)])
        before = files(out)
        with pytest.raises(UnreadableSourceError, match=f"lacks {name}, or a part of it") as caught:
            fetch(lived, url, out)
    assert "Make a new one in another directory" in str(caught.value)
    assert files(out) == before


def test_a_directory_of_something_else_is_left_alone(lived, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one").write_text("dear")
    with served(lived) as (url, _), pytest.raises(UnreadableSourceError, match="something else"):
        fetch(lived, url, tmp_path / "letters")
    assert files(tmp_path / "letters") == {"one": b"dear"}


def test_a_copy_of_a_mirror_is_a_mirror(lived, tmp_path):
    with served(lived) as (url, _):
        fetch(lived, url, tmp_path / "mirror")
        shutil.copytree(tmp_path / "mirror", tmp_path / "copy")
        assert fetch(lived, url, tmp_path / "copy").before == 320
