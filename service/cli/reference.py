"""The commands' help as one Markdown page, docs/commands.md, which a test compares with the commands.

Write it anew with `python -m meyasubako.service.cli.reference > docs/commands.md`.
"""

import sys
from collections.abc import Iterator

import click

from meyasubako.service.cli.main import main

_HEAD = """\
# Commands

*This page is the commands' own help, written by `python -m meyasubako.service.cli.reference`; a test compares
them.*

Every command that prints facts takes `--json` and then prints one JSON object (progress and errors go to
standard error). Secrets are typed without echo, or read from a file or a pipe: never from an argument or the
environment.

| exit code | meaning |
|---|---|
| 0 | good |
| 1 | findings: something was checked and the answer is no (an audit's, a rule's, an unexpected mechanism) |
| 2 | usage, input that cannot be read, or a service that could not be asked |
| 3 | a fault in the program itself; the message names the place and holds nothing of yours |
| 130 | stopped by the keyboard |
"""


def render() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sections(main, ("meyasubako",))])


def _sections(command: click.Command, path: tuple[str, ...]) -> Iterator[str]:
    yield f"## {' '.join(path)}\n\n```text\n{_help(command, path)}\n```\n"
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from _sections(inner, (*path, name))


def _help(command: click.Command, path: tuple[str, ...]) -> str:
    # Contexts as a real call has them: what the outermost command settles holds for the inner ones.
    settings = {**main.context_settings, "terminal_width": 100}
    context: click.Context | None = None
    for name in path[:-1]:
        context = click.Context(main, parent=context, info_name=name, **settings)
    return command.get_help(click.Context(command, parent=context, info_name=path[-1], **settings))


if __name__ == "__main__":
    sys.stdout.write(render())
