"""What is special to H2O: its cluster, ids, exact columns, MOJO files, clusters that folders name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import flavorkit
from flavorkit.descriptor import ModelDescriptor
from flavorkit.errors import (
    DescriptorError,
    InvalidInputError,
    MissingDependencyError,
    UnreadableModelError,
    UnsavableModelError,
)
from flavorkit.flavors import java_keeper, registry
from flavorkit.flavors.h2o import clusters as h2o_cluster
from flavorkit.trust import Grant
from tests.flavors.cases.h2o import CASE, answer, flowers, in_h2o, trained
from tests.flavors.forging_h2o import write_mojo

pytestmark = [
    pytest.mark.xdist_group("h2o"),
    pytest.mark.skipif(CASE.missing() is not None, reason="H2O or Java is not installed"),
]

MODELS = {model.name: model for model in CASE.models}


@pytest.fixture(scope="module")
def cluster():
    return h2o_cluster.cluster(nthreads=2, max_mem_size="1G")


@pytest.fixture(scope="module")
def folder(cluster, tmp_path_factory):
    path = tmp_path_factory.mktemp("h2o") / "m"
    MODELS["boosting"].save(path)
    return path


@pytest.fixture(scope="module")
def loaded(folder):
    return flavorkit.load_model(folder)


def keys():
    import h2o

    h2o.rapids("(tmp= listed (ls))")
    text = h2o.api("GET /3/DownloadDataset", data={"frame_id": "listed", "hex_string": False})
    h2o.rapids("(rm listed)")
    return set(text.splitlines()) - {'"listed"'}


def load(folder, **config):
    flavor = registry.get_flavor("h2o")
    section = {**ModelDescriptor.read(folder).flavors["h2o"], **config}
    return flavor.load(folder, section, trust=Grant.of_own(folder))


def test_classes_are_what_mlflow_makes_of_them(loaded):
    found = loaded.predict(MODELS["boosting"].data)
    assert found.columns.tolist() == ["predict", "p0", "p1"]
    assert found["predict"].dtype == "int64"
    kinds = MODELS["forest"].answer(MODELS["forest"].data)
    assert kinds.columns.tolist() == ["predict", "high", "low", "mid"]


def test_the_index_of_the_rows_is_kept(loaded):
    data = MODELS["boosting"].data.set_axis(list("abcdefghij"))
    assert loaded.predict(data).index.tolist() == list("abcdefghij")


def test_a_prediction_leaves_nothing_in_the_cluster_or_on_disk(cluster, loaded):
    data = MODELS["boosting"].data
    loaded.predict(data)
    before, files = keys(), set(h2o_cluster.temporary(cluster).parent.iterdir())
    loaded.predict(data)
    assert keys() == before
    assert set(h2o_cluster.temporary(cluster).parent.iterdir()) == files


def test_times_and_their_missing_ones(cluster, tmp_path):
    native, _ = trained(
        "H2OGradientBoostingEstimator", "size", ["day", "x"], ntrees=4, min_rows=1
    )()
    data = flowers()[["day", "x"]][::5].reset_index(drop=True)
    data.loc[3, "day"] = pd.NaT
    flavorkit.save_model(native, tmp_path / "m", signature=False)
    found = flavorkit.load_model(tmp_path / "m").predict(data)
    expected = answer(native, data)
    np.testing.assert_allclose(found["predict"], expected["predict"], rtol=1e-9)
    text = data.assign(day=data.day.dt.strftime("%Y-%m-%d %H:%M:%S"))
    pd.testing.assert_frame_equal(flavorkit.load_model(tmp_path / "m").predict(text), found)


def test_doubles_arrive_to_the_last_bit(cluster):
    from flavorkit.flavors.h2o import scoring as h2o_scoring
    from flavorkit.flavors.h2o.columns import cells_of

    random = np.random.default_rng(0)
    values = random.normal(size=1000) * np.exp2(random.integers(-1020, 1020, 1000))
    values[:8] = [
        5e-324,
        2.2250738585072014e-308,
        1.7976931348623157e308,
        0.1,
        1e22,
        -0.3,
        7,
        1e-310,
    ]
    columns = {
        "double": cells_of(pd.Series(values), "Numeric", None),
        "whole": cells_of(pd.Series(np.arange(1000) - 2**53), "Numeric", None),
    }
    with h2o_scoring._frame(cluster, columns, "exact") as frame:
        text = cluster.request(
            "GET /3/DownloadDataset", data={"frame_id": frame, "hex_string": True}
        )
    rows = [line.split(",") for line in text.splitlines()[1:]]
    assert [float.fromhex(double) for double, _ in rows] == values.tolist()
    assert [int(whole) for _, whole in rows] == list(range(-(2**53), 1000 - 2**53))


def test_names_and_categories_with_any_characters(cluster, tmp_path):
    from h2o.estimators import H2OGeneralizedLinearEstimator

    random = np.random.default_rng(0)
    name, levels = 'a "b"\\ é,', [" lead", "tail ", "li\nne", 'q"', "ü", "NA", "null"]
    column = random.choice(levels, 140)
    worth = {level: place for place, level in enumerate(levels)}
    frame = pd.DataFrame({name: column, "y": [float(worth[level]) for level in column]})
    native = H2OGeneralizedLinearEstimator(lambda_=0.0, model_id="Plain name (1)")
    known = in_h2o(frame[["y"]]).cbind(_exactly(cluster, frame[name]))
    known.names = ["y", name]
    native.train([name], "y", known)
    flavorkit.save_model(native, tmp_path / "m", signature=False)
    found = flavorkit.load_model(tmp_path / "m").predict(pd.DataFrame({name: levels}))
    np.testing.assert_allclose(found["predict"], range(len(levels)), atol=1e-6)


def _exactly(connection, column):
    """A column of categories with every character in it."""
    import h2o

    from flavorkit.flavors.h2o import scoring as h2o_scoring
    from flavorkit.flavors.h2o.columns import cells_of

    h2o_scoring._parse(connection, [cells_of(column, "Enum", ()).values], ["Enum"], "exactly")
    return h2o.get_frame("exactly")


def test_a_column_that_is_missing_is_the_callers_error(folder, tmp_path):
    model = MODELS["boosting"]
    model.save(tmp_path / "m", signature=False, input_example=None)
    loaded = flavorkit.load_model(tmp_path / "m")
    with pytest.raises(InvalidInputError, match=r"takes the columns \['colour'\] too"):
        loaded.predict(model.data.drop(columns="colour"))
    with pytest.raises(InvalidInputError, match="column 'x': expected numbers, got text"):
        loaded.predict(model.data.assign(x="many"))
    unknown = loaded.predict(model.data.assign(colour=None, extra=1))
    assert len(unknown) == len(model.data)


def test_another_model_under_the_same_id_does_not_take_its_place(cluster, tmp_path):
    data = flowers()[["x", "y"]]
    options = {"model_id": "daily"}
    first, _ = trained("H2OGeneralizedLinearEstimator", "size", ["x", "y"], **options)()
    flavorkit.save_model(first, tmp_path / "first", signature=False)
    second, _ = trained("H2ORandomForestEstimator", "size", ["x", "y"], ntrees=1, **options)()
    flavorkit.save_model(second, tmp_path / "second", signature=False)
    loaded = flavorkit.load_model(tmp_path / "second")
    expected = loaded.predict(data)
    with pytest.raises(UnreadableModelError, match=r"another one under 'daily'.*h2o\.remove"):
        flavorkit.load_model(tmp_path / "first")
    pd.testing.assert_frame_equal(loaded.predict(data), expected)


def test_a_broken_file_leaves_the_model_in_the_cluster(folder, loaded, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "m")
    (file,) = (path for path in (copy / "model.h2o").iterdir() if path.name != "h2o.yaml")
    file.write_bytes(file.read_bytes()[:-500])
    before = keys()
    with pytest.raises(UnreadableModelError, match="cannot be loaded"):
        load(copy)
    assert keys() == before
    assert len(loaded.predict(MODELS["boosting"].data)) == 10


def test_clusters_that_the_folder_names_are_not_asked(cluster, folder, tmp_path):
    import h2o

    copy = shutil.copytree(folder, tmp_path / "m")
    settings = copy / "model.h2o" / "h2o.yaml"
    settings.write_text(settings.read_text() + "init:\n  url: http://192.0.2.1:54321\n")
    assert load(copy).native.model_id
    assert h2o.connection() is cluster
    settings.write_text("model_file: ../../../secret\n")
    with pytest.raises(DescriptorError, match="secret"):
        load(copy)
    settings.write_text("[]\n")
    with pytest.raises(UnreadableModelError, match="expected a mapping"):
        load(copy)


def test_settings_are_written_for_mlflow(cluster, tmp_path):
    MODELS["linear"].save(tmp_path / "m", settings={"init": {"nthreads": 2}})
    written = (tmp_path / "m" / "model.h2o" / "h2o.yaml").read_text()
    assert "init:\n  nthreads: 2\n" in written
    assert str(tmp_path) not in written


def test_a_mojo_that_h2o_exports(cluster, tmp_path, monkeypatch):
    from h2o.model import ModelBase

    model = MODELS["linear"]
    monkeypatch.setattr(ModelBase, "download_mojo", lambda self, path: str(write_mojo(path)))
    flavorkit.save_model(model.native, tmp_path / "m", mojo=True)
    data = pd.DataFrame({"x": [1.0, 2.0], "y": [0.0, 1.0]})
    assert flavorkit.load_model(tmp_path / "m").predict(data)["predict"].tolist() == [3.0, 8.0]


def test_a_mojo_that_h2o_does_not_export(cluster, tmp_path, monkeypatch):
    from h2o.model import ModelBase

    def refuse(self, path):
        raise ValueError("MOJO export requires a license")

    monkeypatch.setattr(ModelBase, "download_mojo", refuse)
    with pytest.raises(UnsavableModelError, match="requires a license; save it without mojo=True"):
        flavorkit.save_model(MODELS["linear"].native, tmp_path / "m", mojo=True)


def test_what_cannot_be_written_says_why(cluster, tmp_path):
    from h2o.automl import H2OAutoML
    from h2o.estimators import H2OKMeansEstimator

    (tmp_path / "code.mojo").write_text("class Model {}")
    named, _ = trained("H2OKMeansEstimator", None, ["x", "y"], k=2)()
    named.model_id = "a/b"
    for model, problem in [
        (H2OKMeansEstimator(), r"is not trained; call its train\(\)"),
        (H2OAutoML(project_name="p"), "a H2OAutoML is no model of H2O; save its leader"),
        (in_h2o(flowers()), "a H2OFrame is no model of H2O"),
        (tmp_path / "none.mojo", "there is no file"),
        (tmp_path / "code.mojo", "is no MOJO"),
        (named, "is no name for a file"),
    ]:
        with pytest.raises(UnsavableModelError, match=problem):
            flavorkit.save_model(model, tmp_path / "m")


def test_which_models_may_have_requests_merged(cluster):
    flavor = registry.get_flavor("h2o")
    assert all(flavor.row_wise(MODELS[name].native) for name in ("boosting", "clusters"))
    assert not flavor.row_wise(SimpleNamespace(algo="glrm"))


def test_the_callers_cluster_is_used_while_it_is_there(cluster):
    import h2o

    assert h2o_cluster.cluster() is h2o.connection() is cluster


def test_our_cluster_listens_on_loopback_only_to_those_who_know_its_secret(cluster):
    import requests

    from tests.flavors.test_spark import open_ports

    (own,) = h2o_cluster._started
    (java_process,) = (
        Path(f"/proc/{own.keeper.pid}/task/{own.keeper.pid}/children").read_text().split()
    )
    assert {address[-8:] for address in open_ports(java_process)} == {"0100007F"}
    assert len(open_ports(java_process)) == 1
    assert requests.get(f"{cluster.base_url}/3/Cloud", timeout=60).status_code == 401
    assert own.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"nthreads": 0}, "nthreads is a number from 1 on, got 0"),
        ({"nthreads": "2"}, "nthreads is a number"),
        ({"max_mem_size": "2G -version"}, 'max_mem_size is a size such as "2G"'),
    ],
)
def test_options_of_the_cluster_are_checked(options, problem):
    with pytest.raises(InvalidInputError, match=problem):
        h2o_cluster._options(**{"nthreads": None, "max_mem_size": None, **options})


def test_without_java_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="the h2o flavor needs Java: install Java"):
        h2o_cluster._start(([], []))


def test_a_java_that_does_not_start_it_is_shown(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "java"
    program.write_text("#!/bin/sh\necho this Java is too old\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingDependencyError, match=r"this Java is too old.*install Java 17"):
        h2o_cluster._start(([], []))


DIES = """
import os, subprocess, sys
keeper, folder = sys.argv[1:]
os.mkdir(folder)
command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(3600)"]
kept = subprocess.Popen([sys.executable, keeper, folder, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
kept.stdout.readline()
os.kill(os.getpid(), 9)
"""


def test_what_is_kept_ends_with_its_process_however_that_ends(tmp_path):
    """The keeper and the command hold the error output open until they end."""
    folder = tmp_path / "scratch"
    done = subprocess.run(
        [sys.executable, "-c", DIES, java_keeper.__file__, folder],
        stderr=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == -9
    assert not folder.exists()


ALONE = """
import os, sys, flavorkit
from flavorkit.errors import PredictionError
from flavorkit.flavors.h2o import clusters as h2o_cluster
import pandas as pd
data = pd.read_json(sys.argv[2])
model = flavorkit.load_model(sys.argv[1], model_config={"nthreads": 1, "max_mem_size": "512M"})
model.predict(data)
(own,) = h2o_cluster._started
print(own.folder)
child = os.fork()
if child == 0:
    model.predict(data)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
model.predict(data)
own.keeper.stdin.close()
own.keeper.wait()
try:
    model.predict(data)
except PredictionError as error:
    print(error)
"""


def test_it_leaves_nothing_behind(folder, tmp_path):
    """Neither files nor talk; a fork does not end the cluster, and its end is said."""
    MODELS["boosting"].data.to_json(tmp_path / "rows")
    script = tmp_path / "alone.py"
    script.write_text(ALONE)
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script, folder, tmp_path / "rows"],
        cwd=tmp_path / "empty",
        env={**os.environ, "TMPDIR": str(tmp_path / "empty")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    scratch, ended = done.stdout.splitlines()
    assert not Path(scratch).exists()
    assert "does not answer; load it again" in ended
    assert done.stderr == ""
    assert list((tmp_path / "empty").iterdir()) == []
