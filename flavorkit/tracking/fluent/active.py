"""The active run: what is logged without naming a run goes there.

Each thread has runs of its own, one inside the other. A run stays where it began, whatever
:func:`flavorkit.set_tracking_uri` says later. A forked process has none of its parent's.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from flavorkit.errors import FlavorkitError, InvalidArgumentError
from flavorkit.tracking import context, environ, system_metrics
from flavorkit.tracking.client import FlavorkitClient
from flavorkit.tracking.entities import LifecycleStage, Run, RunTag
from flavorkit.tracking.fluent.experiments import active_experiment_id, explicitly_active_id
from flavorkit.tracking.fluent.links import Links
from flavorkit.tracking.tags import NOTE, PARENT_RUN_ID, RUN_NAME
from flavorkit.tracking.values import texts

_RUN_ID_VARIABLES = ("FLAVORKIT_RUN_ID", "MLFLOW_RUN_ID")


class ActiveRun(Run):
    """A run that is the active one; as a context manager it ends with the block.

    Its status is then ``FINISHED``; ``FAILED`` if the block raised an error; ``KILLED`` if somebody
    interrupted it.
    """

    __slots__ = ()

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stack = _threads.stack
        while any(one.run is self for one in stack):
            _end(stack[-1], _status_after(error))


@dataclass(eq=False)
class Active:
    """An active run, and what goes with it."""

    run: ActiveRun
    client: FlavorkitClient
    links: Links
    monitor: system_metrics.Monitor | None = None

    @property
    def run_id(self) -> str:
        """Of the run."""
        return self.run.info.run_id


class _Threads(threading.local):
    """What each thread has of its own."""

    def __init__(self) -> None:
        self.stack: list[Active] = []
        self.last: tuple[FlavorkitClient, str] | None = None


@dataclass
class _Open:
    """The open runs of all threads, by id."""

    runs: dict[str, Active] = field(default_factory=dict)


_threads, _open = _Threads(), _Open()


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
) -> ActiveRun:
    """Begin a run and make it the active one of this thread, until ``end_run``.

    Use it as a context manager, and the run ends with the block.

    Args:
        run_id: of a run to go on with, instead of a new one; by default what
            ``FLAVORKIT_RUN_ID`` or ``MLFLOW_RUN_ID`` say, once.
        experiment_id: where a new run begins; the active experiment if None.
        run_name: of the run; made up if None.
        nested: begin it inside the run that is active now, which is its parent.
        parent_run_id: the parent, where that is not the active run.
        tags: to set on it.
        description: for people.
        log_system_metrics: whether to log what the machine is doing while the run lasts; if None,
            what ``flavorkit.enable_system_metrics_logging`` says.

    Raises:
        InvalidArgumentError: another run is active and ``nested`` is not set, or arguments
            contradict each other.
        NotFoundError: there is no such run or experiment.
        MissingDependencyError: what the machine does cannot be logged without psutil.
    """
    stack = _threads.stack
    if stack and not nested:
        raise InvalidArgumentError(
            f"Run with UUID {stack[0].run_id} is already active. To start a new run, first end the"
            " current run with flavorkit.end_run(). To start a nested run, call start_run with"
            " nested=True"
        )
    given = _with_description(tags, description)
    probes = system_metrics.probes() if system_metrics.is_wanted(log_system_metrics) else None
    client = FlavorkitClient()
    resumed = run_id or _run_id_of_environment()
    if resumed:
        run = _resumed(client, resumed, run_name, given)
    else:
        given |= _of_parent(client, stack[-1] if stack else None, parent_run_id)
        run = client.create_run(
            active_experiment_id() if experiment_id is None else experiment_id,
            tags=context.tags(given | ({RUN_NAME: run_name} if run_name else {})),
            run_name=run_name,
        )
    active = Active(ActiveRun(run.info, run.data, run.inputs, run.outputs), client, Links.of(run))
    if probes is not None:
        active.monitor = system_metrics.Monitor(client, run, probes, goes_on=bool(resumed))
    stack.append(active)
    _open.runs[active.run_id] = active
    return active.run


def end_run(status: str = "FINISHED") -> None:
    """End the active run of this thread, if there is one.

    Args:
        status: ``FINISHED``, ``FAILED`` or ``KILLED``.
    """
    if _threads.stack:
        _end(_threads.stack[-1], status)


def active_run() -> ActiveRun | None:
    """The active run of this thread; None if there is none.

    What has been logged since it began is in ``flavorkit.get_run(run.info.run_id).data``.
    """
    return _threads.stack[-1].run if _threads.stack else None


def last_active_run() -> Run | None:
    """The active run of this thread, else the one that it ended last; None if there was none."""
    if _threads.stack:
        return _threads.stack[-1].run
    if _threads.last is None:
        return None
    client, run_id = _threads.last
    return client.get_run(run_id)


def current() -> Active | None:
    """The active run of this thread, and what goes with it."""
    return _threads.stack[-1] if _threads.stack else None


def current_or_new() -> Active:
    """The same; a run is begun if there is none."""
    if not _threads.stack:
        start_run()
    return _threads.stack[-1]


def of(run_id: str | None) -> Active:
    """The run of an id and what goes with it, open here or not; the active one if None."""
    if run_id is None:
        return current_or_new()
    known = _open.runs.get(run_id)
    if known is not None:
        return known
    client = FlavorkitClient()
    run = client.get_run(run_id)
    return Active(ActiveRun(run.info, run.data, run.inputs, run.outputs), client, Links.of(run))


def place_of(run_id: str | None) -> tuple[FlavorkitClient, str]:
    """The client and the id of a run, without asking the store about it."""
    if run_id is None or run_id in _open.runs:
        active = of(run_id)
        return active.client, active.run_id
    return FlavorkitClient(), run_id


def _end(active: Active, status: str) -> None:
    for variable in _RUN_ID_VARIABLES:
        os.environ.pop(variable, None)
    if active in _threads.stack:
        _threads.stack.remove(active)
    _open.runs.pop(active.run_id, None)
    _threads.last = (active.client, active.run_id)
    if active.monitor is not None:
        active.monitor.stop()
    active.client.set_terminated(active.run_id, status)


def _resumed(
    client: FlavorkitClient, run_id: str, run_name: str | None, tags: Mapping[str, str]
) -> Run:
    run = client.get_run(run_id)
    chosen = explicitly_active_id()
    if chosen is not None and chosen != run.info.experiment_id:
        raise InvalidArgumentError(
            f"run {run_id} is in experiment {run.info.experiment_id}, and the active one is"
            f" {chosen}: call"
            f" flavorkit.set_experiment(experiment_id={run.info.experiment_id!r}) first"
        )
    if run.info.lifecycle_stage == LifecycleStage.DELETED:
        raise InvalidArgumentError(
            f"run {run_id} is deleted: take it out of the bin with MlflowClient().restore_run"
        )
    client.update_run(run_id, "RUNNING", run_name)
    if tags:
        client.log_batch(
            run_id, tags=[RunTag(key, value) for key, value in tags.items()], synchronous=True
        )
    return client.get_run(run_id)


def _of_parent(
    client: FlavorkitClient, outer: Active | None, parent_run_id: str | None
) -> dict[str, str]:
    if parent_run_id is None:
        return {} if outer is None else {PARENT_RUN_ID: outer.run_id}
    if outer is not None and outer.run_id != parent_run_id:
        raise InvalidArgumentError(
            f"the active run is {outer.run_id}, not the parent_run_id {parent_run_id}: end it first"
            " with flavorkit.end_run(), or leave parent_run_id out"
        )
    parent = client.get_run(parent_run_id)
    if parent.info.lifecycle_stage == LifecycleStage.DELETED:
        raise InvalidArgumentError(f"the parent run {parent_run_id} is deleted")
    return {PARENT_RUN_ID: parent_run_id}


def _with_description(tags: Mapping[str, Any] | None, description: str | None) -> dict[str, str]:
    given = texts(tags)
    if not description:
        return given
    if NOTE in given:
        raise InvalidArgumentError(f"the tag {NOTE} is the description: pass one of both")
    return {**given, NOTE: description}


def _run_id_of_environment() -> str | None:
    found = environ.text("RUN_ID")
    for variable in _RUN_ID_VARIABLES:
        os.environ.pop(variable, None)
    return found


def _status_after(error: BaseException | None) -> str:
    if error is None:
        return "FINISHED"
    return "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"


@atexit.register
def _end_all() -> None:
    """End what is open when the program ends, as the error that ended it says."""
    is_interactive = hasattr(sys, "ps1") or sys.flags.interactive
    error = None if is_interactive else getattr(sys, "last_value", None)
    for active in reversed(list(_open.runs.values())):
        with contextlib.suppress(FlavorkitError, OSError):
            _end(active, _status_after(error))


def _forget() -> None:
    """In a process just forked: the runs are the parent's."""
    global _threads, _open
    _threads, _open = _Threads(), _Open()


os.register_at_fork(after_in_child=_forget)
