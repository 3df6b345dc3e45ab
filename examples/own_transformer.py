"""A model with a class of one's own, and how that decides who may load it.

Run it with ``python examples/own_transformer.py``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from words import Length

import flavorkit
from flavorkit.exceptions import TrustError


def main() -> None:
    answers = ["yes", "no", "a long and winding answer", "one that goes on and on and on"]
    X = pd.DataFrame({"text": answers})
    model = make_pipeline(Length(), LogisticRegression()).fit(X, ["brief"] * 2 + ["verbose"] * 2)

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "verbosity")
        # `words` is not an installed package: the folder of the model takes no copy of it, so it
        # must be importable where the model is loaded.
        flavorkit.save_model(model, folder, input_example=X[:2])

        # You signed it by saving it, so it loads, and with it your class.
        unseen = pd.DataFrame({"text": ["maybe", "a bit of this and a bit of that"]})
        print(flavorkit.load_model(folder).predict(unseen))

        # As a stranger's model it would not: building a Length may run code.
        try:
            flavorkit.load_model(folder, trust="data")
        except TrustError as exc:
            print(exc)

        # Unless the one who loads it has looked at that class and names it.
        named = flavorkit.load_model(folder, trust=["words.Length"])
        print(named.predict(unseen))


if __name__ == "__main__":
    main()
