"""H2O's models, in its own format, and MOJO files; they predict in an H2O cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from flavorkit import strict_yaml
from flavorkit.errors import UnreadableModelError
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.h2o import store as h2o_store
from flavorkit.flavors.h2o.clusters import cluster
from flavorkit.flavors.h2o.scoring import Scoring
from flavorkit.flavors.reading import data_file, reading
from flavorkit.trust import Grant

_DATA = "model.h2o"
_SETTINGS = "h2o.yaml"
_OWN_LOADER = "flavorkit.mlflow_loader"
# Each of these answers a row from that row alone.
_ROW_WISE = frozenset(
    {
        *("deeplearning", "drf", "extendedisolationforest", "gbm", "generic", "glm"),
        *("isolationforest", "kmeans", "naivebayes", "xgboost"),
    }
)


class H2o(Flavor):
    """Trained models of H2O, and MOJO files."""

    name = "h2o"
    modules = ("h2o",)
    suffixes = (".mojo",)
    packages = ("h2o", "pyarrow")
    helpers = ("pyarrow",)
    accepts = ("dataframe",)
    model_argument = "h2o_model"
    loader_module = "mlflow.h2o"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        settings: Mapping[str, Any] | None = None,
        mojo: bool = False,
    ) -> Saved:
        """Write the folder ``model.h2o``.

        Args:
            model: a trained model, in the cluster that ``h2o`` is connected to, or the path of a
                MOJO file.
            folder: where to.
            settings: what else to write into ``h2o.yaml``. MLflow calls ``h2o.init`` with what is
                under ``init``; flavorkit never does.
            mojo: write a MOJO, which other versions of H2O load too. Some releases of H2O do not
                export any without a license.
        """
        import h2o

        (folder / _DATA).mkdir()
        file = h2o_store.write(model, folder / _DATA, mojo=mojo)
        written = {
            **(settings or {}),
            "full_file": f"{_DATA}/{file.name}",
            "model_dir": _DATA,
            "model_file": file.name,
        }
        (folder / _DATA / _SETTINGS).write_text(strict_yaml.dumps(written), "utf-8")
        section = {
            "h2o_version": h2o.__version__,
            "data": _DATA,
            "code": None,
            "config": {"nthreads": None, "max_mem_size": None},
        }
        pyfunc = {"data": _DATA}
        if h2o_store.is_mojo(file):
            pyfunc["loader_module"] = _OWN_LOADER  # MLflow's own loader takes no MOJO
        return Saved(config=section, pyfunc=pyfunc)

    def load(
        self,
        folder: Path,
        config: Mapping[str, Any],
        *,
        trust: Grant,
        nthreads: int | None = None,
        max_mem_size: str | None = None,
    ) -> Loaded:
        """Load it into the cluster that ``h2o`` is connected to, or else into a local one.

        What the folder says of clusters is not read.

        Args:
            folder: the model's.
            config: its section of the descriptor.
            trust: must allow code.
            nthreads: how many threads a local cluster computes with, if this starts it.
            max_mem_size: the memory it has, such as "2G".
        """
        why = self.executes_code(folder, config)
        if not trust.code:
            raise trust.refusal(why)
        data = data_file(folder, {"data": _DATA, **config})
        settings = strict_yaml.read(data / _SETTINGS)
        if not isinstance(settings, Mapping):
            raise UnreadableModelError(data / _SETTINGS, "expected a mapping")
        file = data_file(data, settings, "model_file")
        wanted = config.get("config") or {}
        connection = cluster(
            nthreads=nthreads or wanted.get("nthreads"),
            max_mem_size=max_mem_size or wanted.get("max_mem_size"),
        )
        with reading(file):
            return Loaded(h2o_store.upload(connection, file))

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """H2O's columns: ``predict``, and a probability for each class."""
        scoring = Scoring(cluster(), native)

        def predict(data: Any, params: Mapping[str, Any]) -> pd.DataFrame:
            return scoring(data)

        return predict

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str:
        """H2O makes objects of whatever Java class the file names."""
        data = config.get("data", _DATA)
        return f"{data} names the classes that Java is to make, which can run any code"

    def row_wise(self, native: Any) -> bool:
        """For the algorithms of which it is known."""
        return native.algo in _ROW_WISE
