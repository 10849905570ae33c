"""The command `meyasubako`.

- A command's module is imported when it is used: who seals a file does not wait for a web framework.
"""

from importlib import import_module
from typing import Final

import click

from meyasubako.service.cli.failures import Commands

# In the order in which one needs them: name, module beside this one, the command's name in it.
COMMANDS: Final = {
    "demo": ("demo", "demo"),
    "key": ("key", "key"),
    "found": ("found", "found"),
    "enroll": ("enroll", "enroll"),
    "propose": ("acts", "propose"),
    "confirm": ("acts", "confirm"),
    "software": ("software", "software"),
    "suspend": ("suspend", "suspend"),
    "people": ("people_channels", "people"),
    "serve": ("serve", "serve"),
    "backup": ("backup", "backup"),
    "restore": ("restore", "restore"),
    "report": ("report", "report"),
    "mailbox": ("mailbox", "mailbox"),
    "cases": ("case_acts", "cases"),
    "identity": ("identity_answers", "identity"),
    "recovery": ("recovery", "recovery"),
    "log": ("log", "log"),
    "audit": ("audit", "audit"),
    "replay": ("audit", "replay"),
    "seal": ("seal", "seal"),
    "open": ("seal", "open_"),
    "retention": ("retention", "retention"),
    "witness": ("witness", "witness"),
}


class _Main(Commands):
    """All commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command = getattr(import_module(f"meyasubako.service.cli.{module}"), name)
        return command if isinstance(command, click.Command) else None


@click.command(cls=_Main, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="meyasubako", message="meyasubako %(version)s")
def main() -> None:
    """Sealed intake for whistleblowing channels and grievance mechanisms.

    Begin with `meyasubako demo`: it founds a mechanism, runs one whole case through it, and shows each step.
    """


if __name__ == "__main__":
    main()
