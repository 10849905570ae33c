"""The set-ups of docs/set-ups.md, founded by the very commands that stand there."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from meyasubako.crypto.keyfile import KeyPair, write_keyfile
from meyasubako.domain import acts, holders, staffing
from meyasubako.service.cli.main import main
from meyasubako.service.founding import card
from meyasubako.service.mechanism import Mechanism

PAGE = (Path(__file__).parents[4] / "docs" / "set-ups.md").read_text(encoding="utf-8")
NAMES = ("dan", "eva", "keiko", "omar", "lee", "noor", "rui", "ana")
Founded = Callable[[str], Mechanism]


def section(name: str) -> str:
    """The part of the page about a set-up."""
    return next(part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if part.startswith(name))


def lacking(name: str) -> list[str]:
    """What a set-up lacks, as the page says."""
    after = section(name).partition("lacks")[2]
    return re.findall(r"^- (.+)$", after, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def keys() -> dict[str, KeyPair]:
    return {name: KeyPair.generate(name) for name in NAMES}


@pytest.fixture
def found(keys: dict[str, KeyPair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Founded:
    for name, pair in keys.items():
        (tmp_path / f"{name}.key").write_bytes(write_keyfile(pair, name, "pass", 10))
        (tmp_path / f"{name}.key.pub").write_text(pair.person().public_line() + "\n")
    (tmp_path / "passphrase").write_text("pass\n")
    monkeypatch.chdir(tmp_path)

    def run(name: str) -> Mechanism:
        command = re.findall(r"```console\n\$ (.*?)```", section(name), flags=re.DOTALL)[0]
        words = shlex.split(command.replace("\\\n", " "))[1:]
        ended = CliRunner().invoke(main, [*words, "--passphrase-file", "passphrase", "--test"])
        assert ended.exit_code == 0, ended.output
        return Mechanism.open(tmp_path / words[1])

    return run


def enrolled(mechanism: Mechanism, first: KeyPair, second: KeyPair) -> None:
    """Somebody new is proposed by one and confirmed by the other."""
    new = KeyPair.generate("mei").person()
    shown = card({"kind": "person", "name": new.name})
    body = {
        "card": {"ref": shown.digest},
        "key": new.key.text,
        "recipient": new.recipient.text,
        "proof": new.proof,
        "roles": ["handler:main"],
    }

    def request(pair: KeyPair) -> acts.Request:
        heads = dict(mechanism.ledger().heads)
        return acts.Request(mechanism.config.origin, pair.signing, mechanism.clock(), heads)

    stream = mechanism.ledger().mechanism.stream
    proposing = request(first)
    proposing.add("card.published", stream, {"card": shown.reference}, [shown])
    leaf = proposing.add("act.proposed", stream, {"kind": "person.enrolled", "v": 1, "body": body}).leaf
    mechanism.accept([event.data for event in proposing.events], proposing.payloads)
    confirming = request(second)
    confirming.add("person.enrolled", stream, {**body, "proposal": leaf})
    mechanism.accept([event.data for event in confirming.events], {})
    assert new.key.key_id in mechanism.ledger().mechanism.people


@pytest.mark.parametrize(
    ("name", "second", "identity", "fallback", "people"),
    [
        ("Three", "lee", False, True, 3),
        ("Five", "lee", True, False, 6),
        ("Seven", "eva", True, True, 8),
    ],
)
def test_each_set_up_is_founded_lacks_what_the_page_says_and_enrols_somebody(
    found: Founded,
    keys: dict[str, KeyPair],
    name: str,
    second: str,
    identity: bool,
    fallback: bool,
    people: int,
) -> None:
    mechanism = found(name)
    try:
        state = mechanism.ledger().mechanism
        assert len(state.people) == people
        assert list(staffing.missing(state)) == lacking(name)
        offered = holders.identity_offered(state, state.channels["main"])
        assert (offered is not None) == identity
        assert (state.fallback("main", 0) is not None) == fallback
        enrolled(mechanism, keys["dan"], keys[second])
        mechanism.publish()
    finally:
        mechanism.close()
    assert CliRunner().invoke(main, ["audit", str(mechanism.directory)]).exit_code == 0


def test_a_letterbox_is_founded_without_anybody_inside_who_reads(
    found: Founded, keys: dict[str, KeyPair]
) -> None:
    found("Three").close()
    words = (
        "found box --origin box.example.org --name Box --as dan.key --passphrase-file passphrase --letterbox"
    )
    outside = ["--person", "outsider=lee.key.pub"]
    refused = CliRunner().invoke(main, [*words.split(), *outside])
    assert refused.exit_code == 1
    assert "first appoint a fallback" in refused.stderr
    assert not Path("box").exists()
    ended = CliRunner().invoke(main, [*words.split(), *outside, "--fallback", "lee.key.pub"])
    assert ended.exit_code == 0, ended.output
    mechanism = Mechanism.open(Path("box"))
    try:
        readers = mechanism.ledger().mechanism.intake("main", 0)
        assert [each.key_id for each in readers] == [keys["lee"].signing.verify_key.key_id]
    finally:
        mechanism.close()
