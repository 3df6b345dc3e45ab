"""Where artifacts are, and which of those places the server itself opens.

An experiment may keep its artifacts anywhere: where, is a string that a client chose. The server
opens nothing but the places its operator has named; what is elsewhere, clients read for themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from flavorkit.errors import UnsupportedByStoreError
from flavorkit.tracking.artifacts.paths import ROOT, ArtifactPath
from flavorkit.tracking.artifacts.repository import ArtifactStorage
from flavorkit.tracking.server.settings import PROXY_ROOT

_PROXY_SCHEME = "mlflow-artifacts"


@dataclass(frozen=True, slots=True)
class Places:
    """The places that an operator has named.

    Args:
        proxied: what clients send through the server; None where it takes nothing.
        roots: other places that the server reads, by their URIs.
    """

    proxied: ArtifactStorage | None
    roots: tuple[tuple[str, ArtifactStorage], ...] = ()

    @property
    def storage(self) -> ArtifactStorage:
        """Where artifacts are kept that clients send.

        Raises:
            UnsupportedByStoreError: nowhere.
        """
        if self.proxied is None:
            raise UnsupportedByStoreError(
                "this server keeps no artifacts; it was started with --no-serve-artifacts"
            )
        return self.proxied

    def find(self, uri: str) -> tuple[ArtifactStorage, ArtifactPath]:
        """The storage that a URI is in, and the path there.

        Raises:
            UnsupportedByStoreError: the server does not open this place.
            InvalidArgumentError: the URI leads out of its place.
        """
        parts = urlsplit(uri)
        if parts.scheme == _PROXY_SCHEME and not parts.netloc:
            return self.storage, ArtifactPath.parse_folder(parts.path.strip("/"))
        for root, storage in self.roots:
            base = root.rstrip("/")
            if uri == base or uri.startswith(f"{base}/"):
                return storage, ArtifactPath.parse_folder(uri[len(base) :].strip("/"))
        raise UnsupportedByStoreError(
            "these artifacts are not kept by this server; read them from where they are"
        )


def is_proxied(uri: str) -> bool:
    """Whether artifacts at ``uri`` go through the server."""
    return uri.startswith(PROXY_ROOT.rstrip("/"))


def inside(folder: ArtifactPath, path: str | None) -> ArtifactPath:
    """A path that a client gave, below a folder.

    Raises:
        InvalidArgumentError: it is no path.
    """
    below = ArtifactPath.parse_folder(path)
    return folder if below == ROOT else folder / below
