"""Scenario 8: a court orders what does not exist. A signed statement says so, and the log proves it."""

from pathlib import Path

from meyasubako.crypto.signing import verify_statement
from meyasubako.domain.envelope import read
from meyasubako.service.client.proofs import verify_proof
from meyasubako.service.client.statement import CONTEXT
from tests.system.scenarios.holding import HANDLERS, Place

KEIKO, _ = HANDLERS


def test_a_statement_of_what_is_held_is_signed_and_proven(place: Place, tmp_path: Path) -> None:
    case = place.report()
    box = place.town.box
    ended = place.command(KEIKO, "identity", "request", case, "--text", "A court wants the name.")
    assert "told nobody who they are" in ended.stderr
    place.town.facts("log", "publish", *place.town.by("Ada Berg"))
    folder = tmp_path / "for-the-court"
    facts = place.facts(KEIKO, "identity", "statement", case, folder)
    assert (facts["identity"], facts["proof"]) == ("none", "final")

    context, *lines, signed = (folder / "statement.txt").read_text().splitlines()
    assert context == CONTEXT
    _, by, signature = signed.split()
    assert by == box.key_id(KEIKO)
    verify_statement(CONTEXT, lines[:-1], signature, box.people[KEIKO].signing.verify_key)
    assert f"case {case}" in lines
    assert "identity none was told" in lines
    assert "network addresses none are kept" in lines

    submitted = read((folder / "report-submitted.json").read_bytes())
    assert "identity" not in submitted.body
    proof = (folder / "report-submitted.tlog-proof").read_bytes()
    verify_proof(proof, keys=box.ledger().mechanism.log_keys, leaf=submitted.leaf)
