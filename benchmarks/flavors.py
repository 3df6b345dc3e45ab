"""Each flavor beside MLflow and beside the framework alone: save, load, and one row predicted.

    python benchmarks/flavors.py [FLAVOR ...]

Every flavor is measured in a process of its own, on the first model of its test case. Saving gets
a signature and infers requirements, as people save. "Own" is what the framework's own writer or
``predict`` takes. The table goes into README.md beside this file when all are measured.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import ENV, side_by_side

HERE = Path(__file__).parent
README = HERE / "README.md"
MARKS = ("<!-- flavors -->\n", "<!-- end of flavors -->\n")
# How often each is run; MLflow takes seconds to save.
SAVES = {"flavorkit": 15, "own": 15, "mlflow": 3}
LOADS = {"flavorkit": 15, "mlflow": 7}
PREDICTIONS = 200

# Budgets: 1.2 times the framework's own save and 30 ms; microseconds over its own predict.
SAVE_FACTOR, SAVE_EXTRA = 1.2, 0.030
PREDICT_EXTRA = {"frame": 150e-6, "array": 50e-6}


def _torch(model: Any, path: Path, data: Any) -> None:
    import torch

    rows = torch.as_tensor(data)
    dynamic = ({0: torch.export.Dim.AUTO},)
    torch.export.save(torch.export.export(model, (rows,), dynamic_shapes=dynamic), path)


def _skops(model: Any, path: Path, data: Any) -> None:
    import skops.io

    skops.io.dump(model, path)


def _tensorflow(model: Any, path: Path, data: Any) -> None:
    import tensorflow as tf

    tf.saved_model.save(model, str(path))


def _onnx(model: Any, path: Path, data: Any) -> None:
    import onnx

    onnx.save(model, path)


def _h2o(model: Any, path: Path, data: Any) -> None:
    import h2o

    h2o.save_model(model, str(path))


# How each framework writes a model by itself.
OWN: dict[str, Callable[[Any, Path, Any], Any]] = {
    "catboost": lambda model, path, data: model.save_model(str(path)),
    "fastai": lambda model, path, data: model.export(path),
    "h2o": _h2o,
    "keras": lambda model, path, data: model.save(path.with_suffix(".keras")),
    "lightgbm": lambda model, path, data: getattr(model, "booster_", model).save_model(path),
    "onnx": _onnx,
    "pytorch": _torch,
    "sklearn": _skops,
    "spacy": lambda model, path, data: model.to_disk(path),
    "spark": lambda model, path, data: model.write().overwrite().save(f"file://{path}"),
    "statsmodels": lambda model, path, data: model.save(str(path)),
    "tensorflow": _tensorflow,
    "xgboost": lambda model, path, data: model.save_model(path.with_suffix(".ubj")),
}
# To export a module, both are given an example.
NEED_EXAMPLE = {"pytorch"}
# What its case expects is written in Python a second time: R itself cannot be asked without a pipe.
NO_OWN_PREDICT = {"crate"}


def measure(name: str) -> dict[str, Any]:
    """The seconds of one flavor: what -> whose -> seconds."""
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    sys.path.insert(0, str(HERE.parent))
    import flavorkit
    from flavorkit.testing import rows_of
    from tests.flavors.cases import all_cases

    (case,) = (case for case in all_cases() if case.flavor == name)
    model = case.models[0]
    one = rows_of(model.data, 0, 1)
    example = rows_of(model.data, 0, 2)
    number = itertools.count()
    theirs = _mlflow(name)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)

        def path() -> Path:
            return folder / f"m{next(number)}"

        more = {"input_example": example} if name in NEED_EXAMPLE else {}
        signature = flavorkit.infer_signature(example, model.answer(example))

        def ours_to(target: Path) -> None:
            given = {"signature": signature, **more, **model.options}
            flavorkit.save_model(model.native, target, flavor=name, **given)

        def theirs_to(target: Path) -> None:
            import mlflow

            signature = mlflow.models.infer_signature(example, model.answer(example))
            given = {"signature": signature, **more, **model.options}
            theirs.save_model(model.native, str(target), **given)

        saves: dict[str, Callable[[], object]] = {"flavorkit": lambda: ours_to(path())}
        if name in OWN:
            saves["own"] = lambda: OWN[name](model.native, path(), example)
        if theirs is not None:
            saves["mlflow"] = lambda: theirs_to(path())
        for run in saves.values():
            run()
        found = {"save": side_by_side(saves, SAVES)}

        ours_to(folder / "ours")
        loaded = flavorkit.load_model(folder / "ours")
        loads: dict[str, Callable[[], object]] = {
            "flavorkit": lambda: flavorkit.load_model(folder / "ours")
        }
        predictions: dict[str, Callable[[], object]] = {
            "flavorkit": lambda: loaded.predict(one),
        }
        if name not in NO_OWN_PREDICT:
            predictions["own"] = lambda: model.answer(one)
        if theirs is not None:
            import mlflow.pyfunc

            theirs_to(folder / "theirs")
            other = mlflow.pyfunc.load_model(str(folder / "theirs"))
            loads["mlflow"] = lambda: mlflow.pyfunc.load_model(str(folder / "theirs"))
            if _answers(other, one):
                predictions["mlflow"] = lambda: other.predict(one)
        found["load"] = side_by_side(loads, LOADS)
        found["predict"] = _predicting(predictions)
    kind = "frame" if hasattr(model.data, "columns") else "array"
    return {"model": model.name, "kind": kind, **found}


def _predicting(predictions: dict[str, Callable[[], object]]) -> dict[str, float]:
    for run in predictions.values():
        run()
    slow = max(side_by_side(predictions, 3).values()) > 0.05
    return side_by_side(predictions, 15 if slow else PREDICTIONS)


def _answers(model: Any, one: Any) -> bool:
    """Whether MLflow's model takes this row at all: its H2O takes no missing number for one."""
    try:
        model.predict(one)
    except Exception:
        return False
    return True


