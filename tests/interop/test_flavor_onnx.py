"""ONNX graphs, saved by MLflow and loaded by us."""

from __future__ import annotations

import numpy as np
import pytest

import flavorkit
from flavorkit.testing import assert_same
from tests.flavors.cases import onnx as cases

pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.xdist_group("onnx")

OPTIONS = {
    "external data": {},
    "one file": {"save_as_external_data": False},
    "a file for each tensor": {"all_tensors_to_one_file": False, "size_threshold": 0},
    "providers": {"onnx_execution_providers": ["CPUExecutionProvider"]},
    "providers with options": {
        "onnx_execution_providers": [("CUDAExecutionProvider", {"device_id": 0})]
    },
    "session options": {
        "onnx_session_options": {
            "graph_optimization_level": 99,
            "intra_op_num_threads": 1,
            "inter_op_num_threads": 1,
            "execution_mode": "sequential",
            "extra_session_config": {"session.intra_op.allow_spinning": "0"},
        }
    },
}


def save(mlflow, model, folder, **options):
    import mlflow.onnx

    options = {"pip_requirements": ["onnx", "onnxruntime"], **options}
    mlflow.onnx.save_model(model, str(folder), **options)
    return folder


@pytest.mark.parametrize("options", OPTIONS)
def test_we_load_theirs(mlflow, tmp_path, options):
    model, images = cases.network()
    expected = cases.of_array(model, images)
    folder = save(mlflow, model, tmp_path / "m", **OPTIONS[options])
    loaded = flavorkit.load_model(folder, trust="data")
    assert_same(loaded.predict(images), expected)
    assert_same(mlflow.pyfunc.load_model(str(folder)).predict(images), expected)
    assert_same(cases.of_array(flavorkit.onnx.load_model(folder), images), expected)


def test_a_frame_gets_the_answer_that_it_gets_there(mlflow, tmp_path):
    model, frame = cases.sklearn_classifier()()
    folder = save(mlflow, model, tmp_path / "m", input_example=frame[:2])
    theirs = mlflow.pyfunc.load_model(str(folder)).predict(frame)
    assert_same(flavorkit.load_model(folder).predict(frame), theirs)
    assert_same(flavorkit.load_model(folder).predict(frame), cases.of_frame(model, frame))


def test_options_that_mlflow_ignores_are_ignored_with_a_warning(mlflow, tmp_path):
    model, images = cases.network()
    options = {"enable_profiling": True, "profile_file_prefix": str(tmp_path / "profile")}
    folder = save(mlflow, model, tmp_path / "m", onnx_session_options=options)
    with pytest.warns(UserWarning, match="cannot ask for enable_profiling, profile_file_prefix"):
        loaded = flavorkit.load_model(folder)
    assert np.asarray(loaded.predict(images)["label"]).shape == (6,)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
