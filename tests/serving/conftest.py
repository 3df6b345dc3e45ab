"""A real server process on a real socket."""

from __future__ import annotations

import pytest

from flavorkit.testing import Server


@pytest.fixture(scope="session")
def start():
    """Starts servers, and stops those that a test has left running."""
    servers = []

    def run(*args, **kwargs):
        servers.append(Server(*args, **kwargs))
        return servers[-1]

    yield run
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def server(start, iris_folder):
    """The iris model, served."""
    return start(iris_folder, "--max-body-mib", "1", "-t", "20")
