"""One module per framework, with a ``CASE``: models, and what they must predict."""

from __future__ import annotations

import importlib
import pkgutil


def all_cases():
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}").CASE for name in names)
