"""What every store can do: the SQL one, the one over HTTP, and MLflow's folders.

One protocol in three parts, which one object implements. What a store is given has been checked by
nobody: it checks names, keys and sizes itself (:mod:`flavorkit.tracking.names`). A method returns
when what it wrote is as safe as the store can make it.

Errors: ``NotFoundError`` for what is not there, ``AlreadyExistsError`` for a name that is taken,
``InvalidArgumentError`` for what breaks a rule, ``StoreUnavailableError`` for a database or a
server that does not answer. A store raises nothing else on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from flavorkit.tracking.entities import (
    DatasetInput,
    Experiment,
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    ModelVersion,
    PagedList,
    Param,
    RegisteredModel,
    RegistryChange,
    Run,
    RunInfo,
    RunTag,
    ViewType,
)
from flavorkit.tracking.search.order import LoggedModelOrder


class RunStore(Protocol):
    """Experiments and runs."""

    def create_experiment(
        self,
        name: str,
        artifact_location: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Make an experiment; return its id.

        Args:
            name: not taken by another, be it deleted.
            artifact_location: where its runs keep their artifacts; below the store's root if None.
            tags: to begin with.
        """

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment, be it deleted."""

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """The experiment of that name, be it deleted; None if there is none."""

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an active experiment another name."""

    def delete_experiment(self, experiment_id: str) -> None:
        """Put an active experiment and its active runs into the bin."""

    def restore_experiment(self, experiment_id: str) -> None:
        """Take a deleted experiment, and the runs that went with it, out of the bin."""

    def set_experiment_tag(self, experiment_id: str, key: str, value: str) -> None:
        """Set a tag of an active experiment."""

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Delete a tag of an active experiment; it must be there."""

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str | None = None,
        *,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """A page of the experiments that a filter lets through, the newest first."""

    def create_run(
        self,
        experiment_id: str,
        *,
        user_id: str | None = None,
        start_time: int | None = None,
        tags: Sequence[RunTag] = (),
        run_name: str | None = None,
    ) -> Run:
        """Begin a run in an active experiment.

        Args:
            experiment_id: of the experiment.
            user_id: whoever runs it.
            start_time: now if None.
            tags: to begin with; ``mlflow.runName`` may give the name.
            run_name: made up if None and no tag gives one.
        """

    def get_run(self, run_id: str) -> Run:
        """The run, be it deleted, with all that was logged but the history of its metrics."""

    def update_run(
        self,
        run_id: str,
        status: str | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> RunInfo:
        """Change what is given of an active run."""

    def delete_run(self, run_id: str) -> None:
        """Put an active run into the bin."""

    def restore_run(self, run_id: str) -> None:
        """Take a deleted run out of the bin."""

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        *,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """A page of the runs of some experiments that a filter lets through, the newest first."""

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """Log all of it into an active run, or nothing.

        The same value of a metric at the same step and time is kept once, so that a call whose
        answer was lost can be repeated. A parameter keeps its first value: another one is an error.
        """

    def log_metric(self, run_id: str, metric: Metric) -> None:
        """Log one value."""

    def log_param(self, run_id: str, param: Param) -> None:
        """Log one parameter."""

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        """Set one tag."""

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete a tag of an active run; it must be there."""

    def get_metric_history(
        self, run_id: str, key: str, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList[Metric]:
        """All values of a metric by time, step and value, or a page of them."""

    def get_metric_history_bulk(
        self,
        run_ids: Sequence[str],
        key: str,
        *,
        start_step: int | None = None,
        end_step: int | None = None,
        max_results: int = 25_000,
    ) -> list[Metric]:
        """The values of a metric of several runs, evenly thinned; ``run_id`` is set in each."""

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] = (),
        models: Sequence[LoggedModelInput] = (),
    ) -> None:
        """Note what an active run used."""

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Note which logged models an active run made."""


class LoggedModelStore(Protocol):
    """Logged models."""

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

    def finalize_logged_model(self, model_id: str, status: str) -> LoggedModel:
        """Say how it ended: ``READY`` or ``FAILED``."""

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """The model, which is not deleted."""

    def delete_logged_model(self, model_id: str) -> None:
        """Put it into the bin."""

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, str]) -> LoggedModel:
        """Set tags."""

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Delete a tag; it must be there."""

    def log_logged_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Add parameters."""

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
        """A page of the logged models that a filter lets through, the newest first.

        Args:
            experiment_ids: whose models.
            filter_string: in the grammar of the searches.
            datasets: only metrics measured on one of these count: ``dataset_name``, and
                ``dataset_digest`` if that matters.
            max_results: the length of a page.
            order_by: what comes first.
            page_token: of the page before.
        """


class RegistryStore(Protocol):
    """Registered models and their versions."""

    def create_registered_model(
        self, name: str, tags: Mapping[str, str] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Begin a registered model."""

    def get_registered_model(self, name: str) -> RegisteredModel:
        """The registered model."""

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give it another name."""

    def update_registered_model(self, name: str, description: str | None) -> RegisteredModel:
        """Describe it."""

    def delete_registered_model(self, name: str) -> None:
        """Delete it with all its versions, for good."""

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """A page of the registered models that a filter lets through, by name."""

    def get_latest_versions(
        self, name: str, stages: Sequence[str] | None = None
    ) -> list[ModelVersion]:
        """Of each stage, or of those given, the newest version."""

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        """Set a tag."""

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Delete a tag, if it is there."""

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Point an alias at a version, whatever it pointed at before."""

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Delete an alias, if it is there."""

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """What the alias points at.

        Raises:
            InvalidArgumentError: there is no such alias; MLflow's clients expect this one.
        """

    def get_registry_history(self, name: str) -> list[RegistryChange]:
        """What its aliases and stages meant when, the oldest change first.

        Raises:
            UnsupportedByStoreError: the store keeps none.
        """

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
        """Publish the next version: one more than the largest there ever was.

        Args:
            name: of a registered model.
            source: ``models:/m-...`` (then that is its ``model_id``), ``runs:/...``,
                ``models:/...`` or a URI.
            run_id: of the run that made it.
            tags: to begin with.
            run_link: a link to that run, for people.
            description: for people.
            model_id: of the logged model it is.
        """

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """The version."""

    def update_model_version(
        self, name: str, version: str, description: str | None
    ) -> ModelVersion:
        """Describe it."""

    def transition_model_version_stage(
        self, name: str, version: str, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Give it a stage, and perhaps archive the others that have it."""

    def delete_model_version(self, name: str, version: str) -> None:
        """Delete it and its aliases, for good."""

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """A page of the versions that a filter lets through, the last changed first."""

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        """Set a tag."""

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """Delete a tag, if it is there."""

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """Where the files of the version are: a URI of an artifact repository."""


class Store(RunStore, LoggedModelStore, RegistryStore, Protocol):
    """All of it.

    A store also empties its bin; the commands ask for that, no client can.
    """

    def purge(
        self,
        *,
        run_ids: Sequence[str] = (),
        experiment_ids: Sequence[str] = (),
        model_ids: Sequence[str] = (),
    ) -> None:
        """Remove deleted runs, experiments and logged models for good; not their artifacts.

        Raises:
            InvalidArgumentError: one of them is not deleted.
        """

    def artifacts_in_bin(
        self,
        *,
        run_ids: Sequence[str] = (),
        experiment_ids: Sequence[str] = (),
        model_ids: Sequence[str] = (),
    ) -> dict[str, str]:
        """Where the artifacts are of what :meth:`purge` of the same would remove.

        Returns:
            The URI of each run and logged model by its id, those of the experiments among them.

        Raises:
            NotFoundError: one of them is not there.
            InvalidArgumentError: one of them is not deleted.
        """

    @property
    def artifact_root(self) -> str:
        """Where experiments that name no place keep their artifacts."""

    def deleted_before(self, cutoff: int) -> tuple[list[str], list[str], list[str]]:
        """The ids of the runs, experiments and logged models that were deleted by then."""

    def close(self) -> None:
        """Let go of connections."""
