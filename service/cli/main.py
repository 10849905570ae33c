"""The command `meyasubako`."""

import click


@click.group()
@click.version_option(package_name="meyasubako")
def main() -> None:
    """Sealed intake for whistleblowing channels and grievance mechanisms."""
