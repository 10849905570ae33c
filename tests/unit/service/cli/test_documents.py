"""What the documents say of files and commands is so."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from meyasubako.service.cli.main import main

ROOT = Path(__file__).parents[4]
PAGES = [
    path.relative_to(ROOT)
    for folder in (ROOT, ROOT / "docs", ROOT / "deploy")
    for path in sorted(folder.glob("*.md"))
]
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)|src=\"([^\"]+)\"")


def commands(page: Path) -> Iterator[str]:
    """Every command of ours that stands in a block of code, its continued lines joined."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        found = re.match(r"\s*(?:\$ |sudo -u \S+ )?(?:\S*/)?meyasubako ([a-z].*)", line)
        if found and "`" not in line and found[1] != "…":
            yield found[1].partition("  #")[0]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_and_picture_of_a_page_is_there(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = [first or second for first, second in _LINK.findall(text)]
    assert [name for name in named if not ((ROOT / page).parent / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_in_a_page_exists_with_its_options(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line, comments=True)
        command: click.Command = main
        context = click.Context(main)
        while isinstance(command, click.Group) and words:
            inner = command.get_command(context, words[0])
            if inner is None:
                break
            command, words = inner, words[1:]
        assert not isinstance(command, click.Group) or "--help" in words or "[OPTIONS]" in words, line
        known = {name for each in command.params for name in each.opts} | {"--help", "--version"}
        assert [word for word in words if word.startswith("--") and word not in known] == [], line


def test_the_readme_begins_with_the_two_commands_of_a_newcomer() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\n(.*?)```", text, re.DOTALL)
    assert blocks[:2] == ["make demo\n", "make install\n"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"\n{target}: " in makefile for target in ("demo", "install", "test", "lint"))


def test_the_licence_is_the_one_that_is_named() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.split("\n")[0].strip() == "GNU AFFERO GENERAL PUBLIC LICENSE"
    assert 'license = "AGPL-3.0-or-later"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
