"""Searching runs as there are ever more of them, beside MLflow's store."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from harness import Figure, side_by_side

FILTER, ORDER = "metrics.loss < 0.5", ["metrics.loss ASC"]
PAGE = 100
# Above this MLflow takes minutes for one search.
MLFLOW_UP_TO = 10_000
SIZES = (1_000, 10_000, 100_000)
BUDGETS_MS = {
    "SQLite": {1_000: 10.0, 10_000: 20.0, 100_000: 50.0},
    "PostgreSQL": {100_000: 50.0},
}


def figures(where: str, url: str, ours: Any, theirs: Any | None, rounds: int) -> Iterator[Figure]:
    """How long the first page takes.

    Args:
        where: the name of the database.
        url: of our database.
        ours: the store in it.
        theirs: MLflow's, if it is to be beside it.
        rounds: how often each searches.
    """
    for size in SIZES:
        yield _searching(where, url, (ours, theirs), size, rounds)


def _searching(
    where: str, url: str, stores: tuple[Any, Any | None], size: int, rounds: int
) -> Figure:
    from flavorkit.tracking.entities import ViewType

    ours, theirs = stores
    chance = random.Random(size)
    losses = [chance.random() for _ in range(size)]
    our_experiment = _fill_ours(ours, url, losses)
    runs: dict[str, Callable[[], object]] = {
        "ours": lambda: ours.search_runs([our_experiment], FILTER, order_by=ORDER, max_results=PAGE)
    }
    if theirs is not None and size <= MLFLOW_UP_TO:
        their_experiment = _fill_theirs(theirs, losses)
        runs["theirs"] = lambda: theirs.search_runs(
            [their_experiment], FILTER, ViewType.ACTIVE_ONLY, PAGE, ORDER
        )
    for run in runs.values():
        run()
    seconds = side_by_side(runs, {"ours": rounds, "theirs": min(rounds, 3)})
    their_seconds = seconds.get("theirs")
    return Figure(
        f"`search_runs` on {where}, {size:,} runs, metric filter and order, first {PAGE}",
        seconds["ours"] * 1000,
        "ms",
        BUDGETS_MS[where].get(size),
        None if their_seconds is None else their_seconds * 1000,
    )


def _fill_ours(store: Any, url: str, losses: list[float]) -> str:
    """Runs straight into the tables, since logging them would take longer than measuring."""
    import sqlalchemy

    from flavorkit.tracking.entities import Metric
    from flavorkit.tracking.sql import schema

    experiment: str = store.create_experiment(f"searched {len(losses)} {uuid.uuid4().hex}")
    first = store.create_run(experiment).info.run_id
    store.log_metric(first, Metric("loss", 0.75, 1, 1))
    with sqlalchemy.create_engine(_with_driver(url)).begin() as connection:
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
        if not url.startswith("sqlite"):
            connection.exec_driver_sql(
                "SELECT setval(pg_get_serial_sequence('runs', 'id'), max(id)) FROM runs"
            )
            connection.exec_driver_sql("ANALYZE")  # as the database does by itself after a minute
    return experiment


def _with_driver(url: str) -> str:
    scheme, rest = url.split(":", 1)
    return f"postgresql+psycopg:{rest}" if scheme in {"postgres", "postgresql"} else url


def _fill_theirs(store: Any, losses: list[float]) -> str:
    experiment: str = store.create_experiment(f"searched {len(losses)} {uuid.uuid4().hex}")
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
