"""The report and the evidence pack: readable, self-contained, and verified by tools that are not ours."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.merkle import root_of
from meyasubako.domain.audit import Finding
from meyasubako.domain.chronicle import Chronicle, Deadline
from meyasubako.domain.rules import RULES
from meyasubako.service.cli.audit_view import facts
from meyasubako.service.inspection import Demands, ExportError, audit, plots
from meyasubako.service.inspection.meanings import meaning
from meyasubako.service.inspection.pack import pack
from meyasubako.service.inspection.report import render
from meyasubako.service.keys import ServerKeys
from tests.system import tampering
from tests.system.lived import ORIGIN
from tests.unit.service.packs import verify

TODAY = date.today()  # noqa: DTZ011  the machine's, as an auditor's
CHECKER = Path(__file__).parents[2] / "independent" / "log_checker.py"


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href", "action", "data", "style"}]

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_runs_nothing_and_fetches_nothing(lived):
    text = render(audit(lived.directory), TODAY)
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
    assert page.links == []
    assert not re.search(r"https?://|url\(|@import", text)
    assert page.tags.count("svg") > 3


def test_the_page_says_what_was_found_first(lived):
    tampering.set_event(lived, 70, tampering.flipped(tampering.events(lived)[70].data, 20))
    result = audit(lived.directory)
    words = " ".join(Page(render(result, TODAY)).words)
    assert words.index("findings. The first") < words.index("entry 70") < words.index("What was checked")
    with tampering.guards_off(lived) as connection:
        changed = connection.execute("SELECT state FROM stored_events WHERE leaf_index = 70").fetchone()[0]
    tampering.set_event(lived, 70, tampering.flipped(changed, 20))
    assert "Nothing was changed" in " ".join(Page(render(audit(lived.directory), TODAY)).words)


def test_what_the_log_wrote_is_escaped(lived):
    result = audit(lived.directory)
    evil = "<script>alert(1)</script>&\"'"
    forged = tampering_with(result, origin=evil, finding=Finding(evil, evil, 1, evil))
    text = render(forged, TODAY)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 4


def tampering_with(result, *, origin, finding):
    first = replace(result.steps[0], findings=(finding,))
    return replace(result, origin=origin, steps=(first, *result.steps[1:]))


def test_deadlines_are_told_and_are_no_findings(lived):
    result = audit(lived.directory)
    assert result.good
    assert result.missed == ()
    case = lived.reporters["gravel"].case
    waiting = result.chronicle.waiting[case]
    result.chronicle.waiting[case] = Deadline(case, waiting.state, result.day - timedelta(days=3))
    assert [each.case for each in result.missed] == [case]
    words = " ".join(Page(render(result, TODAY)).words)
    assert "1 deadline was missed" in words
    assert "3 days" in words


@pytest.mark.parametrize(
    ("due", "met", "missed"), [(5, 4, 0), (5, 5, 0), (5, 6, 1), (5, None, 1), (9, None, 0)]
)
def test_a_deadline_is_missed_on_the_day_after(due, met, missed):
    deadline = Deadline("case", "submitted", date(2026, 1, due), date(2026, 1, met) if met else None)
    assert deadline.missed(date(2026, 1, 9)) == bool(missed)


def test_the_first_deadline_of_a_lived_case_was_met_and_the_second_waits(lived):
    chronicle = audit(lived.directory).chronicle
    assert [each.state for each in chronicle.met] == ["submitted"]
    assert {each.state for each in chronicle.waiting.values()} == {"acknowledged", "submitted"}
    assert sum(chronicle.moves.values()) == 2
    assert list(chronicle.reads.values()) == [1]
    assert Chronicle().deadlines() == []


def test_every_rule_has_a_meaning_in_plain_words():
    for rule in RULES:
        assert meaning(rule.name), rule.name
    for source in Path(meaning.__code__.co_filename).parent.glob("*.py"):
        for name in re.findall(
            r'(?:Finding|_find|_finding|BrokenSourceError)\(\s*"([a-z-]+)"', source.read_text()
        ):
            assert meaning(name), name


@pytest.mark.parametrize("values", [[], [0], [1], [3, 0, 7], [10**6, 5]])
def test_a_plot_draws_any_numbers(values):
    labels = [f"{number}" for number in range(len(values))]
    assert "<svg" in plots.stacked(labels, [plots.Series("a", "k0", values)], "about")
    assert "<svg" in plots.steps(labels, values, "about")


# The pack.


@pytest.fixture
def packed(lived, tmp_path):
    leaves = [bytes.fromhex(event.leaf) for event in tampering.events(lived)]
    pin = sign_checkpoint(
        Checkpoint(ORIGIN, 64, root_of(leaves[:64])), ServerKeys.load(lived.directory).log, 0
    )
    result = audit(lived.directory, Demands(seen=[(256, root_of(leaves[:256]))], pins=[pin]))
    pack(result, lived.directory, tmp_path / "pack", facts(result, TODAY), TODAY)
    # Somewhere else, with nothing beside it.
    return Path(shutil.move(tmp_path / "pack", tmp_path / "clean"))


def test_a_pack_is_verified_by_its_own_page_with_stock_tools(packed):
    status, told = verify(packed)
    assert status == 0, told
    assert re.match(r"OK: box\.example\.org/lived, fingerprint (\d{4} ){5}\d{4}: 320 entries", told), told
    assert "proofs that lead to it: 2; checkpoints seen before that it extends: 1" in told
    assert sorted(path.name for path in (packed / "proofs").iterdir()) == [
        "entry-0.tlog-proof",
        "entry-319.tlog-proof",
        "extends-256.add-checkpoint",
        "extends-64.add-checkpoint",
        "seen-1-of-64.checkpoint",
    ]
    assert json.loads((packed / "report.json").read_text())["good"]
    assert "box.example.org/lived" in (packed / "VERIFY.txt").read_text()


def test_a_fork_is_proved_by_the_pack_alone(lived, tmp_path):
    """The checkpoint that the log signed once lies in the pack, and its program finds that the two differ."""
    keys = ServerKeys.load(lived.directory)
    pin = sign_checkpoint(Checkpoint(ORIGIN, 64, bytes(32)), keys.log, 0)
    result = audit(lived.directory, Demands(pins=[pin]))
    assert [each.rule for each in result.findings] == ["log-only-grows"]
    pack(result, lived.directory, tmp_path / "pack", facts(result, TODAY), TODAY)
    status, told = verify(tmp_path / "pack")
    assert (status, told.split(":")[0]) == (1, "FORKED")
    other = ServerKeys.create(tmp_path, ORIGIN)
    made_up = sign_checkpoint(Checkpoint(ORIGIN, 64, bytes(32)), other.log, 0)
    (tmp_path / "pack" / "proofs" / "seen-9-made-up.checkpoint").write_bytes(made_up)
    larger = sign_checkpoint(Checkpoint(ORIGIN, 400, bytes(32)), keys.log, 0)
    (tmp_path / "pack" / "proofs" / "seen-8-larger.checkpoint").write_bytes(larger)
    status, told = verify(tmp_path / "pack")
    words = [line.split(":")[0] for line in told.splitlines()]
    assert (status, words) == (1, ["FORKED", "SHORTER", "UNKNOWN", "LOG", "NOTE"]), (
        "each is told for what it proves"
    )


def test_the_independent_checker_passes_the_log_of_a_pack(packed):
    done = subprocess.run([sys.executable, "-I", CHECKER, packed / "log"], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    assert audit(packed / "log").good


@pytest.mark.parametrize(
    "name", ["log/checkpoint", "log/tile/entries/000", "log/log.vkey", "proofs/entry-319.tlog-proof"]
)
def test_a_changed_pack_does_not_verify(packed, name):
    data = (packed / name).read_bytes()
    (packed / name).write_bytes(tampering.flipped(data, len(data) // 2))
    assert verify(packed)[0] == 1


def test_what_was_found_is_proved_in_the_pack(lived, tmp_path):
    with lived.open() as box:
        request = box.request("ann")
        body = {"person": lived.id("otto"), "role": "intake:main"}
        place = tampering.slip_in(box, request.add("role.granted", box.ledger.mechanism.stream, body))[0]
    result = audit(lived.directory)
    pack(result, lived.directory, tmp_path / "pack", facts(result, TODAY), TODAY)
    assert (tmp_path / "pack" / "proofs" / f"entry-{place}.tlog-proof").is_file()
    assert verify(tmp_path / "pack")[0] == 0


def test_a_log_too_damaged_to_export_is_left_out_and_that_is_said(lived, tmp_path):
    with tampering.guards_off(lived) as connection:
        connection.execute("DELETE FROM stored_events WHERE leaf_index = 5")
    result = audit(lived.directory)
    pack(result, lived.directory, tmp_path / "pack", facts(result, TODAY), TODAY)
    assert not (tmp_path / "pack" / "log").exists()
    assert "could not be exported" in (tmp_path / "pack" / "NO-LOG.txt").read_text()
    assert "rows-are-dense" in (tmp_path / "pack" / "report.html").read_text()


def test_a_pack_overwrites_nothing(lived, tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "mine").write_text("mine")
    result = audit(lived.directory)
    with pytest.raises(ExportError):
        pack(result, lived.directory, tmp_path / "pack", facts(result, TODAY), TODAY)