def _mlflow(name: str) -> Any:
    """MLflow's module for a flavor, or None where it has none."""
    import importlib

    os.environ.update(ENV)
    try:
        return importlib.import_module(f"mlflow.{name}")
    except ImportError:
        return None


def row(name: str, found: dict[str, Any]) -> str:
    """One line of the table."""
    save, load, predict = found["save"], found["load"], found["predict"]
    cells = [f"{name} ({found['model']}, {found['kind']})"]
    cells += [_ms(save["flavorkit"]), _ms(save.get("own")), _ms(save.get("mlflow"))]
    if "own" in save:
        allowed = SAVE_FACTOR * save["own"] + SAVE_EXTRA
        cells.append("met" if save["flavorkit"] <= allowed else "**missed**")
    else:
        cells.append("")
    cells += [_ms(load["flavorkit"]), _ms(load.get("mlflow"))]
    cells += [_us(predict["flavorkit"]), _us(predict.get("own")), _us(predict.get("mlflow"))]
    if "own" in predict:
        over = predict["flavorkit"] - predict["own"]
        cells.append("met" if over <= PREDICT_EXTRA[found["kind"]] else "**missed**")
    else:
        cells.append("")
    return f"| {' | '.join(cells)} |\n"


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e3:,.1f}"


def _us(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e6:,.0f}"


HEADER = (
    "| flavor | save ms | own | MLflow | budget | load ms | MLflow | one row µs | own | MLflow |"
    " budget |\n|---|--:|--:|--:|---|--:|--:|--:|--:|--:|---|\n"
)


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2])))
        return
    sys.path.insert(0, str(HERE.parent))
    from tests.flavors.cases import all_cases

    names = sys.argv[1:] or [case.flavor for case in all_cases()]
    lines = [HEADER]
    print(HEADER, end="")
    for name in names:
        command = [sys.executable, __file__, "--measure", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{name}: {done.stderr}")
        # H2O has something to say when it ends.
        said = [line for line in done.stdout.splitlines() if line.startswith("{")]
        lines.append(row(name, json.loads(said[-1])))
        print(lines[-1], end="", flush=True)
    if not sys.argv[1:]:
        text = README.read_text()
        pattern = re.escape(MARKS[0]) + ".*" + re.escape(MARKS[1])
        table = MARKS[0] + "".join(lines) + MARKS[1]
        README.write_text(re.sub(pattern, lambda _: table, text, flags=re.DOTALL))
        print("written into benchmarks/README.md")


if __name__ == "__main__":
    main()
