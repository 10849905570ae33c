"""What is installed is what stands in the tree: every package listed, every file of data taken along."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("crypto", "domain", "service")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def tracked(*folders):
    """Files under version control, or about to be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    names = [name for name in done.stdout.decode().split("\0") if name]
    return sorted(name for name in names if (ROOT / name).is_file())


def test_every_package_of_the_tree_is_listed():
    packages = {
        "meyasubako." + str(Path(name).parent).replace("/", ".")
        for name in tracked(*FOLDERS)
        if name.endswith("/__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages


def test_every_folder_with_code_is_a_package():
    folders = {str(Path(name).parent) for name in tracked(*FOLDERS) if name.endswith(".py")}
    assert [folder for folder in sorted(folders) if not (ROOT / folder / "__init__.py").is_file()] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names in a wheel that is built out of a copy of the tree."""
    copy, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in tracked(*FOLDERS, "pyproject.toml", "README.md", "LICENSE"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        out,
        copy,
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    (file,) = out.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return set(archive.namelist())


def test_a_wheel_holds_every_file_of_the_three_folders(wheel):
    missing = [name for name in tracked(*FOLDERS) if f"meyasubako/{name}" not in wheel]
    assert missing == []


def test_a_wheel_installs_nothing_outside_of_our_name(wheel):
    top = {name.partition("/")[0] for name in wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == {"meyasubako"}


def test_a_wheel_carries_the_licence(wheel):
    assert any(name.endswith("/LICENSE") for name in wheel)


@pytest.mark.parametrize("name", FOLDERS)
def test_the_bare_names_do_not_import(name):
    command = [sys.executable, "-c", f"import {name}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"import meyasubako.{name}" in done.stderr
