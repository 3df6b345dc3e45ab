"""The formats that estimators are saved in: each is written, and read back at once."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from flavorkit.errors import UnreadableModelError, UnsavableModelError
from flavorkit.flavors import skops_file
from flavorkit.flavors.base import Loaded
from flavorkit.flavors.unsafe_load import load_pickle
from flavorkit.trust import Grant

_NAMES = {"skops": "model.skops", "cloudpickle": "model.pkl", "pickle": "model.pkl"}


def name_in(serialization_format: str) -> str:
    """The name of the file in a format.

    Raises:
        UnsavableModelError: there is no such format.
    """
    if serialization_format not in _NAMES:
        raise UnsavableModelError(
            f"{serialization_format!r} is no serialization format: {', '.join(_NAMES)}"
        )
    return _NAMES[serialization_format]


def dump_skops(model: Any, path: Path) -> skops_file.Content:
    """Write the file and read it back."""
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


def dump_pickle(model: Any, path: Path, serialization_format: str) -> Loaded:
    """Write the file and read it back."""
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
