"""PyTorch: what exporting must not change, what a pickle takes along, where tensors go."""

from __future__ import annotations

import sys
import threading
import zipfile

import numpy as np
import pandas as pd
import pytest

import flavorkit
from flavorkit.descriptor import ModelDescriptor
from flavorkit.errors import (
    InvalidInputError,
    TrustError,
    UnreadableModelError,
    UnsavableModelError,
)
from flavorkit.signature import ModelSignature, Schema, TensorSpec
from tests.flavors.scripts import script

torch = pytest.importorskip("torch")
nn = torch.nn

pytestmark = [
    pytest.mark.xdist_group("pytorch"),
    pytest.mark.filterwarnings("ignore:.torch.jit.* is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:the model refers to tests"),
]

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))


class Function(nn.Module):
    """A layer, and then any function of its output."""

    def __init__(self, function, features=3):
        super().__init__()
        self.layer = nn.Linear(4, features)
        self.function = function

    def forward(self, x):
        return self.function(self.layer(x))


def eager(module, data):
    with torch.no_grad():
        return module.eval()(torch.tensor(data)).numpy()


def files_of(folder):
    return sorted(file.name for file in (folder / "data").iterdir())


# Which format


def test_with_an_example_it_is_an_exported_program(tmp_path):
    flavorkit.save_model(net(), tmp_path / "m", input_example=X)
    assert files_of(tmp_path / "m") == ["model.pt2"]


def test_an_example_that_is_no_tensor_is_an_error_that_says_what_is(tmp_path):
    with pytest.raises(
        InvalidInputError, match=r"takes tensors of numbers: .*; pass a numpy array"
    ):
        flavorkit.save_model(
            torch.nn.Linear(2, 1), tmp_path / "m", input_example=[[1.0], [1.0, 2.0]]
        )


def test_without_one_it_is_a_pickle(tmp_path):
    module = net()
    flavorkit.save_model(module, tmp_path / "m")
    assert files_of(tmp_path / "m") == ["model.pth", "pickle_module_info.txt"]
    loaded = flavorkit.load_model(tmp_path / "m")
    np.testing.assert_array_equal(loaded.predict(X), eager(module, X))


def test_torchscript_keeps_its_format(tmp_path):
    flavorkit.save_model(torch.jit.script(net()), tmp_path / "m", input_example=X)
    assert files_of(tmp_path / "m") == ["model.pth", "pickle_module_info.txt"]
    native = flavorkit.pytorch.load_model(tmp_path / "m")
    assert isinstance(native, torch.jit.ScriptModule)
    assert not native.training


@pytest.mark.parametrize(
    ("make", "options", "problem"),
    [
        (net, {"serialization_format": "pt2"}, "pass input_example"),
        (net, {"export_model": True}, "pass input_example"),
        (net, {"serialization_format": "onnx"}, "'onnx' is no serialization format: pt2, pickle"),
        (net, {"serialization_format": "pickle", "export_model": True}, "contradicts"),
        (lambda: torch.jit.script(net()), {"serialization_format": "pt2"}, "TorchScript is no"),
        (lambda: nn.Linear(4, 1).weight, {}, "a Parameter is no module; .*save_state_dict"),
        (net, {"pickle_module": sys}, "pickle_module is pickle or cloudpickle, and not sys"),
    ],
)
def test_what_cannot_be_saved_so_is_said(tmp_path, make, options, problem):
    with pytest.raises(UnsavableModelError, match=problem):
        flavorkit.save_model(make(), tmp_path / "m", **options)


def test_a_program_is_no_pickle(tmp_path):
    program = torch.export.export(net().eval(), (torch.tensor(X),))
    with pytest.raises(UnsavableModelError, match='saved as "pt2" only'):
        flavorkit.save_model(program, tmp_path / "m", serialization_format="pickle")


def test_a_compiled_module_is_saved_as_what_was_compiled(tmp_path):
    module = net()
    flavorkit.save_model(torch.compile(module), tmp_path / "m", serialization_format="pickle")
    native = flavorkit.pytorch.load_model(tmp_path / "m")
    assert type(native) is nn.Sequential


# Exporting


