"""What the stores remember, under the names of MLflow's entities.

Times are milliseconds since 1970-01-01 UTC. Ids, and the numbers of model versions, are strings, as
on the wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

from flavorkit.tracking.pairs import Pairs

T = TypeVar("T")


class LifecycleStage(StrEnum):
    """Whether an experiment or a run is there, or in the bin."""

    ACTIVE = "active"
    DELETED = "deleted"


class ViewType:
    """Which of them a search looks at, by MLflow's numbers."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3

    _NAMES = ("ACTIVE_ONLY", "DELETED_ONLY", "ALL")

    @classmethod
    def to_string(cls, view_type: int) -> str:
        """``active_only`` for 1, and so on."""
        return cls._NAMES[view_type - 1].lower()

    @classmethod
    def from_string(cls, view_type: str) -> int:
        """1 for ``active_only``, and so on."""
        return cls._NAMES.index(view_type.upper()) + 1


class RunStatus:
    """What a run is doing, by MLflow's numbers; ``RunInfo.status`` is the name."""

    RUNNING = 1
    SCHEDULED = 2
    FINISHED = 3
    FAILED = 4
    KILLED = 5

    _NAMES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")

    @classmethod
    def to_string(cls, status: int) -> str:
        """The name of a number."""
        return cls._NAMES[status - 1]

    @classmethod
    def from_string(cls, status: str) -> int:
        """The number of a name."""
        return cls._NAMES.index(status) + 1

    @classmethod
    def is_terminated(cls, status: int | str) -> bool:
        """Whether a run of this status has ended."""
        name = cls.to_string(status) if isinstance(status, int) else status
        return name in {"FINISHED", "FAILED", "KILLED"}

    @classmethod
    def all_status(cls) -> list[int]:
        """All numbers."""
        return list(range(1, len(cls._NAMES) + 1))


class LoggedModelStatus(StrEnum):
    """How far the upload of a logged model has come; the values are MLflow's."""

    UNSPECIFIED = "UNSPECIFIED"
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


class ModelVersionStatus(StrEnum):
    """Whether a version can be used."""

    PENDING_REGISTRATION = "PENDING_REGISTRATION"
    FAILED_REGISTRATION = "FAILED_REGISTRATION"
    READY = "READY"


class PagedList(list[T]):
    """One page of a search.

    Args:
        items: what was found.
        token: what to ask the next page with; None on the last.
    """

    def __init__(self, items: Iterable[T] = (), token: str | None = None) -> None:
        super().__init__(items)
        self.token = token


@dataclass(frozen=True, slots=True)
class _Pair(Pairs):
    key: str
    value: str


class Param(_Pair):
    """A parameter of a run."""

    __slots__ = ()


class RunTag(_Pair):
    """A tag of a run."""

    __slots__ = ()


class ExperimentTag(_Pair):
    """A tag of an experiment."""

    __slots__ = ()


class InputTag(_Pair):
    """A tag of a dataset as the input of a run."""

    __slots__ = ()


class LoggedModelTag(_Pair):
    """A tag of a logged model."""

    __slots__ = ()


class LoggedModelParameter(_Pair):
    """A parameter of a logged model."""

    __slots__ = ()


class RegisteredModelTag(_Pair):
    """A tag of a registered model."""

    __slots__ = ()


class ModelVersionTag(_Pair):
    """A tag of a model version."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Metric(Pairs):
    """One value of a metric.

    Args:
        key: the metric's name.
        value: may be NaN or infinite.
        timestamp: when it was measured.
        step: of the training, whatever the user counts.
        dataset_name: of the dataset that it was measured on, if that is known; with its digest.
        model_id: of the logged model that it was measured of, if that is known.
        run_id: of the run that it belongs to, where that is not plain.
    """

    key: str
    value: float
    timestamp: int
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Experiment(Pairs):
    """A named collection of runs."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str = LifecycleStage.ACTIVE
    tags: Mapping[str, str] = field(default_factory=dict)
    creation_time: int | None = None
    last_update_time: int | None = None


@dataclass(frozen=True, slots=True)
class RunInfo(Pairs):
    """What a run is, without what was logged into it."""

    run_id: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None = None
    lifecycle_stage: str = LifecycleStage.ACTIVE
    artifact_uri: str = ""
    run_name: str = ""

    @property
    def run_uuid(self) -> str:
        """The id, under its old name."""
        return self.run_id


