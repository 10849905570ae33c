from threading import Thread

import pytest

from meyasubako.service.store.waiting import ClosedLineError, WaitingLine

SOON, LONG = 0.001, 60


def test_a_lone_writer_is_taken_at_once_however_long_the_moment():
    line = WaitingLine()
    for number in range(3):
        line.put(number)
        assert line.take() == [number]
        line.expect(1, LONG)


def test_a_lone_writer_who_comes_back_early_is_not_counted_twice():
    line = WaitingLine()
    line.put(1)
    line.take()
    line.expect(1, LONG)
    line.put(2)
    assert line.take() == [2]


def test_everything_that_waits_is_taken_together_in_its_order():
    line = WaitingLine()
    for number in range(5):
        line.put(number)
    assert line.take() == [0, 1, 2, 3, 4]


def test_who_was_answered_is_waited_for_a_moment_and_no_longer():
    line = WaitingLine()
    line.expect(2, SOON)
    line.put(1)
    assert line.take() == [1]


def test_after_a_moment_in_vain_the_next_batches_go_at_once():
    line = WaitingLine()
    line.expect(2, SOON)
    line.put(1)
    line.take()
    for number in range(8):
        line.expect(2, LONG)
        line.put(number)
        assert line.take() == [number]


def test_those_who_come_back_share_the_next_batch():
    line = WaitingLine()
    line.expect(2, LONG)
    back = [Thread(target=line.put, args=(number,)) for number in (1, 2)]
    for thread in back:
        thread.start()
    assert sorted(line.take()) == [1, 2]
    for thread in back:
        thread.join()


def test_two_groups_that_took_turns_become_one():
    line = WaitingLine()
    line.put("other")
    line.expect(1, LONG)
    back = Thread(target=line.put, args=("answered",))
    back.start()
    assert line.take() == ["other", "answered"]
    back.join()


def test_a_sleeping_leader_is_woken_by_the_first_who_comes():
    line = WaitingLine()
    taken = []
    leader = Thread(target=lambda: taken.extend(line.take()))
    leader.start()
    line.put("first")
    leader.join()
    assert taken == ["first"]


def test_a_closed_line_gives_out_what_it_holds_and_takes_nothing_in():
    line = WaitingLine()
    line.put(1)
    line.expect(5, LONG)
    line.close()
    with pytest.raises(ClosedLineError):
        line.put(2)
    assert line.take() == [1]
    assert line.take() == []


def test_closing_wakes_the_leader():
    line = WaitingLine()
    taken = []
    leader = Thread(target=lambda: taken.append(line.take()))
    leader.start()
    line.close()
    leader.join()
    assert taken == [[]]


def test_a_batch_has_an_end():
    line = WaitingLine()
    for number in range(1000):
        line.put(number)
    assert line.take() == list(range(512))
    assert line.take() == list(range(512, 1000))
