"""What is promised of spaCy's pipelines beside what every flavor promises."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import yaml

import flavorkit
from flavorkit.descriptor import PYFUNC, ModelDescriptor
from flavorkit.errors import (
    DescriptorError,
    InvalidInputError,
    TrustError,
    UnreadableModelError,
    UnsavableModelError,
)
from flavorkit.flavors.registry import get_flavor
from tests.flavors.cases import spacy as cases

spacy = pytest.importorskip("spacy")
pytestmark = pytest.mark.xdist_group("spacy")


@pytest.fixture(scope="module")
def pipeline():
    return cases.trained(["textcat"])


@pytest.fixture(scope="module")
def folder(pipeline, tmp_path_factory):
    path = tmp_path_factory.mktemp("spacy") / "m"
    flavorkit.spacy.save_model(spacy_model=pipeline, path=path, input_example=frame("a", "b"))
    return path


@pytest.fixture(scope="module")
def bare(pipeline, tmp_path_factory):
    """Saved without an example, and so without a signature."""
    path = tmp_path_factory.mktemp("spacy") / "bare"
    flavorkit.save_model(pipeline, path)
    return flavorkit.load_model(path)


def frame(*texts):
    return pd.DataFrame({"text": texts})


def test_categories_are_for_mlflows_loader_and_entities_for_ours(folder, tmp_path):
    def loader(path):
        return ModelDescriptor.read(path).flavors[PYFUNC]["loader_module"]

    flavorkit.save_model(cases.rules(), tmp_path / "m")
    assert loader(folder) == "mlflow.spacy"
    assert loader(tmp_path / "m") == "flavorkit.mlflow_loader"


def test_a_pipeline_with_neither_is_saved_for_its_own_loader(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    with pytest.warns(UserWarning, match="has nothing to predict with"):
        flavorkit.save_model(nlp, tmp_path / "m")
    with pytest.raises(DescriptorError, match="cannot predict"):
        flavorkit.load_model(tmp_path / "m")
    loaded = flavorkit.spacy.load_model(tmp_path / "m")
    assert [str(part) for part in loaded("One. Two.").sents] == ["One.", "Two."]


@pytest.mark.parametrize(
    "texts",
    [
        ["a good day", "bad"],
        np.array(["a good day", "bad"]),
        np.array([["a good day"], ["bad"]]),
        pd.Series(["a good day", "bad"]),
        pd.DataFrame({"anything": ["a good day", "bad"]}),
    ],
    ids=lambda texts: type(texts).__name__,
)
def test_without_a_signature_one_column_of_texts_comes_in_anything(bare, pipeline, texts):
    found = bare.predict(texts)["predictions"].tolist()
    assert found == [pipeline(text).cats for text in ("a good day", "bad")]


def test_the_index_of_a_frame_is_kept(bare):
    found = bare.predict(pd.DataFrame({"text": ["a", "b"]}, index=[7, 9]))
    assert found.index.tolist() == [7, 9]


def test_an_empty_text_is_answered_as_if_it_were_alone(bare, pipeline):
    alone = pipeline("").cats
    assert bare.predict(["", "a good day", ""])["predictions"].tolist()[::2] == [alone, alone]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (["good", None], r"row 1: the text is missing; an empty text is ''"),
        ([float("nan")], r"row 0: the text is missing"),
        (pd.DataFrame({"text": ["a", pd.NA]}), r"row 1: the text is missing"),
        ([1], r"row 0: expected a text, got a int"),
        (["x" * 1_000_001], r"row 0: the text has 1000001 characters, and the pipeline takes 1000"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), r"expected one column of texts, got 2 columns"),
        (np.array([["x", "y"]]), r"expected one column of texts, got 2 columns"),
    ],
)
def test_what_is_no_text_is_the_callers_mistake(bare, data, problem):
    with pytest.raises(InvalidInputError, match=problem):
        bare.predict(data)


def test_a_missing_text_is_refused_with_a_signature_too(folder):
    with pytest.raises(InvalidInputError, match="missing"):
        flavorkit.load_model(folder).predict(pd.DataFrame({"text": ["a", None]}))


def test_a_part_of_a_pipeline_is_no_model(pipeline, tmp_path):
    with pytest.raises(UnsavableModelError, match="save the nlp object itself"):
        flavorkit.save_model(pipeline("a text"), tmp_path / "m")


def test_a_component_that_cannot_be_written_is_said(tmp_path):
    nlp = spacy.blank("en")
    cat = nlp.add_pipe("sentencizer")
    cat.punct_chars = {object()}
    with pytest.raises(UnsavableModelError, match="needs the methods to_disk and from_disk"):
        flavorkit.save_model(nlp, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_component_that_nobody_will_import_is_warned_of(tmp_path):
    @spacy.Language.component("flavorkit_shouting", assigns=["doc.ents"])
    def shouting(document):
        return document

    nlp = spacy.blank("en")
    nlp.add_pipe("flavorkit_shouting")
    hidden = f"components or functions of {__name__}, which have to be"
    with (
        pytest.warns(UserWarning, match=hidden),
        pytest.warns(UserWarning, match="which no installed package provides"),
    ):
        flavorkit.save_model(nlp, tmp_path / "m")
    loaded = flavorkit.load_model(tmp_path / "m")
    assert loaded.predict(["x"])["entities"].tolist() == [[]]
    assert not loaded.is_row_wise  # of spaCy's own components alone it is known


def test_rows_are_known_to_be_independent_for_spacys_own_components(bare):
    assert bare.is_row_wise


def test_words_of_texts_are_not_kept(bare):
    strings = bare.get_raw_model().vocab.strings
    before = len(strings)
    bare.predict([f"word{number}" for number in range(500)])
    assert len(strings) == before


def test_a_failing_pipeline_works_again_at_the_next_call(tmp_path):
    nlp = cases.rules()
    flavorkit.save_model(nlp, tmp_path / "m")
    loaded = flavorkit.load_model(tmp_path / "m")
    native = loaded.get_raw_model()
    tokenizer = native.tokenizer

    def failing(text):
        if text == "fail":
            raise ZeroDivisionError("in the tokenizer")
        return tokenizer(text)

    native.tokenizer = failing
    with pytest.raises(ZeroDivisionError, match="in the tokenizer"):
        loaded.predict(["unseen words", "fail"])
    assert loaded.predict(["more unseen words of Berlin"])["entities"][0][0]["text"] == "Berlin"


def test_threads_share_a_pipeline(bare, pipeline):
    texts = [[f"good thing {number}" * (number % 7)] for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(bare.predict, texts))
    assert [one["predictions"][0] for one in found] == [pipeline(text).cats for [text] in texts]


def test_a_function_that_nobody_has_registered_is_a_file_that_cannot_be_read(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "m")
    (copy / "manifest.json").unlink()
    config = copy / "model.spacy" / "config.cfg"
    config.write_text(config.read_text().replace("spacy.TextCatBOW.v3", "os.system"))
    with pytest.raises(TrustError, match="names functions that spaCy calls"):
        flavorkit.load_model(copy)
    with pytest.raises(UnreadableModelError, match=r"os\.system"):
        flavorkit.load_model(copy, trust="all")


def test_the_flavor_itself_refuses_without_trust(folder):
    from flavorkit.trust import Evidence, Grant

    grant = Grant(False, frozenset(), Evidence(folder, "sha256:"), "nobody has signed it")
    with pytest.raises(TrustError, match="can run any code"):
        get_flavor("spacy").load(folder, {}, trust=grant)


def test_old_folders_of_mlflow_do_not_name_the_data(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "m")
    (copy / "manifest.json").unlink()
    written = yaml.safe_load((copy / "MLmodel").read_text())
    del written["flavors"]["spacy"]["data"]
    (copy / "MLmodel").write_text(yaml.safe_dump(written))
    assert flavorkit.spacy.load_model(copy, trust="all").pipe_names == ["textcat"]