@pytest.mark.parametrize("rows", [1, 2, 6])
def test_an_example_of_any_size_leaves_the_batch_free(tmp_path, rows):
    module = net()
    flavorkit.save_model(module, tmp_path / "m", input_example=X[:rows])
    loaded = flavorkit.load_model(tmp_path / "m")
    for size in (1, 2, 3, 6):
        np.testing.assert_allclose(loaded.predict(X[:size]), eager(module, X[:size]), rtol=1e-5)
    assert loaded.predict(np.tile(X, (50, 1))).shape == (300, 3)


@pytest.mark.parametrize("training", [True, False])
def test_the_module_is_left_as_it_was(tmp_path, training):
    module = net().train(training)
    module[2].eval()
    modes = [part.training for part in module.modules()]
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    random = torch.random.get_rng_state()
    flavorkit.save_model(module, tmp_path / "m", input_example=X)
    assert [part.training for part in module.modules()] == modes
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert torch.equal(torch.random.get_rng_state(), random)
    loaded = flavorkit.load_model(tmp_path / "m")
    np.testing.assert_allclose(loaded.predict(X), eager(module, X), rtol=1e-5, atol=1e-6)


def test_what_forward_counts_is_not_counted_by_saving(tmp_path):
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, x):
            self.seen += x.shape[0]
            return x * 2

    module = Counting()
    flavorkit.save_model(module, tmp_path / "m", input_example=X)
    assert module.seen == 0
    np.testing.assert_array_equal(flavorkit.load_model(tmp_path / "m").predict(X), X * 2)


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda x: x if x.sum() > 0 else -x, "cannot export the module: GuardOnDataDep"),
        (lambda x: x + torch.ones(len(x), 1), "has fixed dimension 0 of x at 2"),
        (lambda x: x + torch.arange(2.0)[:, None], "has fixed dimension 0 of x at 2"),
        (lambda x: x * 2 if x.shape[0] < 5 else x, "refuses a batch of 7, which the module takes"),
        (
            lambda x: x[0] if x.shape[0] == 1 else x,
            r"in the shape \(3,\) and .* \(1, 3\); .*squeeze",
        ),
        (lambda x: x * np.random.default_rng().random(), "answers otherwise than the module"),
    ],
)
def test_what_exporting_freezes_or_changes_is_an_error_with_the_way_out(
    tmp_path, function, problem
):
    module = Function(function)
    with pytest.raises(UnsavableModelError, match=f"(?s){problem}") as caught:
        flavorkit.save_model(module, tmp_path / "m", input_example=X[:2])
    assert 'serialization_format="pickle" saves the module as it is' in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_way_out_leads_out(tmp_path):
    module = Function(lambda x: x if x.sum() > 0 else -x)
    flavorkit.save_model(module, tmp_path / "m", input_example=X, serialization_format="pickle")
    loaded = flavorkit.load_model(tmp_path / "m")
    np.testing.assert_allclose(loaded.predict(X), eager(module, X), rtol=1e-5)


def test_random_numbers_are_no_difference(tmp_path):
    module = Function(lambda x: x + torch.randn_like(x))
    flavorkit.save_model(module, tmp_path / "m", input_example=X)
    loaded = flavorkit.load_model(tmp_path / "m")
    assert not np.array_equal(loaded.predict(X), loaded.predict(X))


def test_other_sizes_that_the_signature_leaves_open_stay_open(tmp_path):
    module = Function(lambda x: x.cumsum(1))
    signature = ModelSignature(Schema([TensorSpec(np.dtype("float32"), (-1, -1, 4))]))
    example = np.tile(X[:, None, :], (1, 3, 1))
    flavorkit.save_model(module, tmp_path / "m", input_example=example, signature=signature)
    loaded = flavorkit.load_model(tmp_path / "m")
    longer = np.tile(X[:, None, :], (1, 9, 1))
    np.testing.assert_allclose(loaded.predict(longer), eager(module, longer), rtol=1e-4, atol=1e-5)


