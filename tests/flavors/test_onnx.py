"""What is special to ONNX: inputs by name and position, settings, tensors in other files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

import flavorkit
from flavorkit import manifest
from flavorkit.descriptor import FILENAME
from flavorkit.errors import (
    InvalidInputError,
    TrustError,
    UnreadableModelError,
    UnsavableModelError,
)
from flavorkit.flavors import onnx as flavor
from flavorkit.testing import assert_same
from tests.flavors.cases import onnx as cases

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.xdist_group("onnx")

FLOAT, INT64, STRING = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.STRING


def identity(*inputs):
    """A model that gives back its inputs, each as ``(type, shape)``."""
    names = [f"in{place}" for place in range(len(inputs))]
    nodes = [onnx.helper.make_node("Identity", [name], [f"{name}_out"]) for name in names]
    return cases.graph(
        nodes,
        [(name, *one) for name, one in zip(names, inputs, strict=True)],
        [(f"{name}_out", one[0], None) for name, one in zip(names, inputs, strict=True)],
    )


def saved(model, path, **options):
    flavorkit.onnx.save_model(model, path, **options)
    return flavorkit.load_model(path)


def edit(folder, **changes):
    """Change the section of the flavor, as whoever wrote the folder could have."""
    descriptor = yaml.safe_load((folder / FILENAME).read_text())
    descriptor["flavors"]["onnx"].update(changes)
    (folder / FILENAME).write_text(yaml.safe_dump(descriptor))
    (folder / manifest.FILENAME).unlink()


@pytest.fixture
def network(tmp_path):
    model, images = cases.network()
    flavorkit.onnx.save_model(model, tmp_path / "m")
    return tmp_path / "m", model, images


def test_the_signature_is_what_the_graph_says(tmp_path):
    model, _ = cases.network()
    signature = saved(model, tmp_path / "m").signature
    assert repr(signature.inputs) == "[Tensor('float64', (-1, 1, 6, 6))]"
    assert repr(signature.outputs) == (
        "['label': Tensor('int64', (-1,)), 'probabilities': Tensor('float32', (-1, 3))]"
    )


def test_the_callers_signature_or_example_comes_first(tmp_path):
    model, images = cases.network()
    exact = flavorkit.infer_signature(images)
    assert saved(model, tmp_path / "a", signature=exact).signature == exact
    by_example = saved(model, tmp_path / "b", input_example=images[:2]).signature
    assert by_example.inputs == exact.inputs
    assert by_example.outputs.is_tensor_spec()
    assert saved(model, tmp_path / "c", signature=False).signature is None


def test_frames_of_doubles_fit_the_signature_of_a_graph_of_floats(tmp_path):
    model, frame = cases.sklearn_classifier(zipmap=False)()
    loaded = saved(model, tmp_path / "m")
    expected = cases.of_array(model, frame)
    assert_same(loaded.predict(frame), expected)
    assert_same(loaded.predict(frame.to_numpy()), expected)
    assert_same(loaded.predict(frame.to_numpy(np.float32)), expected)
    assert_same(loaded.predict({"X": frame.to_numpy()}), expected)
    for request in (
        {"inputs": frame.to_numpy().tolist()},
        {"inputs": {"X": frame.to_numpy().tolist()}},
        {"dataframe_split": json.loads(frame.to_json(orient="split"))},
        {"dataframe_records": json.loads(frame.to_json(orient="records"))},
    ):
        assert_same(loaded.predict_enforced(*loaded.decoder(request)), expected)


def test_inputs_by_name_take_frames_of_columns(tmp_path):
    model, frame = cases.sklearn_columns()
    loaded = saved(model, tmp_path / "m")
    expected = cases.of_columns(model, frame)["variable"]
    assert_same(loaded.predict(frame)["variable"].ravel(), expected)
    records = {"dataframe_records": frame.to_dict("records")}
    assert_same(loaded.predict_enforced(*loaded.decoder(records))["variable"].ravel(), expected)


def test_what_is_no_tensor_of_a_known_shape_makes_no_signature(tmp_path):
    loaded = saved(identity((FLOAT, None)), tmp_path / "m")
    assert loaded.signature is None
    three = np.ones((2, 3, 4), np.float32)
    assert_same(loaded.predict(three), {"in0_out": three})


def test_a_cell_of_the_answer_holds_all_that_an_output_has_for_the_row(tmp_path):
    model, frame = cases.sklearn_classifier(zipmap=False)()
    answer = saved(model, tmp_path / "m", signature=False).predict(frame)
    assert answer["label"].tolist() == [0, 0, 1, 1, 2, 2]
    assert [len(cell) for cell in answer["probabilities"]] == [3] * 6
    model, _ = cases.sklearn_classifier()()
    answer = saved(model, tmp_path / "z", signature=False).predict(frame)
    assert set(answer["output_probability"][0]) == {0, 1, 2}


def test_outputs_of_different_lengths_are_no_frame(tmp_path):
    node = onnx.helper.make_node
    nodes = [node("Identity", ["x"], ["same"]), node("Shape", ["x"], ["shape"])]
    outputs = [("same", FLOAT, [None, 1]), ("shape", INT64, [2])]
    model = cases.graph(nodes, [("x", FLOAT, [None, 1])], outputs)
    loaded = saved(model, tmp_path / "m", signature=False)
    answer = loaded.predict(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    assert_same(answer, {"same": [[1.0], [2.0], [3.0]], "shape": [3, 1]})


BAD = {
    "an input is missing": ({"in0": np.ones((2, 2))}, "input 'in1' is missing .*'in0', 'in1'"),
    "one array for two": (np.ones((2, 2)), r"several inputs \('in0', 'in1'\)"),
    "too wide": (
        {"in0": np.ones((2, 3)), "in1": np.ones((2, 1), int)},
        r"input 'in0': expected the shape \(-1, 2\), got \(2, 3\)",
    ),
    "text": ({"in0": np.array([["a", "b"]]), "in1": np.ones((1, 1), int)}, "expected float32"),
    "objects": (
        {"in0": np.array([["a", 1.0]], object), "in1": np.ones((1, 1), int)},
        "could not convert",
    ),
    "a fraction for an integer": (
        {"in0": np.ones((1, 2)), "in1": np.array([[1.5]])},
        "input 'in1': expected int64, which cannot hold",
    ),
    "too large": (
        {"in0": np.array([[1e300, 0]]), "in1": np.ones((1, 1), int)},
        "input 'in0': overflow",
    ),
    "a frame without a column": (pd.DataFrame({"in0": [1.0]}), "input 'in1' is missing"),
}


@pytest.fixture(scope="module")
def two_inputs(tmp_path_factory):
    path = tmp_path_factory.mktemp("two") / "m"
    return saved(identity((FLOAT, [None, 2]), (INT64, [None, 1])), path, signature=False)


@pytest.mark.parametrize("case", BAD)
def test_data_that_do_not_fit_are_the_callers_mistake(two_inputs, case):
    data, problem = BAD[case]
    with pytest.raises(InvalidInputError, match=problem):
        two_inputs.predict(data)


def test_lists_and_objects_of_numbers_are_numbers(two_inputs):
    answer = two_inputs.predict({"in0": [[1, 2.5]], "in1": np.array([[3]], object)})
    assert_same(answer, {"in0_out": [[1, 2.5]], "in1_out": [[3]]})


def test_text_is_text_and_nothing_else(tmp_path):
    loaded = saved(identity((STRING, [None, 2])), tmp_path / "m", signature=False)
    assert_same(loaded.predict(np.array([["a", "b"]])), {"in0_out": [["a", "b"]]})
    for other in (None, 1.5):
        with pytest.raises(InvalidInputError, match="expected text, got"):
            loaded.predict(pd.DataFrame({"a": ["x"], "b": [other]}, dtype=object))


def test_what_only_the_graph_can_tell_is_the_callers_mistake_too(tmp_path):
    model, data = cases.tensors()
    loaded = saved(model, tmp_path / "m")
    with pytest.raises(InvalidInputError, match="does not run on these data"):
        loaded.predict({**data, "attention_mask": data["attention_mask"][:, :3]})
    with pytest.raises(InvalidInputError, match="out of data bounds"):
        loaded.predict({**data, "input_ids": data["input_ids"] + 1000})


def test_images_stand_in_cells(tmp_path):
    model, images = cases.network()
    loaded = saved(model, tmp_path / "m", signature=False)
    answer = loaded.predict(pd.DataFrame({"image": list(images)}))
    assert_same(answer["label"], cases.of_array(model, images)["label"])


def test_external_data_keep_the_model_that_was_saved(tmp_path):
    model, images = cases.network()
    before = model.SerializeToString()
    flavorkit.onnx.save_model(model, tmp_path / "m", save_as_external_data=True)
    assert model.SerializeToString() == before
    assert (tmp_path / "m" / "model.onnx.data").stat().st_size == 36 * 16 * 4
    native = flavorkit.onnx.load_model(tmp_path / "m")
    assert_same(cases.of_array(native, images), cases.of_array(model, images))


def test_the_native_model_is_there_after_predictions_too(network):
    folder, model, images = network
    loaded = flavorkit.load_model(folder)
    loaded.predict(images)
    assert loaded.get_raw_model() == model


def test_a_model_whose_tensors_are_elsewhere_has_to_be_read_whole(tmp_path):
    model, _ = cases.network()
    onnx.save_model(
        model, tmp_path / "m.onnx", save_as_external_data=True, location="w", size_threshold=0
    )
    half = onnx.load(tmp_path / "m.onnx", load_external_data=False)
    with pytest.raises(UnsavableModelError, match=r"read it with onnx.load\(path\)"):
        flavorkit.onnx.save_model(half, tmp_path / "f")
    flavorkit.onnx.save_model(onnx.load(tmp_path / "m.onnx"), tmp_path / "f")


def test_what_onnxruntime_cannot_run_is_not_saved(tmp_path):
    model = cases.graph(
        [onnx.helper.make_node("NoSuch", ["x"], ["y"])],
        [("x", FLOAT, [None])],
        [("y", FLOAT, [None])],
    )
    with pytest.raises(UnsavableModelError, match=r"onnxruntime cannot run it: .*NoSuch"):
        flavorkit.onnx.save_model(model, tmp_path / "m")
    with pytest.raises(UnsavableModelError, match=r"a str is no onnx.ModelProto"):
        flavorkit.onnx.save_model("model.onnx", tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"onnx_session_options": {"register_custom_ops_library": "x.so"}}, "cannot ask for"),
        ({"onnx_session_options": {"optimized_model_filepath": "/tmp/x"}}, "cannot ask for"),
        ({"onnx_session_options": {"enable_profiling": True}}, "cannot ask for"),
        ({"onnx_session_options": {"intra_op_num_threads": 10**6}}, "no such value"),
        ({"onnx_session_options": {"execution_mode": "both"}}, "no such value"),
        ({"onnx_session_options": {"extra_session_config": {"a": "b"}}}, "cannot ask for a"),
        ({"onnx_session_options": {"extra_session_config": 3}}, "must be a mapping"),
        ({"onnx_execution_providers": ["AzureExecutionProvider"]}, "cannot ask for Azure"),
        ({"onnx_execution_providers": [3]}, "a provider must be a name"),
        (
            {"onnx_execution_providers": [("TensorrtExecutionProvider", {"trt_x": "a.so"})]},
            r"cannot ask for TensorrtExecutionProvider\.trt_x",
        ),
        (
            {"onnx_execution_providers": [("CUDAExecutionProvider", {"device_id": "../x"})]},
            r"cannot ask for CUDAExecutionProvider\.device_id",
        ),
    ],
)
def test_settings_beyond_the_list_are_not_saved(tmp_path, options, problem):
    with pytest.raises(UnsavableModelError, match=problem):
        flavorkit.onnx.save_model(cases.network()[0], tmp_path / "m", **options)


def test_settings_reach_the_session(network, monkeypatch):
    folder, _, _ = network
    options = {
        "intra_op_num_threads": 3,
        "inter_op_num_threads": 2,
        "execution_mode": "PARALLEL",
        "graph_optimization_level": 1,
        "enable_mem_pattern": False,
        "extra_session_config": {"session.intra_op.allow_spinning": 0},
    }
    edit(folder, onnx_session_options=options, providers="CPUExecutionProvider")
    made = []
    original = onnxruntime.InferenceSession

    def watched(*args, **kwargs):
        made.append(original(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(onnxruntime, "InferenceSession", watched)
    flavorkit.load_model(folder)
    (one,) = made
    found = one.get_session_options()
    assert (found.intra_op_num_threads, found.inter_op_num_threads) == (3, 2)
    assert found.execution_mode == onnxruntime.ExecutionMode.ORT_PARALLEL
    assert found.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    assert not found.enable_mem_pattern
    assert found.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert one.get_providers() == ["CPUExecutionProvider"]


def test_what_a_folder_may_not_set_is_ignored_with_a_warning(network, tmp_path, monkeypatch):
    folder, _, images = network
    monkeypatch.chdir(tmp_path)
    harmful = {
        "register_custom_ops_library": "/tmp/evil.so",
        "enable_profiling": True,
        "optimized_model_filepath": str(tmp_path / "written.onnx"),
        "extra_session_config": {"session.model_external_initializers_file_folder_path": "/"},
    }
    edit(folder, onnx_session_options=harmful, providers=["AzureExecutionProvider", "NoSuch"])
    with pytest.warns(UserWarning, match="cannot ask for Azure.*NoSuch.*enable_profiling"):
        loaded = flavorkit.load_model(folder)
    loaded.predict(images)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize(
    "changes",
    [
        {"onnx_session_options": {"intra_op_num_threads": 10**9}},
        {"onnx_session_options": {"intra_op_num_threads": True}},
        {"onnx_session_options": ["intra_op_num_threads"]},
        {"onnx_session_options": {"extra_session_config": {"session.disable_prepacking": "/etc"}}},
        {"providers": 3},
        {"providers": [["CUDAExecutionProvider", "x"]]},
    ],
)
def test_settings_of_another_form_are_refused(network, changes):
    edit(network[0], **changes)
    with pytest.raises(UnreadableModelError, match="cannot be loaded"):
        flavorkit.load_model(network[0])


def test_a_provider_that_fails_leaves_the_cpu(network, monkeypatch):
    folder, _, images = network
    original = onnxruntime.InferenceSession

    def failing(*args, providers, **kwargs):
        if len(providers) > 1:
            raise RuntimeError("no driver")
        return original(*args, providers=providers, **kwargs)

    available = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    monkeypatch.setattr(onnxruntime, "InferenceSession", failing)
    with pytest.warns(UserWarning, match="runs on the CPU: CUDAExecutionProvider.* no driver"):
        loaded = flavorkit.load_model(folder)
    assert loaded.predict(images)["label"].shape == (6,)


def test_an_onnxruntime_that_checks_nothing_takes_trust(network, monkeypatch):
    folder, _, images = network
    unsigned = shutil.copytree(folder, folder.parent / "unsigned")
    (unsigned / manifest.FILENAME).unlink()
    monkeypatch.setattr(flavor.metadata, "version", lambda package: "1.26.1")
    with pytest.raises(TrustError, match=r"onnxruntime 1\.26\.1 .* can run code \(1\.27"):
        flavorkit.load_model(unsigned)
    assert flavorkit.load_model(folder).predict(images)


FRESH = """
import sys, flavorkit
flavorkit.onnx, flavorkit.load_model
from flavorkit.flavors.registry import all_flavors
all_flavors()
print(sorted({"onnx", "onnxruntime"} & {*sys.modules}))
"""


def test_nothing_is_imported_before_it_is_needed():
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
