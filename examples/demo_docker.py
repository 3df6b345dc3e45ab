"""The champion of demo.py becomes an image, runs in a container, and is called with curl.

Run it with ``make demo-docker``. It needs Docker or Podman, and leaves the image behind.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import demo

IMAGE = "flavorkit-demo:1"
CONFINED = ("--read-only", "--cap-drop", "ALL", "--memory", "512m", "--cpus", "1")


def main() -> None:
    engine = shutil.which("docker") or shutil.which("podman")
    if engine is None:
        sys.exit("neither docker nor podman is installed; `make demo` shows the rest without")
    with tempfile.TemporaryDirectory(prefix="flavorkit-demo-") as scratch:
        os.environ["FLAVORKIT_TRACKING_URI"] = f"sqlite:///{scratch}/flavorkit.db"
        table = demo.search()
        folder = demo.show(Path(scratch, "champion"))
        demo.say(f"Build it: flavorkit build-docker -m {demo.CHAMPION} -t {IMAGE}")
        with demo.timed("built"):
            build(Path(engine).name)
        show_labels(engine)
        with container(engine) as url:
            demo.say("Call it with JSON: the example that was saved with the model")
            example = folder / "serving_input_example.json"
            demo.curl(f"{url}/invocations", "application/json", example)
            demo.say("Call it with CSV: five patients the model has not seen")
            unseen = Path(scratch, "unseen.csv")
            unseen.write_text(table)
            demo.curl(f"{url}/invocations", "text/csv", unseen)
    demo.say("The container has stopped. What to try next")
    print(f"  run it yourself     {Path(engine).name} run --rm --publish 8080:8080 {IMAGE}")
    print(f"  on Kubernetes       .venv/bin/flavorkit deploy kubernetes {IMAGE}")
    print("  read on             docs/images.md, docs/deploying.md")


def build(engine: str) -> None:
    command = [sys.executable, "-m", "flavorkit", "build-docker", "-m", demo.CHAMPION]
    done = subprocess.run(
        [*command, "-t", IMAGE, "--engine", engine],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(done.stdout)
    print(f"  {done.stdout.splitlines()[-2]}")


def show_labels(engine: str) -> None:
    demo.say("What the image says of itself")
    template = (
        r'{{range $key, $value := .Config.Labels}}{{printf "  %s %.80s\n" $key $value}}{{end}}'
    )
    print(f"  {output(engine, 'image', 'inspect', '--format', template, IMAGE)}")


@contextlib.contextmanager
def container(engine: str) -> Iterator[str]:
    """The URL of a container that answers; it is stopped and removed in any case."""
    name = f"flavorkit-demo-{secrets.token_hex(4)}"
    options = ["--detach", "--name", name, "--publish", "127.0.0.1::8080", *CONFINED]
    demo.say(f"Run it with no rights and on a file system it cannot write to: {' '.join(CONFINED)}")
    begun = time.perf_counter()
    output(engine, "run", *options, IMAGE)
    try:
        url = f"http://{output(engine, 'port', name, '8080/tcp').splitlines()[0]}"
        while not is_ready(url):
            if output(engine, "inspect", "--format", "{{.State.Running}}", name) != "true":
                sys.exit(output(engine, "logs", name))
            time.sleep(0.1)
        print(f"  ready in {time.perf_counter() - begun:.1f} s at {url}")
        yield url
        output(engine, "stop", "--time", "60", name)
        status = output(engine, "inspect", "--format", "{{.State.ExitCode}}", name)
        print(f"\nstopped by SIGTERM when all was answered, exit status {status}")
    finally:
        subprocess.run([engine, "rm", "--force", name], capture_output=True, check=False)


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def output(*command: str) -> str:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{Path(command[0]).name} {command[1]} failed: {done.stdout}")
    return done.stdout.strip()


if __name__ == "__main__":
    main()
