"""The command `meyasubako`."""

import click

from meyasubako.service.cli.audit import audit, replay
from meyasubako.service.cli.case_acts import cases
from meyasubako.service.cli.demo import demo
from meyasubako.service.cli.enroll import enroll
from meyasubako.service.cli.failures import Commands
from meyasubako.service.cli.found import found
from meyasubako.service.cli.key import key
from meyasubako.service.cli.log import log
from meyasubako.service.cli.mailbox import mailbox
from meyasubako.service.cli.report import report
from meyasubako.service.cli.seal import open_, seal
from meyasubako.service.cli.serve import serve
from meyasubako.service.cli.witness import witness


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="meyasubako", message="meyasubako %(version)s")
def main() -> None:
    """Sealed intake for whistleblowing channels and grievance mechanisms.

    Begin with `meyasubako demo`: it founds a mechanism, runs one whole case through it, and shows each step.
    """


for command in (
    demo,
    key,
    found,
    enroll,
    serve,
    report,
    mailbox,
    cases,
    log,
    audit,
    replay,
    seal,
    open_,
    witness,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
