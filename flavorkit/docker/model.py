"""The model that goes into an image: checked, trusted, and laid out as one archive."""

from __future__ import annotations

import hashlib
import os
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from flavorkit import manifest, uris
from flavorkit.descriptor import ModelDescriptor
from flavorkit.docker.origin import Origin, origin_of, settled
from flavorkit.docker.recipe import MODEL_FOLDER
from flavorkit.environment.create import Spec
from flavorkit.environment.requirements import name_of
from flavorkit.errors import IntegrityError
from flavorkit.flavors.grants import check_installable
from flavorkit.trust import Policy
from flavorkit.trust.policy import Trust

# Older dates are none in some archives; it stands for a model that does not say when it was made.
_NO_DATE = datetime(1980, 1, 1, tzinfo=UTC)
_MLFLOW = frozenset({"mlflow", "mlflow-skinny"})


@dataclass(frozen=True)
class PackedModel:
    """A model that may go into an image.

    Args:
        folder: where it is on this machine.
        files: what its manifest lists, and its digest.
        descriptor: what it says of itself.
        spec: its version of Python and its requirements.
        origin: where it comes from.
    """

    folder: Path
    files: manifest.Manifest
    descriptor: ModelDescriptor
    spec: Spec
    origin: Origin

    @classmethod
    def fetch(cls, uri: str, trust: Trust = None, *, allow_options: bool = False) -> PackedModel:
        """The model at ``uri``, if ``trust`` lets its packages and its code run.

        Args:
            uri: its folder or URI.
            trust: as in :func:`flavorkit.load_model`.
            allow_options: let its requirements name URLs, paths and options of pip.

        Raises:
            TrustError: ``trust`` does not allow that, be the model data alone.
            IntegrityError: a file is not what was saved.
            RequirementError: a requirement smuggles something.
            NotFoundError: there is no such model.
        """
        policy = Policy.parse(trust)
        uri = settled(uri)
        folder = uris.fetch(uri)
        files = check_installable(folder, policy, "image")
        descriptor = ModelDescriptor.read(folder)
        spec = Spec.of(folder, "uv", allow_options=allow_options)
        return cls(folder, files, descriptor, spec, origin_of(uri, descriptor))

    @property
    def requirements(self) -> tuple[str, ...]:
        """What it needs; without MLflow, which writes itself down but is needed by code alone."""
        lines = self.spec.requirements.lines
        if self.descriptor.native_flavors:
            return tuple(line for line in lines if name_of(line) not in _MLFLOW)
        return lines

    @property
    def flavors(self) -> list[str]:
        """Those that can be loaded."""
        return self.descriptor.loadable_flavors

    @property
    def runs_java(self) -> bool:
        """Whether a Python model asks for Spark."""
        return any(name_of(line) == "pyspark" for line in self.requirements)

    @property
    def created(self) -> datetime:
        """When it was saved."""
        try:
            said = datetime.fromisoformat(self.descriptor.utc_time_created or "")
        except ValueError:
            return _NO_DATE
        said = said.replace(tzinfo=UTC, microsecond=0)
        return max(said, _NO_DATE)

    def write_archive(self, path: Path) -> None:
        """Write its files as an archive that is the same for the same model, byte for byte.

        Raises:
            IntegrityError: a file has changed since it was checked.
        """
        listed = sorted(file.path for file in self.files.files)
        if self.files.is_recorded:
            listed.append(manifest.FILENAME)
        digests = {file.path: file.sha256 for file in self.files.files}
        top = MODEL_FOLDER.strip("/")
        folders = {parent for name in listed for parent in Path(top, name).parents}
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
            for folder in sorted(map(str, folders - {Path()})):
                archive.addfile(self._entry(folder, tarfile.DIRTYPE, 0o755))
            for name in listed:
                with self._opened(name) as file:
                    entry = self._entry(f"{top}/{name}", tarfile.REGTYPE, 0o644)
                    entry.size = os.fstat(file.fileno()).st_size
                    hashed = _Hashing(file)
                    archive.addfile(entry, hashed)
                if digests.get(name, hashed.hexdigest) != hashed.hexdigest:
                    raise IntegrityError(self.folder, [f"{name} was altered while it was read"])

    def _opened(self, name: str) -> IO[bytes]:
        try:
            return open(self.folder / name, "rb", opener=_no_link)
        except OSError as exc:
            problem = f"{name} is not what was checked ({exc.strerror})"
            raise IntegrityError(self.folder, [problem]) from None

    def _entry(self, name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = kind, mode
        entry.mtime = int(self.created.timestamp())
        return entry


class _Hashing:
    """A file that hashes what is read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._digest.update(chunk)
        return chunk

    @property
    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)
