"""A handler without our software: key file, `age-encryption` from npm, and tar are all that anybody needs."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from meyasubako.crypto.keyfile import write_keyfile
from meyasubako.domain import envelope
from tests.system.lived import PHOTO, found_lived

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "opened_with_stock_tools.mjs"
PASSPHRASE = "correct horse battery staple"
# The lowest work factor that still shows the format: the real one is 18.
QUICK = 10


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    return found_lived(tmp_path_factory.mktemp("stock") / "box")


@pytest.fixture(scope="module")
def node():
    program = ROOT / ".venv" / "bin" / "node"
    if not program.exists() or not (ROOT / "node_modules" / "age-encryption").is_dir():
        pytest.fail("age-encryption is not installed: `make test` does that, by npm ci")
    return program


@pytest.fixture
def taken_out(lived, tmp_path):
    """What a handler has in their hands: key file, and each sealed payload as a file."""
    person = lived.people["ken"]
    keyfile = tmp_path / "ken.age"
    keyfile.write_bytes(write_keyfile(person, "ken", PASSPHRASE, work_factor=QUICK))
    gravel = lived.reporters["gravel"]
    with lived.open() as box:
        case = [envelope.read(row.data) for row in box.store.stream(gravel.case)]
        room = envelope.read(box.store.stream(gravel.report)[0].data)
        wrap = next(each for each in room.records("wraps") if each["reader"] == lived.id("ken"))
        for name, digest in {
            "wrap": wrap["sha256"],
            "report": case[0].body["report"]["sha256"],
            "photo": lived.photo,
        }.items():
            (tmp_path / f"{name}.age").write_bytes(box.fetch(digest))
    return tmp_path


def untarred(node, folder, payload):
    """The members of a payload, by node and tar."""
    tar = folder / f"{payload}.tar"
    files = [folder / "ken.age", PASSPHRASE, folder / "wrap.age", folder / f"{payload}.age", tar]
    environment = {"PATH": os.environ["PATH"], "NODE_PATH": str(ROOT / "node_modules")}
    done = subprocess.run(
        [node, SCRIPT, *files], capture_output=True, text=True, check=False, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    members = folder / payload
    members.mkdir()
    # Stock tar reads the zeros at the end; `i` passes over them wherever they stand.
    subprocess.run(["tar", "xif", tar, "-C", members], check=True, timeout=60)
    return members


def test_a_report_is_opened_without_our_software(node, taken_out, lived):
    members = untarred(node, taken_out, "report")
    assert sorted(file.name for file in members.iterdir()) == [
        "about.json",
        "files.json",
        "report.json",
        "report.txt",
    ]
    assert (members / "report.txt").read_text() == "report of gravel"
    about = json.loads((members / "about.json").read_bytes())
    assert (about["stream"], about["kind"]) == (lived.reporters["gravel"].case, "report.submitted")
    listed = json.loads((members / "files.json").read_bytes())["files"]
    assert [(file["name"], file["size"]) for file in listed] == [("photo.jpg", len(PHOTO))]


def test_a_file_comes_out_byte_for_byte(node, taken_out):
    members = untarred(node, taken_out, "photo")
    assert (members / "file").read_bytes() == PHOTO
