"""Who we say we are to a server, and whom we take it for."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking import environ


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is sent with each request, and how TLS is checked.

    Args:
        authorization: the value of that header.
        verifies: whether the server's certificate is checked.
        server_certificates: a file or a folder of certificates to check it against.
        client_certificate: a file of our own certificate and its key.
    """

    authorization: str | None = field(default=None, repr=False)
    verifies: bool = True
    server_certificates: str | None = None
    client_certificate: str | None = None

    @classmethod
    def from_environment(cls, uri: str) -> Credentials:
        """Those that the URL or the environment gives.

        Raises:
            InvalidArgumentError: two of them contradict each other.
        """
        insecure = environ.flag("TRACKING_INSECURE_TLS", default=False)
        certificates = environ.text("TRACKING_SERVER_CERT_PATH")
        if insecure and certificates:
            raise InvalidArgumentError(
                "FLAVORKIT_TRACKING_INSECURE_TLS and FLAVORKIT_TRACKING_SERVER_CERT_PATH contradict"
                " each other; set one of them"
            )
        return cls(
            _authorization(uri),
            not insecure,
            certificates,
            environ.text("TRACKING_CLIENT_CERT_PATH"),
        )

    def pool_arguments(self) -> dict[str, Any]:
        """What urllib3 takes for them."""
        arguments: dict[str, Any] = {"cert_reqs": "CERT_REQUIRED" if self.verifies else "CERT_NONE"}
        if self.server_certificates is not None:
            is_folder = Path(self.server_certificates).is_dir()
            arguments["ca_cert_dir" if is_folder else "ca_certs"] = self.server_certificates
        if self.client_certificate is not None:
            arguments["cert_file"] = self.client_certificate
        return arguments


def _authorization(uri: str) -> str | None:
    parts = urlsplit(uri)
    user, password = parts.username, parts.password
    if user:
        user, password = unquote(user), unquote(password or "")
    else:
        user, password = environ.text("TRACKING_USERNAME"), environ.text("TRACKING_PASSWORD")
    if user and password is not None:
        return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
    token = environ.text("TRACKING_TOKEN")
    return f"Bearer {token}" if token else None
