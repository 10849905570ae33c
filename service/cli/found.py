"""`found`: the one act that is written locally."""

from pathlib import Path

import click

from meyasubako.crypto.checkpoint import Checkpoint, open_checkpoint
from meyasubako.crypto.cosignature import parse_verifier
from meyasubako.crypto.keyfile import KeyPair, digest_fingerprint
from meyasubako.crypto.note import Note
from meyasubako.domain import roles
from meyasubako.service import profiles
from meyasubako.service.cli import options
from meyasubako.service.cli.asking import unlock
from meyasubako.service.cli.failures import InputError
from meyasubako.service.cli.key import read_public
from meyasubako.service.cli.output import emit
from meyasubako.service.config import Config, Doors, IntakeSettings
from meyasubako.service.founding import Appointed, Founder, Settings
from meyasubako.service.founding import found as found_mechanism


class RolesAndFile(click.ParamType[tuple[tuple[str, ...], Path]]):
    """`ROLES=FILE`: roles with commas between, and the file of the person's public line."""

    name = "roles=file"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[tuple[str, ...], Path]:
        """Split, and check the roles' names."""
        given, separator, path = str(value).partition("=")
        named = tuple(role.strip() for role in given.split(","))
        if not separator or not path:
            self.fail("write ROLES=FILE, for example intake:main=keiko.key.pub", param, ctx)
        for role in named:
            if not roles.is_role(role):
                self.fail(f"{role!r} is not a role; {ROLES_HELP}", param, ctx)
        if not Path(path).is_file():
            self.fail(f"there is no file {path}", param, ctx)
        return named, Path(path)


ROLES_HELP = (
    f"roles are {', '.join(roles.GENERAL)}, and for a channel "
    f"{', '.join(f'{role}:main' for role in (*roles.ON_CHANNEL, *roles.IN_CASES))}"
)


