"""What the files of a run say, and what is written into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking import names
from flavorkit.tracking.entities import LifecycleStage, Run, RunData, RunInfo, RunStatus, RunTag
from flavorkit.tracking.files import inputs, metadata, metrics, values
from flavorkit.tracking.files.folders import Folder
from flavorkit.tracking.files.layout import PARAMS, TAGS, is_run
from flavorkit.tracking.run_names import made_up

RUN_NAME = "mlflow.runName"


def checked_tags(tags: Sequence[RunTag]) -> dict[str, str]:
    """Tags of a run that keep the rules.

    Raises:
        InvalidArgumentError: one breaks a rule.
    """
    return {
        names.key(tag.key, "tag of a run"): names.run_tag_value(tag.key, tag.value) for tag in tags
    }


def write_tags(
    folder: Folder,
    content: Mapping[str, Any],
    tags: Mapping[str, str],
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Write tags and other changes of a run; its name is a tag and stands in its file."""
    values.write_all(folder, TAGS, tags, "tag")
    changed = dict(changes or {})
    if RUN_NAME in tags:
        changed["run_name"] = tags[RUN_NAME]
    if changed:
        metadata.update(folder, content, **changed)


def run_name(given: str | None, tags: Mapping[str, str]) -> str:
    """The name of a new run: what was given, what a tag says, or one made up.

    Raises:
        InvalidArgumentError: both say something, and not the same.
    """
    if not given:
        return tags.get(RUN_NAME) or made_up()
    name = names.run_tag_value(RUN_NAME, given)
    if tags.get(RUN_NAME, name) != name:
        raise InvalidArgumentError(
            f"the run is named {name!r}, and its tag {RUN_NAME} says {tags[RUN_NAME]!r}"
        )
    return name


def check_active(run_id: str, content: Mapping[str, Any]) -> None:
    """See that a run may be changed.

    Raises:
        InvalidArgumentError: it is deleted.
    """
    if content["lifecycle_stage"] != LifecycleStage.ACTIVE:
        raise InvalidArgumentError(f"the run {run_id} is deleted: restore it first")


def listed(experiment: Folder) -> Iterator[tuple[Folder, dict[str, Any]]]:
    """The folders of the runs of an experiment, of which each is closed before the next one."""
    for name in filter(is_run, experiment.folders()):
        folder = experiment.find(name)
        if folder is None:
            continue
        with folder:
            content = content_of(folder, metadata.read_or_skip(folder))
            if content is not None:
                yield folder, content


def content_of(folder: Folder, content: dict[str, Any] | None) -> dict[str, Any] | None:
    """What is known of a run, in today's words; None if the folder is none.

    Artifacts can have a ``meta.yaml`` too, hence the comparison with the names of the folders.
    """
    if content is None:
        return None
    path = Path(folder.path)
    run_id = content.get("run_id") or content.get("run_uuid")
    if str(run_id) != path.name or str(content.get("experiment_id")) != path.parent.name:
        return None
    status = content.get("status")
    stages = (LifecycleStage.ACTIVE, LifecycleStage.DELETED)
    return {
        **content,
        "run_id": str(run_id),
        "run_name": metadata.text(content, "run_name") or metadata.text(content, "name"),
        "status": status if status in RunStatus.all_status() else RunStatus.RUNNING,
        "lifecycle_stage": stages[content.get("lifecycle_stage") == LifecycleStage.DELETED].value,
    }


def info(content: Mapping[str, Any], tags: Mapping[str, str]) -> RunInfo:
    """What a run is, by what is known of it."""
    return RunInfo(
        run_id=content["run_id"],
        experiment_id=str(content["experiment_id"]),
        user_id=metadata.text(content, "user_id") or "",
        status=RunStatus.to_string(content["status"]),
        start_time=metadata.integer(content, "start_time") or 0,
        end_time=metadata.integer(content, "end_time"),
        lifecycle_stage=content["lifecycle_stage"],
        artifact_uri=metadata.text(content, "artifact_uri") or "",
        run_name=content["run_name"] or tags.get(RUN_NAME, ""),
    )


def whole(folder: Folder, content: Mapping[str, Any]) -> Run:
    """A run, with all that was logged into it."""
    tags = values.read_all(folder, TAGS)
    return Run(
        info(content, tags),
        RunData(
            [metrics.latest(history) for history in metrics.read_all(folder)],
            values.read_all(folder, PARAMS),
            tags,
        ),
        inputs.read_inputs(folder),
        inputs.read_outputs(folder),
    )
