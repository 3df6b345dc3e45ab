"""The store of runs and models in a SQL database: SQLite, PostgreSQL, MySQL or MariaDB.

``schema`` is what the tables are, ``dialects`` where the databases differ, ``engine`` transactions
and their retries, ``revisions`` how a database comes to have the tables. Each other module is about
one noun; ``store`` puts them together.
"""

from __future__ import annotations

from flavorkit.tracking.sql.store import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
