"""Logged models, by a client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.client.connection import Connection
from flavorkit.tracking.entities import LoggedModel, PagedList
from flavorkit.tracking.search.order import LoggedModelOrder
from flavorkit.tracking.values import texts

_ORDER_KEYS = ("field_name", "ascending", "dataset_name", "dataset_digest")


class LoggedModels(Connection):
    """What a client does with logged models."""

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Begin a logged model; its files come next, then :meth:`finalize_logged_model`.

        Args:
            experiment_id: that it belongs to.
            name: made up if None.
            source_run_id: of the run that makes it.
            tags: to begin with.
            params: that it was made with.
            model_type: whatever the user calls it.

        Raises:
            NotFoundError: there is no such experiment.
            InvalidArgumentError: the name or another argument breaks a rule.
        """
        return self._store.create_logged_model(
            str(experiment_id),
            name,
            source_run_id=source_run_id,
            tags=texts(tags),
            params=texts(params),
            model_type=model_type,
        )

    def finalize_logged_model(self, model_id: str, status: str) -> LoggedModel:
        """Say how it ended: ``READY`` or ``FAILED``."""
        return self._store.finalize_logged_model(model_id, str(status))

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """The model.

        Raises:
            NotFoundError: there is none, or it is deleted.
        """
        return self._store.get_logged_model(model_id)

    def delete_logged_model(self, model_id: str) -> None:
        """Put it into the bin."""
        self._store.delete_logged_model(model_id)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags; the values are made into text."""
        self._store.set_logged_model_tags(model_id, texts(tags))

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Delete a tag; it must be there."""
        self._store.delete_logged_model_tag(model_id, key)

    def log_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        """Add parameters; the values are made into text."""
        self._store.log_logged_model_params(model_id, texts(params))

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, Any]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """A page of the logged models that a filter lets through, the newest first.

        Args:
            experiment_ids: whose models.
            filter_string: such as ``metrics.accuracy > 0.9 AND params.depth = '3'``.
            datasets: only metrics measured on one of these count: mappings with
                ``dataset_name`` and perhaps ``dataset_digest``.
            max_results: the length of a page.
            order_by: what comes first: mappings with ``field_name`` and perhaps ``ascending``,
                ``dataset_name``, ``dataset_digest``.
            page_token: of the page before: ``token`` of the list.

        Raises:
            InvalidArgumentError: an argument cannot be read.
        """
        return self._store.search_logged_models(
            [str(one) for one in experiment_ids],
            filter_string,
            datasets=datasets or (),
            max_results=100 if max_results is None else max_results,
            order_by=[_order(term) for term in order_by or ()],
            page_token=page_token,
        )


def _order(term: Mapping[str, Any]) -> LoggedModelOrder:
    unknown = sorted(set(term) - set(_ORDER_KEYS))
    if "field_name" not in term or unknown:
        raise InvalidArgumentError(
            f"a term of order_by has a field_name, and perhaps {', '.join(_ORDER_KEYS[1:])}:"
            f" not {dict(term)!r}"
        )
    return LoggedModelOrder(**{key: term[key] for key in _ORDER_KEYS if key in term})
