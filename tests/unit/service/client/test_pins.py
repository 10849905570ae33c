from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.service.client import answers, pins, roster
from meyasubako.service.client.answers import MechanismPage
from meyasubako.service.client.errors import UnknownMechanismError, UnreadablePinsError
from meyasubako.service.client.pins import Demands, Pins, verify_known
from meyasubako.service.errors import RosterError, WrongMechanismError
from meyasubako.service.log.proofs import public_stream
from meyasubako.service.mechanism import Mechanism
from tests.system.box import ORIGIN

Fetch = Callable[[int], MechanismPage]


@pytest.fixture
def fetch(mechanism: Mechanism) -> Fetch:
    return lambda seq: answers.read(public_stream(mechanism, seq), MechanismPage)


@pytest.fixture
def today(mechanism: Mechanism) -> date:
    return mechanism.clock().date()


@pytest.fixture
def known(tmp_path: Path) -> Pins:
    return Pins(tmp_path / "config")


def test_a_mechanism_that_nobody_named_is_refused(fetch: Fetch, today: date, known: Pins) -> None:
    with pytest.raises(UnknownMechanismError):
        verify_known(fetch, ORIGIN, today, Demands(), known)
    assert known.get(ORIGIN) is None


def test_a_mechanism_that_was_believed_once_is_known_from_then_on(
    fetch: Fetch, today: date, known: Pins, mechanism: Mechanism
) -> None:
    first = verify_known(fetch, ORIGIN, today, Demands(first_use=True), known)
    assert known.get(ORIGIN) == first.pin
    mechanism.publish()
    second = verify_known(fetch, ORIGIN, today, Demands(), known)
    assert second.pin.size > first.pin.size
    assert known.get(ORIGIN) == second.pin


def test_the_fingerprint_of_the_poster_is_enough_the_first_time(
    fetch: Fetch, today: date, known: Pins
) -> None:
    right = roster.verify(fetch, today).fingerprint
    with pytest.raises(WrongMechanismError):
        verify_known(fetch, ORIGIN, today, Demands(fingerprint="1234 " * 6), known)
    assert known.get(ORIGIN) is None
    verify_known(fetch, ORIGIN, today, Demands(fingerprint=right), known)
    assert known.get(ORIGIN) is not None


def test_a_log_that_was_set_back_is_noticed(
    fetch: Fetch, today: date, known: Pins, mechanism: Mechanism
) -> None:
    earlier = fetch(1)
    mechanism.publish()
    verify_known(fetch, ORIGIN, today, Demands(first_use=True), known)
    with pytest.raises(RosterError, match="set back"):
        verify_known(
            lambda seq: earlier if seq == 1 else MechanismPage((), earlier.checkpoint),
            ORIGIN,
            today,
            Demands(first_use=True),
            known,
        )


@pytest.mark.parametrize("later", [False, True])
def test_a_log_that_grew_from_another_tree_is_noticed(
    fetch: Fetch, today: date, mechanism: Mechanism, later: bool
) -> None:
    pin = replace(roster.verify(fetch, today).pin, root="00" * 32)
    if later:
        mechanism.publish()
    with pytest.raises(RosterError, match="forked"):
        roster.verify(fetch, today, pin=pin)


def test_another_mechanism_under_a_known_origin_is_noticed(
    fetch: Fetch, today: date, known: Pins, tmp_path: Path
) -> None:
    verify_known(fetch, ORIGIN, today, Demands(first_use=True), known)
    file = tmp_path / "config" / "mechanisms.json"
    text = file.read_text()
    pin = known.get(ORIGIN)
    assert pin is not None
    file.write_text(text.replace(pin.fingerprint, "1234 1234 1234 1234 1234 1234"))
    with pytest.raises(WrongMechanismError):
        verify_known(fetch, ORIGIN, today, Demands(first_use=True), known)


def test_a_log_of_another_origin_than_the_api_is_refused(fetch: Fetch, today: date, known: Pins) -> None:
    with pytest.raises(WrongMechanismError, match=r"other\.example\.org"):
        verify_known(fetch, "other.example.org", today, Demands(first_use=True), known)


def test_the_file_is_for_its_owner_and_holds_nothing_else(
    fetch: Fetch, today: date, known: Pins, tmp_path: Path
) -> None:
    verify_known(fetch, ORIGIN, today, Demands(first_use=True), known)
    (file,) = (tmp_path / "config").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "config").stat().st_mode & 0o077 == 0


def test_where_nothing_can_be_written_it_is_verified_all_the_same(fetch: Fetch, today: date) -> None:
    nowhere = Pins(Path("/dev/null/config"))
    verify_known(fetch, ORIGIN, today, Demands(first_use=True), nowhere)
    with pytest.raises(UnknownMechanismError):
        verify_known(fetch, ORIGIN, today, Demands(), nowhere)


def test_the_folder_follows_the_desktops_convention(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert pins.default_folder() == tmp_path / ".config" / "meyasubako"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert pins.default_folder() == tmp_path / ".config" / "meyasubako"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    assert pins.default_folder() == tmp_path / "elsewhere" / "meyasubako"


@given(data=st.binary(max_size=200) | st.just(b'{"a": {"fingerprint": "1", "size": 0, "root": ""}}'))
def test_a_damaged_file_is_told_and_never_believed(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("config")
    (folder / "mechanisms.json").write_bytes(data)
    with suppress(UnreadablePinsError):
        assert Pins(folder).get("a") is None


def test_whoever_gives_another_fingerprint_than_the_known_one_is_told_where_it_is_known(
    fetch: Fetch, today: date, known: Pins
) -> None:
    verified = verify_known(fetch, ORIGIN, today, Demands(first_use=True), known)
    verify_known(fetch, ORIGIN, today, Demands(fingerprint=f" {verified.fingerprint} "), known)
    other = " ".join(verified.fingerprint.split()[::-1])
    with pytest.raises(WrongMechanismError, match="founded anew") as refusal:
        verify_known(fetch, ORIGIN, today, Demands(fingerprint=other), known)
    assert str(known.path) in str(refusal.value)
