import flavorkit as mlflow

# Several trials inside one run: each has its own parameters and its own curve.
mlflow.set_experiment("trials")


def loss(rate: float, step: int) -> float:
    return 1.0 / (1.0 + rate * step)


with mlflow.start_run(run_name="search") as search:
    best = None
    for rate in (0.01, 0.1, 1.0):
        with mlflow.start_run(run_name=f"rate {rate}", nested=True) as trial:
            mlflow.log_param("rate", rate)
            for step in range(20):
                mlflow.log_metric("loss", loss(rate, step), step=step)
        if best is None or loss(rate, 19) < loss(best, 19):
            best = rate
    mlflow.log_param("best_rate", best)

trials = mlflow.search_runs(
    filter_string=f"tags.mlflow.parentRunId = '{search.info.run_id}'",
    order_by=["metrics.loss ASC"],
)
assert len(trials) == 3
assert trials["params.rate"][0] == mlflow.get_run(search.info.run_id).data.params["best_rate"]

history = mlflow.MlflowClient().get_metric_history(trials["run_id"][0], "loss")
assert [metric.step for metric in history] == list(range(20))
print(f"the best rate of {len(trials)} is {trials['params.rate'][0]}")
