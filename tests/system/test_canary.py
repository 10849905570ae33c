"""After a whole demonstration, and reports by every other way, nothing of it lies anywhere in the clear: not
in the mechanism's directory (raw bytes of the database and its write-ahead log included), not in a temporary
directory, not in what was printed, not in a command line or an environment, not in an open file.

What this cannot see: memory, swap, and blocks that a file system has given up. SECURITY.md says so.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from meyasubako.crypto.keyfile import KeyPair, read_keyfile
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import reading
from meyasubako.service import demo_cast as cast
from meyasubako.service.keys import FOLDER, ServerKeys
from tests.system import canary
from tests.system.box import Box
from tests.system.canary import Needle
from tests.system.served import Served, environment, run, wait_for
from tests.system.visitor import Visitor

# The demonstration as `meyasubako demo --once` runs it, but for two things: pass phrases are stretched less,
# and the receipt, which nobody keeps, is overheard as it is made.
DEMO = """
import sys
from pathlib import Path
from meyasubako.crypto.receipt import Receipt
from meyasubako.service import demo
generate = Receipt.generate
def overheard():
    receipt = generate()
    print("RECEIPT", receipt.digits(), flush=True)
    return receipt
Receipt.generate = overheard
demo.run(Path(sys.argv[1]), once=True, as_json=True, work_factor=10)
"""
TEXT = "The foreman keeps the passports in the red safe.\n現場監督が旅券を赤い金庫に保管しています。\n"
REPLY = "They were moved on Tuesday night.\n火曜日の夜に移されました。\n"
LARGE, SMALL = os.urandom(700_000), os.urandom(3_000)
STORY = "Sent by a program: two drivers sleep in the trailer."
DOCUMENT = os.urandom(400_000)


@dataclass
class Lived:
    """A mechanism after all of it, and everything that must not be found there."""

    box: Box
    place: Path
    receipts: list[str]
    printed: dict[str, str]

    def needles(self) -> Iterator[Needle]:
        texts = {"demo's report": cast.REPORT, "report": TEXT, "reply": REPLY, "program's report": STORY}
        texts |= {"question": cast.QUESTION, "note": cast.NOTE_BY_KEIKO, "outcome": cast.OUTCOME}
        for what, text in texts.items():
            yield from canary.of_text(what, text)
        files = {"picture": cast.picture(), "large file": LARGE, "small file": SMALL, "document": DOCUMENT}
        for what, content in files.items():
            yield from canary.of_file(what, content)
        for number, digits in enumerate(self.receipts):
            yield from canary.of_receipt(f"receipt {number}", Receipt.parse(digits), cast.ORIGIN)
        for name, pair in self.box.people.items():
            yield from canary.of_person(name, pair)
        yield from room_keys(self.box)


def room_keys(box: Box) -> Iterator[Needle]:
    """The key of every epoch of every room, as Keiko opens them."""
    pair = box.people[cast.KEIKO.name]
    with box.looked_into() as mechanism:

        def fetch(digest: str) -> bytes:
            with mechanism.store.open_payload(digest) as file:
                return file.read()

        rooms = mechanism.ledger().rooms.values()
        assert len(rooms) >= 3 * 2 + 1
        for room in rooms:
            keys = reading.epoch_keys(room, box.key_id(cast.KEIKO.name), pair.identity, fetch)
            assert keys
            for epoch, identity in keys.items():
                yield from canary.of_identity(f"key {epoch} of a {room.name} room", identity)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lived, Served]]:
    """The demonstration; then, on the same mechanism, a report through the site and one by a program."""
    place = tmp_path_factory.mktemp("canary")
    receipts, printed = demonstration(place)
    box = Box(place / "demo", key_pairs(place / "demo-people"))
    served = Served(box.directory, place / "served")
    served.start()
    with Visitor(served.doors["reporter"], "ja") as visitor:
        receipts.append(visitor.report(TEXT, [("large.bin", LARGE), ("small.bin", SMALL)]))
        visitor.come_back(receipts[-1])
        visitor.press("send", text=REPLY, files=[("again.bin", LARGE)])
    receipts.append(by_program(place, served, printed))
    yield Lived(box, place, receipts, printed), served
    assert served.stop() == 0


def demonstration(place: Path) -> tuple[list[str], dict[str, str]]:
    """Gives the receipt that was made, and what was printed: the story told, and the processes' output."""
    (place / "temporary").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", DEMO, place / "demo"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(place / "temporary"),
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    receipts = [line.removeprefix("RECEIPT ") for line in lines if line.startswith("RECEIPT ")]
    assert len(receipts) == 1
    return receipts, {"what the demo's processes printed": done.stderr}


