"""What is logged without naming a run goes where its author expects it."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import threading

import numpy as np
import pandas as pd
import pytest

import flavorkit
from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking import background, defaults
from tests.tracking.workspace import eventually, run_python, workspace

__all__ = ["workspace"]
pytestmark = pytest.mark.usefixtures("workspace")


def data_of(run):
    return flavorkit.get_run(run.info.run_id).data


def status_of(run):
    return flavorkit.get_run(run.info.run_id).info.status


def test_a_run_holds_what_is_logged_into_it():
    with flavorkit.start_run(run_name="first", tags={"team": "blue"}, description="A try.") as run:
        assert flavorkit.active_run() is run
        flavorkit.log_param("depth", 3)
        flavorkit.log_params({"rate": 0.1, "kind": "tree"})
        flavorkit.log_metric("loss", 0.5, step=1)
        flavorkit.log_metrics({"loss": 0.25, "accuracy": 0.9}, step=2)
        flavorkit.set_tags({"a": 1, "b": True})
        flavorkit.delete_tag("a")
    assert flavorkit.active_run() is None
    logged = data_of(run)
    assert logged.params == {"depth": "3", "rate": "0.1", "kind": "tree"}
    assert logged.metrics == {"loss": 0.25, "accuracy": 0.9}
    assert (
        logged.tags.items()
        >= {
            "team": "blue",
            "b": "True",
            "mlflow.note.content": "A try.",
            "mlflow.runName": "first",
            "mlflow.source.type": "LOCAL",
        }.items()
    )
    assert "a" not in logged.tags
    assert status_of(run) == "FINISHED"
    assert flavorkit.last_active_run().info.run_id == run.info.run_id


def test_logging_begins_a_run_where_none_is_active():
    flavorkit.log_metric("loss", 1)
    run = flavorkit.active_run()
    flavorkit.end_run("KILLED")
    assert data_of(run).metrics == {"loss": 1.0}
    assert status_of(run) == "KILLED"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (1, 1.0),
        (True, 1.0),
        ("0.5", 0.5),
        (np.float32(0.5), 0.5),
        (np.array([2]), 2.0),
        (np.array(3.0), 3.0),
        (pd.Series([4.0]), 4.0),
        (math.inf, math.inf),
        (-(10**400), -math.inf),
    ],
    ids=["int", "bool", "text", "float32", "array", "scalar", "series", "infinite", "huge"],
)
def test_a_metric_is_whatever_is_a_number(value, kept):
    with flavorkit.start_run() as run:
        flavorkit.log_metric("m", value)
    assert data_of(run).metrics == {"m": kept}


def test_tensors_are_numbers_too():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    with flavorkit.start_run() as run:
        flavorkit.log_metric("m", torch.tensor([0.5], requires_grad=True))
    assert data_of(run).metrics == {"m": 0.5}


@pytest.mark.parametrize("value", ["good", None, [1, 2], np.array([1, 2]), {"a": 1}])
def test_what_is_no_number_is_no_metric(value):
    with flavorkit.start_run():
        with pytest.raises(
            InvalidArgumentError, match=r"the metric 'm' is a number, not .*set_tag"
        ):
            flavorkit.log_metric("m", value)


def test_a_parameter_does_not_change_and_the_error_says_what_to_do():
    with flavorkit.start_run():
        assert flavorkit.log_param("depth", 3) == 3
        flavorkit.log_param("depth", 3)
        with pytest.raises(InvalidArgumentError, match=r"'depth'.*start_run\(nested=True\)"):
            flavorkit.log_param("depth", 4)


def test_nested_runs_know_their_parent():
    with flavorkit.start_run() as parent:
        with pytest.raises(
            InvalidArgumentError, match=r"is already active.*end_run\(\).*nested=True"
        ):
            flavorkit.start_run()
        with flavorkit.start_run(nested=True) as child:
            flavorkit.log_metric("m", 1)
        flavorkit.log_metric("m", 2)
    assert flavorkit.get_parent_run(child.info.run_id).info.run_id == parent.info.run_id
    assert flavorkit.get_parent_run(parent.info.run_id) is None
    assert (data_of(child).metrics, data_of(parent).metrics) == ({"m": 1.0}, {"m": 2.0})


def test_a_parent_may_be_named():
    with flavorkit.start_run() as parent:
        pass
    with flavorkit.start_run(parent_run_id=parent.info.run_id) as child:
        pass
    assert data_of(child).tags["mlflow.parentRunId"] == parent.info.run_id


def test_a_run_goes_on_where_it_was_left():
    with flavorkit.start_run() as run:
        flavorkit.log_metric("m", 1, step=1)
    with flavorkit.start_run(run.info.run_id, tags={"again": "yes"}) as again:
        assert again.info.status == "RUNNING"
        flavorkit.log_metric("m", 2, step=2)
    assert again.info.run_id == run.info.run_id
    assert data_of(run).metrics == {"m": 2.0}
    assert data_of(run).tags["again"] == "yes"
    assert status_of(run) == "FINISHED"


def test_a_deleted_run_does_not_go_on():
    with flavorkit.start_run() as run:
        pass
    flavorkit.delete_run(run.info.run_id)
    with pytest.raises(InvalidArgumentError, match=r"is deleted: .*restore_run"):
        flavorkit.start_run(run.info.run_id)
    flavorkit.restore_run(run.info.run_id)
    with flavorkit.start_run(run.info.run_id):
        pass


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError, "FAILED"), (SystemExit, "FAILED"), (KeyboardInterrupt, "KILLED")],
)
def test_a_run_says_how_it_ended(error, status):
    with pytest.raises(error, match=r"stop"), flavorkit.start_run() as run:
        raise error("stop")
    assert status_of(run) == status


def test_the_runs_left_open_inside_a_run_end_with_it():
    with flavorkit.start_run() as outer:
        inner = flavorkit.start_run(nested=True)
    assert (status_of(outer), status_of(inner)) == ("FINISHED", "FINISHED")
    assert flavorkit.active_run() is None


def test_a_run_stays_where_it_began(tmp_path):
    first = flavorkit.get_tracking_uri()
    with flavorkit.start_run() as run:
        flavorkit.set_tracking_uri(f"sqlite:///{tmp_path}/other.db")
        flavorkit.log_metric("m", 1)
    flavorkit.set_tracking_uri(first)
    assert data_of(run).metrics == {"m": 1.0}
    assert status_of(run) == "FINISHED"


def test_each_thread_has_its_own_runs():
    seen = {}

    def train(number):
        with flavorkit.start_run(run_name=f"thread-{number}") as run:
            for step in range(20):
                flavorkit.log_metric("m", number, step=step)
            seen[number] = run

    with flavorkit.start_run() as main:
        threads = [threading.Thread(target=train, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert flavorkit.active_run() is main
    assert len({run.info.run_id for run in seen.values()}) == 8
    assert [data_of(seen[number]).metrics for number in range(8)] == [
        {"m": float(number)} for number in range(8)
    ]
    assert data_of(main).metrics == {}
    assert all("mlflow.parentRunId" not in data_of(run).tags for run in seen.values())


def test_a_thread_can_log_into_a_run_that_it_names():
    with flavorkit.start_run() as run:
        thread = threading.Thread(
            target=flavorkit.log_metric, args=("m", 1), kwargs={"run_id": run.info.run_id}
        )
        thread.start()
        thread.join()
    assert data_of(run).metrics == {"m": 1.0}
    assert len(flavorkit.search_runs(output_format="list")) == 1


def test_a_child_process_goes_on_with_the_run_that_the_environment_names(workspace):
    with flavorkit.start_run() as run:
        done = run_python(
            "import flavorkit as f; f.log_metric('m', 1); print(f.active_run().info.run_id)",
            cwd=workspace,
            MLFLOW_RUN_ID=run.info.run_id,
        )
        assert done.stdout.strip() == run.info.run_id, done.stderr
    assert data_of(run).metrics == {"m": 1.0}


def test_a_child_process_begins_runs_in_the_experiment_of_its_parent(workspace):
    experiment = flavorkit.set_experiment("ours")
    done = run_python(
        "import flavorkit as f; print(f.start_run().info.experiment_id)", cwd=workspace
    )
    assert done.stdout.strip() == experiment.experiment_id, done.stderr


def test_a_forked_process_has_none_of_its_parents_runs():
    with flavorkit.start_run() as run:
        child = os.fork()
        if child == 0:
            os._exit(0 if flavorkit.active_run() is None else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert flavorkit.active_run() is run


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("", "FINISHED"),
        ("raise ValueError('no')", "FAILED"),
        ("raise KeyboardInterrupt", "KILLED"),
        ("import sys; sys.exit(0)", "FINISHED"),
    ],
)
def test_a_run_ends_with_its_program(workspace, ending, status):
    run_python(f"import flavorkit\nflavorkit.start_run()\n{ending}", cwd=workspace)
    (run,) = flavorkit.search_runs(output_format="list")
    assert run.info.status == status
    assert run.info.end_time is not None


def test_an_experiment_is_made_when_it_is_first_named():
    made = flavorkit.set_experiment("ours")
    assert flavorkit.set_experiment("ours").experiment_id == made.experiment_id
    with flavorkit.start_run() as run:
        pass
    assert run.info.experiment_id == made.experiment_id
    assert flavorkit.get_experiment_by_name("ours").experiment_id == made.experiment_id
    flavorkit.set_experiment_tags({"a": 1, "b": 2})
    flavorkit.delete_experiment_tag("a")
    assert flavorkit.get_experiment(made.experiment_id).tags == {"b": "2"}


def test_an_experiment_is_named_by_one_of_both():
    with pytest.raises(InvalidArgumentError, match=r"by its name or by its id, not by both"):
        flavorkit.set_experiment()
    with pytest.raises(NotFoundError, match=r"404404"):
        flavorkit.set_experiment(experiment_id="404404")


def test_a_deleted_experiment_is_not_used_and_the_error_says_what_to_do():
    flavorkit.delete_experiment(flavorkit.create_experiment("old"))
    with pytest.raises(InvalidArgumentError, match=r"'old' is deleted: .*restore_experiment"):
        flavorkit.set_experiment("old")


def test_the_environment_names_the_experiment(monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "from the environment")
    with flavorkit.start_run() as run:
        pass
    found = flavorkit.get_experiment(run.info.experiment_id)
    assert found.name == "from the environment"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "0")
    with pytest.raises(InvalidArgumentError, match=r"two experiments"):
        flavorkit.start_run()


def test_the_active_experiment_is_found_again_in_another_store(tmp_path):
    flavorkit.create_experiment("filler")
    flavorkit.set_experiment("ours")
    flavorkit.set_tracking_uri(f"sqlite:///{tmp_path}/other.db")
    with flavorkit.start_run() as run:
        pass
    assert flavorkit.get_experiment(run.info.experiment_id).name == "ours"


@pytest.mark.filterwarnings("ignore")  # of MLflow about itself
def test_runs_are_found_as_a_frame_like_mlflows(tmp_path):
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed")
    uri = f"sqlite:///{tmp_path}/theirs.db"
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("Default")
    for module in (mlflow, flavorkit):
        with module.start_run(run_name="a"):
            module.log_metric("loss", 0.5)
            module.log_param("depth", 3)
        with module.start_run(run_name="b"):
            module.log_metric("accuracy", 1)
            module.set_tag("team", "blue")
    theirs, ours = mlflow.search_runs(["0"]), flavorkit.search_runs(["0"])
    shared = [name for name in theirs.columns if "git" not in name]
    assert sorted(name for name in ours.columns if "git" not in name) == sorted(shared)
    assert list(ours.columns[:6]) == list(theirs.columns[:6])
    assert {name: str(ours[name].dtype) for name in shared} == {
        name: str(theirs[name].dtype) for name in shared
    }
    values = [name for name in shared if name.startswith(("metrics.", "params.", "tags.team"))]
    pd.testing.assert_frame_equal(ours[values], theirs[values])
    empty = flavorkit.search_runs(["0"], "metrics.loss > 99")
    assert list(empty.columns) == list(mlflow.search_runs(["0"], "metrics.loss > 99").columns)
    mlflow.set_tracking_uri(None)


def test_runs_are_found_page_by_page_and_by_experiment(monkeypatch):
    monkeypatch.setattr("flavorkit.tracking.fluent.runs._PAGE", 3)
    for name in ("one", "two"):
        flavorkit.set_experiment(name)
        for number in range(5):
            with flavorkit.start_run():
                flavorkit.log_metric("m", number)
    assert len(flavorkit.search_runs()) == 5
    assert len(flavorkit.search_runs(search_all_experiments=True)) == 10
    assert len(flavorkit.search_runs(experiment_names=["one", "nothing"])) == 5
    assert len(flavorkit.search_runs(search_all_experiments=True, max_results=7)) == 7
    ordered = flavorkit.search_runs(order_by=["metrics.m ASC"], output_format="list")
    assert [run.data.metrics["m"] for run in ordered] == [0, 1, 2, 3, 4]
    assert len(flavorkit.list_run_infos("1")) == 5
    with pytest.raises(InvalidArgumentError, match=r"not both"):
        flavorkit.search_runs(["0"], experiment_names=["one"])
    with pytest.raises(InvalidArgumentError, match=r"'pandas' or 'list', not 'polars'"):
        flavorkit.search_runs(output_format="polars")


def test_files_of_a_run_come_back(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    with flavorkit.start_run() as run:
        flavorkit.log_artifact(tmp_path / "b.txt", "there")
        flavorkit.log_artifact(tmp_path / "in")
        flavorkit.log_artifacts(tmp_path / "in", "all")
        flavorkit.log_text("Grüße", "notes/hello.txt")
        flavorkit.log_dict({"a": [1, 2]}, "data.json")
        flavorkit.log_dict({"a": [1, 2]}, "data.yaml")
        with (tmp_path / "b.txt").open("rb") as stream:
            flavorkit.log_stream(stream, "stream.bin")
        root = flavorkit.get_artifact_uri()
        assert flavorkit.get_artifact_uri("notes/hello.txt") == f"{root}/notes/hello.txt"
    client, run_id = flavorkit.MlflowClient(), run.info.run_id
    assert {file.path for file in client.list_artifacts(run_id)} == {
        *("all", "data.json", "data.yaml", "in", "notes", "stream.bin", "there"),
    }
    assert [file.path for file in client.list_artifacts(run_id, "all/deep")] == ["all/deep/a.txt"]
    assert flavorkit.artifacts.load_text(f"runs:/{run_id}/notes/hello.txt") == "Grüße"
    assert flavorkit.artifacts.load_dict(f"runs:/{run_id}/data.json") == {"a": [1, 2]}
    assert flavorkit.artifacts.load_dict(f"runs:/{run_id}/data.yaml") == {"a": [1, 2]}
    folder = flavorkit.artifacts.download_artifacts(
        run_id=run_id, artifact_path="in", dst_path=tmp_path / "out"
    )
    assert (tmp_path / "out" / "in" / "deep" / "a.txt").read_text() == "a"
    assert folder == str(tmp_path / "out" / "in")


def test_a_missing_file_is_not_logged(tmp_path):
    with flavorkit.start_run(), pytest.raises(NotFoundError, match=r"no file at .*nothing"):
        flavorkit.log_artifact(tmp_path / "nothing")


@pytest.mark.parametrize("path", ["../evil", "/etc/x", "a/../../x"])
def test_a_path_never_leaves_its_run(path):
    with flavorkit.start_run() as run:
        with pytest.raises(InvalidArgumentError, match=r"is no path of an artifact"):
            flavorkit.log_text("x", path)
    assert flavorkit.MlflowClient().list_artifacts(run.info.run_id) == []


def test_figures_are_drawn():
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots()
    axes.plot([1, 2])
    with flavorkit.start_run() as run:
        flavorkit.log_figure(figure, "plots/line.png", save_kwargs={"dpi": 30})
        with pytest.raises(TypeError, match=r"a figure is one of matplotlib or plotly, not str"):
            flavorkit.log_figure("figure", "a.png")
    plt.close(figure)
    assert flavorkit.artifacts.load_image(f"runs:/{run.info.run_id}/plots/line.png").format == "PNG"


def test_figures_of_plotly_are_pages():
    graph_objects = pytest.importorskip("plotly.graph_objects", reason="plotly is not installed")
    figure = graph_objects.Figure(graph_objects.Scatter(x=[1, 2], y=[3, 4]))
    with flavorkit.start_run() as run:
        flavorkit.log_figure(figure, "plots/line.html")
        with pytest.raises(TypeError, match=r"not to '\.txt'"):
            flavorkit.log_figure(figure, "a.txt")
    assert "plotly" in flavorkit.artifacts.load_text(f"runs:/{run.info.run_id}/plots/line.html")


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 6, 3), dtype=np.uint8),
        np.ones((4, 6), dtype=bool),
        np.full((4, 6, 1), 0.5),
        np.zeros((4, 6, 4), dtype=np.int64),
    ],
)
def test_images_are_written(pixels):
    with flavorkit.start_run() as run:
        flavorkit.log_image(pixels, "i.png")
    assert flavorkit.artifacts.load_image(f"runs:/{run.info.run_id}/i.png").size == (6, 4)


def test_images_of_a_series_have_mlflows_names():
    with flavorkit.start_run() as run:
        flavorkit.log_image(np.zeros((300, 600)), key="train/dogs", step=3, timestamp=17)
        flavorkit.flush_artifact_async_logging()
    names = [
        file.path for file in flavorkit.MlflowClient().list_artifacts(run.info.run_id, "images")
    ]
    stem = r"images/train~dogs\+step\+3\+timestamp\+17\+[0-9a-f-]{36}"
    assert len(names) == 2
    (large,) = (name for name in names if re.fullmatch(rf"{stem}\.png", name))
    (small,) = (name for name in names if re.fullmatch(rf"{stem}\+compressed\.webp", name))
    assert flavorkit.artifacts.load_image(f"runs:/{run.info.run_id}/{small}").size == (256, 128)
    assert flavorkit.artifacts.load_image(f"runs:/{run.info.run_id}/{large}").size == (600, 300)
    assert data_of(run).tags["mlflow.loggedImages"] == "True"


def test_an_image_that_could_not_be_logged_is_told_at_the_next_flush(monkeypatch):
    def refuse(*given, **more):
        raise InvalidArgumentError("no room")

    with flavorkit.start_run(), monkeypatch.context() as full:
        full.setattr(flavorkit.MlflowClient, "log_artifact", refuse)
        flavorkit.log_image(np.zeros((2, 2)), key="dogs")
        eventually(lambda: not background._background.running)
        with pytest.raises(InvalidArgumentError, match=r"no room"):
            flavorkit.flush_artifact_async_logging()
        flavorkit.flush_artifact_async_logging()


def test_what_is_no_image_is_refused():
    with flavorkit.start_run():
        with pytest.raises(TypeError, match=r"artifact_file= goes alone"):
            flavorkit.log_image(np.zeros((2, 2)), "a.png", step=1)
        with pytest.raises(TypeError, match=r"say where the image goes"):
            flavorkit.log_image(np.zeros((2, 2)))
        with pytest.raises(TypeError, match=r"an image is an array of numpy.* not str"):
            flavorkit.log_image("a.png", "b.png")
        with pytest.raises(InvalidArgumentError, match=r"integer pixels are from 0 to 255"):
            flavorkit.log_image(np.array([[256]]), "b.png")
        with pytest.raises(InvalidArgumentError, match=r"1, 3 or 4 channels"):
            flavorkit.log_image(np.zeros((2, 2, 2)), "b.png")
        with pytest.warns(UserWarning, match=r"float pixels .* were rescaled"):
            flavorkit.log_image(np.array([[0.0, 2.0]]), "b.png")


def test_an_image_can_be_made_of_many_things(tmp_path):
    image = flavorkit.Image([[0, 255], [255, 0]])
    image.save(tmp_path / "i.png")
    assert flavorkit.Image(str(tmp_path / "i.png")).to_array().tolist() == [[0, 255], [255, 0]]
    assert image.resize((4, 4)).size == (4, 4)
    with flavorkit.start_run():
        flavorkit.log_image(image, "i.png")


@pytest.mark.parametrize("ending", ["json", "parquet"])
def test_tables_grow_and_come_back(ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    with flavorkit.start_run() as one:
        flavorkit.log_table({"x": [1, 2], "y": ["a", "b"]}, f"tables/t.{ending}")
        flavorkit.log_table(pd.DataFrame({"x": [3], "y": ["c"]}), f"tables/t.{ending}")
    with flavorkit.start_run():
        flavorkit.log_table({"x": 4, "y": "d"}, f"tables/t.{ending}")
        flavorkit.log_param("depth", 3)
    table = flavorkit.load_table(f"tables/t.{ending}", [one.info.run_id], ["run_id"])
    assert table.to_dict("list") == {
        "x": [1, 2, 3],
        "y": ["a", "b", "c"],
        "run_id": [one.info.run_id] * 3,
    }
    assert sorted(flavorkit.load_table(f"tables/t.{ending}")["x"]) == [1, 2, 3, 4]
    assert json.loads(data_of(one).tags["mlflow.loggedArtifacts"]) == [
        {"path": f"tables/t.{ending}", "type": "table"}
    ]


def test_rows_of_a_table_stay_what_they_were():
    columns = {"id": "007", "long": "12345678901234567890123", "created_at": 1700000000, "n": None}
    with flavorkit.start_run() as run:
        for _ in range(2):
            flavorkit.log_table(columns, "t.json")
    table = flavorkit.load_table("t.json", [run.info.run_id])
    assert (
        table.drop(columns="n").to_dict("records")
        == [{name: value for name, value in columns.items() if name != "n"}] * 2
    )
    assert table["n"].isna().all()


def test_a_run_may_have_more_tables_than_can_be_noted(caplog):
    with flavorkit.start_run() as run:
        noted = [{"path": f"t{number}.json", "type": "table"} for number in range(202)]
        flavorkit.set_tag("mlflow.loggedArtifacts", json.dumps(noted))
        for name in ("more.json", "t3.json"):
            flavorkit.log_table({"x": [1]}, name)
    assert "too many tables to note that 'more.json' is one" in caplog.text
    assert json.loads(data_of(run).tags["mlflow.loggedArtifacts"]) == noted
    assert list(flavorkit.load_table("more.json", [run.info.run_id])["x"]) == [1]


def test_images_in_a_table_are_files_of_their_own():
    with flavorkit.start_run() as run:
        image = flavorkit.Image(np.zeros((4, 4)))
        flavorkit.log_table({"n": [1], "i": [image]}, "t.json")
    (cell,) = flavorkit.load_table("t.json")["i"]
    assert cell["type"] == "image"
    uri = f"runs:/{run.info.run_id}/{cell['filepath']}"
    assert flavorkit.artifacts.load_image(uri).size == (4, 4)


def test_what_is_no_table_is_refused():
    with flavorkit.start_run():
        with pytest.raises(InvalidArgumentError, match=r"ends in \.json or \.parquet"):
            flavorkit.log_table({"x": [1]}, "t.csv")
        with pytest.raises(InvalidArgumentError, match=r"has no '"):
            flavorkit.log_table({"x": [1]}, "it's.json")
        with pytest.raises(InvalidArgumentError, match=r"mapping of columns, not list"):
            flavorkit.log_table([1], "t.json")
    with pytest.raises(NotFoundError, match=r"no run .* has a table 'none\.json'.*log_table"):
        flavorkit.load_table("none.json")


def test_what_the_machine_does_is_logged_where_that_is_asked_for():
    pytest.importorskip("psutil", reason="psutil is not installed")
    flavorkit.set_system_metrics_sampling_interval(0.01)
    try:
        with flavorkit.start_run(log_system_metrics=True) as run:
            eventually(lambda: len(data_of(run).metrics) >= 8)
    finally:
        flavorkit.set_system_metrics_sampling_interval(None)
    names = set(data_of(run).metrics)
    assert names >= {
        "system/cpu_utilization_percentage",
        "system/system_memory_usage_megabytes",
        "system/system_memory_usage_percentage",
        "system/disk_usage_percentage",
        "system/disk_usage_megabytes",
        "system/disk_available_megabytes",
        "system/network_receive_megabytes",
        "system/network_transmit_megabytes",
    }
    with flavorkit.start_run() as quiet:
        pass
    assert data_of(quiet).metrics == {}


def test_a_run_says_which_commit_it_is_of(workspace):
    folder = workspace / "project"
    folder.mkdir()
    (folder / "train.py").write_text("import flavorkit; flavorkit.start_run()")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (
        ["init", "--quiet", "--initial-branch=trunk"],
        ["remote", "add", "origin", "https://me:secret@example.com/x.git"],
        ["add", "."],
        [*identity, "commit", "--quiet", "--message", "one"],
    ):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    commit = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    run_python("import runpy, sys; sys.argv = ['train.py']; runpy.run_path('train.py')", cwd=folder)
    (run,) = flavorkit.search_runs(output_format="list")
    assert (
        run.data.tags.items()
        >= {
            "mlflow.source.name": "train.py",
            "mlflow.source.git.commit": commit,
            "mlflow.source.git.branch": "trunk",
            "mlflow.source.git.repoURL": "https://example.com/x.git",
        }.items()
    )


def test_searches_of_experiments_and_models_give_all_of_them(monkeypatch):
    for number in range(4):
        flavorkit.create_experiment(f"e{number}")
        flavorkit.MlflowClient().create_registered_model(f"m{number}")
    assert len(flavorkit.search_experiments(filter_string="name LIKE 'e%'")) == 4
    assert len(flavorkit.search_experiments(filter_string="name LIKE 'e%'", max_results=3)) == 3
    assert [model.name for model in flavorkit.search_registered_models()] == [
        "m0",
        "m1",
        "m2",
        "m3",
    ]


def test_where_runs_go_is_told():
    assert flavorkit.get_tracking_uri() == defaults.tracking_uri() == flavorkit.get_registry_uri()
    assert flavorkit.is_tracking_uri_set()
