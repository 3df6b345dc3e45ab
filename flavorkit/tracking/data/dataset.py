"""What is kept of a dataset: its name, digest, schema, size, and where it comes from."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

from flavorkit.errors import FlavorkitError
from flavorkit.signature import Schema
from flavorkit.signature.infer import infer_schema
from flavorkit.tracking.data import digests
from flavorkit.tracking.data.sources import DatasetSource, source_from_json
from flavorkit.tracking.entities import Dataset as DatasetEntity
from flavorkit.tracking.entities import DatasetInput

_logger = logging.getLogger(__name__)


class Dataset(ABC):
    """Data that a run uses; nothing but a description of it is kept.

    Args:
        source: where it comes from.
        name: ``dataset`` if None.
        digest: of its content; worked out if None.
    """

    def __init__(
        self, source: DatasetSource, name: str | None = None, digest: str | None = None
    ) -> None:
        self.source = source
        self.name = "dataset" if name is None else name
        self._digest = digest

    @cached_property
    def digest(self) -> str:
        """Eight hexadecimal digits that tell it from others of its name."""
        return self._digest or self._compute_digest()

    @property
    @abstractmethod
    def schema(self) -> Any:
        """Its columns, or None."""

    @property
    @abstractmethod
    def profile(self) -> dict[str, Any] | None:
        """Its size, or None."""

    def to_dict(self) -> dict[str, Any]:
        """What is kept, all of it text."""
        described = {
            "name": self.name,
            "digest": self.digest,
            "source": self.source.to_json(),
            "source_type": self.source.source_type,
        }
        schema, profile = self._schema_dict(), self.profile
        described |= {} if schema is None else {"schema": json.dumps(schema)}
        return described | ({} if profile is None else {"profile": json.dumps(profile)})

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(self.to_dict())

    @abstractmethod
    def _compute_digest(self) -> str: ...

    def _schema_dict(self) -> dict[str, Any] | None:
        return None if self.schema is None else {"mlflow_colspec": self.schema.to_dict()}


class MetaDataset(Dataset):
    """Data that are elsewhere: a source, and perhaps a schema."""

    def __init__(
        self,
        source: DatasetSource,
        name: str | None = None,
        digest: str | None = None,
        schema: Schema | None = None,
    ) -> None:
        self._schema = schema
        super().__init__(source, name, digest)

    @property
    def schema(self) -> Schema | None:
        """As it was given."""
        return self._schema

    @property
    def profile(self) -> None:
        """Nothing is known of its size."""
        return

    def _compute_digest(self) -> str:
        described = {
            "name": self.name,
            "source": self.source.to_json(),
            "source_type": self.source.source_type,
            "schema": self._schema.to_dict() if self._schema else "",
        }
        return digests.of_text(json.dumps(described))


def schema_of(data: Any) -> Schema | None:
    """The columns of some data; None of such as has none that a schema can say."""
    try:
        return infer_schema(data)
    except (FlavorkitError, TypeError, ValueError) as exc:
        _logger.debug("no schema of a dataset: %s", exc)
        return None


def get_source(dataset: Dataset | DatasetEntity | DatasetInput) -> DatasetSource:
    """Where a dataset comes from, be it at hand or one that a run has noted.

    Raises:
        InvalidArgumentError: what was noted cannot be read.
    """
    if isinstance(dataset, Dataset):
        return dataset.source
    noted = dataset.dataset if isinstance(dataset, DatasetInput) else dataset
    return source_from_json(noted.source_type, noted.source)
