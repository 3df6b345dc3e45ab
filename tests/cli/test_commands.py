"""The commands: what they print, how they fail, what scripts can read."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

import flavorkit
from flavorkit.cli import COMMANDS, main
from flavorkit.version import __version__


@pytest.fixture
def run():
    def invoke(*args, **kwargs):
        return CliRunner().invoke(main, [str(arg) for arg in args], **kwargs)

    return invoke


def test_help_names_every_command(run):
    shown = run("--help").output
    for name, (_, line) in COMMANDS.items():
        assert name in shown
        assert line.split()[0] in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(run, name):
    done = run(name, "--help")
    assert done.exit_code == 0
    assert "Usage: main" in done.output


def test_the_version(run):
    assert run("--version").output == f"flavorkit, version {__version__}\n"


def test_it_is_a_module_too():
    command = [sys.executable, "-m", "flavorkit", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"flavorkit, version {__version__}\n"


def test_an_unknown_command_is_an_error(run):
    done = run("nonsense")
    assert done.exit_code == 2
    assert "No such command 'nonsense'" in done.output


def test_errors_are_one_line(run):
    done = run("inspect", "/nowhere")
    assert (done.exit_code, done.output) == (1, "Error: there is no model folder at /nowhere\n")


@pytest.mark.parametrize("command", ["serve", "predict", "inspect", "verify"])
@pytest.mark.parametrize("given", [("",), ("-m", ""), (" ",)])
def test_the_path_of_a_model_that_is_empty_is_called_so(run, command, given):
    done = run(command, *given)
    assert done.exit_code == 2
    assert "Error: the model's path is empty" in done.output


@pytest.mark.parametrize(
    ("variable", "value", "option"),
    [
        ("FLAVORKIT_PORT", "abc", "-p / --port"),
        ("MLFLOW_PORT", "70000", "-p / --port"),
        ("FLAVORKIT_MODELS_WORKERS", "0", "-w / --workers"),
        ("FLAVORKIT_MAX_ROWS", "many", "--max-rows"),
        ("FLAVORKIT_LOG_FORMAT", "xml", "--log-format"),
    ],
)
@pytest.mark.parametrize("group", [(), ("models",)], ids=["flavorkit", "models"])
def test_a_bad_environment_variable_is_named(run, iris_folder, group, variable, value, option):
    done = run(*group, "serve", iris_folder, env={variable: value})
    assert done.exit_code == 2
    said = f"Invalid value for {variable} (the environment variable of {option}): "
    assert said in " ".join(done.output.split())


def test_an_option_is_blamed_for_its_own_value(run, iris_folder):
    done = run("serve", iris_folder, "-p", "abc", env={"FLAVORKIT_PORT": "5001"})
    assert done.exit_code == 2
    assert "Invalid value for '-p' / '--port': " in done.output


def test_inspect_shows_what_is_there(run, iris_folder):
    shown = run("inspect", iris_folder, env={"COLUMNS": "200"}).output
    for part in ("python_function, sklearn", "reads data only", "sepal length (cm)", "double"):
        assert part in shown
    assert "model.skops" in shown
    assert "(yours), in your keyring" in shown
    assert flavorkit.load_model(iris_folder).digest in shown


def test_inspect_for_scripts(run, iris_folder):
    facts = json.loads(run("inspect", "-m", iris_folder, "--json").output)
    assert facts["flavors"]["sklearn"]["pickled_model"] == "model.skops"
    assert facts["runs_code"] is None
    assert facts["signed_by"]["is_trusted"]
    assert [spec["type"] for spec in facts["signature"]["inputs"]] == ["double"] * 4
    assert facts["saved_by"] == f"flavorkit {__version__}"
    assert any(line.startswith("scikit-learn==") for line in facts["requirements"])


@pytest.fixture
def strange_copy(iris_copy):
    """A folder whose file names a type that would end the process when it is imported."""
    path = iris_copy / "model.skops"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(parts["schema.json"])
    schema["__module__"], schema["__class__"] = "antigravity_bomb", "Boom"
    parts["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    (iris_copy / "manifest.json").unlink()
    return iris_copy


def test_inspect_says_that_python_models_are_code(run, tmp_path):
    flavorkit.save_model(lambda data: data, tmp_path / "m", pip_requirements=[])
    shown = run("inspect", tmp_path / "m").output
    assert "python_model.pkl is a pickle, which can run any code" in shown


def test_inspect_names_the_types_that_nobody_has_reviewed(run, strange_copy):
    shown = run("inspect", strange_copy).output
    assert "takes trust in the signer, or in the types antigravity_bomb.Boom" in shown
    said = json.loads(run("inspect", "--json", strange_copy).output)
    assert said["unreviewed_types"] == ["antigravity_bomb.Boom"]


def test_verify_refuses_what_would_not_be_loaded(run, strange_copy):
    done = run("verify", strange_copy)
    assert done.exit_code == 1
    assert "--trust antigravity_bomb.Boom" in done.output
    said = run("verify", "--json", strange_copy)
    assert said.exit_code == 1
    assert json.loads(said.output)["ok"] is False
    assert run("verify", strange_copy, "--trust", "antigravity_bomb.Boom").exit_code == 0


def test_what_a_folder_says_cannot_forge_a_line_or_move_the_cursor(run, iris_copy):
    edit(iris_copy, lambda text: text + 'run_id: "x\\e]0;owned\\a\\nsigned  by you"\n')
    shown = run("inspect", iris_copy).output
    assert "\x1b" not in shown
    assert "\nsigned  by you" not in shown
    assert "run           x\\x1b]0;owned" in shown


def test_a_folder_that_is_no_model_is_not_read_through(run, tmp_path):
    done = run("inspect", "/")
    assert done.exit_code == 1
    assert "is not the folder of a model: it has no MLmodel" in done.output


def test_what_the_system_refuses_is_one_line(run, iris_folder):
    done = run(
        "predict",
        iris_folder,
        "-i",
        iris_folder / "serving_input_example.json",
        "-o",
        "/nowhere/out.json",
    )
    assert done.exit_code == 1
    assert done.output == "Error: /nowhere/out.json: No such file or directory\n"


def edit(folder, change):
    (folder / "manifest.json").unlink()
    path = folder / "MLmodel"
    path.write_text(change(path.read_text()))


def test_inspect_says_when_loading_runs_code(run, iris_copy):
    edit(iris_copy, lambda text: text.replace("serialization_format: skops", "x: y"))
    shown = run("inspect", iris_copy, env={"COLUMNS": "200"}).output
    assert "model.skops is a pickle, which can run any code" in shown
    assert "by nobody; it has no manifest" in shown


def test_inspect_of_a_flavor_nobody_knows(run, iris_copy):
    edit(iris_copy, lambda text: text.replace("  sklearn:", "  unheard_of:"))
    facts = json.loads(run("inspect", iris_copy, "--json").output)
    assert facts["runs_code"] == "nobody here knows the flavor 'unheard_of'"


def test_inspect_names_requirements_that_smuggle(run, iris_copy):
    edit(iris_copy, lambda text: text)
    (iris_copy / "requirements.txt").write_text("--index-url http://evil\n")
    shown = run("inspect", iris_copy, env={"COLUMNS": "200"}).output
    assert "refused: '--index-url http://evil' is an option" in shown


def test_inspect_names_forgeries(run, iris_copy):
    manifest = iris_copy / "manifest.json"
    content = json.loads(manifest.read_text())
    content["signature"]["value"] = "A" * 86 + "=="
    manifest.write_text(json.dumps(content))
    assert "FORGED" in run("inspect", iris_copy, env={"COLUMNS": "200"}).output


def test_inspect_needs_a_folder(run):
    assert "name one model: its folder or URI" in run("inspect").output


NESTED = flavorkit.models.ModelSignature(
    inputs=flavorkit.types.Schema(
        [
            flavorkit.types.ColSpec(flavorkit.types.Array("long"), "list"),
            flavorkit.types.ColSpec(flavorkit.types.Map("string"), "map", False),
            flavorkit.types.ColSpec(
                flavorkit.types.Object([flavorkit.types.Property("k", "double")]), "object"
            ),
        ]
    ),
    outputs=flavorkit.types.Schema([flavorkit.types.TensorSpec("float32", (-1, 2))]),
    params=flavorkit.types.ParamSchema([flavorkit.types.ParamSpec("k", "long", 5)]),
)


def test_inspect_shows_types_with_structure(run, iris_model, tmp_path):
    flavorkit.save_model(iris_model, tmp_path / "m", signature=NESTED, metadata={"team": "a"})
    shown = run("inspect", tmp_path / "m", env={"COLUMNS": "200"}).output
    for part in (
        "array of long",
        "map of string",
        "{k: double}",
        "float32 (-1, 2)",
        '{"team": "a"}',
    ):
        assert part in shown


def test_verify(run, iris_folder):
    done = run("verify", iris_folder)
    assert done.exit_code == 0
    assert "7 files as recorded, sha256:" in done.output
    assert "signed by ed25519:" in done.output
    facts = json.loads(run("verify", iris_folder, "--json").output)
    assert facts["has_manifest"]
    assert facts["may_run_code"]


def test_verify_fails_on_a_changed_file(run, iris_copy):
    (iris_copy / "conda.yaml").write_text("x")
    done = run("verify", iris_copy)
    assert done.exit_code == 1
    assert "conda.yaml has 1 bytes, not" in done.output


def test_verify_without_a_manifest(run, iris_copy):
    (iris_copy / "manifest.json").unlink()
    done = run("verify", iris_copy)
    assert "without a manifest to compare with" in done.output
    assert "signed by nobody" in done.output


def test_verify_applies_the_policy(run, iris_copy):
    edit(iris_copy, lambda text: text.replace("serialization_format: skops", "x: y"))
    done = run("verify", iris_copy)
    assert done.exit_code == 1
    assert "nobody has signed it" in done.output
    assert run("verify", iris_copy, "--trust", "all").exit_code == 0
    assert "is no trust policy" in run("verify", iris_copy, "--trust", "everything").output


OTHER = "ed25519:" + "A" * 43 + "="


def test_keys(run, keys_home):
    own = run("keys").output
    assert own.startswith("ed25519:")
    assert own.endswith("(yours)\n")
    assert run("keys", "trust", OTHER, "anna").output == f"trusted {OTHER} anna\n"
    assert f"{OTHER} anna\n" in run("keys").output
    listed = json.loads(run("keys", "--json").output)
    assert {"key": OTHER, "name": "anna"} in listed["keyring"]
    assert run("keys", "forget", "anna").output == f"forgot {OTHER} anna\n"
    assert OTHER not in run("keys").output


def test_keys_that_are_none(run, keys_home):
    assert run("keys", "trust", "x").exit_code == 1
    assert run("keys", "forget", "x").exit_code == 1


EXAMPLE = "serving_input_example.json"


def test_predict_a_file(run, iris_folder, tmp_path):
    done = run("predict", "-m", iris_folder, "-i", iris_folder / EXAMPLE)
    assert json.loads(done.output) == {"predictions": [0, 0, 0]}
    run("models", "predict", "-m", iris_folder, "-i", iris_folder / EXAMPLE, "-o", tmp_path / "out")
    assert json.loads((tmp_path / "out").read_text()) == {"predictions": [0, 0, 0]}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_predict_standard_input(run, iris_folder, iris):
    done = run("predict", "-m", iris_folder, input=(iris_folder / EXAMPLE).read_text())
    assert json.loads(done.output) == {"predictions": [0, 0, 0]}
    csv = iris[0][:2].to_csv(index=False)
    done = run("predict", "-m", iris_folder, "-t", "csv", "--no-conda", input=csv)
    assert json.loads(done.output) == {"predictions": [0, 0]}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_predict_tells_the_format_from_the_name(run, iris_folder, iris, tmp_path, suffix):
    path = tmp_path / f"data.{suffix}"
    if suffix == "csv":
        iris[0][:2].to_csv(path, index=False)
    else:
        iris[0][:2].to_parquet(path)
    assert json.loads(run("predict", "-m", iris_folder, "-i", path).output) == {
        "predictions": [0, 0]
    }


def test_predict_leaves_no_output_when_it_fails(run, iris_folder, tmp_path):
    (tmp_path / "in.json").write_text("{}")
    done = run("predict", "-m", iris_folder, "-i", tmp_path / "in.json", "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "exactly one of" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["in.json"]


def test_the_command_is_installed():
    done = subprocess.run(
        [shutil.which("flavorkit", path=str(Path(sys.executable).parent)), "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Commands:" in done.stdout
