"""PyTorch's modules and state dicts, saved by MLflow and loaded by us."""

from __future__ import annotations

import numpy as np
import pytest

import flavorkit
from flavorkit import manifest
from flavorkit.errors import TrustError
from tests.flavors.cases import pytorch as cases

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.xdist_group("pytorch")

DATA = cases.matrix()
MODULES = {
    "pickle": (cases.net, {"serialization_format": "pickle"}),
    "pickle module": (cases.net, {"serialization_format": "pickle", "pickle_module": "pickle"}),
    "pt2": (cases.net, {"serialization_format": "pt2", "input_example": DATA}),
    "scripted": (lambda: torch.jit.script(cases.net()), {"serialization_format": "pickle"}),
    "of a function": (lambda: cases.scaled()[0], {"serialization_format": "pickle"}),
}


def save(mlflow, module, folder, pickle_module=None, **options):
    import pickle

    import mlflow.pytorch

    if pickle_module:
        options["pickle_module"] = pickle
    mlflow.pytorch.save_model(module, str(folder), pip_requirements=["torch"], **options)
    return folder


@pytest.mark.parametrize("kind", MODULES)
def test_we_load_theirs(mlflow, tmp_path, monkeypatch, kind):
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
    make, options = MODULES[kind]
    module = make().eval()
    folder = save(mlflow, module, tmp_path / "m", **options)
    with pytest.raises(TrustError, match="nobody has signed it"):
        flavorkit.load_model(folder)
    loaded = flavorkit.load_model(folder, trust=manifest.verify(folder).digest)
    expected = mlflow.pyfunc.load_model(str(folder)).predict(DATA)
    np.testing.assert_allclose(loaded.predict(DATA), expected, rtol=1e-6)
    native = flavorkit.pytorch.load_model(folder, trust="all")
    with torch.no_grad():
        np.testing.assert_allclose(native(torch.tensor(DATA)).numpy(), expected, rtol=1e-6)


def test_state_dicts_go_both_ways(mlflow, tmp_path):
    import mlflow.pytorch

    state = cases.net().state_dict()
    mlflow.pytorch.save_state_dict(state, str(tmp_path / "theirs"))
    flavorkit.pytorch.save_state_dict(state, tmp_path / "ours")
    found = flavorkit.pytorch.load_state_dict(tmp_path / "theirs")
    back = mlflow.pytorch.load_state_dict(str(tmp_path / "ours"))
    for name, tensor in state.items():
        assert torch.equal(found[name], tensor)
        assert torch.equal(back[name], tensor)


def test_a_device_is_named_as_in_mlflow(mlflow, tmp_path):
    flavorkit.save_model(cases.net(), tmp_path / "m", input_example=DATA)
    config = {"device": "cpu"}
    theirs = mlflow.pyfunc.load_model(str(tmp_path / "m"), model_config=config)
    ours = flavorkit.load_model(tmp_path / "m", model_config=config)
    np.testing.assert_allclose(ours.predict(DATA), theirs.predict(DATA), rtol=1e-6)
