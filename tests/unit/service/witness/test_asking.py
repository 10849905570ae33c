import threading

import pytest

from meyasubako.crypto.cosignature import Cosigner
from meyasubako.crypto.errors import BadNoteError, BadTileError, QuorumError
from meyasubako.crypto.note import Note, NoteKey
from meyasubako.crypto.policy import Policy
from meyasubako.crypto.witness import AddCheckpoint
from meyasubako.service.errors import BadAnswerError, UnreachableError
from meyasubako.service.witness import keys
from meyasubako.service.witness.app import create_app
from meyasubako.service.witness.asking import Answer, collect
from meyasubako.service.witness.founding import found
from meyasubako.service.witness.memory import Memory
from tests.unit.service.witness.made_log import MadeLog, entries

NAMES = ("a", "b", "c")


@pytest.fixture
def network(tmp_path, log):
    return Network(tmp_path, log)


class Network:
    """Three real witnesses, reached without a network; `away` and `fakes` change what an address does."""

    def __init__(self, tmp_path, log):
        self.asked = []
        self.bodies = []
        self.away = set()
        self.fakes = {}
        self.keys = {name: found(tmp_path / name, f"{name}.example.org") for name in NAMES}
        for name in NAMES:
            memory = Memory.open(tmp_path / name)
            for vkey in log.vkeys:
                memory.admit(log.origin, NoteKey.parse(vkey))
        self.clients = {f"http://{name}": create_app(tmp_path / name).test_client() for name in NAMES}
        self.log = log

    def policy(self, quorum=2, kinds=(0, 1)):
        lines = [f"log {vkey}" for vkey in self.log.vkeys]
        for name in NAMES:
            lines += [f"witness {name}{kind} {self.keys[name][kind]} http://{name}/" for kind in kinds]
            lines.append(f"group {name} any {' '.join(f'{name}{kind}' for kind in kinds)}")
        lines += [f"group peers {quorum} {' '.join(NAMES)}", "quorum peers"]
        return Policy.parse("\n".join(lines))

    def post(self, url, body):
        base = url.removesuffix("/add-checkpoint")
        self.asked.append(base)
        self.bodies.append(body)
        if base in self.away:
            raise UnreachableError("it did not answer")
        if base in self.fakes:
            return self.fakes[base](body)
        answer = self.clients[base].post("/add-checkpoint", data=body)
        return Answer(answer.status_code, answer.headers["Content-Type"], answer.data)

    def collect(self, size, log=None, quorum=2, **options):
        source = log or self.log
        return collect(source.note(size), self.policy(quorum), source.read, self.post, **options)


def test_every_witness_is_asked_once_and_both_its_keys_are_taken(network, log):
    collected = network.collect(70)
    assert sorted(network.asked) == ["http://a", "http://b", "http://c"]
    assert collected.cosigned == ("a0", "a1", "b0", "b1", "c0", "c1")
    assert (collected.missing, collected.quorum_met) == ((), True)
    assert network.policy().open(collected.note).checkpoint == log.checkpoint(70)
    assert set(Note.parse(log.note(70)).signatures[:1]) <= set(Note.parse(collected.note).signatures)


def test_a_witness_that_is_elsewhere_says_so_and_is_asked_again(network):
    network.collect(70)
    network.away = {"http://b"}
    network.collect(200)
    network.away, network.asked = set(), []
    collected = network.collect(300, assumed_size=200)
    assert collected.missing == ()
    assert sorted(network.asked) == ["http://a", "http://b", "http://b", "http://c"]


def test_a_witness_that_is_away_is_told_and_stops_nothing(network):
    network.away = {"http://b"}
    collected = network.collect(70)
    assert collected.quorum_met
    assert [(each.name, each.why) for each in collected.missing] == [("b0", "away"), ("b1", "away")]
    network.away = {"http://b", "http://c"}
    collected = network.collect(80)
    assert not collected.quorum_met
    with pytest.raises(QuorumError):
        network.policy().open(collected.note)
    network.away = set(network.clients)
    note = network.log.note(90)
    assert collect(note, network.policy(), network.log.read, network.post).note == note
    network.away = set()
    assert network.collect(300, quorum=3).quorum_met


