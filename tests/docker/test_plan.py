"""What an image is made of: it follows from the model and from what is asked for."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

import flavorkit
from flavorkit import manifest
from flavorkit.docker import plan
from flavorkit.docker.model import PackedModel
from flavorkit.docker.origin import Origin, origin_of
from flavorkit.docker.plan import Options
from flavorkit.docker.recipe import Needs, Sources
from flavorkit.environment.requirements import Requirements
from flavorkit.environment.wheel import OwnWheel
from flavorkit.errors import InvalidArgumentError, NotFoundError, RequirementError
from flavorkit.version import __version__
from tests.tracking.workspace import workspace

__all__ = ["workspace"]

WHEEL = OwnWheel(())


@pytest.fixture
def model(iris_folder):
    return PackedModel.fetch(str(iris_folder))


def recipe_of(model, **options):
    return plan.recipe_of(model, WHEEL, Options(**options))


def of_flavor(model, *flavors):
    descriptor = dataclasses.replace(model.descriptor, flavors={name: {} for name in flavors})
    return dataclasses.replace(model, descriptor=descriptor)


def needing(model, *lines):
    spec = dataclasses.replace(model.spec, requirements=Requirements(lines))
    return dataclasses.replace(model, spec=spec)


def test_it_stands_on_the_python_of_the_model(iris_copy):
    (iris_copy / "python_env.yaml").write_text("python: 3.13.5\n")
    manifest.write(iris_copy, None)
    recipe = recipe_of(PackedModel.fetch(str(iris_copy), "all"))
    assert str(recipe.base) == "python:3.13-slim"
    assert recipe.python == "3.13"
    assert recipe.brings_python is False
    assert recipe.wheel == f"flavorkit-{__version__}-py3-none-any.whl"


def test_without_a_model_it_stands_on_the_python_that_runs():
    recipe = recipe_of(None)
    assert str(recipe.base) == f"python:{recipe.python}-slim"
    assert recipe.digest is None
    assert recipe.needs.model == ()
    assert recipe.needs.own
    assert "FLAVORKIT_TRUST" not in dict(recipe.variables)
    assert set(dict(recipe.labels)) == {
        "io.flavorkit.version",
        "org.opencontainers.image.base.name",
    }


def test_another_base_is_named(model):
    digest = f"registry.example.com/python@sha256:{'0' * 64}"
    recipe = recipe_of(model, base_image=digest, install_python=True)
    assert str(recipe.base) == digest
    assert recipe.brings_python is True
    assert dict(recipe.labels)["org.opencontainers.image.base.name"] == digest


@pytest.mark.parametrize(
    ("extra", "lines", "base"),
    [
        ("pytorch", ["numpy", "torch==2.13.0"], "nvidia/cuda:12.8.1-base-ubuntu24.04"),
        ("tensorflow", ["tensorflow"], "nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04"),
    ],
)
def test_cuda_stands_on_nvidias_image_and_brings_python(model, extra, lines, base):
    recipe = recipe_of(needing(model, *lines), cuda=True)
    assert str(recipe.base) == base
    assert recipe.brings_python is True
    assert str(recipe_of(None, cuda=True, extras=(extra,)).base) == base


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"cuda": True, "base_image": "python:3.11"}, r"name a base image, or ask for CUDA's"),
        ({"cuda": True}, r"CUDA is for tensorflow and torch, and this model needs neither"),
        ({"offline": True}, r"an offline build needs a folder of wheels: --wheels DIR"),
        ({"torch_backend": "cuda"}, r"'cuda' is no build of PyTorch; take one of cpu, cu118,"),
        ({"env": ("FLAVORKIT_TRUST=all",)}, r"FLAVORKIT_TRUST says which model is in the image"),
        ({"env": ("FLAVORKIT_MODEL_URI=/x",)}, r"FLAVORKIT_MODEL_URI says which model is in"),
        ({"netrc": Path("/gone/.netrc")}, r"there is no file /gone/\.netrc to take passwords from"),
    ],
)
def test_what_cannot_be_is_refused(model, options, problem):
    with pytest.raises(InvalidArgumentError, match=problem):
        recipe_of(model, **options)


def test_cuda_without_a_model_needs_an_extra_that_uses_it():
    with pytest.raises(InvalidArgumentError, match=r"these extras bring neither"):
        recipe_of(None, cuda=True)


def test_an_extra_that_flavorkit_does_not_have_is_refused(model):
    with pytest.raises(RequirementError, match=r"flavorkit has no extra nonsense"):
        recipe_of(model, extras=("s3", "nonsense"))


def test_extras_bring_what_they_need(model):
    plain, more = recipe_of(model).needs.own, recipe_of(model, extras=("s3",)).needs.own
    assert set(plain) < set(more)
    assert any(line.startswith("s3fs") for line in more)


def test_the_server_trusts_the_model_in_the_image_and_no_other(model):
    variables = dict(recipe_of(model, env=("HOME=/data", "GREETING=a=b c")).variables)
    assert variables["FLAVORKIT_TRUST"] == model.files.digest
    assert variables["FLAVORKIT_MODEL_URI"] == "/opt/ml/model"
    assert (variables["HOME"], variables["GREETING"]) == ("/data", "a=b c")
    assert list(variables) == sorted(variables)


def test_an_image_without_a_model_may_be_told_whom_to_trust():
    assert dict(recipe_of(None, env=("FLAVORKIT_TRUST=all",)).variables)["FLAVORKIT_TRUST"] == "all"


@pytest.mark.parametrize(
    ("flavor", "packages"),
    [
        ("sklearn", ()),
        ("lightgbm", ("libgomp1",)),
        ("spark", ("default-jre-headless",)),
        ("h2o", ("default-jre-headless",)),
        ("crate", ("r-base-core",)),
    ],
)
def test_a_flavor_brings_the_packages_of_the_system_that_it_needs(model, flavor, packages):
    assert recipe_of(of_flavor(model, flavor)).needs.system == packages


def test_further_packages_of_the_system_come_once_and_in_order(model):
    of_both = of_flavor(model, "lightgbm", "spark")
    asked = ("zlib1g", "libgomp1", "curl=8.0.0-1")
    assert recipe_of(of_both, apt_packages=asked, install_java=True).needs.system == (
        *("curl=8.0.0-1", "default-jre-headless", "libgomp1", "zlib1g"),
    )


def test_an_extra_brings_the_packages_of_its_flavor():
    assert recipe_of(None, extras=("lightgbm",)).needs.system == ("libgomp1",)


def test_java_comes_with_spark_and_when_it_is_asked_for(model):
    java = ("default-jre-headless",)
    assert recipe_of(needing(model, "pyspark==4.0.0")).needs.system == java
    assert recipe_of(model, install_java=True).needs.system == java
    assert recipe_of(None, install_java=True).needs.system == java


def test_hashes_of_the_requirements_are_kept_and_hold_what_comes_after(model):
    line = "torch[extra]==2.13.0 --hash=sha256:" + "0" * 64
    needs = recipe_of(needing(model, line, "mlflow==3.17.2")).needs
    assert needs == Needs(
        model=(line,), pins=("torch==2.13.0",), own=needs.own, has_hashes=True, system=()
    )
    assert recipe_of(model).needs.has_hashes is False


def test_packages_come_from_where_is_asked(model, tmp_path):
    (tmp_path / "lovelace.netrc").touch()
    recipe = recipe_of(
        model,
        index_url="https://pypi.example.com/simple",
        extra_index_urls=("https://more.example.com/simple",),
        wheels=tmp_path,
        offline=True,
        torch_backend="cpu",
        netrc=tmp_path / "lovelace.netrc",
        platform="linux/arm64",
    )
    assert recipe.sources == Sources(
        index="https://pypi.example.com/simple",
        extra_indexes=("https://more.example.com/simple",),
        has_wheels=True,
        is_offline=True,
        torch_backend="cpu",
        has_netrc=True,
    )
    assert recipe.platform == "linux/arm64"
    assert "lovelace" not in repr(recipe)  # it is a secret of the build


def test_labels_say_what_the_model_is(model):
    labels = dict(recipe_of(model, labels=("com.example.team=search",)).labels)
    assert labels["io.flavorkit.model.digest"] == model.files.digest
    assert labels["io.flavorkit.model.flavors"] == "python_function,sklearn"
    assert labels["io.flavorkit.model.id"] == model.descriptor.model_uuid
    assert labels["org.opencontainers.image.created"] == model.created.strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    assert labels["com.example.team"] == "search"
    signature = json.loads(labels["io.flavorkit.model.signature"])
    names = [column["name"] for column in json.loads(signature["inputs"])]
    assert names[0] == "sepal length (cm)"
    assert not {"org.opencontainers.image.version", "io.flavorkit.model.name"} & set(labels)
    assert list(labels) == sorted(labels)


def test_a_label_that_is_given_stands(model):
    labels = dict(recipe_of(model, labels=("org.opencontainers.image.title=mine",)).labels)
    assert labels["org.opencontainers.image.title"] == "mine"


def test_a_signature_that_is_too_long_or_missing_is_left_out(model):
    for signature in (None, huge_signature()):
        descriptor = dataclasses.replace(model.descriptor, signature=signature)
        changed = dataclasses.replace(model, descriptor=descriptor)
        assert "io.flavorkit.model.signature" not in dict(recipe_of(changed).labels)


def huge_signature():
    import pandas as pd

    return flavorkit.infer_signature(pd.DataFrame({f"column {i}": [1.0] for i in range(2000)}))


@pytest.mark.parametrize("key", ["model_id", "run_id", "model_uuid"])
def test_a_model_cannot_write_lines_into_labels(model, key):
    said = {"model_id": None, "run_id": None, key: "x\nRUN id"}
    origin = Origin(run_id=said["run_id"])
    changed = dataclasses.replace(
        model, descriptor=dataclasses.replace(model.descriptor, **said), origin=origin
    )
    with pytest.raises(InvalidArgumentError, match=r"the label \S+ has characters that do not"):
        recipe_of(changed)


def test_equal_models_have_equal_recipes(iris_folder, model):
    assert recipe_of(PackedModel.fetch(str(iris_folder))) == recipe_of(model)


@pytest.fixture
def registered(workspace, iris_model):
    """A run of a commit, whose model is version 2 of "Iris flowers"."""
    client = flavorkit.MlflowClient()
    with flavorkit.start_run(tags={"mlflow.source.git.commit": "c0ffee" * 6}) as run:
        for _ in range(2):
            info = flavorkit.sklearn.log_model(
                iris_model, name="iris", registered_model_name="Iris flowers"
            )
    client.set_registered_model_alias("Iris flowers", "champion", "2")
    return run.info.run_id, info.model_id


def origin_at(uri):
    return PackedModel.fetch(uri).origin


@pytest.mark.parametrize("uri", ["/2", "/latest", "@champion"])
def test_labels_say_what_the_registry_knows(registered, uri):
    model = PackedModel.fetch(f"models:/Iris flowers{uri}")
    recipe = recipe_of(model)
    labels = dict(recipe.labels)
    for key in ("io.flavorkit.model.name", "org.opencontainers.image.title"):
        assert labels[key] == "Iris flowers"
    for key in ("io.flavorkit.model.version", "org.opencontainers.image.version"):
        assert labels[key] == "2"
    assert labels["io.flavorkit.model.run-id"] == registered[0]
    assert labels["org.opencontainers.image.revision"] == "c0ffee" * 6
    assert dict(recipe.variables)["FLAVORKIT_MODEL_NAME"] == "Iris flowers"


def test_labels_are_those_of_the_files_though_an_alias_moves(registered, monkeypatch):
    client, fetch = flavorkit.MlflowClient(), flavorkit.uris.fetch

    def fetch_and_move(uri):
        folder = fetch(uri)
        client.set_registered_model_alias("Iris flowers", "champion", "1")
        return folder

    monkeypatch.setattr("flavorkit.uris.fetch", fetch_and_move)
    assert origin_at("models:/Iris flowers@champion").version == "2"
    assert origin_at("models:/Iris flowers@champion").version == "1"


def test_models_of_runs_and_logged_models_have_no_version(registered):
    run_id, model_id = registered
    expected = Origin("iris", None, run_id, "c0ffee" * 6)
    assert origin_at(f"models:/{model_id}") == expected
    assert origin_at(f"runs:/{run_id}/iris") == expected


def test_a_folder_knows_only_what_it_says_of_itself(registered):
    run_id, model_id = registered
    folder = flavorkit.artifacts.download_artifacts(f"models:/{model_id}")
    assert origin_at(folder) == Origin(run_id=run_id)
    assert origin_at(Path(folder).as_uri()) == Origin(run_id=run_id)


def test_a_model_that_has_no_version_yet_has_a_name(workspace, model):
    flavorkit.MlflowClient().create_registered_model("Iris")
    run_id = model.descriptor.run_id
    assert origin_of("models:/Iris/latest", model.descriptor) == Origin("Iris", run_id=run_id)


def test_a_run_that_is_gone_does_not_keep_the_model_back(registered, monkeypatch):
    store = flavorkit.tracking.defaults.store()

    def get_run(run_id):
        raise NotFoundError(f"there is no run {run_id}")

    monkeypatch.setattr(store, "get_run", get_run)
    assert origin_at("models:/Iris flowers/2") == Origin("Iris flowers", "2", registered[0], None)


@pytest.mark.parametrize("name", ['a "b" $HOME ${PATH} `id`', "模型 😀"])
def test_a_name_of_any_script_is_a_label(workspace, iris_model, name):
    flavorkit.sklearn.log_model(iris_model, name="iris", registered_model_name=name)
    assert (
        dict(recipe_of(PackedModel.fetch(f"models:/{name}/1")).labels)["io.flavorkit.model.name"]
        == name
    )


def test_a_name_that_breaks_lines_is_refused(model):
    changed = dataclasses.replace(model, origin=Origin(name="iris\nRUN id"))
    with pytest.raises(InvalidArgumentError, match=r"the name of the model has characters"):
        recipe_of(changed)


def test_a_model_of_another_scheme_has_no_origin_and_is_packed_all_the_same(
    iris_folder, monkeypatch
):
    """As a third party adds one under the entry point that docs/predict.md names."""
    from flavorkit import uris

    monkeypatch.setitem(uris.BUILTIN, "acme", "tests.docker.test_plan:fetch_acme")
    monkeypatch.setenv("ACME_HOME", str(iris_folder))
    model = PackedModel.fetch("acme://models/iris")
    assert model.origin == Origin(run_id=model.descriptor.run_id)


def fetch_acme(uri, dst):
    return Path(os.environ["ACME_HOME"])
