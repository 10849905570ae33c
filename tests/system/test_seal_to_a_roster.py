"""A file is sealed to somebody of a mechanism by name, and only after the roster was verified."""

from collections.abc import Callable
from pathlib import Path

from meyasubako.crypto.age import unseal
from meyasubako.crypto.keyfile import digest_fingerprint
from tests.system.box import Box
from tests.system.served import Served, run


def test_a_file_is_sealed_to_a_person_of_a_verified_roster(
    box: Box, serving: Callable[[Box], Served], tmp_path: Path
) -> None:
    served = serving(box)
    fingerprint = digest_fingerprint(bytes.fromhex(box.ledger().mechanism.founded))
    roster = ["--roster", served.doors["reporter"]]
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(b"What happened.")

    named = ["-r", "keiko sato", "-o", sealed, plain]
    assert run("seal", *roster, *named).returncode == 2
    other = run("seal", *roster, "--fingerprint", "0000 " * 5 + "0000", *named)
    assert (other.returncode, sealed.exists()) == (1, False)
    done = run("seal", *roster, "--fingerprint", fingerprint, *named)
    assert done.returncode == 0, done.stderr
    assert "readers as of" in done.stderr
    assert unseal(sealed.read_bytes(), box.people["Keiko Sato"].identity) == b"What happened."

    nobody = run("seal", *roster, "--fingerprint", fingerprint, "-r", "Nobody", "-o", sealed, plain)
    assert (nobody.returncode, "Keiko Sato" in nobody.stderr) == (2, True)
