import os
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from meyasubako.service import nonces
from meyasubako.service.errors import NoncesFullError, RepeatedRequestError, UnknownPrefixError
from meyasubako.service.nonces import BUCKET, OVERLAP, Nonces
from meyasubako.service.signatures import SKEW, SignedRequest

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
SECOND = timedelta(seconds=1)


def _signed(nonce: str, created: datetime = NOW, key_id: str = "somebody") -> SignedRequest:
    return SignedRequest(key_id, nonce, created, bytes(32))


def _taken(table: Nonces, signed: SignedRequest) -> bool:
    try:
        table.take(signed)
    except RepeatedRequestError:
        return False
    return True


def _filled(table: Nonces) -> list[str]:
    """The nonces of one moment that a table takes before it refuses one."""
    taken: list[str] = []
    with suppress(NoncesFullError):
        for number in count():
            table.take(_signed(str(number)))
            taken.append(str(number))
    return taken


def test_a_request_is_taken_once_and_another_one_too() -> None:
    table = Nonces.begin(LONG_AGO)
    table.take(_signed("one"))
    with pytest.raises(RepeatedRequestError, match="sign it anew"):
        table.take(_signed("one"))
    table.take(_signed("two"))
    table.take(_signed("one", key_id="somebody else"))


def test_a_nonce_is_remembered_for_as_long_as_its_signature_is_good() -> None:
    table = Nonces.begin(LONG_AGO)
    for minutes in range(60):
        now = NOW + timedelta(minutes=minutes)
        requests = [_signed(f"{minutes} {off}", now + off) for off in (-SKEW, timedelta(), SKEW)]
        for each in requests:
            table.take(each)
        for seconds in range(0, 601, 60):
            later = now + timedelta(seconds=seconds)
            table.forget(later)
            good = [each for each in requests if abs(later - each.created) <= SKEW]
            assert not any(_taken(table, each) for each in good)


def test_what_is_not_good_any_more_is_forgotten_and_its_room_is_used_again() -> None:
    table = Nonces.begin(LONG_AGO, buckets=1)
    taken = _filled(table)
    # Twenty minutes on the same room is used for other requests.
    for nonce in taken:
        table.take(_signed(nonce, NOW + timedelta(minutes=20)))
    # And nothing stays where nobody comes any more.
    table.forget(NOW + timedelta(minutes=40))
    assert not any(table._memory[nonces._HEAD :])
    assert not any(table._memory[nonces._PERIODS : nonces._HEAD])


def test_a_full_table_refuses_and_forgets_nothing() -> None:
    table = Nonces.begin(LONG_AGO, buckets=1)
    taken = _filled(table)
    for _ in range(3):
        with pytest.raises(NoncesFullError, match="try again"):
            table.take(_signed(str(len(taken))))
    assert len(taken) >= BUCKET
    assert not any(_taken(table, _signed(nonce)) for nonce in taken)


def test_a_table_has_room_for_what_a_busy_door_can_verify() -> None:
    table = Nonces.begin(LONG_AGO)
    for number in range(100_000):
        table.take(_signed(str(number)))


def test_the_table_tells_neither_who_signed_nor_what_nor_the_second() -> None:
    table = Nonces.begin(LONG_AGO, buckets=1)
    before = bytes(table._memory)
    table.take(_signed("a-nonce-of-mine", NOW + 17 * SECOND, key_id="a-key-of-mine"))
    after = bytes(table._memory)
    assert b"a-nonce" not in after
    assert b"a-key" not in after
    changed = [place for place, (was, now) in enumerate(zip(before, after, strict=True)) if was != now]
    period = range(nonces._PERIODS, nonces._HEAD)
    assert sum(place not in period for place in changed) <= nonces.TAG
    # What stands there of the time is which five minutes it was.
    other = Nonces.begin(LONG_AGO, buckets=1)
    other.take(_signed("another", NOW + 200 * SECOND))
    assert other._memory[nonces._PERIODS : nonces._HEAD] == table._memory[nonces._PERIODS : nonces._HEAD]


