"""What is special to Keras: named inputs and outputs, classes of one's own, backends, safe mode."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import threading
import zipfile
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

import flavorkit
from flavorkit.descriptor import FILENAME, PYFUNC, ModelDescriptor
from flavorkit.errors import (
    DescriptorError,
    InvalidInputError,
    MissingDependencyError,
    TrustError,
    UnreadableModelError,
    UnsavableModelError,
)
from flavorkit.flavors.keras import call as keras_call
from flavorkit.flavors.registry import get_flavor
from flavorkit.testing import assert_same
from flavorkit.trust import Evidence, Grant
from tests.flavors.cases import keras as cases
from tests.flavors.folders import unsigned
from tests.flavors.scripts import script

pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")
pytestmark = [
    pytest.mark.xdist_group("keras"),
    *(pytest.mark.filterwarnings(text) for text in cases.CASE.ignored_warnings),
    # Of models that are compiled and not trained.
    pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer"),
]

ROWS = cases.ROWS


@pytest.fixture(scope="module")
def network():
    return cases.sequential()


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "m"
    flavorkit.save_model(network, path, input_example=ROWS[:2])
    return path


def saved(model, path, **options):
    """The model, saved without a signature and loaded again."""
    flavorkit.keras.save_model(model, path, **options)
    return flavorkit.load_model(path)


def section(folder, **changes):
    """Change the section of the flavor, as whoever wrote the folder could have."""
    descriptor = yaml.safe_load((folder / FILENAME).read_text())
    descriptor["flavors"]["keras"].update(changes)
    (folder / FILENAME).write_text(yaml.safe_dump(descriptor))
    return folder


def by_name():
    """Two inputs and two outputs, in dicts that are in no order."""
    keras.utils.set_random_seed(0)
    inputs = {name: keras.Input((width,), name=name) for name, width in (("b", 2), ("a", 3))}
    joined = keras.layers.Concatenate()([inputs["a"], inputs["b"]])
    return keras.Model(
        inputs, {"z": keras.layers.Dense(1)(inputs["a"]), "y": keras.layers.Dense(2)(joined)}
    )


NAMED = {"a": np.ones((3, 3), "float32"), "b": np.zeros((3, 2), "float32")}


class TestInputsAndOutputs:
    def test_dicts_of_inputs_and_outputs_keep_their_names(self, tmp_path):
        model = by_name()
        found = saved(model, tmp_path / "m").predict({"b": NAMED["b"], "a": NAMED["a"]})
        expected = model.predict_on_batch(NAMED)
        assert sorted(found) == ["y", "z"]
        assert_same(found, {name: expected[name] for name in found}, 1e-6)

    def test_inputs_in_a_list_are_given_by_their_names(self, tmp_path):
        model = cases.functional()
        loaded = saved(model, tmp_path / "m")
        both = [cases.NAMED["left"], cases.NAMED["right"]]
        found = loaded.predict(dict(reversed(cases.NAMED.items())))
        assert_same(found, model.predict_on_batch(both), 1e-6)

    def test_a_frame_has_a_column_of_lists_for_each_input(self, tmp_path):
        model = cases.functional()
        frame = pd.DataFrame({name: list(rows) for name, rows in cases.NAMED.items()})
        found = saved(model, tmp_path / "m").predict(frame)
        assert_same(found[0], model.predict_on_batch(list(cases.NAMED.values()))[:, 0], 1e-6)

    def test_a_frame_is_answered_with_a_frame_of_its_index(self, network, tmp_path):
        frame = pd.DataFrame(ROWS, index=range(7, 13))
        found = saved(network, tmp_path / "m").predict(frame)
        assert found.index.tolist() == list(range(7, 13))
        assert found.shape == (6, 3)

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            ({"a": NAMED["a"]}, r"'b' is missing \(the model takes 'b', 'a' by name\)"),
            ({"a": NAMED["b"], "b": NAMED["b"]}, r"'a': expected the shape \(None, 3\), got"),
            ({"a": NAMED["a"].astype(str), "b": NAMED["b"]}, r"'a': expected float32, got <U"),
            (NAMED["a"], r"'b' is missing.*'a' is missing"),
            (pd.DataFrame({"a": [[1.0], [1.0, 2.0]], "b": [[1.0, 1.0]] * 2}), r"differ in length"),
        ],
    )
    def test_what_does_not_fit_an_input_is_the_callers_mistake(self, tmp_path, data, problem):
        with pytest.raises(InvalidInputError, match=problem):
            saved(by_name(), tmp_path / "m").predict(data)

    def test_any_number_of_rows_is_answered_in_batches(self, network, folder, monkeypatch):
        monkeypatch.setattr(keras_call, "_BATCH_BYTES", 640)
        monkeypatch.setattr(keras_call, "_BATCH_ROWS", (2, 40))
        many = np.random.default_rng(1).random((203, 4)).astype("float32")
        found = flavorkit.load_model(folder).predict(many)
        assert_same(found, network.predict(many, verbose=0), 1e-5)

    def test_batch_size_is_a_parameter_and_so_is_what_else_predict_takes(self, network, tmp_path):
        example = (ROWS[:2], {"batch_size": 2, "verbose": 0})
        loaded = saved(network, tmp_path / "m", input_example=example)
        assert_same(loaded.predict(ROWS), network.predict_on_batch(ROWS), 1e-5)

    @pytest.mark.parametrize("size", [0, -1])
    def test_a_batch_of_no_rows_is_the_callers_error(self, network, tmp_path, size):
        loaded = saved(network, tmp_path / "m", input_example=(ROWS[:2], {"batch_size": 2}))
        with pytest.raises(InvalidInputError, match="batch_size must be a whole number from 1 on"):
            loaded.predict(ROWS, {"batch_size": size})

    def test_dropout_is_off(self, tmp_path):
        loaded = saved(cases.convolution(), tmp_path / "m")
        images = np.random.default_rng(0).random((5, 8, 8, 1)).astype("float32")
        assert_same(loaded.predict(images), loaded.predict(images))


def own():
    """Classes and functions that no module has."""

    @keras.saving.register_keras_serializable(package="tests")
    class Registered(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 3

    class OwnMetric(keras.metrics.Mean):
        pass

    def double(inputs):
        return inputs * 2

    def own_loss(target, found):
        return keras.ops.mean((target - found) ** 2)

    return SimpleNamespace(**locals())


LOADING = """
import sys
import numpy as np
import flavorkit

