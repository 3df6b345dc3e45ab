"""All endpoints, in one table: what is called, what it does, and what a caller must be allowed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flavorkit.tracking.server import answers
from flavorkit.tracking.server import permissions as may
from flavorkit.tracking.server.endpoints import (
    experiments,
    listings,
    logged_models,
    model_versions,
    probes,
    registered_models,
    runs,
    transfers,
)
from flavorkit.tracking.server.exchange import Exchange
from flavorkit.tracking.server.permissions import Permission
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.wire import artifacts, metrics, run_calls
from flavorkit.tracking.wire import experiments as experiment_calls
from flavorkit.tracking.wire import logged_models as model_calls
from flavorkit.tracking.wire import registry_calls as registry
from flavorkit.tracking.wire.calls import Call
from flavorkit.tracking.wire.requests import Message, required, text
from flavorkit.tracking.wire.values import Json

Handler = Callable[[Service, dict[str, Any]], Json]
Streamer = Callable[[Service, dict[str, Any], Exchange], Awaitable[None]]

API_ROOTS = ("/api", "/ajax-api")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint; it has either of ``handle`` and ``stream``.

    Args:
        call: its method, path and fields.
        permission: what a caller must be allowed.
        handle: answers with JSON; it may block.
        stream: answers in its own way; it may not block.
        reads_artifacts: whether ``handle`` waits for where artifacts are, not for the store.
    """

    call: Call
    permission: Permission | None
    handle: Handler | None = None
    stream: Streamer | None = None
    reads_artifacts: bool = False

    @property
    def is_small(self) -> bool:
        """Whether the store has to read or write a few rows only."""
        return self.call in _SMALL

    @property
    def name(self) -> str:
        """What it is called in metrics and logs."""
        return f"{self.call.method} {self.call.path}"

    @property
    def paths(self) -> list[str]:
        """Where it is: once at the root, or twice, for programs and for pages."""
        call = self.call
        if call.path.startswith("/"):
            return [call.path]
        return [f"{root}/{call.version}/{call.path}" for root in API_ROOTS]


_RUN_FILE = Message({"run_uuid": "run_id"}, run_id=required(text), path=required(text))
_VERSION_FILE = Message(name=required(text), version=required(text), path=required(text))

