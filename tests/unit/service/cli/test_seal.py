"""`seal` and `open`: age's flags with age's meaning, and nothing half done left behind."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest

from meyasubako.crypto import errors
from meyasubako.crypto.age import (
    HybridIdentity,
    ScryptIdentity,
    ScryptRecipient,
    X25519Identity,
    armor,
    dearmor,
    seal,
    unseal,
)
from meyasubako.crypto.keyfile import KeyPair, write_keyfile
from meyasubako.service.cli.seal import open_ as open_command
from meyasubako.service.cli.seal import seal as seal_command

HYBRID = HybridIdentity.from_seed(bytes(range(32)))
CLASSIC = X25519Identity.from_seed(bytes(range(32)))
RUN = """
import click
from meyasubako.service.cli.seal import open_, seal
click.Group(commands=[seal, open_])()
"""


def sealing(*arguments: str | Path) -> None:
    seal_command.main(list(map(str, arguments)), standalone_mode=False)


def opening(*arguments: str | Path) -> None:
    open_command.main(list(map(str, arguments)), standalone_mode=False)


def piped(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments], input=given, capture_output=True, check=False
    )


def at_a_terminal(typed: bytes, *arguments: str) -> tuple[int, bytes]:
    """Run in a terminal of its own, and type once something was asked."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", RUN, *arguments])  # noqa: S606  # no shell is wanted
    shown = b""
    try:
        while part := os.read(terminal, 4096):
            shown += part
            # Once for each prompt: what is typed before a prompt is thrown away when the echo is switched
            # off.
            if typed and part.rstrip(b" ").endswith(b":"):
                line, _, typed = typed.partition(b"\n")
                os.write(terminal, line + b"\n")
    except OSError:
        pass  # the terminal is gone with the child: its end
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain"
    path.write_bytes(os.urandom(200_000))
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.txt"
    path.write_text(f"# of a test\n{CLASSIC.reveal()}\n{HYBRID.reveal()}\n")
    return path


@pytest.mark.parametrize("identity", [HYBRID, CLASSIC])
@pytest.mark.parametrize("flags", [(), ("-a",)])
def test_what_is_sealed_is_opened(
    plain: Path, key: Path, tmp_path: Path, identity: HybridIdentity, flags: tuple[str, ...]
) -> None:
    sealed, back = tmp_path / "sealed", tmp_path / "back"
    sealing("-r", identity.recipient.text, *flags, "-o", sealed, plain)
    opening("-i", key, "-o", back, sealed)
    assert back.read_bytes() == plain.read_bytes()
    assert sealed.read_bytes().startswith(b"-----BEGIN" if flags else b"age-encryption.org/v1\n")


def test_recipients_come_from_files_identities_and_rosters(plain: Path, key: Path, tmp_path: Path) -> None:
    pairs = [KeyPair.generate(name) for name in ("Keiko Sato", "Amina", "Amina")]
    roster, several, sealed = tmp_path / "people.pub", tmp_path / "several", tmp_path / "sealed"
    roster.write_text("".join(f"{pair.person().public_line()}\n" for pair in pairs[:2]))
    several.write_text(f"# two\n{HYBRID.recipient.text}\n\n{pairs[0].identity.recipient.text}\n")
    only_hybrid = tmp_path / "hybrid.txt"
    only_hybrid.write_text(HYBRID.reveal())
    for options, openers in {
        ("--roster", roster, "-r", "keiko sato"): [pairs[0].identity],
        ("-R", roster): [pairs[0].identity, pairs[1].identity],
        ("-R", several): [HYBRID, pairs[0].identity],
        ("-i", only_hybrid, "-r", pairs[1].identity.recipient.text): [HYBRID, pairs[1].identity],
    }.items():
        sealing(*options, "-o", sealed, plain)
        for opener in openers:
            assert unseal(sealed.read_bytes(), opener) == plain.read_bytes()
    roster.write_text("".join(f"{pair.person().public_line()}\n" for pair in pairs))
    for name in ("Amina", "Keiko"):
        with pytest.raises(click.UsageError):
            sealing("--roster", roster, "-r", name, "-o", tmp_path / "never", plain)


