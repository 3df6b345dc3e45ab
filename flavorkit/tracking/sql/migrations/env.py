"""What Alembic runs: the migrations, in the transaction that it is given."""

from __future__ import annotations

from alembic import context

from flavorkit.tracking.sql import revisions, schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    version_table=revisions.VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