def test_what_may_have_been_taken_before_the_door_opened_needs_its_prefix() -> None:
    table = Nonces.begin(NOW)
    for created in (NOW - SKEW, NOW, NOW + SKEW + OVERLAP):
        with pytest.raises(UnknownPrefixError, match=table.prefix) as caught:
            table.take(_signed("anything", created))
        assert caught.value.prefix == table.prefix
        table.take(_signed(f"{caught.value.prefix}-anything", created))
        assert not _taken(table, _signed(f"{caught.value.prefix}-anything", created))
    table.take(_signed("anything", NOW + SKEW + OVERLAP + SECOND))


def test_no_two_tables_have_the_same_prefix() -> None:
    assert Nonces.begin(NOW).prefix != Nonces.begin(NOW).prefix


def test_a_clock_that_was_set_back_reopens_nothing_and_the_door_recovers() -> None:
    table = Nonces.begin(LONG_AGO)
    later = NOW + timedelta(minutes=20)
    table.take(_signed("later", later))
    with pytest.raises(NoncesFullError, match="clock"):
        table.take(_signed("now", NOW))
    assert not _taken(table, _signed("later", later))
    table.forget(NOW)
    table.take(_signed("now", NOW))


def test_of_threads_that_race_with_the_same_request_exactly_one_passes() -> None:
    table, passed = Nonces.begin(LONG_AGO), Counter[int]()
    together = threading.Barrier(8)

    def race() -> None:
        for number in range(50):
            together.wait()
            if _taken(table, _signed(str(number))):
                passed[number] += 1

    racing = [threading.Thread(target=race) for _ in range(8)]
    for each in racing:
        each.start()
    for each in racing:
        each.join()
    assert passed == Counter(range(50))


_RACE = """
import sys
from datetime import UTC, datetime
from meyasubako.service.errors import RepeatedRequestError
from meyasubako.service.nonces import Nonces
from meyasubako.service.signatures import SignedRequest
table = Nonces(int(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(2000):
    try:
        table.take(SignedRequest("somebody", str(number), datetime(2026, 11, 22, 12, tzinfo=UTC), bytes(32)))
        print(number)
    except RepeatedRequestError:
        pass
"""


def test_of_processes_that_race_with_the_same_request_exactly_one_passes() -> None:
    table = Nonces.begin(LONG_AGO)
    racing = [
        subprocess.Popen(
            [sys.executable, "-c", _RACE, str(table.descriptor)],
            pass_fds=(table.descriptor,),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for each in racing:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in racing:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    passed = [number for each in racing for number in each.communicate()[0].split()]
    assert sorted(map(int, passed)) == list(range(2000))


def test_nobody_waits_for_a_process_that_died_at_the_table() -> None:
    table = Nonces.begin(LONG_AGO)
    code = "import fcntl, os, signal, sys; fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX); "
    code += "os.kill(os.getpid(), signal.SIGKILL)"
    died = subprocess.run(
        [sys.executable, "-c", code, str(table.descriptor)], pass_fds=(table.descriptor,), check=False
    )
    assert died.returncode < 0
    table.take(_signed("one"))


def test_forgetting_does_not_wait_for_whoever_is_at_the_table() -> None:
    table = Nonces.begin(LONG_AGO)
    table.take(_signed("one"))
    code = "import fcntl, sys; fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX); print('held', flush=True); "
    code += "sys.stdin.readline()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(table.descriptor)],
        pass_fds=(table.descriptor,),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holding:
        assert holding.stdout is not None
        assert holding.stdout.readline() == "held\n"
        table.forget(NOW + timedelta(hours=1))
        assert any(table._memory[nonces._HEAD :])
        holding.communicate("\n")
    table.forget(NOW + timedelta(hours=1))
    assert not any(table._memory[nonces._HEAD :])


def test_the_table_is_no_file() -> None:
    table = Nonces.begin(NOW)
    assert os.readlink(f"/proc/self/fd/{table.descriptor}").startswith("/memfd:")  # noqa: PTH115 (no real path)
