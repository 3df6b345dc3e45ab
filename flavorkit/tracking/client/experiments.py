"""Experiments, by a client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flavorkit.tracking.client.connection import Connection
from flavorkit.tracking.entities import Experiment, PagedList, ViewType
from flavorkit.tracking.values import texts


class Experiments(Connection):
    """What a client does with experiments."""

    def create_experiment(
        self,
        name: str,
        artifact_location: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> str:
        """Make an experiment; return its id.

        Args:
            name: not taken by another, be it deleted.
            artifact_location: where its runs keep their artifacts; a place of the store's own
                choice if None.
            tags: to begin with.

        Raises:
            AlreadyExistsError: the name is taken.
            InvalidArgumentError: the name or a tag breaks a rule.
        """
        location = None if artifact_location is None else str(artifact_location)
        return self._store.create_experiment(name, location, texts(tags))

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment, be it deleted.

        Raises:
            NotFoundError: there is none.
        """
        return self._store.get_experiment(str(experiment_id))

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """The experiment of that name, be it deleted; None if there is none."""
        return self._store.get_experiment_by_name(name)

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int | None = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """A page of experiments, the newest first; ``token`` of the list asks for the next.

        Raises:
            InvalidArgumentError: the filter or the order cannot be read.
        """
        return self._store.search_experiments(
            view_type,
            1000 if max_results is None else max_results,
            filter_string,
            order_by=order_by,
            page_token=page_token,
        )

    def list_experiments(
        self,
        view_type: int | None = None,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """A page of experiments, under the name that MLflow 1 had for that."""
        return self.search_experiments(
            view_type or ViewType.ACTIVE_ONLY, max_results, page_token=page_token
        )

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an active experiment another name."""
        self._store.rename_experiment(str(experiment_id), new_name)

    def delete_experiment(self, experiment_id: str) -> None:
        """Put an experiment and its runs into the bin, where they can be restored from."""
        self._store.delete_experiment(str(experiment_id))

    def restore_experiment(self, experiment_id: str) -> None:
        """Take an experiment and its runs out of the bin."""
        self._store.restore_experiment(str(experiment_id))

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set a tag of an experiment; the value is made into text."""
        self._store.set_experiment_tag(str(experiment_id), key, str(value))

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Delete a tag of an experiment; it must be there."""
        self._store.delete_experiment_tag(str(experiment_id), key)
