"""The interface every framework implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from flavorkit.signature import ModelSignature
from flavorkit.trust import Grant

Container = Literal["dataframe", "array", "sparse", "dict", "list"]
Predictor = Callable[[Any, Mapping[str, Any]], Any]
"""Rows and parameters in, one prediction for each row out; of a forecast one for each period."""


@dataclass(frozen=True)
class Loaded:
    """A model rebuilt from its files."""

    native: Any
    """The framework's own object."""

    modules: frozenset[str] = field(default_factory=frozenset)
    """The Python modules that rebuilding it has used, as far as the format names them."""


@dataclass(frozen=True)
class Saved:
    """What a flavor says of the files it has written."""

    config: Mapping[str, Any]
    """Its section of the MLmodel file: all that loading needs, as plain YAML values."""

    pyfunc: Mapping[str, Any] | None
    """Its part of the ``python_function`` section; None for a model that cannot predict."""

    packages: tuple[str, ...] = ()
    """Distributions that this way of saving needs beside :attr:`Flavor.packages`."""

    signature: ModelSignature | None = None
    """What the model says of itself that it takes; used when the caller gives none."""

    is_signature_from_type_hint: bool = False
    """Whether :attr:`signature` comes from type hints, whose checks the model itself makes."""

    loaded: Loaded | None = None
    """The model, if the flavor has read it back already; every save is read back once."""


class Flavor(ABC):
    """How one framework saves, loads and predicts.

    A subclass says only what differs between frameworks. It writes and reads files inside the
    folder it is given and nothing else: the descriptor, requirements, signature, input example and
    manifest belong to :func:`flavorkit.flavors.saving.save_model`. Its module imports the framework
    inside methods, so importing every flavor costs no framework import.
    """

    name: ClassVar[str]
    """Key in the MLmodel file, name of the extra in pyproject.toml, name of the module."""

    modules: ClassVar[tuple[str, ...]] = ()
    """Top-level modules whose classes this flavor saves, e.g. ``("lightgbm",)``; none for a flavor
    whose models are files."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    """Endings of the paths that this flavor saves as models, e.g. ``(".py",)``."""

    packages: ClassVar[tuple[str, ...]] = ()
    """Distributions a model needs to be loaded, the framework first; pinned on saving.

    Where the framework's modules come from another distribution, such as ``xgboost-cpu``, that one
    is pinned in place of the first.
    """

    helpers: ClassVar[tuple[str, ...]] = ()
    """Other top-level modules that saving and loading import, and that the extra installs."""

    accepts: ClassVar[tuple[Container, ...]] = ("dataframe", "array")
    """What its predictors take as it is; pyfunc converts anything else to the first of these."""

    model_argument: ClassVar[str] = "model"
    """What MLflow calls the first argument of ``save_model``: people pass it by name."""

    model_aliases: ClassVar[tuple[str, ...]] = ()
    """Other names that people pass it by."""

    public: ClassVar[tuple[str, ...]] = ()
    """Constants and functions of its module that people reach as ``flavorkit.NAME.``..."""

    loader_module: ClassVar[str]
    """What stock MLflow imports to load the files; flavorkit writes it and never imports it."""

    needs_pyfunc: ClassVar[bool] = True
    """Whether a folder without a ``python_function`` section cannot predict. MLflow writes none for
    models that it does not run in Python."""

    @abstractmethod
    def save(self, model: Any, folder: Path, *args: Any, **options: Any) -> Saved:
        """Write ``model`` under ``folder``.

        A flavor declares its options as keyword-only parameters; others are refused before this is
        called. (The base takes anything so that each may declare its own.) One that has to run the
        model to write it declares ``example``, and is given the caller's input example, an
        :class:`~flavorkit.signature.example.Example`, or None; one that has to know which sizes may
        vary declares ``signature``, and is given the caller's, or None.

        Raises:
            UnsavableModelError: the model cannot be written this way; the message says in which.
        """

    @abstractmethod
    def load(self, folder: Path, config: Mapping[str, Any], *args: Any, **options: Any) -> Loaded:
        """Rebuild the model from ``folder`` and the configuration that :meth:`save` returned.

        Every flavor declares the keyword-only parameter ``trust``, a
        :class:`~flavorkit.trust.Grant`. What else the framework's own object may be loaded with (a
        device, custom objects) it declares beside, with defaults; a pyfunc model is loaded without.

        What may be built is for ``trust`` to say, never for the folder: whoever can write the model
        could write that too.

        Raises:
            TrustError: rebuilding it takes more than ``trust`` grants.
            UnreadableModelError: a file is not what its format promises.
        """

    @abstractmethod
    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """The function that predicts with ``native``, with all that it can know beforehand."""

    def streamer(self, native: Any, config: Mapping[str, Any]) -> Predictor | None:
        """The function that yields an answer in parts, for models that do."""
        return None

    def checks_data(self, native: Any) -> bool:
        """Whether the model itself checks and converts the data it is given."""
        return False

    def unwrap(self, native: Any) -> Any:
        """What a user sees as the model, out of what :meth:`load` has rebuilt."""
        return native

    @abstractmethod
    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str | None:
        """Why loading this folder can run code that it brings, as half a sentence, or None."""

    def check_grant(self, folder: Path, config: Mapping[str, Any], trust: Grant) -> None:
        """The first thing that :meth:`load` does, in a flavor whose files can run code.

        Raises:
            TrustError: loading this folder can run code, and ``trust`` does not allow that.
        """
        why = self.executes_code(folder, config)
        if why is not None and not trust.code:
            raise trust.refusal(why)

    def unreviewed_types(self, folder: Path, config: Mapping[str, Any]) -> list[str]:
        """The full names of types in the files that nobody has reviewed; nothing is built.

        Loading them takes the same trust as running code, or the caller's word for each.
        """
        return []

    def takes_matrix(self, native: Any, names: Sequence[str]) -> bool:
        """Whether an array is predicted on as a frame of columns with these names is.

        Then a server need not build the frame where all columns are numbers of one type.
        """
        return False

    def row_wise(self, native: Any) -> bool:
        """Whether each row's output depends on that row alone, so that requests may be merged."""
        return False
