"""The scripts that are installed are what the lock file builds, and cannot do what no page of ours does."""

import gzip
import hashlib
import json
import re

import pytest

from meyasubako.crypto.wordlists import LANGUAGES, word
from meyasubako.service.reporter import sealing_pages
from tests.unit.service.reporter.page_library import NODE, SOURCES, build

STATIC = SOURCES.parent / "static"
SCRIPTS = ("page.js", "offline.js")


def test_what_is_installed_is_what_the_lock_file_builds(tmp_path):
    build(tmp_path)
    for name in (*SCRIPTS, "words.txt"):
        built, installed = ((folder / name).read_bytes() for folder in (tmp_path, STATIC))
        assert hashlib.sha256(built).hexdigest() == hashlib.sha256(installed).hexdigest(), name


def test_the_lock_file_fixes_every_package_by_its_digest():
    lock = json.loads((SOURCES.parents[2] / "package-lock.json").read_text("utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    names = [name.rpartition("node_modules/")[2] for name in packages]
    assert len(set(names)) == len(names), "two versions of one package would both be in the script"


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_neither_evaluates_text_nor_writes_markup_nor_keeps_anything(name):
    text = (STATIC / name).read_text("ascii")
    for refused in (
        r"\beval\(", r"new Function", r"WebAssembly", r"innerHTML", r"outerHTML", r"insertAdjacentHTML",
        r"document\.write", r"document\.cookie", r"localStorage", r"sessionStorage", r"indexedDB",
        r"serviceWorker", r"importScripts", r"https?://", r"console\.", r"sendBeacon", r"</script",
    ):  # fmt: skip
        assert not re.search(refused, text), refused


def test_a_saved_page_asks_nobody_for_anything():
    text = (STATIC / "offline.js").read_text("ascii")
    assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource", text)


def test_scripts_are_small_enough_for_a_slow_line():
    assert len(gzip.compress((STATIC / "page.js").read_bytes(), 9)) < 60_000
    assert len((STATIC / "offline.js").read_bytes()) < 150_000


def test_the_word_lists_are_those_of_the_server():
    listed = (STATIC / "words.txt").read_text("utf-8").split()
    assert listed == [word(language, index) for language in LANGUAGES for index in range(2048)]


def test_the_policy_names_the_script_that_is_installed():
    script = sealing_pages.asset("page.js")
    policy = sealing_pages.policy(script.integrity)
    assert f"script-src '{script.integrity}';" in policy
    assert "unsafe" not in policy
    assert gzip.decompress(script.packed) == script.data
    assert script.sha256 == hashlib.sha256((STATIC / "page.js").read_bytes()).hexdigest()


def test_the_types_of_the_sources_fit():
    import subprocess

    root = SOURCES.parents[2]
    compiler = root / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run([NODE, compiler, "-p", SOURCES], capture_output=True, text=True, check=False)
    assert done.stdout == ""