def test_the_steps_of_a_recurrent_layer_are_fixed_unless_it_is_pickled(tmp_path):
    module = nn.GRU(4, 5, batch_first=True)
    signature = ModelSignature(Schema([TensorSpec(np.dtype("float32"), (-1, -1, 4))]))
    example = np.tile(X[:, None, :], (1, 3, 1))
    given = {"input_example": example, "signature": signature}
    with pytest.raises(UnsavableModelError, match="has fixed dimension 1 of input at 3"):
        flavorkit.save_model(module, tmp_path / "m", **given)
    flavorkit.save_model(module, tmp_path / "m", serialization_format="pickle", **given)
    loaded = flavorkit.load_model(tmp_path / "m")
    assert loaded.predict(np.tile(example, (1, 3, 1)))["output_0"].shape == (6, 9, 5)


def test_a_size_of_one_that_should_stay_open_is_an_error(tmp_path):
    signature = ModelSignature(Schema([TensorSpec(np.dtype("float32"), (-1, -1, 4))]))
    with pytest.raises(UnsavableModelError, match=r"has fixed dimension 1 of .* at 1"):
        flavorkit.save_model(
            net()[0], tmp_path / "m", input_example=X[:, None, :], signature=signature
        )


def test_parameters_would_become_constants(tmp_path):
    class Scaled(nn.Module):
        def forward(self, x, scale: float = 1.0):
            return x * scale

    with pytest.raises(UnsavableModelError, match="makes constants of the parameters scale;"):
        flavorkit.save_model(Scaled(), tmp_path / "m", input_example=(X, {"scale": 2.0}))


def test_an_example_that_the_module_cannot_take_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match="cannot predict on input_example: RuntimeError"):
        flavorkit.save_model(net(), tmp_path / "m", input_example=X[:, :3])
    with pytest.raises(InvalidInputError, match="without rows"):
        flavorkit.save_model(net(), tmp_path / "m", input_example=X[:0])


def test_a_program_of_one_batch_size_is_warned_of(tmp_path):
    program = torch.export.export(net().eval(), (torch.tensor(X),))
    with pytest.warns(UserWarning, match="batches of one size only"):
        flavorkit.save_model(program, tmp_path / "m")
    loaded = flavorkit.load_model(tmp_path / "m")
    assert loaded.predict(X).shape == (6, 3)
    with pytest.raises(InvalidInputError, match="the model cannot take this data: Guard failed"):
        loaded.predict(X[:2])


def test_the_program_does_not_say_where_the_source_was(tmp_path):
    flavorkit.save_model(Function(torch.relu), tmp_path / "m", input_example=X)
    with zipfile.ZipFile(tmp_path / "m" / "data" / "model.pt2") as archive:
        graph = archive.read("model/models/model.json")
    assert b"test_pytorch" in graph  # the name of its class
    assert str(tmp_path.parent).encode() not in graph
    assert __file__.encode() not in graph


# Tensors in and out


def test_examples_and_rows_may_be_tensors(tmp_path):
    module = net()
    flavorkit.save_model(module, tmp_path / "m", input_example=torch.tensor(X[:2]))
    loaded = flavorkit.load_model(tmp_path / "m")
    assert loaded.input_schema == Schema([TensorSpec(np.dtype("float32"), (-1, 4))])
    rows = torch.tensor(X, requires_grad=True)
    np.testing.assert_allclose(loaded.predict(rows), eager(module, X), rtol=1e-5)


def test_without_a_signature_tensors_and_lists_will_do(tmp_path):
    module = net()
    flavorkit.save_model(module, tmp_path / "m")
    loaded = flavorkit.load_model(tmp_path / "m")
    expected = eager(module, X)
    for rows in (torch.tensor(X), {"input": torch.tensor(X)}, X.tolist(), X.astype("float64")):
        np.testing.assert_allclose(loaded.predict(rows), expected, rtol=1e-5, atol=1e-6)


