"""The tables. Ids inside are small integers; the ids that users see are columns beside them.

A column named after another table (``run``, ``experiment``, ``model``, ``key``) holds the integer
id of a row there. Times are milliseconds.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql.compiler import DDLCompiler
from sqlalchemy.types import TypeEngine

from flavorkit.tracking import names

ACTIVE, DELETED, DELETED_WITH_EXPERIMENT = 0, 1, 2
"""Values of ``runs.bin``: a run comes back with its experiment if it went with it."""

metadata = MetaData()


def short_text(length: int) -> TypeEngine[str]:
    """Text that can be part of an index, in the order of its characters everywhere."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def long_text() -> TypeEngine[str]:
    """Text of any length that :mod:`flavorkit.tracking.names` allows."""
    return (
        Text()
        .with_variant(Text(collation="C"), "postgresql")
        .with_variant(MEDIUMTEXT(), "mysql", "mariadb")
    )


@compiles(CreateTable, "mysql", "mariadb")
def _in_exact_collation(create: CreateTable, compiler: DDLCompiler, **options: object) -> str:
    # Otherwise names that differ in case or in spaces at the end would be the same there.
    mariadb = getattr(compiler.dialect, "is_mariadb", False)
    collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
    text: str = compiler.visit_create_table(create, **options)  # type: ignore[no-untyped-call]
    return f"{text.rstrip()} CHARACTER SET utf8mb4 COLLATE {collation}"


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _belongs(name: str, to: str) -> Column[int]:
    return Column(name, ForeignKey(to, ondelete="CASCADE"), nullable=False)


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _pairs(name: str, owner: str, to: str) -> Table:
    return Table(
        name,
        metadata,
        _belongs(owner, to),
        Column("key", short_text(names.MAX_KEY), nullable=False),
        Column("value", long_text(), nullable=False),
        PrimaryKeyConstraint(owner, "key"),
        sqlite_with_rowid=False,
    )


experiments = Table(
    "experiments",
    metadata,
    _id(),
    Column("name", short_text(names.MAX_EXPERIMENT_NAME), nullable=False, unique=True),
    Column("artifact_location", long_text(), nullable=False),
    _time("creation_time"),
    _time("last_update_time"),
    _time("deleted_at", nullable=True),
    # The id of an experiment that is gone is never given to another: its artifacts may be there.
    sqlite_autoincrement=True,
)
experiment_tags = _pairs("experiment_tags", "experiment", "experiments.id")

runs = Table(
    "runs",
    metadata,
    _id(),
    Column("run_id", short_text(64), nullable=False, unique=True),
    _belongs("experiment", "experiments.id"),
    Column("name", long_text(), nullable=False),
    Column("user_id", long_text(), nullable=False),
    Column("status", short_text(16), nullable=False),
    _time("start_time"),
    _time("end_time", nullable=True),
    Column("artifact_uri", long_text(), nullable=False),
    Column("bin", SmallInteger, nullable=False),
    _time("deleted_at", nullable=True),
    # What a process remembers of a run that is gone must not become true of another.
    sqlite_autoincrement=True,
)
Index("runs_newest", runs.c.experiment, runs.c.bin, runs.c.start_time.desc(), runs.c.run_id)
params = _pairs("params", "run", "runs.id")
tags = _pairs("tags", "run", "runs.id")

metric_keys = Table(
    "metric_keys",
    metadata,
    _id(),
    Column("name", short_text(names.MAX_KEY), nullable=False, unique=True),
)

NUMBER, NAN, INFINITE = 0, 1, 2
"""Values of ``special``: no database has NaN in a primary key, so it is stored as value 0; MySQL
has no infinities, so there they are stored as the largest numbers."""

# Keys are never deleted, so nothing has to check them.
metrics = Table(
    "metrics",
    metadata,
    _belongs("run", "runs.id"),
    Column("key", Integer, nullable=False),
    Column("step", BigInteger, nullable=False),
    _time("timestamp"),
    Column("value", Double, nullable=False),
    Column("special", SmallInteger, nullable=False),
    PrimaryKeyConstraint("run", "key", "step", "timestamp", "value", "special"),
    sqlite_with_rowid=False,
)

latest_metrics = Table(
    "latest_metrics",
    metadata,
    _belongs("run", "runs.id"),
    Column("key", Integer, nullable=False),
    Column("value", Double, nullable=False),
    Column("special", SmallInteger, nullable=False),
    _time("timestamp"),
    Column("step", BigInteger, nullable=False),
    Column("experiment", Integer, nullable=False),
    PrimaryKeyConstraint("run", "key"),
    sqlite_with_rowid=False,
)
Index(
    "latest_metrics_values",
    latest_metrics.c.experiment,
    latest_metrics.c.key,
    latest_metrics.c.special,
    latest_metrics.c.value,
    latest_metrics.c.run,
)

datasets = Table(
    "datasets",
    metadata,
    _id(),
    _belongs("experiment", "experiments.id"),
    Column("name", short_text(500), nullable=False),
    Column("digest", short_text(64), nullable=False),
    Column("source_type", long_text(), nullable=False),
    Column("source", long_text(), nullable=False),
    Column("schema", long_text()),
    Column("profile", long_text()),
)
Index("datasets_named", datasets.c.experiment, datasets.c.name, datasets.c.digest, unique=True)

