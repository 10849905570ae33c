"""Scenario 16: a key is stolen. It is shut out at once; two others replace it; the new one waits."""

from pathlib import Path

from meyasubako.crypto.keyfile import KeyPair
from meyasubako.domain.people import Mechanism
from tests.system.scenarios.holding import Place
from tests.system.scenarios.staffed import good, listed, staffed
from tests.system.served import wait_for
from tests.system.town import texts

KEIKO, OMAR = "Keiko Sato", "Omar Haddad"


def published_state(place: Place, key_id: str) -> str:
    """What the newest marker says of a key: empty before it says anything else than that it is active."""
    mechanism: Mechanism = place.town.box.ledger().mechanism
    with place.town.box.looked_into() as looked:
        rows = list(looked.store.stream(mechanism.stream))
        published = looked.store.published()
    shown = [row for row in rows if published and row.index < published.size]
    kinds = {row.kind for row in shown}
    return mechanism.people[key_id].state if "person.suspended" in kinds else ""


def waited(place: Place, key_id: str) -> bool:
    """Whether a key's waiting time is over at the newest marker."""
    mechanism = place.town.box.ledger().mechanism
    last = mechanism.last_marker
    return last is not None and mechanism.usable(key_id, last.slot) is not None


def test_a_stolen_key_is_shut_out_and_replaced_and_reporters_are_told(tmp_path: Path) -> None:
    with staffed(tmp_path, waiting_hours=12) as place:
        town = place.town
        case = place.report()
        stolen = town.box.key_id(KEIKO)

        # Whoever has it acts until one steward says so; then it is over, and published within the minute.
        assert listed(place, KEIKO) == [case]
        town.facts("people", "suspend", KEIKO, *town.by("Jonas Mori"), "--yes")
        shut_out = place.command(KEIKO, "cases", "list")
        assert shut_out.returncode == 1
        assert "may not act here any more" in shut_out.stderr
        wait_for(lambda: published_state(place, stolen) == "suspended")
        place.facts(OMAR, "cases", "say", case, "--text", "After the theft.")
        assert town.box.texts(KEIKO, "dialogue")[case] == ()

        # Her new key: proposed by one, confirmed by another who compared its fingerprint by voice.
        fresh = KeyPair.generate(KEIKO)
        town.box.people["Keiko (new)"] = fresh
        town.keep("Fresh", fresh)
        public = town.place / "Fresh.key.pub"
        words = ["people", "rotate", KEIKO, public, "--suspended"]
        told = town.facts(*words, *town.by("Ada Berg"))
        assert told["fingerprint"] == fresh.person().fingerprint
        alone = town.command("people", "confirm", told["leaf"], *town.by("Ada Berg"), "--yes")
        assert alone.returncode == 1
        waiting = town.facts("people", "proposals", *town.by("Jonas Mori"))["proposals"]
        assert [row["fingerprint"] for row in waiting] == [told["fingerprint"]]  # type: ignore[attr-defined]  # JSON
        town.facts("people", "confirm", told["leaf"], *town.by("Jonas Mori"), "--yes")

        # The reporter is told in words, by their own tool and on the site.
        wait_for(lambda: bool(place.mailbox()["replaced_keys"]))
        day = town.box.ledger().mechanism.people[fresh.signing.verify_key.key_id].since.isoformat()
        assert place.mailbox()["replaced_keys"] == [{"role": "handler, intake", "day": day}]
        page = town.command(*town.reporter("mailbox"), typed=place.receipts[0] + "\n")
        assert "was replaced on" in page.stdout

        # Until its waiting time is over nothing is given to it, and no report is sealed to it.
        early = place.command(OMAR, "cases", "grant", case, KEIKO)
        assert early.returncode == 1
        later = place.report(text="A second report.")
        assert town.box.texts(OMAR)[later] == ("A second report.",)
        assert town.box.texts("Keiko (new)")[later] == ()

        # A day goes by for the service, whose clock closes a slot; then people's machines and it agree again.
        place.pass_days(1)
        wait_for(lambda: waited(place, fresh.signing.verify_key.key_id))
        place.pass_days(-1)
        place.facts(OMAR, "cases", "grant", case, KEIKO)
        assert texts(place.facts("Fresh", "cases", "open", case), "dialogue") == ["After the theft."]
        assert town.box.texts(KEIKO, "dialogue")[case] == ()
        assert good(place)
