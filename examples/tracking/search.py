import flavorkit as mlflow

# Runs as a table: filtered, ordered, and ready for pandas.
mlflow.set_experiment("search")
for depth in (2, 4, 8):
    for kind in ("forest", "boosting"):
        with mlflow.start_run(tags={"team": "blue" if depth < 8 else "red"}):
            mlflow.log_params({"kind": kind, "depth": depth})
            mlflow.log_metric("error", 1.0 / depth + (0.01 if kind == "forest" else 0.0))

runs = mlflow.search_runs(
    filter_string="metrics.error < 0.4 and params.kind = 'boosting'",
    order_by=["metrics.error ASC"],
)
assert list(runs["params.depth"]) == ["8", "4"]
assert {"run_id", "experiment_id", "status", "artifact_uri", "start_time"} <= set(runs.columns)

everything = mlflow.search_runs(experiment_names=["search"])
best = everything.groupby("params.kind")["metrics.error"].min()
assert best["boosting"] < best["forest"]

team = mlflow.search_runs(filter_string="tags.team LIKE 'bl%'", output_format="list")
assert len(team) == 4
assert all(run.data.tags["team"] == "blue" for run in team)
print(everything[["params.kind", "params.depth", "metrics.error"]].to_string(index=False))
