"""The versions of registered models: what the store does with them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking import actor, names, version_sources
from flavorkit.tracking.artifact_locations import below
from flavorkit.tracking.entities import ModelVersion, ModelVersionStatus, PagedList
from flavorkit.tracking.files import history, metadata, searching, values, versions
from flavorkit.tracking.files.experiments import now
from flavorkit.tracking.files.layout import TAGS
from flavorkit.tracking.files.registry import RegistryFolders
from flavorkit.tracking.search.fields import MODEL_VERSIONS
from flavorkit.tracking.search.order import MODEL_VERSIONS_LAST
from flavorkit.tracking.version_sources import VERSIONS_TAG, OfLoggedModel, OfRun, OfVersion

MAX_RESULTS = 200_000

_ARCHIVED = names.STAGES[3]
_REPLACED = names.STAGES[1:3]


class VersionFolders(RegistryFolders):
    """The versions of the registered models of a store.

    Args:
        root: the folder of the store.
        artifact_root: where experiments that name no place keep their artifacts.
    """

    def create_model_version(
        self,
        name: str,
        source: str,
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Publish the next version: one more than the largest there ever was."""
        if not names.value(source, "the source of a version", names.MAX_SOURCE):
            raise InvalidArgumentError("the source of a version is not empty")
        names.value(description or "", "a description", names.MAX_DESCRIPTION)
        names.value(run_link or "", "the link to a run", names.MAX_SOURCE)
        if run_id:
            names.identifier(run_id, "a run")
        known = names.tags(tags or {}, "model version", names.MAX_MODEL_TAG_VALUE)
        place, model_id, found_run = self._behind(source, model_id)
        moment = now()
        content = {
            "creation_timestamp": moment,
            "current_stage": names.STAGES[0],
            "deployment_job_state": None,
            "description": description,
            "last_updated_timestamp": moment,
            "model_id": model_id,
            "name": name,
            "run_id": run_id or found_run,
            "run_link": run_link,
            "source": source,
            "status": ModelVersionStatus.READY.value,
            "status_message": None,
            "storage_location": place,
            "user_id": actor.current() or None,
            "workspace": "default",
        }
        with self._changing_registered(name) as (folder, registered):
            number = versions.write_next(folder, content, known)
            metadata.update(folder, registered, last_updated_timestamp=moment)
            made = versions.read(folder, name, number)
        if model_id:
            self._note_version(model_id, name, made.version)
        return made

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """The version."""
        number = names.version_number(version)
        with self._registered(name) as (folder, _):
            return versions.read(folder, name, number)

    def update_model_version(
        self, name: str, version: str, description: str | None
    ) -> ModelVersion:
        """Describe it."""
        number = names.version_number(version)
        if description is not None:
            names.value(description, "a description", names.MAX_DESCRIPTION)
        with self._changing_registered(name) as (folder, _):
            with versions.opened(folder, name, number) as (inner, content):
                metadata.update(
                    inner, content, description=description, last_updated_timestamp=now()
                )
            return versions.read(folder, name, number)

    def transition_model_version_stage(
        self, name: str, version: str, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Give it a stage, and perhaps archive the others that have it."""
        number, wanted = names.version_number(version), names.stage(stage)
        if archive_existing_versions and wanted not in _REPLACED:
            raise InvalidArgumentError(
                f"versions are archived to make room in {' or '.join(_REPLACED)}, not in {wanted}"
            )
        moment = now()
        with self._changing_registered(name) as (folder, registered):
            versions.read(folder, name, number)
            changes = {number: wanted}
            if archive_existing_versions:
                for other in versions.read_all(folder, name):
                    if other.current_stage == wanted:
                        changes.setdefault(int(other.version), _ARCHIVED)
            for one, new in sorted(changes.items()):
                with versions.opened(folder, name, one) as (inner, content):
                    before = metadata.text(content, "current_stage") or names.STAGES[0]
                    metadata.update(
                        inner, content, current_stage=new, last_updated_timestamp=moment
                    )
                history.append(folder, "stage", str(one), at=moment, before=before, after=new)
            metadata.update(folder, registered, last_updated_timestamp=moment)
            return versions.read(folder, name, number)

    def delete_model_version(self, name: str, version: str) -> None:
        """Delete it and its aliases, for good."""
        number = names.version_number(version)
        moment = now()
        with self._changing_registered(name) as (folder, registered):
            found = versions.read(folder, name, number)
            for alias in found.aliases:
                versions.delete_alias(folder, alias, moment)
            with versions.opened(folder, name, number) as (inner, content):
                versions.mark_deleted(inner, content, moment)
            if found.current_stage != names.STAGES[0]:
                stage = found.current_stage
                history.append(folder, "stage", str(number), at=moment, before=stage, after=None)
            metadata.update(folder, registered, last_updated_timestamp=moment)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """A page of the versions that a filter lets through, the last changed first."""
        search = searching.Search(
            MODEL_VERSIONS,
            MODEL_VERSIONS_LAST,
            filter_string,
            order_by,
            max_results,
            page_token,
            limit=MAX_RESULTS,
        )
        found = [
            version
            for folder, name, _ in self._listed_registered()
            for version in versions.read_all(folder, name)
        ]
        return search.page(found, searching.of_model_version)

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        """Set a tag."""
        number = names.version_number(version)
        tags = names.tags({key: value}, "model version", names.MAX_MODEL_TAG_VALUE)
        with self._changing_registered(name) as (folder, registered):
            with versions.opened(folder, name, number) as (inner, content):
                values.write_all(inner, TAGS, tags, "tag")
                metadata.update(inner, content, last_updated_timestamp=now())
            metadata.update(folder, registered, last_updated_timestamp=now())

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """Delete a tag, if it is there."""
        number = names.version_number(version)
        with (
            self._changing_registered(name) as (folder, registered),
            versions.opened(folder, name, number) as (inner, content),
        ):
            if values.remove(inner, TAGS, key, "tag"):
                metadata.update(inner, content, last_updated_timestamp=now())
                metadata.update(folder, registered, last_updated_timestamp=now())

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """Where the files of the version are: a URI of an artifact repository."""
        number = names.version_number(version)
        with (
            self._registered(name) as (folder, _),
            versions.opened(folder, name, number) as (_, content),
        ):
            return str(content.get("storage_location") or content.get("source") or "")

    def _behind(self, source: str, model_id: str | None) -> tuple[str, str | None, str | None]:
        """What a reference leads to.

        Returns:
            The URI of the files, the id of the logged model that it is, and of the run that made
            it, as far as they are known.
        """
        reference = version_sources.parse(source)
        if isinstance(reference, OfLoggedModel):
            try:
                model = self.get_logged_model(reference.model_id)
            except NotFoundError:
                if model_id != reference.model_id:
                    raise
                return source, model_id, None  # the caller has found it in another store
            return model.artifact_location, model.model_id, model.source_run_id
        if isinstance(reference, OfVersion):
            name, number = reference.name, str(reference.version)
            version = self.get_model_version(name, number)
            place = self.get_model_version_download_uri(name, number)
            return place, version.model_id or model_id, version.run_id
        place, found = source, None
        if reference is not None:
            with contextlib.suppress(NotFoundError):  # it may be known to another store
                place, found = self._of_run(reference, model_id)
        model_id = found or model_id
        run_id = None
        if model_id:
            with contextlib.suppress(NotFoundError):
                run_id = self.get_logged_model(model_id).source_run_id
        return place, model_id, run_id

    def _of_run(self, reference: OfRun, model_id: str | None) -> tuple[str, str | None]:
        """Where the model is that a run logged, or the place in the run if it has logged none.

        Of several of that name it is the one whose id was given, or else the newest.
        """
        run = self.get_run(reference.run_id).info
        models = [
            one
            for one in self._listed_models([run.experiment_id])
            if one.source_run_id == run.run_id and one.name == reference.name
        ]
        if not models:
            return below(run.artifact_uri, *reference.steps), None
        model = max(models, key=lambda one: (one.model_id == model_id, one.creation_timestamp))
        is_whole = not reference.below
        place = below(model.artifact_location, *reference.below)
        return place, model.model_id if is_whole else None

    def _note_version(self, model_id: str, name: str, version: str) -> None:
        """Note in a logged model what it is registered as, if it is known here."""
        with (
            contextlib.suppress(NotFoundError),
            self._changing_model(model_id) as (folder, content),
        ):
            before = values.read_one(folder, TAGS, VERSIONS_TAG, "tag")
            tags = {VERSIONS_TAG: version_sources.noted(before, name, version)}
            values.write_all(folder, TAGS, tags, "tag")
            metadata.update(folder, content, last_updated_timestamp=now())
