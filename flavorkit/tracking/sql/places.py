"""Where artifacts are kept: URIs of experiments, runs and logged models, and what leads to them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import Connection, select
from sqlalchemy.engine import URL

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking.sql.schema import logged_models, model_versions, registered_models, runs

_FOLDER = "flavorkit-artifacts"
_LOGGED_MODEL = re.compile(r"models:/+(?P<model_id>m-[0-9A-Za-z]+)/?\Z")
_VERSION = re.compile(r"models:/+(?P<name>[^/@]+)/(?P<version>[0-9]{1,9})/?\Z")
_RUN = re.compile(r"runs:/+(?P<run_id>[^/]+)/(?P<path>.+)\Z", re.DOTALL)


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


def below(place: str, *parts: str) -> str:
    """A place below another; what stands behind ``?`` stays behind."""
    split = urlsplit(place)
    if not split.scheme:
        return "/".join((place.rstrip("/"), *parts))
    path = "/".join((split.path.rstrip("/"), *parts))
    if not split.netloc and place.startswith(f"{split.scheme}:///"):
        return f"{split.scheme}://{path}" + (f"?{split.query}" if split.query else "")
    return urlunsplit(split._replace(path=path))


def logged_model_id(source: str) -> str | None:
    """The id of the logged model that a source names, if it names one."""
    match = _LOGGED_MODEL.match(source)
    return match["model_id"] if match else None


def behind(connection: Connection, source: str) -> tuple[str, str | None]:
    """What a reference to a model leads to.

    Returns:
        The URI of its files, and the id of the logged model that it is.

    Raises:
        NotFoundError: it leads to nothing.
        InvalidArgumentError: its path leaves the run.
    """
    model_id = logged_model_id(source)
    if model_id is not None:
        query = select(logged_models.c.artifact_location).where(
            logged_models.c.model_id == model_id, logged_models.c.deleted_at.is_(None)
        )
        location = connection.execute(query).scalar()
        if location is None:
            raise NotFoundError(f"{source}: there is no logged model {model_id}")
        return location, model_id
    version = _VERSION.match(source)
    if version is not None:
        named = (
            select(model_versions.c.location, model_versions.c.model_id)
            .join(registered_models, registered_models.c.id == model_versions.c.model)
            .where(
                registered_models.c.name == version["name"],
                model_versions.c.version == int(version["version"]),
            )
        )
        row = connection.execute(named).first()
        if row is None:
            raise NotFoundError(f"{source}: there is no such version")
        return row.location, row.model_id
    run = _RUN.match(source)
    if run is not None:
        parts = run["path"].rstrip("/").split("/")
        if any(part in {"", ".", ".."} for part in parts) or re.search(r"[\\?#]", run["path"]):
            raise InvalidArgumentError(f"{source!r} is no path below a run")
        uri = connection.execute(
            select(runs.c.artifact_uri).where(runs.c.run_id == run["run_id"])
        ).scalar()
        # The run may be known to another store only.
        return (source if uri is None else below(uri, *parts)), None
    return source, None
