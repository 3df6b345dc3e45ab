"""spaCy's pipelines, saved by MLflow and loaded by us."""

from __future__ import annotations

import pandas as pd
import pytest

import flavorkit
from flavorkit import manifest
from flavorkit.errors import TrustError
from tests.flavors.cases import spacy as cases

pytest.importorskip("spacy")
pytestmark = pytest.mark.xdist_group("spacy")

DATA = pd.DataFrame({"text": cases.TEXTS})


def save(mlflow, pipeline, folder, **options):
    import mlflow.spacy

    mlflow.spacy.save_model(pipeline, str(folder), pip_requirements=["spacy"], **options)
    return folder


@pytest.mark.parametrize("options", [{}, {"input_example": DATA[:2]}], ids=["bare", "example"])
def test_we_load_theirs(mlflow, tmp_path, options):
    pipeline = cases.textcat()
    folder = save(mlflow, pipeline, tmp_path / "m", **options)
    with pytest.raises(TrustError, match="nobody has signed it"):
        flavorkit.load_model(folder)
    loaded = flavorkit.load_model(folder, trust=manifest.verify(folder).digest)
    expected = mlflow.pyfunc.load_model(str(folder)).predict(DATA)
    pd.testing.assert_frame_equal(loaded.predict(DATA), expected)
    native = flavorkit.spacy.load_model(folder, trust="all")
    assert native("a good day").cats == pipeline("a good day").cats


def test_their_pipelines_of_other_kinds_come_back_natively(mlflow, tmp_path):
    folder = save(mlflow, cases.rules(), tmp_path / "m")
    native = flavorkit.spacy.load_model(folder, trust="all")
    assert [entity.text for entity in native("in Berlin").ents] == ["Berlin"]


def test_mlflow_finds_entities_through_our_loader(mlflow, tmp_path):
    flavorkit.save_model(cases.rules(), tmp_path / "m", input_example=DATA[:2])
    theirs = mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(DATA)
    ours = flavorkit.load_model(tmp_path / "m").predict(DATA)
    pd.testing.assert_frame_equal(theirs, ours)
