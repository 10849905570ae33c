"""Two mechanisms' logs witness each other over HTTP; nothing of this is in one process."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
import requests

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.cosignature import parse_verifier
from meyasubako.crypto.note import Note, open_note
from meyasubako.crypto.policy import Policy
from meyasubako.crypto.witness import AddCheckpoint, parse_answer
from meyasubako.service.witness.asking import collect
from meyasubako.service.witness.transport import poster
from tests.integration.witness_group import ServedWitness, refusal_of
from tests.unit.service.witness.made_log import MadeLog, entries


@pytest.fixture
def logs():
    return MadeLog("here.example.org", entries(300)), MadeLog("there.example.org", entries(300, "their"))


@pytest.fixture
def witnesses(tmp_path, logs):
    """Each mechanism's witness admits the other's log, and its own as well, so that both can be asked."""
    served = [ServedWitness(tmp_path / name, f"{name}.example.org", *logs) for name in ("here-w", "there-w")]
    for witness in served:
        witness.start()
    yield served
    for witness in served:
        witness.stop()


def _policy(log, witnesses, quorum="all"):
    lines = [f"log {vkey}" for vkey in log.vkeys]
    for number, witness in enumerate(witnesses):
        lines += [f"witness w{number}-{kind} {vkey} {witness.url}" for kind, vkey in enumerate(witness.vkeys)]
    members = " ".join(f"w{number}-0 w{number}-1" for number in range(len(witnesses)))
    return Policy.parse("\n".join([*lines, f"group peers {quorum} {members}", "quorum peers"]))


def _post(witness, body):
    return poster()(f"{witness.url}/add-checkpoint", body)


def test_two_logs_witness_each_other_and_neither_can_fork_or_go_back(witnesses, logs):
    for log in logs:
        for before, size in [(0, 64), (64, 128), (128, 300)]:
            policy = _policy(log, witnesses)
            collected = collect(log.note(size), policy, log.read, poster(), assumed_size=before)
            assert (collected.missing, collected.quorum_met) == ((), True)
            assert policy.open(collected.note).checkpoint == log.checkpoint(size)
    here = logs[0]
    policy = _policy(here, witnesses)
    fork = here.fork(200, entries(200, "other"))
    forked = collect(fork.note(350), policy, fork.read, poster(), assumed_size=300)
    assert {each.why for each in forked.alarms} == {"inconsistent"}
    assert (forked.cosigned, forked.quorum_met) == ((), False)
    same_size = collect(fork.note(300), policy, fork.read, poster(), assumed_size=300)
    assert {each.why for each in same_size.alarms} == {"inconsistent"}
    back = collect(here.note(200), policy, here.read, poster())
    assert {each.why for each in back.alarms} == {"ahead"}
    shown = requests.get(
        f"{witnesses[1].url}/{sha256(here.origin.encode()).hexdigest()}/checkpoint", timeout=10
    )
    known = [parse_verifier(vkey) for vkey in (*here.vkeys, *witnesses[1].vkeys)]
    opened = open_note(shown.content, known)
    assert Checkpoint.parse(opened.note.text) == here.checkpoint(300)
    assert len(opened.signed) == 4


def test_a_witness_that_is_away_for_three_slots_stops_nothing_and_catches_up(witnesses, logs):
    log, (stays, leaves) = logs[0], witnesses
    address = leaves.url
    leaves.stop()
    before = 0
    for size in (64, 128, 192):
        leaves.url = address
        collected = collect(
            log.note(size), _policy(log, witnesses, "any"), log.read, poster(), assumed_size=before
        )
        assert collected.cosigned == ("w0-0", "w0-1")
        assert {(each.name, each.why) for each in collected.missing} == {("w1-0", "away"), ("w1-1", "away")}
        assert collected.quorum_met
        assert not collected.alarms
        before = size
    leaves.start()
    collected = collect(log.note(256), _policy(log, witnesses), log.read, poster(), assumed_size=before)
    assert (collected.missing, collected.quorum_met) == ((), True)
    assert stays.process.poll() is None


def test_every_refusal_over_http_is_as_the_specification_says(witnesses, logs):
    witness, log = witnesses[0], logs[0]
    note = Note.parse(log.note(70))
    stranger = MadeLog("stranger.example.org", entries(5))
    wrong = Note(note.text, (Note.parse(log.note(71)).signatures[0],)).encode()
    assert _post(witness, log.request(0, 70)).status == 200
    for body, status in [
        (b"old 70", 400),
        (b"", 400),
        (AddCheckpoint(71, (), log.note(70)).encode(), 400),
        (stranger.request(0, 5), 404),
        (AddCheckpoint(70, (), wrong).encode(), 403),
        (log.request(0, 70), 409),
        (AddCheckpoint(70, (), log.note(300)).encode(), 422),
        (b"x" * 70_000, 413),
    ]:
        assert _post(witness, body).status == status
    conflict = _post(witness, log.request(10, 300))
    assert (conflict.body, conflict.content_type) == (b"70\n", "text/x.tlog.size")
    chunked = requests.post(f"{witness.url}/add-checkpoint", data=iter([log.request(70, 80)]), timeout=10)
    assert chunked.status_code == 200
    assert "Server" not in chunked.headers


def _race(witness, bodies):
    """Post all of them at the same moment; gives the answers in the same order."""
    ready = threading.Barrier(len(bodies))

    def post(body):
        ready.wait(30)
        return _post(witness, body)

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(post, bodies))


def test_of_sixteen_racing_submissions_no_two_inconsistent_ones_are_cosigned(witnesses, logs):
    witness, log = witnesses[0], logs[0]
    verifier = parse_verifier(witness.vkeys[0])
    size = 0
    for round_number in range(4):
        forks = [log.fork(size, entries(80, f"round {round_number} of {each}")) for each in range(16)]
        requests_ = [fork.request(size, size + 1 + number % 3) for number, fork in enumerate(forks)]
        answers = _race(witness, requests_)
        assert sorted(answer.status for answer in answers) == [200, *[409] * 15]
        won = next(number for number, answer in enumerate(answers) if answer.status == 200)
        log, size = forks[won], size + 1 + won % 3
        assert verifier.verify(log.checkpoint(size).text, parse_answer(answers[won].body)[0].data)
        assert {answer.body for answer in answers if answer.status == 409} == {f"{size}\n".encode()}


def _grow(log, witness, acknowledged, ended):
    try:
        for size in range(1, 301):
            collected = collect(log.note(size), _policy(log, [witness]), log.read, poster())
            if collected.cosigned:
                acknowledged.append(size)
            elif any(each.why == "away" for each in collected.missing):
                return
    finally:
        ended.set()


def test_kill_9_under_load_takes_back_nothing_that_was_cosigned(witnesses, logs):
    witness, log = witnesses[0], logs[0]
    for _ in range(4):
        acknowledged = [0]
        ended = threading.Event()
        thread = threading.Thread(target=_grow, args=(log, witness, acknowledged, ended))
        thread.start()
        # Some way in, wherever that is.
        while not ended.is_set() and len(acknowledged) < 4:
            ended.wait(0.01)
        witness.kill()
        thread.join()
        witness.start()
        conflict = _post(witness, log.request(299, 300))
        assert conflict.status == 409
        size = int(conflict.body)
        assert size >= max(acknowledged)
        fork = log.fork(max(acknowledged) - 1, entries(300, "other"))
        assert _post(witness, fork.request(size, size + 1)).status == 422
        assert _post(witness, log.request(size, size)).status == 200
        log = log.fork(size, entries(300, f"after {size}"))


def test_a_restored_backup_cannot_be_made_to_sign_a_fork(witnesses, logs, tmp_path):
    witness, log = witnesses[0], logs[0]
    assert _post(witness, log.request(0, 70)).status == 200
    witness.stop()
    backup = shutil.copytree(witness.directory, tmp_path / "backup", symlinks=True)
    witness.start()
    lines = parse_answer(_post(witness, log.request(70, 200)).body)
    # Put back under the running witness.
    for name in ("witness.db", "journal"):
        shutil.copy2(backup / name, witness.directory / name)
    fork = log.fork(100, entries(100, "other"))
    assert _post(witness, fork.request(70, 180)).status == 503
    shown = requests.get(f"{witness.url}/{sha256(log.origin.encode()).hexdigest()}/checkpoint", timeout=10)
    assert shown.status_code == 503
    witness.stop()
    assert "MemoryLostError" in refusal_of(witness.directory)
    # Put back as a whole.
    shutil.rmtree(witness.directory)
    shutil.copytree(backup, witness.directory)
    assert "MemoryLostError" in refusal_of(witness.directory)
    assert "MemoryLostError" in refusal_of(backup)
    assert len(lines) == 2


def test_a_served_witness_ends_quietly_when_it_is_asked_to(witnesses):
    process = witnesses[0].process
    process.terminate()
    assert process.wait(30) == 0
    assert process.stdout.read() == ""
    process.stdout.close()
    witnesses[0].process = None
    witnesses[0].start()


def test_one_directory_is_served_once(witnesses):
    assert "AlreadyRunningError" in refusal_of(witnesses[0].directory)
