"""The store in MLflow's folders: what is peculiar to files."""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from flavorkit import strict_yaml
from flavorkit.errors import (
    AlreadyExistsError,
    InvalidArgumentError,
    NotFoundError,
    StoreUnavailableError,
)
from flavorkit.tracking.artifact_locations import below
from flavorkit.tracking.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
)
from flavorkit.tracking.stores import open_store
from tests.conftest import ROOT

OLD_RUN = "a" * 32


@pytest.fixture
def root(tmp_path):
    return tmp_path / "mlruns"


@pytest.fixture
def store(root):
    return open_store(root)


@pytest.fixture
def run_id(store):
    return store.create_run("0", run_name="a run").info.run_id


def folder_of(root, run_id):
    (found,) = (*root.glob(f"[0-9]*/{run_id}"), *root.glob(f".trash/*/{run_id}"))
    return found


def contents(folder):
    """All that is in a folder, to compare it with itself."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


class TestOpening:
    def test_a_new_folder_has_the_default_experiment(self, root, store):
        assert sorted(path.name for path in root.iterdir()) == [".trash", "0", "models"]
        assert store.get_experiment("0").artifact_location == f"{root.as_uri()}/0"

    @pytest.mark.parametrize("form", ["path", "text", "uri", "localhost"])
    def test_it_is_named_by_path_or_uri(self, tmp_path, form):
        folder = tmp_path / "with space and ü"
        forms = {
            "path": folder,
            "text": str(folder),
            "uri": folder.as_uri(),
            "localhost": folder.as_uri().replace("file://", "file://localhost"),
        }
        open_store(forms[form])
        assert (folder / "0" / "meta.yaml").is_file()

    def test_a_relative_path_is_of_the_folder_it_was_opened_in(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        store = open_store("mlruns")
        monkeypatch.chdir("/")
        store.create_experiment("x")
        assert (tmp_path / "mlruns" / "0").is_dir()
        assert store.get_experiment("0").artifact_location == (tmp_path / "mlruns/0").as_uri()

    def test_another_machine_is_refused(self):
        with pytest.raises(InvalidArgumentError, match=r"file://host/x is on another machine"):
            open_store("file://host/x")

    def test_a_folder_that_is_gone_is_an_error_and_not_a_new_store(self, root, store):
        shutil.rmtree(root)
        with pytest.raises(StoreUnavailableError, match=r"mlruns: No such file"):
            store.search_experiments()
        assert not root.exists()

    def test_it_may_be_called_anything(self, tmp_path):
        store = open_store(tmp_path / ".trash")
        assert store.get_experiment("0").lifecycle_stage == "active"
        assert store.create_run("0").info.lifecycle_stage == "active"

    def test_a_file_is_no_store(self, tmp_path):
        (tmp_path / "file").write_text("x")
        with pytest.raises((InvalidArgumentError, StoreUnavailableError), match=r"file"):
            open_store(tmp_path / "file")

    def test_a_folder_with_experiments_stays_as_it_is(self, root, store):
        store.create_experiment("x")
        store.delete_experiment("0")
        before = contents(root)
        open_store(root)
        assert contents(root) == before

    @pytest.mark.parametrize(
        ("given", "place"),
        [
            ("s3://bucket/root?region=x", "s3://bucket/root/0?region=x"),
            ("mlflow-artifacts:/", "mlflow-artifacts:/0"),
            ("/data/artifacts/", "/data/artifacts/0"),
        ],
    )
    def test_artifacts_may_be_elsewhere(self, root, given, place):
        assert open_store(root, given).get_experiment("0").artifact_location == place

    def test_a_relative_place_of_artifacts_is_made_whole(self, root, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        store = open_store(root, "artifacts")
        assert store.get_experiment("0").artifact_location == f"{tmp_path}/artifacts/0"
        other = store.create_experiment("x", artifact_location="there")
        assert store.get_experiment(other).artifact_location == f"{tmp_path}/there"


class TestLayout:
    def test_ids_are_like_those_of_mlflow(self, store):
        experiment_id = store.create_experiment("x")
        assert experiment_id.isdecimal()
        assert len(experiment_id) == 18

    def test_a_run_is_a_folder_of_files(self, root, store, run_id):
        store.log_batch(
            run_id,
            [Metric("loss", 0.5, 7, 1), Metric("loss", math.nan, 8, 2), Metric("a/b", 1.0, 9)],
            [Param("p", "1 2")],
            [RunTag("x/y", "ü")],
        )
        folder = folder_of(root, run_id)
        files = {name: raw for name, raw in contents(folder).items() if raw is not None}
        meta = strict_yaml.loads(files.pop("meta.yaml"), path="")
        assert files == {
            "metrics/a/b": b"9 1.0 0\n",
            "metrics/loss": b"7 0.5 1\n8 nan 2\n",
            "params/p": b"1 2",
            "tags/mlflow.runName": b"a run",
            "tags/x/y": "ü".encode(),
        }
        assert (folder / "artifacts").is_dir()
        assert meta.pop("start_time") > 0
        assert meta == {
            "artifact_uri": f"{root.as_uri()}/0/{run_id}/artifacts",
            "deleted_time": None,
            "end_time": None,
            "entry_point_name": "",
            "experiment_id": "0",
            "lifecycle_stage": "active",
            "run_id": run_id,
            "run_name": "a run",
            "source_name": "",
            "source_type": 4,
            "source_version": "",
            "status": 1,
            "tags": [],
            "user_id": "",
        }

    def test_a_model_is_a_folder_of_versions(self, root, store):
        store.create_registered_model("name", {"a": "b"})
        store.create_model_version("name", "s3://x", tags={"c": "d"})
        store.set_registered_model_alias("name", "best", "1")
        files = {name: raw for name, raw in contents(root / "models").items() if raw is not None}
        del files["name/meta.yaml"], files["name/version-1/meta.yaml"]
        assert list(files.pop("name/.flavorkit-history.jsonl")) != []
        assert files == {
            "name/aliases/best": b"1",
            "name/tags/a": b"b",
            "name/version-1/tags/c": b"d",
        }

    def test_keys_of_mlflow_that_we_do_not_know_are_kept(self, root, store, run_id):
        path = folder_of(root, run_id) / "meta.yaml"
        path.write_text(path.read_text() + "invented_later: 7\n")
        store.update_run(run_id, "FINISHED")
        assert strict_yaml.read(path)["invented_later"] == 7

    def test_the_files_of_a_dataset_are_shared_by_runs(self, root, store):
        data = DatasetInput(Dataset("n", "d", "local", "{}"), [InputTag("k", "v")])
        for _ in range(3):
            store.log_inputs(store.create_run("0").info.run_id, [data, data])
        assert len(list(root.glob("0/datasets/*/meta.yaml"))) == 1
        assert len(list(root.glob("0/*/inputs/*/meta.yaml"))) == 3

    @pytest.mark.parametrize(
        "name", ["..", ".", "a/b", "a\\b", "../x", "a:b", "", " ", "a\0", "..x", "ü" * 128]
    )
    def test_a_name_that_is_no_folder_is_refused(self, root, store, name):
        before = contents(root)
        with pytest.raises(InvalidArgumentError, match=r"name"):
            store.create_registered_model(name)
        store.create_registered_model("x")
        with pytest.raises(InvalidArgumentError, match=r"name"):
            store.rename_registered_model("x", name)
        store.delete_registered_model("x")
        assert contents(root) == before

    @pytest.mark.parametrize("name", [".hidden", "50%", "models", "meta.yaml", "-rf", "a" * 255])
    def test_a_name_that_looks_strange_is_one(self, store, name):
        store.create_registered_model(name)
        store.create_model_version(name, "s3://x")
        assert [one.name for one in store.search_registered_models()] == [name]
        assert store.get_model_version(name, "1").name == name
        store.rename_registered_model(name, "other")
        assert store.get_registered_model("other").latest_versions[0].name == "other"
        store.delete_registered_model("other")
        assert store.search_registered_models() == []

    def test_names_that_share_a_folder_are_told_apart(self, store):
        store.create_registered_model("50%")
        with pytest.raises(AlreadyExistsError, match=r"50.*already exists"):
            store.create_registered_model("50\N{FULLWIDTH PERCENT SIGN}")
        with pytest.raises(NotFoundError, match=r"not found"):
            store.get_registered_model("50\N{FULLWIDTH PERCENT SIGN}")
        assert store.get_registered_model("50%").name == "50%"

    @pytest.mark.parametrize("key", ["ü" * 128, "a/" + "ü" * 128])
    def test_a_key_that_is_too_long_for_a_file_is_refused(self, root, store, run_id, key):
        before = contents(root)
        for log in (
            lambda: store.log_metric(run_id, Metric(key, 1.0, 0)),
            lambda: store.log_batch(run_id, [Metric("ok", 1.0, 0), Metric(key, 1.0, 0)]),
            lambda: store.log_param(run_id, Param(key, "1")),
            lambda: store.set_tag(run_id, RunTag(key, "1")),
        ):
            with pytest.raises(InvalidArgumentError, match=r"at most 255 bytes between"):
                log()
        assert contents(root) == before

    def test_a_key_cannot_be_a_file_and_a_folder(self, store, run_id):
        store.log_metric(run_id, Metric("a", 1.0, 0))
        store.log_param(run_id, Param("p/q", "1"))
        with pytest.raises(InvalidArgumentError, match=r"a/b is the file b in the folder a"):
            store.log_metric(run_id, Metric("a/b", 1.0, 0))
        with pytest.raises(InvalidArgumentError, match=r"a/b is the file b in the folder a"):
            store.log_param(run_id, Param("p", "1"))
        run = store.get_run(run_id)
        assert (run.data.metrics, run.data.params) == ({"a": 1.0}, {"p/q": "1"})

    @pytest.mark.parametrize(
        "batch",
        [
            {"metrics": [Metric("new", 1.0, 0), Metric("a/b", 1.0, 0)]},
            {"metrics": [Metric("new", 1.0, 0), Metric("x", 1.0, 0), Metric("x/y", 1.0, 0)]},
            {"metrics": [Metric("new", 1.0, 0)], "params": [Param("p", "1")]},
            {"metrics": [Metric("new", 1.0, 0)], "params": [Param("p/q", "2")]},
            {"metrics": [Metric("new", 1.0, 0)], "tags": [RunTag("t/u", "1")]},
            {"metrics": [Metric("new", 1.0, 0), Metric("m", 1.0, 0, model_id="m-1")]},
            {"metrics": [Metric("new", 1.0, 0), Metric("m", 1.0, 1.5)]},
        ],
    )
    def test_of_a_batch_that_cannot_be_logged_nothing_is(self, root, store, run_id, batch):
        store.log_batch(run_id, [Metric("a", 1.0, 0)], [Param("p/q", "1")], [RunTag("t", "1")])
        before = contents(root)
        with pytest.raises((InvalidArgumentError, NotFoundError), match=r"."):
            store.log_batch(run_id, **batch)
        assert contents(root) == before

    @pytest.mark.parametrize("reserved", ["models", "tags", "datasets", "traces"])
    def test_folders_beside_runs_are_no_runs(self, root, store, reserved):
        (root / "0" / reserved).mkdir(exist_ok=True)
        (root / "0" / reserved / "meta.yaml").write_text(
            f"run_id: {reserved}\nexperiment_id: '0'\nstatus: 1\n"
        )
        with pytest.raises(NotFoundError, match=reserved):
            store.get_run(reserved)
        assert store.search_runs(["0"]) == []
        with pytest.raises(NotFoundError, match=reserved):
            store.get_experiment(reserved)


class TestOldFolders:
    @pytest.fixture
    def old(self, root, store):
        """A run as MLflow 0.x and 1.x wrote it."""
        folder = root / "0" / OLD_RUN
        for kind in ("metrics", "params", "tags", "artifacts"):
            (folder / kind).mkdir(parents=True)
        (folder / "meta.yaml").write_text(
            "artifact_uri: /old/place\nend_time: 1500000001000\nentry_point_name: ''\n"
            f"experiment_id: 0\nname: its name\nrun_uuid: {OLD_RUN}\nsource_type: 4\n"
            "start_time: 1500000000000\nstatus: 3\ntags: []\nuser_id: ada\n"
        )
        (folder / "metrics" / "loss").write_text("1500000000 0.5\n1500000001 0.25\r\n")
        (folder / "params" / "lr").write_text("0.1")
        return store

    def test_a_run_with_run_uuid_and_without_steps(self, old):
        run = old.get_run(OLD_RUN)
        assert (run.info.run_id, run.info.run_name) == (OLD_RUN, "its name")
        assert (run.info.experiment_id, run.info.status) == ("0", "FINISHED")
        assert run.info.lifecycle_stage == "active"
        assert (run.data.metrics, run.data.params) == ({"loss": 0.25}, {"lr": "0.1"})
        assert [(one.timestamp, one.step) for one in old.get_metric_history(OLD_RUN, "loss")] == [
            (1500000000, 0),
            (1500000001, 0),
        ]

    def test_it_is_found_by_its_old_name(self, old):
        (found,) = old.search_runs(["0"], "run_name = 'its name' AND params.lr = '0.1'")
        assert found.info.run_id == OLD_RUN

    def test_it_can_be_written_to(self, old):
        old.log_metric(OLD_RUN, Metric("loss", 0.1, 1500000002, 3))
        old.set_tag(OLD_RUN, RunTag("mlflow.runName", "new name"))
        old.delete_run(OLD_RUN)
        old.restore_run(OLD_RUN)
        run = old.get_run(OLD_RUN)
        assert (run.info.run_name, run.data.metrics) == ("new name", {"loss": 0.1})

    def test_an_experiment_with_a_number_for_an_id(self, root, store):
        (root / "7").mkdir()
        (root / "7" / "meta.yaml").write_text(
            "artifact_location: /old\nexperiment_id: 7\nlifecycle_stage: active\nname: old\n"
        )
        assert store.get_experiment("7").name == "old"
        assert store.get_experiment_by_name("old").creation_time is None
        names = [one.name for one in store.search_experiments()]
        assert names == ["Default", "old"]

    def test_runs_of_an_experiment_that_mlflow_deleted_come_back(self, root, store, run_id):
        """Old folders do not say when a run was deleted."""
        path = folder_of(root, run_id) / "meta.yaml"
        text = path.read_text().replace("lifecycle_stage: active", "lifecycle_stage: deleted")
        path.write_text(text.replace("deleted_time: null\n", ""))
        store.delete_experiment("0")
        store.restore_experiment("0")
        assert store.get_run(run_id).info.lifecycle_stage == "active"


BROKEN = {
    "empty": b"",
    "no YAML": b"a: [",
    "no mapping": b"- a\n",
    "an anchor": b"a: &x 1\nb: *x\n",
    "a tag": b"!!python/object/apply:os.system ['true']\n",
    "not UTF-8": b"\xff\xfe",
    "large": b"a: " + b"x" * (5 * 1024 * 1024),
    "deep": b"[" * 10_000,
    "of another": b"run_id: x\nexperiment_id: '9'\nname: y\nmodel_id: m-1\n",
}


class TestBrokenFiles:
    @pytest.mark.parametrize("kind", BROKEN)
    def test_one_does_not_hide_the_others(self, root, store, run_id, kind, caplog, monkeypatch):
        monkeypatch.setattr("flavorkit.tracking.files.metadata._PAUSE_SECONDS", 0)
        experiment_id = store.create_experiment("x")
        broken_run = store.create_run("0").info.run_id
        models = [store.create_logged_model("0").model_id for _ in range(2)]
        for name in ("a", "b"):
            store.create_registered_model(name)
            store.create_model_version(name, "s3://x")
            store.create_model_version(name, "s3://y")
        for folder in (
            *(root / experiment_id, root / "0" / broken_run, root / "0" / "models" / models[0]),
            *(root / "models" / "a" / "version-1", root / "models" / "b"),
        ):
            (folder / "meta.yaml").write_bytes(BROKEN[kind])
        with caplog.at_level(logging.WARNING):
            assert [one.experiment_id for one in store.search_experiments()] == ["0"]
            assert [one.info.run_id for one in store.search_runs(["0"])] == [run_id]
            assert [one.model_id for one in store.search_logged_models(["0"])] == models[1:]
            if kind != "of another":  # the folder says what model it is a version of
                assert [one.name for one in store.search_registered_models()] == ["a"]
                found = [(one.name, one.version) for one in store.search_model_versions()]
                assert found == [("a", "2")]
                assert "left out" in caplog.text
        for ask in (
            lambda: store.get_experiment(experiment_id),
            lambda: store.get_run(broken_run),
            lambda: store.get_logged_model(models[0]),
            lambda: store.log_metric(broken_run, Metric("a", 1.0, 0)),
        ):
            with pytest.raises(NotFoundError, match=r"there is no|meta.yaml"):
                ask()

    @pytest.mark.parametrize(
        "strange",
        [
            *(None, -1, 10**30, math.inf, math.nan, True, "", "../../x", []),
            *({"a": {"b": 1}}, date(2024, 1, 1)),
        ],
        ids=ascii,
    )
    def test_a_value_of_any_type_hides_nothing_but_its_own(self, root, store, run_id, strange):
        model = store.create_logged_model("0", tags={"a": "b"})
        store.log_batch(run_id, [Metric("a", 1.0, 1, model_id=model.model_id)])
        store.log_inputs(
            run_id,
            [DatasetInput(Dataset("n", "d", "t", "s"), [InputTag("k", "v")])],
            [LoggedModelInput(model.model_id)],
        )
        store.log_outputs(run_id, [LoggedModelOutput(model.model_id)])
        store.create_registered_model("m")
        store.create_model_version("m", model.model_uri)
        store.set_registered_model_alias("m", "best", "1")
        for path in root.rglob("meta.yaml"):
            text = path.read_text()
            content = strict_yaml.loads(text.encode(), path="")
            for key in content:
                path.write_text(strict_yaml.dumps({**content, key: strange}))
                store.search_experiments(view_type=3, order_by=["last_update_time", "name"])
                store.search_runs(["0"], "metrics.a > 0", view_type=3, order_by=["end_time"])
                store.search_logged_models(["0"], "metrics.a > 0 AND name != 'x'")
                store.search_registered_models(order_by=["last_updated_timestamp"])
                store.search_model_versions("version_number > 0", order_by=["creation_timestamp"])
                store.deleted_before(0)
            path.write_text(text)
        assert store.get_run(run_id).data.metrics == {"a": 1.0}

    def test_what_has_no_meta_yaml_is_nothing(self, root, store):
        for place in ("5", "0/" + "b" * 32, "0/models/m-1", "models/x", ".trash/9"):
            (root / place / "tags").mkdir(parents=True)
        assert [one.experiment_id for one in store.search_experiments(view_type=3)] == ["0"]
        assert store.search_runs(["0"]) == store.search_registered_models() == []
        assert store.search_logged_models(["0"]) == store.search_model_versions() == []

    def test_artifacts_are_never_taken_for_runs(self, root, store, run_id):
        """Whoever may upload artifacts may upload a meta.yaml."""
        inner = folder_of(root, run_id) / "artifacts" / ("c" * 32)
        inner.mkdir()
        (inner / "meta.yaml").write_text(f"run_id: {'c' * 32}\nexperiment_id: {run_id}\n")
        with pytest.raises(NotFoundError, match=r"there is no run"):
            store.get_run("c" * 32)
        forged = root / "0" / ("d" * 32)
        forged.mkdir()
        (forged / "meta.yaml").write_text(f"run_id: {run_id}\nexperiment_id: '0'\n")
        with pytest.raises(NotFoundError, match=r"there is no run"):
            store.get_run("d" * 32)

    def test_broken_lines_of_metrics_are_left_out(self, root, store, run_id, caplog):
        path = folder_of(root, run_id) / "metrics" / "loss"
        path.write_bytes(
            b"1 0.5 1\n\nx y z\n2\n3 0.25 2 extra\n\xff\xff\n4 nan 3\n5 0.1 4 a b c d\n6 0."
        )
        with caplog.at_level(logging.WARNING):
            found = store.get_metric_history(run_id, "loss")
        assert [(one.timestamp, one.step) for one in found] == [
            (1, 1),
            (3, 2),
            (4, 3),
            (5, 4),
            (6, 0),
        ]
        assert found[3].dataset_name == "a b c"
        assert "left out 3 broken lines of the metric loss" in caplog.text

    def test_a_tree_without_end_is_left_out(self, root, store, run_id):
        place = folder_of(root, run_id) / "params"
        before = os.open(".", os.O_RDONLY)
        try:
            os.chdir(place)
            for _ in range(200):
                Path("d").mkdir()
                os.chdir("d")
            Path("p").write_text("x")
        finally:
            os.chdir(before)
            os.close(before)
        store.log_param(run_id, Param("a/b", "1"))
        assert store.get_run(run_id).data.params == {"a/b": "1"}
        # pytest cannot remove a tree this deep.
        subprocess.run(["rm", "-rf", place / "d"], check=True)

    def test_a_line_after_half_a_line_is_a_line(self, root, store, run_id):
        path = folder_of(root, run_id) / "metrics" / "loss"
        path.write_bytes(b"1 0.5 1\n2 0.2")
        store.log_metric(run_id, Metric("loss", 0.1, 3, 3))
        assert path.read_bytes() == b"1 0.5 1\n2 0.2\n3 0.1 3\n"

    def test_broken_lines_of_the_history_are_left_out(self, root, store, caplog):
        store.create_registered_model("x")
        store.create_model_version("x", "s3://x")
        path = root / "models" / "x" / ".flavorkit-history.jsonl"
        path.write_text('{"at": 1}\nhalf\n[]\n')
        store.set_registered_model_alias("x", "best", "1")
        (change,) = store.get_registry_history("x")
        assert (change.subject, change.before, change.after) == ("best", None, "1")


class TestLinks:
    """Nothing is read or written through a link, wherever it stands."""

    @pytest.fixture
    def outside(self, tmp_path):
        folder = tmp_path / "outside"
        for kind in ("metrics", "params", "tags", "artifacts"):
            (folder / kind).mkdir(parents=True)
        (folder / "secret").write_text("secret")
        return folder

    def test_a_linked_run_is_none(self, root, store, outside):
        (outside / "meta.yaml").write_text(
            f"run_id: {OLD_RUN}\nexperiment_id: '0'\nstatus: 1\nstart_time: 1\n"
        )
        (root / "0" / OLD_RUN).symlink_to(outside)
        before = contents(outside)
        assert store.search_runs(["0"]) == []
        for ask in (
            lambda: store.get_run(OLD_RUN),
            lambda: store.log_metric(OLD_RUN, Metric("a", 1.0, 0)),
            lambda: store.set_tag(OLD_RUN, RunTag("a", "b")),
        ):
            with pytest.raises(NotFoundError, match=r"there is no run"):
                ask()
        assert contents(outside) == before

    def test_linked_experiments_and_models_are_none(self, root, store, outside):
        (outside / "meta.yaml").write_text("experiment_id: '5'\nname: x\nmodel_id: m-1\n")
        (outside / "version-1").mkdir()
        (outside / "version-1" / "meta.yaml").write_text("name: x\n")
        for place in ("5", ".trash/6", "models/x"):
            (root / place).symlink_to(outside)
        assert [one.experiment_id for one in store.search_experiments(view_type=3)] == ["0"]
        assert store.search_registered_models() == store.search_model_versions() == []
        with pytest.raises(NotFoundError, match=r"there is no experiment 5"):
            store.create_run("5")
        with pytest.raises(NotFoundError, match=r"not found"):
            store.create_model_version("x", "s3://x")
        with pytest.raises(AlreadyExistsError, match=r"already exists"):
            store.create_registered_model("x")
        with pytest.raises(NotFoundError, match=r"not found"):
            store.delete_registered_model("x")
        assert (outside / "secret").read_text() == "secret"

    def test_a_linked_file_is_not_there(self, root, store, run_id, outside):
        folder = folder_of(root, run_id)
        for place in ("params/p", "tags/t", "metrics/m"):
            (folder / place).symlink_to(outside / "secret")
        run = store.get_run(run_id)
        assert "t" not in run.data.tags
        assert (run.data.params, run.data.metrics) == ({}, {})
        assert store.get_metric_history(run_id, "m") == []

    def test_nothing_is_written_through_a_link(self, root, store, run_id, outside):
        folder = folder_of(root, run_id)
        before = contents(outside)
        (folder / "metrics" / "m").symlink_to(outside / "secret")
        (folder / "metrics" / "deep").symlink_to(outside)
        (folder / "params" / "p").symlink_to(outside / "secret")
        for key in ("m", "deep/secret"):
            with pytest.raises((InvalidArgumentError, StoreUnavailableError), match=r"metrics"):
                store.log_metric(run_id, Metric(key, 1.0, 0))
        store.log_param(run_id, Param("p", "1"))
        store.set_tag(run_id, RunTag("mlflow.runName", "x"))
        assert contents(outside) == before
        assert store.get_run(run_id).data.params == {"p": "1"}

    def test_linked_folders_of_a_run_are_not_there(self, root, store, run_id, outside):
        folder = folder_of(root, run_id)
        for kind in ("metrics", "params"):
            (folder / kind).rmdir()
            (folder / kind).symlink_to(outside)
        run = store.get_run(run_id)
        assert (run.data.params, run.data.metrics) == ({}, {})
        with pytest.raises((InvalidArgumentError, StoreUnavailableError), match=r"metrics"):
            store.log_metric(run_id, Metric("new", 1.0, 0))
        assert not (outside / "new").exists()

    def test_purging_leaves_what_a_link_leads_to(self, root, store, run_id, outside):
        (folder_of(root, run_id) / "tags" / "link").symlink_to(outside)
        (folder_of(root, run_id) / "link").symlink_to(outside)
        before = contents(outside)
        store.delete_run(run_id)
        store.purge(run_ids=[run_id])
        assert contents(outside) == before
        assert not (root / "0" / run_id).exists()

    def test_an_input_that_points_elsewhere_is_left_out(self, root, store, run_id, outside):
        (outside / "meta.yaml").write_text("name: secret\ndigest: d\nsource: s\nsource_type: t\n")
        folder = folder_of(root, run_id) / "inputs" / "x"
        folder.mkdir(parents=True)
        for source in ("../../../../outside", "/etc", "..", "", "a/b"):
            (folder / "meta.yaml").write_text(f"source_type: DATASET\nsource_id: {source!r}\n")
            assert store.get_run(run_id).inputs.dataset_inputs == []

    def test_a_pipe_in_place_of_a_file_is_not_there(self, root, store, run_id):
        os.mkfifo(folder_of(root, run_id) / "params" / "p")
        os.mkfifo(folder_of(root, run_id) / "metrics" / "m")
        assert store.get_run(run_id).data.params == {}
        assert store.get_metric_history(run_id, "m") == []

    def test_the_store_itself_may_be_behind_a_link(self, tmp_path, store, root):
        (tmp_path / "link").symlink_to(root)
        other = open_store(tmp_path / "link")
        experiment_id = other.create_experiment("x")
        assert store.get_experiment(experiment_id).name == "x"


class TestTheBin:
    def test_runs_that_were_deleted_before_their_experiment_stay_deleted(self, store):
        experiment_id = store.create_experiment("x")
        kept, gone = (store.create_run(experiment_id).info.run_id for _ in range(2))
        store.delete_run(gone)
        store.delete_experiment(experiment_id)
        store.restore_experiment(experiment_id)
        stages = [store.get_run(one).info.lifecycle_stage for one in (kept, gone)]
        assert stages == ["active", "deleted"]

    def test_one_that_has_a_double_in_the_bin_is_not_deleted(self, root, store):
        experiment_id = store.create_experiment("x")
        (root / ".trash" / experiment_id / "left").mkdir(parents=True)
        with pytest.raises(AlreadyExistsError, match=r"another experiment \d+ is in the bin"):
            store.delete_experiment(experiment_id)
        assert store.get_experiment(experiment_id).lifecycle_stage == "active"

    def test_what_was_half_deleted_can_be_restored(self, root, store):
        """A process that is killed may leave an experiment deleted, but outside of the bin."""
        experiment_id = store.create_experiment("x")
        path = root / experiment_id / "meta.yaml"
        path.write_text(path.read_text().replace("stage: active", "stage: deleted"))
        assert [one.name for one in store.search_experiments()] == ["Default"]
        store.restore_experiment(experiment_id)
        assert store.get_experiment(experiment_id).lifecycle_stage == "active"
        store.delete_experiment(experiment_id)
        assert (root / ".trash" / experiment_id).is_dir()

    def test_purging_keeps_artifacts_for_whoever_removes_them(self, root, store, run_id):
        folder = folder_of(root, run_id)
        (folder / "artifacts" / "model.bin").write_bytes(b"x")
        store.delete_run(run_id)
        store.purge(run_ids=[run_id])
        assert list(contents(folder)) == ["artifacts", "artifacts/model.bin"]
        with pytest.raises(NotFoundError, match=r"there is no run"):
            store.get_run(run_id)

    def test_purging_an_experiment_frees_its_name(self, root, store):
        experiment_id = store.create_experiment("x")
        store.create_run(experiment_id)
        store.delete_experiment(experiment_id)
        store.purge(experiment_ids=[experiment_id])
        assert store.create_experiment("x") != experiment_id
        assert list((root / ".trash").iterdir()) == []

    def test_nothing_is_left_of_a_deleted_model(self, root, store):
        store.create_registered_model("x")
        store.create_model_version("x", "s3://x")
        store.delete_registered_model("x")
        assert list((root / "models").iterdir()) == list((root / ".trash").iterdir()) == []


LOG = """
import itertools, sys
from flavorkit.tracking.entities import Metric
from flavorkit.tracking.stores import open_store
store, run_id, worker = open_store(sys.argv[1]), sys.argv[2], sys.argv[3]
for number in itertools.count() if len(sys.argv) == 4 else range(int(sys.argv[4])):
    store.log_metric(run_id, Metric("shared", float(number), int(worker), number))
    store.log_metric(run_id, Metric("own/" + worker, float(number), number, number))
    print(number, flush=True)
