"""Run inside an image while it is built: check the model in it, and write the bill of materials.

``python -m flavorkit.docker.seal [DIGEST]``; without a digest the image has no model.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from flavorkit import manifest
from flavorkit.docker.recipe import MODEL_FOLDER, SBOM
from flavorkit.docker.sbom import bill_of_materials, model_component
from flavorkit.errors import FlavorkitError, IntegrityError

_NO_DATE_SECONDS = 315532800  # 1980, as in archives that know no earlier date


def seal(digest: str | None, folder: Path, bill: Path) -> None:
    """Check that the model in ``folder`` is the one with this digest, and write ``bill``.

    The file gets the model's time and not that of the build, so that equal images stay equal.

    Raises:
        IntegrityError: it is another, or one of its files is not what was saved.
    """
    model, seconds = None, _NO_DATE_SECONDS
    if digest is not None:
        found = manifest.verify(folder)
        if found.digest != digest:
            raise IntegrityError(folder, [f"its digest is {found.digest} and not {digest}"])
        name = os.environ.get("FLAVORKIT_MODEL_NAME") or folder.name
        model = model_component(name, digest)
        seconds = int((folder / "MLmodel").stat().st_mtime)
    bill.parent.mkdir(parents=True, exist_ok=True)
    bill.write_text(json.dumps(bill_of_materials(model), indent=1) + "\n", "utf-8")
    for path in (bill, bill.parent, bill.parent.parent):
        os.utime(path, (seconds, seconds))


def main() -> None:
    """Seal the image that this process runs in."""
    digest = sys.argv[1] if len(sys.argv) > 1 else None
    try:
        seal(digest, Path(MODEL_FOLDER), Path(SBOM))
    except FlavorkitError as exc:
        sys.exit(exc.message)


if __name__ == "__main__":
    main()
