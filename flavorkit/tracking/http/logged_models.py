"""Logged models behind a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.entities import LoggedModel, LoggedModelStatus, PagedList
from flavorkit.tracking.http.connection import Connection
from flavorkit.tracking.search.order import LoggedModelOrder
from flavorkit.tracking.wire import logged_models
from flavorkit.tracking.wire.values import pairs


class HttpLoggedModels:
    """The part of a store about logged models."""

    _connection: Connection

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        *,
        source_run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Begin a logged model, whose files come later; its name is made up if None."""
        answer = self._connection.call(
            logged_models.CREATE,
            {
                "experiment_id": experiment_id,
                "name": name,
                "source_run_id": source_run_id,
                "tags": pairs(tags) if tags else None,
                "params": pairs(params) if params else None,
                "model_type": model_type,
            },
            is_repeatable=False,
        )
        return logged_models.from_json(answer["model"])

    def finalize_logged_model(self, model_id: str, status: str) -> LoggedModel:
        """Say how it ended: ``READY`` or ``FAILED``."""
        try:
            name = logged_models.STATUS_NAMES[LoggedModelStatus(status)]
        except ValueError:
            raise InvalidArgumentError(
                f"a logged model ends READY or FAILED, not {status!r}"
            ) from None
        answer = self._connection.call(
            logged_models.FINALIZE, {"model_id": model_id, "status": name}
        )
        return logged_models.from_json(answer["model"])

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """The model, which is not deleted."""
        answer = self._connection.call(logged_models.GET, {"model_id": model_id})
        return logged_models.from_json(answer["model"])

    def delete_logged_model(self, model_id: str) -> None:
        """Put it into the bin."""
        fields = {"model_id": model_id}
        self._connection.call(logged_models.DELETE, fields, is_repeatable=False)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, str]) -> LoggedModel:
        """Set tags."""
        fields = {"model_id": model_id, "tags": pairs(tags)}
        answer = self._connection.call(logged_models.SET_TAGS, fields)
        if "model" in answer:
            return logged_models.from_json(answer["model"])
        return self.get_logged_model(model_id)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Delete a tag; it must be there."""
        fields = {"model_id": model_id, "tag_key": key}
        self._connection.call(logged_models.DELETE_TAG, fields, is_repeatable=False)

    def log_logged_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Add parameters."""
        fields = {"model_id": model_id, "params": pairs(params)}
        self._connection.call(logged_models.LOG_PARAMS, fields)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        *,
        datasets: Sequence[Mapping[str, str]] = (),
        max_results: int = 100,
        order_by: Sequence[LoggedModelOrder] = (),
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """A page of the logged models that a filter lets through, the newest first."""
        answer = self._connection.call(
            logged_models.SEARCH,
            {
                "experiment_ids": list(experiment_ids),
                "filter": filter_string,
                "datasets": [dict(one) for one in datasets] or None,
                "max_results": max_results,
                "order_by": [logged_models.order_to_json(one) for one in order_by] or None,
                "page_token": page_token,
            },
        )
        found = map(logged_models.from_json, answer.get("models", ()))
        return PagedList(found, answer.get("next_page_token") or None)
