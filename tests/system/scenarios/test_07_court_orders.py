"""Scenario 7: a court orders the identity. The reporter is told before, or it is sealed why not; and what is
given is in the log by its hash.
"""

import hashlib
from datetime import timedelta
from pathlib import Path

from meyasubako.service.clocks import system_clock
from tests.system.scenarios.holding import HANDLERS, WHO, Place

KEIKO, _ = HANDLERS


def ordered(place: Place, case: str, *told: object) -> str:
    place.facts(KEIKO, "cases", "note", case, "--text", "The court has written to us.")
    return place.act(KEIKO, "order", case, "--text", "District court, 7 C 12/26: name and address.", *told)


def opened(place: Place, case: str, order: str, *told: object) -> str:
    place.act(
        KEIKO, "request", case, "--text", "The order.", "--ground", "court_order", "--order", order[:12]
    )
    asked = place.request(case)
    for verb in ("approve", "release"):
        for name in ("Cyra Noor", "Cleo Brandt"):
            place.act(name, verb, asked)
    place.act(KEIKO, "open", asked, *told)
    return asked


def test_the_reporter_is_told_before_anything_is_given_and_the_log_says_what_was(
    place: Place, tmp_path: Path
) -> None:
    case = place.identified()
    order = ordered(place, case, "--tell", "A court ordered us to name you. These are its reasons.")
    assert "A court ordered us to name you. These are its reasons." in {
        message["text"] for message in place.mailbox()["messages"]
    }
    asked = opened(place, case, order, "--tell", "Your name is read now, for the court.")
    package = tmp_path / "given.txt"
    place.facts(KEIKO, "identity", "show", asked, "--out", package)
    assert package.read_text().strip() == WHO
    assert package.stat().st_mode & 0o777 == 0o600
    place.facts(KEIKO, "identity", "disclose", case, order[:12], package)
    with place.town.box.looked_into() as mechanism:
        rows = [row for row in mechanism.store.stream(case) if row.kind == "disclosure.made"]
    assert hashlib.sha256(package.read_bytes()).hexdigest().encode() in rows[0].data
    what = [each["what"].split(":")[0] for each in place.mailbox()["happened"]]
    assert what == ["ordered", "requested", "approved", "approved", "opened", "disclosed"]
    assert place.town.box.findings() == []


def test_where_the_court_forbids_it_a_sealed_ground_and_its_review_are_in_the_log(place: Place) -> None:
    case = place.identified()
    review = (system_clock().date() + timedelta(days=30)).isoformat()
    secret = ("--withhold", "The court forbids to tell.", "--review", review)
    order = ordered(place, case, *secret)
    opened(place, case, order, *secret)
    assert place.mailbox()["happened"] == []
    stored = place.town.box.ledger().cases[case]
    assert stored.orders[order].review is not None
    assert next(iter(stored.requests.values())).withheld_until is not None
    assert place.town.box.findings() == []