inputs = Table(
    "inputs",
    metadata,
    _belongs("run", "runs.id"),
    _belongs("dataset", "datasets.id"),
    PrimaryKeyConstraint("run", "dataset"),
    sqlite_with_rowid=False,
)
Index("inputs_dataset", inputs.c.dataset)
input_tags = Table(
    "input_tags",
    metadata,
    Column("run", Integer, nullable=False),
    Column("dataset", Integer, nullable=False),
    Column("key", short_text(names.MAX_KEY), nullable=False),
    Column("value", long_text(), nullable=False),
    PrimaryKeyConstraint("run", "dataset", "key"),
    ForeignKeyConstraint(["run", "dataset"], ["inputs.run", "inputs.dataset"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

USED, MADE = 0, 1
"""Values of ``run_models.role``."""
run_models = Table(
    "run_models",
    metadata,
    _belongs("run", "runs.id"),
    Column("role", SmallInteger, nullable=False),
    Column("model_id", short_text(64), nullable=False),
    Column("step", BigInteger, nullable=False),
    PrimaryKeyConstraint("run", "role", "model_id", "step"),
    sqlite_with_rowid=False,
)

logged_models = Table(
    "logged_models",
    metadata,
    _id(),
    Column("model_id", short_text(64), nullable=False, unique=True),
    _belongs("experiment", "experiments.id"),
    Column("name", short_text(names.MAX_MODEL_NAME), nullable=False),
    Column("artifact_location", long_text(), nullable=False),
    _time("creation_timestamp"),
    _time("last_updated_timestamp"),
    Column("model_type", long_text()),
    Column("source_run_id", short_text(64)),
    Column("status", short_text(16), nullable=False),
    Column("status_message", long_text()),
    _time("deleted_at", nullable=True),
    sqlite_autoincrement=True,
)
Index(
    "logged_models_newest",
    logged_models.c.experiment,
    logged_models.c.creation_timestamp.desc(),
    logged_models.c.model_id,
)
model_params = _pairs("model_params", "model", "logged_models.id")
model_tags = _pairs("model_tags", "model", "logged_models.id")
model_metrics = Table(
    "model_metrics",
    metadata,
    _belongs("model", "logged_models.id"),
    Column("key", Integer, nullable=False),
    _belongs("run", "runs.id"),
    Column("step", BigInteger, nullable=False),
    _time("timestamp"),
    Column("value", Double, nullable=False),
    Column("special", SmallInteger, nullable=False),
    Column("dataset_name", short_text(500), nullable=False),
    Column("dataset_digest", short_text(64), nullable=False),
    PrimaryKeyConstraint(
        *("model", "key", "run", "step", "timestamp", "value", "special"),
        *("dataset_name", "dataset_digest"),
    ),
    sqlite_with_rowid=False,
)
Index("model_metrics_run", model_metrics.c.run)

registered_models = Table(
    "registered_models",
    metadata,
    _id(),
    Column("name", short_text(names.MAX_MODEL_NAME), nullable=False, unique=True),
    _time("creation_timestamp"),
    _time("last_updated_timestamp"),
    Column("description", long_text()),
    # Versions are counted here and not by looking: the number of one that is gone stays its own.
    Column("last_version", Integer, nullable=False),
    sqlite_autoincrement=True,
)
registered_model_tags = _pairs("registered_model_tags", "model", "registered_models.id")

model_versions = Table(
    "model_versions",
    metadata,
    _id(),
    _belongs("model", "registered_models.id"),
    Column("version", Integer, nullable=False),
    _time("creation_timestamp"),
    _time("last_updated_timestamp"),
    Column("description", long_text()),
    Column("user_id", long_text()),
    Column("stage", short_text(16), nullable=False),
    Column("source", long_text(), nullable=False),
    Column("location", long_text(), nullable=False),
    Column("run_id", short_text(64)),
    Column("run_link", long_text()),
    Column("model_id", short_text(64)),
    Column("status", short_text(32), nullable=False),
    Column("status_message", long_text()),
)
Index("model_versions_numbered", model_versions.c.model, model_versions.c.version, unique=True)
Index("model_versions_run", model_versions.c.run_id)
Index("model_versions_changed", model_versions.c.last_updated_timestamp)
model_version_tags = _pairs("model_version_tags", "version", "model_versions.id")

aliases = Table(
    "aliases",
    metadata,
    _belongs("model", "registered_models.id"),
    Column("alias", short_text(names.MAX_ALIAS), nullable=False),
    _belongs("version", "model_versions.id"),
    PrimaryKeyConstraint("model", "alias"),
    sqlite_with_rowid=False,
)
Index("aliases_version", aliases.c.version)

# No foreign key: what a name meant stays known when the registered model is gone.
registry_changes = Table(
    "registry_changes",
    metadata,
    _id(),
    Column("model", Integer, nullable=False),
    _time("at"),
    Column("user_id", long_text(), nullable=False),
    Column("kind", short_text(16), nullable=False),
    Column("subject", short_text(names.MAX_ALIAS), nullable=False),
    Column("before", short_text(64)),
    Column("after", short_text(64)),
)
Index("registry_changes_model", registry_changes.c.model, registry_changes.c.id)
