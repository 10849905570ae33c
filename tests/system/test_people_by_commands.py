"""The roster by the commands alone: each act about people, channels, holders and profiles, by two."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from meyasubako.crypto.keyfile import KeyPair
from tests.system.scenarios.holding import Place
from tests.system.scenarios.staffed import good, staffed, two
from tests.system.served import wait_for


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with staffed(tmp_path_factory.mktemp("people")) as place:
        yield place


def people(place: Place, *words: object, name: str = "Ada Berg") -> dict[str, object]:
    return place.town.facts("people", *words, *place.town.by(name))


def enrolled(place: Place, name: str, *roles: str) -> None:
    """Somebody new, proposed by one and confirmed by the other."""
    place.town.keep(name, KeyPair.generate(name))
    given = [word for role in roles for word in ("--role", role)]
    two(place, "enroll", *given, place.town.place / f"{name.split(maxsplit=1)[0]}.key.pub")


def slots(place: Place) -> int:
    """How many slots were closed."""
    return len(place.town.box.ledger().mechanism.markers)


def row(place: Place, name: str) -> dict[str, object]:
    return people(place, "show", name)


def test_custodians_and_those_who_recover_are_appointed_by_two(place: Place) -> None:
    enrolled(place, "Lee Law", "custodian:main", "recovery:main", "outsider")
    enrolled(place, "Noor Aziz", "custodian:main", "recovery:main", "records")
    one = place.town.command("people", "custodians", "Lee Law", *place.town.by("Ada Berg"))
    assert one.returncode == 2
    assert "an identity block needs two, outside the handling team" in one.stderr
    wrong = place.town.command("people", "custodians", "Lee Law", "Mei Lin", *place.town.by("Ada Berg"))
    assert wrong.returncode == 1
    assert "custodian:main" in wrong.stderr
    two(place, "custodians", "Lee Law", "Noor Aziz")
    two(place, "recovery", "Lee Law", "Noor Aziz")
    assert row(place, "Lee Law")["appointed"] == ["custodians:main", "recovery:main"]
    place.town.facts("log", "publish", *place.town.by("Ada Berg"))
    said = people(place, "list")["missing"]
    assert said == [
        "main: no profile with deadlines is adopted: seven days for the acknowledgement is all that counts"
    ]
    fallback = place.town.command("people", "fallback", "Lee Law", *place.town.by("Ada Berg"))
    assert fallback.returncode == 1
    assert "not a custodian" in fallback.stderr


def test_a_proposal_is_shown_and_taken_back_by_whoever_made_it(place: Place) -> None:
    told = people(place, "grant-role", "Mei Lin", "mediator:main")
    again = place.town.command("people", "grant-role", "Mei Lin", "mediator:main", *place.town.by("Ada Berg"))
    assert again.returncode == 1
    assert "stands already" in again.stderr
    rows = people(place, "proposals")["proposals"]
    assert isinstance(rows, list)
    assert [(each["act"], each["names"], each["proposed_by_name"]) for each in rows] == [
        ("role.granted", ["Mei Lin"], "Ada Berg")
    ]
    shown = place.town.command("people", "proposals", *place.town.by("Jonas Mori"))
    assert "Mei Lin, mediator:main" in shown.stdout
    other = place.town.command("people", "withdraw", told["leaf"], *place.town.by("Jonas Mori"))
    assert other.returncode == 1
    assert people(place, "withdraw", str(told["leaf"])[:10])["state"] == "withdrawn"
    assert people(place, "proposals")["proposals"] == []


def test_roles_are_given_by_two_and_taken_by_one(place: Place) -> None:
    clash = place.town.command("people", "grant-role", "Lee Law", "intake:main", *place.town.by("Ada Berg"))
    assert clash.returncode == 1
    assert "a custodian is neither intake nor handler" in clash.stderr
    two(place, "grant-role", "Mei Lin", "translator:main")
    assert row(place, "Mei Lin")["roles"] == ["handler:main", "translator:main"]
    last = people(place, "withdraw-role", "Mei Lin", "translator:main")
    assert last["state"] == "proposed"
    people(place, "confirm", last["leaf"], "--yes", name="Jonas Mori")
    assert people(place, "withdraw-role", "Mei Lin", "handler:main")["state"] == "done"


def test_a_suspension_is_lifted_by_two(place: Place) -> None:
    before = slots(place)
    people(place, "suspend", "Mei Lin", "--yes")
    # A suspension closes the slot at once, beside the command: it must not be the slot of the restoration.
    wait_for(lambda: slots(place) > before)
    assert row(place, "Mei Lin")["state"] == "suspended"
    two(place, "restore", "Mei Lin")
    assert (row(place, "Mei Lin")["state"], row(place, "Mei Lin")["usable"]) == ("active", "waits")


def test_profiles_are_adopted_with_their_sources(place: Place, tmp_path: Path) -> None:
    told = two(place, "profile", "adopt", "jp-wpa")
    assert "notice" in str(told["unverified"])
    assert "総合労働相談コーナー" in str(told["unverified"])
    own = tmp_path / "own.toml"
    text = place.town.facts("people", "profile", "show", "de-lksg")["text"]
    own.write_text(str(text).replace("de-lksg", "own"))
    (unchecked,) = two(place, "profile", "adopt", own)["unverified"]
    assert unchecked.startswith("Bundesamt für Wirtschaft und Ausfuhrkontrolle (BAFA): ")
    mechanism = place.town.box.ledger().mechanism
    adopted = mechanism.channels["main"].profiles
    assert set(adopted) == {"jp-wpa", "own"}
    assert adopted["own"].retention[0].least == 2557
    assert adopted["own"].card in mechanism.cards
    two(place, "profile", "drop", "jp-wpa")
    assert set(place.town.box.ledger().mechanism.channels["main"].profiles) == {"own"}
    (tmp_path / "bad.toml").write_text("name = 3")
    bad = place.town.command("people", "profile", "show", tmp_path / "bad.toml")
    assert bad.returncode == 2
    assert "no profile" in bad.stderr
    shown = place.town.command("people", "profile", "show", "de-hinschg")
    assert "Externe Meldestelle des Bundes" in shown.stdout
    assert "for breaches: www.bundesjustizamt.de" in shown.stdout
    listed = place.town.command("people", "profile", "list")
    assert "NOT all of it" in listed.stdout


def test_channels_are_opened_changed_and_closed_by_two(place: Place) -> None:
    two(place, "change-channel", "--draw", 2, "--languages", "en, de")
    channel = place.town.box.ledger().mechanism.channels["main"]
    assert (channel.draw, channel.languages) == (2, ("en", "de"))
    two(place, "open-channel", "second", "--like", "main")
    two(place, "close-channel", "--channel", "second")
    gone = place.town.command("people", "close-channel", "--channel", "second", *place.town.by("Ada Berg"))
    assert gone.returncode == 2
    assert "no open channel" in gone.stderr
    place.town.facts("log", "publish", *place.town.by("Ada Berg"))
    words = place.town.reporter("report", "--text", "To nobody.", "--yes", "--channel", "second")
    assert "there is no channel second" in place.town.command(*words).stderr
    assert good(place)