def test_a_frame_gives_a_frame_with_its_index(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcd"), index=list("uvwxyz"))
    flavorkit.save_model(net(), tmp_path / "m", input_example=frame)
    found = flavorkit.load_model(tmp_path / "m").predict(frame)
    assert found.index.tolist() == list("uvwxyz")
    assert found.columns.tolist() == [0, 1, 2]


def test_the_callers_rows_are_not_changed(tmp_path):
    class InPlace(nn.Module):
        def forward(self, x):
            return x.mul_(0)

    flavorkit.save_model(InPlace(), tmp_path / "m", serialization_format="pickle")
    rows = X.copy()
    flavorkit.load_model(tmp_path / "m").predict(rows)
    np.testing.assert_array_equal(rows, X)


class Pair(nn.Module):
    def forward(self, left, right, *, scale: float = 1.0):
        return (left - right) * scale


class OfDict(nn.Module):
    def forward(self, batch):
        return batch["left"] - batch["right"]


@pytest.mark.parametrize("serialization_format", ["pt2", "pickle"])
@pytest.mark.parametrize("make", [Pair, OfDict])
def test_named_tensors_reach_forward_by_their_names(tmp_path, make, serialization_format):
    named = {"right": X[:, :2] * 2, "left": X[:, :2]}
    flavorkit.save_model(
        make(), tmp_path / "m", input_example=named, serialization_format=serialization_format
    )
    loaded = flavorkit.load_model(tmp_path / "m")
    np.testing.assert_allclose(loaded.predict(named), -X[:, :2])
    native = flavorkit.pytorch.load_model(tmp_path / "m")
    left, right = torch.tensor(named["left"]), torch.tensor(named["right"])
    given = (left, right) if make is Pair else ({"left": left, "right": right},)
    if make is Pair or serialization_format == "pickle":
        np.testing.assert_allclose(native(*given).numpy(), -X[:, :2])


def test_a_name_that_forward_has_not_is_an_error(tmp_path):
    with pytest.raises(InvalidInputError, match=r"takes left, right, .*and not middle"):
        flavorkit.save_model(Pair(), tmp_path / "m", input_example={"left": X, "middle": X})


def test_several_outputs_have_their_names(tmp_path):
    from typing import NamedTuple

    class Outputs(NamedTuple):
        score: torch.Tensor
        rest: torch.Tensor | None = None

    def predict(function):
        flavorkit.save_model(
            Function(function), tmp_path / "m", serialization_format="pickle", overwrite=True
        )
        return flavorkit.load_model(tmp_path / "m").predict(X)

    assert list(predict(lambda x: {"a": x, "b": x})) == ["a", "b"]
    assert list(predict(lambda x: (x, x))) == ["output_0", "output_1"]
    assert list(predict(Outputs)) == ["score"]


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda x: "text", "forward returned a str, not a tensor"),
        (lambda x: {"a": 1}, "its output a is a int, not a tensor"),
    ],
)
def test_what_is_no_tensor_is_no_prediction(tmp_path, function, problem):
    with pytest.raises(flavorkit.FlavorkitError, match=problem):
        flavorkit.save_model(
            Function(function), tmp_path / "m", input_example=X, serialization_format="pickle"
        )


def test_types_that_numpy_has_not_become_those_it_has(tmp_path):
    module = Function(lambda x: {"half": x.bfloat16(), "sparse": x.to_sparse()})
    flavorkit.save_model(module, tmp_path / "m", serialization_format="pickle")
    found = flavorkit.load_model(tmp_path / "m").predict(X)
    assert found["half"].dtype == np.float32
    assert found["sparse"].shape == (6, 3)


@pytest.mark.parametrize(
    "rows", [X[:, :3], np.array([["a"] * 4]), pd.DataFrame({"a": ["x"]}), [[1.0, 2.0], [3.0]]]
)
def test_rows_that_do_not_fit_are_the_callers_fault(tmp_path, rows):
    flavorkit.save_model(net(), tmp_path / "m")
    with pytest.raises(InvalidInputError, match=r"the model (cannot take|takes tensors)"):
        flavorkit.load_model(tmp_path / "m").predict(rows)


def test_an_index_out_of_range_is_the_callers_fault(tmp_path):
    rows = np.arange(6).reshape(2, 3)
    flavorkit.save_model(nn.Embedding(6, 2), tmp_path / "m", input_example=rows)
    with pytest.raises(InvalidInputError, match="index out of range"):
        flavorkit.load_model(tmp_path / "m").predict(rows + 9)


# Devices


