"""Where a model runs, and for how many requests at once."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

import flavorkit
from flavorkit.errors import DeadlineExceededError, NotReadyError, OverloadedError
from flavorkit.serving.engine import Engine
from flavorkit.serving.pace import Pace
from flavorkit.serving.settings import Settings
from flavorkit.serving.work import Work

OWN_THREAD, EVENT_LOOP = "flavorkit-model", "MainThread"
SETTINGS = Settings(max_waiting=3, overrun_seconds=0.1)


class Model(BaseEstimator):
    """Adds one to each row; notes each call, and answers when it may."""

    # What it notes and waits for; it is loaded from a file, so it cannot carry them itself.
    calls: ClassVar[list[tuple[str, int]]] = []
    may_answer = threading.Event()
    has_begun = threading.Event()

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        X = np.asarray(X)
        Model.calls.append((threading.current_thread().name, len(X)))
        Model.has_begun.set()
        assert Model.may_answer.wait(60)
        if (X < 0).any():
            raise ValueError("a negative number")
        if (X == 99).any():
            raise RuntimeError("a bug")
        if (X == 77).any():
            return X[:1, 0]
        return X[:, 0] + 1


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine") / "m"
    flavorkit.save_model(Model(), folder, signature=False, pip_requirements=[])
    return flavorkit.load_model(folder)


@pytest.fixture
def run(model):
    """Runs a scenario, a coroutine function that is given an engine."""
    Model.calls.clear()
    Model.has_begun.clear()
    Model.may_answer.set()

    def scenario(function, settings=SETTINGS, *, shares_calls=True, **kwargs):
        async def body():
            engine = Engine(model, settings, **kwargs)
            engine.shares_calls = shares_calls
            try:
                return await asyncio.wait_for(function(engine), 60)
            finally:
                Model.may_answer.set()
                engine.close()

        return asyncio.run(body())

    return scenario


@pytest.fixture
def every_call_is_quick(monkeypatch):
    monkeypatch.setattr(Pace, "QUICK_SECONDS", 60.0)


def work(*rows, params=None, limit=30.0, **kwargs):
    data = np.array([[float(row)] for row in rows])
    return Work(data, params or {}, limit=limit, may_share=True, **kwargs)


async def predict(engine, *rows, **kwargs):
    return (await engine.predict(work(*rows, **kwargs))).tolist()


async def repeat(engine, times):
    for _ in range(times):
        assert await predict(engine, 0) == [1]


def sizes():
    return [rows for _, rows in Model.calls]


def test_a_quick_model_moves_to_the_event_loop(run, every_call_is_quick):
    run(lambda engine: repeat(engine, Pace.ENOUGH + 2))
    assert [name for name, _ in Model.calls] == [OWN_THREAD] * Pace.ENOUGH + [EVENT_LOOP] * 2


def test_what_is_not_expected_to_be_quick_goes_to_the_thread(run, monkeypatch):
    monkeypatch.setattr(Pace, "expects_quick", lambda pace, rows: rows == 1)

    async def scenario(engine):
        await predict(engine, 1)
        await predict(engine, 1, 2)

    run(scenario)
    assert Model.calls == [(EVENT_LOOP, 1), (OWN_THREAD, 2)]


def test_many_rows_are_predicted_on_at_once(run, monkeypatch):
    """They wait for no company, of which they would have no use, but for a call that runs."""
    monkeypatch.setattr(Pace, "expects_quick", lambda pace, rows: True)

    async def scenario(engine):
        waiting = [asyncio.ensure_future(predict(engine, *[0] * 512)) for _ in range(3)]
        few = [asyncio.ensure_future(predict(engine, *[0] * 511)) for _ in range(3)]
        await asyncio.gather(*waiting, *few)

    run(scenario)
    assert sizes() == [512, 512, 512, 3 * 511]


def test_slow_calls_move_it_back(run, every_call_is_quick, monkeypatch):
    async def scenario(engine):
        await repeat(engine, Pace.ENOUGH + 1)
        monkeypatch.setattr(Pace, "QUICK_SECONDS", 1e-9)
        await repeat(engine, 2)

    run(scenario)
    assert [name for name, _ in Model.calls[-3:]] == [EVENT_LOOP, EVENT_LOOP, OWN_THREAD]


def test_a_slow_model_stays_on_its_thread(run, monkeypatch):
    monkeypatch.setattr(Pace, "QUICK_SECONDS", 1e-9)
    run(lambda engine: repeat(engine, Pace.ENOUGH + 2))
    assert {name for name, _ in Model.calls} == {OWN_THREAD}


def test_requests_of_one_turn_share_a_call_and_each_gets_its_rows(run):
    async def scenario(engine):
        return await asyncio.gather(
            predict(engine, 1), predict(engine, 2, 3), predict(engine, 4, 5, 6)
        )

    assert run(scenario) == [[2], [3, 4], [5, 6, 7]]
    assert sizes() == [6]


def test_what_comes_while_a_call_runs_shares_the_next(run):
    async def scenario(engine):
        Model.may_answer.clear()
        first = asyncio.create_task(predict(engine, 1))
        await asyncio.to_thread(Model.has_begun.wait, 60)
        others = [asyncio.create_task(predict(engine, row)) for row in (2, 3, 4)]
        await asyncio.sleep(0)
        Model.may_answer.set()
        return await asyncio.gather(first, *others)

    assert run(scenario) == [[2], [3], [4], [5]]
    assert sizes() == [1, 3]


def test_a_wait_gathers_more_turns(run):
    async def scenario(engine):
        first = asyncio.create_task(predict(engine, 1))
        for _ in range(5):
            await asyncio.sleep(0)
        return await asyncio.gather(first, predict(engine, 2))

    assert run(scenario, replace(SETTINGS, batch_wait_seconds=0.2)) == [[2], [3]]
    assert sizes() == [2]


def test_a_batch_has_no_more_rows_than_it_may(run):
    async def scenario(engine):
        return await asyncio.gather(*(predict(engine, row, row) for row in (1, 2, 3)))

    assert run(scenario, replace(SETTINGS, batch_rows=4)) == [[2, 2], [3, 3], [4, 4]]
    assert sizes() == [4, 2]


def test_models_whose_rows_are_not_independent_are_called_for_each(run):
    async def scenario(engine):
        works = [
            Work(np.array([[float(row)]]), {}, limit=30, may_share=engine.shares_calls)
            for row in (1, 2)
        ]
        return [one.tolist() for one in await asyncio.gather(*map(engine.predict, works))]

    assert run(scenario, shares_calls=False) == [[2], [3]]
    assert sizes() == [1, 1]


@pytest.mark.parametrize(
    ("one", "other"), [({"a": 1}, {"a": 2}), ({"a": 1}, {"a": True}), ({}, {"a": 1})]
)
def test_only_equal_parameters_share_a_call(run, one, other):
    async def scenario(engine):
        await asyncio.gather(predict(engine, 1, params=one), predict(engine, 2, params=other))

    run(scenario)
    assert sizes() == [1, 1]


def test_other_kinds_of_data_have_a_call_of_their_own(run):
    async def scenario(engine):
        frame = Work(pd.DataFrame({"x": [1.0]}), {}, limit=30, may_share=True)
        return await asyncio.gather(predict(engine, 1), engine.predict(frame))

    run(scenario)
    assert sizes() == [1, 1]


def test_one_bad_request_does_not_spoil_the_others(run):
    async def scenario(engine):
        return await asyncio.gather(
            *(predict(engine, row) for row in (1, -1, 3)), return_exceptions=True
        )

    first, bad, third = run(scenario)
    assert (first, third) == ([2], [4])
    assert "a negative number" in str(bad)
    assert sizes() == [3, 1, 1, 1]


def test_an_output_that_does_not_split_is_asked_for_again_one_by_one(run):
    async def scenario(engine):
        return await asyncio.gather(*(predict(engine, row) for row in (1, 77, 3)))

    assert run(scenario) == [[2], [77], [4]]


def test_a_bug_is_an_error_of_the_request_that_meets_it(run):
    async def scenario(engine):
        with pytest.raises(RuntimeError, match="a bug"):
            await predict(engine, 99)
        return await predict(engine, 1)

    assert run(scenario) == [2]


def test_more_than_may_wait_are_refused_and_what_was_given_up_is_not_begun(run):
    async def scenario(engine):
        Model.may_answer.clear()
        tasks = [asyncio.create_task(predict(engine, 0))]
        await asyncio.to_thread(Model.has_begun.wait, 60)
        tasks += [asyncio.create_task(predict(engine, row)) for row in (1, 2, 3)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match="try again"):
            await predict(engine, 4)
        tasks[2].cancel()
        await asyncio.sleep(0)
        Model.may_answer.set()
        await asyncio.wait(tasks)

    run(scenario)
    assert sizes() == [1, 2]


def test_work_whose_client_has_gone_is_not_begun(run):
    async def scenario(engine):
        Model.may_answer.clear()
        first = asyncio.create_task(predict(engine, 0))
        await asyncio.to_thread(Model.has_begun.wait, 60)
        gone = asyncio.create_task(predict(engine, 1, is_gone=lambda: True))
        await asyncio.sleep(0)
        Model.may_answer.set()
        await first
        with pytest.raises(asyncio.CancelledError):
            await gone

    run(scenario)
    assert sizes() == [1]


def test_time_that_is_up_is_said_and_what_waited_for_too_long_is_not_begun(run):
    async def scenario(engine):
        Model.may_answer.clear()
        running = await begun_and_then_late(engine)
        waiting = asyncio.create_task(predict(engine, 1, limit=0.01))
        for task in (running, waiting):
            with pytest.raises(DeadlineExceededError, match=r"longer than 0\.01 seconds"):
                await task
        Model.may_answer.set()
        assert await predict(engine, 2) == [3]

    run(scenario)
    assert sizes() == [1, 1]


async def begun_and_then_late(engine, seconds=60):
    """A request whose time is up once its call has begun, within so many seconds."""
    asked = work(0, limit=0.01, deadline=time.monotonic() + seconds)
    running = asyncio.create_task(engine.predict(asked))
    await asyncio.to_thread(Model.has_begun.wait, 60)
    asked.deadline = 0.0
    return running


async def behind_one_that_gave_up(engine, seconds=60):
    """A request that waits behind a call whose own client was told that its time is up."""
    Model.may_answer.clear()
    running = await begun_and_then_late(engine, seconds)
    waiting = asyncio.create_task(predict(engine, 1))
    with pytest.raises(DeadlineExceededError, match="longer than"):
        await running
    return waiting


def test_a_call_that_overruns_is_reported_when_those_behind_it_were_told(run):
    overran = []

    async def scenario(engine):
        waiting = await behind_one_that_gave_up(engine, seconds=1)
        with pytest.raises(NotReadyError, match="does not answer"):
            await waiting
        assert engine.is_stuck

    run(scenario, replace(SETTINGS, timeout_seconds=0.01), on_overrun=lambda: overran.append(True))
    assert overran


def test_a_client_that_waits_for_less_takes_nothing_from_the_others(run):
    async def scenario(engine):
        waiting = await behind_one_that_gave_up(engine)
        assert not engine.is_stuck
        Model.may_answer.set()
        await waiting

    run(scenario)


def test_one_whose_time_is_up_before_its_turn_is_told_so(run):
    async def scenario(engine):
        with pytest.raises(DeadlineExceededError, match="longer than"):
            await predict(engine, 0, limit=1e-9)

    run(scenario)


def test_a_request_is_let_go_of_once_it_is_given_up(run):
    """Else bodies would pile up behind a model that hangs."""

    async def scenario(engine):
        Model.may_answer.clear()
        first = asyncio.create_task(predict(engine, 0))
        await asyncio.to_thread(Model.has_begun.wait, 60)
        data = np.array([[1.0]])
        seen = weakref.ref(data)
        task = asyncio.create_task(engine.predict(Work(data, {}, limit=30)))
        del data
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        del task
        while seen() is not None:  # the test's timeout is the limit
            await asyncio.sleep(0)
            gc.collect()
        Model.may_answer.set()
        await first

    run(scenario)
