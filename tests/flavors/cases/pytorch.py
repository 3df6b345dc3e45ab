from __future__ import annotations

import numpy as np
import pandas as pd

from flavorkit.testing import Case, Model


def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(6, 4)), columns=list("abcd"))


def matrix(dtype="float32"):
    return table().to_numpy(dtype)


def pairs():
    rng = np.random.default_rng(0)
    return {
        "item": rng.integers(0, 10, 6),
        "dense": rng.normal(size=(6, 2)).astype("float32"),
    }


def net():
    from torch import manual_seed, nn

    manual_seed(0)
    hidden = (nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(0.5))
    return nn.Sequential(*hidden, nn.Linear(8, 3))


def classes():
    """Classes of a script: what is defined in a function, no other process can import."""
    import torch
    from torch import nn

    class Pairs(nn.Module):
        def __init__(self, outputs):
            super().__init__()
            self.items, self.out = nn.Embedding(10, 4), nn.Linear(6, 2)
            self.outputs = outputs

        def forward(self, item, dense):
            hidden = torch.cat([self.items(item), dense], 1)
            scores = self.out(hidden)
            if self.outputs == "dict":
                return {"scores": scores, "hidden": hidden}
            return (scores, hidden) if self.outputs == "tuple" else scores

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(4, 1)

        def forward(self, x, scale: float = 1.0):
            return self.out(x).squeeze(-1) * scale

    return Pairs, Scaled


def of_net(data, *, training=False):
    def fit():
        return net().train(training), data()

    return fit


def of_pairs(outputs=None):
    def fit():
        import torch

        torch.manual_seed(0)
        return classes()[0](outputs).eval(), pairs()

    return fit


def scaled():
    import torch

    torch.manual_seed(0)
    return classes()[1]().eval(), matrix()


def double():
    return net().double(), matrix("float64")


def scripted():
    import torch

    return torch.jit.script(net().eval()), matrix()


def traced():
    import torch

    return torch.jit.trace(net().eval(), torch.tensor(matrix())), matrix()


def program():
    import torch

    example = (torch.tensor(matrix()),)
    shapes = ({0: torch.export.Dim.AUTO},)
    return torch.export.export(net().eval(), example, dynamic_shapes=shapes), matrix()


def predict(native, data, **params):
    import torch

    if isinstance(native, torch.export.ExportedProgram):
        native = native.module()
    elif not isinstance(native, torch.fx.GraphModule):
        native.eval()
    dtype = next(native.parameters()).dtype
    with torch.no_grad():
        if isinstance(data, dict):
            found = native(*map(torch.tensor, data.values()), **params)
        else:
            found = native(torch.tensor(np.asarray(data), dtype=dtype), **params)
    if isinstance(found, tuple):
        found = {f"output_{i}": one for i, one in enumerate(found)}
    if isinstance(found, dict):
        return {name: one.numpy() for name, one in found.items()}
    return pd.DataFrame(found.numpy()) if isinstance(data, pd.DataFrame) else found.numpy()


PICKLE = {"serialization_format": "pickle"}
# Batches of other sizes are multiplied by other instructions.
CLOSE = {"is_data": False, "rtol": 1e-5}

CASE = Case(
    flavor="pytorch",
    packages=("torch",),
    other_packages=("cloudpickle", "numpy"),
    ignored_warnings=("ignore:.torch.jit.* is deprecated:DeprecationWarning",),
    models=(
        Model("array", of_net(matrix), predict, **CLOSE),
        Model("one row", of_net(matrix), predict, example_rows=1, **CLOSE),
        Model("training", of_net(matrix, training=True), predict, **CLOSE),
        Model("frame", of_net(table), predict, **CLOSE),
        Model("double", double, predict, **CLOSE),
        Model("array of doubles", of_net(lambda: matrix("float64")), predict, **CLOSE),
        Model("several inputs", of_pairs(), predict, **CLOSE),
        Model("several outputs", of_pairs("dict"), predict, **CLOSE),
        Model("tuple", of_pairs("tuple"), predict, **CLOSE),
        Model("program", program, predict, **CLOSE),
        Model("pickle", of_net(matrix), predict, PICKLE, **CLOSE),
        Model("pickle frame", of_net(table), predict, PICKLE, **CLOSE),
        Model("pickle several", of_pairs("dict"), predict, PICKLE, **CLOSE),
        Model("pickle params", scaled, predict, PICKLE, params={"scale": 2.0}, **CLOSE),
        Model("scripted", scripted, predict, **CLOSE),
        Model("traced", traced, predict, **CLOSE),
    ),
)
