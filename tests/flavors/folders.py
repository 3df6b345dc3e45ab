"""Model folders as others could have made them."""

from __future__ import annotations

import shutil

from flavorkit import manifest


def unsigned(folder, path):
    """A copy that nobody has signed."""
    copy = shutil.copytree(folder, path)
    (copy / manifest.FILENAME).unlink()
    return copy
