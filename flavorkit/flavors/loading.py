"""Loading, written once for all frameworks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flavorkit import manifest
from flavorkit.descriptor import PYFUNC, ModelDescriptor
from flavorkit.errors import DescriptorError, MissingDependencyError
from flavorkit.flavors import options as option_names
from flavorkit.flavors.base import Flavor
from flavorkit.flavors.grants import grant_of
from flavorkit.flavors.options import refuse_unknown
from flavorkit.flavors.registry import get_flavor
from flavorkit.manifest import Manifest
from flavorkit.trust import Grant, Policy
from flavorkit.trust.policy import Trust


@dataclass(frozen=True)
class LoadedModel:
    """A model rebuilt from a folder, and all that is known of it."""

    flavor: Flavor
    native: Any
    config: Mapping[str, Any]
    descriptor: ModelDescriptor
    manifest: Manifest
    folder: Path


def load_native(
    folder: Path,
    *,
    trust: Trust = None,
    flavor: str | None = None,
    model_config: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    before_building: Callable[[Path], None] | None = None,
) -> LoadedModel:
    """Rebuild the model in ``folder``, after checking what it is and whether ``trust`` allows it.

    Args:
        folder: a model folder, made by flavorkit or by MLflow.
        trust: how far the caller goes; see :mod:`flavorkit.trust.policy`.
        flavor: which of the folder's flavors to load; the first native one when not given.
        model_config: values in place of those in the model's own configuration.
        options: what the flavor's own ``load`` takes beside these.
        before_building: called with the folder when it is known to be what was saved and the load
            is allowed; what it raises ends the load.

    Raises:
        IntegrityError: a file is not what the manifest says. No parser has seen it.
        DescriptorError: the MLmodel file is malformed, or has no such flavor.
        TrustError: loading it takes more than ``trust`` allows.
        UnreadableModelError: a file is not what its format promises.
        MissingDependencyError: the flavor's framework is not installed.
        TypeError: the flavor has no such option.
    """
    policy = Policy.parse(trust)
    checked = manifest.verify(folder)
    descriptor = ModelDescriptor.read(folder)
    grant = check_trust(folder, checked, descriptor, policy, flavor=flavor)
    chosen, config = _chosen(folder, descriptor, flavor)
    options = options or {}
    known = option_names.of(chosen.load)
    refuse_unknown(options, chosen, known, beside="load_model", shared=("dst_path", "trust"))
    if model_config:
        config = _configured(folder, config, model_config)
    if before_building is not None:
        before_building(folder)
    with needing(chosen):
        loaded = chosen.load(folder, config, trust=grant, **options)
    return LoadedModel(chosen, loaded.native, config, descriptor, checked, folder)


def check_trust(
    folder: Path,
    checked: Manifest,
    descriptor: ModelDescriptor,
    policy: Policy,
    *,
    flavor: str | None = None,
) -> Grant:
    """What ``policy`` grants to the model in ``folder``, if that is enough to load it at all.

    Types inside a file of data are looked at when it is read, not here.

    Raises:
        TrustError: loading the flavor can run code, and ``policy`` does not allow that.
        IntegrityError: the manifest carries a signature that its key has not made.
    """
    grant = grant_of(folder, checked, policy)
    chosen, config = _chosen(folder, descriptor, flavor)
    chosen.check_grant(folder, config, grant)
    return grant


def check_loadable(
    folder: Path, checked: Manifest, descriptor: ModelDescriptor, policy: Policy
) -> Grant:
    """As :func:`check_trust`, and look for types that nobody has reviewed too; nothing is built.

    Raises:
        TrustError: loading takes more than ``policy`` allows.
        IntegrityError: the manifest carries a signature that its key has not made.
        UnreadableModelError: a file is not what its format promises.
        MissingDependencyError: the flavor's framework, which can tell the types, is not installed.
    """
    grant = check_trust(folder, checked, descriptor, policy)
    if grant.code:
        return grant
    chosen, config = _chosen(folder, descriptor, None)
    with needing(chosen):
        unreviewed = chosen.unreviewed_types(folder, config)
    refused = [name for name in unreviewed if name not in grant.types]
    if refused:
        listed = ", ".join(refused)
        raise grant.refusal(f"it holds types that nobody has reviewed ({listed})", types=refused)
    return grant


def _chosen(
    folder: Path, descriptor: ModelDescriptor, flavor: str | None
) -> tuple[Flavor, dict[str, Any]]:
    name = flavor or _native_flavor(folder, descriptor)
    if name not in descriptor.flavors:
        listed = ", ".join(descriptor.flavors)
        raise DescriptorError(folder, "flavors", f"no flavor {name!r}, only {listed}")
    return get_flavor(name), config_of(descriptor, name)


def _configured(
    folder: Path, config: Mapping[str, Any], overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """``config`` with its model_config overridden, where it has such keys."""
    saved = config.get("config") or {}
    unknown = [key for key in overrides if key not in saved]
    if unknown:
        known = ", ".join(map(str, saved)) or "no keys"
        raise DescriptorError(
            folder, "config", f"model_config has {unknown}, and the model was saved with {known}"
        )
    return {**config, "config": {**saved, **overrides}}


def config_of(descriptor: ModelDescriptor, flavor: str) -> dict[str, Any]:
    """What ``flavor`` is loaded with: its own section, and what ``python_function`` adds to it."""
    return {**descriptor.flavors.get(PYFUNC, {}), **descriptor.flavors.get(flavor, {})}


def _native_flavor(folder: Path, descriptor: ModelDescriptor) -> str:
    return descriptor.loadable_flavors[0]


@contextmanager
def needing(flavor: Flavor) -> Iterator[None]:
    """Turn a failing import of the flavor's framework into the command that installs it."""
    try:
        yield
    except ModuleNotFoundError as exc:
        missing = (exc.name or "").partition(".")[0]
        if missing in {*flavor.modules, *flavor.helpers}:
            what = f"the {flavor.name} flavor"
            package = missing if missing in flavor.helpers else flavor.packages[0]
            raise MissingDependencyError(what, package, extra=flavor.name) from exc
        raise
