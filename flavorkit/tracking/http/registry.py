"""Registered models and their versions behind a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flavorkit.tracking.entities import ModelVersion, PagedList, RegisteredModel, RegistryChange
from flavorkit.tracking.http.connection import Connection
from flavorkit.tracking.wire import registry
from flavorkit.tracking.wire import registry_calls as calls
from flavorkit.tracking.wire.calls import Call
from flavorkit.tracking.wire.values import Json, pairs


class HttpRegistry:
    """The part of a store about registered models."""

    _connection: Connection

    def create_registered_model(
        self, name: str, tags: Mapping[str, str] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Begin a registered model."""
        fields = {"name": name, "tags": pairs(tags) if tags else None, "description": description}
        return self._model(calls.CREATE_MODEL, fields, is_repeatable=False)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """The registered model."""
        return self._model(calls.GET_MODEL, {"name": name})

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give it another name."""
        fields = {"name": name, "new_name": new_name}
        return self._model(calls.RENAME_MODEL, fields, is_repeatable=False)

    def update_registered_model(self, name: str, description: str | None) -> RegisteredModel:
        """Describe it."""
        return self._model(calls.UPDATE_MODEL, {"name": name, "description": description})

    def delete_registered_model(self, name: str) -> None:
        """Delete it with all its versions, for good."""
        self._connection.call(calls.DELETE_MODEL, {"name": name}, is_repeatable=False)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """A page of the registered models that a filter lets through, by name."""
        fields = _search(filter_string, max_results, order_by, page_token)
        answer = self._connection.call(calls.SEARCH_MODELS, fields)
        found = map(registry.from_json, answer.get("registered_models", ()))
        return PagedList(found, answer.get("next_page_token") or None)

    def get_latest_versions(
        self, name: str, stages: Sequence[str] | None = None
    ) -> list[ModelVersion]:
        """Of each stage, or of those given, the newest version."""
        fields = {"name": name, "stages": list(stages) if stages else None}
        answer = self._connection.call(calls.LATEST_VERSIONS, fields)
        return [registry.version_from_json(one) for one in answer.get("model_versions", ())]

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        """Set a tag."""
        self._connection.call(calls.SET_MODEL_TAG, {"name": name, "key": key, "value": value})

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Delete a tag, if it is there."""
        self._connection.call(calls.DELETE_MODEL_TAG, {"name": name, "key": key})

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Point an alias at a version, whatever it pointed at before."""
        fields = {"name": name, "alias": alias, "version": str(version)}
        self._connection.call(calls.SET_ALIAS, fields)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Delete an alias, if it is there."""
        self._connection.call(calls.DELETE_ALIAS, {"name": name, "alias": alias})

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """What the alias points at."""
        return self._version(calls.GET_BY_ALIAS, {"name": name, "alias": alias})

    def get_registry_history(self, name: str) -> list[RegistryChange]:
        """What its aliases and stages meant when, the oldest change first.

        Raises:
            UnsupportedByStoreError: the server is one of MLflow's, which keep none.
        """
        answer = self._connection.call(calls.HISTORY, {"name": name})
        return [registry.change_from_json(one) for one in answer.get("changes", ())]

    def create_model_version(
        self,
        name: str,
        source: str,
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Publish the next version: one more than the largest there ever was."""
        return self._version(
            calls.CREATE_VERSION,
            {
                "name": name,
                "source": source,
                "run_id": run_id,
                "tags": pairs(tags) if tags else None,
                "run_link": run_link,
                "description": description,
                "model_id": model_id,
            },
            is_repeatable=False,
        )

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """The version."""
        return self._version(calls.GET_VERSION, _of(name, version))

    def update_model_version(
        self, name: str, version: str, description: str | None
    ) -> ModelVersion:
        """Describe it."""
        fields = {**_of(name, version), "description": description}
        return self._version(calls.UPDATE_VERSION, fields)

    def transition_model_version_stage(
        self, name: str, version: str, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Give it a stage, and perhaps archive the others that have it."""
        more = {"stage": stage, "archive_existing_versions": archive_existing_versions}
        return self._version(calls.TRANSITION_STAGE, {**_of(name, version), **more})

    def delete_model_version(self, name: str, version: str) -> None:
        """Delete it and its aliases, for good."""
        self._connection.call(calls.DELETE_VERSION, _of(name, version), is_repeatable=False)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """A page of the versions that a filter lets through, the last changed first."""
        fields = _search(filter_string, max_results, order_by, page_token)
        answer = self._connection.call(calls.SEARCH_VERSIONS, fields)
        found = map(registry.version_from_json, answer.get("model_versions", ()))
        return PagedList(found, answer.get("next_page_token") or None)

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        """Set a tag."""
        fields = {**_of(name, version), "key": key, "value": value}
        self._connection.call(calls.SET_VERSION_TAG, fields)

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """Delete a tag, if it is there."""
        self._connection.call(calls.DELETE_VERSION_TAG, {**_of(name, version), "key": key})

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """Where the files of the version are: a URI of an artifact repository."""
        answer = self._connection.call(calls.DOWNLOAD_URI, _of(name, version))
        return str(answer["artifact_uri"])

    def _model(self, call: Call, fields: Json, *, is_repeatable: bool = True) -> RegisteredModel:
        answer = self._connection.call(call, fields, is_repeatable=is_repeatable)
        return registry.from_json(answer["registered_model"])

    def _version(self, call: Call, fields: Json, *, is_repeatable: bool = True) -> ModelVersion:
        answer = self._connection.call(call, fields, is_repeatable=is_repeatable)
        return registry.version_from_json(answer["model_version"])


def _of(name: str, version: str) -> Json:
    return {"name": name, "version": str(version)}


def _search(
    filter_string: str | None,
    max_results: int,
    order_by: Sequence[str] | None,
    page_token: str | None,
) -> Json:
    return {
        "filter": filter_string,
        "max_results": max_results,
        "order_by": list(order_by) if order_by else None,
        "page_token": page_token,
    }
