"""The names under which the modules of a model's folder are imported.

``helper`` of one folder is imported as ``_flavorkit_model_code_1.helper``, of the next as
``_flavorkit_model_code_2.helper``. Such a name means something in this process alone: no file and
no message should hold it.
"""

from __future__ import annotations

import itertools
import re

_PREFIX = "_flavorkit_model_code_"
_PRIVATE = re.compile(rf"{_PREFIX}\d+\.")
_numbers = itertools.count(1)


def new_package() -> str:
    """A package for the modules of one more folder."""
    return f"{_PREFIX}{next(_numbers)}"


def is_private(module: str) -> bool:
    """Whether ``module`` is the private name of a folder's module."""
    return _PRIVATE.match(module) is not None


def plain(text: str) -> str:
    """``text``, such as a module's name, with the names that the modules have in the folder."""
    return _PRIVATE.sub("", text)