print(flavorkit.load_model(sys.argv[1]).predict(np.ones((1, 4), "float32")).tolist()[0][0])
"""


class TestOwnClasses:
    def test_they_go_along_to_a_process_that_has_none_of_them(self, tmp_path):
        mine = own()
        layers = [mine.Registered(), keras.layers.Dense(1, mine.double, kernel_initializer="ones")]
        model = keras.Sequential([keras.Input((4,)), *layers])
        model.compile("adam", mine.own_loss, metrics=[mine.OwnMetric()])
        flavorkit.save_model(model, tmp_path / "m")
        (tmp_path / "other.py").write_text(LOADING)
        assert float(script(tmp_path / "other.py", tmp_path / "m", warnings="ignore")) == 24

    def test_the_callers_come_before_those_in_the_folder(self, tmp_path):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Activation(own().double)])
        flavorkit.save_model(model, tmp_path / "m")
        mine = {"double": lambda inputs: inputs * 10}
        loaded = flavorkit.keras.load_model(tmp_path / "m", custom_objects=mine)
        assert loaded.predict_on_batch(ROWS[:1])[0] == pytest.approx(ROWS[0] * 10)

    def test_a_model_with_them_goes_through_our_loader_and_others_through_mlflows(
        self, folder, tmp_path
    ):
        def loader(path):
            return ModelDescriptor.read(path).flavors[PYFUNC]["loader_module"]

        flavorkit.save_model(cases.own_layer(), tmp_path / "own")
        flavorkit.save_model(cases.own_function(), tmp_path / "lambda")
        assert loader(folder) == "mlflow.keras"
        assert loader(tmp_path / "own") == loader(tmp_path / "lambda") == "flavorkit.mlflow_loader"

    def test_what_cannot_be_pickled_is_said(self, tmp_path):
        lock = threading.Lock()

        class Locked(keras.layers.Layer):
            def call(self, inputs):
                with lock:
                    return inputs * 1

        with pytest.raises(UnsavableModelError, match=r"uses Locked, which cloudpickle cannot"):
            flavorkit.save_model(keras.Sequential([keras.Input((4,)), Locked()]), tmp_path / "m")

    def test_what_cannot_be_found_can_be_named(self, tmp_path):
        double = own().double

        class Hidden(keras.layers.Layer):
            def __init__(self, function, **options):
                super().__init__(**options)
                self.apply = lambda inputs: function(inputs)  # noqa: PLW0108

            def get_config(self):
                function = keras.saving.serialize_keras_object(double)
                return {**super().get_config(), "function": function}

            @classmethod
            def from_config(cls, config):
                function = keras.saving.deserialize_keras_object(config.pop("function"))
                return cls(function, **config)

            def call(self, inputs):
                return self.apply(inputs)

        model = keras.Sequential([keras.Input((4,)), Hidden(double)])
        with pytest.raises(UnsavableModelError, match=r"custom_objects=\{name: class\}"):
            flavorkit.save_model(model, tmp_path / "m")
        assert list(tmp_path.iterdir()) == []
        loaded = saved(model, tmp_path / "m", custom_objects={"double": double})
        assert_same(loaded.predict(ROWS), ROWS * 2)

    def test_a_lambda_needs_no_safe_mode_of_keras_once_code_is_trusted(self, tmp_path):
        flavorkit.save_model(cases.own_function(), tmp_path / "m")
        flavorkit.keras.load_model(tmp_path / "m")
        with pytest.raises(UnreadableModelError, match="Lambda"):
            flavorkit.keras.load_model(tmp_path / "m", load_model_kwargs={"safe_mode": True})


class TestTraining:
    def test_the_optimizer_comes_back_and_training_goes_on(self, network, folder):
        loaded = flavorkit.keras.load_model(folder)
        assert int(loaded.optimizer.iterations) == int(network.optimizer.iterations) == 1
        loaded.fit(ROWS, ROWS[:, :3], verbose=0)

    def test_uncompiled_if_asked_for(self, folder):
        loaded = flavorkit.keras.load_model(folder, load_model_kwargs={"compile": False})
        assert not loaded.compiled

    def test_exported_it_predicts_without_its_classes_and_is_no_keras_model(self, tmp_path):
        model = by_name()
        flavorkit.keras.save_model(model, tmp_path / "m", save_exported_model=True)
        assert_same(
            flavorkit.load_model(tmp_path / "m").predict(NAMED),
            dict(sorted(model.predict_on_batch(NAMED).items())),
            1e-5,
        )
        native = flavorkit.keras.load_model(tmp_path / "m")
        assert not isinstance(native, keras.Model)
        assert native.serve(NAMED)["z"].shape == (3, 1)


class TestErrors:
    def test_a_layer_is_no_model(self, tmp_path):
        with pytest.raises(UnsavableModelError, match="can be put into a Sequential"):
            flavorkit.save_model(keras.layers.Dense(2), tmp_path / "m")

    @pytest.mark.parametrize("options", [{}, {"save_exported_model": True}], ids=str)
    def test_a_model_without_weights_would_come_back_with_others(self, tmp_path, options):
        with pytest.raises(UnsavableModelError, match="no weights yet: call it on a batch"):
            flavorkit.save_model(
                keras.Sequential([keras.layers.Dense(2)]), tmp_path / "m", **options
            )

    def test_what_keras_cannot_write_is_said(self, network, tmp_path):
        with pytest.raises(UnsavableModelError, match=r"cannot write this model.*nope"):
            flavorkit.keras.save_model(network, tmp_path / "m", save_model_kwargs={"nope": 1})

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (lambda data: (data / "model.keras").unlink(), r"neither model\.keras nor model\.h5"),
            (
                lambda data: (data / "model.keras").write_bytes(b"PK"),
                r"model\.keras cannot be load",
            ),
            (shutil.rmtree, r"it is not there"),
        ],
        ids=["no file", "no archive", "no folder"],
    )
    def test_a_broken_folder_is_said(self, folder, tmp_path, change, problem):
        copy = unsigned(folder, tmp_path / "m")
        change(copy / "data")
        with pytest.raises(UnreadableModelError, match=problem):
            flavorkit.load_model(copy, trust="all")

    def test_the_data_stays_in_the_folder(self, folder, tmp_path):
        copy = section(unsigned(folder, tmp_path / "m"), data="../m/data")
        with pytest.raises(DescriptorError, match=r"\.\."):
            flavorkit.load_model(copy, trust="all")


BACKEND = """
import sys
from pathlib import Path
import numpy as np
import flavorkit

