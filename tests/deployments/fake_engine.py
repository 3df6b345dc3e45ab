"""A stand-in for docker, whose containers are processes: ``fake_engine.py FOLDER COMMAND ...``.

It knows what flavorkit asks of an engine, keeps a file for each container, and notes all calls.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

HOME, COMMAND, ARGUMENTS = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
SERVER = Path(__file__).with_name("fake_server.py")


def options():
    """The options by name, each with all its values, and what comes after them."""
    end = ARGUMENTS.index("--") if "--" in ARGUMENTS else len(ARGUMENTS)
    found = {}
    for one in ARGUMENTS[:end]:
        name, _, value = one.partition("=")
        found.setdefault(name, []).append(value)
    return found, ARGUMENTS[end + 1 :]


def is_up(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def container(name):
    for path in HOME.glob("*.json"):
        known = json.loads(path.read_text())
        if name in {known["Id"], known["Name"]}:
            known["State"]["Running"] = is_up(known["Pid"])
            return path, known
    return None, None


def run(given, words):
    (published,) = given["--publish"]
    host, port, inner = published.split(":")
    assert (host, inner) == ("127.0.0.1", "8080")
    labels, variables = (
        dict(line.split("=", 1) for line in Path(given[name][0]).read_text().splitlines())
        for name in ("--label-file", "--env-file")
    )
    key = secrets.token_hex(32)
    with (HOME / f"{key}.log").open("w") as log, socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, int(port or 0)))
        port = held.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, SERVER, host, str(port)],
            env={**os.environ, **variables},
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[held.fileno()],  # so that nobody else is given the port before it listens
        )
    known = {
        "Id": key,
        "Name": given.get("--name", ["tried"])[0],
        "Created": datetime.now().isoformat(),
        "Pid": process.pid,
        "State": {"Running": True},
        "Config": {
            "Image": words[0],
            "Labels": labels,
        },
        "NetworkSettings": {"Ports": {"8080/tcp": [{"HostIp": host, "HostPort": str(port)}]}},
    }
    (HOME / f"{key}.json").write_text(json.dumps(known))
    print(key)


def ps(given, words):
    key, equals, value = given["--filter"][0].removeprefix("label=").partition("=")
    for path in HOME.glob("*.json"):
        labels = json.loads(path.read_text())["Config"]["Labels"]
        if key in labels and (not equals or labels[key] == value):
            print(path.stem)


def inspect(given, words):
    found = [container(word)[1] for word in words]
    print(json.dumps([known for known in found if known]))
    return 0 if all(found) else 1


def stop(given, words):
    _, known = container(words[0])
    if is_up(known["Pid"]):
        os.kill(known["Pid"], signal.SIGTERM)
    while is_up(known["Pid"]):
        time.sleep(0.01)


def rm(given, words):
    path, _ = container(words[0])
    if path is not None:
        path.unlink()
    return 0 if path else 1


def logs(given, words):
    print((HOME / f"{words[0]}.log").read_text())


if __name__ == "__main__":
    with (HOME / "calls").open("a") as calls:
        calls.write(json.dumps([COMMAND, *ARGUMENTS]) + "\n")
    sys.exit(globals()[COMMAND](*options()))
