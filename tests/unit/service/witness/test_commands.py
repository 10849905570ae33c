import json
import shutil

import pytest
from click.testing import CliRunner

from meyasubako.service.cli.witness import witness as commands
from meyasubako.service.witness.protocol import Witness
from tests.unit.service.witness.made_log import MadeLog, entries


def run(*words, status=0):
    result = CliRunner().invoke(commands, [str(word) for word in words])
    assert result.exit_code == status, result.output
    return result.stdout


@pytest.fixture
def other():
    return MadeLog("other.example.org", entries(5))


def test_a_witness_is_made_admits_a_log_and_lists_it(tmp_path, other):
    folder = tmp_path / "w"
    made = json.loads(run("new", folder, "--name", "witness.example.org/w", "--json"))
    assert [key.split("+")[0] for key in made["keys"]] == ["witness.example.org/w"] * 2
    run("admit", folder, *other.vkeys)
    assert Witness.open(folder).add_checkpoint(other.request(0, 5)).status == 200
    listed = json.loads(run("list", folder, "--json"))
    assert listed["refuses_to_sign"] == ""
    assert [(log["origin"], log["size"], log["keys"]) for log in listed["logs"]] == [
        (other.origin, 5, list(other.vkeys))
    ]
    run("dismiss", folder, other.vkeys[0])
    run("dismiss", folder, other.vkeys[0], status=2)
    assert "other.example.org" in run("list", folder)


def test_a_log_whose_key_has_another_name_is_admitted_by_its_origin(directory, other):
    run("admit", directory, "--origin", "odd origin with spaces", other.vkeys[0])
    assert "odd origin with spaces" in run("list", directory)


def test_what_is_no_log_key_is_refused_as_input(directory):
    own = Witness.open(directory).vkeys[0]
    for text in ("nonsense", own):
        run("admit", directory, text, status=2)
    run("dismiss", directory, "nonsense", status=2)


def test_a_copy_lists_why_it_refuses_and_runs_once_it_is_confirmed(directory, log, tmp_path):
    Witness.open(directory).add_checkpoint(log.request(0, 5))
    head = json.loads(run("list", directory, "--json"))["head"]
    copy = shutil.copytree(directory, tmp_path / "copy")
    assert "refuses to sign" in run("list", copy, status=1)
    run("moved", copy, "--head", "00", status=2)
    run("moved", copy, "--head", head)
    assert json.loads(run("list", copy, "--json"))["head"] == head


def test_what_is_no_witness_is_refused(tmp_path, directory):
    run("list", tmp_path, status=2)
    run("serve", tmp_path, "--bind", "127.0.0.1:0", status=2)
    run("serve", directory, "--bind", "nowhere", status=2)
    run("new", directory, "--name", "w", status=2)
