"""The URIs of experiments, runs and logged models, each below the other."""

from __future__ import annotations

from urllib.parse import urlsplit


def below(place: str, *steps: str) -> str:
    """A place of artifacts below another one; what stands behind ``?`` stays behind."""
    if not urlsplit(place).scheme:
        return "/".join((place.rstrip("/"), *steps))
    head, mark, query = place.partition("?")
    return "/".join((head.rstrip("/"), *steps)) + mark + query
