import flavorkit as mlflow

# Threads have runs of their own; a child process goes on with the run that it is told.
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def train(number: int) -> str:
    with mlflow.start_run(run_name=f"thread {number}") as run:
        for step in range(5):
            mlflow.log_metric("loss", number + 1 / (1 + step), step=step)
    return run.info.run_id


if len(sys.argv) > 1:  # this is the child
    mlflow.log_metric("seen_by_child", 1)
    sys.exit(0)

mlflow.set_experiment("parallel")
with mlflow.start_run(run_name="main") as main:
    with ThreadPoolExecutor(4) as pool:
        run_ids = list(pool.map(train, range(4)))
    mlflow.log_metric("threads", len(run_ids))
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri(),
        "MLFLOW_RUN_ID": main.info.run_id,
    }
    subprocess.run([sys.executable, __file__, "child"], env=environment, check=True)

assert len(set(run_ids)) == 4
for number, run_id in enumerate(run_ids):
    assert mlflow.get_run(run_id).data.metrics == {"loss": number + 0.2}
logged = mlflow.get_run(main.info.run_id).data.metrics
assert logged == {"threads": 4.0, "seen_by_child": 1.0}
print(f"{len(run_ids)} threads and a child process")
