"""Arrays of numpy as a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flavorkit.signature import Schema
from flavorkit.tracking.data import digests
from flavorkit.tracking.data.dataset import Dataset, schema_of
from flavorkit.tracking.data.sources import DatasetSource, source_of

if TYPE_CHECKING:
    import numpy as np

    Arrays = np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class TensorDatasetSchema:
    """The tensors of a dataset: features, and perhaps targets."""

    features: Schema
    targets: Schema | None = None

    def to_dict(self) -> dict[str, Any]:
        """As MLflow writes it."""
        targets = None if self.targets is None else self.targets.to_json()
        return {"mlflow_tensorspec": {"features": self.features.to_json(), "targets": targets}}


class NumpyDataset(Dataset):
    """Arrays of numpy; :func:`from_numpy` makes one."""

    def __init__(
        self,
        features: Arrays,
        source: DatasetSource,
        targets: Arrays | None = None,
        name: str | None = None,
        digest: str | None = None,
    ) -> None:
        self.features, self.targets = features, targets
        super().__init__(source, name, digest)

    @cached_property
    def schema(self) -> TensorDatasetSchema | None:
        """The types and shapes of the tensors."""
        features = schema_of(self.features)
        targets = None if self.targets is None else schema_of(self.targets)
        return None if features is None else TensorDatasetSchema(features, targets)

    @property
    def profile(self) -> dict[str, Any]:
        """Shapes, and how many numbers and bytes."""
        profile = _profile("features", self.features)
        return profile if self.targets is None else profile | _profile("targets", self.targets)

    def _compute_digest(self) -> str:
        return digests.of_arrays(self.features, self.targets)

    def _schema_dict(self) -> dict[str, Any] | None:
        return None if self.schema is None else self.schema.to_dict()


def from_numpy(
    features: Arrays,
    source: str | Path | DatasetSource | None = None,
    targets: Arrays | None = None,
    name: str | None = None,
    digest: str | None = None,
) -> NumpyDataset:
    """Arrays of numpy as a dataset, to be passed to :func:`flavorkit.log_input`.

    Args:
        features: an array, or arrays by name.
        source: where they come from: a path or a URI; the running program if None.
        targets: what is to be predicted, in the same form.
        name: ``dataset`` if None.
        digest: worked out if None.
    """
    return NumpyDataset(features, source_of(source), targets, name, digest)


def _profile(name: str, arrays: Arrays) -> dict[str, Any]:
    def each(what: Callable[[np.ndarray[Any, Any]], Any]) -> Any:
        if isinstance(arrays, Mapping):
            return {key: what(array) for key, array in arrays.items()}
        return what(arrays)

    return {
        f"{name}_shape": each(lambda array: list(array.shape)),
        f"{name}_size": each(lambda array: int(array.size)),
        f"{name}_nbytes": each(lambda array: int(array.nbytes)),
    }
