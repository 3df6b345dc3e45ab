"""What an image says of itself: the labels of OCI, and flavorkit's own.

https://github.com/opencontainers/image-spec/blob/main/annotations.md
"""

from __future__ import annotations

import json

from flavorkit.docker.model import PackedModel
from flavorkit.docker.names import MAX_TEXT, printable
from flavorkit.docker.recipe import Pairs
from flavorkit.version import __version__

_OCI = "org.opencontainers.image"
_OWN = "io.flavorkit"


def labels_of(model: PackedModel | None, base: str) -> Pairs:
    """The labels of an image; all of them follow from the model, so that equal ones have equal.

    Args:
        model: that is in the image, if one is.
        base: the name of the image that it stands on.

    Raises:
        InvalidArgumentError: the model's name has characters that do not print.
    """
    labels = {f"{_OCI}.base.name": base, f"{_OWN}.version": __version__}
    if model is not None:
        labels |= _labels_of(model)
    return tuple(
        sorted((key, printable(value, f"the label {key}")) for key, value in labels.items())
    )


def _labels_of(model: PackedModel) -> dict[str, str]:
    origin, descriptor = model.origin, model.descriptor
    created = model.created.strftime("%Y-%m-%dT%H:%M:%SZ")
    said = {
        f"{_OCI}.created": created,
        f"{_OCI}.title": origin.name,
        f"{_OCI}.version": origin.version,
        f"{_OCI}.revision": origin.revision,
        f"{_OWN}.model.name": origin.name,
        f"{_OWN}.model.version": origin.version,
        f"{_OWN}.model.run-id": origin.run_id,
        f"{_OWN}.model.id": descriptor.model_id or descriptor.model_uuid,
        f"{_OWN}.model.digest": model.files.digest,
        f"{_OWN}.model.flavors": ",".join(descriptor.flavors),
        f"{_OWN}.model.signature": _signature_of(model),
    }
    return {key: value for key, value in said.items() if value}


def _signature_of(model: PackedModel) -> str | None:
    """The signature as JSON, where it is not so long that no engine would take it."""
    signature = model.descriptor.signature
    if signature is None:
        return None
    said = {key: value for key, value in signature.to_dict().items() if value is not None}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return text if len(text) <= MAX_TEXT else None
