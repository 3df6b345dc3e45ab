"""spaCy's pipelines: texts in, categories or entities out."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.errors import InvalidInputError, UnsavableModelError
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.reading import data_file, reading
from flavorkit.flavors.spacy.modules import home_of, modules_of, warn_of_hidden
from flavorkit.signature.columns import is_missing, object_array
from flavorkit.trust import Grant

_DATA = "model.spacy"
_OWN_LOADER = "flavorkit.mlflow_loader"


class Spacy(Flavor):
    """Pipelines of spaCy that categorise texts or find entities in them."""

    name = "spacy"
    modules = ("spacy",)
    packages = ("spacy",)
    accepts = ("dataframe", "array", "list")
    model_argument = "spacy_model"
    loader_module = "mlflow.spacy"

    def save(self, model: Any, folder: Path) -> Saved:
        """Write the folder ``model.spacy``, as ``nlp.to_disk`` does.

        Args:
            model: a ``spacy.language.Language`` with all its components.
            folder: where to.
        """
        import spacy

        if not isinstance(model, spacy.language.Language):
            raise UnsavableModelError(
                f"a {type(model).__qualname__} is a part of a pipeline; save the nlp object itself"
            )
        try:
            model.to_disk(folder / _DATA)
        except Exception as exc:  # components write themselves
            raise UnsavableModelError(
                f"spaCy cannot write the pipeline ({type(exc).__name__}: {exc}); a component of"
                " your own needs the methods to_disk and from_disk"
            ) from exc
        warn_of_hidden(modules_of(model))
        section = {"spacy_version": spacy.__version__, "data": _DATA, "code": None}
        pyfunc: dict[str, Any] | None = {"data": _DATA}
        if not _categorises(model):
            # MLflow's own loader knows categories only.
            pyfunc = {"data": _DATA, "loader_module": _OWN_LOADER} if _finds(model) else None
        return Saved(config=section, pyfunc=pyfunc)

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Loaded:
        """Build the pipeline that the folder's configuration describes."""
        self.check_grant(folder, config, trust)
        import spacy

        path = data_file(folder, {"data": _DATA, **config})
        with reading(path):
            native = spacy.load(path)
        return Loaded(native, modules_of(native))

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """The categories of each text, or its entities where nothing in the pipeline has any."""
        column, answer = ("predictions", _categories) if _categorises(native) else _ENTITIES
        lock = threading.Lock()

        def predict(data: Any, params: Mapping[str, Any]) -> Any:
            texts = _texts_of(data, native.max_length)
            with lock:
                found = _answers(native, texts, answer)
            index = data.index if isinstance(data, pd.DataFrame) else None
            return pd.DataFrame({column: pd.Series(object_array(found), index, dtype=object)})

        return predict

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str:
        """Always: any registered function can be named, and components may use pickle."""
        return (
            f"{_DATA} names functions that spaCy calls to build it, and its components read their"
            " files as they like, which can run any code"
        )

    def row_wise(self, native: Any) -> bool:
        """SpaCy's own components look at one text at a time; of others nobody knows."""
        homes = {home_of(pipe) for _, pipe in native.pipeline}
        return all(home.partition(".")[0] == "spacy" for home in homes)


def _answers(native: Any, texts: list[str], answer: Any) -> list[Any]:
    """What ``answer`` makes of each text's document.

    spaCy keeps every word that it has ever seen, unless it works in a memory zone, which frees
    those of the documents when it ends. A zone belongs to the pipeline: one thread at a time.
    """
    failure = None
    found: list[Any] = []
    with native.memory_zone():
        # A failure that leaves the zone breaks the pipeline (spaCy's issue 13924).
        try:
            # A text without words is categorised differently when it is the only one of a batch.
            # Alone is how MLflow asks for each.
            empty = answer(native("")) if "" in texts else None
            documents = native.pipe(text for text in texts if text)
            found += [answer(next(documents)) if text else empty for text in texts]
        except Exception as exc:  # noqa: BLE001 - raised below
            failure = exc
    if failure is not None:
        raise failure
    return found


def _categories(document: Any) -> dict[str, float]:
    return dict(document.cats)


def _entities(document: Any) -> list[dict[str, Any]]:
    return [
        {"text": span.text, "label": span.label_, "start": span.start_char, "end": span.end_char}
        for span in document.ents
    ]


_ENTITIES = ("entities", _entities)


def _texts_of(data: Any, longest: int) -> list[str]:
    """The texts in a frame of one column, an array of shape ``(n,)`` or ``(n, 1)``, or a list.

    Raises:
        InvalidInputError: there is not one column, or a cell of it is no text or too long a one.
    """
    if isinstance(data, pd.DataFrame):
        width, cells = data.shape[1], data.to_numpy(object).ravel()
    else:
        array = data if isinstance(data, np.ndarray) else object_array(data)
        width, cells = int(np.prod(array.shape[1:])), array.ravel()
    if width != 1:
        raise InvalidInputError(f"expected one column of texts, got {width} columns")
    texts = cells.tolist()
    for row, text in enumerate(texts):
        if is_missing(text):
            raise InvalidInputError(f"row {row}: the text is missing; an empty text is ''")
        if not isinstance(text, str):
            raise InvalidInputError(f"row {row}: expected a text, got a {type(text).__name__}")
        if len(text) > longest:
            raise InvalidInputError(
                f"row {row}: the text has {len(text)} characters, and the pipeline takes {longest}"
            )
    return texts


def _categorises(native: Any) -> bool:
    from spacy.pipeline import TextCategorizer

    return any(isinstance(pipe, TextCategorizer) for _, pipe in native.pipeline)


def _finds(native: Any) -> bool:
    """Whether a component says that it sets the entities of a document."""
    return any("doc.ents" in native.get_pipe_meta(name).assigns for name in native.pipe_names)
