"""One place that turns what went wrong into a sentence, a hint and an exit code.

- 0 good; 1 findings: something was checked and the answer is no; 2 usage, unreadable input, or a service that
  could not be asked; 3 a fault in this program; 130 stopped by the keyboard.
- Every error class of ours carries a sentence for people; a hint says what to do where that helps. What is
  not ours is named by class and place only: its text may hold what nobody should read.
- No traceback ever reaches a person.
"""

import errno
import sys
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb
from typing import Any, Final

import click
from click.exceptions import Abort, Exit

from meyasubako.crypto import errors as crypto
from meyasubako.domain import errors as domain
from meyasubako.service import errors as service
from meyasubako.service.client import errors as client
from meyasubako.service.reporter import errors as reporter
from meyasubako.service.store import errors as store

FINDINGS: Final = 1
UNREADABLE: Final = 2
FAULT: Final = 3
STOPPED: Final = 130


@dataclass(frozen=True, slots=True)
class Answer:
    """How a class of errors is told: exit code, sentence (empty: the error's own), hint (may be empty)."""

    code: int
    sentence: str = ""
    hint: str = ""


# The nearest class in an error's ancestry counts, so that a new error of a layer is told by its layer's row.
ANSWERS: Final[dict[type[Exception], Answer]] = {
    crypto.CryptoError: Answer(UNREADABLE),
    crypto.WrongKeyError: Answer(
        UNREADABLE, hint="For a key file: is the pass phrase right, and is it your file?"
    ),
    crypto.TruncatedError: Answer(UNREADABLE, hint="Was it copied to its end?"),
    crypto.BadReceiptError: Answer(
        UNREADABLE, hint="Compare each group, or each word, with what you wrote down."
    ),
    crypto.BadSignatureError: Answer(FINDINGS),
    crypto.BadNoteError: Answer(FINDINGS),
    crypto.BadProofError: Answer(FINDINGS),
    crypto.BadTileError: Answer(FINDINGS),
    domain.DomainError: Answer(FINDINGS),
    domain.BadEventError: Answer(UNREADABLE),
    domain.RefusedError: Answer(FINDINGS),
    domain.BadDocumentError: Answer(FINDINGS, hint="Do not act on it; tell your mechanism's auditor."),
    domain.BadProfileError: Answer(UNREADABLE, hint="`people profile show NAME` prints one that is good."),
    service.ServiceError: Answer(UNREADABLE),
    service.NewerFormatError: Answer(UNREADABLE, hint="Install the newer version; nothing was changed."),
    service.LogMismatchError: Answer(FINDINGS, hint="Nothing was started. Tell your mechanism's auditor."),
    service.UnreachableError: Answer(
        UNREADABLE, hint="Is the address right, and is the mechanism being served?"
    ),
    service.RefusedError: Answer(FINDINGS),
    service.ConflictError: Answer(FINDINGS, hint="Somebody else was first. Look again, then decide again."),
    service.RosterError: Answer(FINDINGS, hint="Nothing was sealed, sent or kept."),
    service.WrongMechanismError: Answer(FINDINGS, hint="Nothing was sealed, sent or kept."),
    service.StaleRosterError: Answer(
        FINDINGS, hint="Nothing was sealed. Is your clock right? To go on all the same: --accept-stale."
    ),
    service.UnwitnessedRosterError: Answer(
        FINDINGS,
        hint="Nothing was sealed. Witnesses may need a minute: try again. To go on: --accept-unwitnessed.",
    ),
    service.BadAnswerError: Answer(
        UNREADABLE, hint="Is this the right address? `serve` prints one for each of the three doors."
    ),
    client.UnknownMechanismError: Answer(
        UNREADABLE,
        hint='Give the fingerprint from its poster, --fingerprint "1234 …", or --first-use to believe it.',
    ),
    client.UnverifiedRosterError: Answer(
        UNREADABLE, hint="Give the address of the mechanism's log with --log URL."
    ),
    client.NotAnAuditorError: Answer(
        UNREADABLE,
        hint="Nothing was looked at. Is this the key that a steward enrolled as an auditor's here?",
    ),
    service.RestoreError: Answer(
        FINDINGS, hint="Nothing was changed. docs/restoring.md says what is possible."
    ),
    service.ForkedLogError: Answer(
        FINDINGS, hint="Nothing that you hold was changed. Keep it, and tell the mechanism's oversight."
    ),
    reporter.ReporterError: Answer(UNREADABLE),
    store.StoreError: Answer(UNREADABLE),
    store.NewerVersionError: Answer(UNREADABLE, hint="Install the newer version; nothing was changed."),
    store.StoreFullError: Answer(UNREADABLE, hint="Free some space and do it again; nothing was changed."),
    store.DamagedStoreError: Answer(FINDINGS),
    store.RolledBackError: Answer(
        FINDINGS, hint="Nothing was started. If this is a restored backup: meyasubako restore, from a mirror."
    ),
}


