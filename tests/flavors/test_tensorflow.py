"""What is special to TensorFlow: modules, SavedModel folders, their signatures, and Keras in it."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

import flavorkit
from flavorkit.descriptor import FILENAME, PYFUNC, ModelDescriptor
from flavorkit.errors import (
    InvalidInputError,
    TrustError,
    UnreadableModelError,
    UnsavableModelError,
)
from flavorkit.flavors.registry import get_flavor
from flavorkit.testing import assert_same
from flavorkit.trust import Evidence, Grant
from tests.flavors.cases import keras as keras_cases
from tests.flavors.cases import tensorflow as cases
from tests.flavors.folders import unsigned
from tests.flavors.scripts import script

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")
pytestmark = [
    pytest.mark.xdist_group("tensorflow"),
    *(pytest.mark.filterwarnings(text) for text in cases.CASE.ignored_warnings),
]

ROWS = cases.ROWS


class Arithmetic(tf.Module):
    """Two functions, neither of which is called ``__call__``."""

    @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32, name="x")])
    def twice(self, x):
        return {"doubled": x * 2}

    @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32, name="x")])
    def half(self, x):
        return {"halved": x / 2}


PAIRS = np.arange(6, dtype="float32").reshape(3, 2)


@pytest.fixture(scope="module")
def arithmetic(tmp_path_factory):
    """A SavedModel folder of two signatures."""
    path = tmp_path_factory.mktemp("tensorflow") / "saved"
    both = Arithmetic()
    tf.saved_model.save(both, path, {"serving_default": both.twice, "other": both.half})
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A module saved by us, without an example."""
    path = tmp_path_factory.mktemp("tensorflow") / "m"
    flavorkit.save_model(cases.modules()["linear"], path)
    return path


def saved(model, path, **options):
    flavorkit.tensorflow.save_model(model, path, **options)
    return flavorkit.load_model(path)


def section(folder, **changes):
    """Change the section of the flavor, as whoever wrote the folder could have."""
    descriptor = yaml.safe_load((folder / FILENAME).read_text())
    found = descriptor["flavors"]["tensorflow"]
    found.update(changes)
    for name in [name for name in found if found[name] is None]:
        del found[name]
    (folder / FILENAME).write_text(yaml.safe_dump(descriptor))
    return folder


def config_of(folder):
    return ModelDescriptor.read(folder).flavors["tensorflow"]


class TestModules:
    def test_the_signature_is_the_models_own_and_needs_no_example(self, folder, tmp_path):
        one = flavorkit.load_model(folder).signature
        assert (
            str(one.inputs.to_dict()[0]["tensor-spec"]) == "{'dtype': 'float32', 'shape': [-1, 4]}"
        )
        many = saved(cases.modules()["sums"], tmp_path / "m").signature
        assert many.inputs.input_names() == ["amount", "count"]
        assert many.outputs.input_names() == ["each", "total"]

    def test_values_become_the_dtype_that_the_function_takes(self, folder):
        loaded = flavorkit.load_model(folder)
        native = flavorkit.tensorflow.load_model(folder)
        assert_same(loaded.predict(np.eye(4, dtype="float32")), native(np.eye(4, dtype="f4")))

    def test_saved_with_signatures_it_has_them(self, tmp_path):
        both = Arithmetic()
        signatures = {"serving_default": both.half}
        loaded = saved(both, tmp_path / "m", saved_model_kwargs={"signatures": signatures})
        assert_same(loaded.predict(PAIRS), PAIRS / 2)

    def test_one_that_cannot_be_called_is_saved_for_its_own_loader(self, tmp_path):
        class Variables(tf.Module):
            def __init__(self):
                super().__init__()
                self.weights = tf.Variable([1.0, 2.0])

        with pytest.warns(UserWarning, match="nothing to predict with"):
            flavorkit.save_model(Variables(), tmp_path / "m")
        assert PYFUNC not in ModelDescriptor.read(tmp_path / "m").flavors
        native = flavorkit.tensorflow.load_model(tmp_path / "m")
        assert native.weights.numpy().tolist() == [1, 2]

    def test_a_frame_of_features_is_one_tensor(self, tmp_path):
        loaded = saved(cases.modules()["doubling"], tmp_path / "m")
        frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "c": [0.0, 0.0], "d": [0.0, 0.0]})
        assert_same(loaded.predict(frame), frame.to_numpy() * 2)

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            (np.ones((2, 3)), r"the model does not take this"),
            (np.array([["a"] * 4]), r"expected float32, got <U1"),
        ],
    )
    def test_what_no_function_was_traced_for_is_the_callers_mistake(self, tmp_path, data, problem):
        loaded = saved(cases.modules()["doubling"], tmp_path / "m")
        with pytest.raises(InvalidInputError, match=problem):
            loaded.predict(data)

    @pytest.mark.parametrize("model", [object(), 3, keras_cases], ids=["object", "int", "module"])
    def test_what_is_no_module_is_refused(self, model, tmp_path):
        with pytest.raises(UnsavableModelError, match=r"TensorFlow cannot write this model"):
            flavorkit.tensorflow.save_model(model, tmp_path / "m")

    def test_a_function_that_a_module_cannot_trace_is_said(self, tmp_path):
        class Broken(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32)])
            def __call__(self, x):
                return {1: x}  # an output needs a name

        with pytest.raises(UnsavableModelError, match=r"TensorFlow cannot write this model"):
            flavorkit.save_model(Broken(), tmp_path / "m")


