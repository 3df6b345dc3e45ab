"""What people do with a tracking server: the same programs for MLflow's client and for ours.

Each function of ``STEPS`` is one such program. It gets a :class:`Side`: a client module on a
server of the other product.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.interop.tracking_searches import SPACED

AT = 1_700_000_000_000


@dataclass(frozen=True)
class Side:
    """A client module, as a user imports it, and where it works.

    Args:
        product: ``mlflow`` or ``flavorkit``.
        other: the other one, on the same server.
        folder: for files.
    """

    product: ModuleType
    other: ModuleType
    folder: Path

    @property
    def client(self) -> Any:
        return self.product.MlflowClient()

    def experiment(self, name: str) -> str:
        """Make it the active experiment; its id."""
        return self.product.set_experiment(f"both {name}").experiment_id

    def predictions(self, uri: str, data: Any) -> list[list[Any]]:
        """What a model predicts, loaded by either product."""
        found = []
        for product in (self.product, self.other):
            trusted = {"trust": "all"} if product.__name__ == "flavorkit" else {}
            model = product.pyfunc.load_model(uri, **trusted)
            found.append(np.asarray(model.predict(data)).tolist())
        return found


def raises(side: Side, code: str) -> Any:
    """The error of the product, whose ``error_code`` is this one."""
    return pytest.raises(
        side.product.exceptions.MlflowException, match=r".", check=lambda e: e.error_code == code
    )


def experiments(side: Side) -> None:
    client = side.client
    made = client.create_experiment("both made", tags={"a": "b"})
    with raises(side, "RESOURCE_ALREADY_EXISTS"):
        client.create_experiment("both made")
    client.set_experiment_tag(made, "c", "d")
    client.delete_experiment_tag(made, "a")
    client.rename_experiment(made, "both renamed")
    assert client.get_experiment(made).tags.items() >= {"c": "d"}.items()
    assert "a" not in client.get_experiment(made).tags
    assert client.get_experiment_by_name("both made") is None
    client.delete_experiment(made)
    assert client.get_experiment_by_name("both renamed").lifecycle_stage == "deleted"
    only = {"filter_string": "name = 'both renamed'"}
    assert client.search_experiments(**only) == []
    gone = client.search_experiments(**only, view_type=side.product.entities.ViewType.DELETED_ONLY)
    assert [one.experiment_id for one in gone] == [made]
    client.restore_experiment(made)
    assert [one.experiment_id for one in client.search_experiments(**only)] == [made]
    assert side.product.set_experiment("both renamed").experiment_id == made
    assert side.product.get_experiment_by_name("both renamed").experiment_id == made
    first = client.search_experiments(max_results=1, order_by=["name ASC"])
    second = client.search_experiments(max_results=1, order_by=["name ASC"], page_token=first.token)
    assert first[0].name < second[0].name
    with raises(side, "RESOURCE_DOES_NOT_EXIST"):
        client.get_experiment("123456789")


def runs(side: Side) -> None:
    product, client = side.product, side.client
    experiment = side.experiment("runs")
    with product.start_run(run_name="one", tags={"t": "v"}) as parent:
        product.log_param("lr", 0.1)
        product.log_params({"a": 1, "text": "größe\n2", "empty": ""})
        product.set_tags({"k": 1, "k2": "模型"})
        product.log_metric("loss", 0.5, step=3)
        product.log_metrics({"nan": math.nan, "inf": math.inf, "minus": -math.inf}, step=2)
        with product.start_run(run_name="child", nested=True) as child:
            product.set_tag("gone", 1)
            product.delete_tag("gone")
    found = client.get_run(parent.info.run_id)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "one")
    assert found.info.experiment_id == experiment
    assert found.info.end_time >= found.info.start_time > AT
    assert found.data.params == {"lr": "0.1", "a": "1", "text": "größe\n2", "empty": ""}
    assert found.data.tags.items() >= {"t": "v", "k": "1", "k2": "模型"}.items()
    metrics = found.data.metrics
    assert metrics["loss"] == 0.5
    assert math.isnan(metrics["nan"])
    assert metrics["inf"] > 1e308
    assert metrics["minus"] < -1e308
    assert "gone" not in client.get_run(child.info.run_id).data.tags
    assert product.get_parent_run(child.info.run_id).info.run_id == parent.info.run_id
    with pytest.raises(ZeroDivisionError, match=r"by zero"), product.start_run() as failed:
        _ = 1 / 0
    assert client.get_run(failed.info.run_id).info.status == "FAILED"
    with product.start_run(run_id=failed.info.run_id):
        product.log_param("again", True)
    assert client.get_run(failed.info.run_id).info.status == "FINISHED"
    frame = product.search_runs([experiment], "params.a = '1'")
    assert frame.loc[0, ["run_id", "params.lr"]].tolist() == [parent.info.run_id, "0.1"]


def runs_that_are_not_active(side: Side) -> None:
    client = side.client
    experiment = side.experiment("other runs")
    run_id = client.create_run(experiment, AT, {"t": "v"}, "r").info.run_id
    client.log_metric(run_id, "m", 1.5, AT, 7)
    client.log_param(run_id, "p", 1)
    client.set_tag(run_id, "a", "b")
    client.delete_tag(run_id, "a")
    client.update_run(run_id, status="SCHEDULED", name="renamed")
    info = client.get_run(run_id).info
    assert (info.status, info.run_name, info.start_time) == ("SCHEDULED", "renamed", AT)
    client.set_terminated(run_id, "KILLED", AT + 5)
    info = client.get_run(run_id).info
    assert (info.status, info.end_time) == ("KILLED", AT + 5)
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    assert client.search_runs([experiment]) == []
    everything = side.product.entities.ViewType.ALL
    assert [one.info.run_id for one in client.search_runs([experiment], "", everything)] == [run_id]
    client.restore_run(run_id)
    assert [one.info.run_id for one in client.search_runs([experiment])] == [run_id]
    with raises(side, "INVALID_PARAMETER_VALUE"):
        client.log_param(run_id, "p", 2)
    with raises(side, "RESOURCE_DOES_NOT_EXIST"):
        client.get_run("0" * 32)


def batches_and_history(side: Side) -> None:
    client, entities = side.client, side.product.entities
    run_id = client.create_run(side.experiment("batches")).info.run_id
    for start in range(0, 2500, 1000):
        steps = range(start, min(start + 1000, 2500))
        client.log_batch(
            run_id, [entities.Metric("loss", 1 / (step + 1), AT + step, step) for step in steps]
        )
    client.log_batch(
        run_id,
        [entities.Metric("best", 0.5, AT, -1)],
        [entities.Param(f"p{number}", str(number)) for number in range(100)],
        [entities.RunTag(f"t{number}", str(number)) for number in range(100)],
    )
    history = client.get_metric_history(run_id, "loss")
    assert [(one.value, one.timestamp, one.step) for one in history] == [
        (1 / (step + 1), AT + step, step) for step in range(2500)
    ]
    data = client.get_run(run_id).data
    assert data.metrics == {"loss": 1 / 2500, "best": 0.5}
    assert data.params == {f"p{number}": str(number) for number in range(100)}
    assert data.tags.items() >= {f"t{number}": str(number) for number in range(100)}.items()
    assert client.get_metric_history(run_id, "none") == []


def files_up_and_down(side: Side) -> None:
    product, client, folder = side.product, side.client, side.folder
    side.experiment("files")
    tree = folder / "tree"
    (tree / "deep" / "er").mkdir(parents=True)
    (tree / "a.txt").write_text("a")
    (tree / "deep" / "größe 1.txt").write_text("Grüße")
    (tree / "deep" / "er" / "empty").touch()
    large = np.random.default_rng(0).bytes(5_000_000)
    (folder / "large.bin").write_bytes(large)
    with product.start_run() as run:
        product.log_artifact(str(folder / "large.bin"))
        product.log_artifact(str(tree / "a.txt"), "sub/folder")
        product.log_artifacts(str(tree), "tree")
        product.log_text("text", "notes/one.txt")
        product.log_dict({"a": [1, 2]}, "data.json")
    run_id = run.info.run_id
    top = {one.path: (one.is_dir, one.file_size) for one in client.list_artifacts(run_id)}
    assert set(top) == {"data.json", "large.bin", "notes", "sub", "tree"}
    assert top["large.bin"] == (False, 5_000_000)
    assert top["tree"][0]
    below = [one.path for one in client.list_artifacts(run_id, "tree/deep")]
    assert sorted(below) == ["tree/deep/er", "tree/deep/größe 1.txt"]
    for one in (product, side.other):
        target = folder / f"down-{one.__name__}"
        target.mkdir()
        there = one.artifacts.download_artifacts(run_id=run_id, dst_path=str(target))
        assert Path(there, "large.bin").read_bytes() == large
        assert Path(there, "tree/deep/größe 1.txt").read_text() == "Grüße"
        assert Path(there, "tree/deep/er/empty").read_bytes() == b""
        alone = one.artifacts.download_artifacts(f"runs:/{run_id}/sub/folder/a.txt")
        assert Path(alone).read_text() == "a"
        assert one.artifacts.load_text(f"runs:/{run_id}/notes/one.txt") == "text"
        assert one.artifacts.load_dict(f"runs:/{run_id}/data.json") == {"a": [1, 2]}
    assert client.list_artifacts(run_id, "not/there") == []


def tables_and_images(side: Side) -> None:
    product, client = side.product, side.client
    experiment = side.experiment("tables")
    rows = {"question": ["a", "größe"], "score": [0.5, 1.5]}
    with product.start_run() as run:
        product.log_table(rows, "answers.json")
        product.log_table(pd.DataFrame({"question": ["c"], "score": [2.5]}), "answers.json")
        product.log_image(np.zeros((4, 6, 3), np.uint8), "black.png")
    run_id = run.info.run_id
    for one in (product, side.other):
        found = one.MlflowClient().load_table(experiment, "answers.json", [run_id])
        assert found["question"].tolist() == ["a", "größe", "c"]
        assert found["score"].tolist() == [0.5, 1.5, 2.5]
        assert one.artifacts.load_image(f"runs:/{run_id}/black.png").size == (6, 4)
    client.log_image(run_id, np.zeros((4, 6), np.uint8), key="step", step=3)
    assert len(client.list_artifacts(run_id, "images")) == 2
    (found,) = client.search_runs([experiment])
    assert "mlflow.loggedArtifacts" in found.data.tags


def logging_in_the_background(side: Side) -> None:
    product = side.product
    side.experiment("background")
    with product.start_run() as run:
        for step in range(50):
            product.log_metric("loss", 1 / (step + 1), step=step, synchronous=False)
        product.log_param("p", 1, synchronous=False)
        product.set_tag("t", 2, synchronous=False).wait()
    product.flush_async_logging()
    history = side.client.get_metric_history(run.info.run_id, "loss")
    assert sorted((one.step, one.value) for one in history) == [
        (step, 1 / (step + 1)) for step in range(50)
    ]
    data = side.client.get_run(run.info.run_id).data
    assert (data.params, data.tags["t"]) == ({"p": "1"}, "2")


def datasets(side: Side) -> None:
    product, client = side.product, side.client
    side.experiment("datasets")
    frame = product.data.from_pandas(pd.DataFrame({"x": [1.0, 2.0]}), name="frame", targets="x")
    array = product.data.from_numpy(np.eye(3), name="array")
    with product.start_run() as run:
        product.log_input(frame, context="training", tags={"a": "b"})
        product.log_input(array, context="validation")
        product.log_input(array, context="validation")
    used = {one.dataset.name: one for one in client.get_run(run.info.run_id).inputs.dataset_inputs}
    assert set(used) == {"frame", "array"}
    assert used["frame"].dataset.digest == frame.digest
    assert '"x"' in used["frame"].dataset.schema
    tags = {one.key: one.value for one in used["frame"].tags}
    assert tags == {"mlflow.data.context": "training", "a": "b"}


def logged_models(side: Side) -> None:
    client = side.client
    experiment = side.experiment("logged models")
    run_id = client.create_run(experiment).info.run_id
    model = client.create_logged_model(
        experiment, "m", run_id, tags={"a": "b"}, params={"c": "d"}, model_type="agent"
    )
    client.set_logged_model_tags(model.model_id, {"x/y": "z"})
    client.delete_logged_model_tag(model.model_id, "a")
    client.log_model_params(model.model_id, {"e": "f"})
    client.log_metric(run_id, "f1", 0.5, AT, 2, model_id=model.model_id)
    output = side.product.entities.LoggedModelOutput(model.model_id, 2)
    client.log_outputs(run_id, [output])
    found = client.get_logged_model(model.model_id)
    assert (found.name, found.model_type, found.source_run_id) == ("m", "agent", run_id)
    assert found.tags.items() >= {"x/y": "z"}.items()
    assert "a" not in found.tags
    assert found.params == {"c": "d", "e": "f"}
    assert [(one.key, one.value, one.step) for one in found.metrics] == [("f1", 0.5, 2)]
    (made,) = client.get_run(run_id).outputs.model_outputs
    assert (made.model_id, made.step) == (model.model_id, 2)
    (side.folder / "MLmodel").write_text("{}")
    client.log_model_artifact(model.model_id, str(side.folder / "MLmodel"))
    assert [one.path for one in client.list_logged_model_artifacts(model.model_id)] == ["MLmodel"]
    assert client.finalize_logged_model(model.model_id, "READY").status == "READY"
    client.delete_logged_model(model.model_id)
    assert client.search_logged_models([experiment]) == []
    with raises(side, "RESOURCE_DOES_NOT_EXIST"):
        client.get_logged_model(model.model_id)


def registry(side: Side) -> None:
    client = side.client
    name = "reg both, größe 模型"
    client.create_registered_model(name, {"a": "b"}, "about it")
    with raises(side, "RESOURCE_ALREADY_EXISTS"):
        client.create_registered_model(name)
    run_id = client.create_run(side.experiment("registry")).info.run_id
    for number in (1, 2, 3):
        made = client.create_model_version(
            name, f"s3://bucket/{number}", run_id, {"n": number}, description="d"
        )
        assert str(made.version) == str(number)
    client.set_model_version_tag(name, "1", "k", "v")
    client.delete_model_version_tag(name, "1", "n")
    client.update_model_version(name, "1", "better")
    version = client.get_model_version(name, "1")
    assert (version.description, version.tags) == ("better", {"k": "v"})
    assert (version.source, version.run_id, version.status) == ("s3://bucket/1", run_id, "READY")
    assert client.get_model_version_download_uri(name, "1") == "s3://bucket/1"
    client.set_registered_model_tag(name, "x", "y")
    client.delete_registered_model_tag(name, "a")
    client.update_registered_model(name, "other")
    model = client.get_registered_model(name)
    assert (model.description, model.tags) == ("other", {"x": "y"})
    client.rename_registered_model(name, "reg both-2")
    client.delete_model_version("reg both-2", "3")
    found = client.search_model_versions("name = 'reg both-2'")
    assert sorted(str(one.version) for one in found) == ["1", "2"]
    again = client.create_model_version("reg both-2", "s3://bucket/4")
    assert int(again.version) in {3, 4}  # MLflow's databases give the number of the last again
    copied = client.copy_model_version("models:/reg both-2/1", "reg both-copy")
    assert (str(copied.version), copied.source) == ("1", "models:/reg both-2/1")
    assert client.get_model_version_download_uri("reg both-copy", "1") == "s3://bucket/1"
    client.delete_registered_model("reg both-2")
    with raises(side, "RESOURCE_DOES_NOT_EXIST"):
        client.get_registered_model("reg both-2")
    with raises(side, "RESOURCE_DOES_NOT_EXIST"):
        client.get_model_version("reg both-copy", "7")


def aliases_and_stages(side: Side) -> None:
    client, name = side.client, "staged both"
    client.create_registered_model(name)
    for number in (1, 2, 3):
        client.create_model_version(name, f"s3://bucket/{number}")
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "old", 1)
    client.set_registered_model_alias(name, "champion", "2")
    assert str(client.get_model_version_by_alias(name, "champion").version) == "2"
    aliases = client.get_registered_model(name).aliases
    assert {alias: str(version) for alias, version in aliases.items()} == {
        "champion": "2",
        "old": "1",
    }
    client.delete_registered_model_alias(name, "old")
    with raises(side, "INVALID_PARAMETER_VALUE"):
        client.get_model_version_by_alias(name, "old")
    assert list(client.get_model_version(name, "2").aliases) == ["champion"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        client.transition_model_version_stage(name, "1", "Production")
        client.transition_model_version_stage(name, "2", "production", True)
        client.transition_model_version_stage(name, "3", "Staging")
        latest = {one.current_stage: str(one.version) for one in client.get_latest_versions(name)}
        (only,) = client.get_latest_versions(name, ["Production"])
    assert latest == {"Archived": "1", "Production": "2", "Staging": "3"}
    assert str(only.version) == "2"
    client.delete_model_version(name, "2")
    with raises(side, "INVALID_PARAMETER_VALUE"):
        client.get_model_version_by_alias(name, "champion")


def pages(side: Side) -> None:
    client = side.client
    experiment = side.experiment("pages")
    made = [client.create_run(experiment, AT + number).info.run_id for number in range(7)]
    found: list[str] = []
    token = None
    for _ in range(4):
        page = client.search_runs(
            [experiment], max_results=2, order_by=["start_time ASC"], page_token=token
        )
        found += [one.info.run_id for one in page]
        token = page.token
    assert (found, token) == (made, None)
    with raises(side, "INVALID_PARAMETER_VALUE"):
        client.search_runs([experiment], f"metrics.{SPACED} ?")
    with raises(side, "INVALID_PARAMETER_VALUE"):
        client.search_runs([experiment], order_by=["nothing.known"])
    with raises(side, "INVALID_PARAMETER_VALUE"):
        client.search_runs([experiment], page_token="nonsense")


STEPS: tuple[Callable[[Side], None], ...] = (
    experiments,
    runs,
    runs_that_are_not_active,
    batches_and_history,
    files_up_and_down,
    tables_and_images,
    logging_in_the_background,
    datasets,
    logged_models,
    registry,
    aliases_and_stages,
    pages,
)
