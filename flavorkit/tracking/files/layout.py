"""What stands where in MLflow's folders, and the ids that lead there.

    .trash/<experiment id>/             deleted experiments
    <experiment id>/meta.yaml           the experiment
        tags/<key>                      a file for each; what is in it is the value
        datasets/<id>/meta.yaml
        models/<model id>/              a logged model: meta.yaml metrics/ params/ tags/ artifacts/
        <run id>/                       a run: meta.yaml metrics/ params/ tags/ artifacts/
            inputs/<id>/meta.yaml       datasets and models that it used
            outputs/<model id>/meta.yaml
    models/<name>/meta.yaml             a registered model: tags/ aliases/
        version-<number>/meta.yaml      tags/

``meta.yaml`` is written last: a folder without one is nothing yet. Names and keys of users are
checked here before they become names of files; a key with ``/`` is a file in folders.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking import names

META = "meta.yaml"
TRASH = ".trash"
REGISTRY = "models"
METRICS, PARAMS, TAGS, ARTIFACTS = "metrics", "params", "tags", "artifacts"
INPUTS, OUTPUTS, DATASETS, MODELS = "inputs", "outputs", "datasets", "models"
ALIASES = "aliases"
HISTORY = ".flavorkit-history.jsonl"

DEFAULT_EXPERIMENT_ID = "0"
DEFAULT_EXPERIMENT_NAME = "Default"

MAX_FILE_NAME = 255
"""Bytes; what file systems allow."""

_BESIDE_RUNS = frozenset({TAGS, DATASETS, MODELS, "traces"})
_VERSION = re.compile(r"version-([1-9][0-9]{0,9})\Z")
# MLflow reads no registered model at all if there is a sign of percent in the name of a folder.
_PERCENT = ("%", "\N{FULLWIDTH PERCENT SIGN}")
_random = random.SystemRandom()


def path_of(uri: str) -> Path:
    """The folder that a path or a ``file:`` URI means.

    Raises:
        InvalidArgumentError: it is of another machine.
    """
    parts = urlsplit(uri)
    if parts.scheme.lower() != "file":
        return Path(os.path.abspath(uri))  # noqa: PTH100 - resolve() would follow links
    if parts.netloc not in {"", "localhost"}:
        raise InvalidArgumentError(f"{uri} is on another machine; mount it and give its path here")
    return Path(os.path.abspath(url2pathname(parts.path)))  # noqa: PTH100


def location(place: str) -> str:
    """A place of artifacts as it is written down: a path that is relative to here is made whole."""
    if "://" in place or urlsplit(place).scheme:
        return place
    return os.path.abspath(place)  # noqa: PTH100


def new_experiment_id() -> str:
    """The id of an experiment: 18 digits, as MLflow makes them."""
    return str(_random.randrange(10**17, 10**18))


def experiment_folder(experiment_id: object) -> str:
    """The folder of an experiment.

    Raises:
        InvalidArgumentError: nobody makes such ids.
        NotFoundError: what stands there is no experiment.
    """
    return _checked(names.identifier(experiment_id, "an experiment"), "experiment")


def is_experiment(folder: str) -> bool:
    """Whether a folder of the store, or of its bin, can be an experiment."""
    return folder != REGISTRY and not folder.startswith(".")


def is_run(folder: str) -> bool:
    """Whether a folder of an experiment can be a run."""
    return folder not in _BESIDE_RUNS and not folder.startswith(".")


def run_folder(run_id: object) -> str:
    """The folder of a run.

    Raises:
        InvalidArgumentError: nobody makes such ids.
        NotFoundError: what stands there is no run.
    """
    return _checked(names.identifier(run_id, "a run"), "run")


def logged_model_folder(model_id: object) -> str:
    """The folder of a logged model.

    Raises:
        InvalidArgumentError: nobody makes such ids.
    """
    return names.identifier(model_id, "a logged model")


def registered_model_folder(name: object) -> str:
    """The folder of a registered model, which bears its name.

    Raises:
        InvalidArgumentError: the name breaks a rule, or cannot be a folder that MLflow reads.
    """
    text = names.model_name(name).replace(*_PERCENT)
    if text.startswith("..") or len(text.encode()) > MAX_FILE_NAME:
        raise InvalidArgumentError(
            "in a store of files the name of a registered model is the name of a folder: it does"
            f" not begin with '..' and has at most {MAX_FILE_NAME} bytes: not {ascii(name)[:99]}"
        )
    return text


def registered_model_name(folder: str, noted: object) -> str:
    """The name of the registered model in a folder.

    Args:
        folder: its name.
        noted: the name that its file says, which is another one while it is being renamed.
    """
    return noted if isinstance(noted, str) and noted.replace(*_PERCENT) == folder else folder


def version_folder(version: int) -> str:
    """The folder of a version."""
    return f"version-{version}"


def version_of(folder: str) -> int | None:
    """The version that a folder of a registered model is; None if it is none."""
    match = _VERSION.match(folder)
    return int(match[1]) if match else None


def key_path(key: object, what: str) -> list[str]:
    """The folders and the file of a key.

    Args:
        key: of a metric, a parameter or a tag.
        what: what it is, for messages.

    Raises:
        InvalidArgumentError: it breaks a rule, or a part of it is too long for a file.
    """
    parts = names.key(key, what).split("/")
    for part in parts:
        if len(part.encode()) > MAX_FILE_NAME:
            raise InvalidArgumentError(
                f"in a store of files the key of a {what} has at most {MAX_FILE_NAME} bytes between"
                f" two '/': {part[:40]!r}... has {len(part.encode())}"
            )
    return parts


def dataset_folder(name: str, digest: str) -> str:
    """The folder of a dataset, as MLflow names it."""
    return _md5(name, digest)


def input_folder(source_id: str, run_id: str) -> str:
    """The folder of an input of a run, as MLflow names it."""
    return _md5(source_id, run_id)


def _md5(*texts: str) -> str:
    return hashlib.md5("".join(texts).encode(), usedforsecurity=False).hexdigest()


def _checked(identifier: str, what: str) -> str:
    # "models" and the like stand where experiments and runs do.
    if not is_run(identifier):
        raise NotFoundError(f"there is no {what} {identifier}")
    return identifier
