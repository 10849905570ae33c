from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.crypto.cosignature import Cosigner
from meyasubako.crypto.note import NoteSigner
from meyasubako.crypto.policy import Policy
from meyasubako.service.witness import attendance
from meyasubako.service.witness.asking import Collected, Missing
from meyasubako.service.witness.attendance import Alarm, Record

DAY = date(2026, 11, 22)
LOG = NoteSigner("log.example.org", bytes(32)).key.text
KEY = Cosigner.ed25519("one.example.org", bytes([1]) * 32).key.text
POLICY = Policy.parse(f"log {LOG}\nwitness one {KEY} http://one\nquorum one\n")
REFUSALS = ("refuses", "unknown", "malformed")
ALMOST_RECORDS = st.dictionaries(
    st.sampled_from(["away", "answered", "alarm"]),
    st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.just({"name": "one", "size": 1}),
)


def after(record, why, size, day=DAY):
    """The record of a witness that was asked once more: `why` it gave no cosignature, None if it gave one."""
    missing = () if why is None else (Missing("one", why, f"it {why}"),)
    collected = Collected(b"", () if missing else ("one",), missing, quorum_met=not missing)
    return attendance.after({KEY: record}, POLICY, collected, size, day)[KEY]


def test_each_checkpoint_for_which_there_was_no_answer_counts_once():
    record = Record()
    for size in (64, 64, 128, 128, 192):
        record = after(record, "away", size)
    assert record == Record(away=(64, 128, 192))
    assert after(record, "away", 256).away == (128, 192, 256)


@pytest.mark.parametrize("why", [None, *REFUSALS, "ahead", "inconsistent"])
def test_any_answer_shows_that_the_witness_is_there(why):
    away = Record(away=(64, 128))
    record = after(away, why, 128)
    assert (record.away, record.answered) == ((), 128)
    assert after(record, "away", 128).away == ()
    assert after(record, "away", 192).away == (192,)


@pytest.mark.parametrize("why", ["unasked", "addressless"])
def test_what_is_no_doing_of_the_witness_changes_nothing(why):
    assert after(Record(away=(64,), answered=10), why, 128) == Record(away=(64,), answered=10)


@pytest.mark.parametrize("why", ["ahead", "inconsistent"])
def test_an_alarm_stays_as_it_was_first_told_until_the_witness_cosigns(why):
    raised = after(Record(), why, 64)
    assert raised.alarm == Alarm("one", f"it {why}", 64, DAY)
    for later in ("inconsistent", "ahead", "away", "unasked", *REFUSALS):
        assert after(raised, later, 128, date(2026, 12, 1)).alarm == raised.alarm
    assert after(raised, None, 128).alarm is None


def test_only_the_policys_witnesses_are_remembered():
    collected = Collected(b"", ("one",), (), quorum_met=True)
    found = attendance.after({"another": Record(away=(1,))}, POLICY, collected, 64, DAY)
    assert found == {KEY: Record(answered=64)}


def test_what_is_kept_is_read_again(tmp_path):
    assert attendance.read(tmp_path) == {}
    records = {KEY: Record((64, 128), 10, Alarm("one", "it said so", 10, DAY)), "b": Record()}
    attendance.keep(tmp_path, records)
    assert attendance.read(tmp_path) == records
    assert [path.name for path in tmp_path.iterdir()] == [attendance.FILE_NAME]


@given(data=st.binary() | st.dictionaries(st.text(), ALMOST_RECORDS).map(msgspec.json.encode))
def test_a_damaged_file_is_an_empty_one(tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("damaged")
    (directory / attendance.FILE_NAME).write_bytes(data)
    found = attendance.read(directory)
    assert all(isinstance(record, Record) for record in found.values())