"""

PUBLISH = """
import sys
from flavorkit.tracking.stores import open_store
store = open_store(sys.argv[1])
for _ in range(int(sys.argv[2])):
    print(store.create_model_version("m", "s3://x", tags={"a": "b"}).version, flush=True)
"""


def process(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


class TestManyAtOnce:
    def test_versions_of_many_processes_and_threads_are_dense(self, root, store):
        store.create_registered_model("m")
        others = [process(PUBLISH, root, 10) for _ in range(4)]
        with ThreadPoolExecutor(32) as pool:
            made = list(
                pool.map(lambda _: store.create_model_version("m", "s3://x").version, range(32))
            )
        for other in others:
            made += other.communicate(timeout=120)[0].split()
        assert sorted(map(int, made)) == list(range(1, 73))
        assert len(store.search_model_versions("name = 'm'")) == 72

    def test_metrics_of_many_processes_are_all_there(self, root, store, run_id):
        others = [process(LOG, root, run_id, worker, 100) for worker in range(4)]
        for other in others:
            assert len(other.communicate(timeout=120)[0].split()) == 100
        shared = store.get_metric_history(run_id, "shared")
        assert {(one.timestamp, one.step) for one in shared} == {
            (worker, step) for worker in range(4) for step in range(100)
        }
        assert len(shared) == 400

    def test_a_killed_process_loses_nothing_that_was_acknowledged(self, root, store, run_id):
        others = [process(LOG, root, run_id, worker) for worker in range(3)]
        said = []
        for other in others:
            said.append([other.stdout.readline() for _ in range(200)])
            other.send_signal(signal.SIGKILL)
        for worker, (other, lines) in enumerate(zip(others, said, strict=True)):
            acknowledged = {*lines, *other.communicate(timeout=60)[0].splitlines()}
            known = {one.step for one in store.get_metric_history(run_id, f"own/{worker}")}
            assert known >= set(map(int, acknowledged))
        for history in ("shared", *(f"own/{worker}" for worker in range(3))):
            found = store.get_metric_history(run_id, history)
            assert len(found) == len({(one.timestamp, one.step) for one in found})

    def test_a_killed_publisher_leaves_no_gap_and_no_half(self, root, store):
        store.create_registered_model("m")
        for _ in range(3):
            other = process(PUBLISH, root, 10_000)
            for _ in range(5):
                other.stdout.readline()
            other.send_signal(signal.SIGKILL)
            other.communicate(timeout=60)
        last = int(store.create_model_version("m", "s3://x", tags={"a": "b"}).version)
        found = store.search_model_versions("name = 'm'", order_by=["version_number"])
        assert [int(one.version) for one in found] == list(range(1, last + 1))
        assert all(one.tags == {"a": "b"} for one in found)
        leftovers = [one.name for one in (root / "models" / "m").iterdir()]
        assert not [name for name in leftovers if name.startswith(".flavorkit-new")]

    def test_of_different_values_of_a_parameter_one_wins(self, store, run_id):
        def log(number):
            try:
                store.log_param(run_id, Param("p", str(number)))
            except InvalidArgumentError:
                return None
            return str(number)

        with ThreadPoolExecutor(16) as pool:
            (winner,) = [one for one in pool.map(log, range(16)) if one is not None]
        assert store.get_run(run_id).data.params == {"p": winner}

    def test_all_tags_and_changes_of_a_run_stay(self, store, run_id):
        def change(number):
            store.set_tag(run_id, RunTag(f"tag{number}", str(number)))
            store.update_run(run_id, end_time=number)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(change, range(32)))
        tags = store.get_run(run_id).data.tags
        assert {key: value for key, value in tags.items() if key.startswith("tag")} == {
            f"tag{number}": str(number) for number in range(32)
        }

    def test_a_run_is_either_in_a_deleted_experiment_or_refused(self, store):
        experiment_id = store.create_experiment("x")

        def create(_):
            try:
                return store.create_run(experiment_id).info.run_id
            except InvalidArgumentError:
                return None

        with ThreadPoolExecutor(8) as pool:
            made = pool.map(create, range(40))
            pool.submit(store.delete_experiment, experiment_id).result()
            made = [one for one in made if one]
        stages = {store.get_run(one).info.lifecycle_stage for one in made}
        assert stages <= {"deleted"}

    def test_while_it_is_renamed_a_model_is_published_under_either_name(self, store):
        store.create_registered_model("a")

        def publish(_):
            for name in ("a", "b") * 20:
                try:
                    return int(store.create_model_version(name, "s3://x").version)
                except NotFoundError:
                    continue
            return None

        with ThreadPoolExecutor(8) as pool:
            made = pool.map(publish, range(40))
            pool.submit(store.rename_registered_model, "a", "b").result()
            made = sorted(one for one in made if one is not None)
        assert made == list(range(1, len(made) + 1))
        assert {one.name for one in store.search_model_versions()} == {"b"}


class TestPlaces:
    @pytest.mark.parametrize(
        ("place", "found"),
        [
            ("s3://bucket/a", "s3://bucket/a/x/y"),
            ("s3://bucket/a/?q=1", "s3://bucket/a/x/y?q=1"),
            ("file:///data/a", "file:///data/a/x/y"),
            ("/data/a?b#c", "/data/a?b#c/x/y"),
            ("mlflow-artifacts:/a", "mlflow-artifacts:/a/x/y"),
        ],
    )
    def test_a_place_below_another(self, place, found):
        assert below(place, "x", "y") == found

    @pytest.mark.parametrize(
        "source",
        ["runs:/{run}/../x", "runs:/{run}/a//b", "runs:/{run}/a?b", "runs:/{run}/a\\b"],
    )
    def test_a_source_that_leaves_its_run_is_refused(self, store, run_id, source):
        store.create_registered_model("m")
        with pytest.raises(InvalidArgumentError, match=r"is no path below a run"):
            store.create_model_version("m", source.format(run=run_id))
        assert store.search_model_versions() == []

    def test_the_latest_version_needs_no_alias(self, store):
        store.create_registered_model("m")
        with pytest.raises(InvalidArgumentError, match=r"alias latest not found"):
            store.get_model_version_by_alias("m", "latest")
        for _ in range(11):
            store.create_model_version("m", "s3://x")
        assert store.get_model_version_by_alias("m", "latest").version == "11"

    def test_a_logged_model_knows_what_it_is_registered_as(self, store):
        model = store.create_logged_model("0")
        store.create_registered_model("m")
        for _ in range(2):
            store.create_model_version("m", model.model_uri)
        store.create_model_version("m", "s3://x", model_id="m-of-another-store")
        noted = store.get_logged_model(model.model_id).tags["mlflow.modelVersions"]
        assert json.loads(noted) == [
            {"name": "m", "version": "1"},
            {"name": "m", "version": "2"},
        ]

    def test_a_source_that_leads_to_nothing_is_refused(self, store):
        store.create_registered_model("m")
        for source in (f"models:/m-{'0' * 32}", "models:/m/7", "models:/other/1"):
            with pytest.raises(NotFoundError, match=r"there is no|not found"):
                store.create_model_version("m", source)
        assert Path(store.get_experiment("0").artifact_location).name == "0"
