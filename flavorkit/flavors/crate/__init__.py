"""R functions, as MLflow's R package saves them, or as R source with its data."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from flavorkit.descriptor import is_inside
from flavorkit.errors import DescriptorError, UnsavableModelError
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.crate.process import RModel
from flavorkit.flavors.reading import data_file
from flavorkit.trust import Grant

R_SCRIPT = Path(__file__).parent / "r" / "flavorkit.R"
"""Defines ``flavorkit_save_model``, which saves functions from R: ``source()`` it there."""

# What MLflow's R package writes, and the version it gives the flavor.
_CRATE = "crate.bin"
_VERSION = "0.1.0"
_SOURCE = "source"
_SUFFIXES_OF_SOURCE = (".R", ".r")
_SUFFIXES_OF_CRATES = (".rds", ".RDS", ".bin")


class Crate(Flavor):
    """Functions in R. They run in an R process that stays, not in one for each call."""

    name = "crate"
    suffixes = (*_SUFFIXES_OF_SOURCE, ".rds", ".RDS")
    loader_module = "flavorkit.mlflow_loader"
    needs_pyfunc = False
    public = ("R_SCRIPT",)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        data: Mapping[str, str | Path] | Sequence[str | Path] | str | Path = (),
        packages: Sequence[str] = (),
        row_wise: bool = False,
    ) -> Saved:
        """Write the source and its data under ``source/``, or the R object as ``crate.bin``.

        Args:
            model: the path of a file of R source that defines ``predict_fn``, a function of a data
                frame and of inference parameters, or of such a function in a file of ``saveRDS``.
            folder: where to.
            data: files that the source reads when it is loaded, by the names that it reads them
                under, relative to its own folder; or only the files, which keep their names.
            packages: R packages to attach before it is loaded.
            row_wise: whether each row's prediction depends on that row alone, so that a large file
                may be predicted in parts.
        """
        packages = [packages] if isinstance(packages, str) else list(packages)
        path = Path(model) if isinstance(model, str | Path) else None
        if path is None or not str(path).endswith((*_SUFFIXES_OF_SOURCE, *_SUFFIXES_OF_CRATES)):
            raise UnsavableModelError(
                f"{model!r} is not the path of R source (.R) or of a function that R has saved"
                " (.rds)"
            )
        if not path.is_file():
            raise UnsavableModelError(f"there is no file at {path}")
        section: dict[str, Any] = {"version": _VERSION}
        if str(path).endswith(_SUFFIXES_OF_SOURCE):
            section[_SOURCE] = f"{_SOURCE}/{path.name}"
            files = _named(data)
            if path.name in files:
                raise UnsavableModelError(f"data cannot have the name of the source, {path.name}")
            _copy({path.name: path, **files}, folder / _SOURCE)
        elif data:
            raise UnsavableModelError("a function that R has saved takes its data along; pass none")
        else:
            section["model"] = _CRATE
            shutil.copyfile(path, folder / _CRATE)
        loaded = self.load(folder, {**section, "packages": packages}, trust=Grant.of_own(folder))
        versions = loaded.native.versions
        section |= {"packages": versions["packages"], "r_version": versions["r"]}
        if row_wise:
            section["row_wise"] = loaded.native.is_row_wise = True
        return Saved(config=section, pyfunc={}, loaded=loaded)

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Loaded:
        """Start R and let it load the function."""
        self.check_grant(folder, config, trust)
        packages = config.get("packages") or []
        if not all(isinstance(name, str) for name in packages):
            raise DescriptorError(folder, "flavors.crate.packages", "expected names of R packages")
        is_source = _SOURCE in config
        path = data_file(folder, config, _SOURCE if is_source else "model")
        native = RModel(path, is_source=is_source, packages=list(packages))
        native.is_row_wise = config.get("row_wise") is True
        return Loaded(native)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """What the function gives for a data frame, or for an array."""

        def predict(data: Any, params: Mapping[str, Any]) -> Any:
            found = native.predict(data, params)
            if isinstance(data, pd.DataFrame) and isinstance(found, pd.DataFrame):
                return found.set_axis(data.index) if len(found) == len(data) else found
            return found

        return predict

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str:
        """Always: source is code, and an R object may hold code that runs when it is read."""
        if _SOURCE in config:
            return f"{config[_SOURCE]} is R code, which can run anything when it is loaded"
        return f"{config.get('model')} is an R object, which can run any code when it is loaded"

    def row_wise(self, native: Any) -> bool:
        """Only if whoever saved it says so."""
        return bool(native.is_row_wise)


def _named(
    data: Mapping[str, str | Path] | Sequence[str | Path] | str | Path,
) -> dict[str, Path]:
    if isinstance(data, Mapping):
        return {str(name): Path(path) for name, path in data.items()}
    paths = [Path(path) for path in ([data] if isinstance(data, str | Path) else data)]
    named = {path.name: path for path in paths}
    if len(named) < len(paths):
        raise UnsavableModelError("two files of data have the same name; pass a dict of names")
    return named


def _copy(files: Mapping[str, Path], folder: Path) -> None:
    for name, path in files.items():
        if not is_inside(name):
            raise UnsavableModelError(
                f"data are read under names relative to the source, which {name!r} is not"
            )
        if not path.is_file():
            raise UnsavableModelError(f"the file of data {name!r} is not at {path}")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
