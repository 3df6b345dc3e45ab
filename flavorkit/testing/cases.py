"""A case: fitted models of one framework, and what they must predict."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import pandas as pd

import flavorkit
from flavorkit.descriptor import ModelDescriptor
from flavorkit.flavors.registry import get_flavor

Other = Literal["array", "dict", "list"]


@dataclass(frozen=True)
class Model:
    """One fitted model, how it is saved, and what it answers."""

    name: str
    fit: Callable[[], tuple[Any, Any]]
    """Makes the framework's own object, and rows to predict on: a frame, an array, or a dict of
    arrays. Called once, and only when a test needs it."""
    expected: Callable[..., Any]
    """The framework's own answer: ``expected(native, data, **params)``."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the flavor to save it with."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Inference parameters that change the answer: those of the example, so the defaults."""
    is_data: bool = True
    """Whether the format is of the class "data"."""
    others: Sequence[Other] = ("array", "dict", "list")
    """Containers beside that of the rows which give the same answer."""
    rtol: float = 0.0
    """How far numbers may be off, where another batch or memory layout is rounded otherwise."""
    is_deterministic: bool = True
    """Whether the framework writes the same bytes each time."""
    has_own_type: bool = True
    """Whether the type of the object, or the ending of its path, names the flavor."""
    is_row_for_row: bool = True
    """Whether each row has one answer, and can be given alone; a forecast may take one row, which
    says how far, or the latest rows, of which it needs several, and gives a row for each period."""
    example_rows: int = 2

    @cached_property
    def _fitted(self) -> tuple[Any, Any]:
        return self.fit()

    @property
    def native(self) -> Any:
        """The framework's own object."""
        return self._fitted[0]

    @property
    def data(self) -> Any:
        """Rows to predict on."""
        return self._fitted[1]

    def answer(self, data: Any) -> Any:
        """What the framework itself answers, with :attr:`params`, which become the defaults."""
        return self.expected(self.native, data, **self.params)

    def save(self, path: Any, **more: Any) -> ModelDescriptor:
        """Save it with an example."""
        example = rows_of(self.data, 0, self.example_rows)
        if self.params:
            example = (example, dict(self.params))
        flavor = {} if self.has_own_type else {"flavor": more.pop("flavor", None)}
        more = {"input_example": example, **self.options, **flavor, **more}
        return flavorkit.save_model(self.native, path, **more)


@dataclass(frozen=True)
class Case:
    """All that the contract needs to know of a flavor."""

    flavor: str
    models: tuple[Model, ...]
    packages: tuple[str, ...]
    """What requirements.txt names for every model."""
    other_packages: tuple[str, ...] = ()
    """What it names for some."""
    also_imports: tuple[str, ...] = ()
    """Modules of other flavors that the framework imports itself."""
    ignored_warnings: tuple[str, ...] = ()
    """Warnings of the framework's own, as pytest's ``filterwarnings`` spells them."""
    models_in_processes: int = 2
    """How many of the models are also served, and loaded in a fresh process: starting a framework
    takes seconds, and the models differ in other ways."""
    commands: tuple[str, ...] = ()
    """Programs that the framework runs, such as "Rscript"."""

    def missing(self) -> str | None:
        """The first module or program that is not installed, of those the flavor needs."""
        flavor = get_flavor(self.flavor)
        needed = (*flavor.modules[:1], *flavor.helpers)
        absent = [module for module in needed if find_spec(module) is None]
        absent += [command for command in self.commands if shutil.which(command) is None]
        return absent[0] if absent else None


def rows_of(data: Any, start: int, end: int | None) -> Any:
    """The rows from ``start`` up to ``end`` of a frame, an array, a list or a dict of arrays."""
    if isinstance(data, Mapping):
        return {name: values[start:end] for name, values in data.items()}
    return data[start:end]


def count_of(data: Any) -> int:
    """How many rows ``data`` has."""
    return len(next(iter(data.values())) if isinstance(data, Mapping) else data)


def assert_same(found: Any, expected: Any, rtol: float = 0.0) -> None:
    """Check that two predictions are the same, whatever they came in.

    Args:
        found: arrays, frames, series, lists, or dicts of these.
        expected: what it should be.
        rtol: how far numbers may be off.
    """
    if isinstance(expected, pd.DataFrame):
        assert list(map(str, found.columns)) == list(map(str, expected.columns))
        expected = {str(name): expected[name] for name in expected}
        found = {str(name): found[name] for name in found}
    if isinstance(expected, Mapping):
        assert list(found) == list(expected)
        for name in expected:
            assert_same(found[name], expected[name], rtol)
        return
    left, right = np.asarray(found), np.asarray(expected)
    if right.dtype.kind in "fc" and rtol:
        np.testing.assert_allclose(left, right, rtol=rtol, atol=rtol)
    else:
        np.testing.assert_array_equal(left, right)
