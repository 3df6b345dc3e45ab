"""Versions of a registered model: folders ``version-<number>`` in that of the model.

As MLflow has it, a deleted version keeps its folder, so that its number is never given again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flavorkit.errors import NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.entities import ModelVersion, ModelVersionStatus
from flavorkit.tracking.files import history, metadata, values
from flavorkit.tracking.files.folders import UNFINISHED, Folder
from flavorkit.tracking.files.layout import ALIASES, TAGS, version_folder, version_of

_DELETED = "Deleted_Internal"


def read(folder: Folder, name: str, number: int) -> ModelVersion:
    """A version.

    Args:
        folder: of the registered model.
        name: of the registered model.
        number: of the version.

    Raises:
        NotFoundError: there is no such version.
    """
    with opened(folder, name, number) as (inner, content):
        return _version(inner, name, number, content, aliases(folder))


@contextlib.contextmanager
def opened(folder: Folder, name: str, number: int) -> Iterator[tuple[Folder, dict[str, Any]]]:
    """The open folder of a version, and what its file says.

    Raises:
        NotFoundError: there is no such version.
    """
    inner = folder.find(version_folder(number))
    if inner is not None:
        with inner:
            content = metadata.read(inner)
            if content is not None and content.get("current_stage") != _DELETED:
                yield inner, content
                return
    raise NotFoundError(f"Model Version (name={name}, version={number}) not found")


def read_all(folder: Folder, name: str) -> list[ModelVersion]:
    """All versions, by number."""
    known = aliases(folder)
    found = []
    for number in numbers(folder):
        inner = folder.find(version_folder(number))
        if inner is None:
            continue
        with inner:
            content = metadata.read_or_skip(inner)
            if content is not None and content.get("current_stage") != _DELETED:
                found.append(_version(inner, name, number, content, known))
    return found


def numbers(folder: Folder) -> list[int]:
    """The numbers of all versions that there ever were."""
    return sorted(number for one in folder.folders() if (number := version_of(one)) is not None)


def write_next(folder: Folder, content: Mapping[str, Any], tags: Mapping[str, str]) -> int:
    """Publish the next version, and return its number; with the lock of the model only."""
    while True:
        number = max(numbers(folder), default=0) + 1
        with folder.make(UNFINISHED) as inner:
            inner.remove_all()
            values.write_all(inner, TAGS, tags, "tag")
            metadata.write(inner, {**content, "version": number})
        # MLflow knows no locks: it may have taken the number in the meantime.
        if folder.move(UNFINISHED, folder, version_folder(number)):
            return number


def mark_deleted(inner: Folder, content: Mapping[str, Any], moment: int) -> None:
    """Delete a version; with the lock of the model only."""
    metadata.update(inner, content, current_stage=_DELETED, last_updated_timestamp=moment)


def rename(folder: Folder, name: str, moment: int) -> None:
    """Note the new name of their model in all versions; with the lock of the model only."""
    for number in numbers(folder):
        inner = folder.find(version_folder(number))
        if inner is not None:
            with inner:
                content = metadata.read_or_skip(inner)
                if content is not None:
                    metadata.update(inner, content, name=name, last_updated_timestamp=moment)


def latest(versions: Sequence[ModelVersion], stages: Sequence[str]) -> list[ModelVersion]:
    """Of each stage the newest version."""
    newest = {version.current_stage: version for version in versions}
    return [newest[stage] for stage in stages if stage in newest]


def aliases(folder: Folder) -> dict[str, str]:
    """The aliases of a registered model, and the versions they point at."""
    return {alias: version.strip() for alias, version in values.read_all(folder, ALIASES).items()}


def delete_alias(folder: Folder, alias: str, moment: int) -> bool:
    """Delete an alias, and note that; False if there is none."""
    before = values.read_one(folder, ALIASES, alias, "alias")
    if before is None:
        return False
    values.remove(folder, ALIASES, alias, "alias")
    history.append(folder, "alias", alias, at=moment, before=before, after=None)
    return True


def _version(
    inner: Folder, name: str, number: int, content: Mapping[str, Any], known: Mapping[str, str]
) -> ModelVersion:
    return ModelVersion(
        name=name,
        version=str(number),
        creation_timestamp=metadata.integer(content, "creation_timestamp") or 0,
        last_updated_timestamp=metadata.integer(content, "last_updated_timestamp") or 0,
        description=metadata.text(content, "description"),
        user_id=metadata.text(content, "user_id"),
        current_stage=metadata.text(content, "current_stage") or names.STAGES[0],
        source=metadata.text(content, "source") or "",
        run_id=metadata.text(content, "run_id"),
        status=metadata.text(content, "status") or ModelVersionStatus.READY,
        status_message=metadata.text(content, "status_message"),
        tags=values.read_all(inner, TAGS),
        run_link=metadata.text(content, "run_link"),
        aliases=[alias for alias, version in known.items() if version == str(number)],
        model_id=metadata.text(content, "model_id"),
    )
