"""`log rotate` and `log policy`: the log's own keys and witnesses, changed by two people."""

import errno
import json
from pathlib import Path

import click

from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.policy import Policy
from meyasubako.service import rotation
from meyasubako.service.cli import options
from meyasubako.service.cli.acts import send_proposal, steward
from meyasubako.service.cli.output import emit
from meyasubako.service.keys import FILES


@click.command(
    epilog=options.example(
        "meyasubako log rotate var/box successor.json --of log",
        "meyasubako propose successor.json --at URL --as dan.key",
        "meyasubako confirm 3f9a --at URL --as eva.key",
    )
)
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--of",
    type=click.Choice(tuple(FILES)),
    required=True,
    help="Which key: log signs checkpoints, promise signs promises, service signs what the clock writes.",
)
@options.as_json
def rotate(directory: Path, file: Path, *, of: str, as_json: bool) -> None:
    """Draw the successor of a key of the mechanism in DIRECTORY, on the server; write the act to FILE.

    It signs nothing yet: one steward proposes what is in FILE, and a second person confirms it. Then the slot
    closes at once, the successor takes over, and the old key is destroyed. What was signed before stays good.
    Both compare the fingerprint. Witnesses are told the keys of a new log key before it is confirmed.
    """
    if file.exists():
        raise FileExistsError(errno.EEXIST, "exists", str(file))
    keys = rotation.draw(directory, of)
    act = {"kind": "key.rotated", "v": 1, "body": {"of": of, "keys": list(keys)}}
    with file.open("x", encoding="utf-8") as out:
        out.write(json.dumps(act, indent=1) + "\n")
    facts: dict[str, object] = {
        "of": of,
        "keys": list(keys),
        "fingerprint": rotation.keys_fingerprint(keys),
        "file": str(file),
    }
    if not as_json:
        facts["next"] = f"a steward runs: meyasubako propose {file} --at … --as …"
    emit(facts, as_json=as_json)


@click.command(epilog=options.example("meyasubako log policy witnesses.policy --at URL --as dan.key"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.server("the handlers' API")
@options.keyfile
@options.passphrase_file
@options.proxy
@options.as_json
def policy(
    file: Path, *, url: str, keyfile: Path, passphrase_file: Path | None, proxy: str | None, as_json: bool
) -> None:
    """Propose the witness policy in FILE (C2SP tlog-policy); `confirm` puts it into force.

    It names this log's keys, the witnesses with their addresses, and how many of them must have seen a
    checkpoint. From the next slot on they are asked.
    """
    lines = Policy.parse(file.read_text(encoding="utf-8")).lines
    body: dict[str, JsonValue] = {"policy": list[JsonValue](lines)}
    send_proposal(
        "witness.admitted", body, steward(url, keyfile, passphrase_file, proxy), url, as_json=as_json
    )