_EXPERIMENTS = (
    Endpoint(experiment_calls.CREATE, may.CREATE_EXPERIMENT, experiments.create),
    Endpoint(experiment_calls.GET, may.READ_EXPERIMENT, experiments.get),
    Endpoint(experiment_calls.GET_BY_NAME, may.READ_EXPERIMENT, experiments.get_by_name),
    Endpoint(experiment_calls.SEARCH, may.READ_EXPERIMENT, experiments.search),
    Endpoint(experiment_calls.SEARCH_BY_GET, may.READ_EXPERIMENT, experiments.search),
    Endpoint(experiment_calls.UPDATE, may.EDIT_EXPERIMENT, experiments.update),
    Endpoint(experiment_calls.DELETE, may.MANAGE_EXPERIMENT, experiments.delete),
    Endpoint(experiment_calls.RESTORE, may.MANAGE_EXPERIMENT, experiments.restore),
    Endpoint(experiment_calls.SET_TAG, may.EDIT_EXPERIMENT, experiments.set_tag),
    Endpoint(experiment_calls.DELETE_TAG, may.EDIT_EXPERIMENT, experiments.delete_tag),
)
_RUNS = (
    Endpoint(run_calls.CREATE, may.EDIT_EXPERIMENT, runs.create),
    Endpoint(run_calls.GET, may.READ_EXPERIMENT, runs.get),
    Endpoint(run_calls.UPDATE, may.EDIT_EXPERIMENT, runs.update),
    Endpoint(run_calls.DELETE, may.MANAGE_EXPERIMENT, runs.delete),
    Endpoint(run_calls.RESTORE, may.MANAGE_EXPERIMENT, runs.restore),
    Endpoint(run_calls.SEARCH, may.READ_EXPERIMENT, runs.search),
    Endpoint(run_calls.LOG_METRIC, may.EDIT_EXPERIMENT, runs.log_metric),
    Endpoint(run_calls.LOG_PARAM, may.EDIT_EXPERIMENT, runs.log_param),
    Endpoint(run_calls.LOG_BATCH, may.EDIT_EXPERIMENT, runs.log_batch),
    Endpoint(run_calls.SET_TAG, may.EDIT_EXPERIMENT, runs.set_tag),
    Endpoint(run_calls.DELETE_TAG, may.EDIT_EXPERIMENT, runs.delete_tag),
    Endpoint(run_calls.LOG_INPUTS, may.EDIT_EXPERIMENT, runs.log_inputs),
    Endpoint(run_calls.LOG_OUTPUTS, may.EDIT_EXPERIMENT, runs.log_outputs),
    Endpoint(run_calls.LOG_MODEL, may.EDIT_EXPERIMENT, runs.log_model),
    Endpoint(metrics.GET_HISTORY, may.READ_EXPERIMENT, runs.get_history),
    Endpoint(metrics.GET_HISTORY_BULK, may.READ_EXPERIMENT, runs.get_history_bulk),
)
_LOGGED_MODELS = (
    Endpoint(model_calls.CREATE, may.EDIT_EXPERIMENT, logged_models.create),
    Endpoint(model_calls.GET, may.READ_EXPERIMENT, logged_models.get),
    Endpoint(model_calls.FINALIZE, may.EDIT_EXPERIMENT, logged_models.finalize),
    Endpoint(model_calls.DELETE, may.MANAGE_EXPERIMENT, logged_models.delete),
    Endpoint(model_calls.LOG_PARAMS, may.EDIT_EXPERIMENT, logged_models.log_params),
    Endpoint(model_calls.SET_TAGS, may.EDIT_EXPERIMENT, logged_models.set_tags),
    Endpoint(model_calls.DELETE_TAG, may.EDIT_EXPERIMENT, logged_models.delete_tag),
    Endpoint(model_calls.SEARCH, may.READ_EXPERIMENT, logged_models.search),
)
_REGISTERED_MODELS = (
    Endpoint(registry.CREATE_MODEL, may.CREATE_MODEL, registered_models.create),
    Endpoint(registry.GET_MODEL, may.READ_MODEL, registered_models.get),
    Endpoint(registry.RENAME_MODEL, may.EDIT_MODEL, registered_models.rename),
    Endpoint(registry.UPDATE_MODEL, may.EDIT_MODEL, registered_models.update),
    Endpoint(registry.DELETE_MODEL, may.MANAGE_MODEL, registered_models.delete),
    Endpoint(registry.SEARCH_MODELS, may.READ_MODEL, registered_models.search),
    Endpoint(registry.LATEST_VERSIONS, may.READ_MODEL, registered_models.latest_versions),
    Endpoint(registry.LATEST_VERSIONS_BY_GET, may.READ_MODEL, registered_models.latest_versions),
    Endpoint(registry.SET_MODEL_TAG, may.EDIT_MODEL, registered_models.set_tag),
    Endpoint(registry.DELETE_MODEL_TAG, may.EDIT_MODEL, registered_models.delete_tag),
    Endpoint(registry.SET_ALIAS, may.EDIT_MODEL, registered_models.set_alias),
    Endpoint(registry.DELETE_ALIAS, may.EDIT_MODEL, registered_models.delete_alias),
    Endpoint(registry.GET_BY_ALIAS, may.READ_MODEL, registered_models.get_by_alias),
    Endpoint(registry.HISTORY, may.READ_MODEL, registered_models.history),
)
_MODEL_VERSIONS = (
    Endpoint(registry.CREATE_VERSION, may.EDIT_MODEL, model_versions.create),
    Endpoint(registry.GET_VERSION, may.READ_MODEL, model_versions.get),
    Endpoint(registry.UPDATE_VERSION, may.EDIT_MODEL, model_versions.update),
    Endpoint(registry.TRANSITION_STAGE, may.EDIT_MODEL, model_versions.transition_stage),
    Endpoint(registry.DELETE_VERSION, may.MANAGE_MODEL, model_versions.delete),
    Endpoint(registry.SEARCH_VERSIONS, may.READ_MODEL, model_versions.search),
    Endpoint(registry.SET_VERSION_TAG, may.EDIT_MODEL, model_versions.set_tag),
    Endpoint(registry.DELETE_VERSION_TAG, may.EDIT_MODEL, model_versions.delete_tag),
    Endpoint(registry.DOWNLOAD_URI, may.READ_MODEL, model_versions.download_uri),
)
_LISTINGS = (
    Endpoint(artifacts.LIST, may.READ_EXPERIMENT, listings.of_run, reads_artifacts=True),
    Endpoint(
        model_calls.LIST_ARTIFACTS,
        may.READ_EXPERIMENT,
        listings.of_logged_model,
        reads_artifacts=True,
    ),
    Endpoint(Call("GET", "/get-artifact", _RUN_FILE), may.READ_EXPERIMENT, stream=transfers.of_run),
    Endpoint(
        Call("GET", "/model-versions/get-artifact", _VERSION_FILE),
        may.READ_MODEL,
        stream=transfers.of_version,
    ),
)
_ARTIFACTS = (
    Endpoint(artifacts.PROXY_LIST, may.READ_ARTIFACTS, listings.proxied, reads_artifacts=True),
    Endpoint(artifacts.DOWNLOAD, may.READ_ARTIFACTS, stream=transfers.download),
    Endpoint(artifacts.UPLOAD, may.EDIT_ARTIFACTS, stream=transfers.upload),
    Endpoint(artifacts.DELETE, may.MANAGE_ARTIFACTS, stream=transfers.delete),
    Endpoint(artifacts.BEGIN_PARTS, may.EDIT_ARTIFACTS, transfers.no_parts),
    Endpoint(artifacts.COMPLETE_PARTS, may.EDIT_ARTIFACTS, transfers.no_parts),
    Endpoint(artifacts.ABORT_PARTS, may.EDIT_ARTIFACTS, transfers.no_parts),
    Endpoint(artifacts.PRESIGNED, may.READ_ARTIFACTS, transfers.not_presigned),
    Endpoint(artifacts.PRESIGNED_DOWNLOAD, may.READ_ARTIFACTS, transfers.not_presigned),
    Endpoint(artifacts.PRESIGNED_UPLOAD, may.EDIT_ARTIFACTS, transfers.not_presigned),
)
_SERVER = (
    Endpoint(Call("GET", "/health"), may.OPEN, stream=probes.health),
    Endpoint(Call("GET", "/version"), may.OPEN, stream=probes.version),
    Endpoint(Call("GET", "/metrics"), may.OPERATE, stream=probes.metrics),
    Endpoint(Call("GET", "mlflow/server-info", version="3.0"), may.OPEN, probes.server_info),
)

