"""What was logged without waiting arrives, once, whoever dies in between."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading

import pytest

import flavorkit
from flavorkit.errors import (
    AccessDeniedError,
    InvalidArgumentError,
    NotFoundError,
    StoreUnavailableError,
    UnsupportedByStoreError,
)
from flavorkit.tracking import defaults, spool
from flavorkit.tracking.entities import Metric, Param, RunTag
from flavorkit.tracking.spool.file import SpoolFile, folder_of, left_over
from flavorkit.tracking.spool.records import Record, line_of, line_of_delivered, undelivered
from flavorkit.tracking.spool.sender import Sender
from tests.tracking import served
from tests.tracking.workspace import ROOT, eventually, forget, run_python, workspace

__all__ = ["workspace"]
pytestmark = pytest.mark.usefixtures("workspace")

RECORD = Record(
    "r",
    [Metric("m", math.nan, 1, -2, "m-1", "d", "e"), Metric("n", -math.inf, 3)],
    [Param("p", "ä\n")],
    [RunTag("t", "")],
)


def history(run_id, key="m"):
    return flavorkit.MlflowClient().get_metric_history(run_id, key)


def files(workspace):
    return [path for path in (workspace / "spool").rglob("*") if path.is_file()]


def test_records_come_back_as_they_were():
    (found,) = undelivered([line_of(RECORD)])
    assert repr(found) == repr(RECORD)


def test_what_is_delivered_and_what_is_torn_is_left_out():
    lines = [line_of(Record(str(number))) for number in range(4)]
    lines = [*lines[:3], line_of_delivered(2), lines[3], lines[0][:-1]]
    assert [record.run_id for record in undelivered(lines)] == ["2", "3"]


def test_a_file_of_a_living_process_is_left_alone(tmp_path):
    file = SpoolFile(tmp_path / "f")
    file.append(RECORD)
    assert list(left_over(tmp_path / "f")) == []
    file.abandon()  # as the system does when the process dies
    assert [[record.run_id for record in records] for records in left_over(tmp_path / "f")] == [
        ["r"]
    ]
    assert list((tmp_path / "f").iterdir()) == []


def test_nobody_else_can_read_what_waits(tmp_path):
    file = SpoolFile(tmp_path / "f")
    assert (tmp_path / "f").stat().st_mode & 0o77 == 0
    assert file.path.stat().st_mode & 0o77 == 0
    file.remove()


def test_a_damaged_file_is_put_aside(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "1.spool").write_bytes(b"{nonsense\n" + line_of(RECORD))
    assert list(left_over(folder)) == []
    assert [path.name for path in folder.iterdir()] == ["1.damaged"]


def test_the_folder_tells_nothing_of_the_password():
    assert "secret" not in str(folder_of("postgresql://me:secret@host/db"))


def test_values_arrive_without_waiting_and_can_be_waited_for(workspace):
    with flavorkit.start_run() as run:
        waiting = [flavorkit.log_metric("m", step, step, synchronous=False) for step in range(2500)]
        flavorkit.log_params({"a": 1}, synchronous=False).wait()
        flavorkit.set_tag("t", "x", synchronous=False).wait()
        for each in waiting:
            each.wait()
        assert len(history(run.info.run_id)) == 2500
        assert flavorkit.get_run(run.info.run_id).data.params == {"a": "1"}
        eventually(lambda: [path.stat().st_size for path in files(workspace)] == [0])


def test_a_run_ends_after_its_values():
    flavorkit.config.enable_async_logging()
    with flavorkit.start_run() as run:
        for step in range(300):
            assert flavorkit.log_metric("m", step, step) is not None
    assert len(history(run.info.run_id)) == 300
    flavorkit.config.enable_async_logging(False)


def test_values_of_several_runs_go_to_their_own():
    client = flavorkit.MlflowClient()
    runs = [client.create_run("0").info.run_id for _ in range(3)]
    for step in range(30):
        for number, run_id in enumerate(runs):
            client.log_metric(run_id, "m", number, step=step, synchronous=False)
    flavorkit.flush_async_logging()
    for number, run_id in enumerate(runs):
        assert {metric.value for metric in history(run_id)} == {number}
        assert len(history(run_id)) == 30


def test_what_the_store_refuses_is_refused_alone():
    client = flavorkit.MlflowClient()
    run_id = client.create_run("0").info.run_id
    client.log_param(run_id, "p", 1)
    first = client.log_metric(run_id, "m", 1, synchronous=False)
    wrong = client.log_param(run_id, "p", 2, synchronous=False)
    last = client.log_metric(run_id, "m", 2, step=1, synchronous=False)
    with pytest.raises(InvalidArgumentError, match=r"'p' has the value '1'"):
        wrong.wait()
    first.wait()
    last.wait()
    assert len(history(run_id)) == 2
    nowhere = client.log_metric("f" * 32, "m", 1, synchronous=False)
    with pytest.raises(NotFoundError, match=r"f{32}"):
        nowhere.wait()


class Moody:
    """A store in front of which something fails: each call takes the next of these."""

    def __init__(self, *moods):
        self.moods, self.logged = list(moods), []

    def log_batch(self, run_id, metrics, params, tags):
        mood = self.moods.pop(0) if self.moods else None
        if mood is not None:
            raise mood
        self.logged += metrics


def metric(number):
    return Record("r", [Metric("m", number, 1, number)])


@pytest.mark.parametrize(
    "failure",
    [
        AccessDeniedError("expired"),
        UnsupportedByStoreError("404"),
        OSError("disk"),
        StoreUnavailableError("away"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_what_says_nothing_of_a_value_keeps_it(workspace, monkeypatch, failure):
    monkeypatch.setattr("flavorkit.tracking.spool.sender._PAUSES_SECONDS", (0.01,))
    store, failures = Moody(), [failure, failure]

    def reach():
        if failures:
            raise failures.pop()
        return store

    sender = Sender(workspace / "f", reach)
    for number in range(3):
        sender.log(metric(number))
    sender.flush()
    assert [one.value for one in store.logged] == [0, 1, 2]
    sender.close()


def test_a_value_refused_before_the_store_went_away_stays_refused(workspace, monkeypatch):
    monkeypatch.setattr("flavorkit.tracking.spool.sender._PAUSES_SECONDS", (0.01,))
    no, away = InvalidArgumentError("no"), StoreUnavailableError("away")
    # Together, the first alone, the second alone; then both again.
    store = Moody(no, no, away, no, no)
    sender = Sender(workspace / "f", lambda: store)
    with sender._changed:
        refused, logged = sender.log(metric(0)), sender.log(metric(1))
    logged.wait()
    with pytest.raises(InvalidArgumentError, match=r"no"):
        refused.wait()
    assert [one.value for one in store.logged] == [1]
    sender.close()


def test_a_large_file_is_written_anew_without_what_the_store_has(workspace, monkeypatch):
    monkeypatch.setattr("flavorkit.tracking.spool.sender._LARGE_FILE", 0)
    store, gate = Moody(), threading.Event()
    log_batch = store.log_batch

    def one_by_one(run_id, metrics, params, tags):
        gate.wait()
        log_batch(run_id, metrics, params, tags)

    store.log_batch = one_by_one
    sender = Sender(workspace / "f", lambda: store)
    first = sender.log(metric(0))
    rest = [sender.log(Record(str(number), [Metric("m", number, 1)])) for number in range(1, 4)]
    gate.set()
    first.wait()
    for each in rest:
        each.wait()
    assert sorted(one.value for one in store.logged) == [0, 1, 2, 3]
    sender.close()
    assert list((workspace / "f").iterdir()) == []


@pytest.fixture
def left(workspace):
    """The store, and a run in it, for which a killed process has left a value."""
    uri = f"sqlite:///{workspace}/runs.db"
    flavorkit.set_tracking_uri(uri)
    run_id = flavorkit.MlflowClient().create_run("0").info.run_id
    file = SpoolFile(folder_of(uri))
    file.append(Record(run_id, [Metric("m", 1.0, 1, 0)]))
    file.abandon()
    return uri, run_id


def test_what_waits_is_found_wherever_the_next_process_is_started(left, workspace, monkeypatch):
    uri, run_id = left
    (workspace / "elsewhere").mkdir()
    monkeypatch.chdir(workspace / "elsewhere")
    forget()
    flavorkit.set_tracking_uri(uri)
    assert [one.value for one in history(run_id)] == [1.0]
    assert files(workspace) == []


def test_what_cannot_be_delivered_stays_and_holds_nobody_up(left, workspace, monkeypatch):
    uri, run_id = left
    forget()
    flavorkit.set_tracking_uri(uri)
    with monkeypatch.context() as away:

        def refuse(*given):
            raise AccessDeniedError("no token")

        away.setattr(type(defaults.store(uri)), "log_batch", refuse)
        assert history(run_id) == []
    assert len(files(workspace)) == 1
    spool._looked_after.clear()
    assert [one.value for one in history(run_id)] == [1.0]
    assert files(workspace) == []


def test_what_breaks_a_rule_is_refused_at_once():
    client = flavorkit.MlflowClient()
    run_id = client.create_run("0").info.run_id
    with pytest.raises(InvalidArgumentError, match=r"the key of a metric"):
        client.log_metric(run_id, "../m", 1, synchronous=False)
    with pytest.raises(InvalidArgumentError, match=r"the key of a tag"):
        client.set_tag(run_id, "", 1, synchronous=False)


KILLED = """
import sys, flavorkit
with flavorkit.start_run() as run:
    print(run.info.run_id, flush=True)
    for step in range(10**9):
        flavorkit.log_metric("m", step, step, timestamp=1 + step, synchronous=False)
        print(step, flush=True)
