"""Logging a model of any flavor: saved, uploaded, and noted, in that order."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flavorkit import manifest
from flavorkit.descriptor import ModelDescriptor
from flavorkit.errors import FlavorkitError, InvalidArgumentError
from flavorkit.flavors import saving
from flavorkit.pyfunc.info import ModelInfo
from flavorkit.pyfunc.saving import save_model as save_python_model
from flavorkit.tracking import names, spool
from flavorkit.tracking.client import FlavorkitClient
from flavorkit.tracking.entities import LoggedModel, LoggedModelOutput, Metric, ModelVersion, Run
from flavorkit.tracking.fluent import active
from flavorkit.tracking.fluent.active import Active
from flavorkit.tracking.fluent.last_model import last
from flavorkit.tracking.fluent.models import initialize_logged_model
from flavorkit.tracking.fluent.registry import register_model
from flavorkit.tracking.tags import MODEL_IS_EXTERNAL


@dataclass(frozen=True)
class LoggedModelInfo(ModelInfo):
    """What was logged, and where: ``model_uri`` is what it is loaded by."""

    name: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[Metric] = ()
    creation_timestamp: int | None = None
    registered_model_version: str | None = None


@dataclass(frozen=True)
class _Wanted:
    """What a caller wants a logged model to be."""

    name: str | None
    registered_model_name: str | None
    await_registration_for: int | None
    run_id: str | None
    model_type: str | None
    params: Mapping[str, Any]
    tags: Mapping[str, Any] | None
    step: int
    model_id: str | None


def log_model(
    model: Any,
    artifact_path: str | None = None,
    *,
    flavor: str | None = None,
    name: str | None = None,
    registered_model_name: str | None = None,
    await_registration_for: int | None = 300,
    run_id: str | None = None,
    model_type: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    step: int = 0,
    model_id: str | None = None,
    **options: Any,
) -> LoggedModelInfo:
    """Save a model and keep it with the active run, as a model of its own.

    It is seen by nobody before all of it is there.

    Args:
        model: the framework's own object.
        artifact_path: the name, as MLflow called it before.
        flavor: which flavor saves it; found out from the type when not given.
        name: of the logged model; made up if None.
        registered_model_name: publish it as the next version of this registered model.
        await_registration_for: seconds to wait until the version can be used; None or 0 not to.
        run_id: of another run than the active one; without any, it belongs to no run.
        model_type: whatever you call it.
        params: of the model, beside those of the run.
        tags: of the model, and of the version.
        step: of the training; what the run measured at this step is measured of this model.
        model_id: of a logged model that was begun before, to give it its files.
        options: as of :func:`flavorkit.save_model`, such as ``signature`` and ``input_example``.

    Returns:
        What was logged: ``model_uri``, ``model_id``, ``run_id``, ``registered_model_version``, ...

    Raises:
        UnsavableModelError: the flavor cannot save this model; the message says what can.
        InvalidArgumentError: the name or another argument breaks a rule.
    """
    wanted = _Wanted(
        _one_name(name, artifact_path),
        registered_model_name,
        await_registration_for,
        run_id,
        model_type,
        params or {},
        tags,
        step,
        model_id,
    )
    return _log(lambda path: saving.save_model(model, path, flavor=flavor, **options), wanted)


def log_python_model(
    artifact_path: str | None = None,
    loader_module: str | None = None,
    data_path: str | Path | None = None,
    code_path: Sequence[str | Path] | None = None,
    code_paths: Sequence[str | Path] | None = None,
    *,
    name: str | None = None,
    registered_model_name: str | None = None,
    await_registration_for: int | None = 300,
    run_id: str | None = None,
    model_type: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    step: int = 0,
    model_id: str | None = None,
    **options: Any,
) -> LoggedModelInfo:
    """Save Python code as a model and keep it with the active run.

    Args:
        artifact_path: the name, as MLflow called it before.
        loader_module: see :func:`flavorkit.pyfunc.save_model`, also for ``data_path``.
        data_path: what ``loader_module`` loads.
        code_path: ``code_paths``, as MLflow called it before.
        code_paths: modules and packages that the model imports.
        name: see :func:`flavorkit.log_model`, also for what follows.
        registered_model_name: publish it as the next version of this registered model.
        await_registration_for: seconds to wait until the version can be used.
        run_id: of another run than the active one.
        model_type: whatever you call it.
        params: of the model, beside those of the run.
        tags: of the model, and of the version.
        step: of the training.
        model_id: of a logged model that was begun before.
        options: as of :func:`flavorkit.pyfunc.save_model`, such as ``python_model``.

    Raises:
        UnsavableModelError: it cannot be written; the message says what can.
    """
    wanted = _Wanted(
        _one_name(name, artifact_path),
        registered_model_name,
        await_registration_for,
        run_id,
        model_type,
        params or {},
        tags,
        step,
        model_id,
    )
    code = code_paths if code_path is None else code_path
    return _log(
        lambda path: save_python_model(path, loader_module, data_path, code, **options), wanted
    )


def _log(save: Callable[[Path], ModelDescriptor], wanted: _Wanted) -> LoggedModelInfo:
    if wanted.registered_model_name is not None:
        names.model_name(wanted.registered_model_name)  # before anything is done
    open_run = active.of(wanted.run_id) if wanted.run_id else active.current()
    client = FlavorkitClient() if open_run is None else open_run.client
    with TemporaryDirectory(prefix="flavorkit-") as scratch:
        folder = Path(scratch, "model")
        descriptor = save(folder)
        spool.flush(client.tracking_uri)  # what was measured of the model is about to be looked for
        run = None if open_run is None else client.get_run(open_run.run_id)
        model = _begun(client, run, wanted)
        try:
            descriptor = _stamped(descriptor, folder, model, run)
            client.log_model_artifacts(model.model_id, folder)
            if open_run is not None and run is not None:
                _link(open_run, run, LoggedModelOutput(model.model_id, wanted.step))
            model = client.finalize_logged_model(model.model_id, "READY")
        except BaseException:
            with contextlib.suppress(FlavorkitError):
                client.finalize_logged_model(model.model_id, "FAILED")
            raise
    if model.tags.get(MODEL_IS_EXTERNAL) == "true":
        client.delete_logged_model_tag(model.model_id, MODEL_IS_EXTERNAL)
    version = None
    if wanted.registered_model_name is not None:
        version = register_model(
            model.model_uri,
            wanted.registered_model_name,
            wanted.await_registration_for,
            tags=wanted.tags,
        )
    return _info(descriptor, client.get_logged_model(model.model_id), version)


def _begun(client: FlavorkitClient, run: Run | None, wanted: _Wanted) -> LoggedModel:
    if wanted.model_id is not None:
        model = client.get_logged_model(wanted.model_id)
        last.set(client, model.model_id)
        return model
    params = {**wanted.params, **(run.data.params if run is not None else {})}
    return initialize_logged_model(
        wanted.name,
        None if run is None else run.info.run_id,
        wanted.tags,
        params,
        wanted.model_type,
        None if run is None else run.info.experiment_id,
    )


def _stamped(
    descriptor: ModelDescriptor, folder: Path, model: LoggedModel, run: Run | None
) -> ModelDescriptor:
    """Note in the folder which logged model it is."""
    stamped = replace(
        descriptor,
        artifact_path=model.artifact_location,
        model_id=model.model_id,
        model_uuid=model.model_id,
        run_id=None if run is None else run.info.run_id,
    )
    stamped.write(folder)
    manifest.write(folder, saving.signer())
    return stamped


def _link(open_run: Active, run: Run, made: LoggedModelOutput) -> None:
    """Note that a run made a model, and have what it measured at that step be of the model, too."""
    open_run.client.log_outputs(open_run.run_id, [made])
    open_run.links.add_outputs([made])
    found: list[Metric] = []
    for latest in run.data.latest_metrics:
        if latest.step == made.step:
            found.append(latest)
        elif latest.step > made.step:
            history = open_run.client.get_metric_history(open_run.run_id, latest.key)
            found += [metric for metric in history if metric.step == made.step]
    measured = [replace(metric, model_id=made.model_id) for metric in found if not metric.model_id]
    open_run.client.log_batch(open_run.run_id, measured, synchronous=True)


def _info(
    descriptor: ModelDescriptor, model: LoggedModel, version: ModelVersion | None
) -> LoggedModelInfo:
    return LoggedModelInfo(
        model_uri=model.model_uri,
        **{
            name: getattr(descriptor, name)
            for name in ModelInfo.__annotations__
            if name != "model_uri"
        },
        name=model.name,
        params=model.params,
        tags=model.tags,
        metrics=model.metrics,
        creation_timestamp=model.creation_timestamp,
        registered_model_version=None if version is None else version.version,
    )


def _one_name(name: str | None, artifact_path: str | None) -> str | None:
    if name is not None and artifact_path is not None:
        raise InvalidArgumentError(
            f"the model is called {name!r} by name= and {artifact_path!r} by artifact_path=, which"
            " is what MLflow called the name before: pass one of both"
        )
    return artifact_path if name is None else name