@pytest.mark.parametrize("serialization_format", ["pt2", "pickle"])
def test_the_device_is_named_when_loading(tmp_path, serialization_format):
    flavorkit.save_model(
        net(), tmp_path / "m", input_example=X, serialization_format=serialization_format
    )
    native = flavorkit.pytorch.load_model(tmp_path / "m", device="meta")
    assert {tensor.device.type for tensor in native.parameters()} == {"meta"}
    loaded = flavorkit.load_model(tmp_path / "m", model_config={"device": "cpu"})
    assert loaded.predict(X).shape == (6, 3)
    with pytest.raises(InvalidInputError, match="device 'cuda:7'"):
        flavorkit.load_model(tmp_path / "m", model_config={"device": "cuda:7"})
    with pytest.raises(InvalidInputError, match="device 'abacus'"):
        flavorkit.pytorch.load_model(tmp_path / "m", device="abacus")


def test_map_location_is_as_in_mlflow(tmp_path):
    flavorkit.save_model(net(), tmp_path / "m")
    native = flavorkit.pytorch.load_model(tmp_path / "m", map_location=torch.device("meta"))
    assert {tensor.device.type for tensor in native.parameters()} == {"meta"}


def test_a_device_is_no_parameter(tmp_path):
    with pytest.raises(InvalidInputError, match="device is no parameter of a prediction"):
        flavorkit.save_model(
            net(),
            tmp_path / "m",
            input_example=(X, {"device": "cpu"}),
            serialization_format="pickle",
        )


# Pickles

NETWORK = """
import torch
from helper import FACTOR

class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, x):
        return self.layer(x) * FACTOR
"""


def test_a_class_of_the_script_goes_with_it(tmp_path):
    code = (
        NETWORK.replace("from helper import FACTOR", "FACTOR = 2")
        + """
import sys
import flavorkit
flavorkit.save_model(Network(), sys.argv[1])
"""
    )
    (tmp_path / "main.py").write_text(code)
    script(tmp_path / "main.py", tmp_path / "m")
    assert flavorkit.load_model(tmp_path / "m").predict(X).shape == (6, 1)


def test_pickle_itself_does_not_take_it_along(tmp_path):
    code = (
        NETWORK.replace("from helper import FACTOR", "FACTOR = 2")
        + """
import pickle, sys
import flavorkit
try:
    flavorkit.save_model(Network(), sys.argv[1], pickle_module=pickle)
except flavorkit.FlavorkitError as exc:
    print(exc)
"""
    )
    (tmp_path / "main.py").write_text(code)
    assert "a class that this script defines" in script(tmp_path / "main.py", tmp_path / "m")


@pytest.mark.parametrize("serialization_format", ["pickle", "pt2"])
def test_modules_of_the_users_go_with_it(tmp_path, serialization_format):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "network.py").write_text(NETWORK)
    (tmp_path / "code" / "helper.py").write_text("import tabulate\nFACTOR = 2")
    main = """
import sys
sys.path.insert(0, sys.argv[2])
sys.modules["tabulate"] = sys
import flavorkit, numpy, network
flavorkit.save_model(
    network.Network(), sys.argv[1], input_example=numpy.ones((2, 4), "float32"),
    serialization_format=sys.argv[3], code_paths=[f"{sys.argv[2]}/network.py", f"{sys.argv[2]}/helper.py"],
    pip_requirements=["torch"],
)
"""
    (tmp_path / "main.py").write_text(main)
    script(tmp_path / "main.py", tmp_path / "m", tmp_path / "code", serialization_format)
    if serialization_format == "pt2":
        assert flavorkit.load_model(tmp_path / "m").predict(X).shape == (6, 1)
        return
    check = """
import sys, types
sys.modules["tabulate"] = types.ModuleType("tabulate")
import flavorkit, numpy
model = flavorkit.load_model(sys.argv[1])
assert "helper" not in sys.modules
assert model.predict(numpy.ones((2, 4), "float32")).shape == (2, 1)
"""
    (tmp_path / "check.py").write_text(check)
    script(tmp_path / "check.py", tmp_path / "m")


