"""Registered models and their versions: folders below ``models/`` of the store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flavorkit.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.entities import ModelVersion, PagedList, RegisteredModel, RegistryChange
from flavorkit.tracking.files import history, metadata, searching, values, versions
from flavorkit.tracking.files.experiments import now
from flavorkit.tracking.files.folders import Folder
from flavorkit.tracking.files.layout import (
    ALIASES,
    DATASETS,
    REGISTRY,
    TAGS,
    TRASH,
    registered_model_folder,
    registered_model_name,
)
from flavorkit.tracking.files.run_data import LoggingFolders
from flavorkit.tracking.search.fields import REGISTERED_MODELS
from flavorkit.tracking.search.order import REGISTERED_MODELS_LAST

MAX_RESULTS = 1_000
_SCRATCH = "flavorkit-new"


class RegistryFolders(LoggingFolders):
    """The registered models of a store.

    Args:
        root: the folder of the store.
        artifact_root: where experiments that name no place keep their artifacts.
    """

    def create_registered_model(
        self, name: str, tags: Mapping[str, str] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Begin a registered model."""
        folder_name = registered_model_folder(name)
        known = names.tags(tags or {}, "registered model", names.MAX_MODEL_TAG_VALUE)
        moment = now()
        content = {
            "aliases": {},
            "creation_timestamp": moment,
            "deployment_job_id": None,
            "deployment_job_state": None,
            "description": _description(description),
            "last_updated_timestamp": moment,
            "name": name,
            "workspace": "default",
        }
        with self._registry_locked() as (registry, scratch):
            if registry.has(folder_name):
                raise _taken(name)
            with scratch.make(folder_name) as folder:
                values.write_all(folder, TAGS, known, "tag")
                metadata.write(folder, content)
            scratch.move(folder_name, registry, folder_name)
        return self.get_registered_model(name)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """The registered model."""
        with self._registered(name) as (folder, content):
            return _registered_model(folder, name, content)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give it another name."""
        new_folder = registered_model_folder(new_name)
        moment = now()
        with (
            self._registry_locked() as (registry, _),
            self._changing_registered(name) as (folder, content),
        ):
            if new_name == name:
                return _registered_model(folder, name, content)
            if new_folder != registered_model_folder(name) and registry.has(new_folder):
                raise _taken(new_name)
            registry.move(registered_model_folder(name), registry, new_folder)
            # Where a model is says what its name is; these are for MLflow's eyes.
            metadata.update(folder, content, name=new_name, last_updated_timestamp=moment)
            versions.rename(folder, new_name, moment)
        return self.get_registered_model(new_name)

    def update_registered_model(self, name: str, description: str | None) -> RegisteredModel:
        """Describe it."""
        text = _description(description)
        with self._changing_registered(name) as (folder, content):
            metadata.update(folder, content, description=text, last_updated_timestamp=now())
        return self.get_registered_model(name)

    def delete_registered_model(self, name: str) -> None:
        """Delete it with all its versions, for good."""
        with self._registry_locked() as (registry, scratch), self._changing_registered(name):
            registry.move(registered_model_folder(name), scratch, "deleted")

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """A page of the registered models that a filter lets through, by name."""
        search = searching.Search(
            REGISTERED_MODELS,
            REGISTERED_MODELS_LAST,
            filter_string,
            order_by,
            max_results,
            page_token,
            limit=MAX_RESULTS,
        )
        found = [
            _registered_model(folder, name, content)
            for folder, name, content in self._listed_registered()
        ]
        return search.page(found, searching.of_registered_model)

    def get_latest_versions(
        self, name: str, stages: Sequence[str] | None = None
    ) -> list[ModelVersion]:
        """Of each stage, or of those given, the newest version."""
        wanted = names.stages_of_latest(stages)
        with self._registered(name) as (folder, _):
            return versions.latest(versions.read_all(folder, name), wanted)

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        """Set a tag."""
        tags = names.tags({key: value}, "registered model", names.MAX_MODEL_TAG_VALUE)
        with self._changing_registered(name) as (folder, content):
            values.write_all(folder, TAGS, tags, "tag")
            metadata.update(folder, content, last_updated_timestamp=now())

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Delete a tag, if it is there."""
        with self._changing_registered(name) as (folder, content):
            if values.remove(folder, TAGS, key, "tag"):
                metadata.update(folder, content, last_updated_timestamp=now())

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Point an alias at a version, whatever it pointed at before."""
        names.alias(alias)
        number = names.version_number(version)
        moment = now()
        with self._changing_registered(name) as (folder, content):
            versions.read(folder, name, number)
            before = values.read_one(folder, ALIASES, alias, "alias")
            values.write_all(folder, ALIASES, {alias: str(number)}, "alias")
            history.append(folder, "alias", alias, at=moment, before=before, after=str(number))
            metadata.update(folder, content, last_updated_timestamp=moment)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Delete an alias, if it is there."""
        names.alias(alias)
        moment = now()
        with self._changing_registered(name) as (folder, content):
            if versions.delete_alias(folder, alias, moment):
                metadata.update(folder, content, last_updated_timestamp=moment)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """What the alias points at."""
        newest = isinstance(alias, str) and alias.lower() == "latest"
        if not newest:
            names.alias(alias)
        with self._registered(name) as (folder, _):
            if newest and (found := versions.read_all(folder, name)):
                return found[-1]
            number = values.read_one(folder, ALIASES, alias, "alias")
            if number is None:
                raise InvalidArgumentError(f"Registered model alias {alias} not found.")
            return versions.read(folder, name, names.version_number(number.strip()))

    def get_registry_history(self, name: str) -> list[RegistryChange]:
        """What its aliases and stages meant when, the oldest change first."""
        with self._registered(name) as (folder, _):
            return history.read(folder, name)

    @contextlib.contextmanager
    def _registered(self, name: str) -> Iterator[tuple[Folder, dict[str, Any]]]:
        """The open folder of a registered model, and what its file says."""
        folder_name = registered_model_folder(name)
        with self._root() as root:
            folder = root.find(REGISTRY, folder_name)
        if folder is None:
            raise _missing(name)
        with folder:
            content = metadata.read(folder)
            if content is None or _name(folder_name, content) != name:
                raise _missing(name)
            yield folder, content

    @contextlib.contextmanager
    def _changing_registered(self, name: str) -> Iterator[tuple[Folder, dict[str, Any]]]:
        """The same with its lock."""
        while True:
            with self._registered(name) as (folder, _), folder.locked():
                # While we waited it may have been renamed or deleted, and the name taken again.
                with self._registered(name) as (current, content):
                    is_same = current.identity == folder.identity
                if is_same:
                    yield folder, content
                    return

    @contextlib.contextmanager
    def _registry_locked(self) -> Iterator[tuple[Folder, Folder]]:
        """The folder of all registered models, and one for what is not there yet or no longer.

        That one is where MLflow does not mistake what is in it for anything, should it be left
        behind by a process that was killed.
        """
        with (
            self._root() as root,
            root.make(REGISTRY) as registry,
            registry.locked(),
            root.make(TRASH) as trash,
            trash.make(_SCRATCH) as scratch,
        ):
            scratch.remove_all()
            try:
                with scratch.make(DATASETS) as inner:
                    yield registry, inner
            finally:
                scratch.remove_all()
                trash.remove_empty(_SCRATCH)

    def _listed_registered(self) -> Iterator[tuple[Folder, str, dict[str, Any]]]:
        """The folders of all registered models; each is closed before the next one."""
        with self._root() as root:
            registry = root.find(REGISTRY)
        if registry is None:
            return
        with registry:
            for name in registry.folders():
                folder = registry.find(name)
                if folder is None:
                    continue
                with folder:
                    content = metadata.read_or_skip(folder)
                    if content is not None:
                        yield folder, _name(name, content), content


def _taken(name: str) -> AlreadyExistsError:
    return AlreadyExistsError(f"Registered Model (name={name}) already exists")


def _missing(name: str) -> NotFoundError:
    return NotFoundError(f"Registered Model with name={name} not found")


def _name(folder: str, content: Mapping[str, Any]) -> str:
    return registered_model_name(folder, content.get("name"))


def _description(text: str | None) -> str | None:
    return None if text is None else names.value(text, "a description", names.MAX_DESCRIPTION)


def _registered_model(folder: Folder, name: str, content: Mapping[str, Any]) -> RegisteredModel:
    return RegisteredModel(
        name,
        metadata.integer(content, "creation_timestamp") or 0,
        metadata.integer(content, "last_updated_timestamp") or 0,
        metadata.text(content, "description"),
        values.read_all(folder, TAGS),
        versions.aliases(folder),
        versions.latest(versions.read_all(folder, name), names.STAGES),
    )
