"""An estimator of scikit-learn's interface in one file: skops, or a pickle on request."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flavorkit.errors import UnreadableModelError, UnsavableModelError
from flavorkit.flavors.base import Loaded
from flavorkit.flavors.skops import file as skops_file
from flavorkit.flavors.unsafe_load import load_pickle
from flavorkit.trust import Grant

SerializationFormat = Literal["skops", "cloudpickle", "pickle"]

_FILES = {"skops": "model.skops", "cloudpickle": "model.pkl", "pickle": "model.pkl"}


@dataclass(frozen=True)
class Written:
    """A file that was written and read back."""

    data: str
    """Its name."""

    loaded: Loaded
    untrusted: list[str] | None
    """The types that MLflow's loader has to be told to trust, if the format has some."""

    packages: tuple[str, ...]
    """The distribution that reads the format, unless that is Python itself."""


def write(model: Any, folder: Path, serialization_format: SerializationFormat) -> Written:
    """Write ``model.skops`` or ``model.pkl``, and read it back.

    Raises:
        UnsavableModelError: the format has no place for a part of the model, or is none.
    """
    if serialization_format not in _FILES:
        raise UnsavableModelError(
            f"{serialization_format!r} is no serialization format: {', '.join(_FILES)}"
        )
    path = folder / _FILES[serialization_format]
    if serialization_format == "skops":
        content = _write_skops(model, path)
        loaded, untrusted = Loaded(content.instance, content.modules), list(content.untrusted)
        return Written(path.name, loaded, untrusted or None, ("skops",))
    loaded = _write_pickle(model, path, serialization_format)
    packages = ("cloudpickle",) if serialization_format == "cloudpickle" else ()
    return Written(path.name, loaded, None, packages)


def read(path: Path, serialization_format: str, *, trust: Grant) -> Loaded:
    """Rebuild the estimator at ``path``.

    Raises:
        TrustError: it is a pickle or holds types that nobody has reviewed, and ``trust`` does not
            allow that.
        UnreadableModelError: it is damaged or forged.
    """
    if serialization_format == "skops":
        content = skops_file.load(path, trust=trust)
        return Loaded(content.instance, content.modules)
    return load_pickle(path, trust=trust)


def why_code(data: str, serialization_format: str) -> str | None:
    """Why loading the file can run code, as half a sentence, or None."""
    if serialization_format == "skops":
        return None
    return f"{data} is a pickle, which can run any code when it is loaded"


def _write_skops(model: Any, path: Path) -> skops_file.Content:
    skops_file.dump(model, path)
    try:
        content = skops_file.load(path, trust=Grant.of_own(path))
    except UnreadableModelError as exc:
        if isinstance(exc.__cause__, OSError):
            raise exc.__cause__ from None
        raise UnsavableModelError(
            f"skops writes this model but cannot read it back ({exc.problem});"
            f" {skops_file.OTHER_FORMATS}"
        ) from exc
    if "__main__" in content.modules:
        names = [name for name in content.untrusted if name.startswith("__main__.")]
        raise UnsavableModelError(
            f"the model uses {', '.join(names) or 'what'} this script defines, which no other"
            " process could import; move it into a module, or"
            f" {skops_file.OTHER_FORMATS}"
        )
    return content


def _write_pickle(model: Any, path: Path, serialization_format: str) -> Loaded:
    import cloudpickle

    library: Any = cloudpickle if serialization_format == "cloudpickle" else pickle
    try:
        # The default protocol, so that older Pythons than this one can read it too.
        content = library.dumps(model, protocol=pickle.DEFAULT_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError) as exc:
        hint = "" if library is cloudpickle else '; serialization_format="cloudpickle" may'
        raise UnsavableModelError(f"{serialization_format} cannot write it: {exc}{hint}") from exc
    path.write_bytes(content)
    loaded = load_pickle(path, trust=Grant.of_own(path))
    if "__main__" in loaded.modules:
        raise UnsavableModelError(
            "the model uses a class or function that this script defines, which no other process"
            ' could import; serialization_format="cloudpickle" takes it along'
        )
    return loaded