@dataclass(frozen=True)
class RunData(Pairs):
    """What was logged into a run.

    Args:
        latest_metrics: of every metric the value that counts: of the largest step, then of the
            largest timestamp, then the largest.
        params: of the run.
        tags: of the run.
    """

    latest_metrics: Sequence[Metric] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The value that counts of every metric."""
        return {metric.key: metric.value for metric in self.latest_metrics}

    def to_dictionary(self) -> dict[str, Any]:
        """Metrics, parameters and tags by key."""
        return {"metrics": self.metrics, "params": dict(self.params), "tags": dict(self.tags)}


@dataclass(frozen=True, slots=True)
class Dataset(Pairs):
    """What identifies the data that a run used.

    Args:
        name: of the dataset.
        digest: of its content.
        source_type: how ``source`` is to be read.
        source: where it is, as JSON.
        schema: its columns, as JSON.
        profile: its size and the like, as JSON.
    """

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetInput(Pairs):
    """A dataset that a run used, and as what (tag ``mlflow.data.context``)."""

    dataset: Dataset
    tags: Sequence[InputTag] = ()


@dataclass(frozen=True, slots=True)
class LoggedModelInput(Pairs):
    """A logged model that a run used."""

    model_id: str


@dataclass(frozen=True, slots=True)
class LoggedModelOutput(Pairs):
    """A logged model that a run made, and at what step."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class RunInputs(Pairs):
    """What a run used."""

    dataset_inputs: Sequence[DatasetInput] = ()
    model_inputs: Sequence[LoggedModelInput] = ()


@dataclass(frozen=True, slots=True)
class RunOutputs(Pairs):
    """What a run made."""

    model_outputs: Sequence[LoggedModelOutput] = ()


@dataclass(frozen=True, slots=True)
class Run(Pairs):
    """A run of some training or evaluation, and what was logged into it."""

    info: RunInfo
    data: RunData = field(default_factory=RunData)
    inputs: RunInputs = RunInputs()
    outputs: RunOutputs = RunOutputs()


@dataclass(frozen=True, slots=True)
class LoggedModel(Pairs):
    """A model as a run logged it, whether it is registered or not."""

    model_id: str
    experiment_id: str
    name: str
    artifact_location: str
    creation_timestamp: int
    last_updated_timestamp: int
    model_type: str | None = None
    source_run_id: str | None = None
    status: LoggedModelStatus = LoggedModelStatus.PENDING
    status_message: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[Metric] = ()

    @property
    def model_uri(self) -> str:
        """What it is loaded by."""
        return f"models:/{self.model_id}"


@dataclass(frozen=True, slots=True)
class ModelVersion(Pairs):
    """A version of a registered model.

    Args:
        source: the reference it was registered by: ``models:/m-...``, ``runs:/...`` or a URI.
        current_stage: ``None``, ``Staging``, ``Production`` or ``Archived``.
        aliases: that point at this version.
    """

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None = None
    user_id: str | None = None
    current_stage: str = "None"
    source: str = ""
    run_id: str | None = None
    status: str = ModelVersionStatus.READY
    status_message: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    run_link: str | None = None
    aliases: Sequence[str] = ()
    model_id: str | None = None


@dataclass(frozen=True, slots=True)
class RegisteredModel(Pairs):
    """A name under which versions of a model are published.

    Args:
        latest_versions: of each stage the newest version.
        aliases: alias to version.
    """

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    latest_versions: Sequence[ModelVersion] = ()


@dataclass(frozen=True, slots=True)
class RegistryChange(Pairs):
    """An alias or a stage that came to mean another version.

    Args:
        at: when.
        user: who, as far as is known.
        kind: ``alias`` or ``stage``.
        subject: the alias; the version, for a stage.
        before: the version the alias pointed at; the stage the version had. None if none.
        after: the version the alias points at; the stage the version has. None if it was deleted.
    """

    name: str
    at: int
    user: str
    kind: str
    subject: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class FileInfo(Pairs):
    """An artifact, by its path below the root of its run or model.

    Args:
        file_size: in bytes; None of a folder.
    """

    path: str
    is_dir: bool
    file_size: int | None
