"""Predicting in a process of its own, as a check before serving."""

from __future__ import annotations

import json

import pytest

import flavorkit
from flavorkit.errors import PredictionError


def test_data_of_every_kind_is_predicted_on(iris, iris_folder, tmp_path):
    X, _ = iris
    answer = flavorkit.models.predict(iris_folder, X[:2], env_manager="local")
    assert json.loads(answer) == {"predictions": [0, 0]}
    text = X[:2].to_csv(index=False)
    answer = flavorkit.models.predict(
        iris_folder, text, content_type="csv", env_manager="local", trust="data"
    )
    assert json.loads(answer) == {"predictions": [0, 0]}
    (tmp_path / "in.csv").write_text(text)
    written = flavorkit.models.predict(
        iris_folder,
        input_path=tmp_path / "in.csv",
        content_type="csv",
        output_path=tmp_path / "out.json",
        env_manager="local",
    )
    assert written is None
    assert json.loads((tmp_path / "out.json").read_text()) == {"predictions": [0, 0]}


def test_what_does_not_work_is_said(iris, iris_folder):
    X, _ = iris
    with pytest.raises(PredictionError, match="column 'petal width \\(cm\\)' is missing"):
        flavorkit.models.predict(iris_folder, X.iloc[:2, :3], env_manager="local")
    with pytest.raises(TypeError, match="pass either input_data or input_path"):
        flavorkit.models.predict(iris_folder)


def test_code_in_the_working_folder_does_not_run(iris, iris_folder, tmp_path, monkeypatch):
    (tmp_path / "flavorkit.py").write_text("raise SystemExit('the planted code ran')")
    monkeypatch.chdir(tmp_path)
    answer = flavorkit.models.predict(iris_folder, iris[0][:2], env_manager="local")
    assert json.loads(answer) == {"predictions": [0, 0]}