class TestFolders:
    def test_it_is_named_as_older_mlflow_names_it(self, arithmetic, tmp_path):
        flavorkit.tensorflow.save_model(
            tf_saved_model_dir=str(arithmetic),
            tf_meta_graph_tags=["serve"],
            tf_signature_def_key="other",
            path=str(tmp_path / "m"),
        )
        assert config_of(tmp_path / "m") == {
            "code": None,
            "meta_graph_tags": ["serve"],
            "model_type": "tf1-estimator",
            "saved_model_dir": "tfmodel",
            "signature_def_key": "other",
        }
        found = flavorkit.load_model(tmp_path / "m").predict({"x": PAIRS})
        assert_same(found, {"halved": PAIRS / 2})

    def test_the_function_that_serves_is_the_one_that_predicts(self, arithmetic, tmp_path):
        loaded = saved(arithmetic, tmp_path / "m")
        assert_same(loaded.predict({"x": PAIRS}), {"doubled": PAIRS * 2})
        native = flavorkit.tensorflow.load_model(tmp_path / "m")
        assert sorted(native.signatures) == ["other", "serving_default"]

    def test_a_frame_is_answered_with_a_column_for_each_output(self, tmp_path):
        tf.saved_model.save(cases.modules()["sums"], tmp_path / "saved")
        frame = pd.DataFrame({"amount": [[1.0, 2.0], [3.0, 4.0]], "count": [1, 2]}, index=[5, 6])
        found = saved(tmp_path / "saved", tmp_path / "m", signature=False).predict(frame)
        assert found.index.tolist() == [5, 6]
        assert found["total"].tolist() == [3, 14]
        assert found["each"].tolist() == [[1, 2], [6, 8]]

    def test_a_file_that_is_an_asset_goes_along(self, tmp_path):
        (tmp_path / "words.txt").write_text("a\nb\n")

        class Words(tf.Module):
            def __init__(self, path):
                super().__init__()
                source = tf.lookup.TextFileInitializer(
                    path, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, -1
                )
                self.table = tf.lookup.StaticHashTable(source, -1)

            @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="word")])
            def __call__(self, word):
                return self.table.lookup(word)

        flavorkit.save_model(Words(str(tmp_path / "words.txt")), tmp_path / "m")
        (tmp_path / "words.txt").unlink()
        moved = shutil.move(tmp_path / "m", tmp_path / "moved")
        found = flavorkit.load_model(moved).predict(np.array(["b", "a", "c"]))
        assert found.tolist() == [1, 0, -1]

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            (
                {"tf_signature_def_key": "none"},
                r"no signature 'none', of '(serving_default|other)', ",
            ),
            ({"tf_meta_graph_tags": ["gpu"]}, r"TensorFlow cannot read it back: .*gpu"),
        ],
        ids=["key", "tags"],
    )
    def test_what_is_not_in_it_is_said_when_it_is_saved(
        self, arithmetic, tmp_path, options, problem
    ):
        with pytest.raises(UnsavableModelError, match=problem):
            flavorkit.tensorflow.save_model(arithmetic, tmp_path / "m", **options)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_without_a_program_is_refused(self, tmp_path):
        (tmp_path / "saved").mkdir()
        with pytest.raises(UnsavableModelError, match=r"is no SavedModel: it has no saved_model"):
            flavorkit.tensorflow.save_model(tmp_path / "saved", tmp_path / "m")

    def test_tags_are_for_folders_only(self, tmp_path):
        with pytest.raises(UnsavableModelError, match="is no path of one"):
            flavorkit.tensorflow.save_model(
                cases.modules()["linear"], tmp_path / "m", tf_meta_graph_tags=["serve"]
            )

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            ({"y": PAIRS, "z": PAIRS}, r"'x' is missing"),
            ({"x": np.ones((2, 3), "f4")}, r"'x'.*shape"),
            ({"x": PAIRS.astype(str)}, r"'x'.*(expected|type|str)"),
        ],
    )
    def test_what_does_not_fit_is_the_callers_mistake(self, arithmetic, tmp_path, data, problem):
        flavorkit.tensorflow.save_model(arithmetic, tmp_path / "m", signature=False)
        with pytest.raises(InvalidInputError, match=problem):
            flavorkit.load_model(tmp_path / "m").predict(data)


