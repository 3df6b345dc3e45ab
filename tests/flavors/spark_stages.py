"""Stages of a Spark pipeline that are written in Python."""

from __future__ import annotations

from pyspark.ml import Transformer
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable


class Doubler(Transformer, DefaultParamsReadable, DefaultParamsWritable):
    """Doubles the column x."""

    def _transform(self, dataset):
        return dataset.withColumn("prediction", dataset.x * 2)


class Forgetful(Transformer):
    """Cannot be written."""

    def _transform(self, dataset):
        return dataset
