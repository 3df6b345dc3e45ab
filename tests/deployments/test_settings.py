"""What settings may be, and what becomes of answers."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from flavorkit.deployments import PredictionsResponse, calls, inputs, settings
from flavorkit.docker.names import dns_label
from flavorkit.errors import DeploymentError, InvalidArgumentError, InvalidInputError, RequestError


@pytest.mark.parametrize("name", ["a", "a-b", "0", "a" * 63, "x--y"])
def test_names_are_labels(name):
    assert dns_label(name) == name


@pytest.mark.parametrize("name", ["", "-", "a-", "-a", "A", "a_b", "a.b", "a\n", "ä", "a" * 64])
def test_nothing_else_is(name):
    with pytest.raises(InvalidArgumentError, match=r"is no name: up to 63"):
        dns_label(name)


READERS = {
    "count": settings.count,
    "limit": settings.seconds,
    "is_on": settings.flag,
    "kind": settings.one_of("a", "b"),
    "env": settings.variables,
    "trust": settings.trust,
}


def test_text_and_values_mean_the_same():
    text = {"count": "3", "limit": "2.5", "is-on": "True", "kind": "a", "env": '{"A": "b"}'}
    values = {"count": 3, "limit": 2.5, "is_on": True, "kind": "a", "env": {"A": "b"}}
    read = settings.read(text, READERS)
    assert read == settings.read(values, READERS) == values
    assert settings.read({"count": None, "limit": 1}, READERS, read) == {
        **{name: values[name] for name in ("is_on", "kind", "env")},
        "limit": 1.0,
    }
    assert settings.read(None, READERS, read) == read


@pytest.mark.parametrize(
    "config",
    [
        {"count": 0},
        {"count": 1.5},
        {"count": "१"},
        {"count": False},
        {"limit": "inf"},
        {"limit": None, "other": 1},
        {"limit": []},
        {"limit": True},
        {"is_on": 1},
        {"kind": "c"},
        {"kind": ["a"]},
        {"env": {"A=B": "c\n"}},
        {"env": "[]"},
        {"trust": "no such"},
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(config):
    with pytest.raises(InvalidArgumentError, match=r"\w"):
        settings.read(config, READERS)


def test_paths_of_models_do_not_depend_on_where_one_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert settings.model_uri("iris") == str(tmp_path / "iris")
    assert settings.model_uri(tmp_path / "iris") == str(tmp_path / "iris")
    assert settings.model_uri("-x") == str(tmp_path / "-x")
    assert settings.model_uri("models:/iris@champion") == "models:/iris@champion"


@pytest.mark.parametrize(
    ("predictions", "rows"),
    [
        ([1, 2], [[1], [2]]),
        ([{"a": 1}, {"a": 2}], [[1], [2]]),
        ({"a": [1, 2]}, [[1], [2]]),
        ({"a": 1, "b": 2}, [[1, 2]]),
        ("text", [["text"]]),
    ],
)
def test_predictions_are_had_as_a_frame(predictions, rows):
    response = PredictionsResponse.from_json(json.dumps({"predictions": predictions}))
    assert response.get_predictions().to_numpy().tolist() == rows


def test_or_as_an_array_or_json(tmp_path):
    response = PredictionsResponse({"predictions": [1, 2]})
    assert response.get_predictions("ndarray", "float32").dtype == "float32"
    assert response.to_json() == '{"predictions": [1, 2]}'
    assert response.to_json(tmp_path / "answer") is None
    assert (tmp_path / "answer").read_text() == '{"predictions": [1, 2]}'
    with pytest.raises(InvalidArgumentError, match=r"not 'list'"):
        response.get_predictions("list")


@pytest.mark.parametrize("text", ["", "[1]", "{}", "[" * 100_000])
def test_other_answers_are_none(text):
    with pytest.raises(DeploymentError, match=r"what is not JSON|without predictions"):
        PredictionsResponse.from_json(text)


def test_a_missing_value_is_null_and_parameters_go_along():
    frame = pd.DataFrame({"x": [1.0, float("nan")]})
    body = json.loads(calls.body_of((frame, {"k": 3})))
    assert body == {
        "dataframe_split": {"columns": ["x"], "data": [[1.0], [None]]},
        "params": {"k": 3},
    }
    with pytest.raises(InvalidInputError, match=r"expected a frame"):
        calls.body_of(object())


def test_a_server_that_is_not_there_is_an_error():
    url = "http://127.0.0.1:1"
    assert not calls.is_ready(url)
    assert calls.model_of(url) == {}
    with pytest.raises(DeploymentError, match=r"127.0.0.1:1 does not answer"):
        calls.predict(url, [[1]], 1)


def test_files_hold_tables_or_requests(tmp_path):
    rows = [{"x": 1}, {"x": 2}]
    for name, text, expected in (
        ("a.json", json.dumps(rows), pd.DataFrame(rows)),
        ("a.json", '{"x": {"0": 1, "1": 2}}', pd.DataFrame(rows)),
        ("a.csv", "x\n1\n2\n", pd.DataFrame(rows)),
    ):
        (tmp_path / name).write_text(text)
        pd.testing.assert_frame_equal(inputs.read(tmp_path / name), expected)
    (tmp_path / "a.json").write_text('{"instances": [[1]]}')
    assert inputs.read(tmp_path / "a.json") == {"instances": [[1]]}


@pytest.mark.parametrize("text", ["", "{", '{"a": NaN}', "3", '{"a": 1}'])
def test_a_file_of_something_else_is_named(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(RequestError, match=r"a.json (is not|holds no)"):
        inputs.read(tmp_path / "a.json")
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(RequestError, match=r"a.csv is not CSV"):
        inputs.read(tmp_path / "a.csv")