class TestKeras:
    def test_it_has_the_layout_of_mlflow(self, tmp_path):
        flavorkit.tensorflow.save_model(keras_cases.sequential(), tmp_path / "m")
        data = tmp_path / "m" / "data"
        assert (data / "keras_module.txt").read_text() == "tensorflow.keras"
        assert (data / "save_format.txt").read_text() == "tf"
        assert config_of(tmp_path / "m") == {
            "code": None,
            "data": "data",
            "keras_version": tf.__version__,
            "model_type": "keras",
            "save_format": "tf",
        }

    def test_unnamed_it_is_the_keras_flavors(self, tmp_path):
        flavorkit.save_model(keras_cases.sequential(), tmp_path / "m")
        assert "keras" in ModelDescriptor.read(tmp_path / "m").flavors

    def test_custom_objects_of_the_callers_come_first(self, tmp_path):
        def double(inputs):
            return inputs * 2

        model = keras.Sequential([keras.Input((4,)), keras.layers.Activation(double)])
        flavorkit.tensorflow.save_model(model, tmp_path / "m", custom_objects={"double": double})
        mine = {"custom_objects": {"double": lambda inputs: inputs * 10}}
        native = flavorkit.tensorflow.load_model(tmp_path / "m", keras_model_kwargs=mine)
        assert_same(native.predict_on_batch(ROWS), ROWS * 10, 1e-6)

    def test_hdf5_predicts_and_is_not_compiled(self, tmp_path):
        model = keras_cases.sequential()
        options = {"keras_model_kwargs": {"save_format": "h5"}}
        assert_same(
            saved(model, tmp_path / "m", **options).predict(ROWS),
            model.predict_on_batch(ROWS),
            1e-5,
        )
        assert not flavorkit.tensorflow.load_model(tmp_path / "m").compiled

    def test_keras_on_another_backend_is_for_the_keras_flavor(self, tmp_path, monkeypatch):
        pytest.importorskip("torch")
        (tmp_path / "saving.py").write_text(
            "import keras, flavorkit\nfrom flavorkit.errors import UnsavableModelError\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])\n"
            f"try:\n    flavorkit.tensorflow.save_model(model, {str(tmp_path / 'm')!r})\n"
            "except UnsavableModelError as exc:\n    print(exc)\n"
        )
        monkeypatch.setenv("KERAS_BACKEND", "torch")
        said = script(tmp_path / "saving.py", warnings="ignore")
        assert said == ("Keras runs on torch here; flavorkit.keras.save_model saves its models\n")
        assert not (tmp_path / "m").exists()


