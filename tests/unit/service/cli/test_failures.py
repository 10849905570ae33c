import errno
import importlib
import inspect
import pkgutil

import click
import pytest
from click.testing import CliRunner

import meyasubako.service
from meyasubako.crypto import errors as crypto
from meyasubako.domain import errors as domain
from meyasubako.service import errors as service
from meyasubako.service.cli.failures import (
    ANSWERS,
    FAULT,
    FINDINGS,
    STOPPED,
    UNREADABLE,
    Commands,
    InputError,
    failure,
)
from meyasubako.service.store import errors as store

BASES = (crypto.CryptoError, domain.DomainError, service.ServiceError, store.StoreError)


def classes() -> list[type[Exception]]:
    """Every error class of ours, wherever it is defined."""
    for package in pkgutil.walk_packages(meyasubako.service.__path__, "meyasubako.service."):
        if not package.name.endswith(("gunicorn_conf", "__main__")):
            importlib.import_module(package.name)
    found: list[type[Exception]] = []
    waiting: list[type[Exception]] = list(BASES)
    while waiting:
        each = waiting.pop()
        found.append(each)
        waiting += each.__subclasses__()
    return [each for each in found if each.__module__.startswith("meyasubako.")]


def made(kind: type[Exception]) -> Exception:
    """An error of this class with no words of its own."""
    return kind.__new__(kind)


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_every_error_of_ours_is_told_in_a_sentence_with_an_exit_code(kind: type[Exception]) -> None:
    told = failure(made(kind))
    assert told.exit_code in {FINDINGS, UNREADABLE}
    assert told.message.endswith((".", "!", "?", ")"))
    assert kind.__name__ not in told.message
    assert "Meyasubako itself" not in told.message


def test_every_row_of_the_table_is_reached_by_its_class() -> None:
    assert set(ANSWERS) <= set(classes()) | {each for each in ANSWERS if "Reporter" in each.__name__}


def test_an_error_tells_its_own_words_and_where_it_helps_what_to_do() -> None:
    told = failure(crypto.TruncatedError("the file ends before its last chunk"))
    assert (told.message, told.hint) == ("the file ends before its last chunk.", "Was it copied to its end?")


def test_what_was_checked_and_is_wrong_exits_otherwise_than_what_cannot_be_read() -> None:
    assert failure(crypto.BadSignatureError("x")).exit_code == FINDINGS
    assert failure(domain.RefusedError("a-rule", "it is not allowed")).exit_code == FINDINGS
    assert failure(service.WrongMechanismError("x")).exit_code == FINDINGS
    assert failure(crypto.WrongKeyError("x")).exit_code == UNREADABLE
    assert failure(service.UnreachableError("x")).exit_code == UNREADABLE
    assert failure(InputError("x")).exit_code == UNREADABLE


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "no such file"),
        (errno.EACCES, "may not read or write"),
        (errno.ENOSPC, "disk is full"),
        (errno.EISDIR, "a folder, not a file"),
        (errno.ENOTDIR, "a file, not a folder"),
        (errno.EEXIST, "exists already"),
        (errno.EIO, "system refused"),
    ],
)
def test_what_the_system_refuses_is_told_with_the_path(number: int, words: str) -> None:
    told = failure(OSError(number, "words of the system", "some/path"))
    assert words in told.message
    assert "some/path" in told.message
    assert told.exit_code == UNREADABLE


def test_a_fault_names_its_place_and_nothing_that_it_holds() -> None:
    def fail() -> None:
        raise KeyError("0994 1044 a receipt")

    with pytest.raises(KeyError) as caught:
        fail()
    told = failure(caught.value)
    assert told.exit_code == FAULT
    assert "KeyError at test_failures.py" in told.message
    assert "receipt" not in told.message


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (crypto.BadProofError("the proof does not lead to the root"), 1),
        (FileNotFoundError(2, "x", "y"), 2),
        (RuntimeError("a secret"), 3),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
    ],
)
def test_no_command_shows_a_traceback(error: BaseException, code: int) -> None:
    @click.group(cls=Commands)
    def group() -> None:
        pass

    @group.command()
    def fails() -> None:
        raise error

    result = CliRunner().invoke(group, ["fails"])
    assert result.exit_code == code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert "a secret" not in result.stderr
    assert result.stderr.startswith("✗ ")


def test_the_table_holds_classes_of_ours_only() -> None:
    assert all(inspect.isclass(kind) and kind.__module__.startswith("meyasubako.") for kind in ANSWERS)
    assert STOPPED == 130