"""


@pytest.mark.parametrize("after", [1, 40, 700])
def test_a_killed_process_loses_nothing_that_it_was_told_is_logged(workspace, after):
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED], stdout=subprocess.PIPE, cwd=workspace, env=env, text=True
    )
    run_id = process.stdout.readline().strip()
    for line in process.stdout:
        if int(line) >= after:
            process.send_signal(signal.SIGKILL)
            break
    logged = int(([line, *process.stdout])[-1]) + 1
    process.wait()
    process.stdout.close()
    forget()
    flavorkit.set_tracking_uri(f"sqlite:///{workspace}/runs.db")
    steps = [metric.step for metric in history(run_id)]
    # One more may have been on its way when the process died, and was told to nobody.
    assert steps[:logged] == list(range(logged))
    assert len(steps) in {logged, logged + 1}
    assert files(workspace) == []


def test_many_processes_that_start_at_once_deliver_once(workspace):
    uri = defaults.tracking_uri()
    run_id = flavorkit.MlflowClient().create_run("0").info.run_id
    file = SpoolFile(folder_of(uri))
    for step in range(200):
        file.append(Record(run_id, [Metric("m", step, 1, step)], tags=[RunTag("t", "old")]))
    file.abandon()
    code = "import flavorkit; print(len(flavorkit.search_runs(output_format='list')))"
    env = os.environ | {"PYTHONPATH": str(ROOT), "FLAVORKIT_TRACKING_URI": uri}
    processes = [
        subprocess.Popen([sys.executable, "-c", code], cwd=workspace, env=env) for _ in range(4)
    ]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert [metric.step for metric in history(run_id)] == list(range(200))
    assert files(workspace) == []


def test_a_forked_process_logs_on_its_own(workspace):
    client = flavorkit.MlflowClient()
    run_id = client.create_run("0").info.run_id
    client.log_metric(run_id, "m", 1, synchronous=False)
    child = os.fork()
    if child == 0:
        try:
            flavorkit.MlflowClient().log_metric(run_id, "m", 2, step=1, synchronous=False).wait()
        except BaseException:  # noqa: BLE001 - whatever it is, the child ends here
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    flavorkit.flush_async_logging()
    assert {metric.value for metric in history(run_id)} == {1.0, 2.0}


def test_what_cannot_be_sent_waits_for_the_next_process(workspace, monkeypatch, port):
    monkeypatch.setenv("FLAVORKIT_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr("flavorkit.tracking.spool.sender._PAUSES_SECONDS", (0.01,))
    with served.thread(served.settings_in(workspace, port=port)) as url:
        flavorkit.set_tracking_uri(url)
        client = flavorkit.MlflowClient()
        run_id = client.create_run("0").info.run_id
    client.log_metric(run_id, "m", 1, synchronous=False)
    with pytest.raises(StoreUnavailableError, match=r"waits in .*spool.* is sent when"):
        flavorkit.flush_async_logging()
    monkeypatch.setattr("flavorkit.tracking.spool.sender._MAX_WAITING", 1)
    with pytest.raises(StoreUnavailableError, match=r"1 values wait for the store already"):
        client.log_metric(run_id, "m", 2, synchronous=False)
    spool._close()
    assert [path.stat().st_size > 0 for path in files(workspace)] == [True]
    with served.thread(served.settings_in(workspace, port=port)):
        forget()
        flavorkit.set_tracking_uri(url)
        assert [metric.value for metric in history(run_id)] == [1.0]
    assert files(workspace) == []


def test_a_program_that_ends_has_sent_its_values(workspace):
    code = (
        "import flavorkit\n"
        "client = flavorkit.MlflowClient()\n"
        "run_id = client.create_run('0').info.run_id\n"
        "for step in range(50): client.log_metric(run_id, 'm', step, step=step, synchronous=False)\n"
        "print(run_id)"
    )
    done = run_python(code, cwd=workspace)
    assert len(history(done.stdout.strip())) == 50, done.stderr
    assert files(workspace) == []
