"""The store in MLflow's folders, whole: with the bin and its emptying."""

from __future__ import annotations

from collections.abc import Sequence

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.entities import LifecycleStage, ViewType
from flavorkit.tracking.files import logged_models, metadata, run_files
from flavorkit.tracking.files.folders import Folder
from flavorkit.tracking.files.layout import ARTIFACTS, META, TRASH
from flavorkit.tracking.files.model_versions import VersionFolders


class FileStore(VersionFolders):
    """A store in MLflow's folders, which several processes, and MLflow, may use at once.

    What is written survives any process that is killed. Experiments, models, versions and how a run
    ended are flushed to the disk too; of what else was logged into runs, the last seconds may be
    lost with the power.

    Args:
        root: the folder of the store; it is made if it is not there.
        artifact_root: where experiments that name no place keep their artifacts; the folder of the
            store if None.
    """

    def purge(
        self,
        *,
        run_ids: Sequence[str] = (),
        experiment_ids: Sequence[str] = (),
        model_ids: Sequence[str] = (),
    ) -> None:
        """Remove deleted runs, experiments and logged models for good; not their artifacts."""
        self.artifacts_in_bin(run_ids=run_ids, experiment_ids=experiment_ids, model_ids=model_ids)
        for run_id in run_ids:
            with self._run(run_id) as (folder, _):
                _remove(folder, run_id)
        for model_id in model_ids:
            with self._model(model_id) as (folder, _):
                _remove(folder, model_id)
        for experiment_id in experiment_ids:
            self._remove_experiment(experiment_id)

    def artifacts_in_bin(
        self,
        *,
        run_ids: Sequence[str] = (),
        experiment_ids: Sequence[str] = (),
        model_ids: Sequence[str] = (),
    ) -> dict[str, str]:
        """Where the artifacts are of what :meth:`purge` would remove, by run or logged model."""
        found: dict[str, str] = {}
        for run_id in run_ids:
            with self._run(run_id) as (_, content):
                _check_deleted(f"the run {run_id}", content["lifecycle_stage"])
                found[run_id] = metadata.text(content, "artifact_uri") or ""
        for model_id in model_ids:
            with self._model(model_id) as (_, content):
                _check_deleted(f"the logged model {model_id}", content["lifecycle_stage"])
                found[model_id] = metadata.text(content, "artifact_location") or ""
        for experiment_id in experiment_ids:
            with self._experiment(experiment_id) as (experiment, content):
                _check_deleted(f"the experiment {experiment_id}", content["lifecycle_stage"])
                for _, run in run_files.listed(experiment):
                    found[run["run_id"]] = metadata.text(run, "artifact_uri") or ""
                for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY):
                    for _, model in logged_models.listed(experiment, view):
                        place = metadata.text(model, "artifact_location") or ""
                        found[model["model_id"]] = place
        return found

    @property
    def artifact_root(self) -> str:
        """Where experiments that name no place keep their artifacts."""
        return self._artifact_root

    def deleted_before(self, cutoff: int) -> tuple[list[str], list[str], list[str]]:
        """The ids of the runs, experiments and logged models that were deleted by then."""
        found_runs: list[str] = []
        found_models: list[str] = []
        with self._root() as root:
            experiments = [
                str(content["experiment_id"])
                for _, content in self._listed(root, ViewType.DELETED_ONLY)
                if _is_before(metadata.integer(content, "last_update_time"), cutoff)
            ]
            for folder, _ in self._listed(root, ViewType.ALL):
                found_runs += [
                    content["run_id"]
                    for _, content in run_files.listed(folder)
                    if content["lifecycle_stage"] == LifecycleStage.DELETED
                    and _is_before(metadata.integer(content, "deleted_time"), cutoff)
                ]
                found_models += [
                    content["model_id"]
                    for _, content in logged_models.listed(folder, ViewType.DELETED_ONLY)
                    if _is_before(metadata.integer(content, "last_updated_timestamp"), cutoff)
                ]
        return found_runs, experiments, found_models

    def close(self) -> None:
        """Let go of what is open: between calls nothing is."""

    def _remove_experiment(self, experiment_id: str) -> None:
        with self._root() as root, root.locked():
            with self._experiment(experiment_id) as (folder, _):
                # What is in the bin has left the place that its artifacts are known by.
                folder.remove(META)
                folder.remove_all()
            for place in ((), (TRASH,)):
                parent = root.find(*place)
                if parent is not None:
                    with parent:
                        parent.remove_empty(experiment_id)


def _check_deleted(what: str, stage: str) -> None:
    if stage != LifecycleStage.DELETED:
        raise InvalidArgumentError(f"{what} is not deleted")


def _is_before(moment: int | None, cutoff: int) -> bool:
    """Whether something was deleted by then; what does not say when, long ago."""
    return moment is None or moment <= cutoff


def _remove(folder: Folder, name: str) -> None:
    # Without this file it is nothing any more, should we be stopped in between.
    folder.remove(META)
    folder.remove_all(keeping=ARTIFACTS)
    with folder.parent() as parent:
        parent.remove_empty(name)
