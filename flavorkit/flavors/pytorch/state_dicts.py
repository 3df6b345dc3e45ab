"""The tensors of a PyTorch module without the module, in MLflow's files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flavorkit import uris
from flavorkit.atomic import publish
from flavorkit.errors import UnreadableModelError, UnsavableModelError
from flavorkit.flavors.reading import data_file
from flavorkit.flavors.unsafe_load import load_tensors

_STATE_DICT = "state_dict.pth"


def save_state_dict(state_dict: Mapping[str, Any], path: str | Path) -> None:
    """Save the tensors of a module, without the module: ``state_dict.pth`` in a new folder.

    Args:
        state_dict: what ``module.state_dict()`` gives, or a checkpoint: dicts and lists of tensors
            and plain values.
        path: the folder; it may not hold anything.

    Raises:
        UnsavableModelError: it holds anything else, so it would not load as data.
        PathOccupiedError: something stands at ``path``.
    """
    import torch

    if not isinstance(state_dict, Mapping):
        raise TypeError(
            f"a state_dict is a mapping, got {type(state_dict).__name__}; pass module.state_dict()"
        )
    with publish(Path(path)) as folder:
        torch.save(state_dict, folder / _STATE_DICT)
        try:
            load_tensors(folder / _STATE_DICT)
        except UnreadableModelError as exc:
            raise UnsavableModelError(
                f"a state_dict holds tensors and plain values only: {exc.problem}"
            ) from exc


def load_state_dict(state_dict_uri: str | Path, *, map_location: Any = None) -> Any:
    """The tensors that :func:`save_state_dict`, or MLflow's, has saved.

    Nothing else is ever built of the file, so it loads from anyone.

    Args:
        state_dict_uri: the folder, or a URI.
        map_location: where the tensors go, as PyTorch takes it.

    Raises:
        UnreadableModelError: the file is not there, or holds anything else.
    """
    folder = uris.fetch(state_dict_uri)
    return load_tensors(data_file(folder, {"data": _STATE_DICT}), map_location=map_location)
