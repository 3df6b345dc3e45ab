"""The store: all its parts, and how it is opened."""

from __future__ import annotations

from flavorkit.tracking.sql import places, revisions
from flavorkit.tracking.sql.bin import Bin
from flavorkit.tracking.sql.engine import Database
from flavorkit.tracking.sql.experiments import Experiments
from flavorkit.tracking.sql.logged_model_search import LoggedModelSearch
from flavorkit.tracking.sql.metrics import Metrics
from flavorkit.tracking.sql.model_versions import ModelVersions
from flavorkit.tracking.sql.registered_models import RegisteredModels
from flavorkit.tracking.sql.run_data import RunData
from flavorkit.tracking.sql.run_inputs import RunInputsAndOutputs
from flavorkit.tracking.sql.run_search import RunSearch
from flavorkit.tracking.store import Store


class SqlStore(
    Experiments,
    RunSearch,
    RunData,
    RunInputsAndOutputs,
    Metrics,
    LoggedModelSearch,
    ModelVersions,
    RegisteredModels,
    Bin,
):
    """Runs, logged models and the registry in a SQL database; for any number of threads."""

    def close(self) -> None:
        """See :class:`flavorkit.tracking.store.Store`."""
        self._database.close()


def open_store(uri: str, artifact_root: str | None = None) -> Store:
    """The store in a database, whose tables are made if it is empty.

    Args:
        uri: of the database: ``sqlite:///file.db``, ``postgresql://...``, ``mysql://...``.
        artifact_root: where experiments that name no place keep their artifacts; the folder
            ``flavorkit-artifacts`` beside the file, or in the current folder, if None.

    Raises:
        InvalidArgumentError: the URI cannot be read, or the tables are another program's.
        MissingDependencyError: the driver of the database is not installed.
        StoreUnavailableError: the database does not answer, or its tables are of another
            revision.
    """
    database = Database(uri)
    root = places.root(database.url, artifact_root)
    try:
        revisions.prepare(database, root)
    except BaseException:
        database.close()
        raise
    return SqlStore(database, root)
