"""Where a dataset comes from."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from flavorkit.errors import InvalidArgumentError, NotFoundError, StoreUnavailableError
from flavorkit.tracking import context

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_CHUNK_BYTES = 1024 * 1024


class DatasetSource(ABC):
    """Where a dataset comes from, in a form that can be kept."""

    @property
    @abstractmethod
    def source_type(self) -> str:
        """How the JSON is to be read."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """What JSON is made of."""

    def to_json(self) -> str:
        """What is kept."""
        return json.dumps(self.to_dict())

    def load(self, dst_path: str | Path | None = None) -> Any:
        """What is there: the path of a copy on this machine.

        Raises:
            NotFoundError: it is not known how to get there.
        """
        raise NotFoundError(f"a dataset of the source {self.source_type!r} cannot be loaded")


class CodeDatasetSource(DatasetSource):
    """The program that made it, by its tags."""

    def __init__(self, tags: Mapping[str, Any]) -> None:
        self.tags = dict(tags)

    @property
    def source_type(self) -> str:
        """``code``."""
        return "code"

    def to_dict(self) -> dict[str, Any]:
        """The tags."""
        return {"tags": self.tags}


class FileDatasetSource(DatasetSource):
    """A file or a folder: a path of this machine, or a URI of a store of files."""

    def __init__(self, uri: str | Path) -> None:
        self.uri = str(uri)

    @property
    def source_type(self) -> str:
        """``local``, or the scheme of the URI."""
        match = _SCHEME.match(self.uri)
        scheme = match[1].lower() if match else "file"
        return "local" if scheme == "file" else scheme

    def to_dict(self) -> dict[str, Any]:
        """The URI."""
        return {"uri": self.uri}

    def load(self, dst_path: str | Path | None = None) -> str:
        """The path of a copy, or the path itself where it is on this machine."""
        if self.source_type == "local" and dst_path is None:
            return self.uri
        from flavorkit.tracking.files_by_uri import download_artifacts

        return download_artifacts(self.uri, dst_path=dst_path)


class HTTPDatasetSource(DatasetSource):
    """A page of the web."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def source_type(self) -> str:
        """``http``."""
        return "http"

    def to_dict(self) -> dict[str, Any]:
        """The address."""
        return {"url": self.url}

    def load(self, dst_path: str | Path | None = None) -> str:
        """The path of a copy."""
        import tempfile

        import urllib3

        folder = Path(tempfile.mkdtemp(prefix="flavorkit-") if dst_path is None else dst_path)
        name = PurePosixPath(urlsplit(self.url).path).name or "dataset_source"
        try:
            with urllib3.request("GET", self.url, preload_content=False) as response:
                if response.status != 200:
                    raise NotFoundError(f"{self.url} answers {response.status}")
                with (folder / name).open("wb") as stream:
                    for chunk in response.stream(_CHUNK_BYTES):
                        stream.write(chunk)
        except urllib3.exceptions.HTTPError as exc:
            raise StoreUnavailableError(f"{self.url} does not answer: {exc}") from exc
        return str(folder / name)


class OtherDatasetSource(DatasetSource):
    """A source of a kind that others have written, kept as it is."""

    def __init__(self, source_type: str, content: Mapping[str, Any]) -> None:
        self._source_type, self._content = source_type, dict(content)

    @property
    def source_type(self) -> str:
        """As it was written."""
        return self._source_type

    def to_dict(self) -> dict[str, Any]:
        """As it was written."""
        return dict(self._content)


def source_of(given: str | Path | DatasetSource | None) -> DatasetSource:
    """The source that a caller means; the running program if None.

    Raises:
        InvalidArgumentError: it is no path, URI or source.
    """
    if given is None:
        return CodeDatasetSource(context.tags())
    if isinstance(given, DatasetSource):
        return given
    if isinstance(given, str | Path):
        text = str(given)
        is_page = text.lower().startswith(("http://", "https://"))
        return HTTPDatasetSource(text) if is_page else FileDatasetSource(text)
    raise InvalidArgumentError(
        f"the source of a dataset is a path, a URI or a source of flavorkit.data, not"
        f" {type(given).__name__}"
    )


def source_from_json(source_type: str, text: str) -> DatasetSource:
    """A source from what was kept of it.

    Raises:
        InvalidArgumentError: it cannot be read.
    """
    try:
        content = json.loads(text)
        if source_type == "code":
            return CodeDatasetSource(content["tags"])
        if source_type == "http":
            return HTTPDatasetSource(content["url"])
        if set(content) == {"uri"}:
            return FileDatasetSource(content["uri"])
        return OtherDatasetSource(source_type, content)
    except (ValueError, TypeError, KeyError) as exc:
        raise InvalidArgumentError(f"the source of the dataset cannot be read: {exc!r}") from exc
