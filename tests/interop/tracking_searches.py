"""What is searched, and what is found: by MLflow's clients and ours, on either server."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

SPACED = "`a b/c`"


@dataclass(frozen=True)
class Logged:
    """What one run has; it begins at its number in seconds, and ends half a second later."""

    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    status: str = "FINISHED"
    dataset: tuple[str, str, str] | None = None


RUNS = {
    "r1": Logged({"acc": 0.1, "loss": 1.0}, {"lr": "0.1", "opt": "sgd"}, {"team": "red"}),
    "r2": Logged({"acc": 0.5, "loss": 0.5}, {"lr": "0.01", "opt": "adam"}, {"team": "blue"}),
    "r3": Logged(
        {"acc": 0.9, "loss": 0.1},
        {"lr": "0.01", "opt": "Adam"},
        {"team": "red", "note": "it's best"},
        "FAILED",
        ("flowers", "d1", "train"),
    ),
    "R4": Logged(
        {"acc": -1.5, "a b/c": 2.0}, {"x y": "1", "off": "50% a_b"}, {"größe": "ü"}, "KILLED"
    ),
    "r5": Logged({"big": math.inf}, {"empty": ""}, {}, "RUNNING", ("birds", "d2", "eval")),
    "r6": Logged(),
}

# By what each finds, in any order.
RUN_FILTERS = {
    "": "r1 r2 r3 R4 r5 r6",
    "metrics.acc > 0.1": "r2 r3",
    "metrics.acc >= 0.1": "r1 r2 r3",
    "metrics.acc < 0.1": "R4",
    "metrics.acc <= -1.5": "R4",
    "metrics.acc = 0.5": "r2",
    "metrics.acc != 0.5": "r1 r3 R4",
    "metric.acc > 1e-1": "r2 r3",
    f"metrics.{SPACED} = 2": "R4",
    'metrics."a b/c" > 1': "R4",
    "metrics.big > 1e300": "r5",
    "metrics.none > 0": "",
    "metrics.acc > 0 and metrics.loss < 0.5": "r3",
    "metrics.acc > 0 AND metrics.loss <= 0.5 AND params.lr = '0.01'": "r2 r3",
    "params.lr = '0.01'": "r2 r3",
    'params.lr = "0.1"': "r1",
    "params.lr != '0.1'": "r2 r3",
    "param.opt LIKE 'a%'": "r2",
    "parameters.opt ILIKE 'a%'": "r2 r3",
    "params.opt LIKE '%d%'": "r1 r2 r3",
    "params.opt LIKE 'sg_'": "r1",
    "params.opt LIKE '_dam'": "r2 r3",
    "params.`x y` = '1'": "R4",
    "params.off LIKE '50%'": "R4",
    "params.empty = ''": "r5",
    "params.lr IS NULL": "R4 r5 r6",
    "params.lr IS NOT NULL": "r1 r2 r3",
    "tags.team = 'red'": "r1 r3",
    "tag.team != 'red'": "r2",
    "tags.team LIKE '%e%'": "r1 r2 r3",
    "tags.team ILIKE 'RE%'": "r1 r3",
    "tags.team IS NULL": "R4 r5 r6",
    "tags.team IS NOT NULL AND metrics.acc > 0.4": "r2 r3",
    "tags.`team` = 'blue'": "r2",
    """tags.note = "it's best\"""": "r3",
    "tags.`größe` = 'ü'": "R4",
    "tags.mlflow.runName = 'r2'": "r2",
    "tags.`mlflow.runName` LIKE 'r%'": "r1 r2 r3 r5 r6",
    "status = 'FINISHED'": "r1 r2 r6",
    "attributes.status = 'FAILED'": "r3",
    "attribute.status != 'FINISHED'": "r3 R4 r5",
    "status LIKE 'K%'": "R4",
    "attr.status ILIKE 'r%'": "r5",
    "run.status = 'RUNNING'": "r5",
    "run_name = 'r1'": "r1",
    "attributes.run_name LIKE 'r%'": "r1 r2 r3 r5 r6",
    "run_name ILIKE 'r%'": "r1 r2 r3 R4 r5 r6",
    "`run name` = 'R4'": "R4",
    "attributes.\"Run Name\" = 'r6'": "r6",
    "run_name != 'r1'": "r2 r3 R4 r5 r6",
    "start_time > 3000": "R4 r5 r6",
    "start_time >= 3000 AND start_time < 5000": "r3 R4",
    "attributes.start_time = 1000": "r1",
    "start_time != 1000": "r2 r3 R4 r5 r6",
    "end_time <= 2500": "r1 r2",
    "created > 5000": "r6",
    "run_id IN ('{r1}', '{r5}')": "r1 r5",
    "run_id NOT IN ('{r1}', '{r5}')": "r2 r3 R4 r6",
    "attributes.run_id = '{r2}'": "r2",
    "artifact_uri LIKE '%{r3}%'": "r3",
    "user_id = 'nobody at all'": "",
    "datasets.name = 'flowers'": "r3",
    "dataset.digest = 'd2'": "r5",
    "datasets.context = 'train'": "r3",
    "datasets.name LIKE '%r%'": "r3 r5",
    "dataset.context IN ('train', 'eval')": "r3 r5",
    "datasets.name = 'birds' AND status = 'RUNNING' AND params.empty = ''": "r5",
}

