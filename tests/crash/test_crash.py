"""However a save ends, its target is absent, the complete old model or the complete new one."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import flavorkit
from tests.conftest import ROOT, need

POINTS = 200
SHARES = 4
"""The points are divided over this many tests, which run in parallel."""


@dataclass(frozen=True)
class Outcome:
    """How a save ended."""

    status: int
    said: str
    lines: int
    """How many lines of Python ran, where they were counted."""

    @property
    def was_killed(self) -> bool:
        return os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL


class Saver:
    """``saver.py``, at work in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.target = folder / "model"
        self.old = folder.parent / "old"
        without_coverage = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.crash.saver", str(self.old)],
            cwd=ROOT,
            env=without_coverage,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def place(self, before: str | None) -> None:
        """Put the old model, or nothing, where the next save goes."""
        shutil.rmtree(self.target, ignore_errors=True)
        if before:
            shutil.copytree(self.old, self.target)

    def save(self, *, trace=False, kill_at_line=None, around=None) -> Outcome:
        """One save in a child."""
        order = {
            "target": str(self.target),
            "name": "new",
            "trace": trace,
            "kill_at_line": kill_at_line,
        }
        pid = int(self.ask(json.dumps(order)))
        attached = around(pid) if around else None
        outcome = Outcome(*json.loads(self.ask("go")))
        if attached:
            attached.communicate()
        return outcome

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def hidden(self):
        return [path for path in self.folder.iterdir() if path.name.startswith(".")]


@pytest.fixture(scope="module")
def saver(tmp_path_factory):
    root = tmp_path_factory.mktemp("crash")
    (root / "work").mkdir()
    saver = Saver(root / "work")
    yield saver
    saver.process.communicate()


def name_at(target: Path) -> str | None:
    """Which model stands there, after it was verified, loaded and has predicted."""
    if not target.exists():
        return None
    model = flavorkit.load_model(target)
    np.testing.assert_array_equal(model.predict(np.array([[0.0, 1.0], [1.0, 1.0]])), [0, 1])
    return model.metadata.metadata["name"]


def check_what_is_left(saver, before, outcome):
    assert name_at(saver.target) in ({"new"} if outcome.said == "saved" else {before, "new"})
    assert {p.name for p in saver.folder.iterdir() if not p.name.startswith(".")} <= {"model"}
    assert len(saver.hidden()) <= 1


def check_that_the_next_save_cleans_up(saver):
    assert saver.save().said == "saved"
    assert name_at(saver.target) == "new"
    assert saver.hidden() == []


@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_random_points(saver, share):
    saver.place("old")
    lines = saver.save(trace=True).lines
    chance = random.Random(share)
    killed = 0
    for point in range(POINTS // SHARES):
        before = "old" if point % 2 else None
        saver.place(before)
        outcome = saver.save(trace=True, kill_at_line=chance.randint(1, lines))
        killed += outcome.was_killed
        check_what_is_left(saver, before, outcome)
        check_that_the_next_save_cleans_up(saver)
    assert killed >= 0.9 * POINTS / SHARES


CALLS = (
    *("openat", "write", "pwrite64", "ftruncate", "fsync"),
    *("mkdir", "chmod", "rename", "renameat2", "unlinkat", "rmdir", "flock"),
)
"""What a save asks of the disk."""


@dataclass(frozen=True)
class Tamper:
    """Makes one system call of a process fail, or kills the process there."""

    strace: str
    call: str
    how: str
    nth: int
    log: Path

    def __call__(self, pid):
        command = [self.strace, "-p", str(pid), "-o", str(self.log), "-e", f"trace={self.call}"]
        command += ["-e", f"inject={self.call}:{self.how}:when={self.nth}"]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        said = tracer.stderr.readline()
        if "attached" not in said:
            pytest.skip(f"strace may not trace here: {said}")
        return tracer

    @property
    def happened(self):
        text = self.log.read_text()
        return "(INJECTED)" in text or "killed by SIGKILL" in text


@pytest.mark.parametrize("before", ["old", None])
@pytest.mark.parametrize("how", ["error=ENOSPC", "error=EIO", "signal=KILL"])
def test_every_system_call_fails_once(saver, tmp_path, how, before):
    strace = need("strace")
    happened = 0
    for call in CALLS:
        for nth in itertools.count(1):
            saver.place(before)
            tamper = Tamper(strace, call, how, nth, tmp_path / "log")
            outcome = saver.save(around=tamper)
            if not tamper.happened:
                assert outcome.said == "saved"
                break
            happened += 1
            assert outcome.said in {"saved", "killed"} or "[Errno " in outcome.said
            assert outcome.was_killed == (how == "signal=KILL")
            check_what_is_left(saver, before, outcome)
            check_that_the_next_save_cleans_up(saver)
    assert happened >= 50


FULL = """
import json, os, shutil, sys
from pathlib import Path
from tests.crash.saver import save
from tests.crash.test_crash import name_at

disk, kilobytes = Path(sys.argv[1]), int(sys.argv[2])
outcomes = []
save(str(disk / "model"), "old")
save(str(disk / "another"), "new")
shutil.rmtree(disk / "another")
blocks = 0
for free in range(kilobytes, -1, -4):
    # Leave this much on the disk, and save into it.
    with open(disk / "ballast", "wb") as ballast:
        room = os.statvfs(disk)
        os.posix_fallocate(ballast.fileno(), 0, room.f_bavail * room.f_bsize - free * 1024 or 1)
    before = name_at(disk / "model")
    try:
        save(str(disk / "model"), str(free))
        said = "saved"
    except OSError as exc:
        said = os.strerror(exc.errno)
    after = name_at(disk / "model")
    hidden = [name for name in os.listdir(disk) if name.startswith(".")]
    outcomes.append([said, before == after, after == str(free), hidden])
    os.unlink(disk / "ballast")
print(json.dumps(outcomes))
"""


def test_a_full_disk(tmp_path):
    """On a disk of its own, with less and less room."""
    inside = [need("unshare"), "--map-root-user", "--mount", "sh", "-c"]
    mount = 'mount -t tmpfs -o size=1m none "$1"'
    probe = [*inside, mount, "sh", str(tmp_path)]
    refused = subprocess.run(probe, capture_output=True, text=True, check=False)
    if refused.returncode:
        pytest.skip(f"no disk of its own to be had here: {refused.stderr.strip()}")
    script = mount + ' && exec "$2" -W ignore -c "$3" "$1" 64'
    done = subprocess.run(
        [*inside, script, "sh", str(tmp_path), sys.executable, FULL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    assert {said for said, *_ in outcomes} == {"saved", "No space left on device"}
    for said, is_old, is_new, hidden in outcomes:
        assert is_new if said == "saved" else is_old
        assert hidden == []