def key_pairs(folder: Path) -> dict[str, KeyPair]:
    files = {part.name: folder / part.file for part in cast.CAST}
    return {name: read_keyfile(path.read_bytes(), cast.PASSPHRASE) for name, path in files.items()}


def by_program(place: Path, served: Served, printed: dict[str, str]) -> str:
    """A report by the reporter's own tool; gives its receipt. The document lies elsewhere, with its owner."""
    own = place.with_name(f"{place.name}-own")
    own.mkdir()
    (own / "document.bin").write_bytes(DOCUMENT)
    done = run(
        "report",
        "--first-use",
        "--at",
        served.doors["reporter"],
        "--file",
        own / "document.bin",
        "--first-use",
        "--json",
        typed=STORY,
        temporary=place / "temporary",
    )
    assert done.returncode == 0, done.stderr
    printed["what the reporter's tool said beside the receipt"] = done.stderr
    return str(json.loads(done.stdout)["receipt"])


def test_nothing_of_it_lies_in_a_file_or_was_printed(lived: tuple[Lived, Served]) -> None:
    was, served = lived
    printed = {**was.printed, "what the service printed": served.printed()}
    places = [*canary.files_below(was.place), *canary.printed(printed)]
    assert len(places) > 40
    assert canary.found_in(places, was.needles()) == []


def test_nothing_of_it_is_held_by_a_process_where_others_could_read_it(lived: tuple[Lived, Served]) -> None:
    was, served = lived
    places = list(canary.held_by(served.pids()))
    assert any("log.db" in name for name, _ in places)
    assert canary.found_in(places, was.needles()) == []


def test_nothing_of_an_upload_lies_anywhere_in_the_clear_while_it_arrives(
    lived: tuple[Lived, Served],
) -> None:
    was, served = lived
    incoming, content = was.box.directory / "incoming", os.urandom(1024 * 1024)
    with Visitor(served.doors["reporter"]) as visitor:
        visitor.go("questions")
        with visitor.sending(content, 2 * len(content)):
            wait_for(lambda: any(path.stat().st_size > len(content) // 2 for path in incoming.iterdir()))
            places = [*canary.files_below(was.place), *canary.held_by(served.pids())]
            # Without the end, which may still be on its way.
            needles = list(canary.of_file("upload", content[: len(content) // 2]))
            assert canary.found_in(places, needles) == []
        wait_for(lambda: not list(incoming.glob("form-*")))


def test_no_temporary_file_is_left(lived: tuple[Lived, Served]) -> None:
    was, served = lived
    assert list((was.place / "temporary").iterdir()) == []
    assert list(served.temporary.iterdir()) == []


def test_the_servers_own_keys_stand_in_their_folder_only_and_nobody_else_can_read_a_file(
    lived: tuple[Lived, Served],
) -> None:
    was, served = lived
    directory = was.box.directory
    assert canary.open_to_others(directory) == []
    folder = directory / FOLDER
    files = sorted(path.name for path in folder.iterdir())
    assert files == ["log.ed25519", "log.mldsa44", "promise", "service"]
    assert {(folder / name).stat().st_mode & 0o777 for name in files} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    needles = list(server_keys(directory))
    elsewhere = [place for place in canary.files_below(was.place) if f"/{FOLDER}/" not in place[0]]
    assert canary.found_in(elsewhere, needles) == []
    assert canary.found_in(canary.held_by(served.pids()), needles) == []
    # They are what is looked for: in their own files they are found.
    assert {
        where
        for _, where in (line.split(" in ") for line in canary.found_in(canary.files_below(folder), needles))
    } == {str(folder / name) for name in files}


def server_keys(directory: Path) -> Iterator[Needle]:
    """The secret part of each key file: what follows the fourth plus sign of Go's form, or the whole seed."""
    ServerKeys.load(directory)
    for path in (directory / FOLDER).iterdir():
        text = path.read_text().strip()
        secret = text.split("+", 4)[-1] if text.startswith("PRIVATE+KEY+") else text
        yield Needle(path.name, "as written", secret.encode())


@pytest.mark.parametrize(
    "planted",
    [
        lambda secret: secret,
        lambda secret: secret.hex().encode(),
        lambda secret: b"x" + canary.base64.b64encode(b"yy" + secret + b"z"),
        lambda secret: canary.base64.urlsafe_b64encode(b"y" + secret),
    ],
)
def test_the_search_finds_what_is_planted(tmp_path: Path, planted: Callable[[bytes], bytes]) -> None:
    secret = os.urandom(32)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(os.urandom(1000) + planted(secret) + os.urandom(1000))
    assert canary.found_in(canary.files_below(tmp_path), canary.of_bytes("secret", secret))
    assert not canary.found_in(canary.files_below(tmp_path), canary.of_bytes("other", os.urandom(32)))
