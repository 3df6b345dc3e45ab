"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None


def _short(length: int) -> TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _long() -> TypeEngine[str]:
    return (
        sa.Text()
        .with_variant(sa.Text(collation="C"), "postgresql")
        .with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
    )


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "experiments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", _short(500), nullable=False),
        sa.Column("artifact_location", _long(), nullable=False),
        sa.Column("creation_time", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "metric_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", _short(250), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "registered_models",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", _short(256), nullable=False),
        sa.Column("creation_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("description", _long(), nullable=True),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "registry_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("user_id", _long(), nullable=False),
        sa.Column("kind", _short(16), nullable=False),
        sa.Column("subject", _short(255), nullable=False),
        sa.Column("before", _short(64), nullable=True),
        sa.Column("after", _short(64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("registry_changes_model", "registry_changes", ["model", "id"], unique=False)
    op.create_table(
        "datasets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("name", _short(500), nullable=False),
        sa.Column("digest", _short(64), nullable=False),
        sa.Column("source_type", _long(), nullable=False),
        sa.Column("source", _long(), nullable=False),
        sa.Column("schema", _long(), nullable=True),
        sa.Column("profile", _long(), nullable=True),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("datasets_named", "datasets", ["experiment", "name", "digest"], unique=True)
    op.create_table(
        "experiment_tags",
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("key", _short(250), nullable=False),
        sa.Column("value", _long(), nullable=False),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("experiment", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_models",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", _short(64), nullable=False),
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("name", _short(256), nullable=False),
        sa.Column("artifact_location", _long(), nullable=False),
        sa.Column("creation_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("model_type", _long(), nullable=True),
        sa.Column("source_run_id", _short(64), nullable=True),
        sa.Column("status", _short(16), nullable=False),
        sa.Column("status_message", _long(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("model_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "logged_models_newest",
        "logged_models",
        ["experiment", sa.literal_column("creation_timestamp DESC"), "model_id"],
        unique=False,
    )
    op.create_table(
        "model_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("description", _long(), nullable=True),
        sa.Column("user_id", _long(), nullable=True),
        sa.Column("stage", _short(16), nullable=False),
        sa.Column("source", _long(), nullable=False),
        sa.Column("location", _long(), nullable=False),
        sa.Column("run_id", _short(64), nullable=True),
        sa.Column("run_link", _long(), nullable=True),
        sa.Column("model_id", _short(64), nullable=True),
        sa.Column("status", _short(32), nullable=False),
        sa.Column("status_message", _long(), nullable=True),
        sa.ForeignKeyConstraint(["model"], ["registered_models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "model_versions_changed", "model_versions", ["last_updated_timestamp"], unique=False
    )
    op.create_index("model_versions_numbered", "model_versions", ["model", "version"], unique=True)
    op.create_index("model_versions_run", "model_versions", ["run_id"], unique=False)
    op.create_table(
        "registered_model_tags",
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("key", _short(250), nullable=False),
        sa.Column("value", _long(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["registered_models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", _short(64), nullable=False),
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("name", _long(), nullable=False),
        sa.Column("user_id", _long(), nullable=False),
        sa.Column("status", _short(16), nullable=False),
        sa.Column("start_time", sa.BigInteger(), nullable=False),
        sa.Column("end_time", sa.BigInteger(), nullable=True),
        sa.Column("artifact_uri", _long(), nullable=False),
        sa.Column("bin", sa.SmallInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "runs_newest",
        "runs",
        ["experiment", "bin", sa.literal_column("start_time DESC"), "run_id"],
        unique=False,
    )
    op.create_table(
        "aliases",
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("alias", _short(255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["registered_models.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["version"], ["model_versions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model", "alias"),
        sqlite_with_rowid=False,
    )
    op.create_index("aliases_version", "aliases", ["version"], unique=False)
    op.create_table(
        "inputs",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "dataset"),
        sqlite_with_rowid=False,
    )
    op.create_index("inputs_dataset", "inputs", ["dataset"], unique=False)
    op.create_table(
        "latest_metrics",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("special", sa.SmallInteger(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "latest_metrics_values",
        "latest_metrics",
        ["experiment", "key", "special", "value", "run"],
        unique=False,
    )
    op.create_table(
        "metrics",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("special", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "key", "step", "timestamp", "value", "special"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_metrics",
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("special", sa.SmallInteger(), nullable=False),
        sa.Column("dataset_name", _short(500), nullable=False),
        sa.Column("dataset_digest", _short(64), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["logged_models.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint(
            "model",
            "key",
            "run",
            "step",
            "timestamp",
            "value",
            "special",
            "dataset_name",
            "dataset_digest",
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("model_metrics_run", "model_metrics", ["run"], unique=False)
    op.create_table(
        "model_params",
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("key", _short(250), nullable=False),
        sa.Column("value", _long(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["logged_models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_tags",
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("key", _short(250), nullable=False),
        sa.Column("value", _long(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["logged_models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_version_tags",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("key", _short(250), nullable=False),
        sa.Column("value", _long(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["model_versions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("version", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "params",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("key", _short(250), nullable=False),
        sa.Column("value", _long(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_models",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("role", sa.SmallInteger(), nullable=False),
        sa.Column("model_id", _short(64), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "role", "model_id", "step"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tags",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("key", _short(250), nullable=False),
        sa.Column("value", _long(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "input_tags",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.Integer(), nullable=False),
        sa.Column("key", _short(250), nullable=False),
        sa.Column("value", _long(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run", "dataset"], ["inputs.run", "inputs.dataset"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "dataset", "key"),
        sqlite_with_rowid=False,
    )
