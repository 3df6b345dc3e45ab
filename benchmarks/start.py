"""What the first second goes into: importing, --help, and a server's way to its first answer."""

from __future__ import annotations

import model
from harness import Figure, flavorkit_server, mlflow_server, python, show, side_by_side


def figures() -> list[Figure]:
    return [*_commands(), *_servers()]


def _commands() -> list[Figure]:
    seconds = side_by_side(
        {
            "empty": python("-c", "pass"),
            "import": python("-c", "import flavorkit"),
            "help": python("-m", "flavorkit", "--help"),
            "mlflow import": python("-c", "import mlflow"),
            "mlflow help": python("-m", "mlflow", "--help"),
        },
        {"empty": 21, "import": 21, "help": 21, "mlflow import": 5, "mlflow help": 5},
    )
    above = {name: value - seconds["empty"] for name, value in seconds.items()}
    return [
        Figure(
            "`import`, above an empty interpreter",
            above["import"],
            "s",
            0.06,
            above["mlflow import"],
        ),
        Figure(
            "`--help`, above an empty interpreter", above["help"], "s", 0.15, above["mlflow help"]
        ),
    ]


# What this model needs whoever serves it: its format and the frames of its requests.
NEEDED = "import pandas, skops.io, sklearn.linear_model"


def _servers() -> list[Figure]:
    folder, body = model.folder(), model.one_row()
    first: dict[str, list[float]] = {"flavorkit": [], "mlflow": []}

    def ours() -> None:
        with flavorkit_server(folder, body) as server:
            first["flavorkit"].append(server.seconds_to_first_answer)

    def theirs() -> None:
        with mlflow_server(folder, body) as server:
            first["mlflow"].append(server.seconds_to_first_answer)

    seconds = side_by_side(
        {"needed": python("-c", NEEDED), "flavorkit": ours, "mlflow": theirs},
        {"needed": 9, "flavorkit": 9, "mlflow": 3},
    )
    middle = {name: sorted(values)[len(values) // 2] for name, values in first.items()}
    return [
        Figure(
            "serve: process start to first answer", middle["flavorkit"], "s", None, middle["mlflow"]
        ),
        Figure(
            "the same, above importing what the model needs",
            middle["flavorkit"] - seconds["needed"],
            "s",
            0.25,
            middle["mlflow"] - seconds["needed"],
        ),
    ]


if __name__ == "__main__":
    show(figures())
