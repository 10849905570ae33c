from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.cosignature import Cosigner
from meyasubako.crypto.errors import BadNoteError, BadPolicyError, QuorumError
from meyasubako.crypto.note import Note, NoteKey, NoteSigner
from meyasubako.crypto.policy import Policy

ORIGIN = "log.example.org/demo"
LOG = NoteSigner(ORIGIN, bytes(range(32)))
LOG_PQ = Cosigner.ml_dsa(ORIGIN, bytes(range(32)))
X1, X2, X3, Y1, Y2, Y3 = WITNESSES = [
    Cosigner.ed25519(f"witness.example.org/{n}", bytes([n]) * 32) for n in range(6)
]
NAMES = ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
DEFINED = "".join(f"witness {name} {each.key.text}\n" for name, each in zip(NAMES, WITNESSES, strict=True))
# The example of the specification.
EXAMPLE = f"""
log {LOG.key.text}

{DEFINED}
group X-witnesses 2 X1 X2 X3
  group\tY-witnesses  any Y1 Y2 Y3

# two operators
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
HEAD = Checkpoint(ORIGIN, 3, bytes(32))


def cosigned(*cosigners, log=LOG, head=HEAD):
    return sign_checkpoint(head, [log, *cosigners], 1790000000)


def test_the_quorum_of_the_specifications_example_is_evaluated():
    policy = Policy.parse(EXAMPLE)
    for count in range(7):
        for chosen in combinations(range(6), count):
            met = len({0, 1, 2} & set(chosen)) >= 2 and bool({3, 4, 5} & set(chosen))
            assert policy.is_met_by([WITNESSES[each].key for each in chosen]) is met


def test_a_checkpoint_with_a_quorum_opens_and_one_without_is_refused():
    policy = Policy.parse(EXAMPLE)
    assert policy.open(cosigned(X1, X3, Y2)).checkpoint == HEAD
    for cosigners in ([], [X1, Y1], [X1, X2, X3], [Y1, Y2, Y3, X1], [X1, X1, Y1]):
        with pytest.raises(QuorumError):
            policy.open(cosigned(*cosigners))


def test_a_wrong_cosignature_refuses_even_if_the_quorum_is_met_without_it():
    note = Note.parse(cosigned(X1, X2, Y1))
    wrong = note.with_signatures([Y2.sign(Checkpoint(ORIGIN, 4, bytes(32)).text, 1)])
    with pytest.raises(BadNoteError):
        Policy.parse(EXAMPLE).open(wrong.encode())


def test_a_checkpoint_needs_a_listed_log_of_its_own_origin():
    policy = Policy.parse(EXAMPLE)
    stranger = NoteSigner(ORIGIN, bytes(32))
    with pytest.raises(BadNoteError):
        policy.open(cosigned(X1, X2, Y1, log=stranger))
    with pytest.raises(BadNoteError):
        policy.open(cosigned(X1, X2, Y1, head=Checkpoint("log.example.org/other", 3, bytes(32))))


def test_any_one_of_the_listed_logs_is_enough():
    policy = Policy.parse(
        f"log {LOG.key.text} https://log.example.org/\nlog {LOG_PQ.key.text}\nquorum none\n"
    )
    for log in (LOG, LOG_PQ):
        assert policy.open(cosigned(log=log)).checkpoint == HEAD


def test_quorum_none_asks_for_no_witness():
    assert Policy.parse("quorum none").is_met_by([])


def test_a_policy_without_logs_opens_nothing():
    with pytest.raises(BadNoteError):
        Policy.parse(f"{DEFINED}quorum X1\n").open(cosigned(X1))


def test_a_policy_is_written_in_lines_that_read_back():
    policy = Policy.parse(EXAMPLE)
    assert Policy.parse("\n".join(policy.lines)) == policy
    assert policy.lines[-2:] == ["group X-and-Y 2 X-witnesses Y-witnesses", "quorum X-and-Y"]


def test_names_are_opaque():
    kelvin = f"witness K {X1.key.text}\nwitness \u212a {X2.key.text}\nquorum \u212a\n"
    assert Policy.parse(kelvin).is_met_by([X2.key])
    assert not Policy.parse(kelvin).is_met_by([X1.key])


ECDSA = NoteKey("log.example.org", 2, bytes(32)).text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        f"{DEFINED}",
        "quorum missing\n",
        "quorum none\nquorum none\n",
        "quorum\n",
        "quorum none none\n",
        "Quorum none\n",
        "quorum none\nfrobnicate\n",
        f"quorum X1\n{DEFINED}",
        f"{DEFINED}group g 2 X1\nquorum g\n",
        f"{DEFINED}group g 0 X1\nquorum g\n",
        f"{DEFINED}group g 01 X1\nquorum g\n",
        f"{DEFINED}group g -1 X1\nquorum g\n",
        f"{DEFINED}group g most X1 X2\nquorum g\n",
        f"{DEFINED}group g all\nquorum g\n",
        f"{DEFINED}group g any\nquorum g\n",
        f"{DEFINED}group g any X1 X1\nquorum g\n",
        f"{DEFINED}group g any X1\ngroup h any X1 X2\nquorum h\n",
        f"{DEFINED}group g any g\nquorum g\n",
        f"{DEFINED}group g any none\nquorum g\n",
        f"{DEFINED}group g any h\ngroup h any X1\nquorum g\n",
        f"{DEFINED}group X1 any X2\nquorum X1\n",
        f"{DEFINED}group none any X1\nquorum none\n",
        f"{DEFINED}witness X1 {LOG_PQ.key.text}\nquorum X1\n",
        f"{DEFINED}witness again {NoteKey('renamed.example.org', 4, X1.key.public).text}\nquorum X1\n",
        f"log {LOG.key.text}\nlog {NoteKey('renamed.example.org', 1, LOG.key.public).text}\nquorum none\n",
        f"log {LOG.key.text} https://a https://b\nquorum none\n",
        f"log {X1.key.text}\nquorum none\n",
        f"witness w {LOG.key.text}\nquorum w\n",
        f"log {ECDSA}\nquorum none\n",
        f"log {NoteKey('a', 1, bytes(32)).text}\nquorum none\n",
        "log log.example.org\nquorum none\n",
        "log\nquorum none\n",
        "quorum none\r\n",
        "quorum\x0bnone\n",
        "quorum\u00a0none\n",
        "\n" * 2000 + "quorum none\n",
    ],
)
def test_a_malformed_policy_is_refused(text):
    with pytest.raises(BadPolicyError):
        Policy.parse(text)


WORDS = ["log", "witness", "group", "quorum", "none", "w", "g", "any", "all", "1", "2", "#", "\n", "\n"]
TEXTS = st.lists(st.sampled_from([*WORDS, LOG.key.text, X1.key.text, X2.key.text]), max_size=12).map(" ".join)


@given(TEXTS | st.text(max_size=20))
def test_whatever_policy_is_read_is_written_so_that_it_reads_back(text):
    try:
        policy = Policy.parse(text)
    except BadPolicyError:
        return
    assert Policy.parse("\n".join(policy.lines)) == policy


@st.composite
def policies(draw):
    free, lines = list(NAMES), [DEFINED]
    for number in range(draw(st.integers(0, 3))):
        members = draw(st.lists(st.sampled_from(free), unique=True, min_size=1)) if free else []
        if members:
            threshold = draw(st.sampled_from(["any", "all", str(len(members))]))
            lines.append(f"group g{number} {threshold} {' '.join(members)}\n")
            free = [each for each in free if each not in members] + [f"g{number}"]
    return "".join([*lines, f"quorum {draw(st.sampled_from([*free, 'none']))}\n"])


@given(policies(), st.sets(st.sampled_from(range(6))), st.sampled_from(range(6)))
def test_one_more_cosignature_never_breaks_a_quorum(text, chosen, more):
    policy = Policy.parse(text)
    if policy.is_met_by([WITNESSES[each].key for each in chosen]):
        assert policy.is_met_by([WITNESSES[each].key for each in chosen | {more}])
