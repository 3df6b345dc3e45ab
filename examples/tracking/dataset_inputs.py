import flavorkit as mlflow

# Which data a run used, and which a metric was measured on.
import numpy as np
from sklearn.datasets import load_iris


x, y = load_iris(return_X_y=True, as_frame=True)
train = mlflow.data.from_pandas(
    x.assign(species=y).head(100), source="s3://flowers/iris.csv", targets="species", name="iris"
)
check = mlflow.data.from_numpy(np.asarray(x.tail(50)), name="check")

with mlflow.start_run() as run:
    mlflow.log_input(train, context="training")
    mlflow.log_input(check, context="validation", tags={"split": "last"})
    mlflow.log_metric("accuracy", 0.9, dataset=check)

inputs = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
assert {used.dataset.name for used in inputs} == {"iris", "check"}
(used,) = (used for used in inputs if used.dataset.name == "iris")
assert used.dataset.digest == train.digest
assert mlflow.data.get_source(used).to_dict() == {"uri": "s3://flowers/iris.csv"}

found = mlflow.search_runs(filter_string=f"datasets.digest = '{train.digest}'")
assert list(found["run_id"]) == [run.info.run_id]
print(f"iris {train.digest}: {train.profile}")
