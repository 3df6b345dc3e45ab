from __future__ import annotations

import numpy as np
import pandas as pd

from flavorkit.testing import Case, Model

ROWS = 60
MIXED = "x double, y double, colour string"


def flowers():
    """Text, numbers, and vectors as lists."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, ROWS)).round(2)
    colour = np.where(x > 0.3, "red", np.where(y > 0, "blue", "green"))
    return pd.DataFrame({"x": x, "y": y, "colour": colour, "label": (x + y > 0).astype(float)})


def ratings():
    users, items = np.divmod(np.arange(ROWS), 6)
    frame = pd.DataFrame(
        {"user": users, "item": items, "rating": (users * items % 5).astype(float)}
    )
    return frame.astype({"user": "int32", "item": "int32"})


def in_spark(rows, schema):
    from flavorkit.flavors.spark import session as spark_session

    return spark_session.session().createDataFrame(list(rows), schema)


def pipeline():
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import DecisionTreeClassifier
    from pyspark.ml.feature import StringIndexer, VectorAssembler

    data = flowers()
    train = in_spark(data.to_numpy().tolist(), MIXED + ", label double")
    stages = [
        StringIndexer(inputCol="colour", outputCol="colour_index"),
        VectorAssembler(inputCols=["x", "y", "colour_index"], outputCol="features"),
        DecisionTreeClassifier(maxDepth=2),
    ]
    return Pipeline(stages=stages).fit(train), data[["x", "y", "colour"]][::6]


def vectors():
    """A model without a pipeline, whose answers are vectors too."""
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.linalg import Vectors

    data = flowers()
    rows = [(Vectors.dense([x, y]), label) for x, y, _, label in data.to_numpy()]
    train = in_spark(rows, ["features", "label"])
    estimator = LogisticRegression(maxIter=3, predictionCol="", probabilityCol="prediction")
    return estimator.fit(train), pd.DataFrame(
        {"features": data[["x", "y"]][::6].to_numpy().tolist()}
    )


def recommendations():
    from pyspark.ml.recommendation import ALS

    data = ratings()
    train = in_spark(data.to_dict("records"), "user int, item int, rating double")
    model = ALS(rank=2, maxIter=2, userCol="user", itemCol="item", seed=0).fit(train)
    # In an order that a join would not keep.
    return model, data[["user", "item"]].sample(12, random_state=0).reset_index(drop=True)


def answer(native, data):
    """In Spark's own types, by rows and not by way of Arrow."""
    from pyspark.ml.linalg import Vectors

    rows = []
    for number, row in enumerate(data.itertuples(index=False)):
        cells = [cell.item() if isinstance(cell, np.generic) else cell for cell in row]
        rows.append([*(Vectors.dense(c) if isinstance(c, list) else c for c in cells), number])
    if not rows:
        return []
    frame = in_spark(rows, [*data.columns, "number"])
    found = native.transform(frame).sort("number").select("prediction").collect()
    return [cell.toArray().tolist() if hasattr(cell, "toArray") else cell for (cell,) in found]


def model(name, fit, **more):
    # Names of files, a time and numbers of jobs are new in every save.
    return Model(name, fit, answer, is_data=False, is_deterministic=False, rtol=1e-6, **more)


CASE = Case(
    flavor="spark",
    models_in_processes=1,
    packages=("pyspark", "pyarrow"),
    models=(
        model("pipeline", pipeline),
        # A dict with a list in it is one row.
        model("vectors", vectors, others=("array", "list")),
        model("recommendations", recommendations),
    ),
)
