"""The stubs that tell editors what ``flavorkit.NAME.save_model`` takes, from the flavors."""

from __future__ import annotations

import builtins
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import flavorkit
from flavorkit import _facade
from flavorkit.flavors import options
from flavorkit.flavors.registry import get_flavor

# Where a stub imports the names in annotations from; all others come from the module they stand in.
HOMES = {
    **dict.fromkeys(("Any", "Literal"), "typing"),
    **dict.fromkeys(
        ("Callable", "Collection", "Iterable", "Mapping", "Sequence"), "collections.abc"
    ),
    "Path": "pathlib",
    "LoggedModelInfo": "flavorkit.tracking.fluent.log_model",
    "ModelDescriptor": "flavorkit.descriptor",
    "ModelSignature": "flavorkit.signature",
    "ModuleType": "types",
    "RequirementsLike": "flavorkit.environment.choice",
    "SerializationFormat": "flavorkit.flavors.skops.estimator_file",
    "Trust": "flavorkit.trust.policy",
}


def stub(name: str) -> str:
    """The text of ``flavorkit/NAME.pyi``."""
    flavor = get_flavor(name)
    home = type(flavor).__module__
    saving = [*_own(flavor.save), *_shared(flavorkit.save_model)]
    loading = ["trust: Trust = None", *_own(flavor.load)]
    taken = f"{flavor.model_argument}: Any, path: str | Path, *"
    if flavor.model_aliases:
        taken = f"{flavor.model_argument}: Any = ..., path: str | Path = ..., *"
        saving = [*(f"{alias}: Any = ..." for alias in flavor.model_aliases), *saving]
    logging = [*_own(flavor.save), *_shared(flavorkit.log_model), *_shared(flavorkit.save_model)]
    logging = [one for one in logging if not one.startswith("overwrite:")]
    logged = f"{flavor.model_argument}: Any, artifact_path: str | None = None, *"
    if flavor.model_aliases:
        logged = f"{flavor.model_argument}: Any = ..., artifact_path: str | None = None, *"
        logging = [*(f"{alias}: Any = ..." for alias in flavor.model_aliases), *logging]
    functions = [
        f"def save_model({taken}, {', '.join(saving)}) -> ModelDescriptor: ...",
        f"def log_model({logged}, {', '.join(logging)}) -> LoggedModelInfo: ...",
        "def load_model(model_uri: str | Path, dst_path: str | Path | None = None, *,"
        f" {', '.join(loading)}) -> Any: ...",
    ]
    body = "\n".join(functions)
    imports = {f"from {home} import {public} as {public}" for public in flavor.public}
    for word in sorted(set(re.findall(r"\b[A-Z]\w+", re.sub(r"\"[^\"]*\"", "", body)))):
        if not hasattr(builtins, word):
            imports.add(f"from {HOMES.get(word, home)} import {word}")
    return "\n".join([*sorted(imports), "", body, ""])


def _own(method: Callable[..., Any]) -> Iterator[str]:
    names = options.of(method)
    for parameter in inspect.signature(method).parameters.values():
        if parameter.name in names:
            yield str(parameter)


def _shared(method: Callable[..., Any]) -> Iterator[str]:
    for parameter in inspect.signature(method).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name != "flavor":
            yield str(parameter)


def paths() -> dict[str, Callable[[], str]]:
    """What each stub's path, as seen from docs/, is made by."""

    def maker(name: str) -> Callable[[], str]:
        return lambda: stub(name)

    return {f"../flavorkit/{name}.pyi": maker(name) for name in _facade.FLAVORS}
