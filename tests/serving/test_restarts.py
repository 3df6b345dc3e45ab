"""When workers that ended are started again."""

from __future__ import annotations

from flavorkit.serving.restarts import LONGEST_DELAY, Restarts


def test_one_that_had_settled_is_replaced_at_once():
    restarts = Restarts()
    assert [restarts.ended(now, ready_for=60) for now in (100, 101, 102)] == [100, 101, 102]


def test_those_that_fail_in_a_row_wait_longer_and_longer_but_not_for_ever():
    restarts = Restarts()
    delays = [restarts.ended(100, ready_for=0) - 100 for _ in range(10)]
    assert delays[:4] == [0.25, 0.5, 1.0, 2.0]
    assert delays[-1] == LONGEST_DELAY


def test_one_that_settles_ends_the_row():
    restarts = Restarts()
    restarts.ended(100, ready_for=0)
    restarts.ended(101, ready_for=60)
    assert restarts.ended(102, ready_for=0) == 102.25


def test_five_in_a_minute_are_a_loop_until_the_minute_is_over():
    restarts = Restarts()
    for now in range(100, 104):
        restarts.ended(now, ready_for=60)
    assert not restarts.is_failing(104)
    restarts.ended(104, ready_for=60)
    assert restarts.is_failing(104)
    assert restarts.is_failing(160)
    assert not restarts.is_failing(161)
