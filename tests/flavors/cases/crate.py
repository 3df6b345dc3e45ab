from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from flavorkit.testing import Case, Model

DATA = pd.DataFrame(
    {
        "size": [1.5, 2.25, 1 / 3, -4.0],
        "count": [1, 20, 100_000, -3],
        "colour": ["red", "grün", "red", "a\nb"],
    }
)


R = Path(__file__).parent.parent / "r"


def run(code, *arguments):
    """Run R code; its arguments are ``args``."""
    done = subprocess.run(
        ["Rscript", "--vanilla", "-e", f"args <- commandArgs(TRUE); {code}", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def source(name, data=DATA):
    return lambda: (R / f"{name}.R", data)


def crate():
    home = tempfile.mkdtemp(prefix="flavorkit-tests-")
    atexit.register(shutil.rmtree, home)
    path = Path(home) / "crate.rds"
    run(
        "offset <- 10; f <- function(data) data$size * factor;"
        " environment(f) <- list2env(list(factor = 3), parent = baseenv());"
        " class(f) <- 'crate'; saveRDS(serialize(f, NULL), args[1])",
        path,
    )
    return path, DATA[["size"]]


def by_formula(native, data):
    return (2 * data["size"] - data["count"] + (data["colour"] == "red")).to_numpy(float)


def by_frame(native, data, least=0.0):
    total = data["size"] + data["count"]
    label = data["colour"].astype(object) + "!"
    return pd.DataFrame({"label": label, "sum": total, "is_large": total >= least})


def by_line(native, data):
    known = pd.read_csv(R / "training.csv")
    slope, start = np.polyfit(known["x"], known["y"], 1)
    return slope * data["x"].to_numpy() + start


def through_r(native, data, **params):
    """The native object answers for itself; what the file should answer is known here."""
    return native.predict(data, params) if hasattr(native, "predict") else None


def expecting(answer):
    def expected(native, data, **params):
        found = through_r(native, data, **params)
        return answer(native, data, **params) if found is None else found

    return expected


CASE = Case(
    flavor="crate",
    packages=(),
    commands=("Rscript",),
    models=(
        Model("formula", source("formula"), expecting(by_formula), is_data=False),
        Model(
            "frame",
            source("frame"),
            expecting(by_frame),
            {"packages": ["stats"], "row_wise": True},
            params={"least": 5.0},
            is_data=False,
        ),
        Model(
            "matrix",
            source("matrix", np.arange(12.0).reshape(4, 3)),
            expecting(lambda native, data: data @ np.array([1, -2, 0.5])),
            is_data=False,
        ),
        Model(
            "fitted",
            source("fitted", pd.DataFrame({"x": [0.5, 3.0, -1.0]})),
            expecting(by_line),
            {"data": [R / "training.csv"]},
            is_data=False,
            rtol=1e-12,
        ),
        Model(
            "crate",
            crate,
            expecting(lambda native, data: data["size"].to_numpy() * 3),
            is_data=False,
        ),
    ),
)
