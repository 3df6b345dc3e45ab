"""Where artifacts are kept: URIs of experiments, runs and logged models, and what leads to them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection, select
from sqlalchemy.engine import URL

from flavorkit.errors import NotFoundError
from flavorkit.tracking import version_sources
from flavorkit.tracking.artifact_locations import below
from flavorkit.tracking.sql.schema import logged_models, model_versions, registered_models, runs

_FOLDER = "flavorkit-artifacts"


def root(url: URL, given: str | None) -> str:
    """Where experiments that name no place keep their artifacts."""
    if given:
        return absolute(given)
    if url.get_backend_name() == "sqlite" and url.database:
        return Path(url.database).absolute().with_name(_FOLDER).as_uri()
    return Path(_FOLDER).absolute().as_uri()


def absolute(place: str) -> str:
    """The place; a path without a scheme becomes independent of the current folder."""
    if urlsplit(place).scheme or place.startswith("/"):
        return place
    return str(Path(place).absolute())


def behind(connection: Connection, source: str, model_id: str | None) -> tuple[str, str | None]:
    """What a reference to a model leads to.

    Args:
        connection: to the database.
        source: of a version.
        model_id: of the logged model that it is, if somebody has said so.

    Returns:
        The URI of its files, and the id of the logged model that it is.

    Raises:
        NotFoundError: it leads to nothing.
        InvalidArgumentError: its path leaves the run.
    """
    reference = version_sources.parse(source)
    if isinstance(reference, version_sources.OfRun):
        place, found = _of_run(connection, reference, model_id)
        # The run may be known to another store only.
        return place or source, found or model_id
    if isinstance(reference, version_sources.OfLoggedModel):
        query = select(logged_models.c.artifact_location).where(
            logged_models.c.model_id == reference.model_id, logged_models.c.deleted_at.is_(None)
        )
        location = connection.execute(query).scalar()
        if location is None and model_id == reference.model_id:
            return source, model_id  # it is known to another store, where the caller has found it
        if location is None:
            raise NotFoundError(f"{source}: there is no logged model {reference.model_id}")
        return location, reference.model_id
    if reference is None:
        return source, model_id
    named = (
        select(model_versions.c.location, model_versions.c.model_id)
        .join(registered_models, registered_models.c.id == model_versions.c.model)
        .where(
            registered_models.c.name == reference.name,
            model_versions.c.version == reference.version,
        )
    )
    row = connection.execute(named).first()
    if row is None:
        raise NotFoundError(f"{source}: there is no such version")
    return row.location, row.model_id or model_id


def _of_run(
    connection: Connection, reference: version_sources.OfRun, model_id: str | None
) -> tuple[str | None, str | None]:
    """Where the model is that a run logged, or the place in the run if it has logged none.

    Of several of that name it is the one whose id was given, or else the newest.
    """
    run = connection.execute(
        select(runs.c.artifact_uri, runs.c.experiment).where(runs.c.run_id == reference.run_id)
    ).first()
    if run is None:
        return None, None
    table = logged_models.c
    query = (
        select(table.artifact_location, table.model_id)
        .where(
            *(table.experiment == run.experiment, table.source_run_id == reference.run_id),
            *(table.name == reference.name, table.deleted_at.is_(None)),
        )
        .order_by(
            (table.model_id == (model_id or "")).desc(),
            *(table.creation_timestamp.desc(), table.id.desc()),
        )
    )
    model = connection.execute(query.limit(1)).first()
    if model is None:
        return below(run.artifact_uri, *reference.steps), None
    is_whole = not reference.below
    return below(model.artifact_location, *reference.below), model.model_id if is_whole else None
