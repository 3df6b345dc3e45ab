"""What LightGBM's estimators out of a skops file must satisfy before they are used.

In such a file the booster is a text within the state of an object, which LightGBM reads as soon as
that object is built. And an estimator predicts with the parameters that it was trained with, which
all go to LightGBM as one line of text.

Reference: ``lightgbm/basic.py`` and ``lightgbm/sklearn.py``.
"""

from __future__ import annotations

import copy
import ctypes
import json
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from flavorkit.flavors import lightgbm_text
from flavorkit.flavors.forged import ForgedStateError, require

if TYPE_CHECKING:
    from skops.io._audit import Node

BOOSTER = "lightgbm.basic.Booster"
"""The name of the type whose state :func:`check_booster` looks at."""

_MAX_THREADS = 1024
# With it, LightGBM would read beyond the end of rows that are too short.
_REFUSED = frozenset({"predict_disable_shape_check"})
_THREADS = frozenset({"n_jobs", "num_threads", "num_thread", "nthread", "nthreads"})


def finished(model: Any) -> Any:
    """The estimator without the model that its training went on from, which is of no more use.

    That one has lost its trees in skops' file, and is of a type that cannot be rebuilt as data.
    """
    booster = model.booster_
    state = booster.__getstate__()
    begun = [name for name in state if name.endswith("__init_predictor") and state[name]]
    if not begun:
        return model
    found, plain = copy.copy(model), object.__new__(type(booster))
    plain.__setstate__({**state, **dict.fromkeys(begun)})
    vars(found)["_Booster"] = plain
    return found


def check_booster(node: Node) -> None:
    """Refuse ``node`` if it would become a booster whose text is not sound.

    Nothing is built; so this is for all nodes of a file before any of them is.

    Raises:
        ForgedStateError: the message says what is wrong.
    """
    from skops.io._general import DictNode, JsonNode, ObjectNode, TypeNode

    if f"{node.module_name}.{node.class_name}" != BOOSTER or isinstance(node, TypeNode):
        return
    state = node.attrs if isinstance(node, ObjectNode) else None
    require(type(state) is DictNode, "a booster that is not written as one")
    assert isinstance(state, DictNode)
    text = state.content.get("_handle")
    require(type(text) is JsonNode and "handle" not in state.content, "a booster without its text")
    assert isinstance(text, JsonNode)
    found = json.loads(text.content)
    require(isinstance(found, str), "a booster without its text")
    lightgbm_text.check(found.encode())


def check_estimators(objects: Iterable[Any]) -> None:
    """Refuse boosters without a model, and estimators whose parameters reach too far.

    Raises:
        ForgedStateError: the message says which.
    """
    lightgbm = sys.modules.get("lightgbm")
    if lightgbm is None:
        return  # there can be none
    for one in objects:
        if isinstance(one, lightgbm.Booster):
            handle = vars(one).get("_handle")
            require(type(handle) is ctypes.c_void_p, "a booster without its model")
        elif isinstance(one, lightgbm.LGBMModel):
            booster = vars(one).get("_Booster")
            require(
                booster is None or isinstance(booster, lightgbm.Booster),
                "an estimator with something else for its booster",
            )
            check_parameters(
                {
                    **one.get_params(),
                    "objective": vars(one).get("_objective"),
                    "eval_at": vars(one).get("_eval_at"),
                }
            )


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that would be more than one in LightGBM's line of them, or do harm.

    Raises:
        ForgedStateError: the message says which.
    """
    for name, value in parameters.items():
        require(name.isidentifier(), f"a parameter of the name {name!r}")
        require(name not in _REFUSED, f"the parameter {name}")
        if not callable(value) and not isinstance(value, np.random.RandomState):
            _check_value(name, value)
        if name in _THREADS and isinstance(value, int):
            require(abs(value) <= _MAX_THREADS, f"{value} threads")


def _check_value(name: str, value: Any) -> None:
    if isinstance(value, str):
        require(not any(map(str.isspace, value)), f"the parameter {name} with more than one word")
    elif isinstance(value, Mapping):
        for item in (*value.keys(), *value.values()):
            _check_value(name, item)
    elif isinstance(value, list | tuple | set | frozenset | np.ndarray):
        for item in value:
            _check_value(name, item)
    elif not (value is None or isinstance(value, bool | int | float | np.generic)):
        raise ForgedStateError(f"forged: the parameter {name} of the type {type(value).__name__}")
