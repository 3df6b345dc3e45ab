"""A process that saves models in children of its own, so that a test can end them at any point.

It reads lines on its input and answers each with a line: ``fork {json}`` with the child's process
id; ``go`` lets that child start and is answered with its wait status and what it said.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import sys

import numpy as np
from sklearn.tree import DecisionTreeClassifier

import flavorkit

X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
MODEL = DecisionTreeClassifier(random_state=0).fit(X, [0, 1, 1])


def save(target: str, name: str) -> None:
    flavorkit.save_model(
        MODEL, target, input_example=X[:2], overwrite=True, metadata={"name": name}
    )


class Lines:
    """Counts the lines of Python that run; kills the process at one of them."""

    def __init__(self, fatal: int | None) -> None:
        self.count = 0
        self.fatal = fatal

    def __call__(self, frame, event, arg):
        self.count += 1
        if self.count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return self


def child(order: dict, gate: int, answer: mmap.mmap) -> None:
    os.read(gate, 1)
    lines = Lines(order["kill_at_line"])
    try:
        if order["trace"]:
            sys.settrace(lines)
        save(order["target"], order["name"])
        said = "saved"
    except Exception as exc:  # noqa: BLE001 - whatever ended it is the answer
        said = f"{type(exc).__name__}: {exc}"
    sys.settrace(None)
    # Through shared memory: no system call that could be made to fail.
    answer.write(json.dumps([said, lines.count]).encode().ljust(len(answer)))
    os._exit(0)


def main() -> None:
    save(sys.argv[1], "old")  # what a save imports is imported now
    print("ready", flush=True)
    for line in sys.stdin:
        answer = mmap.mmap(-1, 1 << 16)
        gate, opener = os.pipe()
        pid = os.fork()
        if pid == 0:
            child(json.loads(line), gate, answer)
        print(pid, flush=True)
        sys.stdin.readline()
        os.write(opener, b"x")
        _, status = os.waitpid(pid, 0)
        said, lines = json.loads(answer[:].strip(b"\0 ") or b'["killed", 0]')
        print(json.dumps([status, said, lines]), flush=True)
        answer.close()
        os.close(gate)
        os.close(opener)


if __name__ == "__main__":
    main()
