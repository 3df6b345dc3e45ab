import flavorkit as mlflow

# Files of a run: text, tables, figures, images, folders.
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure


figure = Figure()
figure.subplots().plot([3, 1, 2])

with mlflow.start_run() as run:
    mlflow.log_text("It went well.", "notes/summary.txt")
    mlflow.log_dict({"classes": ["a", "b"]}, "config/classes.json")
    mlflow.log_dict({"classes": ["a", "b"]}, "config/classes.yaml")
    mlflow.log_figure(figure, "plots/loss.png")
    mlflow.log_image(np.zeros((8, 8, 3), dtype=np.uint8), "images/black.png")
    for step in range(3):
        mlflow.log_image(np.full((8, 8), step / 3), key="progress", step=step)
    mlflow.flush_artifact_async_logging()
    mlflow.log_table({"text": ["a", "b"], "score": [0.1, 0.9]}, "answers.json")
    mlflow.log_table({"text": ["c"], "score": [0.5]}, "answers.json")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "weights.bin").write_bytes(b"\0" * 1000)
        mlflow.log_artifacts(folder, "checkpoint")

run_id = run.info.run_id
client = mlflow.MlflowClient()
names = {file.path for file in client.list_artifacts(run_id)}
assert names == {"answers.json", "checkpoint", "config", "images", "notes", "plots"}
assert mlflow.artifacts.load_text(f"runs:/{run_id}/notes/summary.txt") == "It went well."
assert mlflow.artifacts.load_dict(f"runs:/{run_id}/config/classes.json") == {"classes": ["a", "b"]}
assert mlflow.artifacts.load_image(f"runs:/{run_id}/images/black.png").size == (8, 8)
table = mlflow.load_table("answers.json", extra_columns=["run_id"])
assert list(table["score"]) == [0.1, 0.9, 0.5]

with tempfile.TemporaryDirectory() as folder:
    copy = mlflow.artifacts.download_artifacts(
        run_id=run_id, artifact_path="checkpoint", dst_path=folder
    )
    assert Path(copy, "weights.bin").stat().st_size == 1000
print(f"{len(names)} files and folders")
