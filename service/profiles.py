"""The profiles that come with the software, and those that a mechanism writes itself."""

from importlib.resources import files
from pathlib import Path

from meyasubako.domain import profiles
from meyasubako.domain.errors import BadProfileError
from meyasubako.domain.profiles import ProfileFile

_SUFFIX = ".toml"


def names() -> tuple[str, ...]:
    """The names of the profiles that come with the software."""
    here = files(profiles)
    return tuple(sorted(each.name.removesuffix(_SUFFIX) for each in here.iterdir() if _SUFFIX in each.name))


def text_of(wanted: str) -> str:
    """The text of a profile: one of `names`, or a file's path; BadProfileError for anything else."""
    if wanted in names():
        return (files(profiles) / f"{wanted}{_SUFFIX}").read_text(encoding="utf-8")
    path = Path(wanted)
    if not path.is_file():
        raise BadProfileError(
            f"there is no profile {wanted}; there are {', '.join(names())}, or a file's path"
        )
    with path.open("rb") as file:
        data = file.read(profiles.LIMIT + 1)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise BadProfileError(f"{wanted} is not text in UTF-8") from None


def load(wanted: str) -> ProfileFile:
    """A profile by its name, or from a file."""
    return profiles.parse(text_of(wanted))