def test_the_module_to_unpickle_with_is_never_imported(tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    flavorkit.save_model(net(), tmp_path / "m")
    (tmp_path / "m" / "manifest.json").unlink()
    (tmp_path / "m" / "data" / "pickle_module_info.txt").write_text("evil")
    with pytest.raises(UnreadableModelError, match="pickled with 'evil', and only pickle"):
        flavorkit.load_model(tmp_path / "m", trust="all")


def test_a_file_of_something_else_is_no_module(tmp_path):
    flavorkit.save_model(net(), tmp_path / "m")
    (tmp_path / "m" / "manifest.json").unlink()
    torch.save({"a": 1}, tmp_path / "m" / "data" / "model.pth")
    with pytest.raises(UnreadableModelError, match="holds a dict and no module"):
        flavorkit.load_model(tmp_path / "m", trust="all")


def test_what_cannot_be_pickled_is_said(tmp_path):
    module = net()
    module.lock = threading.Lock()
    with pytest.raises(UnsavableModelError, match=r"cannot write the module: .*lock"):
        flavorkit.save_model(module, tmp_path / "m")


@pytest.mark.parametrize("serialization_format", ["pt2", "pickle"])
def test_both_formats_are_code(tmp_path, serialization_format):
    flavorkit.save_model(
        net(), tmp_path / "m", input_example=X, serialization_format=serialization_format
    )
    (tmp_path / "m" / "manifest.json").unlink()
    with pytest.raises(TrustError, match="can run any code when it is loaded"):
        flavorkit.pytorch.load_model(tmp_path / "m")


def test_the_descriptor_has_the_keys_of_mlflow(tmp_path):
    flavorkit.save_model(net(), tmp_path / "m", input_example=X)
    flavors = ModelDescriptor.read(tmp_path / "m").flavors
    assert flavors["pytorch"] == {
        "code": None,
        "model_data": "data",
        "pytorch_version": str(torch.__version__),
    }
    section = flavors["python_function"]
    assert section["loader_module"] == "mlflow.pytorch"
    assert section["data"] == "data"
    assert section["config"] == {"device": None}
    assert section["pickle_module_name"] == "mlflow.pytorch.pickle_module"


# State dicts


def test_a_state_dict_loads_as_data(tmp_path):
    module = net()
    flavorkit.pytorch.save_state_dict(module.state_dict(), tmp_path / "s")
    found = flavorkit.pytorch.load_state_dict(tmp_path / "s")
    assert list(found) == list(module.state_dict())
    net().load_state_dict(found)
    elsewhere = flavorkit.pytorch.load_state_dict(tmp_path / "s", map_location="meta")
    assert {tensor.device.type for tensor in elsewhere.values()} == {"meta"}
    with pytest.raises(FileExistsError, match="not empty"):
        flavorkit.pytorch.save_state_dict(module.state_dict(), tmp_path / "s")


def test_a_checkpoint_with_an_optimizer_is_one_too(tmp_path):
    module = net()
    optimizer = torch.optim.Adam(module.parameters())
    state = {"model": module.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    flavorkit.pytorch.save_state_dict(state, tmp_path / "s")
    assert flavorkit.pytorch.load_state_dict(tmp_path / "s")["epoch"] == 3


def test_a_state_dict_holds_tensors_only(tmp_path):
    with pytest.raises(UnsavableModelError, match="tensors and plain values only"):
        flavorkit.pytorch.save_state_dict({"model": net()}, tmp_path / "s")
    with pytest.raises(TypeError, match=r"pass module.state_dict\(\)"):
        flavorkit.pytorch.save_state_dict(net(), tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_in_its_place_is_refused_and_never_run(tmp_path):
    (tmp_path / "s").mkdir()
    canary = tmp_path / "canary"
    bomb = f"cos\nsystem\n(S'touch {canary}'\ntR."
    (tmp_path / "s" / "state_dict.pth").write_text(bomb)
    with pytest.raises(UnreadableModelError, match="cannot be loaded"):
        flavorkit.pytorch.load_state_dict(tmp_path / "s")
    torch.save(net(), tmp_path / "s" / "state_dict.pth")
    with pytest.raises(UnreadableModelError, match="cannot be loaded"):
        flavorkit.pytorch.load_state_dict(tmp_path / "s")
    assert not canary.exists()
    (tmp_path / "s" / "state_dict.pth").unlink()
    with pytest.raises(UnreadableModelError, match="not there"):
        flavorkit.pytorch.load_state_dict(tmp_path / "s")