folder, action = sys.argv[1:]
rows = np.linspace(0, 1, 8, dtype="float32").reshape(2, 4)
if action == "save":
    import keras
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    flavorkit.save_model(model, folder, input_example=rows)
    print(Path(folder, "requirements.txt").read_text())
loaded = flavorkit.load_model(folder)
print(flavorkit.keras.load_model(folder).count_params())
answer = loaded.predict(rows)
assert type(answer) is np.ndarray, type(answer)
import keras
print(keras.backend.backend(), answer.round(4).tolist())
"""


@pytest.fixture
def on_backend(tmp_path, monkeypatch):
    """Runs the script above in a process of its own, with a backend chosen or not."""
    (tmp_path / "backend.py").write_text(BACKEND)

    def run(backend, folder, action):
        if backend is None:
            monkeypatch.delenv("KERAS_BACKEND", raising=False)
        else:
            monkeypatch.setenv("KERAS_BACKEND", backend)
        path = tmp_path / "backend.py"
        return script(path, folder, action, warnings="ignore").splitlines()  # of Keras's own

    return run


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
class TestBackends:
    def test_a_model_loads_on_the_backend_it_was_saved_with_and_on_others(
        self, on_backend, tmp_path
    ):
        *needed, first = on_backend("torch", tmp_path / "m", "save")
        assert first.startswith("torch ")
        assert any(line.startswith("torch==") for line in needed)
        assert not any(line.startswith("tensorflow") for line in needed)
        assert ModelDescriptor.read(tmp_path / "m").flavors["keras"]["keras_backend"] == "torch"
        assert on_backend(None, tmp_path / "m", "load")[-1] == first
        assert on_backend("tensorflow", tmp_path / "m", "load")[-1] == first.replace(
            "torch", "tensorflow"
        )

    def test_a_model_of_tensorflow_predicts_the_same_on_torch(self, on_backend, network, folder):
        rows = np.linspace(0, 1, 8, dtype="float32").reshape(2, 4)
        backend, answer = on_backend("torch", folder, "load")[-1].split(maxsplit=1)
        assert backend == "torch"
        assert_same(json.loads(answer), network.predict_on_batch(rows), 1e-3)


def test_a_backend_that_is_not_installed_is_named(folder, tmp_path):
    copy = section(unsigned(folder, tmp_path / "m"), keras_backend="jax")
    if find_spec("jax") is None:
        (tmp_path / "loading.py").write_text(
            f"import flavorkit\nfrom flavorkit.errors import {MissingDependencyError.__name__}\n"
            f"try:\n    flavorkit.load_model({str(copy)!r}, trust='all')\n"
            "except MissingDependencyError as exc:\n    print(exc)\n"
        )
        assert "a model of Keras on jax" in script(tmp_path / "loading.py")
    # Keras runs here, on what it runs on.
    assert_same(flavorkit.load_model(copy, trust="all").predict(ROWS).shape, (6, 3))


def test_a_model_that_only_its_own_backend_reads_says_so(folder, tmp_path):
    copy = section(unsigned(folder, tmp_path / "m"), keras_backend="torch")
    (copy / "data" / "model.keras").write_bytes(b"PK")
    with pytest.raises(UnreadableModelError, match=r"KERAS_BACKEND=torch it may load"):
        flavorkit.load_model(copy, trust="all")


class TestWithoutTrust:
    @pytest.mark.parametrize("exported", [False, True])
    def test_the_flavor_itself_refuses(self, folder, exported):
        grant = Grant(False, frozenset(), Evidence(folder, "sha256:"), "nobody has signed it")
        config = {"data": "data", "save_exported_model": exported}
        with pytest.raises(TrustError, match="can run any"):
            get_flavor("keras").load(folder, config, trust=grant)

    def test_a_refusal_imports_no_framework(self, folder, tmp_path):
        copy = unsigned(folder, tmp_path / "m")
        (tmp_path / "loading.py").write_text(
            "import sys\nimport flavorkit\nfrom flavorkit.errors import TrustError\n"
            "for load in (flavorkit.load_model, flavorkit.keras.load_model):\n"
            f"    try:\n        load({str(copy)!r})\n"
            "    except TrustError as exc:\n        print(exc)\n"
            "print(sorted({'keras', 'tensorflow', 'torch', 'h5py'} & set(sys.modules)))\n"
        )
        *refusals, imported = script(tmp_path / "loading.py").splitlines()
        assert imported == "[]"
        assert "can run any code when they are built" in refusals[0]


def changed(folder, path, change, **members):
    """The folder with another configuration in its ``.keras`` file, and with more members."""
    copy = unsigned(folder, path)
    file = copy / "data" / "model.keras"
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    change(config)
    parts["config.json"] = json.dumps(config).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in {**parts, **members}.items():
            archive.writestr(name, content)
    file.write_bytes(buffer.getvalue())
    return copy


class TestWithTrust:
    """Code may run now; what needs none still does no harm."""

    def test_a_member_with_a_path_out_of_the_archive_writes_nothing_there(self, folder, tmp_path):
        copy = changed(
            folder,
            tmp_path / "m",
            lambda config: None,
            **{"../../../escaped": b"x", "assets/../../../../escaped": b"x", "/tmp/x/../esc": b"x"},
        )
        before = set(tmp_path.rglob("*"))
        with contextlib.suppress(UnreadableModelError):
            flavorkit.load_model(copy, trust="all")
        assert set(tmp_path.rglob("*")) == before
        assert not list(tmp_path.parent.glob("esc*"))

    def test_weights_in_another_file_are_not_read(self, folder, tmp_path):
        h5py = pytest.importorskip("h5py")
        with h5py.File(tmp_path / "elsewhere.h5", "w") as file:
            file["secret"] = np.full((4, 8), 7.0)
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            for number, name in enumerate(("dense", "dense_1")):
                group = file.create_group(f"layers/{name}/vars")
                group["0"] = h5py.ExternalLink(str(tmp_path / "elsewhere.h5"), "/secret")
                group["1"] = np.zeros((8, 3)[number])
        weights = {"model.weights.h5": buffer.getvalue()}
        copy = changed(folder, tmp_path / "m", lambda config: None, **weights)
        with pytest.raises(UnreadableModelError, match=r"xternal|link"):
            flavorkit.load_model(copy, trust="all")

    def test_a_configuration_of_any_depth_is_an_error_of_its_own(self, folder, tmp_path):
        copy = unsigned(folder, tmp_path / "m")
        with zipfile.ZipFile(copy / "data" / "model.keras", "w") as archive:
            archive.writestr("config.json", "[" * 100_000 + "]" * 100_000)
            archive.writestr("metadata.json", "{}")
        with pytest.raises(UnreadableModelError, match="RecursionError"):
            flavorkit.load_model(copy, trust="all")


def test_threads_share_a_model(network, folder):
    from concurrent.futures import ThreadPoolExecutor

    loaded = flavorkit.load_model(folder)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda size: loaded.predict(ROWS[:size]), [1, 2, 3, 4, 5, 6] * 10))
    for answer in found:
        assert_same(answer, network.predict_on_batch(ROWS[: len(answer)]), 1e-5)
