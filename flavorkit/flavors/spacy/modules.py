"""Where the parts of a spaCy pipeline come from."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from flavorkit.environment.infer import distribution_of

# What spaCy itself requires, and so brings along.
_BROUGHT = frozenset({"spacy", "spacy_legacy", "spacy_loggers", "thinc"})
# What the tokenizers and lemmatizers of some languages import by themselves, if set to.
_OF_LANGUAGES = {
    "ja": ("sudachipy", "sudachidict_core"),
    "ko": ("natto",),
    "ru": ("pymorphy3", "pymorphy3_dicts_ru"),
    "th": ("pythainlp",),
    "uk": ("pymorphy3", "pymorphy3_dicts_uk"),
    "vi": ("pyvi",),
    "zh": ("jieba", "spacy_pkuseg"),
}


def modules_of(native: Any) -> frozenset[str]:
    """The modules that the pipeline's parts come from, without those that spaCy brings."""
    found = {type(native).__module__, *(home_of(pipe) for _, pipe in native.components)}
    for section in ("nlp", "components"):
        found |= set(_registered(native.config[section]))
    for module in _OF_LANGUAGES.get(native.lang, ()):
        if module in sys.modules:
            found.add(module)
    return frozenset(name for name in found if name.partition(".")[0] not in _BROUGHT)


def home_of(component: Any) -> str:
    """The module of a component's class, or of the function that it is."""
    return str(getattr(component, "__module__", None) or type(component).__module__)


def _registered(config: Any) -> Iterator[str]:
    """The modules of the functions that a configuration names: ``{"@architectures": "..."}``."""
    from spacy import registry

    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _registered(value)
        elif key.startswith("@"):
            yield str(registry.find(key[1:], value)["module"])


def warn_of_hidden(modules: frozenset[str]) -> None:
    """Say what spaCy will find only where somebody has imported it before."""
    hidden = []
    for module in sorted(modules):
        root = module.partition(".")[0]
        home = None if root == "__main__" else distribution_of(root)
        points = metadata.distribution(home).entry_points if home else ()
        of_language = any(root in named for named in _OF_LANGUAGES.values())
        if not of_language and not any(point.group.startswith("spacy_") for point in points):
            hidden.append(module)
    if hidden:
        warnings.warn(
            f"the pipeline uses components or functions of {', '.join(hidden)}, which have to be"
            " imported before it is loaded; spaCy finds them by itself in an installed package with"
            " the entry points spacy_factories, spacy_misc or others of spaCy's",
            stacklevel=5,
        )