class InputError(Exception):
    """What was given on the command line cannot be used; the message says why."""


class Failure(click.ClickException):
    """An error as it is told to a person."""

    def __init__(self, sentence: str, code: int, hint: str = "") -> None:
        super().__init__(sentence)
        self.exit_code = code  # type: ignore[misc]  # click reads it from the instance too
        self.hint = hint

    def show(self, file: Any = None) -> None:
        """Write the sentence, and the hint below it, to standard error."""
        # A tenth of the time of a command that seals a file goes into this import, and most have no failure.
        from rich.console import Console  # noqa: PLC0415 - see above
        from rich.markup import escape  # noqa: PLC0415 - see above

        console = Console(file=file or sys.stderr, highlight=False, soft_wrap=True)
        console.print(f"[bold red]✗[/] {escape(self.message)}")
        if self.hint:
            console.print(f"  [dim]{escape(self.hint)}[/]")


def failure(error: Exception) -> Failure:
    """How this error is told."""
    for kind in type(error).__mro__:
        answer = ANSWERS.get(kind)
        if answer is not None:
            return Failure(answer.sentence or sentence(error), answer.code, answer.hint)
    if isinstance(error, InputError):
        return Failure(sentence(error), UNREADABLE)
    if isinstance(error, OSError):
        return Failure(_of_system(error), UNREADABLE)
    if isinstance(error, UnicodeError):
        return Failure("The text is not UTF-8.", UNREADABLE)
    return Failure(
        f"Something in Meyasubako itself went wrong: {type(error).__name__} at {_place(error)}.",
        FAULT,
        "Please tell the people who make it, with this line. It holds nothing of yours.",
    )


def sentence(error: Exception) -> str:
    """An error's own words as a sentence; its class's first line where it has none."""
    words = str(error).strip() or (type(error).__doc__ or type(error).__name__).strip().splitlines()[0]
    return words if words.endswith((".", "!", "?", ")")) else f"{words}."


def _of_system(error: OSError) -> str:
    name = f": {error.filename}" if isinstance(error.filename, str) else ""
    match error.errno:
        case errno.ENOENT:
            return f"There is no such file or folder{name}."
        case errno.EEXIST:
            return f"It exists already and is left as it is{name}."
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"This user may not read or write it{name}."
        case errno.EISDIR:
            return f"This is a folder, not a file{name}."
        case errno.ENOTDIR:
            return f"This is a file, not a folder{name}."
        case errno.ENOSPC | errno.EDQUOT:
            return f"The disk is full{name}."
        case _:
            return f"The system refused ({error.strerror or type(error).__name__}){name}."


def _place(error: Exception) -> str:
    frames = extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"


class Commands(click.Group):
    """A group of commands in which every error is told as a sentence, and nobody sees a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, Exit):
            raise
        except (Abort, KeyboardInterrupt):
            raise Failure("Stopped.", STOPPED) from None
        except BrokenPipeError:
            raise  # the reader of our output has gone; click ends quietly
        except Exception as error:
            raise failure(error) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they were added, which is the order in which one needs them."""
        del ctx
        return list(self.commands)
