"""Logging into a store in SQLite, with nothing between, beside MLflow's store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness import Figure, per_second


def url(folder: Path) -> str:
    """Of our database."""
    return f"sqlite:///{folder}/ours.db"


def their_store(folder: Path) -> Any:
    """MLflow's."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore(f"sqlite:///{folder}/theirs.db", f"{folder}/artifacts")


def figures(ours: Any, theirs: Any, rounds: int) -> Iterator[Figure]:
    """What is logged in a second."""
    import mlflow.entities as their

    import flavorkit.tracking.entities as our

    steps = itertools.count()
    our_run = ours.create_run("0").info.run_id
    their_run = theirs.create_run("0", "ada", 0, [], "r").info.run_id

    def metrics(store: Any, entities: Any, run: str, times: int) -> Callable[[], None]:
        def log() -> None:
            for step in itertools.islice(steps, times):
                store.log_metric(run, entities.Metric("loss", 0.5, step, step))

        return log

    def batch(store: Any, entities: Any, run: str) -> Callable[[], None]:
        def log() -> None:
            points = [
                entities.Metric(f"m{step % 10}", 0.5, step, step)
                for step in itertools.islice(steps, 1_000)
            ]
            store.log_batch(run, points, [], [])

        return log

    def whole(store: Any, entities: Any, create: Callable[[], Any], end: Any) -> Callable[[], None]:
        def log() -> None:
            for _ in range(10):
                run = create().info.run_id
                for key in ("a", "b", "c"):
                    store.log_param(run, entities.Param(key, "1"))
                for key in ("x", "y"):
                    store.log_metric(run, entities.Metric(key, 0.5, 1, 1))
                end(run)

        return log

    yield per_second(
        "`log_metric` into SQLite",
        50,
        3_000,
        {
            "ours": metrics(ours, our, our_run, 50),
            "theirs": metrics(theirs, their, their_run, 50),
        },
        rounds,
    )
    yield per_second(
        "metrics by `log_batch` into SQLite",
        1_000,
        125_000,
        {"ours": batch(ours, our, our_run), "theirs": batch(theirs, their, their_run)},
        rounds,
    )
    yield per_second(
        "runs with 3 params and 2 metrics into SQLite",
        10,
        600,
        {
            "ours": whole(
                ours,
                our,
                lambda: ours.create_run("0", start_time=0),
                lambda run: ours.update_run(run, "FINISHED", 1),
            ),
            "theirs": whole(
                theirs,
                their,
                lambda: theirs.create_run("0", "ada", 0, [], None),
                lambda run: theirs.update_run_info(run, their.RunStatus.FINISHED, 1, None),
            ),
        },
        rounds,
    )