def test_key_files_and_sealed_identity_files_open_with_their_pass_phrase(plain: Path, tmp_path: Path) -> None:
    pair = KeyPair.generate("Keiko Sato")
    sealed, back, phrase = tmp_path / "sealed", tmp_path / "back", tmp_path / "phrase"
    phrase.write_text("horse\nnot this\n")
    sealed.write_bytes(seal(plain.read_bytes(), pair.identity.recipient))
    keyfile = write_keyfile(pair, pair.name, "horse", 1)
    for number, data in enumerate([keyfile, armor(keyfile)]):
        path = tmp_path / f"{number}.key"
        path.write_bytes(data)
        opening("-i", path, "--passphrase-file", phrase, "-o", back, sealed)
        assert back.read_bytes() == plain.read_bytes()
        phrase.write_text("mule")
        with pytest.raises(errors.WrongKeyError, match="does not open"):
            opening("-i", path, "--passphrase-file", phrase, "-o", back, sealed)
        phrase.write_text("horse")


def test_a_pass_phrase_seals_and_opens(plain: Path, tmp_path: Path) -> None:
    sealed, back, phrase = tmp_path / "sealed", tmp_path / "back", tmp_path / "phrase"
    phrase.write_bytes(b"horse\r\n")
    sealing("-p", "--passphrase-file", phrase, "-o", sealed, plain)
    assert unseal(sealed.read_bytes(), ScryptIdentity("horse")) == plain.read_bytes()
    sealed.write_bytes(seal(plain.read_bytes(), ScryptRecipient("horse", work_factor=2)))
    opening("--passphrase-file", phrase, "-o", back, sealed)
    assert back.read_bytes() == plain.read_bytes()


@pytest.mark.parametrize("armored", [False, True])
def test_a_fault_leaves_nothing_under_the_name_and_nothing_beside_it(
    key: Path, tmp_path: Path, *, armored: bool
) -> None:
    sealed, back = tmp_path / "sealed", tmp_path / "back"
    data = seal(os.urandom(2_000_000), HYBRID.recipient)[:-1]
    sealed.write_bytes(armor(data) if armored else data)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(errors.DamagedPayloadError):
        opening("-i", key, "-o", back, sealed)
    assert sorted(tmp_path.iterdir()) == before
    back.write_bytes(b"what was there")
    with pytest.raises(errors.DamagedPayloadError):
        opening("-i", key, "-o", back, sealed)
    assert back.read_bytes() == b"what was there"


def test_a_file_that_is_written_again_keeps_its_mode(plain: Path, tmp_path: Path) -> None:
    sealed = tmp_path / "sealed"
    sealed.touch(0o600)
    link = tmp_path / "link"
    link.symlink_to(sealed)
    sealing("-r", HYBRID.recipient.text, "-o", link, plain)
    assert link.is_symlink()
    assert (sealed.stat().st_mode & 0o777, unseal(sealed.read_bytes(), HYBRID)) == (0o600, plain.read_bytes())


def test_a_device_is_written_straight(plain: Path) -> None:
    sealing("-r", HYBRID.recipient.text, "-o", "/dev/null", plain)
    assert Path("/dev/null").is_char_device()


def test_another_s_key_and_a_file_for_a_pass_phrase_are_told_apart(key: Path, tmp_path: Path) -> None:
    sealed, back = tmp_path / "sealed", tmp_path / "back"
    sealed.write_bytes(seal(b"", HybridIdentity.generate().recipient))
    with pytest.raises(errors.WrongKeyError):
        opening("-i", key, "-o", back, sealed)
    with pytest.raises(click.UsageError, match="give your -i"):
        opening("-o", back, sealed)
    sealed.write_bytes(seal(b"", ScryptRecipient("a", work_factor=1)))
    with pytest.raises(click.UsageError, match="pass phrase"):
        opening("-i", key, "-o", back, sealed)
    assert not back.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-p", "-r", HYBRID.recipient.text],
        ["-r", HYBRID.recipient.text, "-R", "-"],
        ["--passphrase-file", "-", "-p"],
    ],
)
def test_flags_that_contradict_each_other_are_refused(arguments: list[str]) -> None:
    result = piped("seal", *arguments, given=b"a word\n")
    assert (result.returncode, result.stdout) == (2, b"")


def test_the_input_is_never_also_the_output(plain: Path) -> None:
    before = plain.read_bytes()
    with pytest.raises(click.UsageError, match="same file"):
        sealing("-r", HYBRID.recipient.text, "-o", plain, plain)
    assert plain.read_bytes() == before


