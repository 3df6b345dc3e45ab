"""The MLmodel file: everything in it is kept, nothing in it leads out of the folder."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flavorkit.descriptor import ModelDescriptor, inside, is_inside
from flavorkit.errors import DescriptorError
from flavorkit.signature import ColSpec, ModelSignature, ParamSchema, ParamSpec, Schema

FLAVORS = {"python_function": {"loader_module": "mlflow.sklearn"}, "sklearn": {"code": None}}
FULL = ModelDescriptor(
    flavors=FLAVORS,
    signature=ModelSignature(
        Schema([ColSpec("double", "x")]),
        Schema([ColSpec("long")]),
        ParamSchema([ParamSpec("p", "long", 1)]),
    ),
    saved_input_example_info={"artifact_path": "input_example.json", "type": "ndarray"},
    metadata={"team": "a"},
    model_size_bytes=3,
    artifact_path="model",
    flavorkit_version="0.1.0",
    mlflow_version="3.17.2",
    model_id="m-1",
    model_uuid="u",
    run_id="r",
    utc_time_created="2026-01-31 12:00:00.000000",
    extra={"from_the_future": {"a": [1]}},
)


def test_it_survives_a_round_trip(tmp_path):
    FULL.write(tmp_path)
    assert ModelDescriptor.read(tmp_path) == FULL


def test_unknown_keys_are_kept_and_written_back(tmp_path):
    (tmp_path / "MLmodel").write_text("flavors: {sklearn: {}}\nprompts: null\nnew: {a: [1]}\n")
    read = ModelDescriptor.read(tmp_path)
    read.write(tmp_path)
    written = yaml.safe_load((tmp_path / "MLmodel").read_text())
    assert written == {
        "flavors": {"sklearn": {}},
        "model_id": None,
        "prompts": None,
        "new": {"a": [1]},
    }


def test_keys_are_sorted_as_mlflow_sorts_them(tmp_path):
    FULL.write(tmp_path)
    keys = [
        line.split(":")[0]
        for line in (tmp_path / "MLmodel").read_text().splitlines()
        if line[0] != " "
    ]
    assert keys == sorted(keys)


def test_a_signature_is_three_json_strings(tmp_path):
    FULL.write(tmp_path)
    signature = yaml.safe_load((tmp_path / "MLmodel").read_text())["signature"]
    assert signature["inputs"] == '[{"type": "double", "name": "x", "required": true}]'
    assert signature["params"] == '[{"name": "p", "default": 1, "shape": null, "type": "long"}]'


def test_an_empty_signature_is_none():
    raw = {"flavors": FLAVORS, "signature": {"inputs": None, "outputs": None, "params": None}}
    assert ModelDescriptor.from_dict(raw).signature is None


def test_times_and_ids_without_quotes_are_read_as_mlflow_reads_them(tmp_path):
    (tmp_path / "MLmodel").write_text(
        "flavors: {x: {}}\nutc_time_created: 2026-01-31 12:00:00\nmodel_uuid: 7\n"
    )
    read = ModelDescriptor.read(tmp_path)
    assert read.utc_time_created == "2026-01-31 12:00:00"
    assert read.model_uuid == "7"


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        ([], r"\(top level\): expected a mapping"),
        ({}, "flavors: expected a mapping"),
        ({"flavors": {}}, "flavors: expected at least one"),
        ({"flavors": {"sklearn": 1}}, "flavors.sklearn: expected a mapping"),
        ({"flavors": {1: {}}}, "1 is not the name of a flavor"),
        ({"flavors": {"../x": {}}}, "is not the name of a flavor"),
        ({"flavors": {f"f{n}": {} for n in range(101)}}, "more than 100 flavors"),
        ({"flavors": FLAVORS, "metadata": []}, "metadata: expected a mapping"),
        ({"flavors": FLAVORS, "model_size_bytes": True}, "model_size_bytes: expected a number"),
        ({"flavors": FLAVORS, "is_signature_from_type_hint": "no"}, "expected true or false"),
        ({"flavors": FLAVORS, "signature": []}, "signature: expected a mapping"),
        ({"flavors": FLAVORS, "signature": {"inputs": "["}}, "signature: not valid JSON"),
        ({"flavors": FLAVORS, "signature": {"inputs": "[" * 100_000}}, "signature: .*too deep"),
        ({"flavors": FLAVORS, "signature": {"inputs": "[]"}}, "signature: .*at least one column"),
        ({"flavors": FLAVORS, "saved_input_example_info": 1}, "saved_input_example_info: expected"),
    ],
)
def test_errors_name_the_place(raw, where):
    with pytest.raises(DescriptorError, match=where) as caught:
        ModelDescriptor.from_dict(raw, path="m/MLmodel")
    assert str(caught.value).startswith("m/MLmodel: ")


OUTSIDE = [
    "/etc/passwd",
    "../x",
    "a/../../x",
    "a/..",
    "",
    "a\\b",
    "C:x",
    "a\0b",
    "a\nb",
    7,
    None,
    "x" * 2000,
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_paths_that_leave_the_folder_are_refused(path, tmp_path):
    assert not is_inside(path)
    if isinstance(path, str):
        with pytest.raises(DescriptorError, match="leads out of the folder"):
            inside(tmp_path, path)


@pytest.mark.parametrize("path", ["a", "a/b.c", "a..b", "..a/b", "model v2.skops", "é"])
def test_plain_relative_paths_stay_inside(path, tmp_path):
    assert inside(tmp_path, path) == tmp_path / path


@pytest.mark.parametrize(
    "config",
    [
        {"data": "../other"},
        {"code": "/"},
        {"model_path": "/etc/passwd"},
        {"pickled_model": "a/../../b"},
        {"env": {"conda": "../../x"}},
        {"artifacts": {"a": {"path": "/etc/passwd", "uri": "x"}}},
        {"extra_files": [{"path": "../x"}]},
    ],
)
def test_every_path_of_a_flavor_is_checked(config):
    with pytest.raises(DescriptorError, match=r"flavors\.x\..*leads out of the folder"):
        ModelDescriptor.from_dict({"flavors": {"x": config}})


@pytest.mark.parametrize("key", ["artifact_path", "serving_input_path"])
def test_the_paths_of_the_example_are_checked(key):
    with pytest.raises(DescriptorError, match="leads out of the folder"):
        ModelDescriptor.from_dict({"flavors": FLAVORS, "saved_input_example_info": {key: "/x"}})


def test_a_folder_without_a_descriptor_is_not_a_model(tmp_path):
    with pytest.raises(DescriptorError, match="not found; is this the folder of a saved model"):
        ModelDescriptor.read(tmp_path)


SIGNATURE_KEYS = ["type", "dtype", "shape", "properties", "items", "values", "name"]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from(SIGNATURE_KEYS), inner, max_size=4)
    ),
    max_leaves=10,
)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "name": JSON_VALUES,
        "type": st.sampled_from(["double", "tensor", "object", "array", "map"]) | JSON_VALUES,
        "dtype": JSON_VALUES,
        "default": JSON_VALUES | st.just(10**400),
        "shape": JSON_VALUES,
        "required": JSON_VALUES,
        "tensor-spec": st.fixed_dictionaries({"dtype": JSON_VALUES, "shape": JSON_VALUES}),
        "properties": JSON_VALUES,
        "items": JSON_VALUES,
        "values": JSON_VALUES,
    },
)


@settings(max_examples=max(300, settings.default.max_examples))
@given(
    part=st.sampled_from(["inputs", "outputs", "params"]),
    specs=st.lists(SPECS, min_size=1, max_size=3),
)
def test_whatever_a_signature_says_it_is_one_or_a_descriptor_error(part, specs):
    raw = {"flavors": FLAVORS, "signature": {part: json.dumps(specs)}}
    try:
        descriptor = ModelDescriptor.from_dict(raw)
    except DescriptorError:
        return
    assert ModelDescriptor.from_dict(descriptor.to_dict()).signature == descriptor.signature
