"""A MOJO file, made by hand: the releases of H2O that export them to everybody are old ones."""

from __future__ import annotations

import json
import zipfile

MODEL = """\
[info]
h2o_version = 3.46.0.1
mojo_version = 1.00
license = Apache License Version 2.0
algo = glm
algorithm = Generalized Linear Modeling
endianness = LITTLE_ENDIAN
category = Regression
uuid = 1
supervised = true
n_features = 2
n_classes = 1
n_columns = 3
n_domains = 0
balance_classes = false
default_threshold = 0.5
prior_class_distrib = null
model_class_distrib = null
timestamp = 2024-01-01 00:00:00
escape_domain_values = true
use_all_factor_levels = false
cats = 0
cat_modes = []
cat_offsets = [0]
nums = 2
num_means = [0.0, 0.0]
mean_imputation = true
beta = [2.0, 3.0, 1.0]
family = gaussian
link = identity

[columns]
x
y
size

[domains]
"""

# What H2O itself wants to know of a model that it did not train.
PARAMETERS = {
    "family": ("enum", "gaussian"),
    "link": ("enum", "identity"),
    "lambda": ("double[]", [0.0]),
    "alpha": ("double[]", [0.5]),
    "tweedie_variance_power": ("double", 0.0),
    "tweedie_link_power": ("double", 1.0),
    "theta": ("double", 0.0),
}
DETAILS = {
    "parameters": [
        {"name": name, "type": kind, "actual_value": value}
        for name, (kind, value) in PARAMETERS.items()
    ],
    "output": {"model_summary": None, "variable_importances": None, "training_metrics": None},
}


def write_mojo(path):
    """A linear model: 2 x + 3 y + 1."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.ini", MODEL)
        archive.writestr("experimental/modelDetails.json", json.dumps(DETAILS))
    return path
