"""Models that are Python code: what users derive from, and what their code may call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, get_type_hints

from flavorkit import strict_yaml
from flavorkit.errors import NotFoundError


@dataclass(frozen=True)
class PythonModelContext:
    """What a :class:`PythonModel` finds beside its code."""

    artifacts: Mapping[str, str] = field(default_factory=dict)
    """The absolute path of each file or folder that was saved with the model, by its name."""

    model_config: Mapping[str, Any] = field(default_factory=dict)
    """The configuration that was saved, with what the loading caller has overridden."""


def hints_of(function: Callable[..., Any]) -> tuple[Any, Any]:
    """The type hints of the data and of the result of a predicting function; None for none."""
    names = [n for n in inspect.signature(function).parameters if n not in {"self", "params"}]
    if not names:
        return None, None
    try:
        hints = get_type_hints(function)
    except Exception:  # noqa: BLE001 - a hint may name what only a type checker imports
        return None, None
    return hints.get(names[-1]), hints.get("return")


class PythonModel:
    """Derive from this to make any Python code a model.

    ``predict`` takes ``(context, model_input, params=None)`` or ``(model_input, params=None)``.
    With a type hint on ``model_input``, such as ``list[str]`` or a list of a pydantic model, the
    data arrives as that type, and the signature is inferred from it.
    """

    predict_hints: ClassVar[tuple[Any, Any]] = (None, None)
    """The type hints of the data and of the result of ``predict``, where it has them."""

    row_wise: ClassVar[bool] = False
    """Whether each row's prediction depends on that row alone, so that requests may be merged."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Now, since a pickle of the class may leave behind the names that its hints refer to.
        cls.predict_hints = hints_of(cls.predict)

    def load_context(self, context: PythonModelContext) -> None:
        """Load what ``predict`` needs, such as artifacts; called once, when the model is loaded."""

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """One prediction for each row of the input."""
        raise NotImplementedError(f"{type(self).__name__} has no predict")

    def predict_stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """The parts of an answer, one after another."""
        raise NotImplementedError(f"{type(self).__name__} has no predict_stream")


class FunctionModel(PythonModel):
    """A plain function as a model."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.hints = hints_of(function)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns."""
        return self.function(*args, **kwargs)


HOME = "flavorkit.pyfunc"
"""Where users import these classes from, and what their pickles therefore refer to."""

for _public in (PythonModel, PythonModelContext, FunctionModel):
    _public.__module__ = HOME


def caller_of(
    model: Any, method: str, context: PythonModelContext
) -> Callable[[Any, Mapping[str, Any]], Any]:
    """``model.method`` as a function of data and parameters, whatever it takes beside them."""
    function = getattr(model, method)
    names = list(inspect.signature(hinted(model, method)).parameters)
    takes_params = "params" in names
    # As in MLflow: the first of two is the context, whatever it is called.
    takes_context = (
        "context" in names or len([n for n in names if n not in {"self", "params"}]) == 2
    )
    before = (context,) if takes_context else ()

    def call(data: Any, params: Mapping[str, Any]) -> Any:
        if takes_params:
            return function(*before, data, params=dict(params) or None)
        return function(*before, data)

    return call


def hinted(model: Any, method: str = "predict") -> Callable[..., Any]:
    """The function of the user's that carries the type hints of ``method``."""
    function: Callable[..., Any] = getattr(model, method)
    if method == "predict":
        if isinstance(model, FunctionModel):
            return model.function
        if _is_function_of_mlflow(model):
            function = model.func
    return function


def _is_function_of_mlflow(model: Any) -> bool:
    """Whether it is what MLflow makes of a function; by name, as MLflow need not be installed."""
    cls = type(model)
    return (cls.__module__, cls.__qualname__) == ("mlflow.pyfunc.model", "_FunctionPythonModel")


_chosen: ContextVar[list[Any]] = ContextVar("flavorkit_chosen_model")
_config: ContextVar[Mapping[str, Any] | None] = ContextVar("flavorkit_model_config", default=None)


def set_model(model: Any) -> None:
    """Say, in a file of code that is saved as a model, which object is the model.

    Args:
        model: a :class:`PythonModel`, or a function.
    """
    chosen = _chosen.get(None)
    if chosen is not None:  # else the file is run by itself, as people do while they write it
        chosen.append(model)


class ModelConfig:
    """The model's configuration, for a file of code that is saved as a model.

    Args:
        development_config: a mapping, or the path of a YAML file: what the file sees while it is
            run by itself.
    """

    def __init__(self, *, development_config: Mapping[str, Any] | str | Path | None = None) -> None:
        saved = _config.get()
        self._values = dict(saved) if saved is not None else config_of(development_config)

    def get(self, key: str) -> Any:
        """The value of ``key``.

        Raises:
            NotFoundError: the configuration has no such key.
        """
        if key not in self._values:
            known = ", ".join(map(str, self._values)) or "nothing"
            raise NotFoundError(f"the model's configuration has no {key!r}; it has {known}")
        return self._values[key]

    def to_dict(self) -> dict[str, Any]:
        """All of it."""
        return dict(self._values)


def config_of(given: Mapping[str, Any] | str | Path | None) -> dict[str, Any]:
    """A configuration, given as a mapping or as the path of a YAML file.

    Raises:
        DescriptorError: the file is missing or no YAML.
        TypeError: it is no mapping.
    """
    if given is None:
        return {}
    value = strict_yaml.read(Path(given)) if isinstance(given, str | Path) else given
    if not isinstance(value, Mapping):
        raise TypeError(f"a model's configuration is a mapping, got {type(value).__name__}")
    return dict(value)


@contextmanager
def collecting(config: Mapping[str, Any]) -> Iterator[list[Any]]:
    """While a file of code runs: its configuration is ``config``, and what it sets is collected."""
    models: list[Any] = []
    chosen, values = _chosen.set(models), _config.set(config)
    try:
        yield models
    finally:
        _chosen.reset(chosen)
        _config.reset(values)
