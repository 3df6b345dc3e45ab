"""How many threads a framework may start, for those that do not read the variable themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping

VARIABLE = "OMP_NUM_THREADS"
"""Set by people, by schedulers of clusters, and by ``flavorkit serve`` for each of its workers."""


def allowed(environ: Mapping[str, str] = os.environ) -> int | None:
    """What the variable says; None where it says nothing, or nothing that is a number."""
    first = environ.get(VARIABLE, "").partition(",")[0].strip()  # further ones are for nesting
    return int(first) if first.isdecimal() and int(first) > 0 else None