class TestFoldersOfOthers:
    def test_without_a_type_it_predicts_by_signature(self, arithmetic, tmp_path):
        flavorkit.tensorflow.save_model(arithmetic, tmp_path / "s")
        copy = section(unsigned(tmp_path / "s", tmp_path / "m"), model_type=None)
        assert_same(
            flavorkit.load_model(copy, trust="all").predict({"x": PAIRS}), {"doubled": PAIRS * 2}
        )

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (lambda saved: (saved / "saved_model.pb").unlink(), r"is no SavedModel"),
            (
                lambda saved: (saved / "saved_model.pb").write_bytes(b"\xff" * 9),
                r"is no SavedModel",
            ),
            (lambda saved: shutil.rmtree(saved / "variables"), r"cannot be loaded"),
            (shutil.rmtree, r"it is not there"),
        ],
        ids=["no program", "another program", "no variables", "no folder"],
    )
    def test_a_broken_one_is_said(self, folder, tmp_path, change, problem):
        copy = unsigned(folder, tmp_path / "m")
        change(copy / "tf2model")
        with pytest.raises(UnreadableModelError, match=problem):
            flavorkit.load_model(copy, trust="all")

    @pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "..\\x", "C:\\x", ""])
    def test_an_asset_outside_is_refused_with_trust_too(self, folder, tmp_path, name):
        from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

        copy = unsigned(folder, tmp_path / "m")
        path = copy / "tf2model" / "saved_model.pb"
        program = SavedModel.FromString(path.read_bytes())
        program.meta_graphs[0].asset_file_def.add(filename=name)
        path.write_bytes(program.SerializeToString())
        with pytest.raises(UnreadableModelError, match="outside of its assets/"):
            flavorkit.load_model(copy, trust="all")
        with pytest.raises(UnsavableModelError, match="outside of its assets/"):
            flavorkit.tensorflow.save_model(copy / "tf2model", tmp_path / "again")


class Reading(tf.Module):
    """Reads a file when it is called, and writes one when it is loaded."""

    def __init__(self, secret, canary):
        super().__init__()
        self.secret, self.canary = secret, canary

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="x")])
    def __call__(self, x):
        tf.io.write_file(self.canary, "ran")
        return tf.fill(tf.shape(x), tf.io.read_file(self.secret))


LOADING = """
import sys
from pathlib import Path
opened = []
sys.addaudithook(lambda event, given: event == "open" and opened.append(str(given[0])))
import flavorkit
from flavorkit.errors import TrustError

folder = sys.argv[1]
for load in (flavorkit.load_model, flavorkit.tensorflow.load_model):
    for trust in (None, "data"):
        try:
            load(folder, trust=trust)
        except TrustError as exc:
            print(exc)
files = {str(path) for path in Path(folder).rglob("*") if path.is_file()}
frameworks = {"google.protobuf", "h5py", "keras", "tensorflow"} & set(sys.modules)
print(sorted(frameworks), [path for path in opened if path.startswith("/etc/")])
"""


class TestWithoutTrust:
    def test_a_program_that_reads_and_writes_files_does_neither(self, tmp_path):
        (tmp_path / "secret").write_text("secret")
        flavorkit.save_model(
            Reading(str(tmp_path / "secret"), str(tmp_path / "canary")), tmp_path / "saved"
        )
        copy = unsigned(tmp_path / "saved", tmp_path / "m")
        (tmp_path / "loading.py").write_text(LOADING)
        *refusals, seen = script(tmp_path / "loading.py", copy).splitlines()
        assert seen == "[] []"
        assert "it holds a SavedModel, a program that can run any" in refusals[0]
        assert not (tmp_path / "canary").exists()
        # That it would do both, once it is trusted:
        found = flavorkit.load_model(copy, trust="all").predict(np.ones(1, "float32"))
        assert found.tolist() == [b"secret"]
        assert (tmp_path / "canary").read_text() == "ran"

    @pytest.mark.parametrize("kind", ["keras", "tf2-module", "tf1-estimator"])
    def test_the_flavor_itself_refuses(self, kind, folder):
        grant = Grant(False, frozenset(), Evidence(folder, "sha256:"), "nobody has signed it")
        config = {"model_type": kind, "saved_model_dir": "tf2model", "data": "tf2model"}
        with pytest.raises(TrustError, match="can run any"):
            get_flavor("tensorflow").load(folder, config, trust=grant)
