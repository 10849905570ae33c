"""`audit` as an auditor types it: what it prints, what it writes, and how it ends."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from rich.console import Console

from meyasubako.crypto.keyfile import write_keyfile
from meyasubako.service.cli.audit_view import draw, facts
from meyasubako.service.cli.main import main
from meyasubako.service.inspection import audit as audit_source
from tests.system import tampering
from tests.unit.service.mirrors import served


@pytest.fixture
def audit(tmp_path):
    def run(*words):
        runner = CliRunner(env={"XDG_CONFIG_HOME": str(tmp_path / "config")})
        return runner.invoke(main, ["audit", *map(str, words)])

    return run


def test_a_good_log_ends_with_0_and_is_remembered(lived, audit, tmp_path):
    first = audit(lived.directory)
    assert first.exit_code == 0, first.output
    assert "Compare the fingerprint" in first.stdout
    assert "Compare the fingerprint" not in audit(lived.directory).stdout
    (kept,) = (tmp_path / "config" / "meyasubako" / "audits").glob("*/checkpoint")
    assert kept.read_bytes() == (lived.directory / "checkpoint").read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_nothing_is_remembered_where_that_is_asked(lived, audit, tmp_path):
    assert audit(lived.directory, "--forget").exit_code == 0
    assert not (tmp_path / "config").exists()


def test_every_step_is_told(lived, audit):
    told = json.loads(audit(lived.directory, "--json").stdout)
    assert [step["name"] for step in told["steps"]] == [
        "the form of the source",
        "rows, leaves and root",
        "the checkpoints' signatures",
        "what was seen before",
        "the witnesses' quorum",
        "every event's form and signature",
        "every rule",
        "the vault",
    ]
    assert all(step["good"] for step in told["steps"])
    assert (told["good"], told["published_size"], told["missed_deadlines"]) == (True, 320, [])


def test_findings_end_with_1_and_name_the_entry(lived, audit):
    tampering.set_event(lived, 70, tampering.flipped(tampering.events(lived)[70].data, 20))
    ended = audit(lived.directory)
    assert ended.exit_code == 1
    assert "entry 70" in ended.stdout
    assert "The first is the one to trust" in ended.stdout


@pytest.mark.parametrize("words", [["/nowhere"], ["http://127.0.0.1:1"], ["ftp://example.org"]])
def test_what_cannot_be_read_ends_with_2(audit, words):
    assert audit(*words).exit_code == 2


def test_an_audit_goes_on_where_the_last_one_ended(lived, audit, tmp_path):
    state = tmp_path / "state"
    assert json.loads(audit(lived.directory, "--since", state, "--json").stdout)["since"] == 0
    assert state.stat().st_mode & 0o777 == 0o600
    assert json.loads(audit(lived.directory, "--since", state, "--json").stdout)["since"] == 320


def test_an_address_is_audited_in_a_copy_that_is_kept(lived, audit, tmp_path):
    """Next time only what is new is fetched, and only that is verified."""
    (tmp_path / "rita.key").write_bytes(write_keyfile(lived.people["rita"], "rita", "pass", 10))
    (tmp_path / "pass").write_text("pass\n")
    key = ("--key", tmp_path / "rita.key", "--passphrase-file", tmp_path / "pass")
    kept = ("--mirror", tmp_path / "copy", "--since", tmp_path / "state", "--json")
    with served(lived) as (url, counting):
        assert json.loads(audit(url, *key, *kept).stdout)["since"] == 0
        with lived.open() as box:
            box.publish()
        counting.asked.clear()
        again = json.loads(audit(url, *key, *kept).stdout)
    assert (again["since"], again["entries"], again["good"]) == (320, 384, True)
    assert [path for path in counting.asked if path.startswith("/tile/entries")] == [
        "/tile/entries/001.p/128"
    ]
    assert audit(tmp_path / "copy").exit_code == 0
    assert audit(lived.directory, "--mirror", tmp_path / "other").exit_code == 2


def test_a_pin_must_be_extended(lived, original, audit, tmp_path):
    with lived.open() as box:
        box.publish()
    pin = tmp_path / "pin"
    pin.write_bytes((lived.directory / "checkpoint").read_bytes())
    assert audit(lived.directory, "--pin", pin).exit_code == 0
    ended = audit(original.directory, "--forget", "--pin", pin)
    assert (ended.exit_code, "log-only-grows" in ended.stdout) == (1, True)


def test_a_report_and_a_pack_are_written(lived, audit, tmp_path):
    ended = audit(lived.directory, "--html", tmp_path / "report.html", "--pack", tmp_path / "pack")
    assert ended.exit_code == 0, ended.output
    assert "box.example.org/lived" in (tmp_path / "report.html").read_text()
    assert {path.name for path in (tmp_path / "pack").iterdir()} == {
        "VERIFY.txt",
        "verify.py",
        "report.html",
        "report.json",
        "log",
        "proofs",
    }
    assert audit(tmp_path / "pack" / "log").exit_code == 0


def test_a_log_that_stopped_and_one_ahead_of_time_are_told(lived, audit):
    """Nothing in a log that somebody stopped showing is wrong: only its age tells."""
    assert "the last slot" not in audit(lived.directory).stdout.lower()
    result = audit_source(lived.directory)
    for days, name, said in ((3, "", ""), (30, "stopped", "it has stopped"), (-2, "ahead", "still to come")):
        today, console = result.day + timedelta(days=days), Console(record=True, width=200)
        told = facts(result, today)
        assert [each for each in ("stopped", "ahead") if told[each]] == ([name] if name else [])
        draw(console, result, today)
        assert said in console.export_text()


def test_missed_deadlines_are_told_and_count_where_that_is_asked(lived, audit):
    """The log's own day decides, so a later marker makes the acknowledged case late."""
    with lived.open() as box:
        later = box.mechanism.clock() + timedelta(days=365)
        box.mechanism.clock = lambda: later
        box.publish()
    ended = audit(lived.directory)
    assert ended.exit_code == 0, ended.output
    assert "2 deadlines missed" in ended.stdout
    assert audit(lived.directory, "--deadlines").exit_code == 1
    assert len(json.loads(audit(lived.directory, "--json").stdout)["missed_deadlines"]) == 2


