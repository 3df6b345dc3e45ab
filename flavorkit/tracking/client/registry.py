"""Registered models and their versions, by a client."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from flavorkit.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.client.connection import Connection
from flavorkit.tracking.client.waiting import until_registered
from flavorkit.tracking.entities import ModelVersion, PagedList, RegisteredModel, RegistryChange
from flavorkit.tracking.values import texts


class RegisteredModels(Connection):
    """What a client does with registered models."""

    def create_registered_model(
        self,
        name: str,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
    ) -> RegisteredModel:
        """Begin a registered model, which has no versions yet.

        Raises:
            AlreadyExistsError: there is one of that name.
            InvalidArgumentError: the name or a tag breaks a rule.
        """
        return self._registry.create_registered_model(name, texts(tags), description)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """The registered model, with its aliases and the newest version of each stage.

        Raises:
            NotFoundError: there is none.
        """
        return self._registry.get_registered_model(name)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give it another name; its versions go with it."""
        return self._registry.rename_registered_model(name, new_name)

    def update_registered_model(self, name: str, description: str | None = None) -> RegisteredModel:
        """Describe it.

        Raises:
            InvalidArgumentError: no description is given.
        """
        if description is None:
            raise InvalidArgumentError("a description is what is updated: pass description=")
        return self._registry.update_registered_model(name, description)

    def delete_registered_model(self, name: str) -> None:
        """Delete it with all its versions, for good; the files of the models stay."""
        self._registry.delete_registered_model(name)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """A page of the registered models that a filter lets through, by name.

        Args:
            filter_string: such as ``name LIKE 'iris%' and tags.team = 'blue'``.
            max_results: the length of a page.
            order_by: what comes first, such as ``["last_updated_timestamp DESC"]``.
            page_token: of the page before: ``token`` of the list.

        Raises:
            InvalidArgumentError: an argument cannot be read.
        """
        return self._registry.search_registered_models(
            filter_string, max_results, order_by, page_token
        )

    def list_registered_models(
        self, max_results: int = 100, page_token: str | None = None
    ) -> PagedList[RegisteredModel]:
        """A page of all registered models, by name, as MLflow 1 calls it."""
        return self.search_registered_models(max_results=max_results, page_token=page_token)

    def get_latest_versions(
        self, name: str, stages: Sequence[str] | None = None
    ) -> list[ModelVersion]:
        """Of each stage, or of those given, the newest version."""
        return self._registry.get_latest_versions(name, stages)

    def set_registered_model_tag(self, name: str, key: str, value: Any) -> None:
        """Set a tag; the value is made into text."""
        self._registry.set_registered_model_tag(name, key, str(value))

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Delete a tag, if it is there."""
        self._registry.delete_registered_model_tag(name, key)

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Point an alias at a version: ``models:/NAME@ALIAS`` loads that from now on."""
        self._registry.set_registered_model_alias(name, alias, str(version))

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Delete an alias, if it is there."""
        self._registry.delete_registered_model_alias(name, alias)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that an alias points at.

        Raises:
            InvalidArgumentError: there is no such alias.
            NotFoundError: there is no such registered model.
        """
        return self._registry.get_model_version_by_alias(name, alias)

    def get_registry_history(self, name: str) -> list[RegistryChange]:
        """What the aliases and stages of a registered model meant when, the oldest change first."""
        return self._registry.get_registry_history(name)


