"""Models in and out of an H2O cluster, which keeps each under its id."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

from flavorkit.errors import UnreadableModelError, UnsavableModelError
from flavorkit.flavors.h2o.clusters import first_line, temporary

_ZIP = b"PK\x03\x04"
_MOJO = "model.zip"
# H2O takes others for keys, and writes them in another way.
_PLAIN_NAME = re.compile(r"[\w$][\w .$()+-]*", re.ASCII)
_lock = Lock()


def is_mojo(path: Path) -> bool:
    """Whether the file is a MOJO, which is a ZIP file, and not a model in H2O's own format."""
    with path.open("rb") as file:
        return file.read(len(_ZIP)) == _ZIP


def upload(connection: Any, path: Path) -> Any:
    """The model in the file at ``path``, which is then in the cluster that ``h2o`` has.

    A MOJO gets an id of its own. Any other model has its id in the file, and takes the place of the
    one that the cluster has under it, if that is the same model.

    Args:
        connection: to that cluster.
        path: a MOJO, or a model in H2O's own format; that file has the model's id as its name.

    Raises:
        UnreadableModelError: the cluster has another model under this id. It still has afterwards.
        Exception: any of H2O's, if it cannot read the file.
    """
    with _lock:
        if is_mojo(path):
            return _upload_mojo(path)
        with _kept(connection, path.name) as (previous, put_back):
            try:
                found = _upload(connection, path)
            except BaseException:
                put_back()
                raise
            if previous is None or _training(found) == _training(previous):
                return found
            put_back()
    raise UnreadableModelError(
        path,
        f"H2O keeps models by their id, and its cluster has another one under {path.name!r}; load"
        f" it in another process, or do without that one: h2o.remove({path.name!r})",
    )


def write(model: Any, folder: Path, *, mojo: bool) -> Path:
    """The file in ``folder`` that is written of ``model``.

    Args:
        model: a trained one in the cluster, or the path of a MOJO.
        folder: where to.
        mojo: whether to have the cluster export a MOJO.

    Raises:
        UnsavableModelError: it is none of these, or the cluster does not write it.
    """
    import h2o

    if isinstance(model, str | Path):
        return _copied(Path(model), folder / _MOJO)
    name = _checked_id(model)
    try:
        if mojo:
            return Path(model.download_mojo(str(folder / _MOJO)))
        return Path(h2o.download_model(model, str(folder), filename=name))
    except Exception as exc:  # of Java, of the connection, of a license
        way = "; save it without mojo=True, in H2O's own format" if mojo else ""
        raise UnsavableModelError(f"H2O cannot write it: {first_line(exc)}{way}") from exc


def _copied(source: Path, target: Path) -> Path:
    if not source.is_file():
        raise UnsavableModelError(f"there is no file at {source}")
    if not is_mojo(source):
        raise UnsavableModelError(f"{source} is no MOJO, which is a ZIP file")
    return Path(shutil.copyfile(source, target))


def _checked_id(model: Any) -> str:
    from h2o.model import ModelBase

    kind = type(model).__name__
    if not isinstance(model, ModelBase):
        best = "; save its leader" if hasattr(model, "leader") else ""
        raise UnsavableModelError(f"a {kind} is no model of H2O{best}")
    if not model.model_id or not model._model_json:  # noqa: SLF001 - as h2o itself asks
        raise UnsavableModelError(f"the {kind} is not trained; call its train()")
    name = str(model.model_id)
    if not _PLAIN_NAME.fullmatch(name):
        raise UnsavableModelError(f"its model_id {name!r} is no name for a file")
    return name


@contextmanager
def stored(connection: Any, path: Path) -> Iterator[str]:
    """The key under which the content of the file is in the cluster meanwhile."""
    key: str = connection.request("POST /3/PostFile.bin", filename=str(path))["destination_frame"]
    try:
        yield key
    finally:
        remove(connection, key)


def remove(connection: Any, *keys: str) -> None:
    """Remove what the cluster has under ``keys``, if it has it."""
    for key in keys:
        connection.request(f"DELETE /3/DKV/{quote(key, safe='')}")


def _upload(connection: Any, path: Path) -> Any:
    import h2o

    with stored(connection, path) as key:
        answer = connection.request("POST /99/Models.upload.bin/", data={"dir": key})
    return h2o.get_model(answer["models"][0]["model_id"]["name"])


def _upload_mojo(path: Path) -> Any:
    import h2o
    from h2o.job import H2OJob

    shown = H2OJob.__PROGRESS_BAR__
    h2o.no_progress()
    try:
        return h2o.upload_mojo(str(path), model_id=f"mojo_{uuid.uuid4().hex}")
    finally:
        if shown:
            h2o.show_progress()


@contextmanager
def _kept(connection: Any, name: str) -> Iterator[tuple[Any, Any]]:
    """The model that the cluster has under ``name``, or None, and a function that puts it back."""
    import h2o
    from h2o.exceptions import H2OResponseError

    try:
        previous = h2o.get_model(name)
    except H2OResponseError:
        yield None, lambda: None
        return
    copy = temporary(connection)
    try:
        h2o.download_model(previous, str(copy.parent), filename=copy.name)
        yield previous, lambda: _upload(connection, copy)
    finally:
        copy.unlink(missing_ok=True)


def _training(model: Any) -> tuple[Any, ...]:
    """When it was trained, to the millisecond."""
    output = model._model_json["output"]  # noqa: SLF001 - h2o's own estimators read it so
    return output["start_time"], output["end_time"], output["run_time"]
