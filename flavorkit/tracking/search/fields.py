"""What each entity can be compared and ordered by: the tables behind MLflow's search grammar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flavorkit.errors import InvalidArgumentError

NUMERIC = frozenset({">", ">=", "!=", "=", "<", "<="})
TEXT = frozenset({"=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"})
PAIR = TEXT | {"IS NULL", "IS NOT NULL"}


class Kind(StrEnum):
    """What part of an entity a comparison looks at."""

    ATTRIBUTE = "attribute"
    METRIC = "metric"
    PARAM = "param"
    TAG = "tag"
    DATASET = "dataset"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing an entity can be compared by.

    Args:
        kind: the part of the entity.
        key: the attribute's own name, or the user's key of a metric, parameter or tag.
        is_number: whether its values are numbers.
    """

    kind: Kind
    key: str
    is_number: bool


@dataclass(frozen=True)
class Entity:
    """The fields of one entity.

    Args:
        name: for messages.
        prefixes: what stands before the dot, and the part it means.
        texts: attributes that are text, by all their spellings.
        numbers: attributes that are numbers, by all their spellings.
        orders: further attributes to order by, by all their spellings.
        ordered_kinds: the parts whose keys can be ordered by.
    """

    name: str
    prefixes: Mapping[str, Kind]
    texts: Mapping[str, str]
    numbers: Mapping[str, str] = field(default_factory=dict)
    orders: Mapping[str, str] = field(default_factory=dict)
    ordered_kinds: frozenset[Kind] = frozenset()

    def field(self, prefix: str | None, key: str) -> Field:
        """The field that an identifier names in a filter.

        Raises:
            InvalidArgumentError: there is none.
        """
        kind = self._kind(prefix, key)
        if kind is Kind.METRIC:
            return Field(kind, key, is_number=True)
        if kind is Kind.DATASET and key not in {"name", "digest", "context"}:
            raise InvalidArgumentError(
                f"datasets are searched by name, digest and context, not by {key!r}"
            )
        if kind is not Kind.ATTRIBUTE:
            return Field(kind, key, is_number=False)
        if key in self.numbers:
            return Field(kind, self.numbers[key], is_number=True)
        if key in self.texts:
            return Field(kind, self.texts[key], is_number=False)
        raise self._unknown(key, {*self.texts, *self.numbers})

    def order_field(self, prefix: str | None, key: str) -> Field:
        """The field that an identifier names in an order.

        Raises:
            InvalidArgumentError: there is none.
        """
        kind = self._kind(prefix, key)
        if kind in self.ordered_kinds:
            return Field(kind, key, is_number=kind is Kind.METRIC)
        if kind is Kind.ATTRIBUTE and key in self.orders:
            name = self.orders[key]
            return Field(kind, name, is_number=name not in self.texts.values())
        if kind is not Kind.ATTRIBUTE:
            raise InvalidArgumentError(f"{self.name} are not ordered by {kind}s")
        raise self._unknown(key, self.orders)

    def operators(self, of: Field) -> frozenset[str]:
        """What the field can be compared with."""
        if of.is_number:
            return NUMERIC
        return PAIR if of.kind in {Kind.PARAM, Kind.TAG} else TEXT

    def _kind(self, prefix: str | None, key: str) -> Kind:
        if prefix is None:
            return Kind.ATTRIBUTE
        if prefix not in self.prefixes:
            known = ", ".join(sorted(self.prefixes))
            raise InvalidArgumentError(
                f"{self.name} are not searched by {prefix!r}; what stands before the dot is one of"
                f" {known}"
            )
        return self.prefixes[prefix]

    def _unknown(self, key: str, known: Mapping[str, str] | set[str]) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"{self.name} have no attribute {key!r} here; there is {', '.join(sorted(known))}"
        )


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_ATTRIBUTES = dict.fromkeys(("attribute", "attributes", "attr", "run"), Kind.ATTRIBUTE)
_TAGS = dict.fromkeys(("tag", "tags"), Kind.TAG)
_PARAMS = dict.fromkeys(("param", "params", "parameter", "parameters"), Kind.PARAM)
_METRICS = dict.fromkeys(("metric", "metrics"), Kind.METRIC)
_DATASETS = dict.fromkeys(("dataset", "datasets"), Kind.DATASET)

_RUN_NAMES = dict.fromkeys(("run_name", "run name", "Run name", "Run Name"), "run_name")
_RUN_TEXTS = _same("run_id", "status", "user_id", "artifact_uri") | _RUN_NAMES
_RUN_NUMBERS = _same("start_time", "end_time") | dict.fromkeys(("created", "Created"), "start_time")
RUNS = Entity(
    "runs",
    _ATTRIBUTES | _TAGS | _PARAMS | _METRICS | _DATASETS,
    texts=_RUN_TEXTS,
    numbers=_RUN_NUMBERS,
    orders=_RUN_TEXTS | _RUN_NUMBERS,
    ordered_kinds=frozenset({Kind.METRIC, Kind.PARAM, Kind.TAG}),
)

_EXPERIMENT_NUMBERS = _same("creation_time", "last_update_time")
EXPERIMENTS = Entity(
    "experiments",
    _ATTRIBUTES | _TAGS,
    texts=_same("name", "experiment_id"),
    numbers=_EXPERIMENT_NUMBERS,
    orders=_same("name", "experiment_id") | _EXPERIMENT_NUMBERS,
)

_TIMESTAMPS = _same("creation_timestamp", "last_updated_timestamp")
REGISTERED_MODELS = Entity(
    "registered models",
    _ATTRIBUTES | _TAGS,
    texts=_same("name"),
    orders=_same("name") | _TIMESTAMPS | {"timestamp": "last_updated_timestamp"},
)

MODEL_VERSIONS = Entity(
    "model versions",
    _ATTRIBUTES | _TAGS,
    texts=_same("name", "run_id", "source_path"),
    numbers=_same("version_number"),
    orders=_same("name", "version_number") | _TIMESTAMPS,
)

_MODEL_TIMES = {
    **dict.fromkeys(
        ("creation_time", "creation_timestamp", "creation_timestamp_ms"), "creation_timestamp"
    ),
    **dict.fromkeys(
        ("last_updated_timestamp", "last_updated_timestamp_ms"), "last_updated_timestamp"
    ),
}
_MODEL_TEXTS = _same("name", "model_id", "model_type", "status", "source_run_id")
LOGGED_MODELS = Entity(
    "logged models",
    _ATTRIBUTES | _TAGS | _PARAMS | _METRICS,
    texts=_MODEL_TEXTS,
    numbers=_MODEL_TIMES,
    orders=_MODEL_TEXTS | _MODEL_TIMES,
    ordered_kinds=frozenset({Kind.METRIC, Kind.PARAM, Kind.TAG}),
)
