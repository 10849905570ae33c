from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from meyasubako.service.cli.main import main
from meyasubako.service.cli.reference import render

PAGE = Path(__file__).parents[4] / "docs" / "commands.md"

# What makes a page, a file or a process, and prints no facts.
WITHOUT_JSON = {
    "meyasubako key passphrase",
    "meyasubako seal",
    "meyasubako open",
    "meyasubako witness serve",
    "meyasubako witness moved",
}


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


EVERY = dict(commands(main, "meyasubako"))


def test_the_page_of_commands_is_the_commands_own_help() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), (
        "write it anew: python -m meyasubako.service.cli.reference > docs/commands.md"
    )


@pytest.mark.parametrize("name", EVERY)
def test_every_command_says_what_it_does_and_shows_an_example(name: str) -> None:
    command = EVERY[name]
    assert command.help
    assert command.epilog
    assert name in command.epilog


@pytest.mark.parametrize("name", EVERY)
def test_every_option_says_what_it_is_for(name: str) -> None:
    options = [each for each in EVERY[name].params if isinstance(each, click.Option) and not each.hidden]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("name", sorted(EVERY.keys() - WITHOUT_JSON))
def test_every_command_that_prints_facts_prints_them_for_scripts_too(name: str) -> None:
    assert any("--json" in each.opts for each in EVERY[name].params)


@pytest.mark.parametrize("name", EVERY)
def test_no_command_takes_a_secret_as_an_argument_or_from_the_environment(name: str) -> None:
    for each in EVERY[name].params:
        assert each.envvar is None
        assert each.name not in {"passphrase", "receipt", "password"} or each.is_flag  # type: ignore[attr-defined]
