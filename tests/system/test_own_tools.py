"""A file sealed by the reporter's own tool, added on the site without scripts, and opened by a handler."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from meyasubako.crypto.age import HybridIdentity
from meyasubako.service.cli.output import plain
from tests.system.box import found_box
from tests.system.conftest import SMALL
from tests.system.town import Town, settled
from tests.system.visitor import Visitor

PHOTO = b"\xff\xd8\xff\xe0 a photo" * 1000


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    place = tmp_path_factory.mktemp("town")
    with settled(found_box(place / "box", SMALL), place) as town:
        yield town


def reported(town: Town, folder: Path, *flags: object) -> str:
    """A report by somebody who leaves Omar out and seals a photo for whoever reads; gives the case."""
    keys, photo, sealed = folder / "readers.txt", folder / "photo.jpg", folder / "photo.jpg.age"
    photo.write_bytes(PHOTO)
    with Visitor(town.served.doors["reporter"]) as visitor:
        visitor.go("questions")
        visitor.press(expect="story", excluded=[town.box.key_id("Omar Haddad")])
        visitor.press("skip", text="There is a photo.", expect="files")
        answer = visitor.send(visitor.page.form("chosen"), {})
        assert answer.headers["Content-Type"].startswith("text/plain")
        keys.write_bytes(answer.content)
        done = town.command("seal", *(flags or ["-R", keys]), "-o", sealed, photo)
        assert done.returncode == 0, done.stderr
        visitor.press(files=[(sealed.name, sealed.read_bytes())], expect="review")
        visitor.press()
        receipt = visitor.page.code
    return town.box.cases_of([receipt])[receipt]


def test_a_handler_opens_both_layers_at_once(town: Town, tmp_path: Path) -> None:
    case, kept = reported(town, tmp_path), tmp_path / "kept"
    opened = town.facts(*town.cases("open", case, "--save-to", kept, "--unseal"))
    assert (kept / "photo.jpg").read_bytes() == PHOTO
    assert (kept / "photo.jpg.age").read_bytes() == (tmp_path / "photo.jpg.age").read_bytes()
    report = opened["report"]
    assert isinstance(report, list)
    (file,) = report[0]["files"]
    assert file["sealed_by_sender"] is True
    assert (file["saved"], file["opened"]) == (str(kept / "photo.jpg.age"), str(kept / "photo.jpg"))


def test_a_handler_who_is_not_asked_to_is_told_how_to_open_it(town: Town, tmp_path: Path) -> None:
    case, kept = reported(town, tmp_path, "-a", "-R", tmp_path / "readers.txt"), tmp_path / "kept"
    done = town.command(*town.cases("open", case, "--save-to", kept))
    assert done.returncode == 0, done.stderr
    assert "sealed by its sender" in done.stdout
    assert f"meyasubako open -i KEYFILE {plain(str(kept / 'photo.jpg.age'))}" in " ".join(done.stdout.split())
    assert not (kept / "photo.jpg").exists()
    key = ["-i", town.place / "Keiko.key", "--passphrase-file", town.place / "passphrase"]
    done = town.command("open", *key, "-o", kept / "photo.jpg", kept / "photo.jpg.age")
    assert done.returncode == 0, done.stderr
    assert (kept / "photo.jpg").read_bytes() == PHOTO


def test_a_file_that_was_sealed_for_somebody_else_is_saved_as_it_is(town: Town, tmp_path: Path) -> None:
    case, kept = reported(town, tmp_path, "-r", HybridIdentity.generate().recipient.text), tmp_path / "kept"
    town.facts(*town.cases("open", case, "--save-to", kept, "--unseal"))
    assert sorted(path.name for path in kept.iterdir()) == ["photo.jpg.age"]
