"""`software`: which scripts and pages a mechanism serves, written into its log by a steward."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Final

import click

from meyasubako.service import reporter
from meyasubako.service.cli import options
from meyasubako.service.cli.acts import steward
from meyasubako.service.cli.failures import InputError
from meyasubako.service.cli.output import emit
from meyasubako.service.client.http import Http

_FILES: Final = ("offline.js", "page.js", "style.css", "words.txt")
_SUMS: Final = "page-sums.txt"
_LONGEST_SUMS: Final = 64 * 1024


@click.command(epilog=options.example("meyasubako software --site URL --at URL --as dan.key"))
@click.option("--site", metavar="URL", required=True, help="The reporter's site.")
@options.server("the handlers' API")
@options.keyfile
@options.passphrase_file
@options.proxy
@options.as_json
def software(
    site: str, *, url: str, keyfile: Path, passphrase_file: Path | None, proxy: str | None, as_json: bool
) -> None:
    """Write into the log which scripts seal in the browser.

    They are those installed on this machine; the site must serve the same. The sums of the pages that
    reporters can save (page-sums.txt) are taken from the site: save one and compare it before.
    """
    sums = {name: _sum((Path(reporter.__file__).with_name("static") / name).read_bytes()) for name in _FILES}
    with Http(site, proxy=proxy) as http:
        served = _sum(http.get_bytes("/page.js"))
        told = http.get_bytes(f"/{_SUMS}", _LONGEST_SUMS)
    if served != sums["page.js"]:
        raise InputError(
            f"the site serves a script that is not the one installed here: {served} instead of "
            f"{sums['page.js']}. Install the version that the site runs, or find out who changed it"
        )
    artefacts = {**sums, _SUMS: _sum(told)}
    event = steward(url, keyfile, passphrase_file, proxy).upgraded(version("meyasubako"), artefacts)
    emit({"version": version("meyasubako"), **artefacts, "leaf": event.leaf}, as_json=as_json)


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
