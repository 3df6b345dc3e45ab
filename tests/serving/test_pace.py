"""When a model is quick enough for the event loop."""

from __future__ import annotations

import pytest

from flavorkit.serving.pace import Pace


def pace_after(*seen: tuple[int, float]) -> Pace:
    pace = Pace()
    for rows, seconds in [(100, 0.0005)] * 1000 + list(seen):
        pace.saw(rows, seconds)
    return pace


def test_a_moment_of_a_busy_machine_changes_little():
    assert pace_after((100, 0.010), (100, 0.0013)).expects_quick(100)


def test_one_very_slow_answer_is_enough():
    assert not pace_after((100, 1.0)).expects_quick(100)


def test_a_model_that_has_become_slow_is_noticed():
    assert not pace_after(*[(100, 0.002)] * 30).expects_quick(100)


def test_slow_large_calls_do_not_slow_the_small_ones_down():
    pace = pace_after((10_000, 5.0))
    assert pace.expects_quick(100)
    assert not pace.expects_quick(10_000)


def test_nothing_is_expected_of_a_new_model():
    assert not Pace().expects_quick(1)


@pytest.mark.parametrize(("rows", "expected"), [(101, True), (200, True), (201, False)])
def test_a_larger_call_takes_as_much_longer_as_it_has_more_rows(rows, expected):
    assert pace_after().expects_quick(rows) is expected


def test_it_learns_how_large_a_quick_call_may_be():
    pace = pace_after((200, 0.0006))
    assert pace.expects_quick(333)
    assert not pace.expects_quick(334)


def test_a_size_that_was_not_as_quick_as_expected_is_not_tried_again_for_long():
    pace = pace_after((150, 0.004))
    assert pace.expects_quick(149)
    for _ in range(Pace.LONG):
        assert not pace.expects_quick(150)
        pace.saw(1, 0.0001)
    pace.saw(1, 0.0001)
    assert pace.expects_quick(150)
