from __future__ import annotations

import numpy as np
import pandas as pd

from flavorkit.testing import Case, Model

TEXTS = (
    *("a good day", "bad news from Berlin", "", "Zürich is fine — Berlin\nis not"),
    "good good bad awful",
)
CATEGORISED = {"good": ("good fine day", "a good one"), "bad": ("bad awful news", "a bad one")}


# Of words alone, with a table of few rows: the default takes megabytes.
SMALL = {
    name: {
        "model": {
            "@architectures": "spacy.TextCatBOW.v3",
            "exclusive_classes": name == "textcat",
            "ngram_size": 1,
            "no_output_layer": False,
            "length": 1024,
        }
    }
    for name in ("textcat", "textcat_multilabel")
}


def trained(pipes, *, lang="en"):
    import spacy
    from spacy.training import Example
    from spacy.util import fix_random_seed

    fix_random_seed(0)
    nlp = spacy.blank(lang)
    for pipe in pipes:
        nlp.add_pipe(pipe, config=SMALL.get(pipe, {}))
    examples = [
        Example.from_dict(
            nlp.make_doc(f"{text} in Berlin"),
            {
                "cats": {label: float(label == kind) for label in CATEGORISED},
                "entities": [(len(text) + 4, len(text) + 10, "CITY")],
            },
        )
        for kind, texts in CATEGORISED.items()
        for text in texts
    ]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(15):
        nlp.update(examples, sgd=optimizer)
    return nlp


def rules():
    import spacy

    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "CITY", "pattern": "Berlin"}])
    return nlp


def fitted(make, *, arrays=False, texts=TEXTS):
    def fit():
        data = np.array(texts) if arrays else pd.DataFrame({"text": texts})
        return make(), data

    return fit


def texts_of(data):
    return (data.to_numpy() if isinstance(data, pd.DataFrame) else np.asarray(data)).ravel()


def answers(native, data, name, answer):
    # Outside a zone a pipeline keeps the words it sees, and saving writes them.
    with native.memory_zone():
        return pd.DataFrame({name: [answer(native(str(text))) for text in texts_of(data)]})


def categories(native, data):
    return answers(native, data, "predictions", lambda document: dict(document.cats))


def entities(native, data):
    def found(document):
        return [
            {"text": e.text, "label": e.label_, "start": e.start_char, "end": e.end_char}
            for e in document.ents
        ]

    return answers(native, data, "entities", found)


def textcat():
    return trained(["textcat"])


CASE = Case(
    flavor="spacy",
    packages=("spacy",),
    also_imports=("torch",),  # thinc looks whether it is there
    models=(
        Model("categories", fitted(textcat), categories, is_data=False),
        Model("array", fitted(textcat, arrays=True), categories, is_data=False),
        Model(
            "many categories",
            fitted(lambda: trained(["ner", "textcat_multilabel"], lang="de")),
            categories,
            is_data=False,
        ),
        Model("entities", fitted(lambda: trained(["ner"])), entities, is_data=False),
        Model(
            "rules",
            fitted(rules, texts=TEXTS[1::2] * 2),
            entities,
            is_data=False,
        ),
    ),
)
