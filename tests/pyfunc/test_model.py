"""One predict for every model, and what is known of each."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from sklearn.linear_model import LinearRegression

import flavorkit
from flavorkit import manifest, uris
from flavorkit.errors import IntegrityError, InvalidInputError, NotFoundError, TrustError
from flavorkit.trust.keys import Key, trust_key


@pytest.fixture(scope="module")
def loaded(iris_folder):
    return flavorkit.load_model(iris_folder)


def test_what_is_known_of_it(loaded, iris_folder, iris_model):
    assert loaded.digest == manifest.verify(iris_folder).digest
    assert loaded.flavor.name == "sklearn"
    assert loaded.loader_module == "mlflow.sklearn"
    assert loaded.model_id is None
    assert loaded.metadata.model_uuid in repr(loaded)
    assert type(loaded.get_raw_model()) is type(iris_model)
    assert len(loaded.input_schema) == 4
    assert loaded.params_schema is None


def test_polars_and_arrow_predict_like_pandas(loaded, iris):
    X, _ = iris
    expected = loaded.predict(X).tolist()
    columns = {name: X[name].to_numpy() for name in X}
    assert loaded.predict(pl.DataFrame(columns)).tolist() == expected
    assert loaded.predict(pa.table(columns)).tolist() == expected


def test_parameters_that_nobody_declared_are_ignored_with_a_warning(loaded, iris):
    problem = (
        r"parameters \['k'\] are not in the model's signature .* input_example=\(data, params\)"
    )
    with pytest.warns(UserWarning, match=problem):
        loaded.predict(iris[0][:1], params={"k": 1})


def test_without_a_signature_data_goes_through_as_it_is(tmp_path):
    model = LinearRegression().fit(scipy.sparse.csr_matrix(np.eye(3)), [1, 2, 3])
    flavorkit.save_model(model, tmp_path / "m")
    loaded = flavorkit.load_model(tmp_path / "m")
    sparse = scipy.sparse.csr_matrix(np.eye(3))
    np.testing.assert_array_equal(loaded.predict(sparse), model.predict(sparse))
    np.testing.assert_array_equal(loaded.predict([[1, 0, 0]]), model.predict([[1, 0, 0]]))
    table = pa.table({"a": [1.0], "b": [0.0], "c": [0.0]})
    with pytest.warns(UserWarning, match="X has feature names"):
        np.testing.assert_array_equal(loaded.predict(table), model.predict(sparse[:1]))
    with pytest.raises(InvalidInputError, match="expected a frame, a table"):
        loaded.predict(object())


def test_many_threads_get_the_answers_to_their_own_rows(loaded, iris):
    X, _ = iris
    expected = loaded.predict(X)
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(
            lambda row: loaded.predict(X.iloc[row : row + 1])[0], list(range(150)) * 3
        )
        assert list(answers) == expected.tolist() * 3


@pytest.mark.parametrize(
    "form", [str, lambda path: path, lambda path: path.as_uri(), lambda p: f"file:{p}"]
)
def test_folders_and_file_uris(iris_folder, form):
    assert flavorkit.load_model(form(iris_folder)).digest


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("nowhere", "there is no model folder at nowhere"),
        ("file:///nowhere", "there is no model folder at /nowhere"),
        ("file://elsewhere/x", "names the machine 'elsewhere'"),
        ("ftp://x/y", "ftp://x/y: models are fetched from a path or a URI that starts with abfs:"),
        ("simplecache::file:///etc/passwd", "models are fetched from|no model folder"),
    ],
)
def test_what_is_nowhere_is_not_found(uri, problem):
    with pytest.raises(NotFoundError, match=problem):
        flavorkit.load_model(uri)


def test_schemes_can_be_added(monkeypatch, iris_folder):
    from importlib.metadata import EntryPoint

    points = [
        EntryPoint("mem", "tests.pyfunc.test_model:fetch_from_memory", uris.ENTRY_POINT_GROUP)
    ]
    monkeypatch.setattr(uris, "entry_points", lambda group: points)
    IN_MEMORY["x"] = iris_folder
    assert flavorkit.load_model("mem:x").digest


IN_MEMORY: dict = {}


def fetch_from_memory(uri, dst):
    import sys

    return sys.modules["tests.pyfunc.test_model"].IN_MEMORY[uri.removeprefix("mem:")]


SIGNED_BY_ANOTHER = """
import sys, flavorkit
from sklearn.preprocessing import FunctionTransformer
from tests.flavors.custom import halve
import warnings; warnings.simplefilter("ignore")
flavorkit.save_model(FunctionTransformer(halve), sys.argv[1], serialization_format="cloudpickle")
from flavorkit.trust import signing_key
print(signing_key(create=False).public_key)
"""


@pytest.fixture
def from_another(tmp_path, keys_home):
    """A pickle that somebody else has saved and signed, and their key."""
    import os

    done = subprocess.run(
        [sys.executable, "-c", SIGNED_BY_ANOTHER, str(tmp_path / "m")],
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "another")},
        capture_output=True,
        text=True,
        check=True,
    )
    return tmp_path / "m", done.stdout.strip()


def test_a_strangers_pickle_is_refused_until_their_key_is_trusted(from_another):
    folder, key = from_another
    with pytest.raises(TrustError, match="is not in your keyring"):
        flavorkit.load_model(folder)
    trust_key(Key(key, "another"))
    assert flavorkit.load_model(folder).predict(np.array([[2.0]])).tolist() == [[1.0]]


def test_a_forged_copy_of_a_trusted_model_is_refused(from_another):
    folder, key = from_another
    trust_key(Key(key, "another"))
    (folder / "model.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(IntegrityError, match=r"model\.pkl"):
        flavorkit.load_model(folder)
    resigned = manifest.Manifest(manifest.write(folder, None).files, key, "A" * 86 + "==")
    (folder / "manifest.json").write_text(manifest._to_json(resigned))
    for trust in (None, "all", resigned.digest):
        with pytest.raises(IntegrityError, match="signature in its manifest was not made by"):
            flavorkit.load_model(folder, trust=trust)


def test_a_signature_does_not_fit_another_folder(from_another, iris_copy):
    folder, key = from_another
    trust_key(Key(key, "another"))
    shutil.copy(folder / "manifest.json", iris_copy / "manifest.json")
    with pytest.raises(IntegrityError, match="is not the model that was saved"):
        flavorkit.load_model(iris_copy)


def test_fewer_rights_by_the_environment(iris_folder, from_another, monkeypatch):
    monkeypatch.setenv("FLAVORKIT_TRUST", "data")
    flavorkit.load_model(iris_folder)
    with pytest.raises(TrustError, match="allows data only"):
        flavorkit.load_model(from_another[0])
