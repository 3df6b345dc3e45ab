"""Damages model files at random, and looks whether any of them brings the process down.

Run as a program, so that a crash ends a process of its own::

    python -m tests.flavors.forging xgboost SEED COUNT FILE...

It prints how many files were refused and how many loaded and predicted. Before each attempt it
writes the seed to the standard error, so that the last line says what crashed.
"""

from __future__ import annotations

import copy
import faulthandler
import importlib
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from flavorkit.errors import FlavorkitError

TIME = 500


def run(kind, files, *, seed=0, count=1000):
    """The outcome for ``count`` damaged versions of ``files``: how many of each.

    Raises:
        AssertionError: one of them has brought the process down; the message says which.
    """
    command = [sys.executable, "-W", "ignore", "-m", "tests.flavors.forging", kind]
    done = subprocess.run(
        [*command, str(seed), str(count), *map(str, files)],
        capture_output=True,
        text=True,
        timeout=TIME,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


INTEGERS = (
    -1,
    -2,
    0,
    1,
    2,
    7,
    255,
    256,
    2**15,
    2**24,
    2**31 - 1,
    -(2**31),
    2**31,
    2**32,
    2**63 - 1,
)
FLOATS = (float("nan"), float("inf"), -float("inf"), 1e308, -1e300, 0.0, -0.5)
TEXTS = (
    "",
    "-1",
    "x",
    "é",
    "nan",
    "1e9",
    "multi:softmax",
    "gblinear",
    "0",
    "2",
    "c",
    "float",
    "[]",
)


def damaged_bytes(content, rng):
    """``content`` with some bytes changed, cut off, moved or doubled."""
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at = rng.randrange(len(found) or 1)
        match rng.randrange(6):
            case 0 | 1 | 2:
                found[at : at + 1] = bytes([rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))])
            case 3:
                found = found[:at]
            case 4:
                length = rng.randrange(1, 64)
                other = rng.randrange(len(found) or 1)
                found[at : at + length] = found[other : other + length]
            case 5:
                found[at : at + 4] = rng.choice(INTEGERS).to_bytes(8, "big", signed=True)[4:]
    return bytes(found)


def damaged_value(value, rng):
    """A tree of dicts, lists, arrays and scalars, with some of its values changed."""
    found = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        found = _damaged(found, rng)
    return found


def _damaged(value, rng):
    if isinstance(value, dict) and value and rng.random() < 0.97:
        key = rng.choice(list(value))
        if rng.random() < 0.02:
            return {name: value[name] for name in value if name != key}
        return {**value, key: _damaged(value[key], rng)}
    if isinstance(value, np.ndarray):
        return _damaged_array(value, rng)
    if isinstance(value, list) and value and rng.random() < 0.85:
        at = rng.randrange(len(value))
        return [*value[:at], _damaged(value[at], rng), *value[at + 1 :]]
    if isinstance(value, list):
        return _damaged_list(value, rng)
    if isinstance(value, str):
        if value.strip("[]").replace(".", "").replace("E", "").replace("-", "").isdigit():
            return str(rng.choice((*INTEGERS, *FLOATS)))
        return rng.choice((value + "x", value[:-1], *TEXTS))
    if isinstance(value, int | float) and rng.random() < 0.9:
        near = (value + 1, value - 1) if abs(value) < 2**40 else ()
        return rng.choice((*near, *near, *near, *INTEGERS, *(FLOATS if rng.random() < 0.2 else ())))
    return rng.choice((None, True, [], {}, "1", 0, -1, [0], ["0"]))


def _damaged_list(value, rng):
    at, other = (rng.randrange(len(value) or 1) for _ in range(2))
    match rng.randrange(5):
        case 0:
            return value[:-1]
        case 1:
            return [*value, *value[at : at + 1]]
        case 2 if value:
            value = list(value)
            value[at], value[other] = value[other], value[at]
            return value
        case 3:
            return [*value[:at], *value[other:]]
    return []


def _damaged_array(value, rng):
    if len(value) and rng.random() < 0.8:
        value = value.copy()
        for _ in range(rng.choice((1, 1, 2))):
            at = rng.randrange(len(value))
            if value.dtype.kind == "f":
                value[at] = rng.choice(FLOATS)
            else:
                limits = np.iinfo(value.dtype)
                new = rng.choice((int(value[at]) + 1, int(value[at]) - 1, len(value), *INTEGERS))
                value[at] = min(max(new, limits.min), limits.max)
        return value
    if rng.random() < 0.2:
        return value.astype(rng.choice(("u1", ">i4", ">i8", ">f4")))
    return np.array(_damaged_list(list(value), rng), dtype=value.dtype)


def main(kind, seed, count, *files):
    faulthandler.enable()
    damage = importlib.import_module(f"tests.flavors.forging_{kind}")
    contents = [(file, Path(file).read_bytes()) for file in files]
    outcomes = {"refused": 0, "predicted": 0, "failed": 0}
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(int(seed), int(seed) + int(count)):
            rng = random.Random(number)
            name, content = rng.choice(contents)
            try:
                damaged = damage.damaged(content, rng)
            except Exception:  # noqa: BLE001 - such a value has no place in the format
                continue
            path = Path(scratch) / f"model{Path(name).suffix}"
            path.write_bytes(damaged)
            print(number, name, file=sys.stderr, flush=True)
            try:
                native = damage.load(path, Path(name))
            except FlavorkitError:
                outcomes["refused"] += 1
                continue
            try:
                damage.predict(native, Path(name))
            except Exception:  # noqa: BLE001 - as long as it is one
                outcomes["failed"] += 1
            else:
                outcomes["predicted"] += 1
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(*sys.argv[1:])
