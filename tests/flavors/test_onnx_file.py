"""Forged ONNX files are refused before anything is built from them, or do no harm."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import flavorkit
from flavorkit.errors import FlavorkitError, InvalidInputError, UnreadableModelError
from flavorkit.flavors.onnx import file as onnx_file
from tests.flavors.cases import onnx as cases

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from tests.flavors import forging_onnx as forging  # noqa: E402

pytestmark = pytest.mark.xdist_group("onnx")


@pytest.fixture
def folder(tmp_path):
    """A folder as a stranger may send it: without a manifest, whose model.onnx is replaced."""
    flavorkit.onnx.save_model(cases.network()[0], tmp_path / "m", signature=False)
    (tmp_path / "m" / "manifest.json").unlink()
    return tmp_path / "m"


def write(folder, model):
    content = model if isinstance(model, bytes) else model.SerializeToString()
    (folder / "model.onnx").write_bytes(content)
    return folder


def refuses(folder, model, problem):
    write(folder, model)
    with pytest.raises(UnreadableModelError, match=problem):
        flavorkit.load_model(folder)
    with pytest.raises(UnreadableModelError, match=problem):
        flavorkit.onnx.load_model(folder)


LOCATIONS = {
    "a parent": "../secret",
    "a parent further in": "a/../../secret",
    "an absolute path": "/etc/passwd",
    "a subfolder": "sub/weights",
    "a drive": "C:weights",
    "a backslash": "..\\secret",
    "the folder": ".",
    "the parent": "..",
    "nothing": "",
    "a null byte": "weights\0.txt",
    "memory": "*/_ORT_MEM_ADDR_/*",
    "a URL": "file:///etc/passwd",
    "a file that is not there": "weights",
}


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_tensor_outside_of_the_folder_is_refused(folder, location):
    (folder.parent / "secret").write_bytes(b"\0" * 8)
    (folder / "sub").mkdir()
    (folder / "sub" / "weights").write_bytes(b"\0" * 8)
    one = forging.tensor(entries=[("location", LOCATIONS[location])])
    refuses(folder, forging.initializer(one), r"no file of the folder|not there|no plain file")


@pytest.mark.parametrize("place", forging.PLACES)
def test_a_tensor_is_found_wherever_it_stands(folder, place):
    refuses(folder, place(forging.tensor(entries=[("location", "../x")])), "no file of the folder")
    refuses(folder, place(forging.tensor([10**18])), "1000000000000000000 elements")


def loads_directly(folder):
    """Past the manifest, which refuses links in a folder before any file of it is read."""
    return onnx_file.read(folder / "model.onnx")


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_links_are_refused(folder, link):
    (folder.parent / "secret").write_bytes(b"\0" * 8)
    link(folder.parent / "secret", folder / "weights")
    write(folder, forging.initializer(forging.tensor(entries=[("location", "weights")])))
    with pytest.raises(UnreadableModelError, match="a link or no plain file"):
        loads_directly(folder)
    with pytest.raises(FlavorkitError, match="link"):
        flavorkit.load_model(folder)


def test_a_folder_or_a_pipe_is_no_tensor(folder):
    os.mkfifo(folder / "weights")
    write(folder, forging.initializer(forging.tensor(entries=[("location", "weights")])))
    with pytest.raises(UnreadableModelError, match="no plain file"):
        loads_directly(folder)


ENTRIES = {
    "beyond the end": ([("offset", 8)], "ends beyond the 8 bytes"),
    "far beyond the end": ([("offset", 10**18)], "ends beyond"),
    "a negative offset": ([("offset", -8)], "offset or length '-8'"),
    "an offset in words": ([("offset", "0x10")], "offset or length '0x10'"),
    "an endless offset": ([("offset", "9" * 5000)], "offset or length '999"),
    "digits of another script": ([("offset", "٣")], "offset or length"),
    "another length": ([("length", 4)], "takes 8 bytes and names 4"),
    "a length twice": ([("length", 8), ("length", 9)], "describes its file by"),
    "an unknown key": ([("prepacked_0", "x|0|8|0")], "describes its file by"),
}


@pytest.mark.parametrize("case", ENTRIES)
def test_a_tensor_that_is_not_all_in_its_file_is_refused(folder, case):
    entries, problem = ENTRIES[case]
    (folder / "weights").write_bytes(b"\0" * 8)
    location = ("location", "weights")
    refuses(folder, forging.initializer(forging.tensor(entries=[location, *entries])), problem)
    write(folder, forging.initializer(forging.tensor(entries=[location])))
    rows = np.ones((1, 2), np.float32)
    assert flavorkit.load_model(folder).predict(rows)["y"].tolist() == [[1, 1]]


def test_an_external_tensor_needs_a_location_and_a_type_with_a_size(folder):
    (folder / "weights").write_bytes(b"\0" * 8)
    refuses(folder, forging.initializer(forging.tensor(entries=[])), "no file of the folder")
    entries = [("location", "weights")]
    for kind in (0, 8, 99):
        one = forging.tensor(entries=entries, kind=kind)
        refuses(folder, forging.initializer(one), r"a type that no file holds|is not valid|parse")


SIZES = {
    "huge": [10**18],
    "beyond 64 bits": [2**33, 2**31],
    "negative": [-2],
    "two negatives": [-(10**9), -(10**9)],
}


@pytest.mark.parametrize("size", SIZES)
def test_tensors_larger_than_what_there_is_of_them_are_refused(folder, size):
    problem = "elements and not as many bits|has the dimensions"
    refuses(folder, forging.initializer(forging.tensor(SIZES[size])), problem)
    (folder / "weights").write_bytes(b"\0" * 8)
    one = forging.tensor(SIZES[size], entries=[("location", "weights")])
    refuses(folder, forging.initializer(one), "ends beyond|has the dimensions")
    refuses(folder, forging.sparse(SIZES[size], [0]), "when it is dense|has the dimensions")


@pytest.mark.parametrize(
    ("kind", "bits"), [(1, 32), (7, 64), (9, 8), (10, 16), (15, 128), (22, 4), (25, 2)]
)
def test_a_tensor_takes_the_bits_of_its_type(folder, kind, bits):
    size = -(-7 * bits // 8)
    one = forging.tensor([7], entries=[("location", "weights")], kind=kind)
    model = forging.initializer(one)
    (folder / "weights").write_bytes(b"\0" * size)
    onnx_file.check(model, folder)
    (folder / "weights").write_bytes(b"\0" * (size - 1))
    with pytest.raises(ValueError, match="ends beyond"):
        onnx_file.check(model, folder)


def test_sound_tensors_of_all_kinds_are_let_through(folder):
    from onnx import TensorProto, helper

    values = {
        TensorProto.FLOAT: [0.5] * 9,
        TensorProto.INT4: [1] * 9,
        TensorProto.INT64: [0] * 9,
        TensorProto.STRING: [b""] * 9,
        TensorProto.BOOL: [True] * 9,
        TensorProto.COMPLEX64: [1j] * 9,
    }
    for kind, value in values.items():
        onnx_file.check(forging.constant(helper.make_tensor("w", kind, [9], value)), folder)
    onnx_file.check(forging.sparse([10**6], [0]), folder)


def test_functions_that_call_others_over_and_over_are_refused(folder):
    refuses(folder, forging.doubling(9), "make 100000000 nodes, more than 1000000")
    rows = np.ones((1, 2), np.float32)
    assert flavorkit.load_model(write(folder, forging.doubling(3))).predict(rows)


def test_functions_that_call_themselves_are_refused(folder):
    call, function, model = forging.call, forging.function, forging.model
    itself = function("A", [call("A", "a", "b")])
    refuses(folder, model([call("A", "x", "y")], functions=[itself]), "'A' calls itself")
    circle = [function("A", [call("B", "a", "b")]), function("B", [call("A", "a", "b")])]
    refuses(folder, model([call("A", "x", "y")], functions=circle), "calls itself")
    chain = [function(f"F{k}", [call(f"F{k + 1}", "a", "b")]) for k in range(3000)]
    refuses(folder, model([call("F0", "x", "y")], functions=chain), "RecursionError|recursion")


def test_graphs_within_graphs_go_ten_deep(folder):
    refuses(folder, forging.nested(onnx_file.MAX_DEPTH), "nested more than 10 deep")
    write(folder, forging.nested(onnx_file.MAX_DEPTH - 1))
    rows = {"x": np.ones((1, 2), np.float32), "c": np.array(True)}
    assert flavorkit.load_model(folder).predict(rows)["y"].tolist() == [[1, 1]]


def test_graphs_that_were_compiled_for_a_device_are_refused(folder):
    refuses(folder, forging.compiled(), "compiled for some device")


ONNXRUNTIMES = {
    "a cycle": forging.cyclic,
    "an unknown opset": forging.far_opset,
    "a child that is not there": lambda: forging.trees(nodes_truenodeids=[99, 0, 0]),
    "a child that is its parent": lambda: forging.trees(nodes_truenodeids=[0, 0, 0]),
    "a target beyond the result": lambda: forging.trees(target_ids=[10**9, 0]),
    "a target before the result": lambda: forging.trees(target_ids=[-5_000_000, 0]),
    "a feature before the row": lambda: forging.trees(nodes_featureids=[-(10**8), 0, 0]),
    "fewer values than nodes": lambda: forging.trees(nodes_values=[0.5]),
    "an index beyond a sparse tensor": lambda: forging.sparse([2], [10**9]),
    "an index before a sparse tensor": lambda: forging.sparse([2], [-(10**9)]),
}


@pytest.mark.parametrize("case", ONNXRUNTIMES)
def test_what_onnxruntime_finds_wrong_is_an_unreadable_file(folder, case):
    write(folder, ONNXRUNTIMES[case]())
    with pytest.raises(UnreadableModelError, match=r"model\.onnx cannot be loaded"):
        flavorkit.load_model(folder)


def test_what_onnxruntime_finds_wrong_only_when_it_runs_ends_the_prediction(folder):
    rows = np.ones((1, 2), np.float32)
    far = forging.trees(nodes_featureids=[10**8, 0, 0])
    for model in (far, forging.endless_shape()):
        with pytest.raises((InvalidInputError, UnreadableModelError), match=r"."):
            flavorkit.load_model(write(folder, model)).predict(rows)


def test_a_file_of_another_format_of_onnxruntimes_is_read_as_a_graph(folder):
    """By its first bytes it would be of a format that nothing here looks through."""
    content = forging.with_runtime_header(forging.initializer(forging.tensor()).SerializeToString())
    assert content[4:8] == b"ORTM"
    write(folder, content)
    answer = flavorkit.load_model(folder).predict(np.ones((1, 2), np.float32))
    assert answer["y"].tolist() == [[1, 1]]


@pytest.mark.parametrize("content", [b"", b"\x80\x04\x95" + b"x" * 99, b"PK\3\4", b"\x08\x08"])
def test_what_is_no_graph_is_refused(folder, content):
    refuses(folder, content, r"model\.onnx cannot be loaded")


def test_a_file_larger_than_the_format_allows_is_not_read(folder):
    with (folder / "model.onnx").open("r+b") as file:
        file.truncate(2**31)
    with pytest.raises(UnreadableModelError, match="larger than 2147483647 bytes"):
        loads_directly(folder)


FLIPS = """
import json, random, sys, warnings
from pathlib import Path
import numpy as np
import flavorkit
from flavorkit.errors import FlavorkitError

