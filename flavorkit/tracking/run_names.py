"""Names for runs that were given none: two words and a number, easy to say and to find again."""

from __future__ import annotations

import random

_ADJECTIVES = (
    *(
        "able",
        "amber",
        "apt",
        "bold",
        "brave",
        "brisk",
        "calm",
        "clever",
        "crisp",
        "daring",
        "deft",
    ),
    *("eager", "early", "fair", "fleet", "fond", "gentle", "glad", "golden", "grand", "hardy"),
    *("humble", "keen", "kind", "lively", "loyal", "lucky", "mellow", "merry", "mild", "neat"),
    *("nimble", "noble", "patient", "polite", "proud", "quick", "quiet", "rapid", "rare", "ready"),
    *("round", "sage", "sharp", "silent", "smart", "snug", "sound", "spry", "steady", "sunny"),
    *("swift", "tidy", "true", "upbeat", "vivid", "warm", "wise", "witty", "young", "zesty"),
)
_NOUNS = (
    *("alder", "ant", "ash", "bass", "bear", "bee", "birch", "boar", "carp", "cat", "cedar"),
    *("crane", "crow", "deer", "dove", "duck", "eel", "elk", "elm", "fern", "finch", "fir"),
    *("fox", "frog", "goat", "goose", "gull", "hare", "hawk", "hazel", "heron", "ibis", "jay"),
    *("kite", "lark", "larch", "lynx", "maple", "mole", "moose", "moss", "moth", "newt", "oak"),
    *("otter", "owl", "perch", "pike", "pine", "quail", "raven", "rook", "rose", "seal", "shrew"),
    *("skunk", "snail", "stork", "swan", "tern", "toad", "trout", "vole", "whale", "wren", "yew"),
)
# A generator of its own: a training that seeds the usual one would give every run the same name.
_random = random.SystemRandom()


def made_up() -> str:
    """A name like ``brisk-otter-417``."""
    return f"{_random.choice(_ADJECTIVES)}-{_random.choice(_NOUNS)}-{_random.randrange(100, 1000)}"
