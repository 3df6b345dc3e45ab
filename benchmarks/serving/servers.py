"""How each server is installed and started for a folder that :mod:`models` has written.

Each is set up as its own documentation shows, with one worker, and without what it would log.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENTS = HERE / ".envs"
"""Where they are made when nobody says where."""
# As it stands here: with what its users install, and not with all that its tests need. pandas is
# slower on a row of text, and starts later, where pyarrow is installed beside it.
OURS = ("--editable", f"{HERE.parents[1]}[sklearn]")
FRAMEWORKS = ("scikit-learn", "xgboost-cpu", "torch==2.13.0", "pandas", "joblib")


@dataclass(frozen=True)
class ServerKind:
    """One of the servers that are compared."""

    name: str
    packages: tuple[str, ...]
    """What its environment holds beside the frameworks; none for the one that runs this."""
    protocol: str
    """Which of the payloads it takes."""
    path: str
    """Where it takes them."""
    alone: tuple[str, ...] = ()
    """Packages to install without what they ask for, which the frameworks here stand in for."""
    workers: int = 1
    """How many processes answer, where that can be chosen here."""

    def environment(self, root: Path) -> Path:
        """The Python of its environment, made if there is none; with compiled byte code."""
        if not self.packages:
            return Path(sys.executable)
        folder = root / self.name
        python = folder / "bin" / "python"
        if not (folder / "complete").exists():
            if folder.exists() and not (folder / "pyvenv.cfg").exists():
                sys.exit(f"{folder} is no environment, and would be lost; choose another --envs")
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            pip = [python, "-m", "pip", "install", "--quiet"]
            subprocess.run([*pip, *self.packages, *FRAMEWORKS], check=True)
            if self.alone:
                subprocess.run([*pip, "--no-deps", *self.alone], check=True)
            subprocess.run([python, "-m", "compileall", "-qq", folder / "lib"], check=False)
            (folder / "complete").touch()
        return python

    def command(self, python: Path, folder: Path, port: int) -> list[str]:
        """What starts it."""
        return _COMMANDS[self.name](python, folder, port)

    def variables(self, python: Path, folder: Path, port: int) -> dict[str, str]:
        """What it is started with beside that."""
        own = dict(os.environ)
        if self.packages:
            own.pop("PYTHONPATH", None)
        return {
            **own,
            "PATH": f"{python.parent}{os.pathsep}{own['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "",
            "BENCH_FOLDER": str(folder),
            "BENCH_PORT": str(port),
            "OMP_NUM_THREADS": "1",
            "BENTOML_DO_NOT_TRACK": "True",
            "FLAVORKIT_MODELS_WORKERS": str(self.workers),
        }


def _flavorkit(python: Path, folder: Path, port: int) -> list[str]:
    model = str(folder / "model")
    return [str(python), "-m", "flavorkit", "serve", "-m", model, "-p", str(port)]


def _mlflow(python: Path, folder: Path, port: int) -> list[str]:
    program = str(python.parent / "mlflow")
    options = ["--env-manager", "local", "-w", "1", "-p", str(port)]
    return [program, "models", "serve", "-m", str(folder / "model"), *options]


def _mlserver(python: Path, folder: Path, port: int) -> list[str]:
    home = folder / "mlserver"
    home.mkdir(exist_ok=True)
    settings = {"http_port": port, "parallel_workers": 0, "metrics_port": port + 1000}
    settings |= {"grpc_port": port + 2000, "debug": False}
    (home / "settings.json").write_text(json.dumps(settings))
    runtimes = {
        "model.joblib": "mlserver_sklearn.SKLearnModel",
        "model.json": "mlserver_xgboost.XGBoostModel",
        "model.pt": "mlserver_net.Net",
    }
    (file,) = [name for name in runtimes if (folder / name).exists()]
    model = {"name": "m", "implementation": runtimes[file]}
    model["parameters"] = {"uri": str(folder / file), "version": "1"}
    (home / "model-settings.json").write_text(json.dumps(model))
    return [str(python.parent / "mlserver"), "start", str(home)]


def _bentoml(python: Path, folder: Path, port: int) -> list[str]:
    program = str(python.parent / "bentoml")
    return [program, "serve", "bento_service:Model", "-p", str(port), "--working-dir", str(HERE)]


def _litserve(python: Path, folder: Path, port: int) -> list[str]:
    return [str(python), str(HERE / "lit_service.py")]


def _starlette(python: Path, folder: Path, port: int) -> list[str]:
    options = ["--port", str(port), "--log-level", "warning", "--no-access-log"]
    return [str(python), "-m", "uvicorn", "empty_service:app", "--app-dir", str(HERE), *options]


_COMMANDS = {
    "flavorkit": _flavorkit,
    "MLflow": _mlflow,
    "MLServer": _mlserver,
    "BentoML": _bentoml,
    "LitServe": _litserve,
    "empty": _starlette,
}
SERVERS = (
    ServerKind("flavorkit", OURS, "invocations", "/invocations"),
    ServerKind("MLflow", ("mlflow==3.17.2",), "invocations", "/invocations"),
    ServerKind(
        "MLServer",
        ("mlserver==1.7.1", "mlserver-sklearn==1.7.1", "uvloop<0.22"),
        "inference",
        "/v2/models/m/infer",
        alone=("mlserver-xgboost==1.7.1",),  # asks for the build with CUDA
    ),
    ServerKind("BentoML", ("bentoml==1.4.39",), "rows", "/predict"),
    ServerKind("LitServe", ("litserve==0.2.19",), "rows", "/predict"),
    ServerKind("empty", (), "invocations", "/invocations"),
)