def test_asking_again_for_the_same_tree_keeps_what_was_collected_and_asks_only_who_is_missing(network):
    network.away = {"http://b"}
    first = network.collect(70)
    assert not first.complete
    network.away, network.asked = set(), []
    policy = network.policy(3)
    second = collect(first.note, policy, network.log.read, network.post)
    assert set(network.asked) == {"http://b"}
    assert set(second.cosigned) == {"a0", "a1", "b0", "b1", "c0", "c1"}
    assert policy.open(second.note).checkpoint.size == 70
    network.asked = []
    third = collect(second.note, policy, network.log.read, network.post)
    assert (third.note, third.complete, network.asked) == (second.note, True, [])


def test_of_two_keys_at_an_address_only_the_missing_one_is_taken(network):
    first = network.collect(70)
    note = Note.parse(first.note)
    name, kept = "b.example.org", [each for each in note.signatures if each.name == "b.example.org"]
    less = Note(note.text, tuple(each for each in note.signatures if each != kept[1]))
    network.asked = []
    second = collect(less.encode(), network.policy(), network.log.read, network.post)
    assert set(network.asked) == {"http://b"}
    lines = [each for each in Note.parse(second.note).signatures if each.name == name]
    assert [each.key_id for each in lines] == [each.key_id for each in kept]
    assert second.complete


def test_only_the_logs_own_signatures_are_sent(network):
    first = network.collect(70)
    network.bodies.clear()
    collect(first.note, network.policy(), network.log.read, network.post)
    for body in network.bodies:
        names = {each.name for each in Note.parse(AddCheckpoint.parse(body).checkpoint).signatures}
        assert names == {network.log.origin}


def test_a_log_that_was_set_back_or_forked_raises_an_alarm(network, log):
    network.collect(200)
    back = network.collect(150, assumed_size=100)
    assert {each.why for each in back.missing} == {"ahead"}
    assert "200 leaves" in back.missing[0].sentence
    fork = network.collect(250, log.fork(120, entries(200, "other")))
    assert {each.why for each in fork.alarms} == {"inconsistent"}
    assert len(fork.alarms) == 6
    assert not fork.quorum_met


def test_a_witness_that_does_not_know_the_log_is_told_apart(network):
    other = MadeLog("other.example.org", entries(5))
    text = "\n".join(network.policy().lines).replace("quorum", f"log {other.vkeys[0]}\nquorum")
    collected = collect(other.note(5), Policy.parse(text), other.read, network.post)
    assert {each.why for each in collected.missing} == {"unknown"}


def _by(cosigner, time=1_800_000_000):
    def answer(body):
        text = Note.parse(AddCheckpoint.parse(body).checkpoint).text
        return Answer(200, "text/plain", cosigner.sign(text, time).line.encode())

    return answer


@pytest.mark.parametrize(
    ("fake", "why"),
    [
        (lambda _: Answer(200, "text/plain", b"nonsense\n"), "malformed"),
        (lambda _: Answer(200, "text/plain", b"\xff\n"), "malformed"),
        (lambda _: Answer(200, "text/plain", b""), "malformed"),
        (_by(Cosigner.ed25519("stranger.example.org", bytes(32))), "malformed"),
        (lambda _: Answer(409, "text/plain", b"5\n"), "malformed"),
        (lambda _: Answer(409, "text/x.tlog.size", b"05\n"), "malformed"),
        (lambda _: Answer(409, "text/x.tlog.size", b"\xb2\n"), "malformed"),
        (lambda _: Answer(409, "text/x.tlog.size", b"0\n"), "malformed"),
        (lambda _: Answer(409, "text/x.tlog.size", b"9" * 19 + b"\n"), "ahead"),
        (lambda body: Answer(409, "text/x.tlog.size", b"%d\n" % (3 + (b"old 3" in body))), "refuses"),
        (lambda _: Answer(403, "text/plain", b""), "refuses"),
        (lambda _: Answer(500, "text/plain", b""), "refuses"),
        (lambda _: Answer(302, "text/plain", b""), "refuses"),
    ],
)
def test_whatever_a_witness_answers_only_itself_is_missing(network, fake, why):
    network.fakes = {"http://b": fake}
    collected = network.collect(70)
    assert {(each.name, each.why) for each in collected.missing} == {("b0", why), ("b1", why)}
    assert collected.quorum_met
    network.policy().open(collected.note)


