"""Emptying the bin: artifacts first, then what is known of them.

Whatever is interrupted or fails leaves the rest in the bin, whole but for artifacts, so that it can
be done again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flavorkit.errors import (
    FlavorkitError,
    InvalidArgumentError,
    NotFoundError,
    UnsupportedByStoreError,
)
from flavorkit.tracking.artifacts.paths import ROOT, ArtifactPath
from flavorkit.tracking.artifacts.repository import ArtifactStorage
from flavorkit.tracking.server.places import Places, is_proxied
from flavorkit.tracking.store import Store

RUN, LOGGED_MODEL, EXPERIMENT = "run", "logged model", "experiment"
_ARTIFACTS = "artifacts"


@dataclass(frozen=True, slots=True)
class Item:
    """What is in the bin, and what became of it.

    Args:
        kind: ``run``, ``logged model`` or ``experiment``.
        id: of it.
        left: URIs of its artifacts that are in no place that we may delete from.
        problem: why it is in the bin still; None if it is not.
    """

    kind: str
    id: str
    left: Sequence[str] = ()
    problem: str | None = None


def find(
    store: Store,
    cutoff: int,
    *,
    run_ids: Sequence[str] = (),
    experiment_ids: Sequence[str] = (),
    model_ids: Sequence[str] = (),
) -> list[Item]:
    """What has been in the bin since ``cutoff``, milliseconds since 1970; experiments come last.

    Args:
        store: whose bin.
        cutoff: when they were deleted at the latest.
        run_ids: if any ids are given, only what they name, which must be there.
        experiment_ids: the same.
        model_ids: the same.

    Raises:
        InvalidArgumentError: what is named has not been in the bin since then.
        UnsupportedByStoreError: the store is behind a server.
    """
    runs, experiments, models = store.deleted_before(cutoff)
    found = [(RUN, runs, run_ids), (LOGGED_MODEL, models, model_ids)]
    found.append((EXPERIMENT, experiments, experiment_ids))
    is_named = any(named for _, _, named in found)
    for kind, ids, named in found:
        if missing := sorted(set(named) - set(ids)):
            raise InvalidArgumentError(
                f"the {kind} {missing[0]} is not in the bin, or not for so long"
            )
    return [
        Item(kind, each)
        for kind, ids, named in found
        for each in (dict.fromkeys(named) if is_named else ids)
    ]


def remove(store: Store, places: Places, item: Item) -> Item:
    """Remove an item for good, with its artifacts; return what became of it.

    An experiment goes with all that is in it. Artifacts are deleted in ``places`` only, from the
    folder that has the id of the run or model; others are left where they are.
    """
    key = {RUN: "run_ids", LOGGED_MODEL: "model_ids", EXPERIMENT: "experiment_ids"}[item.kind]
    ids = {key: [item.id]}
    try:
        # Asked for at the last moment: it may have been restored, or another may have removed it.
        artifacts = store.artifacts_in_bin(**ids)
        left = [uri for owner, uri in artifacts.items() if not _delete(places, owner, uri)]
        if item.kind == EXPERIMENT:
            _tidy(places, store.get_experiment(item.id).artifact_location, item.id)
        store.purge(**ids)
    except NotFoundError:
        return item
    except FlavorkitError as error:
        return replace(item, problem=error.message)
    except OSError as error:
        return replace(item, problem=str(error))
    return replace(item, left=tuple(left))


def _delete(places: Places, owner: str, uri: str) -> bool:
    """Delete the artifacts of a run or a model, if they are in one of the places."""
    found = _place(places, uri)
    if found is None:
        return False
    storage, path = found
    if path.segments[-2:] != (owner, _ARTIFACTS):
        return False
    with contextlib.suppress(NotFoundError):
        storage.delete(path)
    _delete_empty(storage, path.parent)
    return True


def _tidy(places: Places, uri: str, experiment_id: str) -> None:
    """Remove the folders of an experiment that nothing is in any more."""
    found = _place(places, uri)
    if found is not None and found[1].name == experiment_id:
        storage, path = found
        _delete_empty(storage, path / "models")
        _delete_empty(storage, path)


def _delete_empty(storage: ArtifactStorage, path: ArtifactPath) -> None:
    if path != ROOT and not storage.list(path):
        with contextlib.suppress(NotFoundError):
            storage.delete(path)


def _place(places: Places, uri: str) -> tuple[ArtifactStorage, ArtifactPath] | None:
    if is_proxied(uri) and places.proxied is None:
        raise InvalidArgumentError(
            "its artifacts went through a server: say where that keeps them, with"
            " --artifacts-destination"
        )
    try:
        storage, path = places.find(uri)
    except (UnsupportedByStoreError, InvalidArgumentError):
        return None
    # What is written with % in a URI is another name on a disk.
    return None if "%" in str(path) else (storage, path)