warnings.simplefilter("ignore")
folder, flips = Path(sys.argv[1]), int(sys.argv[2])
path = folder / "model.onnx"
genuine = path.read_bytes()
rows = np.load(sys.argv[3])
found = {"ran": 0, "refused": 0}
for seed in range(flips):
    choice = random.Random(seed)
    content = bytearray(genuine)
    for _ in range(choice.choice([1, 1, 2, 4])):
        content[choice.randrange(len(content))] = choice.choice([0, 127, 255, choice.randrange(256)])
    path.write_bytes(content)
    try:
        flavorkit.load_model(folder).predict(rows)
        found["ran"] += 1
    except FlavorkitError:
        found["refused"] += 1
print(json.dumps(found))
"""


@pytest.mark.parametrize("kind", ["network", "external data", "linear", "trees"])
def test_flipped_bytes_are_refused_or_run(tmp_path, kind):
    """In a process of its own, which a fault in compiled code would end."""
    makers = {
        "network": cases.network,
        "external data": cases.network,
        "linear": cases.sklearn_classifier(zipmap=False, arrays=True),
        "trees": lambda: (forging.trees(), np.ones((3, 2), np.float32)),
    }
    model, rows = makers[kind]()
    external = kind == "external data"
    flavorkit.onnx.save_model(
        model, tmp_path / "m", save_as_external_data=external, signature=False
    )
    (tmp_path / "m" / "manifest.json").unlink()
    np.save(tmp_path / "rows.npy", rows)
    done = subprocess.run(
        [sys.executable, "-c", FLIPS, tmp_path / "m", "100", tmp_path / "rows.npy"],
        capture_output=True,
        text=True,
        errors="replace",  # onnxruntime quotes names, which are what the flips have made of them
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert sum(found.values()) == 100
    assert found["refused"] > 10
