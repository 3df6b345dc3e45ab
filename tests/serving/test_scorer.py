"""Where a model runs: never twice at once, on the event loop only while it is quick."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest
from sklearn.base import BaseEstimator

import flavorkit
from flavorkit.errors import OverloadedError, UnsupportedMediaTypeError
from flavorkit.serving.scorer import Scorer, _Pace

JSON = "application/json"
BODY = b'{"inputs": [[1.0]]}'
OWN_THREAD, EVENT_LOOP = "flavorkit-model", "MainThread"

# What the model notes and waits for; it is loaded from a file, so it cannot carry them itself.
ran_on: list[str] = []
may_answer = threading.Event()
has_begun = threading.Event()


class Watched(BaseEstimator):
    """Notes the thread it runs on, and answers when it may."""

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        ran_on.append(threading.current_thread().name)
        has_begun.set()
        assert may_answer.wait(60)
        return [0] * len(X)


@pytest.fixture
def scorer(tmp_path):
    ran_on.clear()
    has_begun.clear()
    may_answer.set()
    flavorkit.save_model(Watched(), tmp_path / "m", signature=False, pip_requirements=[])
    scorer = Scorer(flavorkit.load_model(tmp_path / "m"), max_waiting=3)
    yield scorer
    may_answer.set()
    scorer.close()


@pytest.fixture
def every_answer_is_quick(monkeypatch):
    monkeypatch.setattr(_Pace, "QUICK_SECONDS", 60.0)


async def score(scorer, times=1, body=BODY):
    for _ in range(times):
        assert await scorer.score(JSON, body) == b'{"predictions":[0]}'


def test_a_quick_model_moves_to_the_event_loop(scorer, every_answer_is_quick):
    asyncio.run(score(scorer, _Pace.ENOUGH + 2))
    assert ran_on == [OWN_THREAD] * _Pace.ENOUGH + [EVENT_LOOP] * 2


def test_a_larger_request_than_any_before_goes_to_the_thread(scorer, every_answer_is_quick):
    asyncio.run(score(scorer, _Pace.ENOUGH))
    asyncio.run(score(scorer, body=BODY + b" "))
    assert ran_on[-1] == OWN_THREAD


def test_slow_answers_move_it_back(scorer, every_answer_is_quick, monkeypatch):
    asyncio.run(score(scorer, _Pace.ENOUGH + 1))
    monkeypatch.setattr(_Pace, "QUICK_SECONDS", 1e-9)
    asyncio.run(score(scorer, 2))
    assert ran_on[-3:] == [EVENT_LOOP, EVENT_LOOP, OWN_THREAD]


def test_a_slow_model_stays_on_its_thread(scorer, monkeypatch):
    monkeypatch.setattr(_Pace, "QUICK_SECONDS", 1e-9)
    asyncio.run(score(scorer, _Pace.ENOUGH + 2))
    assert set(ran_on) == {OWN_THREAD}


def pace_after(*seen: tuple[int, float]) -> _Pace:
    pace = _Pace()
    for size, seconds in [(100, 0.0005)] * 1000 + list(seen):
        pace.saw(size, seconds)
    return pace


def test_a_moment_of_a_busy_machine_changes_little():
    assert pace_after((100, 0.010), (100, 0.0013)).expects_quick(100)


def test_one_very_slow_answer_is_enough():
    assert not pace_after((100, 1.0)).expects_quick(100)


def test_a_model_that_has_become_slow_is_noticed():
    assert not pace_after(*[(100, 0.002)] * 30).expects_quick(100)


def test_slow_large_requests_do_not_slow_the_small_ones_down():
    pace = pace_after((10_000, 5.0))
    assert pace.expects_quick(100)
    assert not pace.expects_quick(10_000)


def test_it_never_runs_twice_at_once(scorer, every_answer_is_quick):
    """Not even beside an answer that nobody waits for any more."""

    async def scenario():
        await score(scorer, _Pace.ENOUGH)
        may_answer.clear()
        has_begun.clear()
        given_up = asyncio.create_task(scorer.score(JSON, BODY + b" "))
        await asyncio.to_thread(has_begun.wait)
        given_up.cancel()
        second = asyncio.create_task(scorer.score(JSON, BODY))
        await asyncio.sleep(0)
        may_answer.set()
        await second

    asyncio.run(scenario())
    assert ran_on[-2:] == [OWN_THREAD, OWN_THREAD]


def test_more_than_may_wait_are_refused_and_what_was_given_up_is_not_begun(scorer):
    async def scenario():
        may_answer.clear()
        tasks = [asyncio.create_task(scorer.score(JSON, BODY)) for _ in range(3)]
        await asyncio.to_thread(has_begun.wait)
        with pytest.raises(OverloadedError, match="try again"):
            await scorer.score(JSON, BODY)
        tasks[2].cancel()
        await asyncio.sleep(0)
        may_answer.set()
        await asyncio.gather(*tasks[:2])

    asyncio.run(scenario())
    assert len(ran_on) == 2


def test_what_was_given_up_lets_go_of_its_request(scorer):
    """Else bodies would pile up behind a model that hangs."""

    class Body:
        def __len__(self):
            return 1

    async def scenario():
        may_answer.clear()
        first = asyncio.create_task(scorer.score(JSON, BODY))
        await asyncio.to_thread(has_begun.wait)
        body = Body()
        seen = weakref.ref(body)
        second = asyncio.create_task(scorer.score(JSON, body))
        del body
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        del second
        gc.collect()
        assert seen() is None
        may_answer.set()
        await first

    asyncio.run(scenario())


def test_refusals_do_not_make_large_requests_look_quick(scorer, every_answer_is_quick):
    async def scenario():
        for _ in range(_Pace.ENOUGH * 2):
            with pytest.raises(UnsupportedMediaTypeError, match="content type"):
                await scorer.score("text/html", b" " * 60_000)
        await score(scorer, body=BODY + b" " * 50_000)

    asyncio.run(scenario())
    assert ran_on == [OWN_THREAD]


def test_large_requests_never_run_on_the_event_loop(scorer, every_answer_is_quick):
    body = BODY + b" " * _Pace.LARGEST_BODY
    asyncio.run(score(scorer, _Pace.ENOUGH + 1, body))
    assert set(ran_on) == {OWN_THREAD}