@click.command(
    epilog=options.example(
        'meyasubako found var/box --origin box.example.org --name "The box" --as dan.key \\',
        "  --person steward=eva.key.pub --person intake:main=keiko.key.pub \\",
        "  --person intake:main=omar.key.pub --person auditor=ana.key.pub",
    )
)
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--origin", required=True, help="The log's name, for ever: like box.example.org.")
@click.option("--name", required=True, help="The name that reporters see.")
@options.keyfile
@options.passphrase_file
@click.option(
    "--person",
    "people",
    type=RolesAndFile(),
    multiple=True,
    metavar="ROLES=FILE",
    help=f"Somebody's roles (with commas between) and public line. {ROLES_HELP.capitalize()}.",
)
@click.option(
    "--fallback",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The public line of the outsider who reads where nobody inside may.",
)
@click.option("--letterbox", is_flag=True, help="Collect for the fallback alone: nobody inside reads.")
@click.option(
    "--threshold",
    default=2,
    show_default=True,
    help="How many custodians, or people who recover, open something together. With two or more of a role, "
    "they are appointed.",
)
@click.option(
    "--profile",
    "adopted",
    multiple=True,
    metavar="NAME_OR_FILE",
    help="A profile of deadlines and retention; more than once for several. See `people profile list`.",
)
@click.option("--channel", default="main", show_default=True, help="The short name of the first channel.")
@click.option("--channel-name", help="The channel's name that reporters see; the mechanism's if left out.")
@click.option("--languages", default="en,ja", show_default=True, help="Languages in which somebody answers.")
@click.option(
    "--draw", default=0, help="Seal each report to this many intake people drawn at random; 0: all."
)
@click.option("--slot-hours", default=24, show_default=True, help="How often a checkpoint is published.")
@click.option(
    "--waiting-hours", default=24, show_default=True, help="How long a new key waits before it counts."
)
@click.option("--step", default=64, show_default=True, help="Each slot is padded to a multiple of this.")
@click.option(
    "--reporter-door", default=Doors().reporter, show_default=True, help="HOST:PORT of the reporter's site."
)
@click.option(
    "--handler-door", default=Doors().handler, show_default=True, help="HOST:PORT of the handlers' API."
)
@click.option("--log-door", default=Doors().log, show_default=True, help="HOST:PORT of the log's pages.")
@click.option(
    "--show",
    type=click.Choice(["hour", "at_once"]),
    default="hour",
    show_default=True,
    help="When handlers see what came in: at the next full hour, or at once.",
)
@click.option(
    "--predecessor",
    type=click.Path(exists=True, path_type=Path),
    metavar="EXPORT_OR_CHECKPOINT",
    help="The last checkpoint of a log that cannot go on, or an export or mirror of it: named in leaf 0.",
)
@click.option("--test", is_flag=True, help="A test mechanism: says so for ever in its first entry.")
@options.as_json
def found(  # noqa: PLR0913  each is an option of the command
    directory: Path,
    *,
    origin: str,
    name: str,
    keyfile: Path,
    passphrase_file: Path | None,
    people: tuple[tuple[tuple[str, ...], Path], ...],
    fallback: Path | None,
    letterbox: bool,
    threshold: int,
    adopted: tuple[str, ...],
    channel: str,
    channel_name: str | None,
    languages: str,
    draw: int,
    slot_hours: int,
    waiting_hours: int,
    step: int,
    reporter_door: str,
    handler_door: str,
    log_door: str,
    show: str,
    predecessor: Path | None,
    test: bool,
    as_json: bool,
) -> None:
    """Found a mechanism in DIRECTORY, with its people.

    You, whose key file is given with --as, are the first steward. The printed fingerprint belongs on the
    mechanism's poster: whoever compares it cannot be given another mechanism.
    """
    founders = _founders(people, keyfile, passphrase_file, channel, letterbox=letterbox)
    appointed = Appointed(
        custodians=_holders(founders[1], f"custodian:{channel}"),
        recovery=_holders(founders[1], f"recovery:{channel}"),
        threshold=threshold,
        fallback=read_public(fallback).key.key_id if fallback else "",
        letterbox=letterbox,
        profiles=tuple((profiles.load(each), profiles.text_of(each)) for each in adopted),
    )
    try:
        config = Config(
            origin=origin,
            doors=Doors(reporter=reporter_door, handler=handler_door, log=log_door),
            intake=IntakeSettings(show="at_once" if show == "at_once" else "hour"),
        )
    except ValueError as error:
        raise InputError(str(error)) from None
    settings = Settings(
        name=name,
        channel_name=channel_name or name,
        languages=tuple(language.strip() for language in languages.split(",")),
        channel=channel,
        draw=draw,
        slot_hours=slot_hours,
        step=step,
        waiting_hours=waiting_hours,
        test=test,
        appointed=appointed,
        predecessor=_last_tree(predecessor) if predecessor else None,
    )
    steward, rows = founders
    leaf = found_mechanism(directory, config, settings, rows, steward).leaf
    facts = {
        "directory": str(directory),
        "origin": origin,
        "fingerprint": digest_fingerprint(bytes.fromhex(leaf)),
        "founding_leaf": leaf,
        "predecessor": str(settings.predecessor.origin) if settings.predecessor else "",
        "people": [f"{founder.person.name}: {', '.join(founder.roles)}" for founder in rows],
    }
    emit(facts, as_json=as_json)


def _holders(founders: list[Founder], role: str) -> tuple[str, ...]:
    """The founders with a role, where there are enough of them to be appointed."""
    found = tuple(founder.person.key.key_id for founder in founders if role in founder.roles)
    return found if len(found) > 1 else ()


def _last_tree(path: Path) -> Checkpoint:
    """The tree of a checkpoint file, or of a directory's, which the key beside it there must have signed."""
    note = (path / "checkpoint" if path.is_dir() else path).read_bytes()
    tree = Checkpoint.parse(Note.parse(note).text)
    beside = path / "log.vkey"
    if path.is_dir() and beside.is_file():
        key = parse_verifier(beside.read_text(encoding="ascii").removesuffix("\n"))
        return open_checkpoint(note, tree.origin, [key]).checkpoint
    return tree


def _founders(
    people: tuple[tuple[tuple[str, ...], Path], ...],
    keyfile: Path,
    passphrase_file: Path | None,
    channel: str,
    *,
    letterbox: bool,
) -> tuple[KeyPair, list[Founder]]:
    given = [Founder(read_public(path), named) for named, path in people]
    if not letterbox and not any(f"intake:{channel}" in founder.roles for founder in given):
        raise InputError(f"nobody could read a report: give at least one person the role intake:{channel}")
    steward = unlock(keyfile, passphrase_file)
    mine = steward.person()
    # Whoever founds is the first of the list; named with --person too, they have those roles besides.
    also = [role for founder in given if founder.person.key == mine.key for role in founder.roles]
    first = Founder(mine, tuple(sorted({"steward", *also})))
    return steward, [first, *(founder for founder in given if founder.person.key != mine.key)]