class ModelVersions(Connection):
    """What a client does with versions of registered models."""

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = 300,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Publish the next version of a registered model.

        Args:
            name: of the registered model; it must be there.
            source: ``models:/m-...``, ``runs:/...``, ``models:/...`` or the URI of its files. An
                alias, a stage or ``latest`` means the version that it means now.
            run_id: of the run that made it.
            tags: to begin with.
            run_link: a link to that run, for people.
            description: for people.
            await_creation_for: seconds to wait until it can be used; None or 0 not to wait.
            model_id: of the logged model it is.

        Raises:
            NotFoundError: there is no such registered model, or the source leads to none.
            InvalidArgumentError: an argument breaks a rule.
        """
        version = self._registry.create_model_version(
            name,
            self._settled(str(source)),
            run_id=run_id,
            tags=texts(tags),
            run_link=run_link,
            description=description,
            model_id=model_id,
        )
        return until_registered(self._registry, version, await_creation_for)

    def _settled(self, source: str) -> str:
        """The source without what may come to mean another version."""
        if not source.startswith("models:/"):
            return source
        from flavorkit.tracking import references, uris

        uri = references.parse(source)
        if not isinstance(uri, references.RegisteredModelUri):
            return source
        if uri.path.segments:
            raise InvalidArgumentError(f"{source!r} is a part of a model, not a model")
        found = uris.settled(self._registry, uri)
        if found is None:
            raise NotFoundError(f"{source!r} leads to no version")
        return found

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Publish a version of one registered model as the next of another, made if it is missing.

        Args:
            src_model_uri: ``models:/NAME/VERSION`` or ``models:/NAME@ALIAS``.
            dst_name: of the other.

        Raises:
            NotFoundError: there is no such version.
            InvalidArgumentError: the URI is not of this kind.
        """
        source = self._named_by(src_model_uri)
        with contextlib.suppress(AlreadyExistsError):
            self._registry.create_registered_model(dst_name)
        return self.create_model_version(
            dst_name,
            f"models:/{source.name}/{source.version}",
            run_id=source.run_id,
            tags=source.tags,
            run_link=source.run_link,
            description=source.description,
            model_id=source.model_id,
        )

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """The version.

        Raises:
            NotFoundError: there is none.
        """
        return self._registry.get_model_version(name, str(version))

    def get_model_version_stages(self, name: str, version: str) -> list[str]:
        """The stages that a version can have."""
        return list(names.STAGES)

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """Where the files of a version are."""
        return self._registry.get_model_version_download_uri(name, str(version))

    def update_model_version(
        self, name: str, version: str, description: str | None = None
    ) -> ModelVersion:
        """Describe it.

        Raises:
            InvalidArgumentError: no description is given.
        """
        if description is None:
            raise InvalidArgumentError("a description is what is updated: pass description=")
        return self._registry.update_model_version(name, str(version), description)

    def transition_model_version_stage(
        self, name: str, version: str, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Give it a stage: ``Staging``, ``Production``, ``Archived`` or ``None``.

        Args:
            name: of the registered model.
            version: its number.
            stage: in any case of letters.
            archive_existing_versions: archive the others that have the stage.
        """
        return self._registry.transition_model_version_stage(
            name, str(version), stage, archive_existing_versions
        )

    def delete_model_version(self, name: str, version: str) -> None:
        """Delete it and its aliases, for good; the files of the model stay."""
        self._registry.delete_model_version(name, str(version))

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """A page of the versions that a filter lets through, the last changed first.

        Args:
            filter_string: such as ``name = 'iris' and run_id = '...'``.
            max_results: the length of a page.
            order_by: what comes first, such as ``["version_number ASC"]``.
            page_token: of the page before: ``token`` of the list.

        Raises:
            InvalidArgumentError: an argument cannot be read.
        """
        return self._registry.search_model_versions(
            filter_string, max_results, order_by, page_token
        )

    def set_model_version_tag(
        self,
        name: str,
        version: str | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
    ) -> None:
        """Set a tag of a version, or of the newest version of a stage; the value becomes text."""
        chosen = self._chosen(name, version, stage)
        self._registry.set_model_version_tag(name, chosen, names.key(key, "tag"), str(value))

    def delete_model_version_tag(
        self,
        name: str,
        version: str | None = None,
        key: str | None = None,
        stage: str | None = None,
    ) -> None:
        """Delete a tag of a version, or of the newest version of a stage, if it is there."""
        chosen = self._chosen(name, version, stage)
        self._registry.delete_model_version_tag(name, chosen, names.key(key, "tag"))

    def _chosen(self, name: str, version: str | None, stage: str | None) -> str:
        if (version is None) == (stage is None):
            raise InvalidArgumentError("say which version: pass version= or stage=, and not both")
        if version is not None:
            return str(version)
        found = self._registry.get_latest_versions(name, [str(stage)])
        if not found:
            raise NotFoundError(f"no version of {name!r} has the stage {stage!r}")
        return found[0].version

    def _named_by(self, model_uri: str) -> ModelVersion:
        _, is_models, reference = str(model_uri).partition("models:/")
        name, is_alias, alias = reference.rpartition("@")
        if is_models and is_alias and name:
            return self._registry.get_model_version_by_alias(name, alias)
        name, _, version = reference.rpartition("/")
        if not is_models or not name:
            raise InvalidArgumentError(
                f"a version is named by models:/NAME/VERSION or models:/NAME@ALIAS, not"
                f" {model_uri!r}"
            )
        if version.lower() == "latest":
            found = self._registry.get_registered_model(name).latest_versions
            if not found:
                raise NotFoundError(f"the registered model {name!r} has no version")
            return max(found, key=lambda one: int(one.version))
        return self._registry.get_model_version(name, version)
