"""Frameworks that do not read OMP_NUM_THREADS keep to it all the same."""

from __future__ import annotations

import pytest

import flavorkit
from flavorkit.flavors import threads
from tests.flavors.cases import catboost as catboost_cases
from tests.flavors.cases import onnx as onnx_cases


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("1", 1),
        ("8", 8),
        ("4,2", 4),
        (" 3 ", 3),
        ("", None),
        ("0", None),
        ("-1", None),
        ("x", None),
    ],
)
def test_what_the_variable_says(monkeypatch, value, allowed):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert threads.allowed() == allowed


@pytest.mark.parametrize(("value", "count"), [("1", 1), ("", 0)])
def test_onnxruntime(monkeypatch, tmp_path, value, count):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    model = onnx_cases.CASE.models[0]
    model.save(tmp_path / "m", flavor="onnx")
    made, original = [], onnxruntime.InferenceSession

    def watched(*args, **kwargs):
        made.append(original(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(onnxruntime, "InferenceSession", watched)
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    flavorkit.load_model(tmp_path / "m")
    assert made[0].get_session_options().intra_op_num_threads == count


@pytest.mark.parametrize(("value", "count"), [("1", 1), ("", -1)])
def test_catboost(monkeypatch, value, count):
    pytest.importorskip("catboost")
    from flavorkit.flavors.catboost import Catboost

    model, rows = catboost_cases.fitted("CatBoostRegressor")()
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    predict = Catboost().predictor(model, {})
    asked, original = [], model.predict

    def watched(data, **options):
        asked.append(options["thread_count"])
        return original(data, **options)

    monkeypatch.setattr(model, "predict", watched)
    predict(rows, {})
    assert asked == [count]
