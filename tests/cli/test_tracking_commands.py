"""The commands of runs and registered models: what they do, print, and say when they cannot."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from flavorkit.cli import main
from flavorkit.tracking import defaults
from flavorkit.tracking.client import FlavorkitClient
from tests.tracking import served


@pytest.fixture
def uri(tmp_path, monkeypatch):
    """A database of the test's own, which the environment names."""
    for name in list(os.environ):
        if name.startswith(("FLAVORKIT_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLAVORKIT_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("FLAVORKIT_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    yield f"sqlite:///{tmp_path}/runs.db"
    defaults.close_stores()


@pytest.fixture
def client(uri):
    return FlavorkitClient(uri)


@pytest.fixture
def run(uri):
    def invoke(*args):
        return CliRunner().invoke(main, [str(arg) for arg in args], catch_exceptions=False)

    return invoke


@pytest.fixture
def ok(run):
    """What a command prints that does what it says."""

    def invoke(*args):
        done = run(*args)
        assert done.exit_code == 0, done.output
        return done.stdout

    return invoke


@pytest.fixture
def values(ok):
    """What a command prints as JSON."""
    return lambda *args: json.loads(ok(*args, "--json"))


@pytest.fixture
def iris(client, tmp_path):
    """A registered model with three versions, by its name."""
    client.create_registered_model("iris", {"team": "blue"}, "flowers")
    for number in (1, 2, 3):
        client.create_model_version("iris", f"s3://models/iris/{number}")
    client.set_registered_model_alias("iris", "champion", "2")
    return "iris"


def test_an_experiment_from_its_making_to_its_bin(ok, values):
    assert ok("experiments", "create", "-n", "trees") == "created experiment 'trees' with id 1\n"
    assert values("experiments", "get", "-n", "trees")["experiment_id"] == "1"
    ok("experiments", "rename", "-x", 1, "--new-name", "forests")
    assert [one["name"] for one in values("experiments", "search")] == ["forests", "Default"]
    ok("experiments", "delete", "-x", 1)
    assert [one["name"] for one in values("experiments", "search")] == ["Default"]
    deleted = values("experiments", "search", "--view", "deleted_only")
    assert [one["lifecycle_stage"] for one in deleted] == ["deleted"]
    ok("experiments", "restore", "--experiment-id", 1)
    assert values("experiments", "get", "-x", 1)["lifecycle_stage"] == "active"


def test_an_experiment_keeps_its_artifacts_where_it_is_told(values, tmp_path):
    made = values("experiments", "create", "-n", "far", "-l", "s3://bucket/far")
    assert made["artifact_location"] == "s3://bucket/far"


def test_experiments_are_shown_as_a_table(ok):
    shown = ok("experiments", "search").splitlines()
    assert shown[0].split() == ["id", "name", "stage", "created", "(UTC)", "artifacts"]
    assert shown[1].split()[:3] == ["0", "Default", "active"]
    assert "name          Default\n" in ok("experiments", "get", "-x", "0")
    assert json.loads(ok("experiments", "get", "-x", "0", "--output", "json"))["name"] == "Default"


def test_a_search_says_that_there_is_more(run, client):
    client.create_experiment("second")
    done = run("experiments", "search", "--max-results", 1)
    assert done.exit_code == 0
    assert "second" in done.stdout
    assert "Default" not in done.stdout
    assert done.stderr == "there are more than these 1; see --max-results\n"


def test_the_runs_of_an_experiment_are_csv(ok, run, client, tmp_path):
    made = client.create_run("0", run_name="first, and last").info.run_id
    client.log_metric(made, "loss", 0.5)
    client.log_param(made, "depth", 3)
    (row,) = csv.DictReader(io.StringIO(ok("experiments", "csv", "-x", "0")))
    assert (row["run_id"], row["metrics.loss"], row["params.depth"]) == (made, "0.5", "3")
    assert row["tags.mlflow.runName"] == "first, and last"
    assert ok("experiments", "csv", "-x", "0", "-o", tmp_path / "runs.csv") == ""
    assert made in (tmp_path / "runs.csv").read_text()
    assert run("experiments", "csv", "-x", "77").exit_code == 1


def test_what_a_program_has_chosen_stands_back_behind_what_is_said(ok, values, monkeypatch):
    """``set_experiment`` leaves both in the environment of the commands that a program starts."""
    ok("experiments", "create", "-n", "trees")
    monkeypatch.setenv("FLAVORKIT_EXPERIMENT_ID", "0")
    monkeypatch.setenv("FLAVORKIT_EXPERIMENT_NAME", "Default")
    for options, experiment in (((), "0"), (("-x", "1"), "1"), (("-n", "trees"), "1")):
        assert values("runs", "create", *options)["info"]["experiment_id"] == experiment


def test_a_run_from_its_making_to_its_bin(ok, values, client):
    parent = ok("runs", "create", "--experiment-name", "trees", "--run-name", "parent").strip()
    made = values(
        *("runs", "create", "--experiment-id", "1", "--run-name", "one", "--status", "FAILED"),
        *("--description", "an attempt", "-t", "team=blue=green", "--parent-run-id", parent),
    )
    assert (made["info"]["run_name"], made["info"]["status"]) == ("one", "FAILED")
    tags = made["data"]["tags"]
    assert (tags["team"], tags["mlflow.note.content"]) == ("blue=green", "an attempt")
    assert tags["mlflow.parentRunId"] == parent
    run_id = made["info"]["run_id"]
    listed = values("runs", "list", "--experiment-id", "1")
    assert {one["info"]["run_id"] for one in listed} == {parent, run_id}
    ok("runs", "delete", "--run-id", run_id)
    assert [one["info"]["run_id"] for one in values("runs", "list", "-x", 1)] == [parent]
    assert len(values("runs", "list", "-x", 1, "-v", "all")) == 2
    ok("runs", "restore", "--run-id", run_id)
    assert values("runs", "describe", "--run-id", run_id)["info"]["lifecycle_stage"] == "active"


def test_a_run_is_described(ok, values, client):
    made = client.create_run("0", run_name="[bold]one\x1b[31m").info.run_id
    client.log_metric(made, "loss", float("nan"))
    client.log_param(made, "depth", 3)
    shown = ok("runs", "describe", "--run-id", made)
    assert f"run           {made}\n" in shown
    assert "name          [bold]one\\x1b[31m\n" in shown
    assert ["depth", "3"] in [line.split() for line in shown.splitlines()]
    assert values("runs", "describe", "--run-id", made)["data"]["metrics"] == {"loss": "NaN"}


def test_runs_are_searched(values, ok, client):
    for loss in (0.3, 0.1, 0.2):
        client.log_metric(client.create_run("0").info.run_id, "loss", loss)
    found = values(
        *("runs", "search", "--filter-string", "metrics.loss < 0.25"),
        *("--order-by", "metrics.loss ASC"),
    )
    assert [one["data"]["metrics"]["loss"] for one in found] == [0.1, 0.2]
    assert "loss=0.3" in ok("runs", "search", "-x", "0")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["runs", "describe", "--run-id", "nothing"], "there is no run"),
        (["runs", "delete", "--run-id", "nothing"], "there is no run"),
        (["runs", "list", "-x", "77"], "experiment"),
        (["runs", "search", "--filter-string", "nonsense <"], ""),
        (["experiments", "get", "-x", "77"], "experiment"),
        (["experiments", "get", "-n", "none"], "there is no experiment named 'none'"),
        (["experiments", "delete", "-x", "77"], "experiment"),
        (["experiments", "create", "-n", "Default"], "already exists"),
        (["artifacts", "list", "-r", "nothing"], "there is no run"),
        (["artifacts", "download", "-u", "models:/none/1"], "none"),
        (["registry", "show", "none"], "none"),
        (["registry", "versions", "none"], "none"),
        (["registry", "delete", "none", "--yes"], "none"),
        (["registry", "alias", "set", "none", "champion", "1"], "none"),
        (["runs", "list", "-x", "0", "--tracking-uri", "ftp://there"], "there is no store"),
        (["db", "upgrade", "ftp://there"], ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_line_and_status_1(run, args, message):
    done = run(*args)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "args",
    [
        ["runs", "describe"],
        ["runs", "create"],
        ["runs", "create", "-x", "0", "-t", "no equals sign"],
        ["runs", "list", "-x", "0", "--view", "some"],
        ["experiments", "get"],
        ["experiments", "get", "-x", "0", "-n", "Default"],
        ["experiments", "search", "--max-results", "0"],
        ["artifacts", "download"],
        ["artifacts", "download", "-r", "1", "-u", "runs:/1/x"],
        ["registry", "stage", "iris", "1", "Nowhere"],
    ],
    ids=" ".join,
)
def test_what_is_called_wrongly_is_status_2(run, args):
    done = run(*args)
    assert done.exit_code == 2
    assert "Usage: " in done.stderr


def test_another_store_is_named_beside_the_environment(run, values, tmp_path):
    other = f"sqlite:///{tmp_path}/other.db"
    assert run("experiments", "create", "-n", "there", "--tracking-uri", other).exit_code == 0
    assert len(values("experiments", "search", "--tracking-uri", other)) == 2
    assert len(values("experiments", "search")) == 1
    assert run("registry", "create", "iris", "--registry-uri", other).exit_code == 0
    assert len(values("registry", "list", "--tracking-uri", other)) == 1
    assert values("registry", "list") == []


def test_files_of_a_run_go_there_and_back(ok, values, client, tmp_path):
    run_id = client.create_run("0").info.run_id
    folder = tmp_path / "plots"
    folder.mkdir()
    (folder / "roc.svg").write_text("<svg/>")
    (tmp_path / "notes.txt").write_text("note")
    ok("artifacts", "log-artifact", "-l", tmp_path / "notes.txt", "-r", run_id, "-a", "texts")
    ok("artifacts", "log-artifacts", "-l", folder, "-r", run_id, "-a", "plots")
    assert values("artifacts", "list", "-r", run_id) == [
        {"path": "plots", "is_dir": True, "file_size": None},
        {"path": "texts", "is_dir": True, "file_size": None},
    ]
    assert [line.split() for line in ok("artifacts", "list", "-r", run_id).splitlines()] == [
        ["path", "bytes"],
        ["plots/"],
        ["texts/"],
    ]
    listed = values("artifacts", "list", "-r", run_id, "-a", "texts")
    assert listed == [{"path": "texts/notes.txt", "is_dir": False, "file_size": 4}]
    there = tmp_path / "there"
    printed = ok("artifacts", "download", "-r", run_id, "-a", "texts/notes.txt", "-d", there)
    assert printed == f"{there}/notes.txt\n"
    assert (there / "notes.txt").read_text() == "note"
    again = values("artifacts", "download", "-u", f"runs:/{run_id}/plots", "-d", there)
    assert again == {"path": f"{there}/plots"}
    assert (there / "plots" / "roc.svg").read_text() == "<svg/>"


@pytest.mark.parametrize("command", [("models", "list"), ("registry", "list")], ids=" ".join)
def test_registered_models_are_shown_with_what_their_aliases_mean(ok, values, iris, command):
    (row,) = ok(*command).splitlines()[1:]
    assert row.split()[:2] == ["iris", "3"]
    assert "champion -> 2" in row
    assert "flowers" in row
    (model,) = values(*command)
    assert (model["aliases"], model["tags"]) == ({"champion": "2"}, {"team": "blue"})
    assert values(*command, "--filter-string", "name = 'rose'") == []


def test_versions_are_shown_the_newest_first(ok, values, iris):
    assert [one["version"] for one in values("registry", "versions", "iris")] == ["3", "2", "1"]
    assert "champion" in ok("registry", "versions", "iris").splitlines()[2]
    assert values("registry", "show", "iris")["description"] == "flowers"
    assert values("registry", "describe", "iris", "3")["source"] == "s3://models/iris/3"
    assert values("registry", "show", "iris", "@champion")["version"] == "2"
    assert "champion -> 2" in ok("registry", "show", "iris")
    assert "files         s3://models/iris/2\n" in ok("registry", "show", "iris", "@champion")


def test_a_model_is_registered_and_renamed(ok, values):
    ok("registry", "create", "rose", "--description", "thorns")
    assert ok("registry", "publish", "rose", "s3://models/rose") == "1\n"
    ok("registry", "rename", "rose", "tulip")
    assert values("registry", "show", "tulip")["description"] == "thorns"


def test_aliases_and_stages_and_what_they_meant(ok, values, iris):
    assert ok("registry", "alias", "set", "iris", "champion", "3") == (
        "models:/iris@champion is version 3\n"
    )
    ok("registry", "alias", "set", "iris", "rollback", "@champion")
    ok("registry", "alias", "delete", "iris", "rollback")
    assert ok("registry", "stage", "iris", "1", "production") == (
        "version 1 of iris is now Production\n"
    )
    ok("registry", "stage", "iris", "2", "Production", "--archive-existing-versions")
    stages = {
        one["version"]: one["current_stage"] for one in values("registry", "versions", "iris")
    }
    assert stages == {"1": "Archived", "2": "Production", "3": "None"}
    changes = values("registry", "history", "iris")
    assert [(one["kind"], one["subject"], one["before"], one["after"]) for one in changes[:4]] == [
        ("alias", "champion", None, "2"),
        ("alias", "champion", "2", "3"),
        ("alias", "rollback", None, "3"),
        ("alias", "rollback", "3", None),
    ]
    assert "alias champion" in ok("registry", "history", "iris")


def test_what_cannot_be_undone_must_be_meant(run, ok, values, iris):
    done = run("registry", "delete", "iris", "1")
    assert done.exit_code == 2
    assert "Delete version 1 of iris: this cannot be undone; add --yes" in done.stderr
    assert len(values("registry", "versions", "iris")) == 3
    assert ok("registry", "delete", "iris", "1", "--yes") == "deleted version 1 of iris\n"
    assert len(values("registry", "versions", "iris")) == 2
    ok("registry", "delete", "iris", "-y")
    assert values("registry", "list") == []


@pytest.mark.parametrize(("answer", "left"), [("n", 1), ("y", 0)])
def test_at_a_terminal_somebody_is_asked(iris, values, answer, left):
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(
            [sys.executable, "-m", "flavorkit", "registry", "delete", "iris"],
            stdin=theirs,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == left
    assert "Delete iris with all its versions? This cannot be undone." in done.stderr
    assert len(values("registry", "list")) == left


def test_a_database_gets_its_tables(ok, run, tmp_path):
    new = f"sqlite:///{tmp_path}/new.db"
    assert "and were not there" in ok("db", "upgrade", new)
    assert "already" in ok("db", "upgrade", new)
    assert run("experiments", "search", "--tracking-uri", new).exit_code == 0


def logged(client, experiment_id="0"):
    """A run with a file."""
    run = client.create_run(experiment_id)
    client.log_text(run.info.run_id, "text", "notes/one.txt")
    return run.info.run_id


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(params=["sqlite", "folder"])
def either(request, uri, tmp_path, monkeypatch):
    """A client of a database, and of a folder like MLflow's; with where the artifacts are."""
    if request.param == "folder":
        monkeypatch.setenv("FLAVORKIT_TRACKING_URI", str(tmp_path / "mlruns"))
        return FlavorkitClient(), tmp_path / "mlruns"
    return FlavorkitClient(), tmp_path / "flavorkit-artifacts"


def test_what_is_deleted_goes_for_good_with_its_artifacts(values, ok, either):
    client, root = either
    kept, gone = logged(client), logged(client)
    client.delete_run(gone)
    assert values("gc", "--dry-run")["runs"] == [gone]
    assert values("runs", "describe", "-r", gone)["info"]["lifecycle_stage"] == "deleted"
    assert values("gc", "--yes") == {
        "runs": [gone],
        "logged_models": [],
        "experiments": [],
        "left_artifacts": [],
        "failed": [],
    }
    assert len(values("runs", "list", "-x", 0, "-v", "all")) == 1
    assert not (root / "0" / gone).exists()
    assert (root / "0" / kept / "artifacts" / "notes" / "one.txt").read_text() == "text"
    assert ok("gc", "--yes") == "there is nothing to remove\n"


def test_an_experiment_goes_with_all_that_is_in_it(values, either):
    client, root = either
    made = client.create_experiment("gone")
    logged(client, made)
    model = client.create_logged_model(made, "tree")
    client.log_model_artifact(model.model_id, _file(root.parent / "model.bin"))
    client.delete_experiment(made)
    assert values("gc", "-y", "--experiment-ids", made)["experiments"] == [made]
    assert not (root / made).exists()
    assert not [name for name in files_below(root) if made in name.split("/")]
    assert [one["name"] for one in values("experiments", "search", "-v", "all")] == ["Default"]


def test_a_logged_model_goes_with_its_files(values, either):
    client, root = either
    model = client.create_logged_model("0", "tree")
    client.log_model_artifact(model.model_id, _file(root.parent / "model.bin"))
    client.delete_logged_model(model.model_id)
    done = values("gc", "-y", "--logged-model-ids", model.model_id)
    assert done["logged_models"] == [model.model_id]
    assert not (root / "0" / "models" / model.model_id).exists()


def test_only_what_is_named_goes(values, run, client):
    one, other, active = logged(client), logged(client), logged(client)
    client.delete_run(one)
    client.delete_run(other)
    assert values("gc", "-y", "--run-ids", f"{one},")["runs"] == [one]
    done = run("gc", "-y", "--run-ids", f"{other},{active}")
    assert done.exit_code == 1
    assert done.stderr == f"Error: the run {active} is not in the bin, or not for so long\n"
    assert values("gc", "--dry-run")["runs"] == [other]


def test_what_is_in_the_bin_for_a_short_time_stays(values, run, client):
    made = logged(client)
    client.delete_run(made)
    assert values("gc", "-y", "--older-than", "1d2h3m")["runs"] == []
    assert run("gc", "-y", "--older-than", "1h", "--run-ids", made).exit_code == 1
    assert values("gc", "-y", "--older-than", "0s")["runs"] == [made]


@pytest.mark.parametrize("age", ["", "soon", "3m2h", "-1d", "1w"])
def test_an_age_that_cannot_be_read_is_status_2(run, age):
    done = run("gc", "-y", "--older-than", age)
    assert done.exit_code == 2
    assert "is no time such as 30d" in done.stderr


def test_emptying_the_bin_must_be_meant(run, client, values):
    client.delete_run(logged(client))
    done = run("gc")
    assert done.exit_code == 2
    assert "Remove 1 run for good: this cannot be undone; add --yes" in done.stderr
    assert len(values("gc", "--dry-run")["runs"]) == 1


def test_what_an_experiment_keeps_elsewhere_is_left_and_said(values, client, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    made = client.create_experiment("far", elsewhere.as_uri())
    run_id = logged(client, made)
    client.delete_run(run_id)
    place = f"{elsewhere.as_uri()}/{run_id}/artifacts"
    assert values("gc", "-y")["left_artifacts"] == [place]
    assert files_below(elsewhere) == [f"{run_id}/artifacts/notes/one.txt"]
    second = logged(client, made)
    client.delete_run(second)
    done = values("gc", "-y", "--default-artifact-root", elsewhere.as_uri())
    assert (done["runs"], done["left_artifacts"]) == ([second], [])
    assert files_below(elsewhere) == [f"{run_id}/artifacts/notes/one.txt"]


def test_no_place_outside_the_root_is_reached(values, client, tmp_path):
    root = (tmp_path / "flavorkit-artifacts").as_uri()
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    made = client.create_experiment("sly", f"{root}/../precious")
    client.delete_run(client.create_run(made).info.run_id)
    assert len(values("gc", "-y")["left_artifacts"]) == 1
    assert (tmp_path / "precious" / "file").read_text() == "mine"


def test_what_failed_stays_and_can_be_done_again(values, run, client, tmp_path):
    """Artifacts went through a server, and nobody said where it keeps them."""
    made = client.create_experiment("served", "mlflow-artifacts:/5")
    run_id = client.create_run(made).info.run_id
    kept = tmp_path / "mlartifacts" / "5" / run_id / "artifacts"
    kept.mkdir(parents=True)
    (kept / "model.bin").write_bytes(b"model")
    easy = logged(client)
    client.delete_run(easy)
    client.delete_run(run_id)
    done = run("gc", "-y")
    assert done.exit_code == 1
    assert done.stdout == f"removed run {easy}\n"
    assert f"Error: run {run_id} is in the bin still: " in done.stderr
    assert "--artifacts-destination" in done.stderr
    gone = values("gc", "-y", "--artifacts-destination", tmp_path / "mlartifacts")
    assert gone["runs"] == [run_id]
    assert files_below(tmp_path / "mlartifacts") == []


def test_what_was_interrupted_after_the_artifacts_is_finished(values, either):
    client, root = either
    made = logged(client)
    client.delete_run(made)
    shutil.rmtree(root / "0" / made / "artifacts")
    assert values("gc", "-y")["runs"] == [made]
    assert not (root / "0" / made).exists()


def test_the_bin_of_a_server_is_emptied_where_its_database_is(run):
    done = run("gc", "-y", "--backend-store-uri", "http://127.0.0.1:9")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: a server's bin is looked at where its database is")


def _file(path):
    path.write_bytes(b"bytes")
    return path


def test_all_of_it_works_through_a_server(values, ok, run, tmp_path, monkeypatch):
    settings = served.settings_in(tmp_path)
    with served.thread(settings) as url:
        monkeypatch.setenv("FLAVORKIT_TRACKING_URI", url)
        made = values("runs", "create", "-x", "0")["info"]["run_id"]
        ok("artifacts", "log-artifact", "-l", _file(tmp_path / "model.bin"), "-r", made)
        listed = values("artifacts", "list", "-r", made)
        assert listed == [{"path": "model.bin", "is_dir": False, "file_size": 5}]
        ok("registry", "create", "iris")
        ok("registry", "publish", "iris", f"runs:/{made}/model.bin")
        ok("registry", "alias", "set", "iris", "champion", "1")
        assert len(values("registry", "history", "iris")) == 1
        ok("runs", "delete", "-r", made)
        assert run("gc", "-y").exit_code == 1
        where = ("--backend-store-uri", settings.store_uri)
        kept = ("--artifacts-destination", settings.artifacts_destination)
        assert values("gc", "-y", *where, *kept)["runs"] == [made]
        assert run("runs", "describe", "-r", made).exit_code == 1
        defaults.close_stores()
    assert not list(tmp_path.glob("**/artifacts/model.bin"))
