"""Database servers of the tests' own: PostgreSQL and MariaDB, on sockets in temporary folders."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from tests.conftest import need


def _found(tool: str) -> str:
    """The path of a program of PostgreSQL, which Debian keeps out of PATH."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / tool).exists():
            return str(folder / tool)
    return need(tool)


@contextlib.contextmanager
def _folder_of(user: str) -> Iterator[tuple[Path, list[str]]]:
    """A folder for the data of a server, and what runs a command as a user who may run one."""
    # Not below the folder of the test, whose name is too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="flavorkit-db-"))
    command: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, user, user)
        command = [need("setpriv"), f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
    try:
        yield folder, command
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(
    command: list[str], log: Path, listening: Path, stop: signal.Signals
) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd="/", start_new_session=True
        )
    try:
        deadline = time.monotonic() + 60
        while not _answers(listening):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"no server: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(stop)
        process.wait(30)


def _answers(listening: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(listening))
        except OSError:
            return False
    return True


def _wait_for(url: str) -> None:
    """PostgreSQL accepts connections a moment before it answers them."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    deadline = time.monotonic() + 60
    while True:
        try:
            engine.connect().close()
        except sqlalchemy.exc.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database."""
    initdb, server = _found("initdb"), _found("postgres")
    with _folder_of("postgres") as (folder, as_user):
        data = folder / "data"
        subprocess.run(
            [
                *(*as_user, initdb, "-D", str(data), "-U", "flavorkit", "-A", "trust"),
                *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            cwd="/",
        )
        options = ("listen_addresses=", "fsync=off", f"unix_socket_directories={folder}")
        command = [*as_user, server, "-D", str(data)]
        for option in options:
            command += ["-c", option]
        url = f"postgresql+psycopg://flavorkit@/postgres?host={folder}"
        with _running(command, folder / "log", folder / ".s.PGSQL.5432", signal.SIGINT):
            _wait_for(url)
            yield url


@contextlib.contextmanager
def mariadb() -> Iterator[str]:
    """The URL of an empty database."""
    install, server = need("mariadb-install-db"), need("mariadbd")
    with _folder_of("mysql") as (folder, as_user):
        data, listening = folder / "data", folder / "socket"
        subprocess.run(
            [
                *(*as_user, install, "--no-defaults", f"--datadir={data}", "--skip-test-db"),
                "--auth-root-authentication-method=normal",
            ],
            check=True,
            capture_output=True,
            cwd="/",
        )
        command = [
            *(*as_user, server, "--no-defaults", f"--datadir={data}", f"--socket={listening}"),
            *("--skip-networking", "--innodb-flush-log-at-trx-commit=0"),
        ]
        with _running(command, folder / "log", listening, signal.SIGTERM):
            url = "mysql+pymysql://root@localhost/"
            engine = sqlalchemy.create_engine(
                f"{url}?unix_socket={listening}", poolclass=sqlalchemy.NullPool
            )
            with engine.connect() as connection:
                connection.execute(sqlalchemy.text("CREATE DATABASE flavorkit"))
            yield f"{url}flavorkit?unix_socket={listening}"


def emptied(url: str) -> str:
    """The same database without any rows, so that a store begins anew in it."""
    from flavorkit.tracking.sql.revisions import VERSION_TABLE
    from flavorkit.tracking.sql.schema import metadata

    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        present = set(sqlalchemy.inspect(connection).get_table_names())
        tables = [table.name for table in reversed(metadata.sorted_tables)]
        for name in [*tables, VERSION_TABLE]:
            if name in present:
                connection.execute(sqlalchemy.text(f"DELETE FROM {name}"))
    return url