@pytest.mark.parametrize(
    ("word", "error"),
    [
        (HYBRID.reveal(), errors.BadKeyError),
        ("ssh-ed25519", errors.BadKeyError),
        (CLASSIC.recipient.text, errors.UnsupportedError),
    ],
)
def test_what_cannot_be_sealed_to_is_named_and_no_secret_repeated(
    plain: Path, tmp_path: Path, word: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        sealing("-r", HYBRID.recipient.text, "-r", word, "-o", tmp_path / "never", plain)
    assert HYBRID.reveal()[25:] not in str(caught.value)
    assert not (tmp_path / "never").exists()


def test_pipes_carry_the_file_and_the_keys(plain: Path, key: Path, tmp_path: Path) -> None:
    sealed = piped("seal", "-r", HYBRID.recipient.text, given=plain.read_bytes())
    assert unseal(sealed.stdout, HYBRID) == plain.read_bytes()
    assert piped("open", "-i", str(key), given=sealed.stdout).stdout == plain.read_bytes()
    armored = piped("seal", "-a", "-R", "-", str(plain), given=CLASSIC.recipient.text.encode())
    assert unseal(dearmor(armored.stdout), CLASSIC) == plain.read_bytes()
    path = tmp_path / "sealed"
    path.write_bytes(armored.stdout)
    assert piped("open", "-i", "-", str(path), given=key.read_bytes()).stdout == plain.read_bytes()


def test_what_was_authentic_reaches_the_pipe_and_the_exit_code_tells_the_rest(key: Path) -> None:
    data = bytes(range(256)) * 4096
    result = piped("open", "-i", str(key), given=seal(data, HYBRID.recipient)[:-100])
    assert result.returncode != 0
    assert data.startswith(result.stdout)
    assert len(result.stdout) == 15 * 65_536


def test_a_terminal_is_asked_for_pass_phrases_and_shows_none(plain: Path, tmp_path: Path) -> None:
    sealed = tmp_path / "sealed"
    code, shown = at_a_terminal(b"hay\nhorse\nhorse\nhorse\n", "seal", "-p", "-o", str(sealed), str(plain))
    assert (code, b"differ" in shown, b"horse" in shown) == (0, True, False)
    assert unseal(sealed.read_bytes(), ScryptIdentity("horse")) == plain.read_bytes()


def test_a_terminal_is_given_text_but_nothing_that_steers_it(key: Path, tmp_path: Path) -> None:
    sealed = tmp_path / "sealed"
    for text, expected in {b"a word\n": 0, b"\x1b[2J": 2, "\u202eevil".encode(): 2, b"\xff": 2}.items():
        sealed.write_bytes(seal(text, HYBRID.recipient))
        code, shown = at_a_terminal(b"", "open", "-i", str(key), str(sealed))
        assert (code, text.strip() in shown) == (expected, expected == 0)
    code, shown = at_a_terminal(b"", "seal", "-r", HYBRID.recipient.text, str(key))
    assert (code, b"age-encryption" in shown) == (2, False)


def test_a_large_file_shows_its_progress_at_a_terminal(tmp_path: Path) -> None:
    large, sealed = tmp_path / "large", tmp_path / "sealed"
    with large.open("wb") as file:
        file.truncate(65 << 20)
    code, shown = at_a_terminal(b"", "seal", "-r", HYBRID.recipient.text, "-o", str(sealed), str(large))
    assert (code, b"Sealing" in shown) == (0, True)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(300 << 20)
    # The high-water mark of this very program; `getrusage` would count its parent's as well.
    measured = RUN.replace("()\n", "(standalone_mode=False)\n") + (
        "mark = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(int(mark.split()[1]))\n"
    )
    arguments = ["seal", "-r", HYBRID.recipient.text, "-o", "/dev/null", str(large)]
    result = subprocess.run(
        [sys.executable, "-c", measured, *arguments], capture_output=True, check=False, timeout=60
    )
    assert 0 < int(result.stdout) < 40 * 1024


def test_what_is_sealed_while_it_is_typed_ends_with_its_source() -> None:
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", RUN, "seal", "-r", HYBRID.recipient.text], stdin=reader, stdout=subprocess.PIPE
    ) as process:
        os.close(reader)
        with io.FileIO(writer, "wb") as typed:
            for _ in range(3):
                typed.write(b"a line\n")
        assert process.stdout is not None
        assert unseal(process.stdout.read(), HYBRID) == b"a line\n" * 3
