"""Where a model comes from: its name and version in the registry, its run, the commit it ran."""

from __future__ import annotations

from dataclasses import dataclass

from flavorkit.descriptor import ModelDescriptor
from flavorkit.errors import FlavorkitError
from flavorkit.tracking import defaults, tags, uris
from flavorkit.tracking.references import (
    ArtifactUri,
    LoggedModelUri,
    RegisteredModelUri,
    RunUri,
    parse,
)

# Of the others, those that third parties add among them, no store knows anything.
_OF_STORES = ("models:", "runs:")


@dataclass(frozen=True)
class Origin:
    """What is known of where a model comes from.

    Args:
        name: it is registered or was logged under.
        version: of the registered model.
        run_id: of the run that made it.
        revision: the commit of the source that the run ran.
    """

    name: str | None = None
    version: str | None = None
    run_id: str | None = None
    revision: str | None = None


def settled(uri: str) -> str:
    """``uri`` with the version that it means now, should an alias of it move in the meantime.

    Raises:
        NotFoundError: there is no such registered model, or no such alias.
    """
    reference = _reference(uri)
    if not isinstance(reference, RegisteredModelUri):
        return uri
    return uris.settled(defaults.registry_store(), reference) or uri


def origin_of(uri: str, descriptor: ModelDescriptor) -> Origin:
    """Ask the stores that ``uri`` leads to; a model that is a folder has only its descriptor.

    Raises:
        NotFoundError: there is no such version or logged model.
    """
    match reference := _reference(uri):
        case RegisteredModelUri():
            registry = defaults.registry_store()
            number = uris.version_meant(registry, reference)
            if number is None:
                return Origin(reference.name, run_id=descriptor.run_id)
            version = registry.get_model_version(reference.name, number)
            run_id = version.run_id or descriptor.run_id
            return Origin(reference.name, number, run_id, _revision_of(run_id))
        case LoggedModelUri():
            logged = defaults.store().get_logged_model(reference.model_id)
            run_id = logged.source_run_id or descriptor.run_id
            return Origin(logged.name, None, run_id, _revision_of(run_id))
        case RunUri():
            name = reference.path.name or None
            return Origin(name, None, reference.run_id, _revision_of(reference.run_id))
    return Origin(run_id=descriptor.run_id)


def _reference(uri: str) -> ArtifactUri | None:
    return parse(uri) if uri.lower().startswith(_OF_STORES) else None


def _revision_of(run_id: str | None) -> str | None:
    """The commit that a run was started from; a run that is gone does not keep a model back."""
    if not run_id:
        return None
    try:
        found = defaults.store().get_run(run_id).data.tags.get(tags.GIT_COMMIT)
    except FlavorkitError:
        return None
    return found
