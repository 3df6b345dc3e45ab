"""Spark MLlib's pipelines and models, in Spark's own folders of metadata and Parquet."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flavorkit.errors import UnreadableModelError, UnsavableModelError
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.reading import data_file, reading
from flavorkit.flavors.spark import session as spark_session
from flavorkit.flavors.spark.frames import Transformation, first_line
from flavorkit.trust import Grant

_DATA = "sparkml"
_CONNECT = "pyspark.ml.connect."
# Their answer to a row may depend on other rows, or on a seed.
_NOT_ROW_WISE = frozenset({"SQLTransformer", "LocalLDAModel", "DistributedLDAModel"})


class Spark(Flavor):
    """Fitted pipelines, models and transformers of Spark MLlib."""

    name = "spark"
    modules = ("pyspark",)
    packages = ("pyspark", "pyarrow")
    helpers = ("pyarrow",)
    accepts = ("dataframe",)
    model_argument = "spark_model"
    loader_module = "mlflow.spark"

    def save(self, model: Any, folder: Path, *, dfs_tmpdir: str | None = None) -> Saved:
        """Write ``sparkml/``.

        Args:
            model: a PipelineModel, or a fitted model or transformer, which becomes a pipeline of
                one stage.
            folder: where to.
            dfs_tmpdir: a folder that all machines of a cluster reach, such as ``hdfs:///tmp``;
                the model is written there first and then copied.
        """
        import pyspark
        from pyspark.ml import PipelineModel

        _refuse_unsavable(model)
        session = spark_session.session()
        if dfs_tmpdir is None and not session.sparkContext.master.startswith("local"):
            raise UnsavableModelError(
                "the machines of a Spark cluster write each to its own disk; pass dfs_tmpdir="
                " with a folder that all of them reach"
            )
        pipeline = model if isinstance(model, PipelineModel) else PipelineModel([model])
        target = spark_session.address(folder / _DATA)
        written = f"{dfs_tmpdir}/{uuid.uuid4().hex}" if dfs_tmpdir else target
        try:
            pipeline.write().save(written)
            if dfs_tmpdir:
                spark_session.copy(written, target, move=True)
        except Exception as exc:  # of Java, of Python, of py4j
            raise UnsavableModelError(f"Spark cannot write it: {first_line(exc)}") from exc
        section = {
            "pyspark_version": pyspark.__version__,
            "model_data": _DATA,
            "code": None,
            "model_class": f"{type(pipeline).__module__}.{type(pipeline).__name__}",
        }
        return Saved(config=section, pyfunc={"data": _DATA})

    def load(
        self,
        folder: Path,
        config: Mapping[str, Any],
        *,
        trust: Grant,
        dfs_tmpdir: str | None = None,
    ) -> Loaded:
        """Read the pipeline into the active session, or a local one.

        Args:
            folder: the model's.
            config: its section of the descriptor.
            trust: must allow code.
            dfs_tmpdir: as for saving, where Spark runs on several machines; the copy has to stay,
                since some models read from it when they predict.
        """
        self.check_grant(folder, config, trust)
        path = data_file(folder, config, "model_data")
        if str(config.get("model_class", "")).startswith(_CONNECT):
            raise UnreadableModelError(path, f"models of {_CONNECT[:-1]} are not supported")
        from pyspark.ml import PipelineModel

        spark_session.session()
        source = spark_session.address(path)
        with reading(path):
            if dfs_tmpdir:
                copied = f"{dfs_tmpdir}/{uuid.uuid4().hex}"
                spark_session.copy(source, copied)
                source = copied
            native = PipelineModel.load(source)
        return Loaded(native, frozenset(type(stage).__module__ for stage in stages(native)))

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """The column ``prediction``, or else what the last stage puts out, as a list."""
        transformation = Transformation(native)

        def predict(data: Any, params: Mapping[str, Any]) -> list[Any]:
            return transformation(data)

        return predict

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str:
        """Spark makes an object of whatever class the metadata names."""
        data = config.get("model_data", _DATA)
        return f"{data} names the classes that Spark is to make, which can run any code"

    def row_wise(self, native: Any) -> bool:
        """MLlib's own stages look at one row at a time, but for a few."""
        return all(
            type(stage).__module__.startswith("pyspark.ml.")
            and type(stage).__name__ not in _NOT_ROW_WISE
            for stage in stages(native)
        )


def stages(model: Any) -> Iterator[Any]:
    """``model`` and all that stands inside it: stages, and models that others have chosen."""
    yield model
    inner = [*getattr(model, "stages", ()), *getattr(model, "models", ())]
    if hasattr(model, "bestModel"):
        inner.append(model.bestModel)
    for stage in inner:
        yield from stages(stage)


def _refuse_unsavable(model: Any) -> None:
    from pyspark.ml import Estimator, Transformer
    from pyspark.ml.util import MLReadable, MLWritable

    kind = type(model)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(model, Estimator):
        raise UnsavableModelError(f"{name} is not fitted; save what its fit() returns")
    if not isinstance(model, Transformer):
        raise UnsavableModelError(f"{name} is no model or transformer of pyspark.ml")
    if not (isinstance(model, MLWritable) and isinstance(model, MLReadable)):
        raise UnsavableModelError(
            f"{name} cannot be written: derive it from DefaultParamsReadable and"
            " DefaultParamsWritable of pyspark.ml.util"
        )