def test_what_cannot_be_written_is_refused_before_the_work_and_never_hides_findings(lived, audit, tmp_path):
    nowhere = audit(lived.directory, "--html", tmp_path / "nodir" / "r.html")
    assert nowhere.exit_code == 2
    assert "there is no folder" in nowhere.output
    assert not (tmp_path / "config").exists()
    tampering.set_event(lived, 70, tampering.flipped(tampering.events(lived)[70].data, 20))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("")
    ended = audit(lived.directory, "--pack", tmp_path / "full")
    assert ended.exit_code == 1
    assert "entry 70" in ended.stdout
    assert "not an empty directory" in ended.stderr


def test_a_pack_makes_the_folders_that_it_lies_in(lived, audit, tmp_path):
    assert audit(lived.directory, "--pack", tmp_path / "2026" / "november").exit_code == 0
    assert (tmp_path / "2026" / "november" / "verify.py").exists()


def test_a_pin_that_is_no_checkpoint_is_named(lived, audit, tmp_path):
    junk = tmp_path / "junk.txt"
    junk.write_text("no checkpoint")
    ended = audit(lived.directory, "--pin", junk)
    assert ended.exit_code == 2
    assert "junk.txt is no checkpoint" in " ".join(ended.stderr.split())


def test_it_is_said_where_findings_were_cut_off_and_nothing_is_told_twice(lived, audit):
    for place in range(30, 300):
        tampering.set_event(lived, place, b"{}")
    told = json.loads(audit(lived.directory, "--json").stdout)
    assert told["more_findings"]
    found = [tuple(each.values()) for each in told["findings"]]
    assert len(found) == len(set(found))
    assert "and there may be more" in audit(lived.directory).stdout


def test_a_mistyped_fingerprint_is_a_slip_and_no_finding(lived, audit):
    for typed in ("1234 5678", "1234 " * 5 + "123x", ""):
        ended = audit(lived.directory, "--fingerprint", typed)
        assert (ended.exit_code, "six groups of four digits" in ended.stderr) == (2, True)
