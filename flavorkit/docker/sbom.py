"""The bill of materials of an image: every package and the model in it, as CycloneDX 1.6.

https://cyclonedx.org/docs/1.6/json/. It holds no time and no random number, so that equal images
have equal ones.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flavorkit.version import __version__

Component = dict[str, Any]
_LICENCE = ("License-Expression", "License")


def bill_of_materials(model: Component | None, root: Path = Path("/")) -> dict[str, Any]:
    """What is in the image that this process runs in.

    Args:
        model: the component that stands for the model in it.
        root: where the operating system's files are.
    """
    found = {one["bom-ref"]: one for one in (*_python(), *_debian(root))}
    if model is not None:
        found[model["bom-ref"]] = model
    tool = {"type": "application", "name": "flavorkit", "version": __version__}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"tools": {"components": [tool]}},
        "components": [found[reference] for reference in sorted(found)],
    }


def model_component(name: str, digest: str) -> Component:
    """The component that stands for a model.

    Args:
        name: it is known by.
        digest: ``sha256:`` and 64 hex digits.
    """
    algorithm, _, value = digest.partition(":")
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{digest}",
        "name": name,
        "hashes": [{"alg": algorithm.replace("sha", "SHA-"), "content": value}],
    }


def _python() -> Iterator[Component]:
    """Python, and the distributions that it finds."""
    version = platform.python_version()
    yield {
        "type": "platform",
        "bom-ref": f"pkg:generic/python@{version}",
        "name": "python",
        "version": version,
        "purl": f"pkg:generic/python@{version}",
    }
    for one in metadata.distributions():
        try:
            said = one.metadata
        except FileNotFoundError:  # newer versions of Python raise it for a broken distribution
            continue
        # And a KeyError for what one does not say.
        name, version = ((said.get_all(key) or [""])[0] for key in ("Name", "Version"))
        if not name or not version:
            continue
        name = name.lower().replace("_", "-")
        purl = f"pkg:pypi/{_part(name)}@{_part(version)}"
        yield _library(purl, said) | {"name": name, "version": version}


def _library(purl: str, said: metadata.PackageMetadata) -> Component:
    component: Component = {"type": "library", "bom-ref": purl, "purl": purl}
    expression, text = ((said.get_all(key) or [None])[0] for key in _LICENCE)
    if expression:
        component["licenses"] = [{"expression": expression}]
    elif text and text.strip() and len(text) < 100:
        component["licenses"] = [{"license": {"name": " ".join(text.split())}}]
    return component


def _debian(root: Path) -> Iterator[Component]:
    """The packages that dpkg has installed; none where there is no dpkg."""
    status = root / "var/lib/dpkg/status"
    if not status.is_file():
        return
    distribution = _os_release(root).get("ID", "debian")
    for stanza in status.read_text("utf-8", "replace").split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in stanza.splitlines()
            if ": " in line and not line.startswith(" ")
        )
        if not fields.get("Status", "").endswith(" installed") or "Version" not in fields:
            continue
        name, version = fields["Package"], fields["Version"]
        at = f"{_part(distribution)}/{_part(name)}@{_part(version)}"
        purl = f"pkg:deb/{at}?arch={_part(fields.get('Architecture', 'all'))}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
        }


def _os_release(root: Path) -> dict[str, str]:
    path = root / "etc/os-release"
    if not path.is_file():
        return {}
    pairs = (line.partition("=") for line in path.read_text("utf-8", "replace").splitlines())
    return {key: value.strip('"') for key, equals, value in pairs if equals}


def _part(text: str) -> str:
    """A part of a package URL (https://github.com/package-url/purl-spec)."""
    return quote(str(text), safe=".-_~")