def test_an_answer_that_is_too_long_is_told(network):
    def raises(_):
        raise BadAnswerError("too long")

    network.fakes = {"http://b": raises}
    assert network.collect(70).missing[0].why == "malformed"


def test_a_wrong_or_timeless_signature_by_a_known_key_refuses_the_whole_answer(network, tmp_path):
    ours = keys.load(tmp_path / "b")
    timeless = _by(ours[0], time=0)
    moved = network.clients["http://b"].post("/add-checkpoint", data=network.log.request(0, 60)).data
    for fake in (timeless, lambda _: Answer(200, "text/plain", moved)):
        network.fakes = {"http://b": fake}
        assert {each.why for each in network.collect(70).missing} == {"malformed"}


def test_a_witness_that_hangs_does_not_hold_up_the_slot(network):
    release = threading.Event()

    def hangs(_):
        release.wait(30)
        return Answer(500, "", b"")

    network.fakes = {"http://b": hangs}
    collected = network.collect(70, total_seconds=3.0)
    release.set()
    assert [each.why for each in collected.missing] == ["away", "away"]
    assert collected.quorum_met


@pytest.mark.parametrize("fault", [OSError("the disk"), BadTileError("no such tile")])
def test_a_fault_of_our_own_is_not_blamed_on_a_witness(network, log, fault):
    def broken(_level, _index):
        raise fault

    network.collect(70)
    collected = collect(log.note(200), network.policy(), broken, network.post, assumed_size=70)
    assert {each.why for each in collected.missing} == {"unasked"}
    assert "the disk" not in "".join(each.sentence for each in collected.missing)
    assert not collected.complete


def test_a_fault_while_one_witness_is_asked_costs_no_other_witness_its_cosignature(network):
    def fails(_):
        raise ValueError("something of ours")

    network.fakes = {"http://b": fails}
    collected = network.collect(70)
    assert collected.cosigned == ("a0", "a1", "c0", "c1")
    assert [(each.name, each.why) for each in collected.missing] == [("b0", "unasked"), ("b1", "unasked")]
    assert [str(each) for each in collected.faults] == ["something of ours"]


def test_a_witness_that_answers_with_a_hundred_lines_leaves_room_for_the_others(network, tmp_path):
    own, _ = keys.load(tmp_path / "b")

    def floods(body):
        text = Note.parse(AddCheckpoint.parse(body).checkpoint).text
        lines = [own.sign(text, 1_800_000_000 + each).line for each in range(100)]
        return Answer(200, "text/plain", "".join(lines).encode())

    network.fakes = {"http://b": floods}
    collected = network.collect(70)
    assert collected.cosigned == ("a0", "a1", "b0", "c0", "c1")
    network.policy().open(collected.note)


def test_a_checkpoint_of_another_log_is_not_sent(network):
    other = MadeLog("other.example.org", entries(5))
    with pytest.raises(BadNoteError):
        network.collect(5, other)
    assert network.asked == []


def test_a_witness_without_an_address_is_missing_and_there_is_nothing_to_ask_again(network):
    text = "\n".join(network.policy().lines).replace(" http://b/", "")
    collected = collect(network.log.note(70), Policy.parse(text), network.log.read, network.post)
    assert {each.why for each in collected.missing} == {"addressless"}
    assert collected.complete