# Orders, and what comes then.
RUN_ORDERS = {
    (): "r6 r5 R4 r3 r2 r1",
    ("start_time ASC",): "r1 r2 r3 R4 r5 r6",
    ("attributes.start_time DESC",): "r6 r5 R4 r3 r2 r1",
    ("end_time ASC",): "r1 r2 r3 R4 r6 r5",
    ("metrics.acc",): "R4 r1 r2 r3 r6 r5",
    ("metrics.acc ASC", "start_time ASC"): "R4 r1 r2 r3 r5 r6",
    ("metrics.acc DESC", "start_time ASC"): "r3 r2 r1 R4 r5 r6",
    (f"metrics.{SPACED} DESC", "start_time ASC"): "R4 r1 r2 r3 r5 r6",
    ("params.lr ASC", "start_time ASC"): "r2 r3 r1 R4 r5 r6",
    ("param.lr DESC", "start_time DESC"): "r1 r3 r2 r6 r5 R4",
    ("tags.team", "metrics.acc DESC", "start_time"): "r2 r3 r1 R4 r5 r6",
    ("status", "start_time"): "r3 r1 r2 r6 R4 r5",
    ("attributes.status DESC", "start_time DESC"): "r5 R4 r6 r2 r1 r3",
    ("run_name ASC",): "R4 r1 r2 r3 r5 r6",
    ("attributes.run_name DESC",): "r6 r5 r3 r2 r1 R4",
}

# Registered models whose names begin with "both".
MODELS = {"both-fox": {"team": "red"}, "both-foxes": {"team": "blue"}, "both-Lynx": {}}
MODEL_FILTERS = {
    "name = 'both-fox'": "both-fox",
    "name LIKE 'both-fox%'": "both-fox both-foxes",
    "name ILIKE 'BOTH-L%'": "both-Lynx",
    "tags.team = 'red'": "both-fox",
    "tag.team != 'red'": "both-foxes",
    "tags.`team` LIKE 'b%'": "both-foxes",
    "name LIKE 'both%' AND tags.team ILIKE 'R%'": "both-fox",
}
MODEL_ORDERS = {
    (): "both-Lynx both-fox both-foxes",
    ("name DESC",): "both-foxes both-fox both-Lynx",
    ("name ASC",): "both-Lynx both-fox both-foxes",
}

# Versions of "both-fox", by number.
VERSIONS = {1: {"checked": "yes"}, 2: {}, 3: {"checked": "no"}}
VERSION_FILTERS = {
    "": "1 2 3",
    "version_number = 2": "2",
    "version_number > 1": "2 3",
    "tags.checked = 'yes'": "1",
    "tag.checked != 'yes'": "3",
    "tags.checked LIKE '%o'": "3",
    "source_path = 's3://bucket/2'": "2",
    "run_id = '{r1}'": "1",
    "run_id IN ('{r1}', '{r3}')": "1 3",
}
VERSION_ORDERS = {
    ("version_number ASC",): "1 2 3",
    ("version_number DESC",): "3 2 1",
    ("creation_timestamp ASC",): "1 2 3",
}

# Logged models of the same experiment, and what they measured.
LOGGED_MODELS = {"m1": 0.25, "m2": 0.5, "n3": 0.75}
LOGGED_FILTERS = {
    "name = 'm1'": "m1",
    "name LIKE 'm%'": "m1 m2",
    "metrics.f1 > 0.25": "m2 n3",
    "metrics.f1 <= 0.5 AND name != 'm1'": "m2",
    "params.of = 'm2'": "m2",
    "tags.team = 'red'": "m1 m2 n3",
    "source_run_id != '{r1}'": "",
    "source_run_id = '{r1}'": "m1 m2 n3",
    "model_type = 'agent'": "",
}
LOGGED_ORDERS = {"name": "m1 m2 n3", "metrics.f1": "m1 m2 n3"}
