"""Stores of runs in SQLite: logging into them and searching them, beside MLflow's.

python benchmarks/tracking.py [--small] [--json]
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import logging
import random
import tempfile
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import Figure, show, side_by_side

FILTER, ORDER = "metrics.loss < 0.5", ["metrics.loss ASC"]
PAGE = 100
# Above this MLflow takes minutes for one search.
MLFLOW_UP_TO = 10_000
BUDGETS = {1_000: 10.0, 10_000: 20.0, 100_000: 50.0}


def figures(sizes: tuple[int, ...] = tuple(BUDGETS), rounds: int = 9) -> list[Figure]:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    from flavorkit.tracking.stores import open_store

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        ours, theirs = open_store(_url(folder)), _theirs(folder)
        found = _logging(ours, theirs, rounds)
        for size in sizes:
            found.append(_searching(ours, theirs, folder, size, rounds))
        ours.close()
    return found


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/ours.db"


def _theirs(folder: Path) -> Any:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore(f"sqlite:///{folder}/theirs.db", f"{folder}/artifacts")


def _per_second(
    what: str, count: int, budget: float, runs: dict[str, Callable[[], object]], rounds: int
) -> Figure:
    for run in runs.values():
        run()
    seconds = side_by_side(runs, rounds)
    rates = {name: count / value for name, value in seconds.items()}
    return Figure(what, rates["ours"], "/s", budget, rates["theirs"], more_is_better=True)


def _logging(ours: Any, theirs: Any, rounds: int) -> list[Figure]:
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

    return [
        _per_second(
            "`log_metric` into SQLite",
            50,
            3_000,
            {
                "ours": metrics(ours, our, our_run, 50),
                "theirs": metrics(theirs, their, their_run, 50),
            },
            rounds,
        ),
        _per_second(
            "metrics by `log_batch` into SQLite",
            1_000,
            125_000,
            {"ours": batch(ours, our, our_run), "theirs": batch(theirs, their, their_run)},
            rounds,
        ),
        _per_second(
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
        ),
    ]


def _searching(ours: Any, theirs: Any, folder: Path, size: int, rounds: int) -> Figure:
    from flavorkit.tracking.entities import ViewType

    chance = random.Random(size)
    losses = [chance.random() for _ in range(size)]
    our_experiment = _fill_ours(ours, folder, losses)
    runs: dict[str, Callable[[], object]] = {
        "ours": lambda: ours.search_runs([our_experiment], FILTER, order_by=ORDER, max_results=PAGE)
    }
    if size <= MLFLOW_UP_TO:
        their_experiment = _fill_theirs(theirs, losses)
        runs["theirs"] = lambda: theirs.search_runs(
            [their_experiment], FILTER, ViewType.ACTIVE_ONLY, PAGE, ORDER
        )
    for run in runs.values():
        run()
    seconds = side_by_side(runs, {"ours": rounds, "theirs": min(rounds, 3)})
    their_seconds = seconds.get("theirs")
    return Figure(
        f"`search_runs`, {size:,} runs, metric filter and order, first {PAGE}",
        seconds["ours"] * 1000,
        "ms",
        BUDGETS.get(size),
        None if their_seconds is None else their_seconds * 1000,
    )


def _fill_ours(store: Any, folder: Path, losses: list[float]) -> str:
    """Runs straight into the tables, since logging them would take longer than measuring."""
    import sqlalchemy

    from flavorkit.tracking.entities import Metric
    from flavorkit.tracking.sql import schema

    experiment: str = store.create_experiment(f"searched {len(losses)}")
    first = store.create_run(experiment).info.run_id
    store.log_metric(first, Metric("loss", 0.75, 1, 1))
    with sqlalchemy.create_engine(_url(folder)).begin() as connection:
        number, key = connection.exec_driver_sql(
            "SELECT max(runs.id), (SELECT id FROM metric_keys WHERE name = 'loss') FROM runs"
        ).one()
        place = int(experiment)
        ids = range(number + 1, number + 1 + len(losses))
        rows = {
            schema.runs: [
                {
                    "id": one,
                    "run_id": uuid.uuid4().hex,
                    "experiment": place,
                    "name": f"run {one}",
                    "user_id": "ada",
                    "status": "FINISHED",
                    "start_time": one,
                    "end_time": one,
                    "artifact_uri": "s3://bucket/run/artifacts",
                    "bin": schema.ACTIVE,
                }
                for one in ids
            ],
            schema.latest_metrics: [
                {
                    "run": one,
                    "key": key,
                    "value": loss,
                    "special": schema.NUMBER,
                    "timestamp": 1,
                    "step": 1,
                    "experiment": place,
                }
                for one, loss in zip(ids, losses, strict=True)
            ],
            schema.params: [{"run": one, "key": "lr", "value": "0.1"} for one in ids],
            schema.tags: [
                {"run": one, "key": "mlflow.runName", "value": f"run {one}"} for one in ids
            ],
        }
        for table, values in rows.items():
            connection.execute(table.insert(), values)
    return experiment


def _fill_theirs(store: Any, losses: list[float]) -> str:
    experiment: str = store.create_experiment(f"searched {len(losses)}")
    template = store.create_run(experiment, "ada", 0, [], "template").info.run_id
    ids = [uuid.uuid4().hex for _ in losses]
    with store.engine.begin() as connection:
        columns = list(
            connection.exec_driver_sql(f"SELECT * FROM runs WHERE run_uuid = '{template}'")
            .mappings()
            .one()
        )
        others = ", ".join(one for one in columns if one not in {"run_uuid", "start_time"})
        connection.exec_driver_sql(
            f"INSERT INTO runs (run_uuid, start_time, {others})"
            f" SELECT ?, ?, {others} FROM runs WHERE run_uuid = '{template}'",
            [(run, number) for number, run in enumerate(ids)],
        )
        connection.exec_driver_sql(
            "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
            " VALUES ('loss', ?, 1, 1, 0, ?)",
            list(zip(losses, ids, strict=True)),
        )
        connection.exec_driver_sql(
            "INSERT INTO params (key, value, run_uuid) VALUES ('lr', '0.1', ?)",
            [(run,) for run in ids],
        )
        connection.exec_driver_sql(
            "INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', ?, ?)",
            [(f"run {number}", run) for number, run in enumerate(ids)],
        )
    return experiment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="fewer runs and rounds")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args()
    found = figures((1_000,), 3) if options.small else figures()
    if options.json:
        print(json.dumps([dataclasses.asdict(figure) for figure in found], indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
