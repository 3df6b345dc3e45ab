import flavorkit as mlflow

# Logging without waiting for the store: what has been logged is safe on the disk at once.
with mlflow.start_run() as run:
    for step in range(2000):
        mlflow.log_metric("loss", 1 / (1 + step), step=step, synchronous=False)
    last = mlflow.log_params({"rate": 0.1}, synchronous=False)
    last.wait()
    mlflow.flush_async_logging()

history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")
assert len(history) == 2000
print(f"{len(history)} values")