# What a training calls all the time.
_SMALL = frozenset(
    {
        *(run_calls.LOG_METRIC, run_calls.LOG_PARAM, run_calls.SET_TAG, run_calls.CREATE),
        *(run_calls.GET, run_calls.UPDATE, run_calls.LOG_OUTPUTS, run_calls.LOG_INPUTS),
        *(experiment_calls.GET, experiment_calls.GET_BY_NAME, model_calls.GET),
        *(registry.GET_VERSION, registry.GET_BY_ALIAS, registry.DOWNLOAD_URI),
    }
)

ALL: tuple[Endpoint, ...] = (
    *(_EXPERIMENTS + _RUNS + _LOGGED_MODELS),
    *(_REGISTERED_MODELS + _MODEL_VERSIONS + _LISTINGS),
    *(_ARTIFACTS + _SERVER),
)
ARTIFACTS_ONLY: tuple[Endpoint, ...] = _ARTIFACTS + _SERVER

_VARIABLE = re.compile(r"\{(\w+)(:path)?\}")


class Router:
    """Finds the endpoint of a request.

    Args:
        endpoints: all of them.
        prefix: what comes before every path.

    Raises:
        ValueError: one does not say what a caller must be allowed, or two are at one place.
    """

    def __init__(self, endpoints: Sequence[Endpoint], prefix: str = "") -> None:
        self.endpoints = tuple(endpoints)
        self._prefix = prefix
        self._exact: dict[str, dict[str, int]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, int]]] = []
        by_pattern: dict[str, dict[str, int]] = {}
        for number, endpoint in enumerate(self.endpoints):
            if endpoint.permission is None:
                raise ValueError(f"{endpoint.name} does not say what a caller must be allowed")
            if (endpoint.handle is None) == (endpoint.stream is None):
                raise ValueError(f"{endpoint.name} does nothing, or two things")
            for path in endpoint.paths:
                table = by_pattern if "{" in path else self._exact
                methods = table.setdefault(path, {})
                if methods.setdefault(endpoint.call.method, number) != number:
                    raise ValueError(f"{endpoint.name} is there twice")
        for path, methods in by_pattern.items():
            self._patterns.append((re.compile(_pattern(path), re.DOTALL), methods))

    def find(self, method: str, path: str) -> tuple[int, dict[str, str]]:
        """The number of the endpoint, and the variables in its path.

        Raises:
            EndpointNotFoundError: there is nothing at this path.
            MethodNotAllowedError: not for this method.
        """
        if self._prefix:
            path = path[len(self._prefix) :] if path.startswith(f"{self._prefix}/") else ""
        variables: dict[str, str] = {}
        methods = self._exact.get(path)
        if methods is None:
            methods, variables = self._match(path)
        number = methods.get("GET" if method == "HEAD" else method)
        if number is None:
            raise answers.MethodNotAllowedError(methods)
        return number, variables

    def _match(self, path: str) -> tuple[dict[str, int], dict[str, str]]:
        for pattern, methods in self._patterns:
            found = pattern.fullmatch(path)
            if found is not None:
                return methods, found.groupdict()
        raise answers.EndpointNotFoundError("there is no such endpoint")


def _pattern(path: str) -> str:
    def pieces() -> Iterator[str]:
        end = 0
        for found in _VARIABLE.finditer(path):
            yield re.escape(path[end : found.start()])
            yield f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})"
            end = found.end()
        yield re.escape(path[end:])

    return "".join(pieces())
